"""The handouts: pages in a real browser, print, copies; and proof that faults show."""

import base64
import copy
import ctypes
import os
import shutil
import socket
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pypdfium2 as pdfium
import pytest
from axe_playwright_python.sync_playwright import Axe
from execute import execute
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import Error, sync_playwright
from pypdfium2 import raw

from handout import build

# Of Sphinx, to the makers of its extensions.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

NOTEBOOKS = sorted((checks.ROOT / "notebooks").glob("*.ipynb"))
NAMES = [*(path.stem for path in NOTEBOOKS), "99_sample"]
PAGES = ["index", "search", *(f"notebooks/{name}" for name in NAMES)]
WIDGET = "application/vnd.jupyter.widget-view+json"
# No box for want of rights in a container; no talk with the browser's maker.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync"]


def sample():
    """A notebook with one of each thing that a handout has to deal with."""
    grey = np.full((90, 600), 240, np.uint8)
    figure = base64.b64encode(cv2.imencode(".png", grey)[1]).decode()
    bar = {WIDGET: {"model_id": "1"}, "text/plain": "  0%|  | 0/3 [00:00<?, ?it/s]"}
    slider = {WIDGET: {"model_id": "2"}, "text/plain": "interactive(children=())"}
    table = "<style>td {margin: 7px}</style><table><tr><td>cell 1</td></tr></table>"
    solved = "def right(image, down, right):\n    return translate(image, down, right)"
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
    cells = [
        new_markdown_cell(
            "# 99 · Sample\n\n*Is it all here?*\n\n**Time.** 1 minute.\n\n"
            "See [the first](01_translation.ipynb) and [below](#your-turn): $x^2$.\n\n"
            "<details><summary>Predict: is <code>f</code> $\\sqrt{2}$?</summary>\n"
            "It is `hidden`: $\\sqrt{3}$.</details>"
        ),
        new_code_cell("print('shown')", outputs=outputs),
        new_markdown_cell(
            "## Your turn\n\n### A move\n\n$$\\begin{aligned}a &= b\\\\ "
            "c &= d\\end{aligned}$$"
        ),
        new_code_cell(
            'import sys\n\nsys.path[:0] = [".", ".."]\n\n'
            "from exercises import check_translate\nfrom helpers import translate"
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


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
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
    build.build(tmp_path, notebooks)
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (made, tmp_path)
    ]
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []


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


@pytest.fixture(params=["desktop", "phone"])
def view(request, browser):
    """A window of either kind that lists what goes wrong while a page loads."""
    desktop = request.param == "desktop"
    context = browser.new_context(
        viewport={"width": 1400 if desktop else 390, "height": 900},
        color_scheme="light" if desktop else "dark",
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
    view.evaluate("() => window.MathJax?.startup.promise")
    return view


FORMULAS = """() => [...document.querySelectorAll('.math')].filter(
    e => !e.querySelector('mjx-container svg') || e.querySelector('[data-mjx-error]')
).map(e => 'formula not drawn: ' + e.textContent)"""
UNREAD = """() => [...document.querySelectorAll('article :is(h2, h3, p, li, td)')
    ].map(e => e.textContent).filter(text => text.includes('$')).map(
    text => 'formula not read: ' + text)"""
PICTURES = """() => [...document.images].flatMap(e => [
    ...(e.alt.trim() ? [] : ['no alt text: ' + e.src]),
    ...(e.naturalWidth ? [] : ['not a picture: ' + e.src])])"""
TOO_WIDE = """() => [...document.querySelectorAll(
    'article :is(h1, h2, h3, p, li, summary, td, .math)')].filter(
    e => e.getBoundingClientRect().right > innerWidth).map(
    e => 'wider than the screen: ' + e.textContent.slice(0, 60)).concat(
    document.documentElement.scrollWidth > innerWidth ? ['page scrolls sideways'] : [])
"""


def brightness(png):
    """The brightness of a picture's ground: 255 is white."""
    grey = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.percentile(grey, 95)


def faults_of_page(view):
    """What is wrong with the page that a view has loaded."""
    faults = [*view.faults]
    for script in [FORMULAS, UNREAD, PICTURES, TOO_WIDE]:
        faults += view.evaluate(script)
    figures = view.locator(".cell_output img")
    for figure in figures.all()[:: max(1, figures.count() // 3)]:
        # Black type needs white paper, in the dark, too.
        if (paper := brightness(figure.screenshot())) < 230:
            faults.append(f"a figure of brightness {paper:.0f}")
    # An open question, too, has to be read by all.
    view.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    report = Axe().run(view, options={"resultTypes": ["violations"]})
    for violation in report.response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            nodes = [node["html"][:200] for node in violation["nodes"]]
            faults.append(f"{violation['id']}: {violation['help']}: {nodes}")
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_page(made, view, name):
    load(view, made / "html" / f"{name}.html")
    assert faults_of_page(view) == []


SIGHTLESS = '<img src="../_static/minus.png">'
SCRIPT = '<script src="https://example.org/x.js"></script>'
CROSS_SITE = '<link rel="stylesheet" href="https://example.org/x.css">'
FAULTY = {
    "picture without alt text": (SIGHTLESS, "no alt text"),
    "missing picture": ('<img src="gone.png" alt="Gone.">', "not a picture"),
    "script from elsewhere": (SCRIPT, "request to https://example.org/x.js"),
    "style from elsewhere": (CROSS_SITE, "request to https://example.org/x.css"),
    "failing script": ("<script>undefined.x</script>", "undefined"),
    "faulty formula": ('<span class="math">\\(\\frac{1\\)</span>', "not drawn"),
    "unread formula": ("<p>$x$</p>", "formula not read"),
    "wide text": ('<p style="width: 1500px">wide</p>', "wider than the screen"),
    "grey figure": (
        '<div class="cell_output"><img src="../_static/file.png" alt="Grey." '
        'style="padding: 2rem; background: #777"></div>',
        "a figure of brightness",
    ),
    "faint text": (
        '<p style="color: #888; background: #777">faint</p>',
        "color-contrast",
    ),
}


@pytest.mark.parametrize("view", ["phone"], indirect=True)
@pytest.mark.parametrize(("planted", "words"), FAULTY.values(), ids=FAULTY)
def test_planted_in_page(made, view, planted, words):
    page = made / "html" / "notebooks" / "planted.html"
    source = page.with_name("99_sample.html").read_text("utf-8")
    page.write_text(source.replace("<p><em>", planted + "<p><em>", 1), "utf-8")
    load(view, page)
    assert any(words in fault for fault in faults_of_page(view))


def test_clicks(made, view):
    load(view, made / "html" / "notebooks" / "99_sample.html")
    answer, solution = view.get_by_text("hidden"), view.get_by_text("return")
    assert not answer.is_visible() and not solution.is_visible()
    view.get_by_text("Predict: is").click()
    view.get_by_text("Show the solution").click()
    assert answer.is_visible() and solution.is_visible()
    assert view.get_by_text("A slider belongs here").is_visible()
    for stale in ["stale bar", "it/s", "<Figure", "interactive("]:
        assert stale not in view.content().replace("&lt;", "<")


def test_dark_button(made, view):
    load(view, made / "html" / "index.html")
    for mode in ["Dark", "Light"]:
        view.locator("button.theme-switch-button:visible").click()
        view.locator("button:visible", has_text=mode).click()
        ground = view.screenshot(clip={"x": 0, "y": 200, "width": 8, "height": 200})
        assert brightness(ground) == pytest.approx(255 * (mode == "Light"), abs=30)


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_search(made, view):
    load(view, made / "html" / "search.html")
    view.goto(f"{view.url}?q=translate")
    view.wait_for_selector("#search-results li a")
    assert view.locator("#search-results li a").count() >= 2


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_previous_and_next(made, view):
    load(view, made / "html" / "index.html")
    visited = []
    while view.locator("a.right-next").count():
        with view.expect_navigation():
            view.locator("a.right-next").click()
        visited.append(Path(urlsplit(view.url).path).stem)
    assert visited == NAMES


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


def dead_links(page):
    dead = []
    for link in sorted(Links(page).links):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.is_file() or (
            parts.fragment and unquote(parts.fragment) not in Links(target).ids
        ):
            dead.append(link)
    return dead


@pytest.mark.parametrize("name", PAGES)
def test_links(made, name):
    assert dead_links(made / "html" / f"{name}.html") == []


@pytest.mark.parametrize("link", ["gone.html", "#gone", "index.html#gone"])
def test_planted_link(made, link):
    page = made / "html" / "planted.html"
    page.write_text(f'<a href="{link}">x</a> <a href="index.html">y</a>', "utf-8")
    assert dead_links(page) == [link]


@pytest.mark.parametrize("name", NAMES)
def test_download(made, notebooks, name):
    stored = nbformat.read(notebooks / f"{name}.ipynb", as_version=4)
    source = made / "html" / "_sources" / "notebooks" / f"{name}.ipynb"
    assert nbformat.read(source, as_version=4) == stored


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


@pytest.mark.parametrize("name", [*NAMES, "series"])
def test_print(made, name):
    path = made / "pdf" / f"{name}.pdf"
    assert faults_of_print(path) == []
    pages = text_of(path)
    assert all(len(page) > 40 for page in pages)
    words = " ".join(" ".join(pages).split())
    title = build.TITLE
    if name != "series":
        stored = nbformat.read(made / "teacher" / "notebooks" / f"{name}.ipynb", 4)
        title = build.Lesson(name, stored).title
    assert " ".join(title.split()) in words
    assert pdfium.PdfDocument(path).get_metadata_value("Title") == title


def test_print_of_sample(made):
    first, *_, last = text_of(made / "pdf" / "99_sample.pdf")
    assert "Answer: page 2" in first and "Solution: page 2" in first
    assert "hidden" not in first and "return" not in first
    assert "hidden" in last and "return translate" in last
    assert "printed" in first and "cell 1" in first
    for stale in ["stale bar", "it/s", "<Figure", "interactive(", "attempted", "7px"]:
        assert stale not in first + last


def test_alt_text_in_print(made):
    """Readers that speak find it where the drawing stands."""
    assert 'A "grey" strip & no more.' in alt_texts(made / "pdf" / "99_sample.pdf")


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


def test_planted_in_print(tmp_path):
    lesson = build.Lesson("99_sample", sample())
    lesson.node.cells[1].source = "x" * 200
    lesson.node.cells[2].source += "\n\nNot a formula: $x $."
    (tmp_path / "pdf").mkdir()
    (tmp_path / "stage").mkdir()
    build.make_pdf([lesson], tmp_path, tmp_path / "stage")
    assert faults_of_print(tmp_path / "pdf" / "99_sample.pdf") == [
        "page 1 has a formula that was not set",
        "page 1 has ink in the margin",
    ]


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
    for folder in [teacher, student]:
        for part in ["requirements.txt", "helpers.py", "exercises.py", "LICENSE"]:
            assert (folder / part).read_bytes() == (checks.ROOT / part).read_bytes()
        for part in (checks.ROOT / "images").iterdir():
            copied = folder / "images" / part.name
            assert copied.read_bytes() == part.read_bytes()
        for name in NAMES:
            path = folder / "notebooks" / f"{name}.ipynb"
            text = checks.markdown(nbformat.read(path, as_version=4))
            assert checks.check_links(text, path.parent) == []
    for name in NAMES:
        assert "solution" not in all_tags(student / "notebooks" / f"{name}.ipynb")
    assert "solution" in all_tags(teacher / "notebooks" / "99_sample.ipynb")


def all_tags(path):
    cells = nbformat.read(path, as_version=4).cells
    return {tag for cell in cells for tag in checks.tags(cell)}


@pytest.mark.parametrize("name", NAMES)
def test_student_runs(made, student, name):
    """Untouched, no exercise counts as tried; with its solution, each is right."""
    path = student / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    stored = nbformat.read(made / "teacher" / "notebooks" / path.name, as_version=4)
    kinds = {
        tag: [cell for cell in stored.cells if tag in checks.tags(cell)]
        for tag in ["exercise", "check", "solution"]
    }
    assert len({len(cells) for cells in kinds.values()}) == 1
    pasted = copy.deepcopy(kinds["solution"])
    notebook.cells += pasted
    run = execute(notebook, path.parent)
    untouched = [c for c in run.cells if "check" in checks.tags(c)]
    assert [printed(cell) for cell in untouched] == ["Not attempted yet."] * len(pasted)
    if pasted:
        solved = run.cells[-len(pasted) :]
        assert [printed(cell) for cell in solved] == ["Correct."] * len(pasted)


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs).strip()
