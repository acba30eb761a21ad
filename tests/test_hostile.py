"""More of what students may hand in: it takes minutes, and so runs once a week."""

import re

import pytest
from nbformat.v4 import new_code_cell
from test_grading import (
    CHECKS,
    MIRROR,
    MOVE,
    RIGHT,
    WRONG,
    ZEROS,
    cell,
    delete,
    hand_in,
    make_course,
    points,
    run,
)

pytestmark = pytest.mark.weekly

MUTE = """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass"])"""
DEAF = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""
CRASH = """
def translate_zeros(*_):
    import ctypes

    ctypes.string_at(0)"""
SHADOW = """
import subprocess
from pathlib import Path

Path("exercises.py").write_text("")
subprocess.Popen = subprocess.run = print"""


def add_own_cell(notebook):
    """Define in a cell of its own, before the exercises, what an answer calls."""
    code = "def flipped(x):\n    below = [x[::-1], x[::-1, ::-1]]\n"
    code += "    return np.block([[x, x[:, ::-1]], below])"
    notebook.cells.insert(5, new_code_cell(code))


HELPED = """
def translate_mirrored(image, down, right):
    moved = np.roll(flipped(image), (down, right), (0, 1))
    return moved[: image.shape[0], : image.shape[1]]"""


def break_marks(notebook):
    cell(notebook, CHECKS[0]).metadata["nbgrader"]["solution"] = True


CASES = {
    "helped": (RIGHT | {MIRROR: HELPED}, add_own_cell, [1, 1, 1]),
    "renamed": (
        RIGHT | {MIRROR: RIGHT[MIRROR].replace("_mirrored", "_renamed")},
        None,
        [1, 1, 0],
    ),
    "both_deleted": (RIGHT, delete(CHECKS[1], ZEROS), [1, 0, 1]),
    "mute": (WRONG | {MOVE: WRONG[MOVE] + MUTE}, None, [0, 0, 0]),
    "endless": (RIGHT | {MOVE: "while True:\n    pass"}, None, [0, 1, 1]),
    "deaf": (RIGHT | {MOVE: DEAF}, None, [0, 1, 1]),
    "crash": (
        RIGHT
        | {ZEROS: f"def translate_zeros(*_):\n    {CRASH}".replace("\nc", "\n    c")},
        None,
        [1, 0, 1],
    ),
    "shadow": (WRONG | {MOVE: WRONG[MOVE] + SHADOW}, None, [0, 0, 0]),
}
# It stops the grading of its own hand-in, and of no other.
BROKEN = {"broken": (RIGHT, break_marks, [None, None, None])}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    make_course(folder)
    hand_in(folder, CASES | BROKEN)
    said = run(
        folder / "nbgrader", "autograde", "pixel", "--Execute.timeout=10", status=1
    )
    failed = set(
        re.findall("error processing assignment 'pixel' for student '(.+)'", said)
    )
    assert failed == {"broken"}
    run(folder / "nbgrader", "export")
    return folder / "nbgrader"


@pytest.mark.parametrize("student", CASES)
def test_points(course, student):
    assert points(course, student) == CASES[student][-1]


def test_broken(course):
    row = next(
        line
        for line in (course / "grades.csv").open(encoding="utf-8")
        if ",broken," in line
    ).split(",")
    assert float(row[-2]) == 0
