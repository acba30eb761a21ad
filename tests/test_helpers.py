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
from shifts import arguments, figures, pixels

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
            terminalreporter.write_line(
                f"Bad inputs: {sum(map(len, [BAD, NOT_ARRAYS, NOT_WHOLE, BAD_FILES]))}"
            )

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

JPEG = (ROOT / "images" / "image.jpg").read_bytes()
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


# What the numbers of a file mean, format by format. Each file below is one row of four
# pixels, written by hand: what writes pictures does not write all of these.


def levels(top):
    return [0, top // 4, top // 2, top]


def bright(top):
    return [255 * level / top for level in levels(top)]


def dark(top):
    return [255 - level for level in bright(top)]


def packed(numbers, bits, order="<"):
    if bits >= 16:
        return np.array(numbers).astype(f"{order}u{bits // 8}").tobytes()
    row = "".join(f"{number:0{bits}b}" for number in numbers)
    return int(row.ljust(-len(row) // 8 * -8, "0"), 2).to_bytes(-(-len(row) // 8))


def pnm(magic, top, numbers=None):
    numbers = np.repeat(numbers or levels(top), 3 if magic in ("P3", "P6") else 1)
    if magic in ("P2", "P3"):
        row = " ".join(map(str, numbers)).encode()
    else:
        row = packed(numbers, 8 if top < 256 else 16, ">")
    return f"{magic} # 4 1 9\n4 1\n{top}\n".encode() + row


def tiff(row, bits, photometric, samples=1, **more):
    tags = {256: [4], 257: [1], 258: [bits] * samples, 262: [photometric], 273: [8]}
    tags |= {277: [samples], 279: [len(row)]}
    tags |= {int(tag[1:]): values for tag, values in more.items()}
    row = row.ljust(32, b"\0")
    end = 8 + len(row) + 2 + 12 * len(tags) + 4
    entries = beyond = b""
    for tag, values in sorted(tags.items()):
        numbers = struct.pack(f"<{len(values)}H", *values)
        if len(numbers) > 4:
            numbers, beyond = struct.pack("<I", end + len(beyond)), beyond + numbers
        entries += struct.pack("<HHI4s", tag, 3, len(values), numbers)
    start = b"II*\0" + struct.pack("<I", 8 + len(row)) + row
    return start + struct.pack("<H", len(tags)) + entries + bytes(4) + beyond


def chunk(name, data):
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def png(row, bits, colour, *chunks, size=(4, 1)):
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks]
    parts += [chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bmp(row, bits, palette=b"", masks=()):
    header = struct.pack("<IiiHHII", 40, 4, 1, 1, bits, 3 * bool(masks), len(row))
    header += struct.pack("<iiII", 0, 0, len(palette) // 4, 0)
    header += struct.pack(f"<{len(masks)}I", *masks) + palette
    start = 14 + len(header)
    return b"BM" + struct.pack("<III", start + len(row), 0, start) + header + row


def falling(bits, channels=3):
    """Return a palette that begins with white and ends with black."""
    colours = np.linspace(255, 0, 2**bits).round()
    return bytes(np.repeat(colours, channels).astype("u1"))


def gif():
    picture = Image.fromarray(np.array([levels(3)], "u1"), "P")
    picture.putpalette(falling(2))
    file = io.BytesIO()
    picture.save(file, "GIF")
    return file.getvalue()


def gamma(number):
    return chunk(b"gAMA", struct.pack(">I", number))


FOUR, GREY_16 = packed(levels(255), 8), packed(levels(65535), 16)
DEPTHS = {bits: packed(levels(2**bits - 1), bits) for bits in (1, 2, 4, 8, 16)}
BIG = DEPTHS | {16: packed(levels(65535), 16, ">")}
MASKS = (255 << 24, 255 << 16, 255 << 8)
RGB, INKS = packed(np.repeat(levels(255), 3), 8), bytes([0, 0, 0, 255] * 4)
OTHER = "cannot be read as an image; wanted"
MEANINGS = {
    # PBM, PGM, PPM: a maximum; 1 is black in a PBM; floats
    **{
        f"{magic}, {top}": (pnm(magic, top), bright(top))
        for magic in ("P2", "P3", "P5", "P6")
        for top in (1, 15, 100, 255, 256, 1023, 4095, 16383, 32767, 65535)
    },
    "P5, 100, more": (pnm("P5", 100, [0, 25, 50, 200]), bright(100)),
    "P5, 1000, more": (pnm("P5", 1000, [0, 250, 500, 2000]), bright(1000)),
    "P1": (b"P1 4 1\n1 0 0 1\n", [0, 255, 255, 0]),
    "P4": (b"P4 4 1\n\x90", [0, 255, 255, 0]),
    "Pf": (b"Pf 4 1\n-1.0\n" + bytes(16), "its numbers are floats"),
    "PF": (b"PF 4 1\n-1.0\n" + bytes(48), OTHER),
    "P7": (b"P7\nWIDTH 4\nHEIGHT 1\nDEPTH 1\nMAXVAL 9\nENDHDR\n" + FOUR, OTHER),
    # TIFF: white is 0 or the maximum, or a palette says; signed, floats; curves
    **{f"TIFF, {n}": (tiff(DEPTHS[n], n, 1), bright(2**n - 1)) for n in DEPTHS},
    **{
        f"TIFF, {n}, white is 0": (tiff(DEPTHS[n], n, 0), dark(2**n - 1))
        for n in DEPTHS
    },
    **{
        f"TIFF, {n}, palette": (
            tiff(DEPTHS[n], n, 3, t320=[257 * c for c in falling(n, 1)] * 3),
            dark(2**n - 1),
        )
        for n in (1, 2, 4, 8)
    },
    **{
        f"TIFF, 12, {white}": (tiff(packed(levels(4095), 12), 12, white), words)
        for white, words in [(1, "its numbers are of 12 bits"), (0, OTHER)]
    },
    **{f"TIFF, {n}": (tiff(bytes(8), n, 1), OTHER) for n in (10, 14, 64)},
    "TIFF, 16, palette": (tiff(bytes(8), 16, 3, t320=[0, 9] * 3), OTHER),
    **{
        f"TIFF, {n}, {kind}": (tiff(bytes(32), n, 1, t339=[number]), words)
        for n, number, kind, words in [
            (8, 2, "signed", "its pixels are int8"),
            (16, 2, "signed", "its pixels are int16"),
            (32, 2, "signed", "its pixels are int32"),
            (32, 1, "whole", "its pixels are uint32"),
            (16, 3, "float", OTHER),
            (32, 3, "float", "its numbers are floats"),
            (64, 3, "float", OTHER),
            (16, 4, "untyped", OTHER),
            (16, 5, "complex", OTHER),
        ]
    },
    **{
        f"TIFF, {n}, {number}, from white": (
            tiff(bytes(32), n, 0, t339=[number]),
            "its numbers are floats" if (n, number) == (32, 3) else OTHER,
        )
        for n, number in [(8, 2), (16, 2), (32, 2), (32, 1), (16, 3), (32, 3), (64, 3)]
    },
    "TIFF, RGB": (tiff(RGB, 8, 2, 3), bright(255)),
    "TIFF, RGB, signed": (tiff(RGB, 8, 2, 3, t339=[2] * 3), OTHER),
    "TIFF, CMYK": (tiff(INKS, 8, 5, 4), [0] * 4),
    "TIFF, CMYK, 16": (tiff(INKS * 2, 16, 5, 4), "its numbers are CMYK of 16 bits"),
    "TIFF, CIELAB": (tiff(RGB, 8, 8, 3), "its numbers are CIELAB"),
    "TIFF, ICC's LAB": (tiff(RGB, 8, 9, 3), OTHER),
    "TIFF, log": (tiff(GREY_16, 16, 32844), OTHER),
    "TIFF, mask": (tiff(DEPTHS[1], 1, 4), OTHER),
    "TIFF, raw": (tiff(FOUR, 8, 32803), OTHER),
    "TIFF, bits back to front": (tiff(b"\x08", 1, 1, t266=[2]), bright(1)),
    # TIFF 6.0: "not to be used to affect the visual appearance".
    "TIFF, largest sample": (tiff(GREY_16, 16, 1, t281=[9]), bright(65535)),
    **{
        f"TIFF, {tag}": (tiff(FOUR, 8, 1, **{tag: [0] * 256}), "of a response curve")
        for tag in ("t291", "t301")
    },
    # PNG: a palette, a gamma
    **{f"PNG, {n}": (png(BIG[n], n, 0), bright(2**n - 1)) for n in BIG},
    **{
        f"PNG, {n}, palette": (
            png(BIG[n], n, 3, chunk(b"PLTE", falling(n))),
            dark(2**n - 1),
        )
        for n in (1, 2, 4, 8)
    },
    **{
        f"PNG, {n}, gamma": (png(BIG[n], n, 0, gamma(100_000)), "are of gamma 1, not")
        for n in BIG
    },
    "PNG, RGB, gamma": (png(RGB, 8, 2, gamma(55_556)), "are of gamma 0.56, not 0.45"),
    "PNG, usual gamma": (png(FOUR, 8, 0, gamma(45_455)), bright(255)),
    "PNG, sRGB": (
        png(FOUR, 8, 0, gamma(99_999), chunk(b"sRGB", b"\0")),
        bright(255),
    ),
    # BMP: a palette, masks
    **{
        f"BMP, {n}, palette": (
            bmp(DEPTHS[n].ljust(4, b"\0"), n, falling(n, 4)),
            dark(2**n - 1),
        )
        for n in (1, 4, 8)
    },
    "BMP, 16": (
        bmp(packed([x * 0b10000100001 for x in levels(31)], 16), 16),
        bright(31),
    ),
    "BMP, 24": (bmp(RGB, 24), bright(255)),
    "BMP, masks": (
        bmp(packed([0, 255 << 24, 255 << 16, 255 << 8], 32), 32, b"", MASKS),
        [0, 76, 150, 29],
    ),
    "GIF": (gif(), dark(3)),
    # JPEG and WEBP know no more than 8 bits here, and no other meaning
    "JPEG, 12": (JPEG.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), OTHER),
}


@pytest.mark.parametrize("data, meant", MEANINGS.values(), ids=MEANINGS)
def test_what_the_numbers_of_a_file_mean_is_honoured_or_refused(data, meant, capfd):
    if isinstance(meant, str):
        with pytest.raises(ValueError, match=re.escape(meant)):
            load_bytes(data)
    else:
        (loaded,) = load_bytes(data)
        assert np.abs(loaded - meant).max() <= 1
    assert capfd.readouterr() == ("", "")


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


@pytest.mark.parametrize("kind", ["text", "TGA"])
def test_what_is_no_picture_of_a_listed_kind_is_an_error(kind):
    """Pillow, which would read a TGA, is asked for the listed kinds alone."""
    with pytest.raises(ValueError, match=r"as an image; wanted one .*\(JPEG, .*PPM\)"):
        if kind == "TGA":
            load_saved(Image.fromarray(GREY), kind)
        else:
            load_bytes(b"no picture")


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
    bomb = png(bytes(10**6), 8, 0, size=(30_000, 30_000))
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
    monkeypatch.setattr(pixels, "imdecode", lambda *_: None)
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


# --- convolve -------------------------------------------------------------------------


@given(
    images_and_filters(),
    st.sampled_from(INTEGERS + FLOATS),
    st.sampled_from(INTEGERS + FLOATS),
    st.booleans(),
    seeds,
)
# 50 and more weights, which OpenCV would send through a Fourier transform.
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


@pytest.mark.parametrize("side", [7, 8])
def test_a_sum_of_nothing_has_no_sign(side):
    for relu in (False, True):
        sums = h.convolve(np.zeros((9, 9)), -np.ones((side, side)), "", False, relu)
        assert not np.signbit(sums).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_one_pixel_of_a_photo_that_opencv_cannot_add_up_is_found(value):
    image = integers(0, (427, 640))
    image[400, 601] = value
    same(h.convolve(image, PREWITT, "", False), torch_convolve(image, PREWITT), "torch")
    image[400, 601], filter = 0, np.array([[0, value]])
    same(h.convolve(image, filter, "", False), torch_convolve(image, filter), "torch")


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


def test_uint8_does_not_saturate():
    image, filter = np.full((3, 3), 255, np.uint8), np.full((2, 2), 255, np.uint8)
    assert (h.convolve(image, filter, visualize=False) == 4 * 255 * 255).all()
    falling = np.array([[255, 0]], np.uint8)
    assert h.convolve(falling, [[-1, 1]], visualize=False, relu=False) == -255
    assert h.convolve(falling, [[-1, 1]], visualize=False) == 0


# --- max_pool -------------------------------------------------------------------------


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


@pytest.mark.parametrize("shape, step", [((3, 12), 1), ((13, 5), 4)])
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
@pytest.mark.parametrize(
    "own",
    [{"text.usetex": True}, "dark_background", "ggplot", {"savefig.dpi": 30}],
    ids=str,
)
def test_the_readers_own_settings_change_no_figure(draw, own, monkeypatch):
    def save(figure, *_):
        file = io.BytesIO()
        figure.savefig(file, dpi=figure.dpi / 4)
        saved.append(file.getvalue())

    saved = []
    monkeypatch.setattr(figures, "show", save)
    draw()
    with plt.style.context(own):
        draw()
        with plt.rc_context(h.STYLE):  # as a notebook applies it
            own = plt.rcParams.copy()
    plain, again = saved
    assert plain == again
    with plt.rc_context(h.STYLE):
        assert own == plt.rcParams


def test_the_look_leaves_alone_where_and_how_figures_are_shown():
    with plt.rc_context({"interactive": True, "keymap.quit": ["x"], "timezone": "CET"}):
        before = dict(plt.rcParams)
        plt.rcParams.update(h.STYLE)
        for name in ["backend", "interactive", "keymap.quit", "timezone"]:
            assert plt.rcParams[name] == before[name]


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
    page = r'<div data-explorer="window" data-start="(.*?)" data-code="(.*?)">.*\n(.*)'
    start, code, run = re.fullmatch(page, first["text/html"], re.DOTALL).groups()
    state = json.loads(html.unescape(start))
    assert state["label"] == 'a "quoted" <b>'
    assert run == figures.RUN and "\n" not in run
    script = html.unescape(code)
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
    names = ["drift", "half", "mirror", "network", "pool", "rocket", "square", "step"]
    names = ", ".join([*names, "twins", "window"])
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
        # Before the inline backend is set up, as with Matplotlib 3.8.
        "for formatter in get_ipython().display_formatter.formatters.values():\n"
        "    formatter.pop(plt.Figure, None)\n"
        "show_images([np.eye(3)], ['ones'], alt='Early.')",
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
    own = ["The identity.", "Axes without data.", "Early."]
    assert texts[3:] == [*own, "By Agg.", "By SVG."]
    saved = [base64.b64decode(output[0].data["image/png"]) for output in outputs]
    inline = [b"Software" not in picture for picture in saved]  # as `execute` wants it
    assert inline == [True] * 6 + [False] * 2
    assert saved[5] == saved[3]
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
# What is given, the error, and words of its message beside the argument's name.
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
# Each argument is read by the function whose words are tested above.
BAD = [
    (
        function,
        argument,
        *(NOT_ARRAYS[4] if isinstance(value, np.ndarray) else NOT_WHOLE[4]),
    )
    for function, arguments in GOOD.items()
    for argument, value in arguments.items()
    if isinstance(value, np.ndarray) or type(value) is int
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


@pytest.mark.parametrize(
    "read, bad",
    [(arguments.as_array, bad) for bad in NOT_ARRAYS]
    + [(arguments.as_integer, bad) for bad in NOT_WHOLE],
    ids=lambda value: None if callable(value) else type(value[0]).__name__,
)
def test_what_is_no_array_or_no_whole_number(read, bad):
    value, expected, words = bad
    with pytest.raises(expected) as error:
        read(value, "photo")
    assert type(error.value) is expected
    assert str(error.value).startswith("photo must be ") and words in str(error.value)


def test_a_tensor_is_the_array_that_it_holds():
    image, filter = integers(0, (9, 8)), integers(1, (3, 2))
    for kind in (torch.float64, torch.int16):
        x, f = torch.tensor(image).to(kind), torch.tensor(filter).to(kind)
        np.testing.assert_array_equal(h.translate(x, 1), h.translate(image, 1))
        np.testing.assert_array_equal(h.max_pool(x, 3), h.max_pool(image, 3))
        response = h.convolve(x, f, visualize=False)
        np.testing.assert_array_equal(response, loop_convolve(image, filter))


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


@given(arrays(), *[st.integers(-(2**70), 2**70) | st.integers(-9, 9)] * 2)
def test_fuzz_translate(image, down, right):
    before = np.array(image)
    same(h.translate(image, down, right), loop_translate(before, down, right), "loop")
    rolled = np.roll(before, (down % len(before), right % before.shape[1]), (0, 1))
    same(h.translate(image, down, right, wrap=True), rolled, "np.roll")
    np.testing.assert_array_equal(np.array(image), before, strict=True)
    for wrap in (False, True):
        assert not np.shares_memory(h.translate(image, 0, 0, wrap), image)


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


@given(arrays(), st.integers(1, 24))
def test_fuzz_max_pool(image, k):
    before, pixels = np.array(image), as_floats(image)
    if k > min(before.shape):
        with pytest.raises(ValueError, match=f"got {k}"):
            h.max_pool(image, k)
        return
    ours = h.max_pool(image, k)
    same(ours, loop_max_pool(pixels, k), "loop")
    same(ours, torch_max_pool(pixels, k), "torch")
    height, width = ours.shape
    whole = pixels[: height * k, : width * k]
    same(ours, block_reduce(whole, (k, k), np.max), "skimage")
    assert not np.shares_memory(ours, image)
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
