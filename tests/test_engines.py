"""The explorers and the first page in Firefox and WebKit, by the tests of Chromium.

They need Firefox and marionette-driver; WebKitWebDriver, Xvfb and selenium. What is not
there is skipped.
"""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from test_explore import (  # noqa: F401  (what they ask of an explorer, asked again here)
    STATES,
    displayed,
    double,
    six,
    test_drift,
    test_half,
    test_half_says_what_to_try,
    test_mirror,
    test_network,
    test_network_breaks_ties_by_content,
    test_network_says_what_the_lesson_says,
    test_pool,
    test_rocket,
    test_square,
    test_step,
    test_twins,
    test_window,
)
from test_front import SAID, SCENES, lessons, site  # noqa: F401

pytestmark = pytest.mark.weekly

ASK = """const [selector, argument, done] = arguments;
Promise.resolve((%s)(document.querySelector(selector), argument)).then(
    (value) => done({ value }),
    (error) => done({ error: String(error) }),
);"""
LISTEN = """<script>var faults = [];
addEventListener("error", (event) => faults.push(event.message));
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
</script>"""
KEYS = dict(
    zip(["Left", "Up", "Right", "Down"], "\ue012\ue013\ue014\ue015", strict=True)
)
KEYS = {f"Arrow{name}": key for name, key in KEYS.items()} | {"Shift": "\ue008"}


def firefox(**preferences):
    marionette = pytest.importorskip("marionette_driver.marionette")
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if not path:
        pytest.skip("no Firefox on this machine")
    driver = marionette.Marionette(
        bin=path, headless=True, prefs=preferences, gecko_log=os.devnull
    )
    driver.start_session()
    driver.timeout.script = 120

    def go(address):
        driver.navigate("about:blank")  # does not wait between two with a fragment
        driver.navigate(address)

    def drag(element, right):
        pointer = driver.actions.sequence("pointer", "mouse")
        pointer.pointer_move(0, 0, origin=element).pointer_down()
        pointer.pointer_move(right, 0, origin=element).pointer_up().perform()

    def ask(script, *arguments):
        return driver.execute_async_script(script, arguments, sandbox=None)

    yield SimpleNamespace(go=go, find=driver.find_element, ask=ask, drag=drag)
    driver.quit()


def webkit():
    selenium = pytest.importorskip("selenium.webdriver")
    path = shutil.which("WebKitWebDriver")
    if not path or not shutil.which("Xvfb"):
        pytest.skip("no WebKitWebDriver, or no Xvfb, on this machine")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as screen:
        display = f":{screen.stdout.readline().strip()}"
        service = selenium.WebKitGTKService(
            path, env={**os.environ, "DISPLAY": display}
        )
        driver = selenium.WebKitGTK(service=service)
        driver.set_script_timeout(120)

        def drag(element, right):
            chain = selenium.ActionChains(driver)
            chain.click_and_hold(element).move_by_offset(right, 0).release().perform()

        yield SimpleNamespace(
            go=driver.get,
            find=driver.find_element,
            ask=driver.execute_async_script,
            drag=drag,
        )
        driver.quit()
        screen.terminate()


# The second is what Tor Browser sets: pixels that are read from a canvas are noise.
ENGINES = {
    "firefox": firefox,
    "guarded": lambda: firefox(**{"privacy.resistFingerprinting": True}),
    "webkit": webkit,
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    yield from ENGINES[request.param]()


class Shown:
    """An element of a page, asked in the words of Playwright."""

    def __init__(self, engine, selector):
        self.engine, self.selector = engine, selector

    def locator(self, selector):
        return Shown(self.engine, selector)

    def evaluate(self, script, argument=None):
        answer = self.engine.ask(ASK % script, self.selector, argument)
        assert "error" not in answer, answer
        return answer["value"]

    def press(self, keys):
        element = self.engine.find("css selector", self.selector)
        element.send_keys("".join(KEYS[key] for key in keys.split("+")))

    def inner_text(self):
        return self.evaluate("e => e.innerText")


@pytest.fixture
def explorer(engine, monkeypatch, tmp_path):
    """Open an explorer on a page of its own, in another browser."""

    def open_explorer(name, **changes):
        shown = displayed(monkeypatch, name, **STATES[name] | changes)["text/html"]
        path = tmp_path / "page.html"
        page = f"<!doctype html><meta charset=utf-8>{LISTEN}{shown}"
        path.write_text(page, "utf-8")
        engine.go(path.as_uri())
        Shown(engine, "[data-explorer]").evaluate(SAID)
        return Shown(engine, ".explorer")

    yield open_explorer
    assert Shown(engine, "body").evaluate("() => window.faults ?? []") == []


NOISE = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.fillStyle = "#123456";
    pen.fillRect(0, 0, 300, 150);
    return new Set(new Uint32Array(pen.getImageData(0, 0, 300, 150).data.buffer)).size;
}"""


def test_what_guards_its_pixels(request, engine, tmp_path):
    """Where a browser is to return noise, it does: else nothing was tried."""
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><p>", "utf-8")
    engine.go(path.as_uri())
    colours = Shown(engine, "body").evaluate(NOISE)
    assert (colours > 1) == ("guarded" in request.node.name)


@pytest.mark.parametrize("name", STATES)
def test_hand(explorer, engine, name):
    """A key moves, and so does a pointer."""
    shown = explorer(name)
    canvas = shown.locator("canvas[tabindex]")
    start = shown.evaluate("root => root.explorer.said()")
    canvas.press("ArrowRight")
    moved = shown.evaluate("root => root.explorer.said()")
    assert moved != start
    width = canvas.evaluate("canvas => canvas.clientWidth")
    element = engine.find("css selector", canvas.selector)
    engine.drag(element, round(width / 5))
    assert shown.evaluate("root => root.explorer.said()") not in (start, moved)


TELL = """async () => {
    for (const guess of document.querySelectorAll(".guess"))
        [...guess.querySelectorAll("button")]
            .find((button) => button.textContent === guess.dataset.right)
            .click();
    const told = document.querySelectorAll(".told:not([hidden])");
    return [...told].map((e) => e.textContent);
}"""


def test_first_page(engine, site):  # noqa: F811
    """Each scene comes alive and is moved by a key; each guess is told right."""
    page = site / "index.html"
    text = page.read_text("utf-8").replace("<head>", f"<head>{LISTEN}", 1)
    listening = page.with_name("listening.html")
    listening.write_text(text, "utf-8")
    engine.go(listening.as_uri())
    body = Shown(engine, "body")
    for name in SCENES:
        place = "#twins" if name == "twins" else f".scene:has(h2#{name})"
        live = Shown(engine, f"{place} [data-explorer]")
        live.evaluate("e => e.scrollIntoView()")
        before = live.evaluate(SAID)
        live.locator(f"{place} [tabindex='0'][role=slider]").press("ArrowRight")
        assert live.evaluate(SAID) != before
        value = live.locator(f"{place} .value:not([hidden])")
        assert value.evaluate("e => e.checkVisibility({visibilityProperty: true})")
    told = body.evaluate(TELL)
    assert len(told) >= 6 and all(text.endswith("That is right.") for text in told)
    assert body.evaluate("() => faults") == []


@pytest.mark.parametrize("name", STATES)
def test_page_of_its_own(engine, site, name):  # noqa: F811
    """It opens as its address says, and keeps to the width of a phone."""
    engine.go(site.joinpath(f"explore/{name}.html").as_uri() + "#right=1")
    shown = Shown(engine, "[data-explorer]")
    said = shown.evaluate(SAID)
    if "right" in said:
        assert said["right"] == 1
    wide = "() => document.documentElement.scrollWidth - innerWidth"
    assert shown.evaluate(wide) <= 0
