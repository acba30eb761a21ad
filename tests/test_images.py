"""The photos are those that images/README.md describes."""

import hashlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
import sklearn
import typst

SCIKIT_IMAGE = Path(skimage.__file__).parent / "data"
SCIKIT_LEARN = Path(sklearn.__file__).parent / "datasets" / "images"
IMAGES = Path(__file__).resolve().parent.parent / "images"
README = (IMAGES / "README.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^([0-9a-f]{64}) +(\S+)$", README, re.MULTILINE)


def read(name, flags=cv2.IMREAD_GRAYSCALE):
    return cv2.imread(str(IMAGES / name), flags)


def test_every_photo_is_listed_and_described():
    files = sorted(path.name for path in IMAGES.iterdir() if path.name != "README.md")
    assert sorted(name for _, name in LISTED) == files
    assert [name for name in files if f"| `{name}` |" not in README] == []


@pytest.mark.parametrize("checksum, name", LISTED, ids=[name for _, name in LISTED])
def test_a_photo_is_the_one_that_was_listed(checksum, name):
    assert hashlib.sha256((IMAGES / name).read_bytes()).hexdigest() == checksum
    height, width, _ = read(name, cv2.IMREAD_COLOR).shape
    if name == "square.png":
        assert (height, width) == (430, 560)
    elif name == "twins.png":
        assert (height, width) == (360, 720)
    elif name.startswith(("image", "photo")):
        assert (height, width) == (427, 640)
    else:  # notebook 5 moves a window of 224×224 by 100 pixels to either side
        assert height == 288 and width >= 224 + 2 * 100


def test_the_mirror_image_is_exactly_that():
    for flags in [cv2.IMREAD_GRAYSCALE, cv2.IMREAD_COLOR]:
        image, mirrored = read("image.jpg", flags), read("image_mirrored.jpg", flags)
        np.testing.assert_array_equal(mirrored, image[:, ::-1])


def test_the_articles_second_name_is_the_same_file():
    first, second = IMAGES / "image_mirrored.jpg", IMAGES / "image_2.jpg"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "name, on_the_left",
    [("image.jpg", True), ("image_mirrored.jpg", False), ("image_3.jpg", False)],
)
def test_the_object_is_on_its_side(name, on_the_left):
    # Rocket and cup are the white things in their photos: where is the brightest 1 %?
    photo = read(name)
    _, columns = np.nonzero(photo >= np.percentile(photo, 99))
    left = (columns < photo.shape[1] / 2).mean()
    assert left > 0.75 if on_the_left else left < 0.25


@pytest.mark.parametrize(
    "name, source, corner, size",
    [
        ("image.jpg", "rocket.jpg", (206, 100), (434, 290)),
        ("image_3.jpg", "coffee.png", (0, 10), (440, 294)),
        ("cat.jpg", "chelsea.png", (0, 0), (451, 300)),
        ("cup.jpg", "coffee.png", (0, 0), (600, 400)),
        ("rocket.jpg", "rocket.jpg", (0, 0), (640, 427)),
    ],
)
def test_the_edits_are_those_in_the_readme(name, source, corner, size):
    photo = read(name, cv2.IMREAD_COLOR)
    x, y = corner
    original = cv2.imread(str(SCIKIT_IMAGE / source))[y : y + size[1], x : x + size[0]]
    assert original.shape[1::-1] == size
    enlarged = photo.shape > original.shape
    method = cv2.INTER_CUBIC if enlarged else cv2.INTER_AREA
    expected = cv2.resize(original, photo.shape[1::-1], interpolation=method)
    # JPEG costs a grey level or two; a crop one pixel off, several.
    assert cv2.absdiff(photo, expected).mean() < 2


COMPARED = {
    "astronaut": SCIKIT_IMAGE / "astronaut.png",
    "camera": SCIKIT_IMAGE / "camera.png",
    "cat": SCIKIT_IMAGE / "chelsea.png",
    "coffee": SCIKIT_IMAGE / "coffee.png",
    "flower": SCIKIT_LEARN / "flower.jpg",
    "rocket": SCIKIT_IMAGE / "rocket.jpg",
    "temple": SCIKIT_LEARN / "china.jpg",
}


def test_no_photo_to_compare_is_left_untested():
    assert {path.stem for path in IMAGES.glob("photo_*")} == {
        f"photo_{name}" for name in COMPARED
    }


@pytest.mark.parametrize("name", COMPARED)
def test_a_photo_to_compare_is_framed_as_it_came(name):
    whole = cv2.imread(str(COMPARED[name]), cv2.IMREAD_GRAYSCALE)
    height = min(whole.shape[0], round(whole.shape[1] * 427 / 640))
    width = min(whole.shape[1], round(whole.shape[0] * 640 / 427))
    y, x = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    middle = whole[y : y + height, x : x + width]
    expected = cv2.resize(middle, (640, 427), interpolation=cv2.INTER_CUBIC)
    assert cv2.absdiff(read(f"photo_{name}.jpg"), expected).mean() < 2


def test_the_emblem_is_that_of_the_handout(tmp_path):
    drawing = Path(__file__).resolve().parent.parent / "handout" / "square.svg"
    (tmp_path / "square.svg").write_bytes(drawing.read_bytes())
    page = tmp_path / "page.typ"
    size = "width: 560pt, height: 430pt, margin: 0pt, fill: none"
    page.write_text(f'#set page({size})\n#image("square.svg", width: 100%)', "utf-8")
    drawn = typst.compile(page, format="png", ppi=72, ignore_system_fonts=True)
    expected = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read("square.png", cv2.IMREAD_UNCHANGED), expected)
