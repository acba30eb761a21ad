"""The course folder, with nbgrader itself: what is handed in gets the points it is due.

`test_hostile.py` hands in more of what is hostile.
"""

import csv
import importlib.util
import subprocess
import sys
import threading
import zipfile
from multiprocessing.connection import Listener

import nbformat
import pytest
import test_exercises
from notebook_checks import ROOT, check_links, markdown

import exercises
from handout import build, copies, grading

nbgrader = pytest.importorskip("nbgrader.api")

# The answers of notebook 1, and what checks them.
MOVE, ZEROS, MIRROR = "move", "translate-zeros", "translate-mirrored"
CHECKS = "check-move", "check-zeros", "check-mirrored"
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
    print("A warning is no error.", file=sys.stderr)
    twice = np.block([[image, image[:, ::-1]], [image[::-1], image[::-1, ::-1]]])
    moved = np.roll(twice, (down, right), (0, 1))
    return moved[: image.shape[0], : image.shape[1]]""",
}
WRONG = {
    MOVE: "move = (2, -3)",
    ZEROS: "def translate_zeros(image, down, right):\n    return image",
    MIRROR: "translate_mirrored = 3",
}
# Checkers that find everything right.
PATCH = """
for name in dir(exercises):
    if name.startswith("check_"):
        setattr(exercises, name, print)
exercises.check_move.hint = None
for name in dir(exercises):
    if name.startswith("check_"):
        setattr(exercises, name, lambda answer: print("Correct."))
        getattr(exercises, name).hint = lambda answer: None
np.allclose = np.array_equal = lambda *_, **__: True"""
ENDLESS = "def translate_zeros(*_):\n    while True:\n        pass"


def cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.get("id") == name)


def edit_checks(notebook):
    cell(notebook, CHECKS[0]).source = "pass"
    cell(notebook, CHECKS[0]).metadata["nbgrader"]["points"] = 100
    cell(notebook, CHECKS[1]).source += "\nhint = None"
    cell(notebook, CHECKS[2]).metadata["tags"] = ["skip-execution"]


def delete(*names):
    def change(notebook):
        kept = [cell for cell in notebook.cells if cell.get("id") not in names]
        notebook.cells = kept

    return change


# What is filled in, what is changed besides, and the points for each exercise.
CASES = {
    "right": (RIGHT, None, [1, 1, 1]),
    "wrong": (WRONG | {MOVE: WRONG[MOVE] + PATCH}, None, [0, 0, 0]),
    "untouched": ({}, None, [0, 0, 0]),
    "half": ({MOVE: RIGHT[MOVE]}, delete(CHECKS[1], ZEROS), [1, 0, 0]),
    "hostile": (
        RIGHT | {MOVE: "import os\nos._exit(0)", ZEROS: ENDLESS},
        None,
        [0, 0, 1],
    ),
    "edited": (WRONG, edit_checks, [0, 0, 0]),
}


def make_course(folder):
    """Fill a course folder, of notebook 1 alone."""
    lessons = [copies.blank(x) for x in build.lessons_in(ROOT / "notebooks")[:1]]
    copies.make(lessons, folder, "student")
    grading.make(lessons, folder)
    run(folder / "nbgrader", "generate_assignment", "pixel")


def hand_in(folder, cases):
    """Let each student zip the copy that he was given, filled in."""
    archive = folder / "nbgrader" / "downloaded" / "pixel" / "archive"
    archive.mkdir(parents=True)
    for student, (answers, change, _) in cases.items():
        name = "notebooks/01_translation.ipynb"
        notebook = nbformat.read(folder / "student" / name, 4)
        for name_of_cell, source in answers.items():
            cell(notebook, name_of_cell).source = source
        if change:
            change(notebook)
        with zipfile.ZipFile(archive / f"{student}.zip", "w") as packed:
            packed.writestr(f"pixel-student/{name}", nbformat.writes(notebook))
    run(folder / "nbgrader", "zip_collect", "pixel")


def run(course, *command, status=0):
    """Call nbgrader as a teacher does; return what it says."""
    command = [sys.executable, "-m", "nbgrader", *command]
    report = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert report.returncode == status, report.stdout + report.stderr
    return report.stderr


def points(course, student):
    """The points of each exercise, in the order of the notebook."""
    with nbgrader.Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission("pixel", student)
        grades = {g.name: g.score for book in submission.notebooks for g in book.grades}
        assert grades.keys() == {*CHECKS}
        return [grades[check] for check in CHECKS]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    make_course(folder)
    hand_in(folder, CASES)
    run(folder / "nbgrader", "autograde", "pixel", "--Execute.timeout=10")
    run(folder / "nbgrader", "generate_feedback", "pixel", "--student=edited")
    run(folder / "nbgrader", "export")
    return folder / "nbgrader"


@pytest.mark.parametrize("student", CASES)
def test_points(course, student):
    wanted = CASES[student][-1]
    assert points(course, student) == wanted
    with (course / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    row = rows[student]
    assert [float(row["score"]), float(row["max_score"])] == [sum(wanted), 3]


def test_feedback(course):
    """A student reads what was off; a picture of a lesson is not among it."""
    page = course / "feedback" / "edited" / "pixel" / "01_translation.html"
    text = page.read_text("utf-8")
    assert "both signs: " in text and "AssertionError" in text
    assert "image/png" not in text


def test_release(course):
    """It shows neither solutions nor hidden tests, and its links lead somewhere."""
    release = course / "release" / "pixel"
    path = release / "01_translation.ipynb"
    notebook = nbformat.read(path, 4)
    source = nbformat.read(course / "source" / "pixel" / path.name, 4)
    assert "HIDDEN" in cell(source, CHECKS[0]).source
    for word in ["HIDDEN", "hint", "by_padding", "by_folding", '"solution"\n']:
        assert word not in path.read_text("utf-8"), word
    assert cell(notebook, ZEROS).source.startswith("def translate_zeros(image, ")
    assert [c for c in notebook.cells if c.get("outputs")] == []
    text = markdown(notebook)
    others = [f"{p.stem}.ipynb" for p in (ROOT / "notebooks").glob("*.ipynb")]
    faults = [f for f in check_links(text, release) if not any(o in f for o in others)]
    assert faults == []


# The judge


@pytest.fixture(scope="module")
def judge():
    path = ROOT / "handout" / "course" / "judge.py"
    spec = importlib.util.spec_from_file_location("judge", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judged(judge, check, answer):
    """What the judge says of an answer that is lent to him."""
    said = []
    with Listener(("127.0.0.1", 0)) as listener:
        ask = threading.Thread(
            target=lambda: said.append(judge.ask(check.__name__, listener))
        )
        ask.start()
        judge.lend(answer, listener.address[1])
        ask.join()
    return said[0]


SLOW = [exercises.check_own_photo]  # it runs a network
RIGHTS = [
    p for p in test_exercises.pairs(test_exercises.RIGHT) if p.values[0] not in SLOW
]


@pytest.mark.parametrize(("check", "answer"), RIGHTS)
def test_right_is_confirmed(judge, check, answer):
    assert judged(judge, check, answer) is None


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        (exercises.check_move, (2, -3), "Compare the signs"),
        (exercises.check_pool, lambda x, *_: x, ""),
        (exercises.check_pool, lambda *_: 1 / 0, "division by zero"),
        (exercises.check_averaged, lambda m, x, _: m(x), "have not been moved"),
    ],
)
def test_wrong_is_refused(judge, check, answer, words):
    assert words in judged(judge, check, answer)
