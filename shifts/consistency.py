"""Measure how much a network depends on where the object stands.

With images as the network was trained to see them, three lines are enough::

    report = shift_report(network, images, labels)
    print(report)
    assert report.low > 0.9

To take along, copy the folder ``shifts``.
"""

import sys
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
    Sized,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby, islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from .arguments import as_array, as_integer, describe

Shift = tuple[int, int]


def shifted_views(
    image: ArrayLike,
    shifts: Sequence[Shift],
    size: int | Shift | None = None,
    wrap: bool = False,
) -> NDArray:
    """Move an image of several channels in several ways, and keep the middle of each.

    Parameters
    ----------
    image : array or tensor of shape ``(C, H, W)``.
    shifts : pairs (down, right) of pixels; negative values move up and left.
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
    ValueError : `image` is not three-dimensional, is empty, or has its channels last;
        `shifts` holds no pairs; `size` is larger than the image; or, without `wrap`, a
        shift is too large.

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
    pixels = _as_image(image, "image")
    shifts, size = _as_shifts(shifts), _as_size(size)
    _check_views(pixels, "image", shifts, size, wrap)
    return _stack([(pixels, shift) for shift in shifts], size, wrap)


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
    gives one answer is perfectly consistent, and the other two give it away. Ask `low`
    where a test of your own wants a bound: ``assert found.low > 0.9``.

    Examples
    --------
    >>> found = ShiftConsistency(
    ...     shifts=np.array([(0, 0), (0, 1), (8, 8)]),
    ...     top=np.array([[5, 5, 5], [5, 5, 3]]),
    ...     change=np.array([0.5, 2.0]),
    ... )
    >>> print(found)
    consistency 66.7% (33.3% to 100.0%, 2 images), largest change of a logit 2
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
    def low(self) -> float:
        """Lower end of the 95 % interval of `consistency`, had the images been others.

        By the bootstrap: from 2,000 samples of the images, the same in each call. A
        single image has no interval; then NaN, which passes no bound.
        """
        return self._interval[0]

    @property
    def high(self) -> float:
        """Upper end of the interval that begins at `low`."""
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
        return _bootstrap(self.agreement)

    def __str__(self) -> str:
        """Put the three numbers into a line, and the interval of the first."""
        images = len(self.top)
        interval = f" ({self.low:.1%} to {self.high:.1%}, {images} images)"
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.1%}, "
        return (
            f"consistency {self.consistency:.1%}{interval if images > 1 else ''}, "
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
    shifts, size = _as_shifts(shifts), _as_size(size)
    if len(set(shifts)) < 2:
        raise ValueError(f"shifts must hold at least two different moves, got {shifts}")
    batch_size = as_integer(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    read = _read(images, labels, shifts, size, wrap)
    views = ((image, shift, label) for image, label in read for shift in shifts)
    total = len(images) * len(shifts) if isinstance(images, Sized) else None
    known = [label for _, label in read] if isinstance(read, list) else []
    top, change, truth, probability = [], [], [], []
    with (
        _as_function(model) as function,
        tqdm(total=total, unit=" views", delay=1, leave=False) as bar,
    ):
        rows = _rows(function, _batches(views, size, batch_size), size, wrap, known)
        while block := list(islice(rows, len(shifts))):
            label, logits = block[0][1], np.array([row for row, _ in block])
            top.append(logits.argmax(axis=1))
            change.append(np.ptp(logits, axis=0).max())
            if label is not None:
                truth.append(label)
                probability.append(_probabilities(logits)[:, label])
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
    >>> report.low < 0.5
    True
    """
    size = _as_size(size)
    read = list(_read(images, labels, [(0, 0)], size, wrap))
    pixels = [image for image, _ in read]
    known = [label for _, label in read if label is not None] or None
    window = None if wrap else size  # a circular move needs no room
    room = [_room(i, image, window) for i, image in enumerate(pixels)]
    moves = _moves(min(room, default=1))
    found = shift_consistency(model, pixels, moves, known, size, wrap, batch_size)
    return replace(found, figure=_draw(found, pixels, size, wrap))


# What came in


def _as_shifts(shifts) -> list[Shift]:
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


def _as_size(size) -> Shift | None:
    if size is None:
        return None
    try:
        height, width = (size, size) if np.ndim(size) == 0 else size
    except (TypeError, ValueError):
        raise ValueError(f"size must be one or two numbers, got {size!r}") from None
    height, width = as_integer(height, "size"), as_integer(width, "size")
    if min(height, width) < 1:
        raise ValueError(f"size must be 1×1 or more, got {height}×{width}")
    return height, width


def _as_image(image, name: str) -> NDArray:
    if hasattr(image, "getbands"):
        raise TypeError(
            f"{name} must be an array of shape (C, H, W), got a PIL image; convert it "
            f"by torchvision's ToTensor, or as the model was trained to see it"
        )
    if getattr(image, "ndim", 3) == 4:
        raise ValueError(
            f"{name} must be one image, of shape (C, H, W), got shape "
            f"{tuple(image.shape)}; of a loader of batches, hand over loader.dataset"
        )
    pixels = as_array(_from_torch(image), name, "(C, H, W)")
    if pixels.shape[2] in (1, 3, 4) and pixels.shape[0] not in (1, 3, 4):
        raise ValueError(
            f"{name} must be of shape (C, H, W), channels first, got shape "
            f"{pixels.shape}; image.transpose(2, 0, 1) makes it so"
        )
    return pixels


def _check_views(image: NDArray, name: str, shifts, size, wrap: bool) -> None:
    height, width = full = image.shape[1:]
    h, w = size or full
    if h > height or w > width:
        raise ValueError(
            f"size must be at most {height}×{width}, that of {name}, got {h}×{w}"
        )
    top, left = (height - h) // 2, (width - w) // 2
    for down, right in [] if wrap else shifts:
        if size is None:
            fits = abs(down) < height and abs(right) < width
            wanted = "leave a part of the image in sight"
        else:
            fits = 0 <= top - down <= height - h and 0 <= left - right <= width - w
            wanted = f"keep a window of {h}×{w} inside the image"
        if not fits:
            raise ValueError(
                f"shifts must {wanted}, got {(down, right)} for {name} of "
                f"{height}×{width}"
            )


def _read(images, labels, shifts, size, wrap) -> Iterable[tuple[NDArray, int | None]]:
    """Check images and labels: all at once if they are in memory, else one by one."""
    if not np.iterable(images):
        raise TypeError(f"images must be a list of arrays, got {describe(images)}")
    if isinstance(images, Sized) and len(images) == 0:
        raise ValueError("images must hold at least one image, got none")
    pairs = _pairs(images) if labels is None else _labelled(images, _as_labels(labels))
    checked = (_checked(i, *pair, shifts, size, wrap) for i, pair in enumerate(pairs))
    return list(checked) if isinstance(images, Collection) else checked


def _checked(number: int, image, label, shifts, size, wrap):
    pixels = _as_image(image, f"images[{number}]")
    _check_views(pixels, f"images[{number}]", shifts, size, wrap)
    return pixels, label if label is None else as_integer(label, f"labels[{number}]")


def _pairs(images) -> Iterator[tuple[Any, Any]]:
    """Put beside each image the label that it brings, or None."""
    first = None
    for number, item in enumerate(images):
        pair = _is_pair(item)
        first = pair if first is None else first
        if pair != first:
            raise ValueError(
                "images must all be pairs (image, label) or none of them, got "
                f"images[{number}] unlike images[0]"
            )
        yield item if pair else (item, None)


def _is_pair(item) -> bool:
    """Tell (image, label) from an image that is a list of two channels."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        return False
    return not isinstance(item[1], list | tuple) and np.ndim(item[1]) < 2


def _as_labels(labels) -> list[int]:
    if not np.iterable(labels):
        raise TypeError(
            f"labels must be a sequence of whole numbers, got {describe(labels)}"
        )
    return [as_integer(label, f"labels[{i}]") for i, label in enumerate(labels)]


def _labelled(images, labels: list[int]) -> Iterator[tuple[Any, int]]:
    """Put beside each image the label given for it."""
    number = -1
    for number, image in enumerate(images):
        if number == len(labels):
            break
        if _is_pair(image):
            raise ValueError(f"labels must be None: images[{number}] brings its own")
        yield image, labels[number]
    count = len(images) if isinstance(images, Sized) else number + 1
    if count not in (0, len(labels)):
        more = "" if isinstance(images, Sized) or count < len(labels) else " or more"
        raise ValueError(
            f"labels must have one entry for each image, got {len(labels)} for "
            f"{count} images{more}"
        )


# What goes to the model, and what comes from it


def _stack(views: Sequence[tuple[NDArray, Shift]], size, wrap: bool) -> NDArray:
    """Make the views of images, all of one shape and type."""
    image = views[0][0]
    shape = (len(views), len(image), *(size or image.shape[1:]))
    stack = np.zeros(shape, image.dtype.newbyteorder("="))
    for view, (image, (down, right)) in zip(stack, views, strict=True):
        top = (image.shape[1] - shape[2]) // 2 - down
        left = (image.shape[2] - shape[3]) // 2 - right
        for rows, inner_rows in _runs(top, shape[2], image.shape[1], wrap):
            for columns, inner in _runs(left, shape[3], image.shape[2], wrap):
                view[:, inner_rows, inner] = image[:, rows, columns]
    return stack


def _runs(start: int, length: int, full: int, wrap: bool):
    """Yield the stretches of an axis that a window shows, and their places in it."""
    if not wrap:
        first, last = max(start, 0), min(start + length, full)
        yield slice(first, last), slice(first - start, last - start)
        return
    done = 0
    while done < length:
        first = (start + done) % full
        last = min(first + length - done, full)
        yield slice(first, last), slice(done, done + last - first)
        done += last - first


def _batches(views, size, batch_size: int) -> Iterator[list]:
    """Cut (image, shift, label) into batches of one shape and type."""

    def kind(view):
        return view[0].shape[:1] + (size or view[0].shape[1:]), view[0].dtype

    for _, alike in groupby(views, kind):
        while batch := list(islice(alike, batch_size)):
            yield batch


def _rows(function, batches, size, wrap, labels) -> Iterator[tuple[NDArray, Any]]:
    """Yield the logits of each view, with its label."""
    classes = None
    for batch in batches:
        views = [(image, shift) for image, shift, _ in batch]
        if classes is None:
            logits = _first_answers(function, _stack(views, size, wrap))
            classes = logits.shape[1]
            _check_labels(labels, classes)
        else:
            logits = _answers(function, _stack(views, size, wrap), classes)
        _check_labels([label for *_, label in batch], classes)
        yield from zip(logits, [label for *_, label in batch], strict=True)


def _first_answers(function, views: NDArray) -> NDArray:
    """Answer the first batch, and see whether its first view always gets one answer."""
    # Made beforehand: a model may write into what it is given.
    first = views[:1].repeat(len(views), axis=0)
    answers = _answers(function, views)
    again = _answers(function, first, answers.shape[1])
    change = np.abs(again - answers[0]).max()
    if change > 0.02 * np.abs(answers[0]).max():  # room for what bfloat16 rounds
        raise ValueError(
            "model must always give a view the same answer, got logits for one view "
            f"that differ by {change:.2g}; if it is a network in training mode, call "
            "its eval() first"
        )
    return answers


def _check_labels(labels: Iterable[int | None], classes: int) -> None:
    for label in labels:
        if label is not None and not 0 <= label < classes:
            raise ValueError(
                f"labels must be from 0 to {classes - 1}, the classes that model "
                f"returns, got {label}"
            )


@contextmanager
def _as_function(model) -> Iterator[Callable[[NDArray], Any]]:
    """Give a function of arrays; a PyTorch module rests in evaluation mode."""
    torch = sys.modules.get("torch")  # who has a module has imported it
    if torch is None or not isinstance(model, torch.nn.Module):
        if not callable(model) or isinstance(model, type):
            raise TypeError(
                f"model must be a function or a network, got {describe(model)}"
            )
        yield model
        return
    weights = chain(model.parameters(), model.buffers())
    like = next((w for w in weights if w.is_floating_point()), torch.zeros(0))

    def function(views):
        with torch.inference_mode():
            return model(torch.from_numpy(views).to(like))  # its device, its type

    modes = {module: module.training for module in model.modules()}
    try:
        _set_mode(model, False, modes)
        yield function
    finally:
        _set_mode(model, modes[model], modes)
        for module, training in modes.items():
            module.training = training


def _set_mode(model, training: bool, modes: dict) -> None:
    if any(modes.values()):
        with suppress(NotImplementedError):  # an exported program has no modes
            model.train(training)


def _from_torch(tensor):
    """Bring a tensor to where NumPy can read it; leave anything else alone."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(tensor, torch.Tensor):
        return tensor
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _answers(function, views: NDArray, classes: int | None = None) -> NDArray:
    try:
        answers = function(views)
    except Exception as error:
        error.add_note(f"model was given {describe(views)} of shape {views.shape}")
        raise
    logits = _as_numbers(getattr(answers, "logits", answers))
    if logits.ndim != 2 or len(logits) != len(views) or logits.shape[1] < 2:
        raise ValueError(
            f"model must return shape (n, classes) with two classes or more for "
            f"{len(views)} views, got shape {logits.shape}"
        )
    if classes not in (None, logits.shape[1]):
        raise ValueError(
            f"model must always return {classes} classes, as it did first, "
            f"got {logits.shape[1]}"
        )
    if not np.isfinite(logits).all():
        raise ValueError("model must return finite numbers, got NaN or infinity")
    return logits


def _as_numbers(answers) -> NDArray[np.float64]:
    if isinstance(answers, tuple | dict):
        keys = list(answers) if isinstance(answers, dict) else [*range(len(answers))]
        raise TypeError(
            f"model must return the logits alone, got a {type(answers).__name__} with "
            f"entries {keys}; hand over a function that picks one, such as "
            f"lambda views: model(torch.from_numpy(views))[{keys[0]!r}]"
        )
    try:
        logits = np.asarray(_from_torch(answers))
    except (RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"model must return numbers that NumPy can read, "
            f"got {describe(answers)}: {error}"
        ) from error
    if logits.dtype.kind not in "buif":
        raise TypeError(
            f"model must return an array of real numbers, got {describe(logits)}"
        )
    return logits.astype(np.float64)


def _probabilities(logits: NDArray) -> NDArray:
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-2):
        return logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _bootstrap(values: NDArray) -> tuple[float, float]:
    """Give the 95 % interval of a mean, by drawing its values anew 2,000 times."""
    if len(values) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    means = [rng.choice(values, len(values)).mean() for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


# The report


def _room(number: int, image: NDArray, size: Shift | None) -> int:
    """Give how far a report moves an image."""
    height, width = image.shape[1:]
    if size is None:
        return max(min(height, width) // 8, 1)
    room = min(height - size[0], width - size[1]) // 2
    if room == 0:
        raise ValueError(
            f"size must leave room to move, got {size[0]}×{size[1]} for "
            f"images[{number}] of {height}×{width}"
        )
    return room


def _moves(room: int) -> list[Shift]:
    """Draw 24 moves, and a neighbour for 8 of them, always the same."""
    reach = min(room, 16)
    places = list(np.ndindex(2 * reach + 1, 2 * reach + 1))
    rng = np.random.default_rng(0)
    drawn = [places[i] for i in rng.permutation(len(places))[:24]]
    near = [
        (down + (1 if down < reach else -1), right)
        if number % 2
        else (down, right + (1 if right < reach else -1))
        for number, (down, right) in enumerate(drawn[:8])
    ]
    return [(d - reach, r - reach) for d, r in dict.fromkeys(drawn + near)]


def _draw(found: ShiftConsistency, images: list[NDArray], size, wrap: bool):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    figure.suptitle(str(found), x=0, ha="left")
    distance, moves, *twins = figure.subplots(1, 4)
    _draw_distance(distance, found)
    _draw_moves(moves, found)
    _draw_twins(twins, found, images, size, wrap)
    return figure


def _draw_distance(axis, found: ShiftConsistency) -> None:
    shifts, agreement = found.by_shift()
    octave = np.log2(np.abs(shifts).max(axis=1).clip(max=16)).astype(int)
    powers = np.unique(octave)
    for power in powers:
        each = agreement[:, octave == power].mean(axis=1)
        axis.plot([power, power], _bootstrap(each), color="0.6", linestyle="-")
        axis.plot(power, each.mean(), "ko")
    axis.set_xticks(powers, [f"{2**p}" for p in powers])
    axis.set(ylim=(-0.03, 1.03), xlim=(powers[0] - 0.5, powers[-1] + 0.5))
    axis.set(xlabel="pixels apart, or more", title="two views agree")


def _draw_moves(axis, found: ShiftConsistency) -> None:
    same = np.mean(found.top[:, :, None] == found.top[:, None, :], axis=0)
    others = (same.sum(axis=1) - 1) / (len(same) - 1)
    down, right = found.shifts.T
    dots = axis.scatter(right, down, c=others, ec="0.5", vmin=0, vmax=1)
    axis.figure.colorbar(dots, ax=axis, shrink=0.8)
    axis.set(xlabel="moved right (pixels)", ylabel="moved down", aspect="equal")
    axis.set(title="a view agrees with the others")
    axis.margins(0.1)
    axis.invert_yaxis()
    axis.locator_params(nbins=5, integer=True)


def _draw_twins(axes, found: ShiftConsistency, images, size, wrap: bool) -> None:
    worst = int(found.agreement.argmin())
    pair = _twins(found.top[worst], found.shifts)
    views = _stack([(images[worst], found.shifts[i]) for i in pair], size, wrap)
    pictures = views[:, : 3 if views.shape[1] > 2 else 1].astype(np.float64)
    pictures = (pictures - pictures.min()) / (np.ptp(pictures) or 1)
    for axis, i, picture in zip(axes, pair, pictures, strict=True):
        colours = np.broadcast_to(picture, (3, *picture.shape[1:]))
        axis.imshow(colours.transpose(1, 2, 0))
        down, right = found.shifts[i]
        axis.set(xticks=[], yticks=[], xlabel=f"down {down}, right {right}")
        title = f"images[{worst}]: class {found.top[worst, i]}"
        if found.labels is not None and found.probability is not None:
            share = found.probability[worst, i]
            title += f"\n{share:.0%} for class {found.labels[worst]}"
        axis.set_title(title)


def _twins(top: NDArray, shifts: NDArray) -> tuple[int, int]:
    """Find the two views that are nearest to each other and answered differently."""
    first, second = np.triu_indices(len(top), k=1)
    differ = top[first] != top[second]
    distance = np.abs(shifts[second] - shifts[first]).max(axis=1)
    best = np.where(differ, distance, distance.max() + 1).argmin()
    return int(first[best]), int(second[best])
