"""Read pixels from a file, add them up, keep the largest, compare them.

This is the arithmetic behind helpers.py, as fast as OpenCV and NumPy do it.
"""

import io
import math
import os
import re
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .arguments import describe

try:
    import cv2
    from cv2 import imdecode
except ImportError as error:  # an empty cv2 is left where one of two was removed
    raise ImportError(
        "OpenCV (cv2) is missing or not whole: type %pip install --force-reinstall "
        "--no-deps opencv-python-headless in a cell, and restart the kernel"
    ) from error

IMAGES = Path(__file__).resolve().parent.parent / "images"
FORMATS = ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"]
# With more weights than these, OpenCV goes through a Fourier transform, which rounds.
DIRECT = 49
# Tags of a TIFF: bits, what its numbers are, and how bright each of them is.
BITS, PHOTOMETRIC, CURVES = 258, 262, {291, 301}
CACHE = 2**17  # pixels of which several copies fit into the processor's cache


def read_image(source: str | os.PathLike, name: str) -> NDArray[np.float64]:
    """Read a picture file as grey values; see `helpers.load_image`."""
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {describe(source)}")
    path = Path(source)
    if not os.path.exists(path) and path.name == os.fspath(source):
        path = IMAGES / path
    if not os.path.isfile(path):  # False, too, for a name too long for the system
        raise FileNotFoundError(
            f"{name}: no file {os.fspath(source)!r} here or in images/; "
            f"wanted the path of an image, or a name from images/"
        )
    try:
        return _decode(path.read_bytes())
    except Exception as error:  # Pillow has one for each kind of damage
        why = "" if isinstance(error, UnidentifiedImageError) else f": {error}"
        raise ValueError(
            f"{name}: {os.fspath(source)!r} cannot be read as an image{why}; "
            f"wanted one whole picture ({', '.join(FORMATS)})"
        ) from error


def _decode(encoded: bytes) -> NDArray[np.float64]:
    # Pillow reads the header, and refuses a picture that is too large before memory is
    # spent on it. Its decoders find damage that OpenCV's pass over, and raise an error
    # where those write to the standard error. An MPO has a second, small copy.
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as picture:
        if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
            raise ValueError("it holds more than one picture")
        white = _white(picture, encoded)
        picture.load()
        if white < 255:
            return _lay_on_white(picture)
        on_white = _lay_on_white(picture) if _is_seen_through(picture) else None
    # Neither gets the path: on Windows OpenCV cannot open every name, and a TIFF that
    # Pillow maps into memory is not set upright. OpenCV reads beyond a last digit.
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
    grey = imdecode(np.frombuffer(encoded + b"\n", np.uint8), flags)
    if grey is None:
        raise ValueError("it is damaged")
    if grey.dtype == np.uint16 and on_white is None:
        if _tags(picture).get(PHOTOMETRIC) == 0:  # then white is 0
            grey = 65535 - grey
        return np.minimum(grey, white) * 255.0 / white
    if grey.dtype != np.uint8:
        also = "" if on_white is None else " and partly transparent"
        raise ValueError(f"its pixels are {grey.dtype}{also}")
    return grey.astype(np.float64) if on_white is None else on_white


def _white(picture: Image.Image, encoded: bytes) -> int:
    """Return the number that is white, below 255 where OpenCV mistakes the scale."""
    if picture.format == "PPM" and encoded[1] in b"2356":  # the others have no maximum
        return int(re.sub(rb"#[^\r\n]*", b"", encoded).split(None, 4)[3])
    tags = _tags(picture)
    bits, colours = max(tags.get(BITS, (1,))), tags.get(PHOTOMETRIC)
    gamma = picture.info.get("gamma", 1 / 2.2)
    for meaning, is_so in {
        f"of gamma {gamma:.2g}, not 0.45": abs(gamma - 1 / 2.2) > 0.01
        and "srgb" not in picture.info,
        "floats": picture.mode == "F",
        "of 12 bits": bits == 12,
        "CMYK of 16 bits": bits == 16 and colours == 5,
        "CIELAB": colours == 8,
        "those of a response curve": CURVES & tags.keys(),
    }.items():
        if is_so:
            raise ValueError(f"its numbers are {meaning}")
    if picture.format == "BMP":
        return 31  # of 16 bits, and where there are masks
    return 2**bits - 1 if bits < 8 and tags else 65535


def _is_seen_through(picture: Image.Image) -> bool:
    if not picture.has_transparency_data:
        return False
    return bool(np.asarray(picture.convert("RGBA"))[..., 3].min() < 255)


def _tags(picture: Image.Image) -> dict:
    return dict(getattr(picture, "tag_v2", {})) if picture.format == "TIFF" else {}


def _lay_on_white(picture: Image.Image) -> NDArray[np.float64]:
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    white = Image.new("RGBA", upright.size, "white")
    grey = Image.alpha_composite(white, upright).convert("L")
    return np.asarray(grey, np.float64)


def correlate(image: NDArray, filter: NDArray, relu: bool) -> NDArray:
    """Add up the products where the filter lies wholly inside the image."""
    # If this is finite, all pixels and weights are, and no sum can overflow
    # (Cauchy-Schwarz). Else OpenCV is of no use: it skips weights of 0, where 0 × NaN
    # is NaN, and its ReLU makes NaN 0.
    finite = math.isfinite(cv2.norm(image) * cv2.norm(filter))
    if finite and filter.size <= DIRECT:
        total = _correlate_directly(image, filter)
        rectify = cv2.THRESH_TOZERO
        return cv2.threshold(total, 0, 0, rectify, dst=total)[1] if relu else total
    total = _correlate_by_weight(image, filter)
    return np.maximum(total, 0, out=total) if relu else total


def _correlate_by_weight(image: NDArray, filter: NDArray) -> NDArray:
    height, width = _valid_shape(image, filter)
    total, product = np.zeros((height, width)), np.empty((height, width))
    with np.errstate(all="ignore"):
        for (i, j), weight in np.ndenumerate(filter):
            window = image[i : i + height, j : j + width]
            total += np.multiply(window, weight, out=product)
    return total


def _correlate_directly(image: NDArray, filter: NDArray) -> NDArray:
    height, width = _valid_shape(image, filter)
    border = cv2.BORDER_CONSTANT
    full = cv2.filter2D(image, -1, filter, anchor=(0, 0), borderType=border)
    return full[:height, :width]


def _valid_shape(image: NDArray, filter: NDArray) -> tuple[int, int]:
    return image.shape[0] - filter.shape[0] + 1, image.shape[1] - filter.shape[1] + 1


def pool_max(image: NDArray, k: int) -> NDArray:
    """Keep the largest value of each cell of k×k."""
    height, width = image.shape[0] // k, image.shape[1] // k
    pooled = np.empty((height, width))
    # Strip by strip, for as long as what is between two steps fits into the cache.
    step = max(1, 4 * CACHE // (k * image.shape[1]))
    for top in range(0, height, step):
        strip = image[k * top : k * min(top + step, height), : k * width]
        out = pooled[top : top + step]
        if k < 8:  # NumPy's own reduction pays for each cell, this for each row of one
            rows = reduce(np.maximum, [strip[i::k] for i in range(k)])
            *columns, last = [rows[:, j::k] for j in range(k)]
            np.maximum(reduce(np.maximum, columns or [last]), last, out=out)
        else:
            rows = np.maximum.reduce(strip.reshape(-1, k, k * width), axis=1)
            np.maximum.reduce(rows.reshape(-1, width, k), axis=2, out=out)
    return pooled


def change_of_size(reference: NDArray, other: NDArray) -> float:
    """Return ``‖other - reference‖ / ‖reference‖``, and 0 where both are 0."""
    # Not NumPy's norm: its threads wait for each other where all cores have other work.
    change, size = cv2.norm(other, reference), cv2.norm(reference)
    same = change == 0 and cv2.norm(other, reference, cv2.NORM_INF) == 0
    if 1e-100 < size < 1e100 and (same or 1e-100 < change < 1e100):
        return change / size
    with np.errstate(all="ignore"):
        # Scaled by powers of two, which round nothing, no square overflows or vanishes.
        scale = 2.0 ** -max(_exponent(reference), _exponent(other))
        change, power = _norm(other * scale - reference * scale)
        size, less = _norm(reference * scale)
        if not change and not size:
            return 0.0
        return float(np.ldexp(np.divide(change, size), power - less))


def _norm(array: NDArray) -> tuple[float, int]:
    power = _exponent(array)
    return cv2.norm(array * 2.0**-power), power


def _exponent(array: NDArray) -> int:
    # Not so small that 2 to the power of its negative would be infinite.
    return max(-1023, math.frexp(cv2.norm(array, cv2.NORM_INF))[1])
