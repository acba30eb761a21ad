"""What the explorers share: true pixels, hands, what runs where, what a page can do."""

import base64
import contextlib
import html
import json
import re
import struct
import zlib

import nbconvert
import nbformat
import numpy as np
import pytest
from test_explore import STATES, displayed, explorer, state  # noqa: F401
from test_handout import browser  # noqa: F401

from shifts import figures

MOVES = ["Home", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"]
random = np.random.default_rng(0)


@contextlib.contextmanager
def opened(browser, path, page, script="", **context):  # noqa: F811
    """Open a page, with a script that runs before its own."""
    path.write_text(f"<!doctype html><meta charset=utf-8>{page}", "utf-8")
    with contextlib.closing(browser.new_context(**context)) as made:
        tab, faults = made.new_page(), []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        if script:
            tab.add_init_script(script)
        tab.goto(path.as_uri())
        yield tab
        assert faults == []


@pytest.fixture
def shown(monkeypatch):
    return lambda name: displayed(monkeypatch, name, **STATES[name])["text/html"]


@pytest.fixture
def phone(browser, shown, tmp_path):  # noqa: F811
    """Open an explorer on a slow phone, on a page that can be scrolled."""
    kind = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with contextlib.ExitStack() as stack:

        def open_explorer(name):
            high = "<div style='height: 900px'></div>"
            scale = "<meta name=viewport content='width=device-width'>"
            page = f"{scale}{shown(name)}{high}"
            tab = stack.enter_context(
                opened(browser, tmp_path / "phone.html", page, **kind, is_mobile=True)
            )
            tab.locator("[data-state]").wait_for()
            slow = tab.context.new_cdp_session(tab)
            slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            return tab.locator(".explorer")

        yield open_explorer


# Pixels


NOISE = """
const read = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...place) {
    const picture = read.apply(this, place);
    for (let at = 0; at < picture.data.length; at++)
        picture.data[at] = 255 * Math.random();
    return picture;
};"""


@pytest.mark.parametrize("name", STATES)
def test_no_pixel_is_read_back(browser, shown, tmp_path, name):  # noqa: F811
    """A guard against fingerprints, which gives noise for pixels, changes no state."""
    told = []
    for script in ["", NOISE]:
        with opened(browser, tmp_path / "page.html", shown(name), script) as page:
            page.locator("[data-state]").wait_for()
            canvas = page.locator("canvas[tabindex]")
            states = [
                canvas.press(key) or state(page.locator(".explorer"))
                for key in MOVES * 4
            ]
            told.append(states)
    assert told[0] == told[1]


def png(image, filters, kind=0):
    """Write a PNG whose rows use one filter each (ISO/IEC 15948, 9)."""
    padded = np.pad(image.astype(int), ((1, 0), (1, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    guess = left + above - corner
    choices = np.stack([left, above, corner])
    nearest = np.argmin(np.abs(choices - guess), axis=0)  # the first of equals
    paeth = np.take_along_axis(choices, nearest[None], 0)[0]
    predictions = [0 * left, left, above, (left + above) // 2, paeth]
    rows = [
        bytes([f, *((image[row] - predictions[f][row]) % 256)])
        for row, f in enumerate(filters)
    ]
    header = struct.pack(">IIBBBBB", *image.shape[::-1], 8, kind, 0, 0, 0)
    data = zlib.compress(b"".join(rows))
    chunks = [
        (b"IHDR", header),
        (b"IDAT", data[:9]),
        (b"IDAT", data[9:]),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def data_url(kind, content):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


DECODE = """async ([module, bytes]) => {
    const { decodePng } = await import(module);
    return decodePng(Uint8Array.from(bytes)).then(
        ({ height, width, data }) => [height, width, ...data], error => error.message);
}"""


def test_decoder(browser):  # noqa: F811
    module = data_url("text/javascript", (figures.EXPLORERS / "images.js").read_bytes())
    image = random.integers(0, 256, (10, 7))
    with contextlib.closing(browser.new_page()) as page:
        for filters in [range(5), *random.integers(0, 5, (9, 10)).tolist()]:
            filters = [*filters, *filters][:10]
            content = png(image, filters)
            assert page.evaluate(DECODE, [module, [*content]]) == [10, 7, *image.flat]
        for content, message in [
            (png(image, [0] * 10, kind=2), "got 8,2,0,0,0"),
            (png(image, [0] * 9), "cut short"),
        ]:
            assert message in page.evaluate(DECODE, [module, [*content]])


# Hands


def touch(root, points, kind="touchMove"):
    """Send a touch of one or more fingers, by the browser's own protocol."""
    if not hasattr(root.page, "protocol"):
        root.page.protocol = root.page.context.new_cdp_session(root.page)
    places = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
    root.page.protocol.send(
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": places}
    )


def swipe(root, start, way, steps=8):
    touch(root, [start], "touchStart")
    for n in range(1, steps + 1):
        at = [s + w * n / steps for s, w in zip(start, way, strict=True)]
        touch(root, [at])
        root.page.wait_for_timeout(20)
    root.page.wait_for_timeout(150)  # at rest: it is no fling
    touch(root, [], "touchEnd")
    root.page.wait_for_timeout(100)


def middle_of(root):
    box = root.locator("canvas[tabindex]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def kept(root):
    return root.evaluate("root => root.explorer.get()")


@pytest.mark.parametrize("name", STATES)
def test_a_swipe_that_scrolls_moves_nothing(phone, name):
    root = phone(name)
    start = kept(root)
    x, y = middle_of(root)
    x -= 60 if name == "network" else 0  # where there is no ink
    swipe(root, (x, y), (0, -120))
    assert root.page.evaluate("scrollY") > 40
    assert kept(root) == start
    root.page.evaluate("scrollTo(0, 0)")
    swipe(root, (x, y), (100, 0))
    assert kept(root) != start
    assert root.page.evaluate("scrollY") == 0


@pytest.mark.parametrize("name", ["step", "pool", "network"])
def test_a_finger_on_the_thing_moves_it_down(phone, name):
    root = phone(name)
    start = kept(root)
    box = root.locator("canvas[tabindex]").bounding_box()
    cell = (box["width"] - 19) / 10
    thing = box["x"] + 16 + 2.5 * cell, box["y"] + 16 + 2.5 * cell
    swipe(root, thing, (0, 3.4 * cell))
    assert root.page.evaluate("scrollY") == 0
    now = kept(root)
    if name == "network":
        assert now["down"] > start["down"]
    else:
        key = {"step": "pixel", "pool": "pixels"}[name]
        places = np.array(now[key]).reshape(-1, 2)[0]
        assert places.tolist() == [5, 2]


@pytest.mark.parametrize("name", ["drift", "square", "rocket"])
def test_two_fingers_zoom(phone, name):
    root = phone(name)
    start, (x, y) = kept(root), middle_of(root)
    touch(root, [(x - 20, y)], "touchStart")
    touch(root, [(x - 20, y), (x + 20, y)], "touchStart")
    for far in range(20, 90, 6):
        touch(root, [(x - far, y), (x + far, y)])
        root.page.wait_for_timeout(20)
    touch(root, [], "touchEnd")
    assert kept(root) == start
    assert root.page.evaluate("visualViewport.scale") > 1.2


@pytest.mark.parametrize("name", STATES)
def test_only_the_main_button_moves(explorer, name):  # noqa: F811
    root = explorer(name)
    start, mouse = kept(root), root.page.mouse
    x, y = middle_of(root)
    for button in ["right", "middle"]:
        mouse.move(x, y)
        mouse.down(button=button)
        mouse.move(x + 80, y, steps=4)
        mouse.up(button=button)
        assert kept(root) == start
    # A press whose release got lost does not leave it following the mouse.
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 80, y, steps=4)
    moved = kept(root)
    assert moved != start
    root.locator("canvas[tabindex]").dispatch_event(
        "pointermove",
        {"clientX": x - 80, "clientY": y, "buttons": 0, "isPrimary": True},
    )
    assert kept(root) == moved
    mouse.move(x - 80, y)
    assert kept(root) == moved


@pytest.mark.parametrize("name", STATES)
def test_pad(phone, name):
    """Buttons of 44 pixels move by one, and nothing to press is under 24."""
    root = phone(name)
    pad = root.locator(".pad button")
    assert pad.count() == (2 if name in ("rocket", "window", "half", "twins") else 4)
    for way in pad.all():
        box = way.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    start = kept(root)
    there = kept_after(root, pad.last)  # right
    assert there != start
    canvas = root.locator("canvas[tabindex]")
    canvas.press("Home")
    assert kept(root) == start
    canvas.press("ArrowRight")
    assert kept(root) == there
    assert kept_after(root, pad.first) == start
    for thing in root.locator("button, input, select").all():
        box = thing.bounding_box()
        assert min(box["width"], box["height"]) >= 24, thing


def kept_after(root, button):
    button.tap()
    return kept(root)


def test_a_tap_on_a_cell(phone):
    """Of either grid: the pixel goes there."""
    root = phone("step")
    for canvas, cell in zip(
        root.locator("canvas").all(), [(1, 8), (7, 3)], strict=True
    ):
        size = (canvas.bounding_box()["width"] - 19) / 10
        row, column = (16 + (at + 0.5) * size for at in cell)
        canvas.tap(position={"x": column, "y": row})
        assert state(root)["pixel"] == [*cell]


@pytest.mark.parametrize("name", STATES)
def test_state_and_controls_share_one_range(explorer, name):  # noqa: F811
    root = explorer(name)
    x, y = middle_of(root)
    mouse = root.page.mouse
    for way in [-2000, 2000]:
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + way, y + way, steps=3)
        mouse.up()
        canvas, now = root.locator("canvas[tabindex]"), kept(root)
        state(root)  # drawn
        least, at, most = (
            float(canvas.get_attribute(f"aria-value{which}"))
            for which in ("min", "now", "max")
        )
        assert least <= at <= most
        for slider in root.locator("input[type=range]").all():
            low, high = (int(slider.get_attribute(end)) for end in ("min", "max"))
            words = re.findall(r"\w+", slider.locator("..").inner_text())
            label = next(word for word in words if word in now)
            assert int(slider.input_value()) == now[label]
            assert low <= now[label] <= high
            if label == "right":
                assert (least, most) == (low, high)


HEAR = """root => {
    window.heard = [];
    new MutationObserver(() => heard.push(root.querySelector('.spoken').textContent))
        .observe(root.querySelector('.spoken'), {childList: true});
}"""


SIX_KEYS = """canvas => {
    const key = {key: 'ArrowRight', bubbles: true};
    for (let n = 0; n < 6; n++) canvas.dispatchEvent(new KeyboardEvent('keydown', key));
}"""


@pytest.mark.parametrize("name", STATES)
def test_spoken_once(explorer, name):  # noqa: F811
    """Half a second after the last move, and not when it opens."""
    root = explorer(name)
    root.page.wait_for_timeout(700)
    assert root.locator(".spoken").text_content() == ""
    root.evaluate(HEAR)
    # At once: on a busy machine, key by key, there would be pauses between them.
    root.locator("canvas[tabindex]").evaluate(SIX_KEYS)
    reading = root.locator(".reading").text_content
    root.page.wait_for_function(
        "root => root.querySelector('.spoken').textContent", arg=root.element_handle()
    )
    root.page.wait_for_timeout(700)  # another one would follow
    heard = [text for text in root.page.evaluate("heard") if text]
    assert heard == [reading()]


NAMES = {"step": "the yellow pixel", "drift": "the photo", "square": "the photo"}
NAMES |= {"mirror": "the blue edges", "pool": "the image", "rocket": "the photo"}
NAMES |= {"window": "the window", "network": "the digit"}
NAMES |= {"half": "the input", "twins": "the photo"}


@pytest.mark.parametrize("name", STATES)
def test_names(explorer, name):  # noqa: F811
    root = explorer(name)
    canvas = root.locator("canvas[tabindex]")
    before = canvas.get_attribute("aria-valuenow")
    canvas.press("ArrowRight")
    state(root)
    assert canvas.get_attribute("aria-label") == NAMES[name]
    assert canvas.get_attribute("aria-valuenow") != before
    question = root.locator(".question").inner_text()
    assert question.endswith("?") and root.get_attribute("aria-label") == question
    # It says that it can be dragged, until it has been moved.
    assert root.locator("[data-hint]").count() == 0


# Time and memory


@pytest.mark.parametrize("name", STATES)
def test_one_drawing_a_frame(explorer, name):  # noqa: F811
    count = """async root => {
        let drawn = 0;
        root.addEventListener('explorer', () => drawn++);
        const canvas = root.querySelector('canvas[tabindex]');
        for (let n = 0; n < 10; n++)
            canvas.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
        for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame);
        return drawn;
    }"""
    assert explorer(name).evaluate(count) == 1


AGAIN = """async html => {
    const place = document.createElement('div');
    document.body.replaceChildren(place);
    place.innerHTML = html;
    const old = place.querySelector('script');
    const script = document.createElement('script');
    script.textContent = old.textContent;
    old.replaceWith(script);
    while (!document.querySelector('[data-state]'))
        await new Promise(done => setTimeout(done, 5));
}"""


def listeners(page, protocol):
    page.wait_for_timeout(100)
    for _ in range(3):
        protocol.send("HeapProfiler.collectGarbage")
    metrics = protocol.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "JSEventListeners")


@pytest.mark.parametrize("name", STATES)
def test_a_cell_run_again_leaves_nothing(browser, shown, tmp_path, name):  # noqa: F811
    with opened(browser, tmp_path / "page.html", "<body>") as page:
        protocol = page.context.new_cdp_session(page)
        protocol.send("Performance.enable")
        page.evaluate(AGAIN, shown(name))
        once = listeners(page, protocol)
        for _ in range(20):
            page.evaluate(AGAIN, shown(name))
        assert 0 < listeners(page, protocol) <= once
        # The theme still reaches the one that is there.
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.locator(".explorer[data-dark]").wait_for()


# Where scripts do not run


STILL = '<img alt="still" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
WORDS = "<details><summary>The figure in words</summary><p>A still.</p></details>"
LINE = "This figure moves where scripts run: on the web page, or in JupyterLab once you"


def cell_with(root):
    parts = "".join(f"<div>{part}</div>" for part in (STILL, WORDS, root))
    return f'<div class="cell_output">{parts}</div>'


def test_refused_scripts_leave_the_still(browser, shown, tmp_path):  # noqa: F811
    page = cell_with(shown("drift"))
    rule = "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'\">"
    path = tmp_path / "page.html"
    for text, context in [(page, {"java_script_enabled": False}), (rule + page, {})]:
        with opened(browser, path, text, **context) as tab:
            assert tab.get_by_alt_text("still").is_visible()
            assert tab.get_by_text(LINE).is_visible()
    # A policy against pictures in addresses matters to the photo no more.
    rule = rule.replace("script-src", "img-src")
    with opened(browser, path, rule + page) as tab:
        tab.locator("[data-state]").wait_for()


def test_a_photo_that_cannot_be_read_leaves_the_still(browser, tmp_path):  # noqa: F811
    coloured = png(np.eye(3, dtype=int), [0] * 3, kind=2)
    for name, kind, photo in [
        ("drift", "image/png", coloured),
        ("drift", "image/png", b"none"),
        ("window", "image/jpeg", b"none"),
    ]:
        start = STATES[name] | {"photo": data_url(kind, photo)}
        page = cell_with(figures.explorer(name, start))
        with opened(browser, tmp_path / "page.html", page) as tab:
            tab.get_by_text("This figure cannot move in this browser: ").wait_for()
            assert tab.get_by_alt_text("still").is_visible()


def test_the_still_hides_with_its_words(browser, shown, tmp_path):  # noqa: F811
    path = tmp_path / "page.html"
    with opened(browser, path, cell_with(shown("step"))) as tab:
        tab.locator("[data-state]").wait_for()
        assert not tab.get_by_alt_text("still").is_visible()
        assert not tab.get_by_text("in words").is_visible()
    # An output that is a page of its own, in a frame, as in Colab; elsewhere other
    # pictures of the page stay.
    bare = f"<div>{STILL}</div><div>{WORDS}</div><div><div>{shown('step')}</div></div>"
    with opened(browser, path, bare) as tab:
        tab.locator("[data-state]").wait_for()
        assert tab.get_by_alt_text("still").is_visible()
    framed = f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(bare)}"></iframe>'
    with opened(browser, path, framed) as tab:
        inner = tab.frame_locator("iframe")
        inner.locator("[data-state]").wait_for()
        assert not inner.get_by_alt_text("still").is_visible()


def notebook_with(root):
    output = nbformat.v4.new_output("display_data", {"text/html": root})
    cell = nbformat.v4.new_code_cell("explore(…)", outputs=[output])
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize("name", STATES)
def test_sanitised_pages_print_no_program(shown, name):
    exporter = nbconvert.HTMLExporter(sanitize_html=True)
    page, _ = exporter.from_notebook_node(notebook_with(shown(name)))
    body = re.sub(r"(?s)<(style|script).*?</\1>", "", page.partition("<body")[2])
    text = html.unescape(re.sub("<[^>]*>", "", body))
    assert LINE in text
    assert "function" not in text and len(text) < 600, text


def test_nbconvert(browser, shown, tmp_path):  # noqa: F811
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook_with(shown("step")))
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    with contextlib.closing(browser.new_page()) as tab:
        tab.goto(path.as_uri(), wait_until="commit")
        tab.locator("[data-state]").wait_for()


# For the page around it


@pytest.mark.parametrize("name", STATES)
def test_a_state_can_be_carried_over(explorer, name):  # noqa: F811
    first = explorer(name)
    first.locator("canvas[tabindex]").press("Shift+ArrowRight")
    first.locator("canvas[tabindex]").press("ArrowRight")
    wanted, text = state(first), json.dumps(kept(first))
    again = explorer(name)
    assert json.dumps(kept(again)) != text
    again.evaluate("(root, text) => root.explorer.set(JSON.parse(text))", text)
    # Which places one has been to, and what was said there, is no part of a state.
    been = {"visited", "places", "tried", "before", "was"}
    assert {k: v for k, v in state(again).items() if k not in been} == {
        k: v for k, v in wanted.items() if k not in been
    }
    assert json.dumps(kept(again)) == text


SET = "(root, values) => { root.explorer.set(values); return root.explorer.said(); }"
WRONG = {
    "drift": [({"rihgt": 3}, "down, right, got rihgt"), ({"right": "a"}, "got a")],
    "square": [({"border": "x"}, "one of zeros, wrap, circular, got x")]
    + [({"filter": [[1]]}, r"3 rows of 3 numbers, got \[\[1\]\]")],
    "pool": [({"pixels": [3]}, r"list of \[row, column\], got \[3\]")],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_state_is_an_error(explorer, name):  # noqa: F811
    root = explorer(name)
    start = state(root)
    for values, message in WRONG[name]:
        with pytest.raises(Exception, match=message):
            root.evaluate(SET, values)
    assert state(root) == start


def test_a_half_typed_weight_is_marked(explorer):  # noqa: F811
    root = explorer("square")
    start = state(root)
    weight = root.get_by_label("weight in row 1, column 2")
    weight.fill("")
    assert weight.get_attribute("aria-invalid") == "true"
    assert state(root) == start
    weight.fill("4")
    assert weight.get_attribute("aria-invalid") is None
    assert state(root)["filter"][1] == [-1, 0, 4]
