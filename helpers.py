"""What notebooks 1 to 4 share: load, move, convolve, pool and compare images.

An image is a grey-scale array of shape ``(H, W)``: row 0 at the top, column 0 at the
left. It has no mask. No function changes its input. What a helper computes is first
written out, as a loop, in the notebook that is about it.
"""

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shifts.arguments import as_array, as_integer, size_of
from shifts.figures import STYLE, explore, show, show_images, show_table
from shifts.packages import need_networks
from shifts.pixels import IMAGES, change_of_size, correlate, pool_max, read_image

__all__ = [
    "IMAGES",
    "STYLE",
    "convolve",
    "explore",
    "load_image",
    "max_pool",
    "need_networks",
    "relative_change",
    "show",
    "show_images",
    "show_table",
    "translate",
    "visualize_pooling",
]

# A common name: a startup file may have imported another, and no line here would fail.
_other = getattr(sys.modules.get("exercises"), "__file__", __file__)
if Path(_other or "").resolve().parent != Path(__file__).resolve().parent:
    raise ImportError(
        f"{_other} is in the way: rename it, and restart the kernel; "
        "this series has another exercises"
    )


def load_image(source: str | os.PathLike) -> NDArray[np.float64]:
    """Read a photo as a grey-scale array.

    Parameters
    ----------
    source : path of an image file, or the bare name of one in ``images/``.

    Returns
    -------
    Array of shape ``(H, W)``, float64, from 0 (black) to 255 (white), whatever numbers
    the file has for them: whole numbers, but for a picture of more than 8 bits, which
    keeps all its levels.

    Raises
    ------
    TypeError : `source` is not a path.
    FileNotFoundError : there is no such file.
    ValueError : the file is no picture or a damaged one, holds several (an animation),
        more than 178 million pixels, or numbers that mean something else (floats,
        signed ones, those of another gamma).

    Notes
    -----
    Decoded by OpenCV and set upright as its EXIF data say; colours are weighted by
    their luminance (ITU-R BT.601), without regard to a colour profile. What is
    transparent lies on white (8 bits only).

    Examples
    --------
    >>> load_image("image.jpg").shape
    (427, 640)
    """
    return read_image(source, "source")


def translate(
    image: ArrayLike, down: int = 0, right: int = 0, wrap: bool = False
) -> NDArray:
    """Move the content of an image by whole pixels.

    Parameters
    ----------
    image : array of shape ``(H, W)``.
    down, right : pixels to move by; negative values move up and left.
    wrap : let what left enter on the opposite side (a circular shift), else 0.

    Returns
    -------
    New array of the shape and type of `image`, ``T`` with
    ``T[i, j] = image[i - down, j - right]``.

    Raises
    ------
    TypeError : `image` is not numeric, or `down` or `right` is no whole number.
    ValueError : `image` is not two-dimensional, or is empty.

    Examples
    --------
    >>> translate([[1, 2, 3]], right=1)
    array([[0, 1, 2]])
    >>> translate([[1, 2, 3]], right=1, wrap=True)
    array([[3, 1, 2]])
    """
    image = as_array(image, "image")
    down, right = as_integer(down, "down"), as_integer(right, "right")
    if wrap:
        return np.roll(image, (down, right), axis=(0, 1))
    height, width = image.shape
    moved = np.zeros_like(image)
    moved[
        max(down, 0) : max(height + down, 0), max(right, 0) : max(width + right, 0)
    ] = image[
        max(-down, 0) : max(height - down, 0), max(-right, 0) : max(width - right, 0)
    ]
    return moved


def convolve(
    image: ArrayLike | str | os.PathLike,
    filter: ArrayLike,
    title: str = "",
    visualize: bool = True,
    relu: bool = True,
) -> NDArray[np.float64]:
    """Slide a filter over an image, sum the products at each place, and apply ReLU.

    Parameters
    ----------
    image : array of shape ``(H, W)``, or what `load_image` takes.
    filter : array of shape ``(kh, kw)``, no larger than the image.
    title : heading of the figure.
    visualize : show the image beside the result, as `show` does.
    relu : set negative sums to 0.

    Returns
    -------
    Array of shape ``(H - kh + 1, W - kw + 1)``, float64: the places where the filter
    lies wholly inside the image (a *valid* cross-correlation, which is what deep
    learning calls convolution; the filter is not flipped). Whole numbers below 2**53
    stay exact; NaN gives NaN wherever the filter touches it.

    Raises
    ------
    TypeError : `image` or `filter` is not numeric.
    ValueError : one of them is empty or not two-dimensional, or the filter is larger
        than the image.
    FileNotFoundError : `image` names no file.

    Notes
    -----
    The definition is that of Goodfellow, Bengio and Courville, *Deep Learning*,
    equation 9.6; the sums are OpenCV's ``filter2D``, which is exact up to 49 weights.
    More of them take several times as long.

    Examples
    --------
    >>> convolve([[1, 2, 4], [1, 2, 4]], [[-1, 1]], visualize=False)
    array([[1., 2.],
           [1., 2.]])
    """
    image = _as_image(image)
    filter = as_array(filter, "filter").astype(np.float64)
    if filter.shape[0] > image.shape[0] or filter.shape[1] > image.shape[1]:
        raise ValueError(
            f"filter must fit inside the image, got a filter of {size_of(filter)} "
            f"for an image of {size_of(image)}"
        )
    response = correlate(image, filter, relu)
    if visualize:
        top = _limits(np.abs(response), 99)[1]
        show_images(
            [image, response],
            ["original", "convolved"],
            title=title,
            alt=f"{title or 'A convolution'}. Left: the image, {size_of(image)}. "
            f"Right: its response to a filter of {size_of(filter)}, "
            f"{size_of(response)} values from {response.min():g} to "
            f"{response.max():g}, dark where it is strong.",
            cmap=["gray", "Greys" if relu else "RdBu_r"],
            limits=[_limits(image), (0 if relu else -top, top)],
        )
    return response


def max_pool(
    image: ArrayLike | str | os.PathLike,
    kernel_size: int = 2,
    visualize: bool = False,
    title: str = "",
) -> NDArray[np.float64]:
    """Keep the largest value of each square cell of an image.

    Parameters
    ----------
    image : array of shape ``(H, W)``, or what `load_image` takes.
    kernel_size : side k of a cell, and the stride.
    visualize : show the image beside the result.
    title : heading of the figure.

    Returns
    -------
    Array of shape ``(H // k, W // k)``, float64. Rows at the bottom and columns at the
    right that do not fill a cell are dropped. A cell that holds a NaN gives NaN.

    Raises
    ------
    TypeError : `image` is not numeric, or `kernel_size` is no whole number.
    ValueError : `image` is empty or not two-dimensional, or `kernel_size` is below 1
        or larger than the image.
    FileNotFoundError : `image` names no file.

    Notes
    -----
    The result of PyTorch's ``max_pool2d`` with its default stride and rounding.

    Examples
    --------
    >>> max_pool([[1, 2, 0, 5], [3, 4, 7, 6]])
    array([[4., 7.]])
    """
    image = _as_image(image)
    k = _as_kernel_size(kernel_size, "kernel_size", image)
    pooled = pool_max(image, k)
    if visualize:
        show_images(
            [image, pooled],
            ["reference image", f"max pooled, {k}×{k}"],
            title=title,
            alt=f"{title or 'Max pooling'}. Left: the image, {size_of(image)}. Right: "
            f"the largest value of each cell of {k}×{k}, {size_of(pooled)}.",
            cmap="viridis" if max(image.shape) <= 64 else "gray",
            limits=_limits(image),
        )
    return pooled


def visualize_pooling(
    image: ArrayLike | str | os.PathLike,
    iterations: int,
    kernel: int = 2,
    dpi: int = 150,
) -> None:
    """Show an image and what is left of it after each of several max poolings.

    Parameters
    ----------
    image : array of shape ``(H, W)``, or what `load_image` takes.
    iterations : number of poolings, one after the other.
    kernel : side of a cell, as for `max_pool`.
    dpi : resolution of the figure, in dots per inch.

    Raises
    ------
    TypeError : a number is no whole number, or `image` is not numeric.
    ValueError : a number is too small, `iterations` or `kernel` too large for `image`,
        or `image` is empty or not two-dimensional.
    FileNotFoundError : `image` names no file.

    Notes
    -----
    All panels share one scale, which ends at the largest value of the image. Four stand
    in a row.

    Examples
    --------
    >>> visualize_pooling(np.eye(8), iterations=2)
    """
    image = _as_image(image)
    iterations, dpi = as_integer(iterations, "iterations"), as_integer(dpi, "dpi")
    for number, least, name in [(dpi, 1, "dpi"), (iterations, 0, "iterations")]:
        if number < least:
            raise ValueError(f"{name} must be {least} or more, got {number}")
    kernel = _as_kernel_size(kernel, "kernel", image)
    pools = [image]
    for done in range(iterations):
        if done and kernel > min(pools[-1].shape):
            raise ValueError(
                f"iterations must be at most {done} for an image of {size_of(image)} "
                f"pooled by {kernel}, got {iterations}"
            )
        pools.append(max_pool(pools[-1], kernel))
    tops = [np.unravel_index(pool.argmax(), pool.shape) for pool in pools]
    show_images(
        pools,
        [size_of(pool) for pool in pools],
        alt="An image and what max pooling leaves of it, left to right: "
        + "; ".join(
            f"{size_of(pool)}, largest value {pool[top]:g} at [{top[0]}, {top[1]}]"
            for pool, top in zip(pools, tops, strict=True)
        )
        + ".",
        # A photo's edges are thin: dark on white they stay visible.
        cmap="viridis" if max(image.shape) <= 64 else "Greys",
        limits=_limits(image),
        columns=min(len(pools), 4),
        dpi=dpi,
    )


def relative_change(reference: ArrayLike, other: ArrayLike, border: int = 0) -> float:
    """Measure how far one array is from another, as a share of the reference's size.

    Parameters
    ----------
    reference, other : arrays of one shape ``(H, W)``.
    border : rows and columns to leave out along each edge.

    Returns
    -------
    ``‖other - reference‖ / ‖reference‖`` (Euclidean norms): 0 for equal arrays; √2 for
    two that share no non-zero pixel and are of one norm. If the reference is all 0: 0
    for an `other` that is all 0 too, else infinity.

    Raises
    ------
    TypeError : an array is not numeric, or `border` is no whole number.
    ValueError : the shapes differ, or the border leaves nothing.

    Notes
    -----
    With ``reference = T(f(x))`` and ``other = f(T(x))``, the equivariance error of f.

    Examples
    --------
    >>> relative_change([[3, 4]], [[3, 9]])
    1.0
    """
    reference = np.asarray(as_array(reference, "reference"), np.float64)
    other = np.asarray(as_array(other, "other"), np.float64)
    border = as_integer(border, "border")
    if reference.shape != other.shape:
        raise ValueError(
            f"other must have the shape of reference, {size_of(reference)}, "
            f"got {size_of(other)}"
        )
    if not 0 <= 2 * border < min(reference.shape):
        raise ValueError(
            f"border must leave part of {size_of(reference)} standing, got {border}"
        )
    inside = (slice(border, -border or None),) * 2
    return change_of_size(reference[inside], other[inside])


def _as_image(image) -> NDArray[np.float64]:
    if isinstance(image, str | os.PathLike):
        return read_image(image, "image")
    return np.ascontiguousarray(as_array(image, "image"), dtype=np.float64)


def _as_kernel_size(number, name: str, image: NDArray) -> int:
    size = as_integer(number, name)
    if not 1 <= size <= min(image.shape):
        raise ValueError(
            f"{name} must be from 1 to {min(image.shape)} for an image of "
            f"{size_of(image)}, got {size}"
        )
    return size


def _limits(image: NDArray, percentile: float = 100) -> tuple[float, float]:
    finite = image[np.isfinite(image)]
    if not finite.size or finite.min() == finite.max():
        return 0.0, 1.0
    return finite.min(), np.percentile(finite, percentile) or finite.max()
