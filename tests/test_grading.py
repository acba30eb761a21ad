"""The course folder, with nbgrader itself: what is handed in gets the points it is due.

`test_hostile.py` hands in more of what is hostile.
"""

import csv
import importlib.util
import io
import re
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
from handout import build, copies, grading, lesson

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


def without_ids(notebook):
    notebook.nbformat_minor = 4
    for one in notebook.cells:
        del one["id"]


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
    "old": (RIGHT, without_ids, [1, 1, 1]),
    "cut_off": (RIGHT, None, [1, 1, 1]),  # and the next notebook is none any more
    # As Moodle names them: a folder for each, or none; and its number.
    "Ben Half_12345": (RIGHT | {ZEROS: WRONG[ZEROS]}, None, [1, 0, 1]),
    "Cleo Whole_12346": (RIGHT, None, [1, 1, 1]),
}
# The names of what is handed in, and of the zip that it comes in: {} is the student.
PLAIN = "{}.zip", ["pixel-student/notebooks/01_translation.ipynb"]
MOODLE = "ML101-Task 4-98765.zip"
NAMED = {
    "Ben Half_12345": (MOODLE, ["{}_assignsubmission_file_/01_translation (1).ipynb"]),
    "Cleo Whole_12346": (
        "ML102-98766.zip",
        [
            "{}_assignsubmission_file_01_translation-Copy1.ipynb",
            "{}_assignsubmission_file_01_translation.ipynb",  # older, and empty
        ],
    ),
}


def lessons():
    """Two notebooks, so that one can be missing."""
    return build.lessons_in(ROOT / "notebooks")[:2]


def make_course(folder):
    """Fill a course folder."""
    blank = [copies.blank(x) for x in lessons()]
    copies.make(blank, folder, "student")
    grading.make(blank, folder)
    run(folder / "nbgrader", "generate_assignment", "pixel")


def hand_in(folder, cases):
    """Let each student zip the copy that he was given, filled in."""
    archive = folder / "nbgrader" / "downloaded" / "pixel" / "archive"
    archive.mkdir(parents=True)
    for student, (answers, change, _) in cases.items():
        path = folder / "student" / "notebooks" / "01_translation.ipynb"
        notebook = nbformat.read(path, 4)
        for name_of_cell, source in answers.items():
            cell(notebook, name_of_cell).source = source
        if change:
            change(notebook)
        whole, (name, *older) = NAMED.get(student, PLAIN)
        with zipfile.ZipFile(archive / whole.format(student), "a") as packed:
            packed.writestr(name.format(student), nbformat.writes(notebook))
            for old in older:
                packed.write(path, old.format(student))
            if student == "cut_off":
                packed.writestr("02_equivariance.ipynb", path.read_text("utf-8")[:999])
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
        (book,) = [x for x in submission.notebooks if x.name == "01_translation"]
        grades = {grade.name: grade.score for grade in book.grades}
        assert grades.keys() == {*CHECKS}
        return [grades[check] for check in CHECKS]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    make_course(folder)
    hand_in(folder, CASES)
    autograde = ["autograde", "pixel", "--Execute.timeout=10"]
    said = run(folder / "nbgrader", *autograde, status=1)
    assert re.findall("assignment 'pixel' for student '(.+)'", said) == ["cut_off"]
    run(folder / "nbgrader", "generate_feedback", "pixel", "--student=edited")
    run(folder / "nbgrader", "export")
    return folder / "nbgrader"


@pytest.mark.parametrize("student", CASES)
def test_points(course, student):
    wanted = CASES[student][-1]
    assert points(course, student) == wanted
    with (course / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    row = rows[student]
    titles = [title for x in lessons() for title, _ in lesson.exercises(x)]
    required = [title for title in titles if not lesson.optional(title)]
    assert [float(row["score"]), float(row["max_score"])] == [
        sum(wanted),
        len(required),
    ]
    assert len(required) < len(titles)


@pytest.fixture(scope="module")
def table(course):
    """What one command says of the same hand-ins, without nbgrader."""
    command = [sys.executable, "grade.py", "downloaded/pixel/archive"]
    report = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert report.returncode == 0, report.stderr
    assert "Ben Half_12345: 1 right, and 1 optional; " in report.stderr
    return [*csv.DictReader(io.StringIO(report.stdout))]


@pytest.mark.parametrize("student", CASES)
def test_table(table, student):
    rows = [row for row in table if row["student"] == student]
    broken = [row for row in rows if row["hint"].startswith("not read: ")]
    assert [row["notebook"] for row in broken] == ["02_equivariance.ipynb"] * (
        student == "cut_off"
    )
    told = [row for row in rows if row not in broken]
    titles = [title for title, _ in lesson.exercises(lessons()[0])]
    assert [row["exercise"] for row in told] == [f"Exercise {x}" for x in titles]
    assert [row["right"] == "yes" for row in told] == CASES[student][-1]
    assert all(bool(row["hint"]) == (row["right"] == "no") for row in told)


def test_hints_of_table(table):
    """They are the checkers' own, or say what became of the answer."""
    hints = {(row["student"], row["exercise"][9:10]): row["hint"] for row in table}
    assert "content that moves by (2, -3) is " in hints["edited", "1"]
    assert hints["untouched", "2"] == "Not attempted yet."
    assert "'move' is not defined" in hints["hostile", "1"]
    assert "too long" in hints["hostile", "2"] or "seconds" in hints["hostile", "2"]


def test_feedback(course):
    """A student reads what was off; a picture of a lesson is not among it."""
    page = course / "feedback" / "edited" / "pixel" / "01_translation.html"
    text = page.read_text("utf-8")
    assert "content that moves by (2, -3) is " in text and "AssertionError" in text
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


def loaded(name):
    """A module of the course."""
    path = ROOT / "handout" / "course" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def judge():
    return loaded("judge")


DYING = """
import os, time
print(1, flush=True)
input()
os.closerange(0, 2)
time.sleep(1)
"""


def test_a_judge_who_takes_time_to_die_is_asked_no_more(tmp_path, monkeypatch):
    """On a busy machine a process that was killed is there for a while."""
    grade = loaded("grade")
    monkeypatch.setattr(grade, "JUDGE", tmp_path / "judge.py")
    grade.JUDGE.write_text(DYING, "utf-8")
    monkeypatch.setattr(grade.Answers, "start", lambda self: None)
    monkeypatch.setattr(grade.Answers, "end_kernel", lambda self: None)
    monkeypatch.setattr(grade.Answers, "run", lambda *_: "NameError: move")
    answers = grade.Answers([], tmp_path)
    for _ in range(2):
        assert answers.hint("check_move", "move") == "NameError: move"
    answers.end()


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
