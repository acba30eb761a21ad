"""The anatomy of the lessons and their general sentences; and planted faults."""

import functools

import anatomy
import claims
import nbformat
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

# Written before the anatomy: what is not yet held to it.
OLDER: set[str] = set()
HELD = [path for path in checks.NOTEBOOKS if path.stem not in OLDER]


@functools.cache
def stored(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("check", [*anatomy.ANATOMY, claims.check_claims])
@pytest.mark.parametrize("path", HELD, ids=lambda path: path.name)
def test_as_stored(path, check):
    assert check(stored(path)) == []


@pytest.mark.parametrize("path", HELD, ids=lambda path: path.name)
def test_targets(path):
    assert anatomy.check_targets(stored(path), path.stem) == []


# Planted faults


def shown(source, **options):
    said = new_output("stream", text="1\n")
    return new_code_cell(source, outputs=[said], **options)


def lesson():
    """A lesson without a fault: 20 words, 5 open lines, a figure, a prediction."""
    figure = new_output("display_data", {"image/png": ""})
    drawn = new_code_cell("x", outputs=[figure], metadata={"tags": ["figure"]})
    asked = "<details><summary><b>Predict:</b> what is x?</summary>\n\n1\n\n</details>"
    cells = [
        new_markdown_cell("# A lesson\n\n*Is it one?*\n\n**Time.** 5 minutes."),
        new_code_cell("import sys", metadata={"tags": ["imports"]}),
        new_markdown_cell(asked),
        new_code_cell("x = 1"),
        shown('assert x == 1, "x is one"\nprint(x)', id="one"),
        new_markdown_cell("*x is one, always.*<!-- holds in one: any x -->"),
        shown("print(x)\nprint(x)"),
        drawn,
        new_markdown_cell("## On your own"),
        new_code_cell("y = None", metadata={"tags": ["exercise"]}),
        new_markdown_cell("## Recap\n\nSo it was."),
    ]
    return new_notebook(cells=cells)


def test_a_sound_lesson():
    sound = lesson()
    faults = [f for check in anatomy.ANATOMY for f in check(sound)]
    assert faults + claims.check_claims(sound) == []
    counted = {"words": 21, "lines": 5, "figures": 1, "predictions": 1, "minutes": 5}
    assert anatomy.measure(sound) == counted


def text(index, source):
    return lambda notebook: notebook.cells[index].update(source=source)


def put(index, *cells):
    return lambda notebook: notebook.cells.__setitem__(slice(index, index), cells)


WORD = "## Recap\n\n" + "word " * 1000
FEW = "*It holds{}.*<!-- holds in one: {} -->"
FAULTS = {
    "minutes": (text(10, WORD), anatomy.check_minutes, "takes 10 minutes, says 5"),
    "pace": (
        put(7, shown("x"), shown("x"), shown("x")),
        anatomy.check_pace,
        "4 code cells without a word",
    ),
    "silent": (put(6, new_code_cell("z = 2")), anatomy.check_silent_cells, "next cell"),
    "silent at the end": (
        put(11, new_code_cell("z = 2")),
        anatomy.check_silent_cells,
        "next cell",
    ),
    "long": (text(6, "x\n" * 21), anatomy.check_lengths, "21 lines"),
    "assert": (text(6, "assert x"), anatomy.check_asserts, "assert x"),
    "no range": (text(5, "*x is one.*"), claims.check_claims, "neither where"),
    "no cell": (
        text(5, "*x is one.*<!-- holds in two: any x -->"),
        claims.check_claims,
        "no such code cell as two",
    ),
    "no assert": (text(4, "x"), claims.check_claims, "nothing is asserted in one"),
    "few photos": (
        text(5, FEW.format("", "3 photos")),
        claims.check_claims,
        "3 photos, which it does not say",
    ),
    "few seeds": (
        text(5, FEW.format(" for three", "9 random seeds, 3 photos")),
        claims.check_claims,
        "9 seeds, which it does not say",
    ),
    "verdict": (
        text(5, "| claim | verdict |\n|---|---|\n| x is one | true |"),
        claims.check_claims,
        "neither where",
    ),
}


@pytest.mark.parametrize(("plant", "check", "words"), FAULTS.values(), ids=FAULTS)
def test_planted_fault(plant, check, words):
    notebook = lesson()
    plant(notebook)
    (fault,) = check(notebook)
    assert words in fault


@pytest.mark.parametrize(
    "source",
    [
        FEW.format(" for three photos", "3 photos"),
        FEW.format("", "29 photos, 10 seeds"),
        "| claim | found |\n|---|---|\n| x is one | true<!-- holds in one: any x --> |",
        "It is *not* so, says *A Book: of claims* and `*x.*`.",
        "<details><summary>Why?</summary>\n\n*It is.*\n\n</details>",
        "### Further reading\n\n- *A title with a point.*",
    ],
)
def test_no_fault(source):
    notebook = lesson()
    text(5, source)(notebook)
    assert claims.check_claims(notebook) == []


@pytest.mark.parametrize(
    ("name", "plant", "fault"),
    [
        (
            "01_translation",
            text(10, f"## Recap {1601 * 'word '}"),
            "words, more than 1600",
        ),
        ("01_translation", text(6, "x\n" * 101), "lines, more than 100"),
        (
            "02_equivariance",
            text(10, f"## Recap {7000 * 'word '}"),
            "minutes, more than 30",
        ),
        (
            "04_likeness",
            text(10, f"## Recap {7000 * 'word '}"),
            "minutes, more than 25",
        ),
    ],
)
def test_targets_are_exceeded(name, plant, fault):
    notebook = lesson()
    assert anatomy.check_targets(notebook, name) == []
    plant(notebook)
    assert any(fault in found for found in anatomy.check_targets(notebook, name))
