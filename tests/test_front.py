"""The first page: its scenes by key, pointer and touch, its numbers, its weight."""

import copy
import re
import struct
from html.parser import HTMLParser
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from test_handout import CONTRAST, PICTURES, browser  # noqa: F401

from handout import build, front
from handout.lesson import ROOT
from helpers import convolve, load_image, max_pool, relative_change, translate

SCENES = ["twins", "step", "square", "mirror", "pool", "rocket", "comb", "network"]


@pytest.fixture(scope="module")
def lessons():
    read = build.lessons_in(ROOT / "notebooks")
    return [build.copies.without_solutions(lesson) for lesson in read]


@pytest.fixture(scope="module")
def site(lessons, tmp_path_factory):
    """The first page and the explorers' own, without the pages that they link to."""
    folder = tmp_path_factory.mktemp("site")
    front.make(lessons, folder, "student.zip")
    return folder


# What the page says


class Words(HTMLParser):
    """The words of the essay: from its first scene to what was found."""

    def __init__(self, page):
        super().__init__()
        self.words, self.inside, self.hidden = [], False, 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        place = dict(attributes).get("id")
        self.inside = (self.inside or place == "main") and place != "lessons"
        self.hidden += tag in ("script", "style", "noscript", "svg")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style", "noscript", "svg")

    def handle_data(self, data):
        if self.inside and not self.hidden:
            self.words += re.findall(r"\S*\w\S*", data)


def test_length(site):
    """Ten minutes: some 900 words to read, and eight figures to move."""
    words = Words(site.joinpath("index.html").read_text("utf-8")).words
    assert 800 <= len(words) <= 1100


def typed(template):
    """The measured numbers that a template holds itself."""
    text = re.sub(r"(?s){#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>", " ", template)
    return re.findall(r"(?<!BY )\d+\.\d+|\d+\s?%|\d+,\d{3}|\d+ of \d+", text)


@pytest.mark.parametrize("name", ["front.html", "scenes.html"])
def test_no_number_is_typed(name):
    text = front.HERE.joinpath(name).read_text("utf-8")
    assert typed(text) == []
    for planted in ["1.41", "48%", "7,976", "36 of 100"]:
        assert typed(f"{text}<p>{planted}</p>") == [planted]


def changed(lessons, cell, old, new):
    """The lessons, after a run of one cell that printed something else."""
    lessons = copy.deepcopy(lessons)
    for output in front.cell_of(lessons, cell).outputs:
        output["text"] = output.get("text", "").replace(old, new)
    return lessons


def test_the_page_says_what_the_cells_print(lessons, tmp_path):
    front.make(
        changed(lessons, "02_equivariance/strong-edges", "7,976", "7,975"), tmp_path, ""
    )
    page = tmp_path.joinpath("index.html").read_text("utf-8")
    assert "7,975" in page and "7,976" not in page


def test_a_scene_without_its_cell_is_left_out(lessons, tmp_path, capsys):
    front.make(
        changed(lessons, "01_translation/distances", "occur", "are"), tmp_path, ""
    )
    page = tmp_path.joinpath("index.html").read_text("utf-8")
    assert 'id="step"' not in page and 'id="square"' in page
    said = capsys.readouterr().err
    assert "without step: 01_translation/distances prints nothing like" in said


def test_a_series_of_ones_own(lessons, tmp_path, capsys):
    """Without our notebooks, the page names those that there are."""
    own = copy.deepcopy(lessons[0])
    own.name, own.title = "8 mine", "8 · Mine & yours"
    for cell in own.node.cells:
        cell.outputs = []
    front.make([own], tmp_path, "student.zip")
    page = tmp_path.joinpath("index.html").read_text("utf-8")
    assert 'href="notebooks/8%20mine.html">8 · Mine &amp; yours</a>' in page
    assert 'class="rail"' not in page and "<h2 id=" not in page


def test_head(site):
    page = site.joinpath("index.html").read_text("utf-8")
    head = page.partition("</head>")[0]
    named = dict(
        re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', head)
    )
    address = front.SITE.search(ROOT.joinpath("README.md").read_text("utf-8"))[1]
    assert named["og:image"] == f"{address}preview.png" and address.endswith("/")
    assert 50 <= len(named["description"]) <= 160
    assert re.search(r"<title>When the input moves: .{10,60}</title>", head)
    assert '<link rel="icon"' in head
    png = site.joinpath("preview.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (1200, 630)
    assert len(png) < 300_000


# The one script


def test_bundle(tmp_path):
    tmp_path.joinpath("a.js").write_text(
        'import { b as c, d } from "./b.js";\nlet n = 0;\nmount(c, d, n);\n', "utf-8"
    )
    tmp_path.joinpath("b.js").write_text(
        "export const b = 1;\nexport async function d() {}\nfunction hidden() {}\n",
        "utf-8",
    )
    script = front.bundle(tmp_path)
    assert 'const { b: c, d } = explorers.load("b");' in script
    assert "return { b, d };" in script
    assert "import" not in script and "export" not in script


# In a browser


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desktop", "phone"])
def page(request, browser, site):  # noqa: F811
    """The first page as a file, without a network; what goes wrong is listed."""
    width, theme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 500 else 844},
        has_touch=width < 500,
        color_scheme=theme,
        reduced_motion="reduce",
    )
    page, faults = context.new_page(), []
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: _asked(r.url, faults))
    page.goto(site.joinpath("index.html").as_uri())
    yield page
    context.close()
    assert faults == []


def _asked(address, faults):
    if urlsplit(address).scheme not in ("file", "data", "blob"):
        faults.append(f"request to {address}")


def scene(page, name):
    """The part of the page that holds a scene, its figure alive if it has one."""
    part = page.locator(f".scene:has(h2#{name})" if name != "twins" else "#twins")
    part.scroll_into_view_if_needed()
    part.locator("h2, h1").first.scroll_into_view_if_needed()
    if part.locator("[data-explorer]").count():
        said(part)
    return part


SAID = """async e => {
    while (!e.explorer?.said) await new Promise(requestAnimationFrame);
    return e.explorer.said();
}"""


def said(part):
    """What a scene's figure shows, once it is alive."""
    return part.locator("[data-explorer]").evaluate(SAID)


def alive(site):
    """The scenes whose figure moves."""
    found = site.joinpath("index.html").read_text("utf-8")
    parts = re.split(r'<section class="scene', found)[1:]
    names = [re.search(r'id="(\w+)"', part)[1] for part in parts]
    return [n for n, part in zip(names, parts, strict=True) if "data-explorer=" in part]


def test_each_scene_is_there(site, page):
    found = alive(site)
    assert [name for name in SCENES if name not in [*found, "twins"]] == []


@pytest.mark.parametrize("name", SCENES)
def test_scene(site, page, name):
    """Moved by a key, which shows what is found; then by a pointer or a finger."""
    if name not in alive(site):
        pytest.skip("a still figure")
    part = scene(page, name)
    finding, before = part.locator(".value").first, said(part)
    assert not finding.is_visible()
    canvas = part.locator("[tabindex='0'][role=slider]").first
    canvas.press("ArrowRight")
    assert said(part) != before
    finding.wait_for()
    canvas.scroll_into_view_if_needed()
    before, box = said(part), canvas.bounding_box()
    y = box["y"] + box["height"] / 2
    xs = [box["x"] + box["width"] * share for share in np.linspace(0.3, 0.7, 9)]
    if page.viewport_size["width"] < 500:
        touch = page.context.new_cdp_session(page)
        kinds = ["touchStart", *["touchMove"] * 8]
        for kind, x in zip(kinds, xs, strict=True):
            event = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            touch.send("Input.dispatchTouchEvent", event)
        event = {"type": "touchEnd", "touchPoints": []}
        touch.send("Input.dispatchTouchEvent", event)
    else:
        page.mouse.move(xs[0], y)
        page.mouse.down()
        for x in xs:
            page.mouse.move(x, y)
        page.mouse.up()
    assert said(part) != before


@pytest.mark.parametrize("address", ["index", "explore/twins"])
def test_no_word_is_transparent(site, page, address):
    """What has the colour of nothing is no fault to axe, and nothing to the eye."""
    page.goto(site.joinpath(f"{address}.html").as_uri())
    page.locator("[data-explorer=twins] .pad button").first.wait_for()
    unseen = "e => e.textContent && getComputedStyle(e).color.endsWith(', 0)')"
    texts = page.locator("button, p, li, figcaption, label, b, a")
    found = texts.evaluate_all(f"all => all.filter({unseen}).map(e => e.outerHTML)")
    assert found == []


@pytest.mark.parametrize("name", ["square", "pool"])
def test_a_page_of_its_own_opens_as_its_scene(page, name):
    part = scene(page, name)
    shown = said(part)
    part.locator(".alone a").click()
    assert said(page.locator("main")) == shown


def test_guesses_are_kept_and_told(page):
    """After a reload, too; what was skipped leaves no row."""
    wrong = scene(page, "step").get_by_text("ten steps", exact=True)
    wrong.click()
    scene(page, "mirror").get_by_text("none", exact=True).click()
    told = page.locator(".told:not([hidden])")
    for reloads in [0, 5]:
        # A busy browser may write what it keeps a moment after the page is asked for.
        for _ in range(reloads):
            page.reload()
            if told.count():
                break
        expect(told).to_have_text(
            [
                "You said: ten steps. Right: both the same.",
                "You said: none. That is right.",
            ]
        )
        rows = page.locator(".kept tbody tr")
        cells = [row.locator("td").all_text_contents() for row in rows.all()]
        assert [row[1] for row in cells] == ["ten steps✗", "none✓"]
        assert [row[2] for row in cells] == ["both are 1.41 away", "0 of 7,976"]
    page.locator(".forget").click()
    expect(told).to_have_count(0)
    expect(page.locator(".kept")).to_be_hidden()


def test_right_answers(page):
    """Each guess has one right answer, and the page says so."""
    guesses = page.locator(".guess")
    for guess in guesses.all():
        right = guess.get_attribute("data-right")
        guess.get_by_role("button", name=right, exact=True).click()
    told = page.locator(".told:not([hidden])").all_text_contents()
    assert len(told) == guesses.count() >= 6
    assert all(text.endswith("That is right.") for text in told)
    assert page.locator(".kept .mark").all_text_contents() == ["✓"] * len(told)


def test_the_finding_follows_the_mode(page):
    """Under a stride of 2, it does not go on saying that nothing differs."""
    part = scene(page, "square")
    part.get_by_text("in none", exact=True).click()
    assert "equivariance" in part.locator(".said").inner_text()
    part.get_by_role("button", name="Set it, and move by one pixel").click()
    part.locator("p.value[data-if]").wait_for()
    words = part.locator(".said").inner_text()
    assert "equivariance" not in words and "after an odd move" in words
    values = part.locator(".value:visible").all_text_contents()
    assert len(values) == 1 and float(values[0]) > 0.5
    assert said(part)["places"] > 0
    part.get_by_role("button", name="Mend it").click()
    part.locator("p.value[data-else]").wait_for()
    assert said(part)["places"] == 0


def measured_curve():
    """How far the last map of the rocket is from the first, after 0 to 192 pixels."""
    padded = np.pad(load_image("image.jpg")[:384], 1, mode="wrap")
    edges = convolve(padded, [[-1, 0, 1]] * 3, visualize=False)
    maps = []
    for right in range(0, 193, 32):
        image = translate(edges, right=right, wrap=True)
        for _ in range(6):
            image = max_pool(image)
        maps.append(image)
    return [relative_change(maps[0], each) for each in maps]


def test_a_drawn_curve(page):
    """Drawn by keys and by a stroke; then told how far it is from Python's."""
    part = scene(page, "rocket")
    sliders = part.locator(".plot input")
    assert sliders.count() == 6 and not part.locator(".value").is_visible()
    sliders.first.press("ArrowUp")
    assert sliders.first.input_value() == "0.01"
    plot = part.locator(".plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 40)
    page.mouse.down()
    for share in np.linspace(0.02, 0.99, 60):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 100)
    page.mouse.up()
    drawn = [float(slider.input_value()) for slider in sliders.all()]
    assert len({*drawn}) == 1 and 0.6 < drawn[0] < 1.1
    part.get_by_role("button", name="Show what was measured").click()
    expected = measured_curve()[1:]
    off = np.mean(np.abs(np.array(drawn) - np.round(expected, 2)))
    part.locator(".told:not([hidden])").wait_for()
    assert f"off by {off:.2f} on average" in part.locator(".told").inner_text()
    for _ in range(5):  # a busy browser may write what it keeps a moment later
        page.reload()
        part = scene(page, "rocket")
        if part.locator(".plot.done").count():
            break
    part.locator(".told:not([hidden])").wait_for()
    kept = [float(s.input_value()) for s in part.locator(".plot input").all()]
    assert kept == drawn


def test_two_words(page):
    slider = page.locator(".input input")
    slider.scroll_into_view_if_needed()
    slider.press("ArrowRight")
    assert (
        page.locator(".pair").evaluate("e => e.style.getPropertyValue('--at')") == "3"
    )


def test_the_list_of_scenes_can_be_clicked(page):
    """Wherever the page stands: no scene lies over it."""
    rail = page.locator(".rail a")
    if page.viewport_size["width"] < 1240:
        assert not rail.first.is_visible()
        return
    for name in ["rocket", "step", "found"]:
        page.locator(f".rail a[href='#{name}']").click(timeout=5000)
        top = page.locator(f"#{name}").evaluate("e => e.getBoundingClientRect().top")
        assert -5 <= top < 300, name


@pytest.fixture(params=["light", "dark"])
def still_page(request, browser, site):  # noqa: F811
    """The first page where no script runs."""
    context = browser.new_context(
        java_script_enabled=False,
        viewport={"width": 390, "height": 844},
        color_scheme=request.param,
    )
    page = context.new_page()
    page.goto(site.joinpath("index.html").as_uri())
    yield page
    context.close()


def test_without_scripts(still_page):
    """It reads as an essay: each scene with its still, its number and no button."""
    for name in SCENES:
        part = still_page.locator(
            f".scene:has(#{name})" if name != "twins" else "#twins"
        )
        assert part.locator("img").first.is_visible(), name
        assert part.locator("img").first.get_attribute("alt").endswith("."), name
        assert part.locator(".value").first.is_visible()
    assert [b for b in still_page.locator("button").all() if b.is_visible()] == []


def test_on_paper(site, page):
    """Each figure that moves is its still; what only a screen can do is not there."""
    scene(page, "step")  # one of them has come alive
    page.emulate_media(media="print")
    shown = "all => all.filter(e => getComputedStyle(e).display !== 'none').length"
    assert page.locator(".still").evaluate_all(shown) == len(alive(site))
    assert page.locator("[data-explorer]:visible, button:visible").count() == 0


TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def test_whole_page(page):
    """Every figure alive, then: nothing too wide, nothing that axe finds, no motion."""
    for name in SCENES:
        scene(page, name)
    assert not page.evaluate(TOO_WIDE)
    assert page.evaluate(PICTURES) == []
    assert page.evaluate("document.getAnimations().length") == 0
    for _ in range(2):  # in both themes
        report = Axe(Axe().axe_script + CONTRAST).run(page)
        found = [
            (v["id"], [n["html"][:200] for n in v["nodes"]])
            for v in report.response["violations"]
        ]
        assert found == []
        page.locator(".theme").click()


def test_the_theme_is_kept(page):
    before = page.evaluate("document.documentElement.dataset.theme")
    page.locator(".theme").click()
    page.reload()
    after = page.evaluate("document.documentElement.dataset.theme")
    assert {before, after} == {"light", "dark"}
    assert page.evaluate("localStorage.mode") == after


PHOTO = re.compile(rb"data:image/\w+;base64,[\w+/=]+")


def test_bytes(site, page):
    """All that the page loads, but for photos, is less than 600 kB."""
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.reload()
    for name in SCENES:
        scene(page, name)
    paths = {urlsplit(address).path for address in asked if address.startswith("file:")}
    texts = [site / path.partition(f"{site}/")[2] for path in paths]
    texts = [path for path in texts if path.suffix in (".html", ".js", ".css", ".svg")]
    size = sum(
        len(PHOTO.sub(b"", path.read_bytes())) for path in texts if path.exists()
    )
    assert 50_000 < size < 600_000


# A page for each explorer


def explorers_of(site):
    return sorted(path.stem for path in site.glob("explore/*.html"))


def test_a_page_for_each_explorer(site, lessons):
    assert explorers_of(site) == sorted(front.explorers(lessons))


def test_explorers_alone(site, browser):  # noqa: F811
    """Alive from a file; a frame around it is told its height."""
    context = browser.new_context(viewport={"width": 700, "height": 900})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name in explorers_of(site):
        outer = site / "outer.html"
        outer.write_text(
            "<script>addEventListener('message', e => window.told = e.data)</script>"
            f"<iframe src='explore/{name}.html' width='600'></iframe>",
            "utf-8",
        )
        page.goto(outer.as_uri())
        page.wait_for_function("window.told?.height > 200")
        assert page.evaluate("told.explorer") == name
    context.close()
    assert faults == []


def test_a_link_to_a_state(site, browser):  # noqa: F811
    context = browser.new_context(viewport={"width": 700, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    path = site / "explore" / "square.html"
    page.goto(f"{path.as_uri()}#right=8&stride=2&border=circular&down=a")
    state = said(page.locator("main"))
    assert (state["right"], int(state["stride"]), state["border"]) == (8, 2, "circular")
    assert state["down"] == 3  # as it starts
    assert "Left out of the address: down" in page.locator(".copy + *").inner_text()
    page.locator("[tabindex='0'][role=slider]").first.press("ArrowRight")
    page.wait_for_function("location.hash.includes('right=9')")
    page.locator(".copy").click()
    page.get_by_text("Copied.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.evaluate("location.href")
    assert "down" not in link and "photo" not in link  # as at the start
    page.goto("about:blank")
    page.goto(link)
    assert said(page.locator("main")) == state | said(page.locator("main")) | {
        "right": 9
    }
    page.evaluate("location.hash = 'right=-2'")
    page.wait_for_function(
        "document.querySelector('[data-explorer]').explorer.get().right == -2"
    )
    context.close()
