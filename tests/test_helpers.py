"""helpers.py against its definitions, its peers, and bad input; in its own order."""

import base64
import copy
import decimal
import doctest
import html
import inspect
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import IPython.display
import matplotlib.axes
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from execute import execute
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from scipy.signal import correlate2d
from skimage.measure import block_reduce

import helpers as h
from shifts import arguments, figures

ROOT = Path(h.__file__).parent
PREWITT = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
INTEGERS = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "bool"]
FLOATS = ["f2", "f4", "f8", "g", ">f8"]
compared = Counter()  # how many results were compared with each peer


@pytest.fixture(scope="module", autouse=True)
def summary(request):
    yield

    class Summary:
        def pytest_terminal_summary(self, terminalreporter):
            peers = ", ".join(f"{peer} {n}" for peer, n in sorted(compared.items()))
            terminalreporter.write_line(f"Results of helpers compared: {peers}")
            terminalreporter.write_line(f"Bad inputs: {len(BAD) + len(BAD_FILES)}")

    request.config.pluginmanager.register(Summary())


@pytest.fixture(autouse=True)
def no_figures():
    plt.close("all")
    yield
    plt.close("all")


def same(ours, expected, peer):
    """Compare to the last bit; a NaN equals a NaN."""
    compared[peer] += 1
    np.testing.assert_array_equal(ours, expected, strict=True)


# The definitions, as the article computes them: one value after the other.


def loop_convolve(image, filter, relu=True):
    height, width = filter.shape
    sums = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for i, j in np.ndindex(sums.shape):
        sums[i, j] = (image[i : i + height, j : j + width] * filter).sum()
    return np.maximum(sums, 0) if relu else sums


def loop_max_pool(image, k):
    pooled = np.zeros((image.shape[0] // k, image.shape[1] // k))
    for i, j in np.ndindex(pooled.shape):
        pooled[i, j] = image[i * k : (i + 1) * k, j * k : (j + 1) * k].max()
    return pooled


def loop_translate(image, down, right):
    moved = np.zeros_like(image)
    for i, j in np.ndindex(image.shape):
        if 0 <= i - down < image.shape[0] and 0 <= j - right < image.shape[1]:
            moved[i, j] = image[i - down, j - right]
    return moved


# Random arrays: hypothesis draws shapes, types and a seed.

shapes = st.tuples(st.integers(1, 30), st.integers(1, 30))
seeds = st.integers(0, 2**32 - 1)
steps = st.integers(-40, 40)


@st.composite
def images_and_filters(draw):
    shape = draw(shapes)
    return shape, tuple(draw(st.integers(1, min(side, 12))) for side in shape)


@st.composite
def images_and_sides(draw):
    shape = draw(shapes)
    return shape, draw(st.integers(1, min(shape)))


def integers(seed, shape, dtype="f8", most=255):
    """Draw whole numbers, with the smallest and the largest among them."""
    dtype = np.dtype(dtype)
    low, high = -most, most
    if dtype.kind == "b":
        low, high = 0, 1
    elif dtype.kind in "ui":
        low = max(low, np.iinfo(dtype).min)
        high = min(high, np.iinfo(dtype).max)
    values = np.random.default_rng(seed).integers(low, high, shape, endpoint=True)
    values.flat[0], values.flat[-1] = low, high
    return values.astype(dtype)


def spoiled(seed, image):
    """Put NaN and infinities in a few places."""
    rng = np.random.default_rng(seed)
    bad = rng.choice([np.nan, np.inf, -np.inf], size=image.shape)
    return np.where(rng.random(image.shape) < 0.05, bad, image)


def tensor(array):
    return torch.tensor(np.asarray(array, float))[None, None]


def torch_convolve(image, filter, relu=True):
    response = F.conv2d(tensor(image), tensor(filter))
    return (F.relu(response) if relu else response)[0, 0].numpy()


def torch_max_pool(image, k):
    return F.max_pool2d(tensor(image), k)[0, 0].numpy()


LAYOUTS = {
    "list": lambda a: a.tolist(),
    "Fortran order": np.asfortranarray,
    "transposed": lambda a: a.T.copy().T,
    "every other pixel": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
    "upside down": lambda a: a[::-1].copy()[::-1],
    "right to left": lambda a: a[:, ::-1].copy()[:, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "big-endian": lambda a: a.astype(">f8"),
    "read-only": lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
    "torch": torch.tensor,
    "torch, integers": lambda a: torch.tensor(a.astype(int)),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


# --- load_image -----------------------------------------------------------------------

PHOTOS = ["image.jpg", "image_mirrored.jpg", "image_2.jpg", "image_3.jpg"]


@pytest.mark.parametrize("name", PHOTOS)
def test_load_image_is_what_opencv_reads(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a bare name is found from everywhere
    expected = cv2.imread(str(ROOT / "images" / name), cv2.IMREAD_GRAYSCALE)
    for source in [name, Path(name), ROOT / "images" / name]:
        same(h.load_image(source), expected.astype(np.float64), "OpenCV")


@pytest.mark.parametrize("name", ["a b.png", "Küche 写真 🚀.png", "UPPER.PNG"])
def test_load_image_reads_any_file_name(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    image = integers(0, (4, 5), "u1")
    data = cv2.imencode(".png", image)[1].tobytes()
    for path in [tmp_path / name, tmp_path / "folder" / name]:
        path.write_bytes(data)
        np.testing.assert_array_equal(h.load_image(path), image)
        np.testing.assert_array_equal(h.load_image(str(path)), image)
    np.testing.assert_array_equal(h.load_image(name), image)
    np.testing.assert_array_equal(h.load_image(f"folder/{name}"), image)


def test_load_image_weighs_colours(tmp_path):
    colours = integers(0, (3, 4, 3), "u1")  # blue, green, red
    cv2.imwrite(str(tmp_path / "colour.png"), colours)
    grey = colours @ [0.114, 0.587, 0.299]
    assert (
        np.abs(h.load_image(tmp_path / "colour.png") - grey).max() < 1
    )  # OpenCV rounds, or cuts off


# What a file may hold besides grey values. Pillow writes the files.

GREY = integers(0, (20, 30), "u1")
COLOURS = integers(1, (20, 30, 3), "u1")
OPACITY = Image.fromarray(integers(2, (20, 30), "u1"))
LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}}


def load_saved(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return load_bytes(file.getvalue())


def load_bytes(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        path.write_bytes(data)
        return h.load_image(path)


def upright(array, orientation):
    """Set a picture upright, by the definition of EXIF's eight orientations."""
    if orientation > 4:
        array = array.T
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


def exif(orientation):
    data = Image.Exif()
    data[0x112] = orientation
    return data


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_what_is_transparent_lies_on_white(kind, mode):
    opacity, grey = np.asarray(OPACITY), GREY
    if mode == "P":
        if kind != "PNG":
            return
        picture, clear = Image.fromarray(GREY), int(GREY[3, 4])
        expected = np.where(clear == GREY, 255, GREY)
        np.testing.assert_array_equal(load_saved(picture, transparency=clear), expected)
        picture = picture.convert("P")
        np.testing.assert_array_equal(load_saved(picture, transparency=clear), expected)
        return
    picture = Image.fromarray(GREY).convert(mode)
    picture.putalpha(OPACITY)
    expected = grey * (opacity / 255) + 255 * (1 - opacity / 255)
    for orientation in (1, 6):
        loaded = load_saved(picture, kind, exif=exif(orientation), **LOSSLESS[kind])
        assert np.abs(loaded - upright(expected, orientation)).max() <= 1


def test_black_on_a_transparent_ground_is_black_on_white():
    for mode, black in [("LA", (0, 255)), ("RGBA", (0, 0, 0, 255))]:
        picture = Image.new(mode, (4, 3))
        picture.putpixel((1, 2), black)
        loaded = load_saved(picture)
        assert loaded[2, 1] == 0 and loaded.sum() == 11 * 255


@pytest.mark.parametrize("kind", LOSSLESS)
def test_opaque_is_not_transparent(kind):
    picture = Image.fromarray(COLOURS)
    plain = load_saved(picture, kind, **LOSSLESS[kind])
    picture.putalpha(255)
    np.testing.assert_array_equal(load_saved(picture, kind, **LOSSLESS[kind]), plain)


@pytest.mark.parametrize("extension", [".png", ".tiff", ".pgm"])
def test_16_bits_keep_their_levels(extension):
    def load(levels):
        return load_bytes(cv2.imencode(extension, levels)[1].tobytes())

    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    np.testing.assert_array_equal(load(levels), levels / 257)
    np.testing.assert_array_equal(load(257 * GREY.astype(np.uint16)), GREY)
    if extension != ".pgm":
        colours = np.dstack([levels] * 3)
        assert len(np.unique(load(colours))) == 4096
        opaque = np.full_like(levels, 65535)
        assert len(np.unique(load(np.dstack([colours, opaque])))) == 4096
        with pytest.raises(ValueError, match="uint16 and partly transparent"):
            load(np.dstack([colours, levels]))


def test_other_depths_are_an_error():
    for dtype in (np.float32, np.int16, np.uint32):
        data = cv2.imencode(".tiff", np.ones((4, 5), dtype))[1].tobytes()
        why = f"an image: its pixels are {np.dtype(dtype)}; wanted one whole picture"
        with pytest.raises(ValueError, match=why):
            load_bytes(data)


@pytest.mark.parametrize("kind", ["text", "TGA", "float64"])
def test_what_is_no_picture_of_a_listed_kind_is_an_error(kind):
    """Pillow, which would read a TGA, is asked for the listed kinds alone."""
    with pytest.raises(ValueError, match=r"as an image; wanted one .*\(JPEG, .*PPM\)"):
        if kind == "TGA":
            load_saved(Image.fromarray(GREY), kind)
        elif kind == "text":
            load_bytes(b"no picture")
        else:
            load_bytes(cv2.imencode(".tiff", np.ones((4, 5)))[1].tobytes())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "BMP"])
def test_a_palette_is_looked_up(kind):
    picture = Image.fromarray(COLOURS).quantize(16)
    expected = np.asarray(picture.convert("RGB").convert("L"), float)
    assert np.abs(load_saved(picture, kind) - expected).max() <= 1
    for function in (h.translate, h.max_pool, lambda x: h.relative_change(GREY, x)):
        with pytest.raises(TypeError, match="palette; image.convert"):
            function(picture)
    np.testing.assert_array_equal(h.translate(Image.fromarray(GREY)), GREY)


@pytest.mark.parametrize("kind", [*LOSSLESS, "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_set_upright(orientation, kind):
    picture, options = Image.fromarray(GREY), LOSSLESS.get(kind, {})
    turned = load_saved(picture, kind, exif=exif(orientation), **options)
    expected = upright(load_saved(picture, kind, **options), orientation)
    np.testing.assert_array_equal(turned, expected)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_read_as_its_colours(kind):
    picture = Image.fromarray(COLOURS).convert("CMYK")
    expected = np.asarray(Image.fromarray(COLOURS).convert("L"), float)
    loaded = load_saved(picture, kind, **({"quality": 100} if kind == "JPEG" else {}))
    assert np.abs(loaded - expected).mean() < 3


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_is_an_error(kind):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    with pytest.raises(ValueError, match="more than one picture"):
        load_saved(frames[0], kind, save_all=True, append_images=frames[1:])
    # The second picture of an MPO is a camera's small copy of the first.
    with_copy = {"save_all": True, "append_images": frames[1:]}
    np.testing.assert_array_equal(
        load_saved(frames[0], "MPO", **with_copy), load_saved(frames[0], "JPEG")
    )


@pytest.mark.parametrize("shape", [(1, 1), (30_000, 1), (1, 30_000)])
@pytest.mark.parametrize("kind", LOSSLESS)
def test_small_and_narrow_pictures(kind, shape):
    if kind == "WEBP" and max(shape) > 16383:
        return  # more than a WebP can hold
    image = integers(0, shape, "u1")
    loaded = load_saved(Image.fromarray(image), kind, **LOSSLESS[kind])
    np.testing.assert_array_equal(loaded, image)


def test_a_decompression_bomb_is_refused_by_its_header():
    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    bomb += chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match=r"900000000 pixels.*wanted"):
        load_bytes(bomb)


def test_threads_may_load_pictures_and_standard_error_stays():
    before = os.fstat(2)
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(h.load_image, ["image.jpg"] * 8))
    assert all((photo == loaded[0]).all() for photo in loaded)
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)


def test_no_descriptor_is_redirected(monkeypatch, tmp_path):
    (tmp_path / "half.png").write_bytes(PNG[: len(PNG) // 2])
    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", None)
        patch.setattr(os, "dup2", None)
        h.load_image("image.jpg")
        with pytest.raises(ValueError):
            h.load_image(tmp_path / "half.png")


def test_a_file_here_goes_before_one_in_images(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("image.jpg", np.zeros((2, 3)))
    assert h.load_image("image.jpg").shape == (2, 3)


def test_a_path_with_a_folder_is_not_looked_for_in_images(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        h.load_image("folder/image.jpg")


PNG = cv2.imencode(".png", integers(0, (40, 40), "u1"))[1].tobytes()
JPEG = (ROOT / "images" / "image.jpg").read_bytes()
BAD_FILES = {
    "empty.jpg": b"",
    "text.jpg": b"This is not a photo.",
    "page.png": b"<!DOCTYPE html><title>404</title>",
    "zeros.jpg": bytes(1000),
    "head only.jpg": JPEG[:20],
    "head only.png": PNG[:20],
    "half.jpg": JPEG[: len(JPEG) // 2],
    "half.png": PNG[: len(PNG) // 2],
    "last byte missing.jpg": JPEG[:-1],
    "last bytes missing.png": PNG[:-16],
    "wrong checksum.png": PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:],
    "too large.png": PNG[:16] + b"\x7f\xff\xff\xff" * 2 + PNG[24:],
}
READERS = {
    "source": h.load_image,
    "image": lambda path: h.convolve(path, PREWITT),
    "image ": lambda path: h.max_pool(path, visualize=True),
    "image  ": lambda path: h.visualize_pooling(path, 2),
}


@pytest.mark.parametrize("argument", READERS)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_broken_file_is_an_error_and_nothing_is_printed(
    name, argument, tmp_path, capfd
):
    (tmp_path / name).write_bytes(BAD_FILES[name])
    with pytest.raises(ValueError) as error:
        READERS[argument](str(tmp_path / name))
    assert str(error.value).startswith(f"{argument.strip()}: ")
    for word in [name, "cannot be read", "wanted"]:
        assert word in str(error.value)
    assert plt.get_fignums() == []
    # capfd sees what C libraries write to the process's own standard error, too. Where
    # a PNG lacks no more than its end, OpenCV has a word to say on it.
    printed, complaint = capfd.readouterr()
    assert printed == ""
    assert not complaint or name == "last bytes missing.png" and "WARN" in complaint


def test_a_reason_is_given_where_opencv_alone_finds_damage(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    why = r"'image.jpg' cannot be read as an image: it is damaged; wanted"
    with pytest.raises(ValueError, match=why):
        h.load_image("image.jpg")


def test_a_photo_prints_nothing_and_standard_error_survives(capfd):
    h.load_image("image.jpg")
    os.write(2, b"still here")
    assert capfd.readouterr() == ("", "still here")


@pytest.mark.parametrize("argument", READERS)
def test_a_missing_file_is_an_error_and_nothing_is_printed(argument, tmp_path, capfd):
    for name in ["missing.jpg", tmp_path, tmp_path / "missing.jpg", "", "a" * 5000]:
        with pytest.raises(FileNotFoundError) as error:
            READERS[argument](name)
        assert str(error.value).startswith(f"{argument.strip()}: ")
        for word in [str(name), "no file", "images/"]:
            assert word in str(error.value)
    assert plt.get_fignums() == []
    assert capfd.readouterr() == ("", "")


# --- translate ------------------------------------------------------------------------


@given(shapes, steps, steps, seeds, st.sampled_from(INTEGERS + FLOATS))
def test_translate_is_its_definition(shape, down, right, seed, dtype):
    image = integers(seed, shape, dtype)
    before = image.copy()
    same(h.translate(image, down, right), loop_translate(image, down, right), "loop")
    rolled = np.roll(image, (down, right), axis=(0, 1))
    same(h.translate(image, down, right, wrap=True), rolled, "np.roll")
    assert (image == before).all()


@given(shapes, steps, steps, steps, steps, seeds)
def test_wrapped_moves_are_a_group(shape, a, b, c, d, seed):
    image = integers(seed, shape)

    def move(image, down, right):
        return h.translate(image, down, right, wrap=True)

    assert (move(move(image, a, b), c, d) == move(image, a + c, b + d)).all()
    assert (move(move(image, a, b), -a, -b) == image).all()
    assert (move(image, 0, 0) == image).all()
    assert (move(image, *shape) == image).all()


@given(shapes, st.integers(0, 40), st.integers(0, 40), seeds)
def test_a_move_without_wrap_loses_what_leaves(shape, down, right, seed):
    image = integers(seed, shape)
    back = h.translate(h.translate(image, down, right), -down, -right)
    kept = np.zeros(shape, bool)
    kept[: max(shape[0] - down, 0), : max(shape[1] - right, 0)] = True
    assert (back == np.where(kept, image, 0)).all()


def test_translate_keeps_nan_and_makes_a_new_array():
    image = np.array([[np.nan, 1.0]])
    for wrap in (False, True):
        np.testing.assert_array_equal(h.translate(image, 0, 0, wrap), image)
        assert not np.shares_memory(h.translate(image, 0, 0, wrap), image)


@layouts
def test_translate_takes_any_layout(layout):
    image = layout(integers(0, (5, 6)))
    expected = loop_translate(np.asarray(image), 1, -2)
    np.testing.assert_array_equal(h.translate(image, 1, -2), expected)


# --- convolve -------------------------------------------------------------------------


@given(
    images_and_filters(),
    st.sampled_from(INTEGERS + FLOATS),
    st.sampled_from(INTEGERS + FLOATS),
    st.booleans(),
    seeds,
)
# 50 and more weights, where OpenCV alone would go through a Fourier transform.
@example(((30, 30), (7, 8)), "u1", "i8", True, 0)
@example(((30, 30), (12, 12)), "f8", "f8", False, 0)
@example(((1, 30), (1, 12)), "u1", "u1", True, 0)
@example(((30, 1), (12, 1)), "u1", "i1", True, 0)
def test_convolve_is_exact_on_whole_numbers(sizes, dtype, filter_dtype, relu, seed):
    image = integers(seed, sizes[0], dtype)
    filter = integers(seed + 1, sizes[1], filter_dtype)
    before = image.copy(), filter.copy()
    ours = h.convolve(image, filter, visualize=False, relu=relu)
    assert (image == before[0]).all() and (filter == before[1]).all()
    # The peers compute in float64: in uint8 the products would overflow.
    image, filter = image.astype(float), filter.astype(float)
    expected = loop_convolve(image, filter, relu)
    same(ours, expected, "loop")
    same(ours, torch_convolve(image, filter, relu), "torch")
    scipys = correlate2d(image, filter, "valid")
    same(ours, np.maximum(scipys, 0) if relu else scipys, "scipy")


@pytest.mark.parametrize("shape", [(7, 7), (7, 8), (15, 14), (25, 2), (31, 33)])
def test_convolve_is_exact_up_to_2_to_the_53(shape):
    most = 2**53 // (np.prod(shape) * 2**20)
    image = integers(0, (40, 40), most=2**20)
    filter = integers(1, shape, most=most)
    same(
        h.convolve(image, filter, visualize=False), loop_convolve(image, filter), "loop"
    )


LARGE, FRACTIONS = integers(2, (16, 16), most=2**20) + 2**20, np.arange(256) / 7 + 0.1
JUST_ABOVE = np.full((16, 16), 2.0**18 + 1)
JUST_ABOVE[::8, ::8] += 1  # each window of 8×8 adds up to an odd number above 2**24
ONES = np.ones((8, 8))


@pytest.mark.parametrize(
    "image, filter",
    [(LARGE, ONES), (-LARGE, ONES), (JUST_ABOVE, ONES), (-JUST_ABOVE, ONES)]
    + [(FRACTIONS.reshape(16, 16), ONES), (np.ones((16, 16)), ONES / 7)],
)
def test_what_float32_cannot_hold_is_added_up_in_float64(image, filter):
    response = h.convolve(image, filter, relu=False, visualize=False)
    wanted = correlate2d(image, filter, mode="valid")
    np.testing.assert_allclose(response, wanted, rtol=1e-13)


@pytest.mark.parametrize("width", [49, 50, 99, 129, 130, 260])
@pytest.mark.parametrize("divisor", [1, 7])
def test_a_filter_may_be_wider_than_opencv_takes_at_once(width, divisor):
    image, filter = integers(0, (5, 270)), integers(1, (3, width)) / divisor
    response = h.convolve(image, filter, relu=False, visualize=False)
    wanted = correlate2d(image, filter, mode="valid")
    np.testing.assert_allclose(response, wanted, rtol=1e-12)


def test_convolve_of_nothing_by_weights_beyond_float32_is_0():
    filter = np.full((8, 8), 1e100)
    # ReLU would make a 0 of NaN, too.
    response = h.convolve(np.zeros((9, 9)), filter, relu=False, visualize=False)
    assert (response == 0).all()


def test_convolve_keeps_fractions_in_any_strip():
    # helpers works in strips: one of whole numbers, one with a fraction.
    image = integers(0, (4000, 100))
    image[3500, 50] += 0.5
    filter = integers(1, (9, 9), most=9)
    same(
        h.convolve(image, filter, visualize=False),
        torch_convolve(image, filter),
        "torch",
    )


@given(images_and_filters(), st.sampled_from([1e-200, 1, 1e9, 1e200]), seeds)
def test_convolve_of_fractions_is_within_rounding_error(sizes, scale, seed):
    rng = np.random.default_rng(seed)
    image, filter = scale * rng.normal(size=sizes[0]), rng.normal(size=sizes[1])
    ours = h.convolve(image, filter, visualize=False)
    # n products, added in any order, are off by at most n × 2⁻⁵³ of the sum of their
    # sizes; two ways of adding, by twice that.
    magnitude = correlate2d(np.abs(image), np.abs(filter), "valid")
    bound = filter.size * np.finfo(float).eps * magnitude
    for peer, theirs in {
        "loop": loop_convolve(image, filter),
        "torch": torch_convolve(image, filter),
        "scipy": np.maximum(correlate2d(image, filter, "valid"), 0),
    }.items():
        compared[peer] += 1
        assert (np.abs(ours - theirs) <= bound).all()


@given(images_and_filters(), st.booleans(), st.booleans(), seeds)
@example(((1, 1), (1, 1)), True, True, 0)
def test_nan_and_infinity_go_where_they_go_in_torch(sizes, relu, weights_too, seed):
    image = spoiled(seed, integers(seed, sizes[0]))
    filter = integers(seed + 1, sizes[1], most=2)  # with many a 0
    if weights_too:
        filter = spoiled(seed + 2, filter)
    ours = h.convolve(image, filter, visualize=False, relu=relu)
    same(ours, torch_convolve(image, filter, relu), "torch")


def test_nan_spreads_even_under_a_weight_of_0():
    image = np.ones((5, 5))
    image[2, 2] = np.nan
    touched = np.isnan(h.convolve(image, PREWITT, visualize=False))
    assert touched.all()
    assert np.isnan(h.convolve(image, np.eye(2), visualize=False)).sum() == 4


def test_large_numbers_may_overflow_to_infinity_but_not_to_an_error():
    with np.errstate(all="raise"):
        assert h.convolve([[1e300]], [[1e300]], visualize=False) == np.inf
        assert h.convolve([[1e-300]], [[1e300]], visualize=False) == 1


@layouts
def test_convolve_takes_any_layout(layout):
    image, filter = layout(integers(0, (9, 8))), layout(integers(1, (3, 2)))
    expected = loop_convolve(np.asarray(image), np.asarray(filter))
    np.testing.assert_array_equal(h.convolve(image, filter, visualize=False), expected)


def test_uint8_does_not_saturate():
    image, filter = np.full((3, 3), 255, np.uint8), np.full((2, 2), 255, np.uint8)
    assert (h.convolve(image, filter, visualize=False) == 4 * 255 * 255).all()
    falling = np.array([[255, 0]], np.uint8)
    assert h.convolve(falling, [[-1, 1]], visualize=False, relu=False) == -255
    assert h.convolve(falling, [[-1, 1]], visualize=False) == 0


# --- max_pool -------------------------------------------------------------------------


@given(images_and_sides(), st.sampled_from(INTEGERS + FLOATS), seeds)
def test_max_pool_agrees_with_its_peers(sizes, dtype, seed):
    (shape, k), image = sizes, integers(seed, sizes[0], dtype)
    before = image.copy()
    ours = h.max_pool(image, k)
    assert (image == before).all() and not np.shares_memory(ours, image)
    same(ours, loop_max_pool(image, k), "loop")
    same(ours, torch_max_pool(image, k), "torch")
    whole = image[: shape[0] // k * k, : shape[1] // k * k].astype(float)
    same(ours, block_reduce(whole, (k, k), np.max), "skimage")


@given(images_and_sides(), seeds)
def test_max_pool_of_fractions_nan_and_infinity(sizes, seed):
    image = spoiled(seed, np.random.default_rng(seed).normal(size=sizes[0]))
    same(h.max_pool(image, sizes[1]), torch_max_pool(image, sizes[1]), "torch")


@layouts
def test_max_pool_takes_any_layout(layout):
    image = layout(integers(0, (9, 8)))
    np.testing.assert_array_equal(
        h.max_pool(image, 3), loop_max_pool(np.asarray(image), 3)
    )


@pytest.mark.parametrize("shape", [(701, 1000), (5, 200_001), (200_001, 4)])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_max_pool_of_large_images(shape, k):
    # helpers works in strips, of which small images have but one.
    image = integers(0, shape)
    same(h.max_pool(image, k), torch_max_pool(image, k), "torch")


def test_a_remainder_is_dropped():
    image = np.zeros((5, 7))
    image[4], image[:, 6] = 9, 9
    assert (h.max_pool(image) == np.zeros((2, 3))).all()
    image[0, 5] = 1
    assert h.max_pool(image)[0].tolist() == [0, 0, 1]


# --- the article's calls --------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOS)
def test_the_article_on_a_photo(name):
    sobel_y = PREWITT  # the article's name for it
    photo = cv2.imread(str(ROOT / "images" / name), cv2.IMREAD_GRAYSCALE)
    expected, peer = torch_convolve(photo, sobel_y), "torch"
    if name == PHOTOS[0]:  # the loop takes long
        expected, peer = loop_convolve(photo, sobel_y), "loop"

    edges = h.convolve(name, filter=sobel_y)
    same(edges, expected, peer)
    same(h.convolve(photo, filter=sobel_y, title="edges"), expected, peer)
    assert h.visualize_pooling(np.array(edges), 6, dpi=500) is None
    panels = plt.gcf().axes
    for panel in panels[1:]:
        expected = loop_max_pool(expected, 2)
        same(np.asarray(panel.images[0].get_array()), expected, "loop")
    titles = " ".join(panel.get_title("left") for panel in panels)
    assert titles == "425×638 212×319 106×159 53×79 26×39 13×19 6×9"


def test_the_articles_yellow_pixels():
    image_1, image_2 = np.zeros((10, 10)), np.zeros((10, 10))
    image_1[2, 2] = image_2[-3, -3] = 1.0
    for image, places in [
        (image_1, [(2, 2), (1, 1), (0, 0)]),
        (image_2, [(7, 7), (3, 3), (1, 1)]),
    ]:
        h.visualize_pooling(image, 2, dpi=200)
        shown = [np.argwhere(p.images[0].get_array()) for p in plt.gcf().axes]
        assert [tuple(*place) for place in shown] == places
        assert h.max_pool(image, 2, visualize=True).shape == (5, 5)
        pooled = h.max_pool(image, kernel_size=2, visualize=True, title="pooled")
        same(pooled, loop_max_pool(image, 2), "loop")
        h.visualize_pooling(image=image, iterations=3, kernel=2, dpi=100)
        assert plt.gcf().axes[-1].images[0].get_array().shape == (1, 1)


@pytest.mark.parametrize(
    "function, article",
    [
        (h.convolve, "filter title=''"),
        (h.max_pool, "kernel_size=2 visualize=False title=''"),
        (h.visualize_pooling, "iterations kernel=2"),
    ],
)
def test_the_articles_arguments_keep_their_order_and_defaults(function, article):
    _, *parameters = inspect.signature(function).parameters.values()
    ours = [
        p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters
    ]
    assert ours[: len(article.split())] == article.split()


# --- figures --------------------------------------------------------------------------


def panels():
    """Return each panel's array, limits and title, of the one figure there is."""
    assert len(plt.get_fignums()) == 1
    plt.gcf().canvas.draw()  # what cannot be drawn fails here
    return [
        (np.asarray(axis.images[0].get_array()), axis.images[0].get_clim())
        + (axis.get_title("left"),)
        for axis in plt.gcf().axes
    ]


def test_convolve_shows_the_image_and_its_response():
    image = integers(0, (9, 8), "u1")
    before = image.copy()
    response = h.convolve(image, PREWITT, title="Edges")
    (left, left_limits, _), (right, right_limits, _) = panels()
    np.testing.assert_array_equal(left, image)
    np.testing.assert_array_equal(right, response)
    assert left_limits == (image.min(), image.max())
    assert right_limits[0] == 0 < right_limits[1] <= response.max()
    assert [title for *_, title in panels()] == ["original", "convolved"]
    assert plt.gcf().get_suptitle() == "Edges"
    assert (image == before).all()


def test_convolve_without_relu_shows_signs_around_0():
    response = h.convolve(integers(0, (9, 8)), PREWITT, relu=False)
    shown, (low, high), _ = panels()[1]
    np.testing.assert_array_equal(shown, response)
    assert response.min() < 0 and low == -high < 0


def test_max_pool_shows_both_on_one_scale():
    image = integers(0, (9, 8))
    pooled = h.max_pool(image, 3, visualize=True, title="Pooled")
    (left, left_limits, _), (right, right_limits, _) = panels()
    np.testing.assert_array_equal(left, image)
    np.testing.assert_array_equal(right, pooled)
    assert left_limits == right_limits == (image.min(), image.max())
    assert [title for *_, title in panels()] == ["reference image", "max pooled, 3×3"]
    assert plt.gcf().get_suptitle() == "Pooled"


@pytest.mark.parametrize("shape, k, iterations", [((40, 50), 2, 5), ((9, 9), 3, 2)])
def test_visualize_pooling_shows_each_step_on_one_scale(shape, k, iterations):
    image = integers(0, shape)
    before = image.copy()
    assert h.visualize_pooling(image, iterations, kernel=k, dpi=77) is None
    assert plt.gcf().dpi == 77
    shown = panels()
    assert len(shown) == iterations + 1
    expected = image
    for array, limits, title in shown:
        np.testing.assert_array_equal(array, expected)
        assert limits == (image.min(), image.max())
        assert title == "×".join(map(str, array.shape))
        if array is not shown[-1][0]:
            expected = loop_max_pool(expected, k)
    assert (image == before).all()


def colours():
    return [axis.images[0].get_cmap().name for axis in plt.gcf().axes]


def test_colours_suit_what_is_shown():
    for relu, response in [(True, "Greys"), (False, "RdBu_r")]:
        h.convolve(np.eye(65), np.eye(2), relu=relu)
        assert colours() == ["gray", response]
    for shape, one, several in [
        ((64, 2), "viridis", "viridis"),
        ((2, 65), "gray", "Greys"),
    ]:
        h.max_pool(np.ones(shape), visualize=True)
        assert colours() == [one] * 2
        h.visualize_pooling(np.ones(shape), 1)
        assert colours() == [several] * 2


def test_one_response_in_a_hundred_may_be_off_the_scale():
    image = np.arange(1000.0).reshape(20, 50)
    image[0, 0] = 1e6
    h.convolve(image, [[1]])
    assert panels()[1][1] == (0, pytest.approx(990, abs=1))
    plt.close("all")
    h.convolve(image == 1e6, [[-1]], relu=False)  # 99 % are 0, which is no scale
    assert panels()[1][1] == (-1, 1)
    plt.close("all")
    h.max_pool(np.full((4, 4), 7), visualize=True)
    assert [limits for _, limits, _ in panels()] == [(0, 1)] * 2


LAST = np.eye(4, 6) + 2.5 * (np.arange(24).reshape(4, 6) == 22)
IN_WORDS = {
    "convolve": (
        lambda: h.convolve([[0, 1]], [[-1]], relu=False),
        "A convolution. Left: the image, 1×2. Right: its response to a filter of 1×1, "
        "1×2 values from -1 to 0, dark where it is strong.",
    ),
    "convolve with a title": (
        lambda: h.convolve([[1, 2, 4.5], [1, 2, 4]], [[-1, 1]], title="A rise"),
        "A rise. Left: the image, 2×3. Right: its response to a filter of 1×2, "
        "2×2 values from 1 to 2.5, dark where it is strong.",
    ),
    "max_pool": (
        lambda: h.max_pool(np.eye(3), 3, visualize=True),
        "Max pooling. Left: the image, 3×3. Right: the largest value of each cell of "
        "3×3, 1×1.",
    ),
    "max_pool with a title": (
        lambda: h.max_pool(np.eye(3, 5), visualize=True, title="Few"),
        "Few. Left: the image, 3×5. Right: the largest value of each cell of 2×2, 1×2.",
    ),
    "visualize_pooling": (
        lambda: h.visualize_pooling(LAST, 1),
        "An image and what max pooling leaves of it, left to right: 4×6, largest value "
        "2.5 at [3, 4]; 2×3, largest value 2.5 at [1, 2].",
    ),
}


@pytest.mark.parametrize("draw, words", IN_WORDS.values(), ids=IN_WORDS)
def test_a_figure_has_its_words(draw, words, monkeypatch):
    said = []
    monkeypatch.setattr(figures, "show", lambda figure, alt, title: said.append(alt))
    draw()
    assert said == [words]


def test_pooling_is_shown_with_150_dots_an_inch():
    h.visualize_pooling(np.eye(4), 1)
    assert plt.gcf().dpi == 150


@pytest.mark.parametrize(
    "shapes, columns, title, size",
    [
        ([(3, 3)], None, "", (3.4, 3.7)),
        ([(3, 3)], None, "High", (3.4, 4.05)),
        ([(3, 3)] * 2, None, "", (6.8, 3.7)),
        ([(6, 3)] * 4, None, "", (10, 5.3)),
        ([(3, 6), (6, 3), (3, 3)], 2, "", (6.8, 2 * 7.1)),
        ([(3, 6)] * 3, 1, "", (3.4, 3 * 2.0)),
    ],
)
def test_a_figure_is_as_large_as_its_images_need(shapes, columns, title, size):
    images = [np.zeros(shape) for shape in shapes]
    h.show_images(images, [""] * len(images), title=title, columns=columns)
    assert plt.gcf().get_size_inches() == pytest.approx(size)
    assert len(plt.gcf().axes) == len(images)


def test_no_iterations_show_the_image_alone():
    h.visualize_pooling(np.eye(3), 0)
    assert len(panels()) == 1


def test_no_figure_unless_asked_for():
    h.convolve(np.eye(3), np.eye(2), visualize=False)
    h.max_pool(np.eye(3))
    assert plt.get_fignums() == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 1e300])
def test_any_numbers_can_be_shown(value):
    image = np.full((18, 18), float(value))  # too large for cells, which take long
    for spoil in (False, True):
        if spoil:
            image[:9] = integers(0, (9, 18))
        h.convolve(image, PREWITT)
        h.convolve(image, PREWITT, relu=False)
        h.max_pool(image, visualize=True)
        h.visualize_pooling(image, 2)
        for number in plt.get_fignums():
            plt.figure(number).set(dpi=20, layout_engine="none")  # six times as fast
            plt.figure(number).canvas.draw()
        plt.close("all")


def test_show_images_draws_cells_values_and_hatches():
    mask = np.array([[True, False, False], [False, False, True]])
    numbers = np.arange(6).reshape(2, 3)
    h.show_images(
        [numbers, numbers / 3],
        ["whole", "thirds"],
        title="Six",
        limits=(0, 5),
        values=True,
        hatch=[mask, None],
    )
    assert [title for *_, title in panels()] == ["whole", "thirds"]
    assert [limits for _, limits, _ in panels()] == [(0, 5), (0, 5)]
    left, right = plt.gcf().axes
    assert [text.get_text() for text in left.texts] == list("012345")
    assert right.texts[-1].get_text() == "1.67"
    assert right.texts[1].get_position() == (1, 0)
    assert list(left.get_xticks()) == [0, 1, 2] and list(left.get_yticks()) == [0, 1]
    corners = [patch.get_xy() for patch in left.patches]
    assert corners == [(-0.5, -0.5), (1.5, 0.5)] and not right.patches
    for patch in left.patches:
        assert patch.get_width() == patch.get_height() == 1 and not patch.get_fill()
        assert (patch.get_hatch(), patch.get_linewidth()) == ("////", 0)
        assert patch.get_edgecolor() == matplotlib.colors.to_rgba("0.85")
    heading = plt.gcf()._suptitle
    assert (heading.get_text(), heading.get_ha()) == ("Six", "left")
    assert heading.get_position()[0] == 0


@pytest.mark.parametrize("shape, step", [((3, 10), 1), ((11, 5), 4)])
def test_cells_are_numbered_and_have_lines_between_them(shape, step):
    h.show_images([np.zeros(shape)], ["cells"])
    axis = plt.gca()
    for ticks, side in zip((axis.yaxis, axis.xaxis), shape, strict=True):
        assert list(ticks.get_majorticklocs()) == list(range(0, side, step))
        assert list(ticks.get_minorticklocs()) == [i + 0.5 for i in range(side - 1)]
        assert not any(tick.gridline.get_visible() for tick in ticks.get_major_ticks())
        for tick in ticks.get_minor_ticks():
            line = tick.gridline
            look = line.get_visible(), line.get_color(), line.get_linewidth()
            assert look == (True, "0.75", 0.5)
        both = ticks.get_major_ticks() + ticks.get_minor_ticks()
        assert {tick.tick1line.get_markersize() for tick in both} == {0}


def test_values_are_light_on_dark_and_dark_on_light():
    h.show_images([[[0, 0.4, 1]]], ["greys"], cmap="gray", values=True)
    texts = plt.gca().texts
    assert [text.get_color() for text in texts] == ["white", "white", "black"]
    for text in texts:
        assert (text.get_ha(), text.get_va()) == ("center", "center")
        assert text.get_fontsize() == 8
    # Green looks brighter than blue of the same strength, and red lies between them.
    h.show_images(
        [[[0, 1, 2]]], ["blue, red, green"], cmap="brg", limits=(0, 2), values=True
    )
    inks = [text.get_color() for text in plt.gca().texts]
    assert inks == ["white", "white", "black"]


@pytest.mark.parametrize("shape", [(16, 16), (17, 3), (3, 17)])
def test_only_images_of_up_to_16_pixels_have_ticks(shape):
    h.show_images([np.zeros(shape), np.eye(3)], ["any", "small"])
    for axis in plt.gcf().axes:
        ticks = [axis.get_xticks().size > 0, axis.get_yticks().size > 0]
        assert ticks == [max(shape) <= 16] * 2
        for spine in axis.spines.values():
            assert spine.get_visible()
            assert spine.get_edgecolor() == matplotlib.colors.to_rgba("0.75")


def test_columns_make_rows():
    h.show_images([np.eye(3)] * 5, list("abcde"), columns=3)
    assert [title for *_, title in panels()] == list("abcde")
    tops = [round(axis.get_position().y0, 3) for axis in plt.gcf().axes]
    assert tops[0] == tops[1] == tops[2] > tops[3] == tops[4]


def test_limits_and_colour_maps_may_differ():
    limits = [(0, 1), (-2, 2)]
    h.show_images([np.eye(3)] * 2, ["a", "b"], cmap=["gray", "bwr"], limits=limits)
    assert [limits for _, limits, _ in panels()] == limits
    assert colours() == ["gray", "bwr"]


DRAWING = {
    "convolve": lambda: h.convolve(np.eye(5), np.eye(2)),
    "max_pool": lambda: h.max_pool(np.eye(5), visualize=True),
    "visualize_pooling": lambda: h.visualize_pooling(np.eye(5), 2),
    "show_images": lambda: h.show_images([np.eye(5)], ["a"]),
}
drawing = pytest.mark.parametrize("draw", DRAWING.values(), ids=DRAWING)


@drawing
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("step", ["imshow", "set_title"])
def test_an_error_while_drawing_leaves_no_figure_open(step, error, draw, monkeypatch):
    def fail(*_, **__):
        raise error("while drawing")

    monkeypatch.setattr(matplotlib.axes.Axes, step, fail)
    with pytest.raises(error):
        draw()
    assert plt.get_fignums() == []


@drawing
def test_drawing_leaves_matplotlibs_settings_alone(draw):
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        draw()
        assert dict(plt.rcParams) == before


@drawing
def test_in_a_notebook_a_figure_is_displayed_once_with_its_alt_text(draw, monkeypatch):
    displayed = []
    monkeypatch.setattr(plt, "get_backend", lambda: "module://inline")
    monkeypatch.setattr(
        IPython.display, "display", lambda *a, **k: displayed.append((a, k))
    )
    draw()
    assert plt.get_fignums() == []  # else the notebook would show it a second time
    ((figure,), options), *words = displayed
    assert isinstance(figure, plt.Figure)
    alt = options["metadata"]["image/png"]["alt"]
    assert isinstance(alt, str) and len(words) == bool(alt)
    for (html_words,), options in words:
        summary = "<summary>The figure in words</summary>"
        escaped = html.escape(alt, quote=False)
        assert html_words == {
            "text/html": f"<details>{summary}<p>{escaped}</p></details>"
        }
        assert options == {"raw": True}


@pytest.fixture
def displayed(monkeypatch):
    shown = []
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda data, raw=False, **_: shown.append((data, raw)),
    )
    return shown


def test_without_a_title_and_words_there_are_none(monkeypatch, displayed):
    monkeypatch.setattr(plt, "get_backend", lambda: "module://inline")
    h.show_images([np.eye(3)], ["a"])
    figures.show(plt.figure(), alt="")
    assert [figure.get_suptitle() for figure, _ in displayed] == ["", ""]


def test_the_figure_that_is_shown_is_closed_and_no_other(monkeypatch):
    monkeypatch.setattr(plt, "get_backend", lambda: "module://inline")
    shown, other = plt.figure(), plt.figure()
    figures.show(shown, alt="")
    assert plt.get_fignums() == [other.number]


def test_what_stands_in_the_words_below_a_figure_is_no_html(monkeypatch, displayed):
    monkeypatch.setattr(plt, "get_backend", lambda: "module://inline")
    figures.show(plt.figure(), 'Is "a" < b?')
    assert '<p>Is "a" &lt; b?</p>' in displayed[1][0]["text/html"]


TABLE = (
    {"max": [0.92, 12.0], "blur & skip": [0.5, "<none>"]},
    {"one": ["a"], "two": ["more than one"]},
)
AS_TEXT = """\
             one            two
                         a  more than one
max                    0.9           12.0
blur & skip            0.5         <none>"""
AS_HTML = """\
<table><thead>
<tr><td rowspan="2"></td><th colspan="1" scope="colgroup">one</th>\
<th colspan="1" scope="colgroup">two</th></tr>
<tr><th scope="col">a</th><th scope="col">more than one</th></tr>
</thead><tbody>
<tr><th scope="row">max</th><td>0.9</td><td>12.0</td></tr>
<tr><th scope="row">blur &amp; skip</th><td>0.5</td><td>&lt;none&gt;</td></tr>
</tbody></table>"""


def test_a_table_is_printed_outside_notebooks(capsys):
    figures.show_table(*TABLE, ".1f")
    assert capsys.readouterr().out == AS_TEXT + "\n"


def test_a_table_in_a_notebook_is_html_with_text_beside_it(monkeypatch, displayed):
    monkeypatch.setattr(figures, "_in_kernel", lambda: True)
    figures.show_table(*TABLE, ".1f")
    assert displayed == [({"text/html": AS_HTML, "text/plain": AS_TEXT}, True)]


def test_columns_of_a_group_share_its_header(monkeypatch, displayed, capsys):
    table = {"row": [1, 2, 3]}, {"one": ["a", "b"], "two": ["c"]}
    figures.show_table(*table)
    assert capsys.readouterr().out == "     one   two\n     a  b  c\nrow  1  2  3\n"
    monkeypatch.setattr(figures, "_in_kernel", lambda: True)
    figures.show_table(*table)
    ((data, _),) = displayed
    assert '<th colspan="2" scope="colgroup">one</th>' in data["text/html"]


def test_a_table_may_be_empty(capsys):
    figures.show_table({}, {"all": ["a", "b"]})
    figures.show_table({}, {})
    assert capsys.readouterr().out == "  all\n  a  b\n\n\n"


def test_a_table_of_uneven_rows_is_an_error():
    message = r"^rows must have 2 cells each, one for each column, got 1 in 'short'$"
    with pytest.raises(ValueError, match=message):
        figures.show_table({"max": [1, 2], "short": [3]}, {"all": ["a", "b"]})


def test_an_explorer_is_one_page_with_its_code_and_its_state(displayed):
    figures.explore("window", "three.jpg", label='a "quoted" <b>')
    figures.explore("rocket", "rocket.png")
    ((first, raw), (second, _)) = displayed
    assert raw and first["text/plain"] == "explore('window')"
    page = r'<div data-explorer="window" data-start="(.*?)">.*</div>\n(.*)'
    start, script = re.fullmatch(page, first["text/html"], re.DOTALL).groups()
    state = json.loads(html.unescape(start))
    assert state["label"] == 'a "quoted" <b>'
    assert re.fullmatch(r'<script type="module">\n.*</script>', script, re.DOTALL)
    folder = figures.EXPLORERS
    for data, name in [(first, "three.jpg"), (second, "rocket.png")]:
        assert base64.b64encode((folder / name).read_bytes()).decode() in str(data)
    assert state["photo"].startswith("data:image/jpeg;base64,")
    assert "data:image/png;base64," in second["text/html"]
    assert not re.search(r"(?m)^(import|export) ", script)
    for part in ["images", "explore", "window"]:
        last = (folder / f"{part}.js").read_text("utf-8").rstrip().splitlines()[-1]
        assert last in script


def test_no_such_explorer_is_an_error():
    names = "digit, drift, mirror, pool, rocket, square, step, window"
    with pytest.raises(
        ValueError, match=f"^name must be one of {names}, got 'images'$"
    ):
        figures.explore("images")
    with pytest.raises(FileNotFoundError):
        figures.explore("step", "missing.png")


def test_a_figure_that_cannot_be_displayed_is_closed(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("while displaying")

    monkeypatch.setattr(plt, "get_backend", lambda: "module://inline")
    monkeypatch.setattr(IPython.display, "display", fail)
    with pytest.raises(RuntimeError):
        h.visualize_pooling(np.eye(5), 2)
    assert plt.get_fignums() == []


def test_a_real_notebook_stores_one_image_a_call_with_alt_text(tmp_path):
    cells = [
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom helpers import *\n"
        "import matplotlib.pyplot as plt\nimport numpy as np",
        "response = convolve([[1, 2, 4], [1, 2, 4]], [[-1, 1]], title='A rise')",
        "pooled = max_pool(np.eye(4), visualize=True)",
        "visualize_pooling(np.eye(8), 2)",
        "show_images([np.eye(3)], ['ones'], alt='The identity.')",
        "figure, axes = plt.subplots()\nshow(figure, alt='Axes without data.')",
        # Whenever a kernel runs, a figure shows.
        "plt.switch_backend('agg')\nshow_images([np.eye(3)], ['ones'], alt='By Agg.')",
        "plt.switch_backend('svg')\nshow_images([np.eye(3)], ['ones'], alt='By SVG.')",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    outputs = [cell.outputs for cell in execute(notebook, tmp_path).cells]
    assert outputs.pop(0) == []
    assert len(outputs) == len(cells) - 1
    for output in outputs:
        assert ["image/png" in o.data for o in output] == [True, False]
        assert output[0].data["text/plain"].startswith("<Figure size ")
        picture = Image.open(io.BytesIO(base64.b64decode(output[0].data["image/png"])))
        assert min(picture.size) > 100 and np.ptp(np.asarray(picture.convert("L"))) > 99
    texts = [output[0].metadata["image/png"]["alt"] for output in outputs]
    assert re.match(r"A rise.*2×3.*1×2, 2×2.*from 1 to 2", texts[0])
    assert re.search(r"4×4.*2×2", texts[1])
    assert re.search(r"8×8.*\b1\b.*4×4.*\b1\b.*2×2.*\b1\b", texts[2])
    assert texts[3:] == ["The identity.", "Axes without data.", "By Agg.", "By SVG."]
    for text, (_, words) in zip(texts, outputs, strict=True):
        assert f"<p>{html.escape(text, quote=False)}</p>" in words.data["text/html"]


def test_what_came_is_said_in_80_signs_or_by_its_type():
    for thing, said in [
        ("a" * 78, repr("a" * 78)),
        ("a" * 79, "'" + "a" * 76 + "…"),
        (None, "None"),
        (2.5, "2.5"),
        ([1], "list"),
        (np.ones(2), "ndarray of float64"),
    ]:
        assert arguments.describe(thing) == said


# --- relative_change ------------------------------------------------------------------


def test_relative_change_in_closed_form():
    zeros, one, other = np.zeros((4, 5)), np.zeros((4, 5)), np.zeros((4, 5))
    one[1, 2] = other[2, 1] = 1
    for a, b, expected in [
        (one, one, 0),
        (one, other, np.sqrt(2)),
        (one, zeros, 1),
        (one, -one, 2),
        (zeros, one, np.inf),
        (zeros, zeros, 0),
        (2 * one, 3 * one, 0.5),
    ]:
        change = h.relative_change(a, b)
        assert type(change) is float and change == expected


@given(shapes, seeds, st.integers(0, 10))
def test_relative_change_looks_inside_the_border(shape, seed, border):
    reference, other = integers(seed, shape), integers(seed + 1, shape)
    if 2 * border >= min(shape):
        with pytest.raises(ValueError, match="border"):
            h.relative_change(reference, other, border)
        return
    inside = (slice(border, shape[0] - border), slice(border, shape[1] - border))
    expected = np.sqrt(((other - reference)[inside] ** 2).sum())
    expected /= np.sqrt((reference[inside] ** 2).sum()) or 1
    change = h.relative_change(reference, other, border)
    if reference[inside].any():
        assert change == pytest.approx(expected, rel=1e-12)
    framed = np.full(shape, 1000.0)
    framed[inside] = reference[inside]
    assert h.relative_change(reference, framed, border) == 0


@pytest.mark.parametrize("scale", [5e-324, 1e-320, 1e-170, 1, 1e170, 1e200, 4e307])
def test_relative_change_of_any_size(scale):
    assert h.relative_change([[scale]], [[2 * scale]]) == 1
    assert h.relative_change([[4 * scale]], [[0]]) == 1
    change = h.relative_change([[3 * scale, 4 * scale]], [[3 * scale, 0]])
    assert change == pytest.approx(0.8)
    assert h.relative_change([[4 * scale]], [[-4 * scale]]) == 2


def test_relative_change_of_sizes_far_apart():
    assert h.relative_change([[1e200]], [[1e-200]]) == 1
    assert h.relative_change([[1e-200]], [[1e200]]) == np.inf
    assert h.relative_change([[1e-100]], [[1e100]]) == pytest.approx(1e200)
    # Two pixels that stay, and one small one that moves.
    assert h.relative_change([[1e200, 1]], [[1e200, 2]]) == pytest.approx(1e-200)


@pytest.mark.filterwarnings("error")
def test_relative_change_of_nan_is_nan():
    for reference, other in [(0, np.nan), (np.nan, 0), (1, np.nan), (np.inf, np.inf)]:
        assert np.isnan(h.relative_change([[reference]], [[other]]))
    assert h.relative_change([[1]], [[np.inf]]) == np.inf


def test_relative_change_of_unsigned_numbers_does_not_wrap():
    one, two = np.array([[1]], np.uint8), np.array([[2]], np.uint8)
    assert h.relative_change(two, one) == 0.5


# --- bad input ------------------------------------------------------------------------

IMAGE = np.arange(20.0).reshape(4, 5)
GOOD = {
    h.load_image: {"source": "image.jpg"},
    h.translate: {"image": IMAGE, "down": 1, "right": 1},
    h.convolve: {"image": IMAGE, "filter": np.eye(2)},
    h.max_pool: {"image": IMAGE, "kernel_size": 2, "visualize": True},
    h.visualize_pooling: {"image": IMAGE, "iterations": 1, "kernel": 2, "dpi": 50},
    h.relative_change: {"reference": IMAGE, "other": IMAGE, "border": 1},
    h.show_images: {"images": [IMAGE, IMAGE], "titles": ["a", "b"]},
}
# The argument, what it is given, the error, and words of its message beside the
# argument's name. An argument stands for that of every function.
NOT_ARRAYS = [
    (None, TypeError, "real numbers, got None"),
    (b"image.jpg", TypeError, "real numbers, got bytes"),
    ({}, TypeError, "real numbers, got dict"),
    (object(), TypeError, "real numbers, got object"),
    (IMAGE * 1j, TypeError, "real numbers, got ndarray of complex128"),
    (IMAGE.astype(object), TypeError, "real numbers, got ndarray of object"),
    (IMAGE.astype("M8[s]"), TypeError, "real numbers, got ndarray of datetime64[s]"),
    ([["1", "2"]], TypeError, "real numbers, got list"),
    ([[1, None]], TypeError, "real numbers, got list"),
    (np.ma.masked_array(IMAGE, IMAGE > 5), TypeError, "a mask, got a masked one"),
    (np.ma.masked_array(IMAGE), TypeError, "got a masked one; image.filled(0)"),
    (list(np.ma.masked_array(IMAGE, IMAGE > 5)), TypeError, "got a masked one"),
    (Image.new("P", (5, 4)), TypeError, "got a picture with a palette"),
    (Image.new("RGB", (5, 4)), ValueError, "got shape (4, 5, 3); take one channel"),
    ([[1, 2], [3]], ValueError, "shape (H, W), got list"),
    (torch.ones(4, 5, requires_grad=True), ValueError, "got Tensor of torch.float32"),
    (torch.ones(4, 5, dtype=torch.bfloat16), ValueError, "Tensor of torch.bfloat16"),
    (5.0, ValueError, "shape (H, W), got shape ()"),
    ([1, 2, 3], ValueError, "shape (H, W), got shape (3,)"),
    ([], ValueError, "non-empty array of shape (H, W), got shape (0,)"),
    (np.zeros((0, 5)), ValueError, "non-empty array of shape (H, W), got shape (0, 5)"),
    (np.zeros((4, 0)), ValueError, "non-empty array of shape (H, W), got shape (4, 0)"),
    (np.zeros((4, 5, 3)), ValueError, "got shape (4, 5, 3); take one channel"),
    (torch.zeros(1, 1, 4, 5), ValueError, "shape (H, W), got shape (1, 1, 4, 5)"),
]
NOT_WHOLE = [
    (value, TypeError, f"must be a whole number, got {described}")
    for value, described in [
        (None, "None"),
        ("2", "'2'"),
        (2.0, "2.0"),
        (2 + 0j, "(2+0j)"),
        (True, "True"),
        (np.True_, "bool of bool"),
        (np.float64(2), ""),
        ([2], "list"),
        (np.array([2, 2]), "ndarray of int64"),
    ]
]
BAD = [
    (function, argument, *bad)
    for function, arguments in GOOD.items()
    for argument, value in arguments.items()
    for bad in (
        NOT_ARRAYS
        if isinstance(value, np.ndarray)
        else NOT_WHOLE
        if type(value) is int
        else []
    )
] + [
    *(
        (h.load_image, "source", *bad)
        for bad in [
            (None, TypeError, "must be a path, got None"),
            (5, TypeError, "must be a path, got 5"),
            (b"image.jpg", TypeError, "must be a path, got bytes"),
            (IMAGE, TypeError, "must be a path, got ndarray of float64"),
            (["image.jpg"], TypeError, "must be a path, got list"),
            ("image\0.jpg", FileNotFoundError, "no file 'image\\x00.jpg'"),
        ]
    ),
    (h.translate, "image", "image.jpg", TypeError, "real numbers, got 'image.jpg'"),
    (h.convolve, "filter", "sobel", TypeError, "real numbers, got 'sobel'"),
    (h.convolve, "filter", np.eye(5), ValueError, "filter of 5×5 for an image of 4×5"),
    (h.convolve, "filter", np.ones((1, 6)), ValueError, "filter of 1×6 for an image"),
    (
        h.max_pool,
        "kernel_size",
        0,
        ValueError,
        "from 1 to 4 for an image of 4×5, got 0",
    ),
    (h.max_pool, "kernel_size", -1, ValueError, "from 1 to 4 for an image of 4×5"),
    (h.max_pool, "kernel_size", 5, ValueError, "from 1 to 4 for an image of 4×5"),
    (h.visualize_pooling, "kernel", 0, ValueError, "from 1 to 4 for an image of 4×5"),
    (h.visualize_pooling, "kernel", -2, ValueError, "from 1 to 4 for an image of 4×5"),
    (h.visualize_pooling, "kernel", 5, ValueError, "from 1 to 4 for an image of 4×5"),
    (h.visualize_pooling, "iterations", -1, ValueError, "0 or more, got -1"),
    (h.visualize_pooling, "iterations", 3, ValueError, "at most 2 for an image of 4×5"),
    (h.visualize_pooling, "dpi", 0, ValueError, "1 or more, got 0"),
    (h.visualize_pooling, "dpi", -150, ValueError, "1 or more, got -150"),
    (h.relative_change, "border", 2, ValueError, "leave part of 4×5 standing, got 2"),
    (h.relative_change, "border", -1, ValueError, "leave part of 4×5 standing, got -1"),
    (
        h.relative_change,
        "other",
        IMAGE.T,
        ValueError,
        "shape of reference, 4×5, got 5×4",
    ),
    (h.relative_change, "other", "x", TypeError, "real numbers, got 'x'"),
    (h.show_images, "images", [IMAGE, None], TypeError, "real numbers, got None"),
    (h.show_images, "images", [IMAGE, IMAGE * 1j], TypeError, "got ndarray of complex"),
    (h.show_images, "images", [IMAGE, IMAGE[0]], ValueError, "got shape (5,)"),
    (h.show_images, "images", "image.jpg", TypeError, "real numbers, got 'i'"),
    (
        h.show_images,
        "titles",
        ["a"],
        ValueError,
        "one entry for each image, got 1 for 2",
    ),
    (h.show_images, "titles", list("abc"), ValueError, "got 3 for 2 images"),
    (h.show_images, "cmap", ["gray"], ValueError, "one entry for each image, got 1"),
    (h.show_images, "limits", [(0, 1)], ValueError, "one entry for each image, got 1"),
    (h.show_images, "hatch", [None], ValueError, "one entry for each image, got 1"),
    (h.show_images, "columns", 0, ValueError, "must be 1 or more, got 0"),
    (h.show_images, "columns", -1, ValueError, "must be 1 or more, got -1"),
    (h.show_images, "columns", 2.0, TypeError, "must be a whole number, got 2.0"),
    (h.show_images, "dpi", 0, ValueError, "must be 1 or more, got 0"),
    (h.show_images, "dpi", "90", TypeError, "must be a whole number, got '90'"),
    (h.show_images, "images", None, TypeError, "must be a list, got None"),
    (h.show_images, "titles", 5, TypeError, "must be a list, got 5"),
    (h.show_images, "limits", [(0, 1), 5], ValueError, "got shape (1,)"),
    (h.show_images, "limits", 5, TypeError, "must be a list, got 5"),
    (h.show_images, "limits", (0, 1, 2), ValueError, "pairs (low, high), got list"),
    (h.show_images, "limits", [(0, 1), "ab"], TypeError, "real numbers, got list"),
    (h.show_images, "hatch", [None, [1, 2]], ValueError, "got shape (2,)"),
]


def describe_bad(bad):
    function, argument, value, *_ = bad
    # Without addresses: each worker must collect the same names.
    shown = re.sub(r" at 0x\w+", "", f"{value!r:.40}").replace("\n", " ")
    return f"{function.__name__}({argument}={shown:.30})"


@pytest.mark.parametrize("bad", BAD, ids=describe_bad)
def test_bad_input_is_a_clear_error(bad, capfd):
    function, argument, value, expected, words = bad
    given = copy.deepcopy(GOOD[function] | {argument: value})
    before = pickle.dumps(given)
    with pytest.raises(expected) as error:
        function(**given)
    assert type(error.value) is expected
    assert re.match(rf"{argument}\b", str(error.value))
    assert words in str(error.value)
    assert plt.get_fignums() == []
    assert pickle.dumps(given) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "wanted, came, hint",
    [
        ("(H, W)", (3,), ""),
        ("(H, W)", (4, 5, 3), "; take one channel, or its grey values"),
        ("(H, W)", (1, 3, 4, 5), ""),
        ("(C, H, W)", (4, 5), "; a grey image is image[None]"),
        ("(C, H, W)", (5,), ""),
    ],
)
def test_a_hint_says_how_to_get_from_one_shape_to_the_other(wanted, came, hint):
    with pytest.raises(ValueError) as error:
        arguments.as_array(np.zeros(came), "photo", wanted)
    begin = f"photo must be a non-empty array of shape {wanted}, got shape {came}"
    assert str(error.value) == begin + hint


def test_no_images_and_no_such_colours_are_errors_too():
    with pytest.raises(ValueError, match="0 images"):
        h.show_images([], [])
    with pytest.raises(ValueError, match="cmap"):
        h.show_images([IMAGE], ["a"], cmap="no such map")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("function", GOOD, ids=lambda function: function.__name__)
def test_the_same_calls_with_good_input_work_and_change_nothing(function):
    given = copy.deepcopy(GOOD[function])
    function(**given)
    for argument, value in GOOD[function].items():
        np.testing.assert_array_equal(given[argument], value)


@pytest.mark.parametrize("kind", [int, np.uint8, np.int64, np.array, torch.tensor])
def test_whole_numbers_of_any_kind_are_taken(kind):
    assert h.max_pool(IMAGE, kind(2)).shape == (2, 2)
    assert h.translate(IMAGE, kind(1), kind(1))[1, 1] == IMAGE[0, 0]
    assert h.relative_change(IMAGE, IMAGE, kind(1)) == 0
    h.visualize_pooling(IMAGE, kind(1), kernel=kind(2), dpi=kind(50))
    assert len(panels()) == 2


# --- at random ------------------------------------------------------------------------
# 100 cases each, 2,000 under the profile "fuzz": the right answer, or one of the three
# errors that the docstrings name.

# Those that draw take long: a tenth of the cases.
drawn = settings(max_examples=settings.default.max_examples // 10)
DRAWING_ALWAYS = [h.show_images, h.visualize_pooling]
NAMED = (TypeError, ValueError, FileNotFoundError)
KINDS = INTEGERS + FLOATS + [">f2", "<f4", ">i4", ">u2"]
EXTREMES = [0, -0.0, 1, -1, 255, 0.1, 2.0**24, 2.0**53, 5e-324, 1e-170, 1e170, 1.7e308]
NOT_FINITE = [np.nan, np.inf, -np.inf]
sides = st.integers(1, 24)


def memory_mapped(array):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
        mapped[...] = array
        return mapped


STORED = [
    lambda a: a,
    lambda a: a.tolist(),
    np.asfortranarray,
    lambda a: a[::-1].copy()[::-1],
    lambda a: a[:, ::-1].copy()[:, ::-1],
    lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    lambda a: np.broadcast_to(a[:1], a.shape),
    lambda a: np.lib.stride_tricks.as_strided(a, a.shape, writeable=False),
    memory_mapped,
]


@st.composite
def arrays(draw, shape=None, values=None):
    """Draw real numbers of any type, size and place in memory."""
    shape = shape or (draw(sides), draw(sides))
    kind = np.dtype(draw(st.sampled_from(KINDS)))
    values = values or draw(
        st.sampled_from([[0, 1], range(256), EXTREMES, EXTREMES + NOT_FINITE])
    )
    rng = np.random.default_rng(draw(seeds))
    numbers = rng.choice(np.array(values, float), shape)
    if kind.kind in "ui":
        numbers = np.clip(np.nan_to_num(numbers), *limits_of(kind))
    with np.errstate(all="ignore"):
        return draw(st.sampled_from(STORED))(numbers.astype(kind))


def limits_of(kind):
    # As floats, 64 bits have no largest integer of their own.
    return np.iinfo(kind).min, min(np.iinfo(kind).max, 2**62)


def as_floats(image):
    with np.errstate(all="ignore"):
        return np.array(image).astype(float)


@given(arrays(), *[st.integers(-(2**70), 2**70) | st.integers(-30, 30)] * 2)
def test_fuzz_translate(image, down, right):
    before = np.array(image)
    same(h.translate(image, down, right), loop_translate(before, down, right), "loop")
    rolled = np.roll(before, (down % len(before), right % before.shape[1]), (0, 1))
    same(h.translate(image, down, right, wrap=True), rolled, "np.roll")
    np.testing.assert_array_equal(np.array(image), before, strict=True)


@given(arrays(), arrays(), st.booleans())
def test_fuzz_convolve(image, filter, relu):
    before = np.array(image), np.array(filter)
    pixels, weights = as_floats(image), as_floats(filter)
    if (np.array(weights.shape) > pixels.shape).any():
        with pytest.raises(ValueError, match="must fit inside the image"):
            h.convolve(image, filter, visualize=False)
        return
    ours = h.convolve(image, filter, visualize=False, relu=relu)
    with np.errstate(all="ignore"):
        expected = loop_convolve(pixels, weights, relu)
        scale = loop_convolve(np.abs(pixels), np.abs(weights))
        # One unit in the last place for each sum, and what is too small for a float.
        bound = weights.size * (np.finfo(float).eps * scale + 5e-324)
        close = np.abs(ours - expected) <= bound
    # Beyond the largest float the order of adding decides: infinity, or nan.
    wrong = ~close & np.isfinite(scale)
    assert not wrong.any() and ours.shape == expected.shape
    assert np.isnan(ours[np.isnan(expected) & ~np.isinf(scale)]).all()
    np.testing.assert_array_equal(np.array(image), before[0], strict=True)
    np.testing.assert_array_equal(np.array(filter), before[1], strict=True)


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 40), st.integers(1, 140)),
    st.sampled_from([1, 255, 2**10, 2**18, 2**19, 2**20]),
    st.sampled_from([0, 1, 2, 50, 2**18]),
    st.booleans(),
    seeds,
)
def test_fuzz_large_filters_are_exact(shape, filter_shape, most, weight, half, seed):
    # Around 2**24, where float32 is no longer exact, and with fractions among the rest.
    image = integers(seed, np.maximum(shape, filter_shape), most=most)
    image.flat[image.size // 2] += half / 2
    filter = integers(seed + 1, filter_shape, most=weight)
    expected = correlate2d(image, filter, "valid")
    same(h.convolve(image, filter, visualize=False, relu=False), expected, "scipy")


@given(arrays(), st.integers(1, 24))
def test_fuzz_max_pool(image, k):
    before = np.array(image)
    if k > min(before.shape):
        with pytest.raises(ValueError, match=f"got {k}"):
            h.max_pool(image, k)
        return
    same(h.max_pool(image, k), loop_max_pool(as_floats(image), k), "loop")
    np.testing.assert_array_equal(np.array(image), before, strict=True)


@st.composite
def pairs(draw):
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    return draw(arrays(shape)), draw(arrays(shape))


@given(pairs())
def test_fuzz_relative_change(pair):
    reference, other = map(as_floats, pair)
    ours = h.relative_change(*pair)
    if not (np.isfinite(reference).all() and np.isfinite(other).all()):
        assert not ours < np.inf
        return
    # In 60 digits, of any size.
    with decimal.localcontext(prec=60, Emax=9999, Emin=-9999):
        pixels = [[decimal.Decimal(x) for x in a.flat] for a in (reference, other)]
        size = sum(x**2 for x in pixels[0]).sqrt()
        change = sum((y - x) ** 2 for x, y in zip(*pixels, strict=True)).sqrt()
        if not size:
            assert ours == (np.inf if change else 0)
        elif change / size > decimal.Decimal(1.7e308):
            assert ours > 1e308
        else:
            expected = float(change / size)
            assert ours == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(arrays(), st.integers(-1, 6), st.integers(0, 9), st.integers(-1, 300))
def test_fuzz_visualize_pooling(image, iterations, kernel, dpi):
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h, "show_images", lambda *a, **k: drawn.append((a, k)))
        try:
            h.visualize_pooling(image, iterations, kernel, dpi)
        except ValueError as error:
            assert re.match("(iterations|kernel|dpi) must be", str(error))
            return
    [((pools, titles), look)] = drawn
    assert len(pools) == len(titles) == iterations + 1 and look["dpi"] == dpi
    expected = as_floats(image)
    for pooled in pools:
        np.testing.assert_array_equal(pooled, expected)
        if pooled is not pools[-1]:
            expected = loop_max_pool(expected, kernel)
    low, high = look["limits"]
    assert np.isfinite([low, high]).all() and low < high


@drawn
@given(st.lists(arrays(), min_size=1, max_size=3), st.integers(1, 4), st.booleans())
def test_fuzz_show_images(images, columns, values):
    images = [np.array(image)[:4, :4] for image in images]
    try:
        h.show_images(images, "abc"[: len(images)], columns=columns, values=values)
        for axis, image in zip(plt.gcf().axes, images, strict=True):
            shown = axis.images[0].get_array()
            expected = np.ma.masked_invalid(as_floats(image))
            np.testing.assert_array_equal(shown.astype(float), expected)
            assert len(axis.texts) == values * image.size
    finally:
        plt.close("all")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.fractions(),
    st.dates(),
    st.lists(st.integers(-9, 9), max_size=3),
    st.lists(st.lists(st.floats() | st.text(max_size=2), max_size=3), max_size=3),
    st.dictionaries(st.integers(), st.integers(), max_size=2),
    arrays().map(np.array).map(lambda a: a.astype(object)),
    arrays().map(lambda a: np.array(a)[None]),
    arrays().map(lambda a: np.array(a)[:0]),
    arrays().map(lambda a: np.ma.masked_array(np.array(a))),
    st.sampled_from([object(), int, np.array, iter([1]), Path("/"), Ellipsis]),
    st.sampled_from(["M8[s]", "m8[s]", "S3", "U3", "V2"]).map(lambda k: np.zeros(2, k)),
)


def try_anything(function, data):
    """Give one argument of a function anything: it works, or the error names it."""
    arguments = inspect.signature(function).parameters.keys()
    flags = {"wrap", "relu", "visualize", "values", "title", "alt"}
    argument = data.draw(st.sampled_from(sorted(arguments - flags)))
    value = data.draw(JUNK)
    if isinstance(value, int) and argument in ("iterations", "dpi"):
        value = min(value, 50)
    try:
        function(**GOOD[function] | {argument: value})
    except NAMED as error:
        assert argument in str(error) or argument == "cmap"  # Matplotlib's own words
    finally:
        plt.close("all")


@pytest.mark.filterwarnings("ignore:.*masked element")
@given(st.sampled_from([f for f in GOOD if f not in DRAWING_ALWAYS]), st.data())
def test_fuzz_anything_for_any_argument(function, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h, "show_images", lambda *_, **__: None)
        try_anything(function, data)


@drawn
@given(st.sampled_from(DRAWING_ALWAYS), st.data())
def test_fuzz_anything_to_draw(function, data):
    try_anything(function, data)


def written(extension):
    """Write a picture by OpenCV, in the first kind of pixels that the format holds."""
    grey = np.kron(integers(4, (9, 8)).clip(0), np.ones((4, 4))).astype("u1")
    colours = np.dstack([grey] * 3)
    if extension in (".gif", ".ppm", ".hdr"):
        grey = colours
    pixels = grey.astype("f4") if extension in (".hdr", ".pfm") else grey
    return cv2.imencode(extension, pixels)[1].tobytes()


READ = [".png", ".jpg", ".bmp", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".pnm"]
UNREAD = [".jp2", ".avif", ".hdr", ".pfm", ".sr", ".ras", ".pam"]
WRITTEN = {extension: written(extension) for extension in READ + UNREAD}


@pytest.mark.filterwarnings("ignore")  # of Pillow, on damaged TIFFs
@given(st.sampled_from(list(WRITTEN)), st.data())
def test_fuzz_damaged_files(extension, data):
    whole = WRITTEN[extension]
    cut = data.draw(st.integers(0, len(whole)))
    flips = data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), max_size=3))
    damaged = np.frombuffer(whole, np.uint8).copy()
    for flip in flips:
        damaged[flip // 8] ^= 1 << flip % 8
    try:
        loaded = load_bytes(damaged[:cut].tobytes())
    except ValueError as error:
        assert "cannot be read as an image" in str(error)
        assert flips or cut < len(whole) or extension in UNREAD
        return
    assert loaded.dtype == float and loaded.ndim == 2 and loaded.size < 2e8
    assert loaded.min() >= 0 and loaded.max() <= 255
    if not flips:  # what is cut off is not needed
        np.testing.assert_array_equal(loaded, load_bytes(whole))


@given(
    st.sampled_from(
        ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "PA", "YCbCr"]
    ),
    st.sampled_from(["PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG"]),
    st.tuples(sides, sides),
    st.integers(1, 8),
    seeds,
)
def test_fuzz_pictures_of_any_kind(mode, kind, shape, orientation, seed):
    colours = Image.fromarray(integers(seed, (*shape, 4), "u1"), "RGBA")
    picture = colours.convert("L" if mode == "I;16" else mode.replace("PA", "P"))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    options = LOSSLESS.get(kind, {"quality": 100} if kind == "JPEG" else {})
    if kind in ("PNG", "TIFF", "JPEG", "WEBP"):
        options = options | {"exif": exif(orientation)}
    file = io.BytesIO()
    try:
        picture.save(file, kind, **options)
    except (OSError, ValueError):
        return  # Pillow has no such file
    with Image.open(io.BytesIO(file.getvalue())) as stored:
        # The brightness as it is stored: by way of the colours, some would be clipped.
        stored.draft("L", stored.size)
        expected = ImageOps.exif_transpose(stored)
        if mode == "I;16" and expected.mode.startswith("I"):
            expected = np.asarray(expected) / 257
        else:
            expected = expected.convert("RGBA")
            white = Image.new("RGBA", expected.size, "white")
            expected = Image.alpha_composite(white, expected).convert("L")
    loaded = load_bytes(file.getvalue())
    assert loaded.shape == np.asarray(expected).shape
    assert np.abs(loaded - expected).max() <= (2 if kind == "JPEG" else 1)


# --- the module -----------------------------------------------------------------------

PUBLIC = {
    name: function
    for name, function in inspect.getmembers(h, inspect.isfunction)
    if function.__module__ == h.__name__ and not name.startswith("_")
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_says_what_it_takes_returns_and_raises(name):
    doc, signature = inspect.getdoc(PUBLIC[name]), inspect.signature(PUBLIC[name])
    assert re.match(r"[A-Z][^\n]*\.$", doc.splitlines()[0])
    sections = re.split(r"\n(\w+)\n-+\n", doc)
    sections = dict(zip(sections[1::2], sections[2::2], strict=True))
    documented = re.findall(r"^([\w, ]+) : ", sections["Parameters"], re.MULTILINE)
    assert ", ".join(documented).split(", ") == list(signature.parameters)
    assert ("Returns" in sections) == (signature.return_annotation is not None)
    assert ("Raises" in sections) == (name != "show")
    assert ">>> " in sections["Examples"] and name in sections["Examples"]


def test_the_examples_run():
    failed, attempted = doctest.testmod(h)
    assert failed == 0 and attempted >= len(PUBLIC)


def test_import_is_light():
    heavy = ["torch", "torchvision", "seaborn", "pandas", "tqdm"]
    heavy += ["sklearn", "scipy", "skimage", "IPython"]
    code = f"import sys, helpers; print([m for m in {heavy} if m in sys.modules])"
    run = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
