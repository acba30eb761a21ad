"""The handouts: pages in a real browser, print, copies; and proof that faults show."""

import ast
import base64
import copy
import ctypes
import functools
import html
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pypdfium2 as pdfium
import pytest
from axe_playwright_python.sync_playwright import Axe
from execute import execute
from filelock import FileLock
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)
from playwright.sync_api import Error, sync_playwright
from pypdfium2 import raw

from handout import branch, build, copies, figures, lesson, paper, quizzes, web

# Of Sphinx, to the makers of its extensions.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

NOTEBOOKS = sorted((checks.ROOT / "notebooks").glob("*.ipynb"))
NAMES = [*(path.stem for path in NOTEBOOKS), "99_sample"]
PAGES = [
    "html/index",
    "html/search",
    "html/images/README",
    "solutions/html/notebooks/99_sample",
]
PAGES += [f"html/notebooks/{name}" for name in [*NAMES, "glossary", "questions"]]
PAGES += ["html/notebooks/what_was_found"]
PAGES += [f"html/notebooks/evidence/{path.stem}" for path in checks.EVIDENCE]
PAGES += ["html/measure", "html/teachers", "html/elsewhere"]
# Their networks take minutes. What is special to a student's copy is read, not run.
LONG = ["05_real_network", "06_repair", "07_between_pixels"]
WIDGET = "application/vnd.jupyter.widget-view+json"
# No box for want of rights in a container; no talk with the browser's maker.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync"]


def sample():
    """A notebook with one of each thing that a handout has to deal with."""
    figure, drawn, first, second = map(strip, [600, 500, 70, 110])
    bar = {WIDGET: {"model_id": "1"}, "text/plain": "  0%|  | 0/3 [00:00<?, ?it/s]"}
    slider = {WIDGET: {"model_id": "2"}, "text/plain": "interactive(children=())"}
    table = "<style>td {margin: 7px}</style><table><tr><td>cell 1</td></tr></table>"
    solved = "def right(image, down, right):  # as wanted\n"
    solved += "    height, width = image.shape\n"
    solved += "    rows, columns = abs(down), abs(right)\n"
    solved += "    padded = np.pad(image, ((rows, rows), (columns, columns)))\n"
    solved += "    return padded[rows - down :, columns - right :][:height, :width]"
    outputs = [
        new_output("stream", name="stderr", text="stale bar"),
        new_output("stream", text="printed\n"),
        new_output("display_data", bar),
        new_output("display_data", slider),
        new_output("display_data", {"text/html": table, "text/plain": "plain"}),
        new_output(
            "display_data",
            {"image/png": figure, "text/plain": "<Figure size 600x90>"},
            metadata={"image/png": {"alt": 'A "grey" strip & no more.'}},
        ),
    ]
    drawing = new_output(
        "display_data",
        {"image/png": drawn},
        metadata={"image/png": {"alt": "A drawn strip."}},
    )
    cells = [
        new_markdown_cell(
            "# 99 · Sample\n\n*Is it all here?*\n\n**Time.** 1 minute.\n\n"
            "**What you'll learn.**\n\n- to look.\n\n"
            "See [the first](01_translation.ipynb) and [below](#your-turn): $x^2$.\n\n"
            "<details><summary>Predict: is <code>f</code> $\\sqrt{2}$?</summary>\n"
            "It is `hidden`: $\\sqrt{3}$.</details>\n\n"
            "See [its square](02_equivariance.ipynb#Two-ways-round-a-square) and "
            "[a move](#A-move).\n\n"
            "About 0.46<!-- shares: all --> of a [seam](glossary.md#seam), or "
            "[ReLU](glossary.md#relu).\n\n"
            "| share |\n|---|\n| 7%<!-- shares --> |\n\n"
            "<details>\n<summary>For the curious<!-- shares --></summary>\n\n"
            "An *aside*.\n\n</details>"
        ),
        new_raw_cell("left *as it is* <b>"),
        new_markdown_cell(
            "![First.](attachment:image.png)",
            attachments={"image.png": {"image/png": first}},
        ),
        new_markdown_cell(
            "![Second.](attachment:image.png)",
            attachments={"image.png": {"image/png": second}},
        ),
        new_code_cell("print('shown')", outputs=outputs),
        new_code_cell(
            "axes = 'of the drawing'",
            metadata={"tags": ["figure"], "jupyter": {"source_hidden": True}},
            outputs=[drawing],
        ),
        new_markdown_cell(
            "## Your turn\n\n### Exercise 1 · Try\n\n### A move\n\n"
            "$$\\begin{aligned}a &= b\\\\ "
            "c &= d\\end{aligned}$$"
        ),
        new_code_cell(
            'import sys\n\nsys.path[:0] = [".", ".."]\n\n'
            "import numpy as np\n\nfrom exercises import check_translate"
        ),
        new_code_cell(
            "def right(image, down, right):\n    raise NotImplementedError",
            metadata={"tags": ["exercise"]},
        ),
        new_code_cell(
            "check_translate(right)",
            metadata={"tags": ["check"]},
            outputs=[new_output("stream", text="Not attempted yet.\n")],
        ),
        new_code_cell(
            f"{solved}\n\n\ncheck_translate(right)",
            metadata={"tags": ["solution"], "jupyter": {"source_hidden": True}},
            outputs=[new_output("stream", text="Correct.\n")],
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def strip(width):
    """A grey picture as a notebook stores it."""
    png = cv2.imencode(".png", np.full((90, width), 240, np.uint8))[1]
    return base64.b64encode(png).decode()


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
    shutil.copytree(checks.EVIDENCE[0].parent, folder / lesson.EVIDENCE)  # linked to
    nbformat.write(sample(), folder / "99_sample.ipynb")
    return folder


def refuse(*_):
    raise OSError("the network is not for handouts")


@pytest.fixture(scope="module")
def made(notebooks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        build.build(folder, notebooks)
    return folder


def test_same_bytes(made, notebooks, tmp_path):
    lessons = build.lessons_in(notebooks)
    copies.make(lessons, tmp_path, "teacher")
    archive, again = tmp_path / "teacher.zip", tmp_path / "again"
    assert archive.read_bytes() == (made / "teacher.zip").read_bytes()
    build.make_edition(lessons, lessons, archive, again, tmp_path / "stage")
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (made / "solutions", again)
    ]
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []


def test_nothing_given_away(made):
    """What is for students holds no solution, in whatever form."""
    packed, words = zipfile.ZipFile(made / "student.zip"), b"as wanted"
    given = {name: packed.read(name) for name in packed.namelist()}
    for folder in ["html", "student", "nbgrader"]:
        files = [path for path in (made / folder).rglob("*") if path.is_file()]
        given |= {str(path): path.read_bytes() for path in files}
    for path in (made / "pdf").iterdir():
        given[str(path)] = " ".join(text_of(path)).encode()
    assert [name for name, text in given.items() if words in text] == []
    assert words in (made / "teacher/notebooks/99_sample.ipynb").read_bytes()
    for name, text in given.items():
        if name.endswith((".html", ".pdf", ".ipynb")):
            for word in [b"Show the solution", b"Solution: ", b'"solution"\n']:
                assert word not in text, name


# Pages


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    where = {"executable_path": path} if path else {"channel": "chrome"}
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(args=FLAGS, **where)
        except Error as error:
            if "CI" in os.environ:
                raise
            pytest.skip(f"no Chromium on this machine: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


WIDTHS = {"desktop": 1400, "laptop": 1280, "phone": 390}


@pytest.fixture(params=["desktop", "phone"])
def view(request, browser):
    """A window of either kind that lists what goes wrong while a page loads."""
    context = browser.new_context(
        viewport={"width": WIDTHS[request.param], "height": 900},
        color_scheme="dark" if request.param == "phone" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.faults = []
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))

    def watch(route):
        if urlsplit(route.request.url).scheme not in ("file", "data", "blob"):
            page.faults.append(f"request to {route.request.url}")
            route.abort()
        else:
            route.continue_()

    context.route("**/*", watch)
    yield page
    context.close()


def load(view, path):
    view.goto(path.as_uri())
    return view


FORMULAS = """() => [...document.querySelectorAll('.math, merror')].map(
    e => 'formula not drawn: ' + e.textContent)"""
UNREAD = """() => [...document.querySelectorAll('article :is(h2, h3, p, li, td)')
    ].map(e => e.textContent).filter(text => text.includes('$')).map(
    text => 'formula not read: ' + text)"""
PICTURES = """async () => {
    for (const e of document.images) {
        e.loading = 'eager';
        await e.decode().catch(() => {});
    }
    return [...document.images].flatMap(e => [
    ...(e.alt.trim() ? [] : ['no alt text: ' + e.src]),
    ...(e.naturalWidth ? [] : ['not a picture: ' + e.src])]);
}"""
TOO_WIDE = """() => [...document.querySelectorAll(
    'article :is(h1, h2, h3, p, li, summary, td, math)')].filter(
    e => e.getBoundingClientRect().right > innerWidth).map(
    e => 'wider than the screen: ' + e.textContent.slice(0, 60)).concat(
    document.documentElement.scrollWidth > innerWidth ? ['page scrolls sideways'] : [])
"""


# Whether type is easily read depends on its looks and on the ground it stands on: of
# all that are alike, eight are enough. Code alone has thousands of words.
CONTRAST = """;{
    const grounds = new Map(), seen = new Map();
    const ground = (e, s) => {
        if (!grounds.has(e)) grounds.set(e, [
            e == document.body ? '' : ground(
                e.parentElement, getComputedStyle(e.parentElement)),
            s.backgroundColor, s.backgroundImage, s.opacity].join());
        return grounds.get(e);
    };
    for (const e of document.body.querySelectorAll('*')) {
        const written = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
        if (!e.checkVisibility() || !(written || e.matches('input'))) continue;
        const s = getComputedStyle(e);
        const look = [ground(e, s), s.color, s.fontSize, s.fontWeight].join();
        seen.set(look, (seen.get(look) ?? 0) + 1);
        if (seen.get(look) <= 8) e.dataset.type = 'seen';
    }
    axe.configure({rules: [{id: 'color-contrast', selector: '[data-type=seen]'}]});
}"""


def brightness(png):
    """The brightness of a picture's ground: 255 is white."""
    grey = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.percentile(grey, 95)


def faults_of_page(view):
    """What is wrong with the page that a view has loaded."""
    faults = [*view.faults]
    for script in [FORMULAS, UNREAD, PICTURES, TOO_WIDE]:
        faults += view.evaluate(script)
    figures = view.locator(".cell_output img:visible")
    for figure in figures.all()[:: max(1, figures.count() // 3)]:
        # Black type needs white paper, in the dark, too.
        if (paper := brightness(figure.screenshot())) < 230:
            faults.append(f"a figure of brightness {paper:.0f}")
    # An open question, too, has to be read by all.
    view.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    report = Axe(Axe().axe_script + CONTRAST).run(view)
    for violation in report.response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            nodes = [node["html"][:200] for node in violation["nodes"]]
            faults.append(f"{violation['id']}: {violation['help']}: {nodes}")
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_page(made, view, name):
    load(view, made / f"{name}.html")
    assert faults_of_page(view) == []


def weight(page):
    """The bytes of a page, its scripts and styles, without pictures and networks."""
    text = page.read_text("utf-8")
    loaded = re.findall(
        r'<script[^>]* src="([^"?]+)|<link[^>]* href="([^"?]+\.css)', text
    )
    parts = {page.parent / (script or style) for script, style in loaded}
    text = re.sub(r"[A-Za-z0-9+/=]{20000,}", "", text)  # both travel as base64
    return len(text.encode()) + sum(path.stat().st_size for path in parts)


@pytest.mark.parametrize("name", PAGES)
def test_weight(made, name):
    assert 20_000 < weight(made / f"{name}.html") < 1_000_000


def test_icons(made):
    pages = "".join(path.read_text("utf-8") for path in made.glob("html/**/*.html"))
    assert "<svg" in pages and '<i class="fa' not in pages
    assert 'rel="preload" as="script"' not in pages


FAULTY = {  # what is planted: the fault, as nothing else brings it
    '<img src="../_static/minus.png">': r"no alt text: .*/minus\.png",
    '<img src="gone.png" alt="Gone.">': r"not a picture: .*/gone\.png",
    '<script src="https://a.org/x.js"></script>': r"request to https://a\.org/x\.js",
    '<link rel="stylesheet" href="https://a.org/x.css">': r"request to .*/x\.css",
    "<script>undefined.x</script>": "properties of undefined",
    '<span class="math">\\(\\frac{1\\)</span>': "formula not drawn: .*frac",
    "<p>$x$</p>": r"formula not read: \$x\$",
    '<p style="width: 1500px">wide</p>': "wider than the screen: wide",
    '<div class="cell_output"><img src="../_static/file.png" alt="Grey." '
    'style="padding: 2rem; background: #777"></div>': "a figure of brightness",
    '<p style="color: #888; background: #777">faint</p>': "color-contrast.*<p style",
    '<pre><span style="color: #888; background: #777">faint</span></pre>': (
        "color-contrast.*<span style"
    ),
}


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_planted_in_page(made, view):
    """All at once, as a look at a page takes seconds."""
    page = made / "html" / "notebooks" / "planted.html"
    source = page.with_name("99_sample.html").read_text("utf-8")
    planted = "".join(FAULTY) + "<p><em>"
    page.write_text(source.replace("<p><em>", planted, 1), "utf-8")
    faults = "\n".join(faults_of_page(load(view, page)))
    missed = [words for words in FAULTY.values() if not re.search(words, faults)]
    assert missed == [], faults


def test_clicks(made, view):
    load(view, made / "solutions" / "html" / "notebooks" / "99_sample.html")
    clicks = {
        "hidden": "Predict: is",
        "An aside": "For the curious",
        "as wanted": "Show the solution",
        "of the drawing": "Show the code of this figure",
    }
    for text, words in clicks.items():
        assert not view.get_by_text(text).is_visible()
        view.get_by_text(words).click()
        assert view.get_by_text(text).is_visible()
    assert view.get_by_alt_text("A drawn strip.").is_visible()
    assert view.get_by_text("A slider belongs here").is_visible()
    assert view.get_by_text("left *as it is* <b>").is_visible()
    for words, width in {"First.": 70, "Second.": 110}.items():
        assert view.get_by_alt_text(words).evaluate("e => e.naturalWidth") == width
    assert "shares" not in view.locator("body").inner_text()
    assert "About 0.46 of a seam" in view.locator("article").inner_text()
    for stale in ["stale bar", "it/s", "<Figure", "interactive("]:
        assert stale not in view.content().replace("&lt;", "<")


CUT = """() => [...document.querySelectorAll('div.cell .highlight')].flatMap(
    e => [e, e.firstElementChild]).filter(e => e.scrollWidth > e.clientWidth + 1).map(
    e => e.textContent)"""


@pytest.mark.parametrize("view", ["laptop"], indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_scrolls(made, view, name):
    """No line of a notebook has to be scrolled: code, folded or not, nor its output."""
    load(view, made / "solutions" / "html" / "notebooks" / f"{name}.html")
    view.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert view.evaluate(CUT) == []


@pytest.mark.parametrize("view", ["laptop"], indirect=True)
@pytest.mark.parametrize(("length", "cut"), [(88, 0), (100, 1)])
def test_planted_line(made, view, length, cut):
    load(view, made / "html" / "notebooks" / "99_sample.html")
    view.locator(".cell_input pre").first.evaluate(
        "(e, length) => e.textContent = 'x'.repeat(length)", length
    )
    assert len(view.evaluate(CUT)) == cut


def test_a_phone_says_that_a_tap_enlarges(made, view):
    load(view, made / "html" / "notebooks" / "99_sample.html")
    figure = view.locator(".cell_output a.image-reference").first
    told = figure.evaluate("e => getComputedStyle(e, '::after').content")
    assert ("Tap the figure" in told) == (view.viewport_size["width"] < 600)


def test_dark_button(made, view):
    load(view, made / "html" / "measure.html")
    for mode in ["Dark", "Light"]:
        view.locator("button.theme-switch-button:visible").click()
        view.locator("button:visible", has_text=mode).click()
        ground = view.screenshot(clip={"x": 0, "y": 200, "width": 8, "height": 200})
        assert brightness(ground) == pytest.approx(255 * (mode == "Light"), abs=30)


@pytest.mark.parametrize("view", ["phone"], indirect=True)
@pytest.mark.parametrize(("word", "slug"), [("seam", "seam"), ("ReLU", "relu")])
def test_term(made, view, word, slug):
    """A click on a word leads to where it is explained."""
    load(view, made / "html" / "notebooks" / "99_sample.html")
    view.locator("article").get_by_role("link", name=word, exact=True).click()
    assert urlsplit(view.url).path.endswith("/glossary.html")
    assert urlsplit(view.url).fragment == slug
    top = view.locator(f"article h2:text('{word}')").first.bounding_box()["y"]
    assert 0 <= top < 300


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_search(made, view):
    load(view, made / "html" / "search.html")
    view.goto(f"{view.url}?q=translate")
    view.wait_for_selector("#search-results li a")
    assert view.locator("#search-results li a").count() >= 2


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_previous_and_next(made, view):
    load(view, made / "html" / "notebooks" / "questions.html")
    visited = ["questions"]
    while view.locator("a.right-next").count():
        with view.expect_navigation(wait_until="domcontentloaded"):
            view.locator("a.right-next").click()
        visited.append(Path(urlsplit(view.url).path).stem)
    rest = ["README", "glossary", "measure", "teachers", "elsewhere"]
    evidence = [path.stem for path in checks.EVIDENCE]
    assert visited == ["questions", *NAMES, "what_was_found", *evidence, *rest]


class Links(HTMLParser):
    """Collects what a page links to, and what can be linked to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = set(), set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        links = {attributes.get("href"), attributes.get("src")} - {None, "#"}
        self.links |= links


@functools.cache
def targets_in(page):
    return Links(page).ids


def dead_links(page):
    dead = []
    for link in sorted(Links(page).links):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        place = unquote(parts.fragment)
        if target.parent.name == "explore" and "=" in place:
            place = ""  # the state of an explorer, which test_front opens
        if not target.is_file() or (place and place not in targets_in(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("name", PAGES)
def test_links(made, name):
    assert dead_links(made / f"{name}.html") == []


@pytest.mark.parametrize(
    "link",
    [
        "gone.html",
        "#gone",
        "index.html#gone",
        "explore/gone.html#a=1",
        "index.html#a=1",
    ],
)
def test_planted_link(made, link):
    page = made / "html" / "planted.html"
    page.write_text(f'<a href="{link}">x</a> <a href="index.html">y</a>', "utf-8")
    assert dead_links(page) == [link]


@pytest.mark.parametrize("name", NAMES)
def test_download(made, notebooks, name):
    """The button gives what the reader of the page is to have."""
    for folder, reader in {"html": "student", "solutions/html": "teacher"}.items():
        button = nbformat.read(made / folder / f"_sources/notebooks/{name}.ipynb", 4)
        assert button == read(made / reader, name)
    assert button == nbformat.read(notebooks / f"{name}.ipynb", 4)


# Print


def faults_of_print(path):
    """What is wrong with a PDF."""
    faults = []
    document = pdfium.PdfDocument(path)
    for number, page in enumerate(document, 1):
        if np.abs(np.subtract(page.get_size(), (595.3, 841.9))).max() > 0.1:
            faults.append(f"page {number} is not A4")
        text = page.get_textpage().get_text_bounded()
        if f"{number} / {len(document)}" not in text and number > 1:
            faults.append(f"page {number} has no number")
        if "$" in text:
            faults.append(f"page {number} has a formula that was not set")
        for thing in page.get_objects([raw.FPDF_PAGEOBJ_TEXT], max_depth=4):
            font = raw.FPDFTextObj_GetFont(thing)
            if not raw.FPDFFont_GetIsEmbedded(font):
                faults.append(f"a font on page {number} is not embedded")
        # 20 mm at the sides, 10 mm above and below are for nothing but paper.
        grey = page.render(scale=1, grayscale=True).to_numpy().squeeze()
        grey[28:-28, 57:-57] = 255
        if grey.min() < 250:
            faults.append(f"page {number} has ink in the margin")
    return faults


def text_of(path):
    return [page.get_textpage().get_text_bounded() for page in pdfium.PdfDocument(path)]


TITLES = {"series": lesson.TITLE, "questions": "Ten questions"}
TITLES |= {"cheat_sheet": "Cheat sheet"}
PRINTED = [f"pdf/{name}" for name in [*NAMES, *TITLES]] + ["solutions/pdf/series"]


@pytest.mark.parametrize("path", PRINTED)
def test_print(made, path):
    path = made / f"{path}.pdf"
    name = path.stem
    assert faults_of_print(path) == []
    pages = text_of(path)
    # The title of a part has a page of its own.
    parts = [page for page in pages if re.fullmatch(r"The evidence\s+\d+ / \d+", page)]
    assert all(len(page) > 40 for page in pages if page not in parts)
    assert len(parts) == (name == "series")
    words = " ".join(" ".join(pages).split())
    title = TITLES.get(name)
    if not title:
        title = lesson.read(made / "teacher" / "notebooks" / f"{name}.ipynb").title
    assert " ".join(title.split()) in words
    assert pdfium.PdfDocument(path).get_metadata_value("Title") == title


def test_print_of_sample(made):
    path = made / "solutions" / "pdf" / "99_sample.pdf"
    text = " ".join(" ".join(text_of(path)).split())
    words, _, answers = text.partition(" Answers and solutions ")
    number = re.search(r"Answer: page (\d)", words)[1]
    assert f"Solution: page {number}" in words
    assert "hidden" not in words and "as wanted" not in words
    assert "hidden" in answers and "as wanted" in answers
    for shown in ["printed", "cell 1", "An aside", "left *as it is* <b>"]:
        assert shown in words
    assert "About 0.46 of a seam, or ReLU." in words and "7%" in words
    assert "What the words mean" not in text  # once, in the series
    stale = ["stale bar", "it/s", "<Figure", "interactive(", "attempted", "7px"]
    stale += ["shares", "of the drawing", "<!--"]
    assert [word for word in stale if word in text] == []


def test_terms_in_print(made):
    """In print, too, a click on a word leads to where it is explained."""
    for name in ["series"]:
        document = pdfium.PdfDocument(made / "pdf" / f"{name}.pdf")
        pages = [page.get_textpage().get_text_bounded() for page in document]
        (source,) = [i for i, page in enumerate(pages) if "of a seam, or ReLU" in page]
        targets = destinations(document, source)
        assert [i for i in targets if "What the words mean" in "".join(pages[: i + 1])]


def destinations(document, number):
    """The numbers of the pages that the links on a page lead to."""
    position, link, found = ctypes.c_int(0), raw.FPDF_LINK(), []
    while raw.FPDFLink_Enumerate(document[number], position, link):
        target = raw.FPDFLink_GetDest(document, link)
        found.append(raw.FPDFDest_GetDestPageIndex(document, target))
    return found


def test_alt_text_in_print(made):
    """Readers that speak find it where the drawing stands."""
    alts = alt_texts(made / "pdf" / "99_sample.pdf")
    for words in ['A "grey" strip & no more.', "A drawn strip.", "First.", "Second."]:
        assert words in alts


def alt_texts(path):
    found = []

    def walk(element):
        size = raw.FPDF_StructElement_GetAltText(element, None, 0)
        text = ctypes.create_string_buffer(size)
        raw.FPDF_StructElement_GetAltText(element, text, size)
        found.append(text.raw.decode("utf-16-le").rstrip("\0"))
        for child in range(raw.FPDF_StructElement_CountChildren(element)):
            if below := raw.FPDF_StructElement_GetChildAtIndex(element, child):
                walk(below)

    for page in pdfium.PdfDocument(path):
        tree = raw.FPDF_StructTree_GetForPage(page)
        for child in range(raw.FPDF_StructTree_CountChildren(tree)):
            walk(raw.FPDF_StructTree_GetChildAtIndex(tree, child))
        raw.FPDF_StructTree_Close(tree)
    return found


def print_planted(folder, text, code=""):
    cells = [new_markdown_cell(f"# Planted\n\n{text}"), new_code_cell(code)]
    planted = lesson.Lesson("planted", new_notebook(cells=cells), "Planted")
    paper.make([planted], folder / "pdf", folder / "stage")
    return folder / "pdf" / "planted.pdf"


def test_picture_from_elsewhere(tmp_path):
    """What is on the web becomes a link to it; what is not there is said."""
    page, *_ = text_of(print_planted(tmp_path / "web", "![x](https://a.b/c.png)"))
    assert "a.b/c.png" in page
    with pytest.raises(SystemExit, match=r"planted can't be printed: .*gone\.png"):
        print_planted(tmp_path / "gone", "![x](gone.png)")


def test_planted_in_print(tmp_path):
    path = print_planted(tmp_path, "Not a formula: $x $.", "x" * 200)
    assert faults_of_print(path) == [
        "page 1 has a formula that was not set",
        "page 1 has ink in the margin",
    ]


def test_cheat_sheet(made):
    """It fits on one page, and says what the notebooks say."""
    (page,) = text_of(made / "pdf" / "cheat_sheet.pdf")
    words = " ".join(page.split())
    for term in ["equivariance", "invariance", "stride", "zero padding"]:
        said = re.search(rf"(?m)^## {term}\n\n(.+?)[.,:]", TERMS.read_text("utf-8"))[1]
        said = re.sub(r"\[(.+?)\]\(.*?\)|\*", r"\1", said)
        assert re.sub(r"\W", "", said) in re.sub(r"\W", "", words), term
    tandem = nbformat.read(checks.ROOT / "notebooks" / "04_tandem.ipynb", 4)
    (cell,) = [cell for cell in tandem.cells if cell.id == "layers-table"]
    for row in cell.outputs[0].data["text/plain"].splitlines()[2:]:
        assert " ".join(row.split()) in words
    alts = alt_texts(made / "pdf" / "cheat_sheet.pdf")
    assert any("square of four grids" in alt for alt in alts)


# Copies


@pytest.fixture(scope="module")
def student(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(made / "student.zip") as archive:
        archive.extractall(folder)
    (top,) = folder.iterdir()
    return top


def test_copies(made, student):
    teacher = made / "teacher"
    modules = {path.name for path in checks.ROOT.glob("*.py")} - {"conftest.py"}
    for folder in [teacher, student]:
        for part in ["requirements.txt", "LICENSE", "notebooks/glossary.md", *modules]:
            assert (folder / part).read_bytes() == (checks.ROOT / part).read_bytes()
        for part in (checks.ROOT / "images").iterdir():
            copied = folder / "images" / part.name
            assert copied.read_bytes() == part.read_bytes()
        for name in NAMES:
            path = folder / "notebooks" / f"{name}.ipynb"
            text = checks.markdown(nbformat.read(path, as_version=4))
            text = text.replace("](attachment:", "](https://")  # within the notebook
            assert checks.check_links(text, path.parent) == []


def read(folder, name):
    return nbformat.read(folder / "notebooks" / f"{name}.ipynb", as_version=4)


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in checks.tags(cell)]


@pytest.mark.parametrize("name", NAMES)
def test_student_has_no_solutions(made, student, name):
    """Apart from solutions and outputs, it is the notebook as stored."""
    expected = read(made / "teacher", name)
    expected.cells = [c for c in expected.cells if "solution" not in checks.tags(c)]
    for cell in checks.code_cells(expected):
        cell.outputs, cell.execution_count = [], None
    given = read(student, name)
    for cell in given.cells:
        marks = cell.metadata.pop("nbgrader", None)
        assert bool(marks) == (not {"exercise", "check"}.isdisjoint(checks.tags(cell)))
    assert given == expected


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_student_runs(made, student, name):
    """Untouched, no exercise counts as tried; with its solution, each is right."""
    notebook, stored = read(student, name), read(made / "teacher", name)
    kinds = [tagged(stored, tag) for tag in ["exercise", "check", "solution"]]
    assert len({len(cells) for cells in kinds}) == 1
    pasted = copy.deepcopy(kinds[-1])
    notebook.cells += pasted
    run = execute(notebook, student / "notebooks")
    assert_answered(tagged(run, "check"), run.cells[len(run.cells) - len(pasted) :])


@pytest.mark.parametrize("name", LONG)
def test_student_would_run(made, name):
    """So say the stored outputs, if nothing else needs what a solution defines."""
    stored = read(made / "teacher", name)
    assert needs_solution(stored) == []
    assert_answered(tagged(stored, "check"), tagged(stored, "solution"))


def assert_answered(untouched, solved):
    assert [printed(cell) for cell in untouched] == ["Not attempted yet."] * len(solved)
    assert [printed(cell) for cell in solved] == ["Correct."] * len(solved)


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs).strip()


def needs_solution(notebook):
    """The names that cells find as a solution has left them."""
    faults, solved = [], set()
    for cell in checks.code_cells(notebook):
        nodes = list(ast.walk(ast.parse(cell.source)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        made = {name.id for name in names} - read
        made |= {node.name for node in nodes if hasattr(node, "name")}
        if "solution" in checks.tags(cell):
            solved |= made
        else:
            faults += sorted(read & solved - made)
            solved -= made
    return faults


@pytest.mark.parametrize(
    ("source", "faults"),
    [("right(1, 2, 3)", ["right"]), ("right = 3", []), ("left(1)", [])],
)
def test_planted_need(source, faults):
    notebook = sample()
    notebook.cells.append(new_code_cell(source))
    assert needs_solution(notebook) == faults


def products(made):
    """The folders that are given away, whole."""
    return [made / "student", made / "teacher", made / "nbgrader" / "source" / "pixel"]


WORDS = re.compile(r"[\w./-]+\.(?:py|md|txt|jpg|ipynb|js)\b|\b(?:tests|handout)/[\w/]*")


def faults_of_words(product):
    """What the texts of a product say that is not so there."""
    faults = []
    listed = subprocess.run(
        ["git", "ls-files"], cwd=checks.ROOT, capture_output=True, text=True, check=True
    )
    names = {Path(line).name for line in listed.stdout.splitlines()}
    here = {path.name for path in product.rglob("*")}
    books = [nbformat.read(path, 4) for path in product.rglob("*.ipynb")]
    texts = {path: path.read_text("utf-8") for path in product.rglob("*.md")}
    texts |= {path: path.read_text("utf-8") for path in product.rglob("*.txt")}
    texts |= {n: checks.markdown(book) for n, book in enumerate(books)}
    for text in texts.values():
        for word in WORDS.findall(text):
            name = Path(word).name
            gone = word.startswith(("tests/", "handout/")) or name in names - here
            faults += [f"names {word}, which is elsewhere"] * gone
    cells = [cell for book in books for cell in book.cells]
    has = {
        "Its solution is in": any("solution" in checks.tags(cell) for cell in cells),
        "stored outputs": any(cell.get("outputs") for cell in cells),
    }
    said = "\n".join(texts.values())
    faults += [f"says {w!r}" for w, there in has.items() if w in said and not there]
    return faults


@pytest.mark.parametrize("number", range(3))
def test_words(made, number):
    """What a product says of itself is so; each says under which licence it is."""
    product = products(made)[number]
    assert faults_of_words(product) == []
    if number < 2:
        assert "CC BY 4.0" in (product / "README.md").read_text("utf-8")


def test_planted_words(made, tmp_path):
    planted = {
        "See tests/test_images.py.": "names tests/test_images.py, which is elsewhere",
        "See `CONTRIBUTING.md`.": "names CONTRIBUTING.md, which is elsewhere",
        "Its solution is in the cell below.": "says 'Its solution is in'",
        "Check the stored outputs.": "says 'stored outputs'",
    }
    shutil.copytree(made / "student", tmp_path / "student")
    (tmp_path / "student" / "planted.md").write_text("\n".join(planted), "utf-8")
    assert faults_of_words(tmp_path / "student") == [*planted.values()]


def test_version(made, tmp_path):
    """It is the same for the same content, and stands in README and folder."""
    version = copies.version(made / "student")
    assert f"Version {version}." in (made / "student" / "README.md").read_text("utf-8")
    (top, *_) = zipfile.ZipFile(made / "student.zip").namelist()
    assert top.startswith(f"pixel-student-{version}/")
    shutil.copytree(made / "student", tmp_path / "student")
    assert copies.version(tmp_path / "student") == version
    (tmp_path / "student" / "helpers.py").write_text("", "utf-8")
    assert copies.version(tmp_path / "student") != version


def test_light(made, student):
    """What the light set leaves out, its notebooks do not import."""
    names = re.findall(r"`(\w+)`", (student / "README.md").read_text("utf-8"))
    assert "01_translation" in names and "05_real_network" not in names
    full = (student / "requirements.txt").read_text("utf-8")
    for line in (student / "requirements-light.txt").read_text("utf-8").splitlines():
        assert line in full
    block = "import seaborn, sys\n"  # which asks SciPy, and that for PyTorch
    block += "sys.modules.update(dict.fromkeys(['torch', 'sklearn']))\n"
    for name in set(names) & set(NAMES) - {"99_sample"}:
        cells = checks.code_cells(read(student, name))
        nodes = [node for c in cells for node in ast.walk(ast.parse(c.source))]
        imports = [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
        code = block + "\n".join(map(ast.unparse, imports))
        subprocess.run([sys.executable, "-c", code], cwd=student, check=True)


def test_branch(tmp_path):
    """One command commits the copy; the next version merges with a student's work."""

    def git(*command, folder=tmp_path):
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        call = ["git", *name, *command]
        run = subprocess.run(call, cwd=folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    git("init", "-q")
    for key, value in {"user.name": "A", "user.email": "a@example.org"}.items():
        git("config", key, value)
    assert "git push URL student:main" in branch.commit(tmp_path)
    assert "already" in branch.commit(tmp_path)
    work = tmp_path / "work"
    git("clone", "-q", "-b", "student", str(tmp_path), str(work))
    path = work / "notebooks" / "01_translation.ipynb"
    filled = path.read_text("utf-8").replace("move = None", "move = (-2, 3)")
    path.write_text(filled, "utf-8", newline="\n")
    git("commit", "-qam", "Work", folder=work)
    changed = branch.commit(tmp_path, notebooks=write_changed(tmp_path))
    assert "git push" in changed
    git("pull", "-q", "--no-rebase", "--no-edit", folder=work)
    merged = path.read_text("utf-8")
    assert "move = (-2, 3)" in merged and "A better title" in merged


def write_changed(folder):
    """The notebooks, with another title of the first."""
    copied = folder / "changed"
    copied.mkdir()
    for source in NOTEBOOKS:
        text = source.read_text("utf-8")
        text = text.replace("# 1 · Translation: one pixel", "# 1 · A better title: one")
        (copied / source.name).write_text(text, "utf-8", newline="\n")
    return copied


# The questions

QUIZ = checks.ROOT / "notebooks" / "questions.md"


def faults_of_questions(text):
    """What is wrong with questions, their choices and reasons."""
    _, *parts = re.split(r"(?m)^## ", text)
    faults = [] if len(parts) == 10 else [f"{len(parts)} questions"]
    rights = []
    for number, part in enumerate(parts, 1):
        asked, _, answer = part.partition("<details>")
        choices = re.findall(r"(?m)^- \*\*(\w)\*\* · \S", asked)
        right = re.findall(r"(?m)^\*\*(\w)\*\* is right: \S", answer)
        reasons = re.findall(r"(?m)^- \*\*(\w)\*\*: \S", answer)
        rights += right
        if not part.startswith(f"{number} · "):
            faults.append(f"question {number} has another number")
        if len(choices) < 3 or len(right) != 1:
            faults.append(f"question {number} has not one right answer of three")
        if sorted(right + reasons) != choices:
            faults.append(f"question {number}: not each wrong answer has its reason")
        if not re.search(r"\]\((evidence/)?0", answer):
            faults.append(f"question {number} names no notebook")
    if max(map(rights.count, rights), default=0) > 5:
        faults.append("one letter is right too often")
    return faults


def test_questions():
    text = QUIZ.read_text("utf-8")
    assert faults_of_questions(text) == []
    assert checks.check_links(text, QUIZ.parent) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("## 3 ·", "## 4 ·", "question 3 has another number"),
        ("## 10 ·", "### 10 ·", "9 questions"),
        ("- **a**: that is *inv", "- that is *inv", "question 2: not each wrong"),
        ("**b** is right: each", "each", "question 1 has not one right"),
        ("](01_", "](", "question 1 names no notebook"),
    ],
)
def test_planted_in_questions(old, new, fault):
    text = QUIZ.read_text("utf-8")
    assert old in text
    assert any(f.startswith(fault) for f in faults_of_questions(text.replace(old, new)))


def test_questions_lead_to_headings(made):
    for page in ["notebooks/questions.html", "teachers.html"]:
        links = [x for x in Links(made / "html" / page).links if ".html#" in x]
        assert len(links) > 5  # none of them dead: test_links


def test_table_of_teachers(made, view):
    """Each goal, exercise and checker of the notebooks stands in it, and no other."""
    load(view, made / "html" / "teachers.html")
    words = view.locator("#goals-exercises-and-minutes table").inner_text()
    for path in NOTEBOOKS:
        found = lesson.read(path)
        checkers = [checker for _, checker in lesson.exercises(found)]
        cells = checks.code_cells(found.node)
        asked = [cell for cell in cells if "check" in checks.tags(cell)]
        assert len(found.goals) >= 3 and len(checkers) == len(asked) >= 3
        assert [c for c in [found.minutes, *checkers] if c not in words] == []


# The glossary

TERMS = checks.ROOT / "notebooks" / "glossary.md"


def faults_of_glossary(text):
    """What is wrong with the order and the anchors of its terms."""
    terms = re.findall(r"^## (.+)$", text, re.M)
    slugs = [term.lower().replace(" ", "-") for term in terms]
    faults = [] if terms == sorted(terms, key=str.lower) else ["not in order"]
    for term, slug in zip(terms, slugs, strict=True):
        # JupyterLab keeps capitals in the anchor of a heading.
        if term.lower() != term and f'<a id="{slug}"></a>' not in text:
            faults.append(f"JupyterLab does not find {term}")
    links = re.findall(r"\]\(#(.+?)\)", text)
    return faults + [f"no term {link}" for link in links if link not in slugs]


def test_glossary():
    assert faults_of_glossary(TERMS.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("## aliasing", "not in order"),
        ("## Zero", "JupyterLab does not find Zero"),
        ("[x](#gone)", "no term gone"),
    ],
)
def test_planted_in_glossary(planted, fault):
    assert fault in faults_of_glossary(f"{TERMS.read_text('utf-8')}\n{planted}\n")


# What else may come


def write(folder, **notebooks):
    folder.mkdir(exist_ok=True)
    for name, cells in notebooks.items():
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


def test_form(tmp_path):
    """The first cell says it all; what is missing is left empty."""
    full = "# A *b*\n\nText.\n\n*Which*?\n\n*Is **it**?*\n\n**Time.** 5 min.\n\n# B"
    write(tmp_path, a=[new_markdown_cell(full)], b=[new_markdown_cell("# Bare")])
    found = build.lessons_in(tmp_path)
    assert [(x.title, x.question, x.minutes) for x in found] == [
        ("A *b*", "Is **it**?", "5 min"),
        ("Bare", "", ""),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_form_of_series(notebooks, name):
    found = lesson.read(notebooks / f"{name}.ipynb")
    assert found.question.endswith("?") and "minute" in found.minutes


STRAY = [[], [new_code_cell("# Untitled")], [new_markdown_cell("No title.\n\n## B")]]


@pytest.mark.parametrize("cells", STRAY)
def test_stray(tmp_path, capsys, cells):
    write(tmp_path, Untitled=cells, a=[new_markdown_cell("# A")])
    assert [found.name for found in build.lessons_in(tmp_path)] == ["a"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Untitled.ipynb is left out")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"nbformat": 4}', "\xff"])
def test_unreadable(tmp_path, content):
    (tmp_path / "broken.ipynb").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match="it can't be read as a notebook"):
        lesson.read(tmp_path / "broken.ipynb")


FAULTS = {  # a notebook, and why it is left out
    "broken": ("# A\n\n![x](gone.png)", "it links to gone.png, which is not there"),
    "html": ('# A\n\n<img src="gone.png">', "it links to gone.png, which is not there"),
    "title": ("# A [b](c)", "it links to c, which is not there"),
    "questions": ("# A", "a page of the series has its name"),
    "100%": ("# A", "no page can link to a name with a %"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_the_others(tmp_path, capsys, name):
    source, words = FAULTS[name]
    write(tmp_path, a=[new_markdown_cell("# A")], **{name: [new_markdown_cell(source)]})
    assert [found.name for found in build.lessons_in(tmp_path)] == ["a"]
    assert f"{name}.ipynb is left out: {words}" in capsys.readouterr().err


OWN = "lesson ü [b] (1)"  # as a browser may save it
OTHERS = {"application/vnd.plotly.v1+json": {"data": []}, "application/json": {}}
CHARTS = [
    new_output("display_data", OTHERS | {"text/plain": "Figure()"}),
    new_output("display_data", {"application/vnd.vegalite.v5+json": {"data": []}}),
]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """What is made of a teacher's own notebooks."""
    folder = tmp_path_factory.mktemp("own")
    text = "# 8 · Own\n\n![A strip.](my%20p.png) [It](my%20p.png)\n\n"
    text += "[9](b.ipynb#The-end)\n\n"
    link = f"# 9 · Other\n\n[8]({quote(OWN)}.ipynb#Words)\n\n## The end\n\n漢字"
    cells = [
        new_markdown_cell(
            text + "## Words\n\n<details><summary>Predict: a?</summary>b</details>"
        ),
        new_code_cell("1", execution_count=1, outputs=CHARTS),
    ]
    write(folder, **{OWN: cells, "b": [new_markdown_cell(link)]})
    folder.joinpath("my p.png").write_bytes(base64.b64decode(strip(30)))
    build.build(folder / "build", folder)
    return folder / "build"


def test_own_notebooks(own):
    page = own.joinpath("html", "notebooks", f"{OWN}.html").read_text("utf-8")
    picture = re.search(r'<img alt="A strip." [^>]*src="([^"]+)"', page)[1]
    assert own.joinpath("html", "notebooks", unquote(picture)).is_file()
    assert "Figure()" in page and 'href="b.html#the-end"' in page
    other = own.joinpath("html", "notebooks", "b.html").read_text("utf-8")
    assert f'href="{quote(OWN)}.html#words"' in other
    assert own.joinpath("pdf", f"{OWN}.pdf").is_file()
    for copied in ["student/notebooks", "teacher/notebooks", "nbgrader/source/pixel"]:
        assert own.joinpath(copied, "my p.png").is_file()


def test_print_names_wide_letters(tmp_path, capsys):
    print_planted(tmp_path, "漢字")
    assert "fonts of this system for 字漢" in capsys.readouterr().err


def test_none(tmp_path):
    with pytest.raises(SystemExit, match="no notebook with a title in"):
        build.build(tmp_path, tmp_path)


# A build that ends early


@pytest.fixture
def old(tmp_path):
    """A folder that an earlier build has filled."""
    folder = tmp_path / "build"
    (folder / "html").mkdir(parents=True)
    (folder / "html" / "index.html").write_text("old", "utf-8")
    (folder / "html" / "gone.html").write_text("old", "utf-8")
    (folder / "notes.txt").write_text("a teacher's own", "utf-8")
    return folder


def content(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.suffix and p.is_file()}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "Interrupted: .* stays as it was"),
        (OSError(28, "No space left on device"), "stays as it was: .*No space left"),
    ],
)
def test_stopped(old, monkeypatch, error, words):
    before = content(old)
    monkeypatch.setattr(paper, "make", Mock(side_effect=error))
    with pytest.raises(SystemExit, match=words) as raised:
        build.main([str(old)])
    assert "\n" not in raised.value.code
    assert content(old) == before


def test_course_keeps_what_is_graded(old, tmp_path):
    """A new build replaces what it made in the course folder, and nothing else."""
    cells = [new_markdown_cell("# My own"), new_code_cell("1 + 1")]
    notebooks = write(tmp_path / "notebooks", my_own=cells)
    build.build(old, notebooks)
    course = old / "nbgrader"
    stale = course / "source" / "pixel" / "stale.ipynb"
    kept = [course / "gradebook.db", course / "submitted" / "a" / "pixel" / "b.ipynb"]
    kept += [course / "source" / "own" / "c.ipynb", course / "nbgrader_config.json"]
    for path in [stale, *kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", "utf-8")
    build.build(old, notebooks)
    assert [path.read_text("utf-8") for path in kept] == ["mine"] * len(kept)
    assert not stale.exists() and (course / "judge.py").exists()


def test_no_place(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(
        SystemExit, match="can't be filled, and stays as it was"
    ) as error:
        build.main([str(tmp_path / "file" / "build")])
    assert "\n" not in error.value.code


def test_two_at_once(old):
    before = content(old)
    with (
        FileLock(old / ".lock"),
        pytest.raises(SystemExit, match="Another build fills .* Wait until"),
    ):
        build.main([str(old)])
    assert content(old) == before


def test_killed(old, tmp_path):
    """Whenever a build is killed, the next one mends what it left."""
    cells = [new_markdown_cell("# My own"), new_code_cell("%time 1 + 1")]
    notebooks = write(tmp_path / "notebooks", my_own=cells)
    before = content(old)
    call = "import sys; from pathlib import Path; from handout import build; "
    call += "build.build(*map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", call, str(old), str(notebooks)]
    process = subprocess.Popen(command, cwd=checks.ROOT)
    while not (old / ".new" / "made").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    process.wait()
    assert (old / ".new").exists() and before.items() <= content(old).items()
    build.build(old, notebooks)
    parts = {".lock", "html", "nbgrader", "notes.txt", "pdf", "solutions"}
    parts |= {"questions.gift", "questions_qti.zip"}
    parts |= {"student", "student.zip", "teacher", "teacher.zip"}
    assert {path.name for path in old.iterdir()} == parts
    assert not (old / "html" / "gone.html").exists()
    assert (old / "notes.txt").read_text("utf-8") == "a teacher's own"


# An edition, and what is found by its words


def test_edition(tmp_path):
    """Of some notebooks alone: links to others are words, and their questions go."""
    folder = tmp_path / "build"
    numbers = ["01", "02", "03", "04"]
    lessons = build.edition(build.lessons_in(checks.ROOT / "notebooks"), numbers)
    names = {found.name for found in lessons}
    assert {"04_tandem", "04_likeness"} <= names and "05_comb" not in names
    copies.make(lessons, folder, "student")
    texts = {path: path.read_text("utf-8") for path in folder.rglob("notebooks/*.md")}
    texts |= {found.name: checks.markdown(found.node) for found in lessons}
    assert texts[folder / "student" / "notebooks" / "questions.md"].count("\n## ") == 6
    left_out = {path.stem for path in [*NOTEBOOKS, *checks.EVIDENCE]} - names
    links = [
        link for text in texts.values() for link in re.findall(r"\]\((.+?)\)", text)
    ]
    assert [x for x in links if Path(x.partition("#")[0]).stem in left_out] == []
    assert any("04_tandem.ipynb" in link for link in links)


def test_no_such_edition():
    lessons = build.lessons_in(checks.ROOT / "notebooks")
    with pytest.raises(SystemExit, match=r"no notebook 12\. There are: 01, 02"):
        build.edition(lessons, ["01", "12"])
    assert [found.name for found in build.edition(lessons, [])] == [
        found.name for found in lessons
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("**Time.**", "**Zeit.**", r"has no \*\*Time\.\*\*"),
        ("**What you'll learn", "**Was du lernst", "has no .*What you'll learn"),
        ("Predict", "Vorhersage", "has no .*Predict"),
        ("### Exercise", "### Aufgabe", "has no ### Exercise"),
    ],
)
def test_renamed_label(tmp_path, capsys, old, new, words):
    """The build names what it does not find any more, and the place to say so."""
    node = nbformat.read(NOTEBOOKS[0], 4)
    for cell in node.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(node, tmp_path / NOTEBOOKS[0].name)
    build.lessons_in(tmp_path)
    said = capsys.readouterr().err
    assert re.search(rf"{NOTEBOOKS[0].name} {words}.*lesson\.py", said)


def test_worksheets(tmp_path):
    """Two pages a lesson, with each prediction and without an answer; never a drag."""
    lessons = [lesson.read(path) for path in NOTEBOOKS[1:3]]
    paper.make(lessons, tmp_path / "pdf", tmp_path / "stage")
    for found in lessons:
        pages = text_of(tmp_path / "pdf" / f"{found.name}_worksheet.pdf")
        asked = len(re.findall(r"<summary>\W*b>Predict", checks.markdown(found.node)))
        assert len(pages) == 2 and asked > 5
        numbers = re.findall(r"Predict (\d+)\.", " ".join(pages))
        assert numbers == [str(number) for number in range(1, asked + 1)]
        assert "Answer" not in " ".join(pages)
        printed = " ".join(text_of(tmp_path / "pdf" / f"{found.name}.pdf"))
        assert "In the notebook, the next figure moves under your hand." in printed
        assert not re.search(r"\bdrag\b", printed, re.I)


def test_gift():
    """As many questions and choices as the page has, each with its reason."""
    text = quizzes.gift(QUIZ.read_text("utf-8"))
    questions = text.split("\n\n")
    assert len(questions) == 10
    for question in questions:
        head, *choices, end = question.strip().split("\n")
        assert re.match(r"::.+::\[markdown\].+(?<!\\)\{$", head) and end == "}"
        assert sorted(choice[0] for choice in choices) == ["=", "~", "~"]
        for choice in choices:
            parts = re.split(r"(?<!\\)#", choice)
            assert len(parts) == 2 and all(parts)
            assert not re.search(r"(?<!\\)[~={}]", choice[1:])


def test_qti(tmp_path):
    """The same choices, and the right one is worth all; no time is in the package."""
    page = QUIZ.read_text("utf-8")
    quizzes.qti(page, tmp_path / "quiz.zip")
    with zipfile.ZipFile(tmp_path / "quiz.zip") as package:
        assert {entry.date_time[0] for entry in package.infolist()} == {1980}
        (name,) = [n for n in package.namelist() if re.fullmatch(r"(\w+)/\1\.xml", n)]
        root = ElementTree.fromstring(package.read(name))
    items = [part for part in root.iter() if part.tag.endswith("}item")]
    asked = quizzes.questions_in(page)
    assert [item.get("title") for item in items] == [each.title for each in asked]
    for item, question in zip(items, asked, strict=True):
        found = {part.tag.rpartition("}")[2] for part in item.iter()}
        assert "itemfeedback" in found
        labels = [x for x in item.iter() if x.tag.endswith("}response_label")]
        (right,) = [
            part.text
            for rule in item.iter()
            if rule.tag.endswith("}respcondition")
            and any(x.tag.endswith("}setvar") for x in rule)
            for part in rule.iter()
            if part.tag.endswith("}varequal")
        ]
        marks = [choice[2] for choice in question.choices]
        assert [label.get("ident") == right for label in labels] == marks


def test_figures_for_slides(made, notebooks, tmp_path):
    """Each figure of each notebook as a file, with its words in the sheet."""
    with zipfile.ZipFile(made / "html" / "files" / "figures.zip") as packed:
        packed.extractall(tmp_path)
    sheet = tmp_path.joinpath("figures", "figures.html").read_text("utf-8")
    shown = [
        (name, html.unescape(words))
        for name, words in re.findall(r'src="([^"]+)" alt="([^"]*)"', sheet)
    ]
    wanted = [
        (f"{found.name}_{number:02}.png", figure["alt"])
        for found in map(copies.without_solutions, build.lessons_in(notebooks))
        for number, figure in enumerate(figures.figures_of(found), 1)
    ]
    assert shown == wanted and len(shown) > 20
    for name, _ in shown:
        assert cv2.imread(str(tmp_path / "figures" / name)) is not None
    assert "licenses/by/4.0" in sheet and (tmp_path / "figures/PHOTOS.md").exists()


def test_notes_for_the_teacher(made):
    """Each stands below a section that there is, in the teacher's edition alone."""
    noted = web.notes()
    lessons = [x for x in build.lessons_in(checks.ROOT / "notebooks") if not x.folder]
    there = {(found.name, title) for found in lessons for title in web.sections(found)}
    assert noted.keys() <= there
    assert {name for name, _ in noted} == {found.name for found in lessons}
    for found in lessons:
        path = Path("html", "notebooks", f"{found.name}.html")
        own = sum(name == found.name for name, _ in noted)
        if (made / path).exists():  # of the notebooks that these tests build
            given, kept = (
                (made / part / path).read_text("utf-8") for part in ("", "solutions")
            )
            assert "For the teacher" not in given
            assert kept.count("For the teacher") == own >= 3
        told = web.with_notes(found, noted).node
        assert checks.markdown(told).count("For the teacher") == own


def test_plans_say_the_number_of_a_section(made, view):
    """As a page counts its headings, those in the answers of a fold left out."""
    lessons = build.lessons_in(checks.ROOT / "notebooks")
    page = web.teachers_page(lessons, [])
    named = re.findall(r'"([^"]+)" \(section (\d+)\)', page)
    assert len(named) > 10
    for title, number in named:
        assert any(web.sections(x)[int(number) - 1 :][:1] == [title] for x in lessons)
    (found,) = [x for x in build.lessons_in(made / "teacher" / "notebooks") if x.goals][
        :1
    ]
    load(view, made / "html" / "notebooks" / f"{found.name}.html")
    shown = view.locator("article section > h2").all_inner_texts()
    assert [text.strip("#\n ") for text in shown] == web.sections(found)
    numbers = view.locator("article section > h2").evaluate_all(
        "all => all.map(h => getComputedStyle(h, '::before').content)"
    )
    assert all("counter(section)" in number for number in numbers)


def test_plans_name_what_is_there():
    """A section that a lesson's plan names is one of that notebook, after Run All."""
    page = checks.ROOT.joinpath("handout", "teachers.md").read_text("utf-8")
    plans = page.partition("\n## Plans\n")[2].partition("\n## ")[0]
    assert faults_of_plans(plans) == []
    planted = plans.replace("Nothing travels", "Nothing moves", 1)
    assert faults_of_plans(planted) == ["04_tandem has no Nothing moves"]


def by_section(notebook):
    """The code below each heading of a notebook, cell by cell."""
    sections = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search("(?m)^##+ ", cell.source):
            sections.append([])
        elif cell.cell_type == "code":
            sections[-1].append(cell.source)
    return sections


@pytest.mark.parametrize("number", range(1, 5))
def test_plans_can_be_followed(number):
    """After Run All, a part can be run again, whichever came before: here backwards."""
    [path] = (checks.ROOT / "notebooks").glob(f"{number:02}_*.ipynb")
    notebook = nbformat.read(path, 4)
    first, *sections = by_section(notebook)
    assert len(sections) > 6
    run(first, *sections, *reversed(sections))


@pytest.mark.parametrize("number", range(1, 5))
def test_sections_can_go(number):
    """Those of which a teacher is told so, all at once; another one can't."""
    page = checks.ROOT.joinpath("handout", "teachers.md").read_text("utf-8")
    (line,) = re.findall(rf"(?m)^- Notebook {number}: (.+)", page)
    titles = re.findall(r'"([^"]+)"', line)
    (path,) = (checks.ROOT / "notebooks").glob(f"{number:02}_*.ipynb")
    notebook = nbformat.read(path, 4)
    without(notebook, titles)
    needed = {1: "An image is a grid of numbers", 2: "Two ways round a square"}
    needed |= {3: "Two yellow pixels", 4: "Three photos, down to 6×9"}
    with pytest.raises(CellExecutionError, match="is not defined"):
        without(notebook, [needed[number]])


def without(notebook, titles):
    """Run a notebook without some of its sections."""
    kept, gone, title = [], set(), ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (
            head := re.search("(?m)^## (.+)", cell.source)
        ):
            title = head[1]
        if title in titles:
            gone.add(title)
        elif cell.cell_type == "code":
            kept.append(cell.source)
    assert gone == {*titles}
    run(kept)


def run(*sections):
    cells = [new_code_cell(source) for section in sections for source in section]
    execute(new_notebook(cells=cells), checks.ROOT / "notebooks")


def test_a_part_that_needs_another():
    cells = [new_code_cell("a = [1]"), new_markdown_cell("## One")]
    cells += [new_code_cell("assert a.pop() == 1"), new_markdown_cell("## Two")]
    sections = by_section(new_notebook(cells=cells))
    assert [len(part) for part in sections] == [1, 1, 0]
    with pytest.raises(CellExecutionError, match="pop from empty list"):
        run(*sections, sections[1])


def faults_of_plans(plans):
    faults = [] if plans.strip().startswith("*Run All Cells* first") else ["no Run All"]
    for path in NOTEBOOKS:
        number = int(path.name[:2])
        text = checks.markdown(nbformat.read(path, 4))
        parts = re.split(r"[Nn]otebook (?=\d)", plans)
        named = [part for part in parts if re.match(rf"{number}\b", part)]
        for title in re.findall(r'"([A-Z][^"]+)"', " ".join(named)):
            if not re.search(rf"(?m)^#+ {re.escape(title.rstrip(','))}", text):
                faults.append(f"{path.stem} has no {title}")
    return faults
