"""Measure how much a network depends on where the object stands.

With images as the network was trained to see them, three lines are enough::

    report = shift_report(network, images, labels)
    print(report)
    assert report.consistency_low > 0.9

To take along, copy the folder ``shifts``.
"""

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from .answers import answers_to, as_function, probabilities
from .arguments import as_integer
from .intervals import interval
from .report import draw
from .views import (
    Shift,
    as_shifts,
    as_size,
    batches,
    read_images,
    room_to_move,
    shifted_views,
    small_moves,
)

__all__ = ["ShiftConsistency", "shift_consistency", "shift_report", "shifted_views"]


@dataclass(frozen=True, eq=False)
class ShiftConsistency:
    """Hold what `shift_consistency` found: N images at S shifts, and in short.

    Parameters
    ----------
    shifts : array ``(S, 2)``, the moves (down, right).
    top : array ``(N, S)``, the top class of each image at each shift.
    change : array ``(N,)``, the largest difference of one logit between two views of
        an image.
    labels : array ``(N,)``, the true classes; None without labels.
    probability : array ``(N, S)``, the probability of the true class; None without
        labels.
    figure : that of `shift_report`.

    Notes
    -----
    Read `consistency`, `accuracy` and `largest_change` together: a model that always
    gives one answer is perfectly consistent, and the other two give it away. Where a
    test of your own wants a bound, ask `consistency_low`.

    Examples
    --------
    >>> found = ShiftConsistency(
    ...     shifts=np.array([(0, 0), (0, 1), (8, 8)]),
    ...     top=np.array([[5, 5, 5], [5, 5, 3]]),
    ...     change=np.array([0.5, 2.0]),
    ... )
    >>> print(found)
    consistency 66.7% (16.7% to 100.0%, 2 images), largest change of a logit 2
    >>> found.agreement.round(2)
    array([1.  , 0.33])
    >>> found.flips  # of the first two views, which are a pixel apart
    0.0
    """

    shifts: NDArray[np.int64]
    top: NDArray[np.int64]
    change: NDArray[np.float64]
    labels: NDArray[np.int64] | None = None
    probability: NDArray[np.float64] | None = None
    figure: Any = None

    @cached_property
    def agreement(self) -> NDArray[np.float64]:
        """For each image, the share of the pairs of views that get one top class."""
        counts = [np.unique(row, return_counts=True)[1] for row in self.top]
        views = len(self.shifts)
        same = np.array([np.sum(count * (count - 1)) for count in counts])
        return same / (views * (views - 1))

    @property
    def right(self) -> NDArray[np.float64] | None:
        """For each image, the share of the views whose top class is the label."""
        if self.labels is None:
            return None
        return np.mean(self.top == self.labels[:, None], axis=1)

    @property
    def consistency(self) -> float:
        """Mean of `agreement`; over random shifts, the consistency of Zhang (2019)."""
        return float(self.agreement.mean())

    @property
    def accuracy(self) -> float | None:
        """Mean of `right`; None without labels."""
        return None if self.right is None else float(self.right.mean())

    @property
    def largest_change(self) -> float:
        """Largest entry of `change`."""
        return float(self.change.max())

    @property
    def consistency_low(self) -> float:
        """Lower end of the 95 % interval of `consistency`, had the images been others.

        By the bootstrap of the images and two more, one that always agrees and one
        that never does, so that a few images promise little: of one, 0 to 1. If all
        agree, it is 0.63 for 6 images, 0.75 for 10, 0.91 for 30, 0.97 for 100.
        """
        return self._interval[0]

    @property
    def consistency_high(self) -> float:
        """Upper end of the interval that begins at `consistency_low`."""
        return self._interval[1]

    @property
    def flips(self) -> float:
        """Share of the pairs of views one pixel apart whose top classes differ.

        The probability that Azulay and Weiss (2019) report. NaN where no two views are
        one pixel apart, down or right.
        """
        index = {(down, right): i for i, (down, right) in enumerate(self.shifts)}
        pairs = [
            (i, index[neighbour])
            for (down, right), i in index.items()
            for neighbour in ((down + 1, right), (down, right + 1))
            if neighbour in index
        ]
        if not pairs:
            return float("nan")
        here, there = np.transpose(pairs)
        return float(np.mean(self.top[:, here] != self.top[:, there]))

    @property
    def probability_change(self) -> float | None:
        """Largest change of the true class's probability, on average over images."""
        if self.probability is None:
            return None
        return float(np.ptp(self.probability, axis=1).mean())

    def by_shift(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Part the agreement by what is between two views.

        Returns
        -------
        The K shifts (down, right) from one view to another, ``(K, 2)``; of a shift and
        its opposite, the one down or, in a row, right. And ``(N, K)``: for each image,
        the share of the pairs so far apart that get one top class.
        """
        first, second = np.triu_indices(len(self.shifts), k=1)
        moved = self.shifts[second] - self.shifts[first]
        up = (moved[:, 0] < 0) | ((moved[:, 0] == 0) & (moved[:, 1] < 0))
        moved[up] *= -1
        shifts, which = np.unique(moved, axis=0, return_inverse=True)
        same = [np.bincount(which, row[first] == row[second]) for row in self.top]
        return shifts, np.array(same) / np.bincount(which)

    @cached_property
    def _interval(self) -> tuple[float, float]:
        low, high = interval(self.agreement)
        return float(low), float(high)

    def __str__(self) -> str:
        """Put the three numbers into a line, and the interval of the first."""
        images = len(self.top)
        ends = f"{self.consistency_low:.1%} to {self.consistency_high:.1%}"
        number = f"{images} image{'' if images == 1 else 's'}"
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.1%}, "
        return (
            f"consistency {self.consistency:.1%} ({ends}, {number}), "
            f"{accuracy}largest change of a logit {self.largest_change:.2g}"
        )


def shift_consistency(
    model: Callable[..., Any],
    images: Iterable[Any],
    shifts: Sequence[Shift],
    labels: Sequence[int] | None = None,
    size: int | Shift | None = None,
    wrap: bool = False,
    batch_size: int = 10,
) -> ShiftConsistency:
    """Measure how often a model gives two moved views of one image the same answer.

    Parameters
    ----------
    model : a ``torch.nn.Module``, or any function of an array ``(n, C, h, w)`` of
        views; it returns logits, ``(n, classes)``. A module runs on its own device, in
        its own floating type, in evaluation mode and without gradients; afterwards its
        mode is what it was.
    images : arrays or tensors ``(C, H, W)``, or pairs (image, label) as a data set
        yields them; sizes may differ.
    shifts : pairs (down, right) to move each image by; every two of them make a pair
        of views.
    labels : the true class of each image, counted from 0.
    size, wrap : what a view is, as for `shifted_views`: with `size`, a window that
        moves inside the image; else the whole image, where zeros enter or, with
        `wrap`, its other side.
    batch_size : views to give to the model at once, at most, of one image or several.

    Returns
    -------
    `ShiftConsistency`. Each image counts alike, and so does each pair of its views.

    Raises
    ------
    TypeError : `model` is no function, or returns what is not read as real numbers; an
        image is not numeric; or a number is no whole number.
    ValueError : `model` returns another shape, fewer than two classes, NaN or infinity,
        or different answers for one view; there is no image, fewer than two different
        shifts, or not one label for each image; or an image, a shift or `size` does not
        suit `shifted_views`.

    Notes
    -----
    A list or an array of images is checked as a whole before anything is measured; from
    anything else images are read one by one, and not kept.

    The first view is shown twice, the second time in other company: dropout and batch
    normalization that were left in training mode give themselves away.

    Rows without a negative number that add up to 1 are taken as probabilities; all
    others go through a softmax for `ShiftConsistency.probability`.

    With a `size` and shifts drawn from -16 to 16, this is the consistency of Zhang,
    *Making convolutional networks shift-invariant again* (2019). It falls with the
    distance of the views. Compare only what was measured with the same images and
    shifts.

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
    shifts, size = as_shifts(shifts), as_size(size)
    if len(set(shifts)) < 2:
        raise ValueError(f"shifts must hold at least two different moves, got {shifts}")
    batch_size = as_integer(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    read = read_images(images, labels, shifts, size, wrap)
    views = ((image, shift, label) for image, label in read for shift in shifts)
    total = len(images) * len(shifts) if isinstance(images, Sized) else None
    known = [label for _, label in read] if isinstance(read, list) else []
    top, change, truth, probability = [], [], [], []
    with (
        as_function(model) as function,
        tqdm(total=total, unit=" views", delay=1, leave=False) as bar,
    ):
        rows = answers_to(function, batches(views, size, batch_size), size, wrap, known)
        while block := list(islice(rows, len(shifts))):
            label, logits = block[0][1], np.array([row for row, _ in block])
            top.append(logits.argmax(axis=1))
            change.append(np.ptp(logits, axis=0).max())
            if label is not None:
                truth.append(label)
                probability.append(probabilities(logits)[:, label])
            bar.update(len(shifts))
    if not top:
        raise ValueError("images must hold at least one image, got none")
    return ShiftConsistency(
        np.array(shifts),
        np.array(top),
        np.array(change),
        np.array(truth) if truth else None,
        np.array(probability) if truth else None,
    )


def shift_report(
    model: Callable[..., Any],
    images: Iterable[Any],
    labels: Sequence[int] | None = None,
    size: int | Shift | None = None,
    wrap: bool = False,
    batch_size: int = 10,
) -> ShiftConsistency:
    """Measure the consistency of a model over up to 32 small moves, and draw it.

    Parameters
    ----------
    model, images, labels, size, wrap, batch_size : as for `shift_consistency`. Some
        hundred images are enough; all are held in memory.

    Returns
    -------
    `ShiftConsistency` with a `figure`: agreement over the distance of two views, with
    its 95 % interval; for each move, how often its view agrees with the others; and,
    of the image that agrees least, the two nearest views that do not.
    ``report.figure`` at the end of a cell shows it, ``report.figure.savefig`` stores
    it.

    Raises
    ------
    TypeError, ValueError : as for `shift_consistency`; or `size` leaves no room to
        move.

    Notes
    -----
    The moves are the same in each call: 24 drawn at random, and a neighbour, one pixel
    on, for 8 of them, so that there are `flips`. With a `size` they reach 16 pixels
    from the middle, as those of Zhang (2019), or as far as there is room; without one,
    an eighth of the image and at most 16. The 8 neighbours are 1.6 % of all pairs: they
    raise the consistency by that share, at most, of what it lacks.

    Examples
    --------
    >>> images = np.random.default_rng(0).normal(size=(5, 1, 24, 24))
    >>> def strongest_row(views):
    ...     return views.sum(axis=(1, 3))
    >>> report = shift_report(strongest_row, images, size=16)
    >>> report.consistency_low < 0.5
    True
    """
    size = as_size(size)
    read = list(read_images(images, labels, [(0, 0)], size, wrap))
    pixels = [image for image, _ in read]
    known = [label for _, label in read if label is not None] or None
    window = None if wrap else size  # a circular move needs no room
    room = [room_to_move(i, image, window) for i, image in enumerate(pixels)]
    moves = small_moves(min(room, default=1))
    found = shift_consistency(model, pixels, moves, known, size, wrap, batch_size)
    return replace(found, figure=draw(found, pixels, size, wrap))
