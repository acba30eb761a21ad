"""The course folder, with nbgrader itself: what is handed in gets the points it is due."""

import csv
import subprocess
import sys
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from notebook_checks import ROOT

from handout import build, copies, grading

pytest.importorskip("nbgrader")
from nbgrader.api import Gradebook  # noqa: E402

MOVE, ZEROS, MIRROR = ("n01-046", "n01-050", "n01-052c")  # the answers of notebook 1
RIGHT = {
    MOVE: "move = [-2, 3]",
    ZEROS: """
def translate_zeros(image, down, right):
    height, width = image.shape
    padded = np.pad(image, ((height, height), (width, width)))
    rows = np.clip(np.arange(height) - down, -1, height) + height
    columns = np.clip(np.arange(width) - right, -1, width) + width
    return padded[np.ix_(rows, columns)]""",
    MIRROR: """
def translate_mirrored(image, down, right):
    twice = np.block([[image, image[:, ::-1]], [image[::-1], image[::-1, ::-1]]])
    moved = np.roll(twice, (down, right), (0, 1))
    return moved[: image.shape[0], : image.shape[1]]""",
}
WRONG = {
    MOVE: "move = (2, -3)",
    ZEROS: "def translate_zeros(image, down, right):\n    return image",
    MIRROR: "translate_mirrored = 3",
}
UNTOUCHED = dict.fromkeys(RIGHT)


def first(change):
    """All right, but for the first answer."""
    return RIGHT | {MOVE: change}


def patched(code):
    """All wrong, behind an answer that means to hide it."""
    return WRONG | {MOVE: f"move = (2, -3)\n{code}"}


CASES = {
    "right": (RIGHT, [1, 1, 1]),
    "wrong": (WRONG, [0, 0, 0]),
    "untouched": (UNTOUCHED, [0, 0, 0]),
    "half": (UNTOUCHED | {MOVE: RIGHT[MOVE]}, [1, 0, 0]),
    "exits": (first("import os\nos._exit(0)"), [0, 1, 1]),
    "exits_when_asked": (
        RIGHT | {ZEROS: "def translate_zeros(*_):\n    __import__('os')._exit(0)"},
        [1, 0, 1],
    ),
    "endless": (first("while True:\n    pass"), [0, 1, 1]),
    "deaf": (
        first(
            "while True:\n    try:\n        while True:\n            pass\n"
            "    except BaseException:\n        pass"
        ),
        [0, 1, 1],
    ),
    "endless_when_asked": (
        RIGHT | {ZEROS: "def translate_zeros(*_):\n    while True:\n        pass"},
        [1, 0, 1],
    ),
    "patches": (
        patched(
            "for name in dir(exercises):\n"
            "    if name.startswith('check'):\n"
            "        setattr(exercises, name, print)\n"
            "        getattr(exercises, name).hint = lambda _: None"
        ),
        [0, 0, 0],
    ),
    "renamed": (
        RIGHT | {ZEROS: RIGHT[ZEROS].replace("translate_zeros", "translate_zero")},
        [1, 0, 1],
    ),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    lessons = [copies.blank(x) for x in build.lessons_in(ROOT / "notebooks")[:1]]
    copies.make(lessons, folder, "student")
    grading.make(lessons, folder)
    course = folder / "nbgrader"
    archive = course / "downloaded" / "pixel" / "archive"
    archive.mkdir(parents=True)
    for name, (answers, *_) in CASES.items():
        notebook = nbformat.read(
            folder / "student" / "notebooks" / "01_translation.ipynb", 4
        )
        for cell in notebook.cells:
            cell.source = answers.get(cell.id) or cell.source
        with zipfile.ZipFile(archive / f"{name}.zip", "w") as packed:
            packed.writestr(
                "pixel-student/notebooks/01_translation.ipynb", nbformat.writes(notebook)
            )
    nbgrader(course, "generate_assignment", "pixel")
    nbgrader(course, "zip_collect", "pixel")
    nbgrader(course, "autograde", "pixel", "--Execute.timeout=15")
    nbgrader(course, "generate_feedback", "pixel")
    nbgrader(course, "export")
    return course


def nbgrader(course, *command):
    import time; t = time.time()
    command = [sys.executable, "-m", "nbgrader", *command]
    report = subprocess.run(command, cwd=course, capture_output=True, text=True)
    print(command, time.time() - t)
    assert report.returncode == 0, report.stdout + report.stderr
    print([l for l in report.stderr.splitlines() if "INFO" not in l])


@pytest.mark.parametrize("name", CASES)
def test_points(course, name):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission("pixel", name)
        (notebook,) = submission.notebooks
        points = {grade.name: grade.score for grade in notebook.grades}
    assert [points[k] for k in sorted(points)] == CASES[name][1]
    with open(course / "grades.csv") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows[name]["score"]) == sum(CASES[name][1])
