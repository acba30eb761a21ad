"""Read pixels from a file, add them up, keep the largest, compare them.

This is the arithmetic behind helpers.py, as fast as OpenCV and NumPy do it.
"""

import io
import os
from collections.abc import Iterable
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
DIRECT = {np.dtype(np.float64): 49, np.dtype(np.float32): 129}
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
        picture.load()
        on_white = _lay_on_white(picture) if picture.has_transparency_data else None
    # Neither gets the path: on Windows OpenCV cannot open every name, and a TIFF that
    # Pillow maps into memory is not set upright.
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
    grey = imdecode(np.frombuffer(encoded, np.uint8), flags)
    if grey is None:
        raise ValueError("it is damaged")
    if grey.dtype == np.uint16 and on_white is None:
        return grey / 257
    if grey.dtype != np.uint8:
        also = "" if on_white is None else " and partly transparent"
        raise ValueError(f"its pixels are {grey.dtype}{also}")
    return (grey if on_white is None else on_white).astype(np.float64)


def _lay_on_white(picture: Image.Image) -> NDArray[np.uint8] | None:
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    if np.asarray(upright)[..., 3].min() == 255:
        return None
    white = Image.new("RGBA", upright.size, "white")
    return np.asarray(Image.alpha_composite(white, upright).convert("L"))


def correlate(image: NDArray, filter: NDArray, relu: bool) -> NDArray:
    """Add up the products where the filter lies wholly inside the image."""
    pixels, weights = image.ravel(), filter.ravel()
    with np.errstate(all="ignore"):
        # If this is finite, all pixels and weights are, and no sum can overflow
        # (Cauchy-Schwarz). Else OpenCV is of no use: it skips weights of 0, where
        # 0 × NaN is NaN, and its ReLU makes NaN 0.
        if not np.isfinite((pixels @ pixels) * (weights @ weights)):
            total = _correlate_by_weight(image, filter)
            return np.maximum(total, 0, out=total) if relu else total
    if filter.size <= DIRECT[image.dtype]:
        total = _correlate_directly(image, filter)
    else:
        total = _correlate_in_strips(image, filter)
    return (
        cv2.threshold(total, 0, 0, cv2.THRESH_TOZERO, dst=total)[1] if relu else total
    )


def _correlate_by_weight(image: NDArray, filter: NDArray) -> NDArray:
    height, width = _valid_shape(image, filter)
    return _add_up(
        image[i : i + height, j : j + width] * weight
        for (i, j), weight in np.ndenumerate(filter)
    )


def _add_up(arrays: Iterable[NDArray]) -> NDArray:
    return reduce(lambda total, array: np.add(total, array, out=total), arrays)


def _correlate_directly(image: NDArray, filter: NDArray) -> NDArray:
    height, width = _valid_shape(image, filter)
    border = cv2.BORDER_CONSTANT
    full = cv2.filter2D(image, -1, filter, anchor=(0, 0), borderType=border)
    return full[:height, :width]


def _correlate_in_strips(image: NDArray, filter: NDArray) -> NDArray:
    total = np.empty(_valid_shape(image, filter))
    weight, whole = np.abs(filter).sum(), (np.rint(filter) == filter).all()
    step = max(len(filter), CACHE // image.shape[1])
    for top in range(0, len(total), step):
        strip = image[top : top + step + len(filter) - 1]
        # Whole numbers that add up to less than 2**24 are exact in float32, too, in
        # which OpenCV is several times as fast.
        small = whole and max(1, strip.max(), -strip.min()) * weight < 2**24
        kind = np.float32 if small and (np.rint(strip) == strip).all() else np.float64
        total[top : top + step] = _correlate_in_tiles(
            strip.astype(kind, copy=False), filter.astype(kind)
        )
    return total


def _correlate_in_tiles(image: NDArray, filter: NDArray) -> NDArray:
    height, width = _valid_shape(image, filter)
    columns = min(filter.shape[1], DIRECT[image.dtype])
    rows = DIRECT[image.dtype] // columns
    tiles = [
        (i, j, filter[i : i + rows, j : j + columns])
        for i in range(0, filter.shape[0], rows)
        for j in range(0, filter.shape[1], columns)
    ]
    return _add_up(
        _correlate_directly(
            image[i : i + height + len(tile) - 1, j : j + width + tile.shape[1] - 1],
            tile,
        )
        for i, j, tile in tiles
    )


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
    with np.errstate(all="ignore"):
        # Scaled by powers of two, which round nothing, no square overflows or vanishes.
        top = max(_exponent(reference), _exponent(other))
        change = np.ldexp(other, -top) - np.ldexp(reference, -top)
        norms = [
            np.linalg.norm(np.ldexp(array, -_exponent(array)))
            for array in (change, reference)
        ]
        if not any(norms):
            return 0.0
        power = top + _exponent(change) - _exponent(reference)
        return float(np.ldexp(norms[0] / norms[1], power))


def _exponent(array: NDArray) -> int:
    return int(np.frexp(np.abs(array).max())[1])
