"""The notebooks as stored and as run; and proof that the checks find planted faults."""

import base64
import copy
import functools
import re
import subprocess
import sys

import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
from execute import README_PICTURE, execute, readme_pictures
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted((checks.ROOT / "notebooks").glob("*.ipynb"))
STORED = [
    checks.check_format,
    checks.check_run_once,
    checks.check_no_error,
    checks.check_no_stderr,
    checks.check_no_machine_path,
    checks.check_cell_lengths,
    checks.check_no_semicolon,
    checks.check_sizes,
    checks.check_alt_texts,
    checks.check_ignored_cells,
    checks.check_numbers,
]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)


@functools.cache
def stored(path):
    return nbformat.read(path, as_version=4)


@functools.cache
def run(path):
    return execute(stored(path), path.parent)


@every_notebook
@pytest.mark.parametrize("check", STORED, ids=lambda c: c.__name__)
def test_as_stored(path, check):
    assert check(stored(path)) == []


@every_notebook
def test_links(path):
    assert checks.check_links(checks.markdown(stored(path)), path.parent) == []


@pytest.mark.parametrize("name", ["README.md", "images/README.md"])
def test_links_of_pages(name):
    path = checks.ROOT / name
    assert checks.check_links(path.read_text(encoding="utf-8"), path.parent) == []


def test_the_readme_shows_a_stored_figure():
    pictures = [png for path in NOTEBOOKS for png in readme_pictures(stored(path))]
    assert pictures == [README_PICTURE.read_bytes()]


def test_same_imports():
    lines = {checks.import_lines(stored(path)) for path in NOTEBOOKS}
    assert len(lines) == 1
    assert "sys.path" in lines.pop()


@every_notebook
def test_as_run(path):
    assert checks.check_no_stderr(run(path)) == []
    assert checks.check_figures(stored(path), run(path)) == []


def test_runs_from_the_top_folder():
    execute(stored(NOTEBOOKS[0]), checks.ROOT)


# Planted faults

FIGURE = """\
figure, axes = plt.subplots(figsize=(3, 2))
axes.plot([0, 1])
display(figure, metadata={"image/png": {"alt": "A line that rises from 0 to 1."}})
plt.close(figure)"""


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A small notebook without a fault."""
    cells = [
        new_markdown_cell("# Title\n\nThe mean is 0.25, or 25 %. See [here](#Title)."),
        new_code_cell("import matplotlib.pyplot as plt"),
        new_code_cell('print(1 / 4, "25 %")'),
        new_code_cell(FIGURE),
        new_code_cell("assert True", metadata={"tags": ["nbval-ignore-output"]}),
    ]
    return execute(new_notebook(cells=cells), tmp_path_factory.mktemp("sound"))


@pytest.fixture
def altered(sound):
    return copy.deepcopy(sound)


def test_sound_notebook(sound, tmp_path):
    assert [fault for check in STORED for fault in check(sound)] == []
    assert checks.check_links(checks.markdown(sound), tmp_path) == []
    assert checks.check_figures(sound, execute(sound, tmp_path)) == []


def prose(text):
    return lambda nb: nb.cells[0].update(source=text)


def code(source):
    return lambda nb: nb.cells[2].update(source=source)


def output(**fields):
    return lambda nb: nb.cells[2].outputs.append(new_output(**fields))


def no_alt(nb):
    nb.cells[3].outputs[0].metadata.clear()


def large_figure(nb):
    data = {"image/png": base64.b64encode(bytes(301_000)).decode()}
    nb.cells[3].outputs[0].data.update(data)


FAULTS = {
    "no id": (lambda nb: nb.cells[1].pop("id"), checks.check_format, "'id'"),
    "cleared": (
        lambda nb: nb.cells[2].update(execution_count=None),
        checks.check_run_once,
        "[1, None, 3, 4]",
    ),
    "run again": (
        lambda nb: nb.cells[4].update(execution_count=5),
        checks.check_run_once,
        "[1, 2, 3, 5]",
    ),
    "error": (
        output(output_type="error", ename="E", evalue="out of range"),
        checks.check_no_error,
        "out of range",
    ),
    "stderr": (
        output(output_type="stream", name="stderr", text="careful"),
        checks.check_no_stderr,
        "careful",
    ),
    "path": (
        output(output_type="stream", text="in /home/someone/x.py"),
        checks.check_no_machine_path,
        "/home/s",
    ),
    "Windows path": (
        code(r'open("C:\\Users\\someone")'),
        checks.check_no_machine_path,
        r"C:\Users",
    ),
    "checkout": (
        prose(f"Look into {checks.ROOT}"),
        checks.check_no_machine_path,
        str(checks.ROOT),
    ),
    "long cell": (code("x = 1\n" * 21), checks.check_cell_lengths, "21 lines"),
    "long cells": (
        lambda nb: nb.cells.extend(map(new_code_cell, ["x = 1\n" * 13, "x = 1"] * 3)),
        checks.check_cell_lengths,
        "more than 2 cells",
    ),
    "high median": (
        lambda nb: [cell.update(source="x = 1\n" * 5) for cell in nb.cells[2:]],
        checks.check_cell_lengths,
        "median of 5",
    ),
    "semicolon": (code("plt.plot([0]);"), checks.check_no_semicolon, "plt.plot"),
    "large figure": (large_figure, checks.check_sizes, "301 kB"),
    "large": (prose("word " * 300_001), checks.check_sizes, "1.5"),
    "no alt text": (no_alt, checks.check_alt_texts, "code cell 3"),
    "picture": (prose("![](x.png)"), checks.check_alt_texts, "![](x.png)"),
    "img": (prose('<img src="x">'), checks.check_alt_texts, '<img src="x">'),
    "no assert": (
        lambda nb: nb.cells[4].update(source="print(1)"),
        checks.check_ignored_cells,
        "print(1)",
    ),
    "many ignored": (
        lambda nb: nb.cells.extend([nb.cells[4]] * 3),
        checks.check_ignored_cells,
        "4 cells",
    ),
    "skipped": (code("# NBVAL_SKIP"), checks.check_ignored_cells, "NBVAL_SKIP"),
}


@pytest.mark.parametrize(("plant", "check", "words"), FAULTS.values(), ids=FAULTS)
def test_planted_fault(altered, plant, check, words):
    plant(altered)
    (fault,) = check(altered)
    assert words in fault


MEASURED = ["0.26", "−0.25", "0.2501", "26 %", "0.25 %", "1e-3"]
MEASURED += ["3×", "1,000×", "3 times faster", "3 ms", "2 s", "5 minutes"]
NOT_MEASURED = ["3", "−3", "10×10", "427 × 640", "1980s", "5 times", "`0.4`", "$0.4$"]
NOT_MEASURED += ["[map](0.4.png)", "https://x.org/0.4", "doi 10.1000/0.4", "arXiv:1.4"]


@pytest.mark.parametrize("number", MEASURED)
def test_number_in_no_output(altered, number):
    altered.cells.append(new_markdown_cell(f"It is **{number}** here."))
    assert checks.check_numbers(altered) == [f"in no output: {number}"]


@pytest.mark.parametrize("number", MEASURED)
def test_number_in_an_output(altered, number):
    altered.cells.append(new_markdown_cell(f"It is **{number}** here."))
    output(output_type="stream", text=f"[ {number}]")(altered)
    assert checks.check_numbers(altered) == []


@pytest.mark.parametrize("text", ["0.2", "0.3", "25%", "25 percent", *NOT_MEASURED])
def test_number_without_fault(altered, text):
    altered.cells.append(new_markdown_cell(f"It is {text} here."))
    assert checks.check_numbers(altered) == []


def test_minutes_of_reading(altered):
    prose("# Title\n\n15–20 minutes")(altered)
    assert checks.check_numbers(altered) == []


@pytest.mark.parametrize(
    "link", ["[x](gone.md)", "[x](#gone)", '<img src="gone.png">', "\n[x]: gone.md"]
)
def test_dead_link(link, tmp_path):
    text = f"# Title\n\n[here](#title), [web](https://x.org). {link}"
    (fault,) = checks.check_links(text, tmp_path)
    assert "gone" in fault


def test_other_imports(altered):
    altered.cells[1].source = 'import sys\n\nsys.path[:0] = ["."]\nimport numpy'
    assert checks.import_lines(altered) == 'import sys\n\nsys.path[:0] = ["."]'


def paint(notebook, change):
    """Change one channel of 10×10 pixels of the stored figure."""
    data = notebook.cells[3].outputs[0].data
    encoded = np.frombuffer(base64.b64decode(data["image/png"]), np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    image[5:15, 5:15, 0] -= np.uint8(change)
    data["image/png"] = base64.b64encode(cv2.imencode(".png", image)[1]).decode()


def test_painted_figure(altered, sound):
    paint(altered, checks.TOLERANCE)
    assert checks.check_figures(altered, sound) == []
    paint(altered, 8)
    assert checks.check_figures(altered, sound) == [
        "code cell 3: a figure differs by 20 of 255"
    ]


def test_figure_of_other_size(altered, sound):
    data = altered.cells[3].outputs[0].data
    image = cv2.imencode(".png", np.zeros((4, 4, 3)))[1]
    data["image/png"] = base64.b64encode(image).decode()
    (fault,) = checks.check_figures(altered, sound)
    assert "a figure of (4, 4, 3), now" in fault


def test_missing_figure(altered, sound):
    altered.cells[3].outputs.clear()
    assert checks.check_figures(altered, sound) == ["code cell 3: 0 figures, now 1"]


def test_other_alt_text(altered, sound):
    altered.cells[3].outputs[0].metadata["image/png"]["alt"] = "A falling line."
    (fault,) = checks.check_figures(altered, sound)
    assert "A falling line." in fault


@pytest.mark.parametrize(("printed", "failed"), [("0.25", []), ("0.26", ["1"])])
def test_nbval_compares_text(altered, tmp_path, printed, failed):
    altered.cells[2].outputs[0].text = f"{printed} 25 %\n"
    nbformat.write(altered, tmp_path / "copy.ipynb")
    options = ["--nbval", "--nbval-current-env", "--color=no", "-rA"]
    command = [sys.executable, "-m", "pytest", *options, "copy.ipynb"]
    report = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    results = re.findall(r"(PASSED|FAILED) copy.ipynb::Cell (\d)", report.stdout)
    assert len(results) == 4
    assert [cell for result, cell in results if result == "FAILED"] == failed
