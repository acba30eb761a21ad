"""The notebooks as stored and as run; and proof that the checks find planted faults."""

import ast
import base64
import collections
import copy
import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import anatomy
import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
from execute import execute, replace
from execute import main as store_all
from nbconvert import ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = checks.NOTEBOOKS
STORED = [
    checks.check_format,
    checks.check_run_once,
    checks.check_no_error,
    checks.check_no_stderr,
    checks.check_no_machine_path,
    checks.check_mime_types,
    anatomy.check_lengths,
    checks.check_no_semicolon,
    checks.check_sizes,
    checks.check_alt_texts,
    checks.check_ignored_cells,
    checks.check_numbers,
    checks.check_cited_ids,
    checks.check_typed_numbers,
]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)


@functools.cache
def stored(path):
    return nbformat.read(path, as_version=4)


@every_notebook
@pytest.mark.parametrize("check", STORED, ids=lambda c: c.__name__)
def test_as_stored(path, check):
    assert check(stored(path)) == []


@every_notebook
def test_links(path):
    assert checks.check_links(checks.markdown(stored(path)), path.parent) == []


@every_notebook
def test_nbconvert_makes_a_script(path):
    _, resources = ScriptExporter().from_filename(path)
    assert resources["output_extension"] == ".py"


FOUND = "notebooks/what_was_found.md"
# Behind a number of that page: notebook, cell that prints it, and words of the line.
PRINTED_IN = re.compile(r"<!--\s*(\w+):\s*([\w-]+)\s*(?::\s*(.*?))?\s*-->")
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "images/README.md", FOUND]
PAGES += [f"handout/{name}.md" for name in ["elsewhere", "measure", "teachers"]]


@pytest.mark.parametrize("name", PAGES)
def test_links_of_pages(name):
    path = checks.ROOT / name
    assert checks.check_links(path.read_text(encoding="utf-8"), path.parent) == []


def wrong_findings(page):
    """The measured numbers of a page that the cells they name do not print."""
    faults = []
    for block in checks.BLOCK.split(page):
        *bound, rest = PRINTED_IN.split(block)
        for text, name, cell, words in zip(*[iter(bound)] * 4, strict=True):
            paths = [p for p in NOTEBOOKS if p.stem == name or p.stem[:2] == name]
            for number in checks._measured(checks.NO_PROSE.sub(" ", text)):
                claim = checks.Claim(*number, 0, sources=(cell,), words=words or "")
                printed = checks.evidence(stored(paths[0]), claim) if paths else None
                if printed is None or not checks.holds(claim, printed):
                    faults.append(f"{claim.spelling.strip()} is not in {name}: {cell}")
        for number in checks._measured(checks.NO_PROSE.sub(" ", rest)):
            faults.append(f"{number[-1].strip()} names no cell")
    return faults


def test_what_was_found():
    assert wrong_findings((checks.ROOT / FOUND).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("0.29<!-- 01:", "0.28<!-- 01:"),
        ("−0.52<!--", "0.52<!--"),
        ("rocket, 1 step", "coffee, 1 step"),
        ("<!-- 04: two-correlations: mirror", "<!-- 04: two-correlation: mirror"),
        ("<!-- 02: stride-errors", "<!-- 09: stride-errors"),
        ("0.04<!-- 04_likeness: over-photos: nine, pairs -->", "0.04"),
    ],
)
def test_wrong_findings_are_noticed(there, instead):
    page = (checks.ROOT / FOUND).read_text(encoding="utf-8")
    assert there in page
    assert wrong_findings(page.replace(there, instead)) != []


def test_no_two_cells_share_an_id():
    assert checks.check_ids_differ(map(stored, NOTEBOOKS)) == []


def test_same_imports():
    lines = {checks.import_lines(stored(path)) for path in NOTEBOOKS}
    assert len(lines) == 1
    assert "sys.path" in lines.pop()


def test_same_name_same_source():
    """A function that is told again in another notebook is told alike."""
    sources = collections.defaultdict(set)
    for path in NOTEBOOKS:
        for cell in checks.code_cells(stored(path)):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef):
                    sources[node.name].add(ast.unparse(node))
    assert {name: told for name, told in sources.items() if len(told) > 1} == {}


@every_notebook
def test_exchanged_numbers_are_noticed(path):
    """Put another printed number of its kind in the place of each in the prose."""
    notebook = stored(path)
    exchanged = list(checks.exchanges(notebook))
    missed = [
        f"{claim.spelling.strip()} → {other.value:g}"
        for claim, other in exchanged
        if checks.holds(other, checks.evidence(notebook, claim))
    ]
    print(f"{path.name}: {len(missed)} of {len(exchanged)} missed:", *missed, sep="  ")
    assert len(missed) <= 0.05 * len(exchanged)


def test_finds_what_it_imports_from_the_top_folder():
    """The rest does not look for a file; the first cell is the same everywhere."""
    notebook = copy.deepcopy(stored(NOTEBOOKS[0]))
    photo = next(i for i, c in enumerate(notebook.cells) if "load_image(" in c.source)
    del notebook.cells[photo + 1 :]
    execute(notebook, checks.ROOT)


# Whatever ends `make notebooks`, a stored notebook is whole


@pytest.fixture
def waits(tmp_path):
    path = tmp_path / "waits.ipynb"
    source = "from time import sleep\nopen('runs', 'w').close()\nsleep(60)"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    return path


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_notebook_whose_run_is_interrupted_stays(waits, sent):
    before = waits.read_bytes()
    command = [sys.executable, checks.ROOT / "tests" / "execute.py", waits]
    process = subprocess.Popen(command, stdout=-1, stderr=subprocess.STDOUT, text=True)
    while not waits.with_name("runs").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.endswith(f"\nInterrupted: {waits} stays as it was.\n")
    assert waits.read_bytes() == before
    assert {path.name for path in waits.parent.iterdir()} == {waits.name, "runs"}


def test_a_notebook_for_which_there_is_no_space_stays(waits, monkeypatch):
    def fill(path, content):
        with path.open("xb") as file:
            file.write(content[:9])
        raise OSError(28, "No space left on device")

    before = waits.read_bytes()
    monkeypatch.setattr("execute.execute", lambda notebook, *_, **__: notebook)
    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(SystemExit, match="waits.ipynb .* stays as it was: .* No space"):
        store_all([str(waits)])
    assert waits.read_bytes() == before and list(waits.parent.iterdir()) == [waits]


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text("old", "utf-8")
    rights = path.stat().st_mode
    replace(path, b"new")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode == rights


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
        new_markdown_cell("# Title\n\nTwo cells. See [here](#Title)."),
        new_code_cell("import matplotlib.pyplot as plt"),
        new_code_cell('print(1 / 4, "25 %")'),
        new_code_cell(FIGURE),
        new_code_cell("assert True", metadata={"tags": ["nbval-ignore-output"]}),
        new_markdown_cell("The mean is 0.25, or 25 %."),
    ]
    return execute(new_notebook(cells=cells), tmp_path_factory.mktemp("sound"))


@pytest.fixture
def altered(sound):
    return copy.deepcopy(sound)


def test_sound_notebook(sound, tmp_path):
    assert [fault for check in STORED for fault in check(sound)] == []
    assert checks.check_links(checks.markdown(sound), tmp_path) == []
    assert compared(sound, execute(sound, tmp_path)) == []


def compared(notebook, again):
    pairs = zip(checks.code_cells(notebook), checks.code_cells(again), strict=True)
    return [
        fault
        for old, new in pairs
        for compare in (checks.compare_text, checks.compare_figures)
        for fault in compare(old, new.outputs)
    ]


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
    "script": (
        output(output_type="display_data", data={"application/javascript": "x()"}),
        checks.check_mime_types,
        "application/javascript",
    ),
    "pasted picture": (
        lambda nb: nb.cells[0].update(attachments={"x.svg": {"image/svg+xml": "<"}}),
        checks.check_mime_types,
        "image/svg+xml",
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
    "position as id": (
        prose("It is 3<!-- mean, n04-034c: poolings -->."),
        checks.check_cited_ids,
        "words as ids, not n04-034c",
    ),
    "id made by chance": (
        prose("It is 3<!-- 3fa2b1cc -->."),
        checks.check_cited_ids,
        "3fa2b1cc",
    ),
    "long id": (prose("<!-- a-b-c-d -->"), checks.check_cited_ids, "a-b-c-d"),
    "id in two notebooks": (
        lambda nb: nb.cells[2].update(id="mean"),
        lambda nb: checks.check_ids_differ([nb, new_notebook(cells=[nb.cells[2]])]),
        "2 cells are mean",
    ),
}


@pytest.mark.parametrize(("plant", "check", "words"), FAULTS.values(), ids=FAULTS)
def test_planted_fault(altered, plant, check, words):
    plant(altered)
    (fault,) = check(altered)
    assert words in fault


MEASURED = ["0.26", "−0.25", "0.2501", "26 %", "0.25 %", "1e-3", "12", "89,708"]
MEASURED += ["3×", "1,000×", "3 times faster", "3 ms", "2 s", "5 minutes"]
NOT_MEASURED = ["3", "−3", "10×10", "427 × 640", "1980s", "5 times", "`0.4`", "$0.4$"]
NOT_MEASURED += [
    "(1980)",
    "2×12×14",
    "[map](0.4.png)",
    "https://x.org/0.4",
    "doi 10.1000/0.4",
    "arXiv:1.4",
]


def read(notebook, text):
    notebook.cells[5].source = text
    return checks.check_numbers(notebook)


def printed(notebook, text):
    output(output_type="stream", text=text)(notebook)


@pytest.mark.parametrize("number", MEASURED)
def test_number_not_printed(altered, number):
    fault = f"not printed where it should be: {number}"
    assert read(altered, f"It is **{number}** here.") == [fault]
    printed(altered, f"[ {number}]")
    assert read(altered, f"It is **{number}** here.") == []


@pytest.mark.parametrize("text", ["0.2", "0.3", "25%", "25 percent", *NOT_MEASURED])
def test_number_without_fault(altered, text):
    assert read(altered, f"It is {text} here.") == []


def test_minutes_of_reading(altered):
    prose("# Title\n\n15–20 minutes")(altered)
    assert checks.check_numbers(altered) == []


DISTANT = new_markdown_cell("In between."), new_code_cell("x = 12")
SOURCES = {  # what stands far from its output: how many faults
    "It is 0.25.": 1,
    "It is 0.25<!-- mean -->.": 0,
    "It is 0.26<!-- mean -->.": 1,
    "It is 0.25<!-- gone -->.": 1,
    "It is 0.25<!-- mean: 25 % -->.": 0,
    "It is 0.25<!-- mean: other words -->.": 1,
    "It is 0.25<!-- mean -->, so 0.25.": 1,
    "It is 0.25, or 25 %<!-- mean -->.": 0,
    "It is 0.25.\n\nOr 25 %<!-- mean -->.": 1,
    "- 0.25\n- 25 %<!-- mean -->": 1,
    "| 0.25 |\n| 25 %<!-- mean --> |": 1,
    "It is 0.25<!-- gone, mean -->.": 1,
    "There are 12.": 0,  # in the code
    "There are 13.": 1,
    "<details>It is 0.25.</details>": 1,
}


@pytest.mark.parametrize(("text", "faults"), SOURCES.items())
def test_sources_of_numbers(altered, text, faults):
    altered.cells[2].id = "mean"
    altered.cells[5:] = [*copy.deepcopy(DISTANT), new_markdown_cell(text)]
    assert len(checks.check_numbers(altered)) == faults


@pytest.mark.parametrize(
    ("place", "faults"),
    [("a row, cell 1", 0), ("a row, cell 2", 1), ("row, cell 1", 1), ("b, cell 3", 1)],
)
def test_a_number_of_a_table(altered, place, faults):
    table = "a row  0.25  0.3\nb      0.4"
    altered.cells[2].id, altered.cells[5:] = "table", copy.deepcopy(DISTANT)
    output(output_type="display_data", data={"text/plain": table})(altered)
    altered.cells.append(new_markdown_cell(f"It is 0.25<!-- table: {place} -->."))
    assert len(checks.check_numbers(altered)) == faults


def test_an_answer_is_printed_below(altered):
    answer = "<details><summary>Predict.</summary>It is 0.25.</details>"
    altered.cells.insert(2, new_markdown_cell(answer))
    assert checks.check_numbers(altered) == []
    altered.cells[2].source = "It is 0.25."
    assert len(checks.check_numbers(altered)) == 1


def test_exchanges(altered):
    printed(altered, "0.30, 0.9, 9.99, 75 %, 0.75")
    exchanged = {(c.value, other.value) for c, other in checks.exchanges(altered)}
    assert exchanged == {(0.25, 0.30), (0.25, 0.75), (25, 75)}


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ('show(figure, f"A line that rises to {1 / 4:.2f}.")', 0),
        ('show(figure, "A line that rises to 0.25.")', 1),
        ('show(figure, "A line.", title="Up to 25 %")', 1),
        ('alt = "A line over 12 places."', 1),
        ('alt = "A line over 12 places."\nrange(12)', 0),
        ('show_images([x], ["0.25 of it"], alt="A grid of 10×10.")', 1),
    ],
)
def test_typed_numbers(altered, source, faults):
    code(source)(altered)
    assert len(checks.check_typed_numbers(altered)) == faults


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


def paint_faintly(notebook):
    paint(notebook, checks.TOLERANCE)


def paint_clearly(notebook):
    paint(notebook, 20)


def resize(notebook):
    data = notebook.cells[3].outputs[0].data
    image = cv2.imencode(".png", np.zeros((4, 4, 3)))[1]
    data["image/png"] = base64.b64encode(image).decode()


def lose_figure(notebook):
    notebook.cells[3].outputs.clear()


def say_otherwise(notebook):
    notebook.cells[3].outputs[0].metadata["image/png"]["alt"] = "A falling line."


def print_otherwise(notebook):
    notebook.cells[2].outputs[0].text = "0.26 25 %\n"


def warn(notebook):
    notebook.cells[2].source += '\nimport sys\nprint("careful", file=sys.stderr)'


CHANGES = {  # what is changed: the words of the fault, if there is to be one
    paint_faintly: "",
    paint_clearly: "a figure differs by 20 of 255",
    resize: "a figure of (4, 4, 3), now",
    lose_figure: "0 figures, now 1",
    say_otherwise: "A falling line.",
    print_otherwise: "printed '0.26 25 %",
}


def exempt_all(notebook):
    for cell in notebook.cells:
        cell.metadata["tags"] = ["nbval-ignore-output"]


@pytest.mark.parametrize(("change", "words"), CHANGES.items())
def test_changed_output(altered, sound, change, words):
    change(altered)
    faults = compared(altered, sound)
    assert len(faults) == bool(words) and all(words in fault for fault in faults)
    exempt_all(altered)
    assert compared(altered, sound) == []


FAILING = {  # the cells that fail where pytest runs the notebooks
    paint_faintly: [],
    paint_clearly: ["2"],
    lose_figure: ["2"],
    say_otherwise: ["2"],
    print_otherwise: ["1"],
    warn: ["1"],
    exempt_all: [],
}


def run_nbval(folder, *paths):
    options = ["-p", "conftest", "--nbval", "--nbval-current-env", "--color=no", "-rA"]
    path = os.pathsep.join(map(str, [*paths, checks.ROOT, checks.ROOT / "tests"]))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    ).stdout


def test_nbval_compares_text_and_figures(sound, tmp_path):
    """One run of pytest for all, as starting it takes longer than a notebook."""
    expected = []
    for number, (change, cells) in enumerate(FAILING.items()):
        notebook = copy.deepcopy(sound)
        change(notebook)
        if change is exempt_all:  # then nothing else matters
            paint_clearly(notebook)
            print_otherwise(notebook)
        nbformat.write(notebook, tmp_path / f"{number}.ipynb")
        expected += [(f"{number}.ipynb", cell) for cell in cells]
    report = run_nbval(tmp_path)
    results = re.findall(r"(PASSED|FAILED) (\d.ipynb)::Cell (\d)", report)
    assert len(results) == 4 * len(FAILING), report
    failed = [(name, cell) for result, name, cell in results if result == "FAILED"]
    assert sorted(failed) == expected


def test_figures_of_another_matplotlib_are_not_compared(sound, tmp_path):
    for name, change in {"figure": paint_clearly, "text": print_otherwise}.items():
        notebook = copy.deepcopy(sound)
        change(notebook)
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    other = tmp_path / "site" / "matplotlib-3.10.3.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Name: matplotlib\nVersion: 3.10.3\n", "utf-8")
    report = run_nbval(tmp_path, other.parent)
    assert set(re.findall(r"FAILED (\w+).ipynb", report)) == {"text"}, report
    words = (
        r"Matplotlib 3.10.3 here, (.*)\.\d+ stored: figures are compared only with \1\."
    )
    assert len(re.findall(words, report)) == 1, report
