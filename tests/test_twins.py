"""Lesson 1 and the README show what lesson 5 finds when a photo moves by one pixel."""

import io
import json
import re

import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
import twins
from PIL import Image

STORED = twins.ANSWERS.read_bytes()
NOTEBOOK = nbformat.read(checks.ROOT / "notebooks" / f"{twins.LESSON}.ipynb", 4)
README = (checks.ROOT / "README.md").read_text("utf-8")


def shares(stored):
    """What the network says before the step, and after it, in percent."""
    found = json.loads(stored)
    index = found["names"].index(found["truth"])
    return [dict(found["answers"][found["view"] + step])[index] for step in (0, 1)]


def wrong_answers(stored, readme=README):
    faults = [] if twins.answers(NOTEBOOK) == stored else ["not what lesson 5 stores"]
    (cell,) = [cell for cell in NOTEBOOK.cells if cell.id == "twin-answers"]
    printed = cell.outputs[0].text
    alt = re.search(r"!\[([^]]*)\]\(images/twins\.png\)", readme)[1]
    for where, text in [("lesson 5 prints", printed), ("the README's", alt)]:
        if re.findall(r"(\d+)%", text) != [*map(str, shares(stored))]:
            faults.append(f"other numbers than {where}")
    return faults


def test_the_answers_are_those_of_lesson_5():
    assert wrong_answers(STORED) == []


def test_wrong_answers_are_noticed():
    found = json.loads(STORED)
    index = found["names"].index("missile")
    for pair in found["answers"][found["view"]]:
        pair[1] += pair[0] == index
    assert len(wrong_answers(json.dumps(found))) == 3
    assert len(wrong_answers(STORED, README.replace("with 21%", "with 22%"))) == 1


def frames(packed):
    picture = Image.open(io.BytesIO(packed))
    for frame in range(picture.n_frames):
        picture.seek(frame)
        yield np.array(picture.convert("RGB"), float)


def wrong_frames(packed):
    pairs = zip(frames(packed), frames(twins.animation(STORED)), strict=True)
    apart = [np.abs(cv2.blur(old - new, (8, 8))).max() for old, new in pairs]
    return [n for n, each in enumerate(apart) if each > checks.TOLERANCE]


def test_the_animation_is_drawn_from_the_answers():
    assert wrong_frames(twins.ANIMATION.read_bytes()) == []


@pytest.mark.parametrize("there", ["answers", "view"])
def test_a_wrong_animation_is_noticed(there):
    found = json.loads(STORED)
    if there == "view":
        found["view"] += 1
    else:
        found["answers"][found["view"]][0][1] += 3
    assert wrong_frames(twins.animation(json.dumps(found))) != []


def test_the_animation_ends():
    """Within five seconds, and it changes less than three times in one."""
    picture = Image.open(twins.ANIMATION)
    seconds = picture.info["duration"] / 1000
    assert picture.n_frames * picture.info["loop"] * seconds < 5
    assert 1 / seconds < 3
