"""Measure how much a network depends on where the object stands."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arguments import as_array, as_integer, describe
from helpers import translate


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
    image = as_array(image, "image", "(C, H, W)")
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
        raise TypeError(f"model must be a function, got {describe(model)}")
    shifts = _as_shifts(shifts)
    if len(set(shifts)) < 2:
        raise ValueError(f"shifts must hold at least two different moves, got {shifts}")
    batch_size = as_integer(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    if labels is not None:
        if not np.iterable(labels):
            raise TypeError(
                f"labels must be a sequence of whole numbers, got {describe(labels)}"
            )
        labels = [as_integer(label, "labels") for label in labels]
    agree, change, right = [], [], []
    for number, image in enumerate(images):
        image = as_array(image, f"images[{number}]", "(C, H, W)")
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


def _as_shifts(shifts) -> list[tuple[int, int]]:
    try:
        pairs = [(down, right) for down, right in shifts]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            f"shifts must be one or more pairs (down, right), got {describe(shifts)}"
        )
    return [
        (as_integer(down, "shifts"), as_integer(right, "shifts"))
        for down, right in pairs
    ]


def _as_window(size, full: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (size, size) if np.ndim(size) == 0 else size
    except (TypeError, ValueError):
        raise ValueError(f"size must be one or two numbers, got {size!r}") from None
    height, width = as_integer(height, "size"), as_integer(width, "size")
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
            f"got {describe(answers)}: {error}"
        ) from error
    if logits.dtype.kind not in "buif":
        raise TypeError(
            f"model must return an array of real numbers, got {describe(logits)}"
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
