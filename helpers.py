"""Shared helpers of the series: load, move, convolve, pool, measure and show an image.

An image is a grey-scale array of shape ``(H, W)``: row 0 at the top, column 0 at the
left. What a network sees has channels too, ``(C, H, W)``. No function changes its
input. What a helper computes is first written out, as a loop, in the notebook that is
about it.
"""

import operator
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

IMAGES = Path(__file__).resolve().parent / "images"

# One look for all figures. Notebooks apply it to their own: plt.rcParams.update(STYLE).
STYLE = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    # Okabe and Ito's colours, told apart with red-green blindness; the line styles
    # keep them apart on a grey printer.
    "axes.prop_cycle": plt.cycler(
        color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"],
        linestyle=["-", "--", "-.", ":", "-"],
    ),
}


def load_image(source: str | os.PathLike) -> NDArray[np.float64]:
    """Read a photo as a grey-scale array.

    Parameters
    ----------
    source : path of an image file, or the bare name of one in ``images/``.

    Returns
    -------
    Array of shape ``(H, W)``, float64, whole numbers from 0 (black) to 255 (white).

    Raises
    ------
    TypeError : `source` is not a path.
    FileNotFoundError : there is no such file.
    ValueError : the file is not an image, or is damaged.

    Notes
    -----
    Decoded by OpenCV; colours are weighted by their luminance (ITU-R BT.601).

    Examples
    --------
    >>> load_image("image.jpg").shape
    (427, 640)
    """
    return _read_image(source, "source")


def translate(
    image: ArrayLike, down: int = 0, right: int = 0, wrap: bool = False
) -> NDArray:
    """Move the content of an image by whole pixels.

    Parameters
    ----------
    image : array of shape ``(H, W)``.
    down, right : pixels to move by; negative values move up and left.
    wrap : what enters at the border: 0, or what left on the opposite side.

    Returns
    -------
    New array of the shape and type of `image`, ``T`` with
    ``T[i, j] = image[i - down, j - right]``.

    Raises
    ------
    TypeError : `image` is not numeric, or `down` or `right` is no whole number.
    ValueError : `image` is not two-dimensional, or is empty.

    Notes
    -----
    With `wrap`, a circular shift: ``numpy.roll`` along both axes.

    Examples
    --------
    >>> translate([[1, 2, 3]], right=1)
    array([[0, 1, 2]])
    >>> translate([[1, 2, 3]], right=1, wrap=True)
    array([[3, 1, 2]])
    """
    image = _as_grid(image, "image")
    down, right = _as_integer(down, "down"), _as_integer(right, "right")
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
    visualize : show the image beside the result.
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
    equation 9.6; the sums are OpenCV's ``filter2D``.

    Examples
    --------
    >>> convolve([[1, 2, 4], [1, 2, 4]], [[-1, 1]], visualize=False)
    array([[1., 2.],
           [1., 2.]])
    """
    image = _as_image(image)
    filter = _as_grid(filter, "filter").astype(np.float64)
    if filter.shape[0] > image.shape[0] or filter.shape[1] > image.shape[1]:
        raise ValueError(
            f"filter must fit inside the image, got a filter of {_size(filter)} "
            f"for an image of {_size(image)}"
        )
    response = _correlate(image, filter, relu)
    if visualize:
        top = _limits(np.abs(response), 99)[1]
        show_images(
            [image, response],
            ["original", "convolved"],
            title=title,
            alt=f"{title or 'A convolution'}. Left: the image, {_size(image)}. Right: "
            f"its response to a filter of {_size(filter)}, {_size(response)} values "
            f"from {response.min():g} to {response.max():g}, dark where it is strong.",
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
    ValueError : `image` is empty or not two-dimensional, or `kernel_size` is below 1 or
        larger than the image.
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
    height, width = image.shape[0] // k, image.shape[1] // k
    pooled = np.empty((height, width))
    # The maximum of k rows, then of k columns; strip by strip, for as long as what is
    # between them fits into the processor's cache, it takes half the time.
    step = max(1, 2**17 // (k * image.shape[1]))
    for top in range(0, height, step):
        strip = image[k * top : k * min(top + step, height), : k * width]
        rows = reduce(np.maximum, [strip[i::k] for i in range(k)])
        *columns, last = [rows[:, j::k] for j in range(k)]
        others = reduce(np.maximum, columns or [last])
        np.maximum(others, last, out=pooled[top : top + step])
    if visualize:
        show_images(
            [image, pooled],
            ["reference image", f"max pooled, {k}×{k}"],
            title=title,
            alt=f"{title or 'Max pooling'}. Left: the image, {_size(image)}. Right: "
            f"the largest value of each cell of {k}×{k}, {_size(pooled)}.",
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
    ValueError : `iterations` is negative or more than the image has room for, `dpi` or
        `kernel` is below 1, or `image` is empty or not two-dimensional.
    FileNotFoundError : `image` names no file.

    Notes
    -----
    All panels share one scale. It ends at the largest value of the image, which max
    pooling keeps unless it lies in a dropped row or column.

    Examples
    --------
    >>> visualize_pooling(np.eye(8), iterations=2)
    """
    image = _as_image(image)
    iterations, dpi = _as_integer(iterations, "iterations"), _as_integer(dpi, "dpi")
    if dpi < 1:
        raise ValueError(f"dpi must be 1 or more, got {dpi}")
    if iterations < 0:
        raise ValueError(f"iterations must be 0 or more, got {iterations}")
    kernel = _as_kernel_size(kernel, "kernel", image)
    pools = [image]
    for done in range(iterations):
        if done and kernel > min(pools[-1].shape):
            raise ValueError(
                f"iterations must be at most {done} for an image of {_size(image)} "
                f"pooled by {kernel}, got {iterations}"
            )
        pools.append(max_pool(pools[-1], kernel))
    tops = [np.unravel_index(pool.argmax(), pool.shape) for pool in pools]
    show_images(
        pools,
        [_size(pool) for pool in pools],
        alt="An image and what max pooling leaves of it, left to right: "
        + "; ".join(
            f"{_size(pool)}, largest value {pool[top]:g} at [{top[0]}, {top[1]}]"
            for pool, top in zip(pools, tops, strict=True)
        )
        + ".",
        # A photo's edges are thin: dark on white they stay visible.
        cmap="viridis" if max(image.shape) <= 64 else "Greys",
        limits=_limits(image),
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
    reference = _as_grid(reference, "reference").astype(np.float64)
    other = _as_grid(other, "other").astype(np.float64)
    border = _as_integer(border, "border")
    if reference.shape != other.shape:
        raise ValueError(
            f"other must have the shape of reference, {_size(reference)}, "
            f"got {_size(other)}"
        )
    if not 0 <= 2 * border < min(reference.shape):
        raise ValueError(
            f"border must leave part of {_size(reference)} standing, got {border}"
        )
    inside = (slice(border, -border or None),) * 2
    norm = np.linalg.norm(reference[inside])
    change = np.linalg.norm((other - reference)[inside])
    if norm == 0:
        return 0.0 if change == 0 else float("inf")
    return float(change / norm)


def shifted_views(
    image: ArrayLike,
    shifts: Sequence[tuple[int, int]],
    size: int | tuple[int, int] | None = None,
    wrap: bool = False,
) -> NDArray:
    """Move an image of several channels in several ways, and keep the middle of each.

    Parameters
    ----------
    image : array of shape ``(C, H, W)``.
    shifts : pairs (down, right), as for `translate`.
    size : side of the middle, or its (height, width); the whole image if None.
    wrap : what enters at the border of the image: 0, or what left on the opposite
        side. Without it, a middle of some `size` must stay inside the image, so that
        nothing enters it but what the image holds.

    Returns
    -------
    New array of shape ``(len(shifts), C, height, width)`` and of the type of `image`.

    Raises
    ------
    TypeError : `image` is not numeric, or a shift or `size` is no whole number.
    ValueError : `image` is not three-dimensional, or is empty; `shifts` holds no pairs;
        `size` is larger than the image; or, without `wrap`, a shift is too large.

    Notes
    -----
    A window that slides to the left over a photo sees its content move to the right.

    Examples
    --------
    >>> views = shifted_views([[[1, 2, 3, 4]]], [(0, -1), (0, 0), (0, 1)], size=(1, 2))
    >>> views.reshape(3, 2)
    array([[3, 4],
           [2, 3],
           [1, 2]])
    """
    image = _as_channels(image, "image")
    shifts = _as_shifts(shifts)
    full = image.shape[1:]
    height, width = full if size is None else _as_window(size, full)
    top, left = (full[0] - height) // 2, (full[1] - width) // 2
    for down, right in [] if wrap else shifts:
        if size is None:
            fits = abs(down) < full[0] and abs(right) < full[1]
            wanted = "leave a part of the image in sight"
        else:
            fits = 0 <= top - down <= full[0] - height
            fits = fits and 0 <= left - right <= full[1] - width
            wanted = f"keep a window of {height}×{width} inside the image"
        if not fits:
            raise ValueError(
                f"shifts must {wanted}, got {(down, right)} for one of "
                f"{full[0]}×{full[1]}"
            )
    window = slice(top, top + height), slice(left, left + width)
    return np.stack(
        [
            [translate(channel, down, right, wrap)[window] for channel in image]
            for down, right in shifts
        ]
    )


class ShiftConsistency(NamedTuple):
    """Hold what `shift_consistency` found, three numbers to be read together.

    Parameters
    ----------
    consistency : share of the pairs of views of one image that get the same top class.
    largest_change : largest difference of one logit between two views of one image.
    accuracy : share of the views whose top class is the label; None without labels.

    Notes
    -----
    A model that always gives one answer is perfectly consistent. Its largest change of
    0, and an accuracy no better than chance, give it away.

    Examples
    --------
    >>> print(ShiftConsistency(consistency=1.0, largest_change=0.0, accuracy=0.1))
    consistency 100.0%, accuracy 10.0%, largest change of a logit 0
    """

    consistency: float
    largest_change: float
    accuracy: float | None = None

    def __str__(self) -> str:
        """Put the three numbers into a line."""
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.1%}, "
        return (
            f"consistency {self.consistency:.1%}, {accuracy}"
            f"largest change of a logit {self.largest_change:.2g}"
        )


def shift_consistency(
    model: Callable[[NDArray], ArrayLike],
    images: Iterable[ArrayLike],
    shifts: Sequence[tuple[int, int]],
    labels: Sequence[int] | None = None,
    size: int | tuple[int, int] | None = None,
    wrap: bool = False,
    batch_size: int = 10,
) -> ShiftConsistency:
    """Measure how often a model gives two moved views of one image the same answer.

    Parameters
    ----------
    model : any function of an array ``(n, C, h, w)`` of views that returns an array
        ``(n, classes)`` of logits.
    images : arrays ``(C, H, W)``, one after the other; their sizes may differ.
    shifts : pairs (down, right) to move each image by; every two of them make a pair
        of views.
    labels : the true class of each image, counted from 0.
    size, wrap : what a view is, as for `shifted_views`: with `size`, a window that
        moves inside the image; else the whole image, where zeros enter or, with
        `wrap`, its other side.
    batch_size : views to give to the model at once, at most.

    Returns
    -------
    `ShiftConsistency`. Each image counts alike, and so does each pair of its views.

    Raises
    ------
    TypeError : `model` is no function, or returns what NumPy does not read as real
        numbers; an image is not numeric; or a number is no whole number.
    ValueError : `model` returns another shape, fewer than two classes, or NaN or
        infinity; there is no image, fewer than two different shifts, or not one label
        for each image; or an image, a shift or `size` does not suit `shifted_views`.

    Notes
    -----
    With a `size` and random shifts, the consistency of Zhang, *Making convolutional
    networks shift-invariant again* (2019); with two shifts a pixel apart, the converse
    of the change of the top answer in Azulay and Weiss (2019).

    Examples
    --------
    A dense classifier with one class for each pixel, then one that pools globally:

    >>> images, shifts = [[[[1, 0, 0]]]], [(0, 0), (0, 1), (0, 2)]
    >>> def dense(views):
    ...     return views.reshape(len(views), -1)
    >>> print(shift_consistency(dense, images, shifts, labels=[0]))
    consistency 0.0%, accuracy 33.3%, largest change of a logit 1
    >>> def pooled(views):
    ...     return np.stack([views.max((1, 2, 3)), views.min((1, 2, 3))], axis=1)
    >>> print(shift_consistency(pooled, images, shifts, labels=[0]))
    consistency 100.0%, accuracy 100.0%, largest change of a logit 0
    """
    if not callable(model):
        raise TypeError(f"model must be a function, got {_describe(model)}")
    shifts = _as_shifts(shifts)
    if len(set(shifts)) < 2:
        raise ValueError(f"shifts must hold at least two different moves, got {shifts}")
    batch_size = _as_integer(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    if labels is not None:
        if not np.iterable(labels):
            raise TypeError(
                f"labels must be a sequence of whole numbers, got {_describe(labels)}"
            )
        labels = [_as_integer(label, "labels") for label in labels]
    agree, change, right = [], [], []
    for number, image in enumerate(images):
        image = _as_channels(image, f"images[{number}]")
        views = shifted_views(image, shifts, size, wrap)
        logits = np.concatenate(
            [
                _answers(model, views[i : i + batch_size])
                for i in range(0, len(views), batch_size)
            ]
        )
        top = logits.argmax(axis=1)
        same = np.bincount(top)
        agree.append(np.sum(same * (same - 1)) / (len(top) * (len(top) - 1)))
        change.append(np.ptp(logits, axis=0).max())
        if labels is not None and number < len(labels):
            if not 0 <= labels[number] < logits.shape[1]:
                raise ValueError(
                    f"labels must be from 0 to {logits.shape[1] - 1}, the classes that "
                    f"model returns, got {labels[number]}"
                )
            right.append(np.mean(top == labels[number]))
    if not agree:
        raise ValueError("images must hold at least one image, got none")
    if labels is not None and len(labels) != len(agree):
        raise ValueError(
            f"labels must have one entry for each image, "
            f"got {len(labels)} for {len(agree)} images"
        )
    return ShiftConsistency(
        float(np.mean(agree)),
        float(np.max(change)),
        None if labels is None else float(np.mean(right)),
    )


def show(figure: plt.Figure, alt: str) -> None:
    """Display a figure with its alternative text, and close it.

    Parameters
    ----------
    figure : a Matplotlib figure.
    alt : what the figure shows, in sentences, for readers who do not see it.

    Notes
    -----
    In a notebook the text is stored with the image, as metadata. Elsewhere the figure
    stays open for ``plt.show()`` or ``savefig``.

    Examples
    --------
    >>> show(plt.figure(), alt="An empty figure.")
    """
    if "inline" not in plt.get_backend():
        return
    from IPython.display import display

    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def show_images(
    images: Sequence[ArrayLike],
    titles: Sequence[str],
    title: str = "",
    alt: str = "",
    cmap: str | Sequence[str] = "viridis",
    limits: tuple[float, float] | Sequence[tuple[float, float]] = (0, 1),
    columns: int | None = None,
    values: bool = False,
    hatch: Sequence[ArrayLike | None] | None = None,
    dpi: int | None = None,
) -> None:
    """Show images side by side on one colour scale.

    Where all of them are small (16×16 at most), cells and indices are drawn.

    Parameters
    ----------
    images : arrays of shape ``(H, W)``; sizes may differ.
    titles : one for each image.
    title : the finding, above all.
    alt : alternative text, as for `show`.
    cmap : Matplotlib colour map, one for all or one for each.
    limits : values at the two ends of the colour map, one pair for all or one for each.
    columns : images in a row; all of them if None.
    values : write each value into its cell.
    hatch : for each image a mask of the pixels to hatch, or None.
    dpi : dots per inch.

    Raises
    ------
    TypeError : an image is not numeric.
    ValueError : an image is not two-dimensional, there is none, or a list has another
        length than `images`.

    Examples
    --------
    >>> show_images([np.eye(3), np.ones((3, 3))], ["identity", "ones"], values=True)
    """
    images = [_as_grid(image, "images") for image in images]
    each = {
        "titles": titles,
        "cmap": [cmap] * len(images) if isinstance(cmap, str) else cmap,
        "limits": [limits] * len(images) if np.ndim(limits) == 1 else limits,
        "hatch": [None] * len(images) if hatch is None else hatch,
    }
    for name, entries in each.items():
        if len(entries) != len(images) or not images:
            raise ValueError(
                f"{name} must have one entry for each image, "
                f"got {len(entries)} for {len(images)} images"
            )
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    width = min(10.0, 3.4 * columns)
    aspect = max(image.shape[0] / image.shape[1] for image in images)
    height = rows * (width / columns * aspect + 0.3) + (0.35 if title else 0)
    cells = max(max(image.shape) for image in images) <= 16
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width, height), dpi=dpi, squeeze=False
        )
        try:
            for axis in axes.flat[len(images) :]:
                axis.remove()
            for axis, image, name, colours, (low, high), mask in zip(
                axes.flat, images, *each.values(), strict=False
            ):
                shown = axis.imshow(image, cmap=colours, vmin=low, vmax=high)
                axis.set_title(name)
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set(visible=True, color="0.75")
                if cells:
                    _draw_cells(axis, image.shape)
                if values:
                    _write_values(axis, image, shown)
                if mask is not None:
                    _hatch(axis, np.asarray(mask))
            figure.suptitle(title, x=0, ha="left")
            show(figure, alt)
        except BaseException:
            plt.close(figure)
            raise


def _draw_cells(axis, shape) -> None:
    height, width = shape
    axis.set(xticks=range(width), yticks=range(height))
    axis.set_xticks(np.arange(width - 1) + 0.5, minor=True)
    axis.set_yticks(np.arange(height - 1) + 0.5, minor=True)
    axis.tick_params(which="both", length=0)
    axis.grid(which="minor", color="0.75", linewidth=0.5)


def _write_values(axis, image, shown) -> None:
    for (row, column), value in np.ndenumerate(image):
        dark = np.dot(shown.to_rgba(value)[:3], (0.299, 0.587, 0.114)) < 0.5
        axis.text(
            column,
            row,
            f"{value:.3g}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )


def _hatch(axis, mask) -> None:
    for row, column in np.argwhere(mask):
        axis.add_patch(
            plt.Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                hatch="////",
                fill=False,
                lw=0,
                ec="0.85",
            )
        )


def _correlate(image: NDArray, filter: NDArray, relu: bool) -> NDArray:
    height = image.shape[0] - filter.shape[0] + 1
    width = image.shape[1] - filter.shape[1] + 1
    pixels, weights = image.ravel(), filter.ravel()
    total = None
    with np.errstate(all="ignore"):
        # If this is finite, all pixels and weights are, and no sum can overflow
        # (Cauchy-Schwarz). Else OpenCV is of no use: it skips weights of 0, where
        # 0 × NaN is NaN, and its ReLU makes NaN 0.
        finite = np.isfinite((pixels @ pixels) * (weights @ weights))
        # Beyond 7×7 weights OpenCV goes through a Fourier transform, which rounds.
        tile = 7 if finite else 1
        for i in range(0, filter.shape[0], tile):
            for j in range(0, filter.shape[1], tile):
                part = filter[i : i + tile, j : j + tile]
                if finite:
                    summand = cv2.filter2D(
                        image, -1, part, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
                    )[i : i + height, j : j + width]
                else:
                    summand = image[i : i + height, j : j + width] * part
                total = summand if total is None else np.add(total, summand, out=total)
    if relu and finite:
        cv2.threshold(total, 0, 0, cv2.THRESH_TOZERO, dst=total)
    elif relu:
        np.maximum(total, 0, out=total)
    return total


def _read_image(source, name: str) -> NDArray[np.float64]:
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {_describe(source)}")
    path = Path(source)
    if not os.path.exists(path) and path.name == os.fspath(source):
        path = IMAGES / path
    if not os.path.isfile(path):  # False, too, for a name too long for the system
        raise FileNotFoundError(
            f"{name}: no file {os.fspath(source)!r} here or in images/; "
            f"wanted the path of an image, or a name from images/"
        )
    # OpenCV is given the bytes, not the path: on Windows it cannot open every name.
    encoded = np.frombuffer(path.read_bytes(), np.uint8)
    image = _decode(encoded) if encoded.size else None
    if image is None:
        raise ValueError(
            f"{name}: {os.fspath(source)!r} cannot be read as an image; "
            f"wanted a whole JPEG, PNG or other file that OpenCV reads"
        )
    return image.astype(np.float64)


def _decode(encoded: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    # The decoders below OpenCV complain of a damaged file on the process's standard
    # error, past sys.stderr; load_image says it better.
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
        except cv2.error:
            return None
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _as_image(image) -> NDArray[np.float64]:
    if isinstance(image, str | os.PathLike):
        return _read_image(image, "image")
    return np.ascontiguousarray(_as_grid(image, "image"), dtype=np.float64)


def _as_numbers(array, name: str, shape: str) -> NDArray:
    try:
        numbers = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{name} must be an array of shape {shape}, got {_describe(array)}: {error}"
        ) from error
    if numbers.dtype.kind not in "buif":
        raise TypeError(
            f"{name} must be an array of real numbers, got {_describe(array)}"
        )
    return numbers


def _as_grid(array, name: str) -> NDArray:
    grid = _as_numbers(array, name, "(H, W)")
    if grid.ndim != 2 or grid.size == 0:
        hint = "; take one channel, or its grey values" if grid.ndim == 3 else ""
        raise ValueError(
            f"{name} must be a non-empty array of shape (H, W), "
            f"got shape {grid.shape}{hint}"
        )
    return grid


def _as_channels(array, name: str) -> NDArray:
    channels = _as_numbers(array, name, "(C, H, W)")
    if channels.ndim != 3 or channels.size == 0:
        hint = "; a grey image is image[None]" if channels.ndim == 2 else ""
        raise ValueError(
            f"{name} must be a non-empty array of shape (C, H, W), "
            f"got shape {channels.shape}{hint}"
        )
    return channels


def _as_shifts(shifts) -> list[tuple[int, int]]:
    try:
        pairs = [(down, right) for down, right in shifts]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            f"shifts must be one or more pairs (down, right), got {_describe(shifts)}"
        )
    return [
        (_as_integer(down, "shifts"), _as_integer(right, "shifts"))
        for down, right in pairs
    ]


def _as_window(size, full: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (size, size) if np.ndim(size) == 0 else size
    except (TypeError, ValueError):
        raise ValueError(f"size must be one or two numbers, got {size!r}") from None
    height, width = _as_integer(height, "size"), _as_integer(width, "size")
    if not (1 <= height <= full[0] and 1 <= width <= full[1]):
        raise ValueError(
            f"size must be from 1×1 to {full[0]}×{full[1]}, that of the image, "
            f"got {height}×{width}"
        )
    return height, width


def _answers(model, views: NDArray) -> NDArray:
    answers = model(views)
    try:
        logits = np.asarray(answers)
    except (RuntimeError, TypeError, ValueError) as error:
        # A tensor on another device, or one that still records gradients.
        raise TypeError(
            f"model must return numbers that NumPy can read, "
            f"got {_describe(answers)}: {error}"
        ) from error
    if logits.dtype.kind not in "buif":
        raise TypeError(
            f"model must return an array of real numbers, got {_describe(logits)}"
        )
    if logits.ndim != 2 or len(logits) != len(views) or logits.shape[1] < 2:
        raise ValueError(
            f"model must return shape (n, classes) with two classes or more for "
            f"{len(views)} views, got shape {logits.shape}"
        )
    logits = logits.astype(np.float64)
    if not np.isfinite(logits).all():
        raise ValueError("model must return finite numbers, got NaN or infinity")
    return logits


def _as_integer(number, name: str) -> int:
    try:
        if isinstance(number, bool | np.bool_):
            raise TypeError
        return operator.index(number)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, got {_describe(number)}"
        ) from None


def _as_kernel_size(number, name: str, image: NDArray) -> int:
    size = _as_integer(number, name)
    if not 1 <= size <= min(image.shape):
        raise ValueError(
            f"{name} must be from 1 to {min(image.shape)} for an image of "
            f"{_size(image)}, got {size}"
        )
    return size


def _limits(image: NDArray, percentile: float = 100) -> tuple[float, float]:
    finite = image[np.isfinite(image)]
    if not finite.size or finite.min() == finite.max():
        return 0.0, 1.0
    return finite.min(), np.percentile(finite, percentile) or finite.max()


def _size(image: NDArray) -> str:
    return "×".join(map(str, image.shape))


def _describe(thing) -> str:
    if isinstance(thing, str | int | float | complex | None):
        return repr(thing)
    kind = getattr(thing, "dtype", None)
    return type(thing).__name__ + (f" of {kind}" if kind is not None else "")
