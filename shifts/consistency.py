"""Measure how much a network depends on where the object stands.

With images as the network was trained to see them, three lines are enough::

    report = shift_report(network, images, labels)
    print(report)
    assert report.consistency_low > 0.9

To take along, copy the folder ``shifts``. Measuring needs NumPy and tqdm; the figure
needs Matplotlib, and a network of PyTorch brings PyTorch.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

from .agreement import Answers, Compare, Maps, as_compare
from .answers import answers_to, as_function, probabilities
from .arguments import as_integer
from .intervals import interval
from .report import as_table, draw
from .views import (
    Shifts,
    as_shifts,
    as_size,
    batches,
    fingerprint,
    read_images,
    room_to_move,
    shifted_views,
    small_moves,
    stack,
)

__all__ = [
    "ConsistencyDifference",
    "ShiftConsistency",
    "shift_consistency",
    "shift_report",
    "shifted_views",
]


@dataclass(frozen=True, eq=False, repr=False)
class ShiftConsistency:
    """Hold what `shift_consistency` found: N images at S shifts, and in short.

    Parameters
    ----------
    shifts : array ``(S, 2)``, the moves (down, right).
    top : array ``(N, S)``, the top class of each image at each shift; None if answers
        were compared in another way.
    change : array ``(N,)``, the largest difference of one logit, or of one number of
        the answer, between two views of an image.
    labels : array ``(N,)``, the true classes; None without labels.
    probability : array ``(N, S)``, the probability of the true class; None without
        labels.
    predicted : array ``(N, S)``, the probability of the class that the unmoved image
        gets; None if (0, 0) is none of the shifts.
    pairs : array ``(N, S * (S - 1) / 2)``, the agreement of each two views, in the
        order of ``itertools.combinations``; None: it is whether their `top` is equal.
    twins : array ``(2, C, h, w)``, of the image that agrees least, the two nearest of
        the views that agree least.
    prints : array ``(N,)``, a checksum of each image.
    size, wrap, compare : as they were given.

    Notes
    -----
    Read `consistency`, `accuracy` and `largest_change` together: a model that always
    gives one answer is perfectly consistent, and the other two give it away. Where a
    test of your own wants a bound, ask `consistency_low`.

    Numbers of others, under their names: `consistency` over random moves is that of
    Zhang (2019); `flips` the probability of Azulay and Weiss (2019);
    `unmoved_consistency` what Chaman and Dokmanić (2021) watch in training; this,
    `predicted_change` and `worst_case_accuracy` what Michaeli et al. (2023) report for
    alias-free networks. The last two papers move circularly: give `wrap`.

    The difference of two, ``report - other``, is a `ConsistencyDifference`.

    Examples
    --------
    >>> found = ShiftConsistency(
    ...     shifts=np.array([(0, 0), (0, 1), (8, 8)]),
    ...     top=np.array([[5, 5, 5], [5, 5, 3]]),
    ...     change=np.array([0.5, 2.0]),
    ... )
    >>> print(found)
    consistency 66.7% (16.7% to 100.0%, 2 images), largest change of a logit 2
    3 moves of at most 8 pixels, zeros enter
    >>> found.agreement.round(2)
    array([1.  , 0.33])
    >>> found.flips  # of the first two views, which are a pixel apart
    0.0
    """

    shifts: NDArray[Any]
    top: NDArray[np.int64] | None
    change: NDArray[np.float64]
    labels: NDArray[np.int64] | None = None
    probability: NDArray[np.float64] | None = None
    predicted: NDArray[np.float64] | None = None
    pairs: NDArray[Any] | None = None
    twins: NDArray[Any] | None = None
    prints: NDArray[np.int64] | None = None
    size: tuple[int, int] | None = None
    wrap: bool = False
    compare: Compare = "top"

    @cached_property
    def agreement(self) -> NDArray[np.float64]:
        """For each image, the mean agreement of the pairs of its views."""
        return np.array([row.mean(dtype=np.float64) for row in self._pairs()])

    @property
    def right(self) -> NDArray[np.float64] | None:
        """For each image, the share of the views whose top class is the label."""
        right = self._right
        return None if right is None else np.mean(right, axis=1)

    @property
    def consistency(self) -> float:
        """Mean of `agreement`; over random shifts, the consistency of Zhang (2019)."""
        return float(self.agreement.mean())

    @property
    def accuracy(self) -> float | None:
        """Mean of `right`; None without labels."""
        return None if self.right is None else float(self.right.mean())

    @property
    def worst_case_accuracy(self) -> float | None:
        """Share of the images that are right in all moves; None without labels.

        The accuracy under adversarial shifts of Michaeli et al. (2023), in their code
        `shift_robust_score`, if the shifts are all that an adversary may choose from.
        """
        right = self._right
        return None if right is None else float(right.all(axis=1).mean())

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
        """What two views one pixel apart lack of agreement, on average.

        Of top classes it is the probability that Azulay and Weiss (2019) report. NaN
        where no two views are one pixel apart, down or right.
        """
        near = np.abs(np.abs(self._apart).sum(axis=1) - 1) < 1e-9
        return 1 - self._mean_of(near)

    @property
    def unmoved_consistency(self) -> float:
        """Agreement with the unmoved image, on average over the moves and the images.

        In training Chaman and Dokmanić (2021) watch this; their tables compare two
        random moves, as `consistency` does. NaN if (0, 0) is none of the shifts.
        """
        unmoved = self._unmoved
        return self._mean_of((self._first == unmoved) | (self._second == unmoved))

    @property
    def predicted_change(self) -> float:
        """Mean change of the probability of the class that the unmoved image gets.

        The mean absolute change of Michaeli et al. (2023), in their code `shift_mac`,
        over all moves. NaN if (0, 0) is none of the shifts, or answers were not
        compared by their top class.
        """
        if self.predicted is None:
            return float("nan")
        change = np.abs(self.predicted - self.predicted[:, [self._unmoved]])
        return float(change.sum(axis=1).mean() / (len(self.shifts) - 1))

    @property
    def probability_change(self) -> float | None:
        """Largest change of the true class's probability, on average over images."""
        if self.probability is None:
            return None
        return float(np.ptp(self.probability, axis=1).mean())

    def by_shift(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Part the agreement by what is between two views.

        Returns
        -------
        The K shifts (down, right) from one view to another, ``(K, 2)``; of a shift and
        its opposite, the one down or, in a row, right. And ``(N, K)``: for each image,
        the agreement of the pairs so far apart.
        """
        apart = self._apart
        up = (apart[:, 0] < 0) | ((apart[:, 0] == 0) & (apart[:, 1] < 0))
        apart = np.where(up[:, None], -apart, apart)
        shifts, which = np.unique(apart, axis=0, return_inverse=True)
        same = [np.bincount(which, row) for row in self._pairs()]
        return shifts, np.array(same) / np.bincount(which)

    @cached_property
    def figure(self) -> Any:
        """Three panels, drawn when first asked for, by Matplotlib.

        Agreement over the distance of two views, with its 95 % interval; for each
        move, how far its view agrees with the others; and the two `twins`. At the end
        of a cell it is shown, ``report.figure.savefig`` stores it.
        """
        if self.compare == "top":
            says = f"get the same class in {self.consistency:.1%} of cases"
        else:
            says = f"agree by {self.consistency:.1%}"
        title = f"Two views of an image {says} (95% interval {self._ends})"
        sums = sum(row.astype(np.float64) for row in self._pairs()) / len(self.change)
        count = len(self.shifts)
        others: NDArray[Any] = np.bincount(self._first, sums, count)
        others = (others + np.bincount(self._second, sums, count)) / (count - 1)
        return draw(
            title, self.by_shift(), (self.shifts, others), self._twins, self._least
        )

    def to_dict(self) -> dict[str, Any]:
        """Give numbers, protocol and arrays as what JSON can hold; NaN becomes None."""
        names = (
            "consistency consistency_low consistency_high accuracy worst_case_accuracy "
            "largest_change flips unmoved_consistency predicted_change "
            "probability_change size wrap compare shifts agreement change top labels "
            "probability predicted"
        )
        found = {name: _plain(getattr(self, name)) for name in names.split()}
        return {"images": len(self.change)} | found | {"compare": self._way}

    def to_frame(self) -> Any:
        """Give a pandas frame with one row for each image."""
        import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

        columns: dict[str, Any] = {"agreement": self.agreement, "change": self.change}
        if self.labels is not None:
            columns |= {"label": self.labels, "right": self.right}
        return pandas.DataFrame(columns)

    def __sub__(self, other: "ShiftConsistency") -> "ConsistencyDifference":
        """Compare with another network on the same images at the same moves."""
        if not isinstance(other, ShiftConsistency):
            return NotImplemented
        for name in ("prints", "labels", "shifts", "size", "wrap", "compare"):
            mine, its = getattr(self, name), getattr(other, name)
            if not np.array_equal(mine, its) or len(self.change) != len(other.change):
                hint = "; what prepares an image belongs into the model"
                raise ValueError(
                    f"other must be measured with the same "
                    f"{'images' + hint if name == 'prints' else name}"
                )
        return ConsistencyDifference(self.agreement - other.agreement, 1 - self._least)

    @cached_property
    def _interval(self) -> tuple[float, float]:
        low, high = interval(self.agreement, self._least)
        return float(low), float(high)

    @property
    def _least(self) -> float:
        return -1 if self.compare == "cosine" else 0

    @cached_property
    def _first(self) -> NDArray[np.int64]:
        return np.triu_indices(len(self.shifts), k=1)[0]

    @cached_property
    def _second(self) -> NDArray[np.int64]:
        return np.triu_indices(len(self.shifts), k=1)[1]

    @property
    def _apart(self) -> NDArray[Any]:
        """What is between the two views of each pair; fractions without their noise."""
        moved = self.shifts[self._second] - self.shifts[self._first]
        rounded: NDArray[Any] = moved.round(9)
        return rounded

    @property
    def _unmoved(self) -> int:
        """The number of the shift (0, 0), or -1."""
        return int(next(iter(np.flatnonzero(~self.shifts.any(axis=1))), -1))

    @property
    def _right(self) -> NDArray[np.bool_] | None:
        if self.labels is None or self.top is None:
            return None
        same: NDArray[np.bool_] = self.top == self.labels[:, None]
        return same

    def _pairs(self) -> Iterator[NDArray[Any]]:
        """Yield the agreement of each pair of views, image by image."""
        if self.pairs is not None:
            yield from self.pairs
        elif self.top is not None:
            for row in self.top:
                yield row[self._first] == row[self._second]

    def _mean_of(self, chosen: NDArray[np.bool_]) -> float:
        if not chosen.any():
            return float("nan")
        return float(np.mean([row[chosen].mean() for row in self._pairs()]))

    @property
    def _twins(self) -> list[tuple[NDArray[Any], str, str]]:
        if self.twins is None:
            return []
        worst = int(self.agreement.argmin())
        pairs = next(row for i, row in enumerate(self._pairs()) if i == worst)
        pair = nearest_twins(pairs, self.shifts)
        if self.top is not None:
            above = [f"class {self.top[worst, view]}" for view in pair]
        else:
            above = ["a view", f"agrees by {pairs.min():.0%}"]
        above[0] = f"images[{worst}]: {above[0]}"
        below = ["down {:g}, right {:g}".format(*self.shifts[view]) for view in pair]
        return list(zip(self.twins, above, below, strict=True))

    @property
    def _ends(self) -> str:
        ends = f"{self.consistency_low:.1%} to {self.consistency_high:.1%}"
        return f"{ends}, {_count(self.change)}"

    @property
    def _way(self) -> str:
        return str(getattr(self.compare, "__name__", self.compare))

    @property
    def _protocol(self) -> str:
        """Say how it was measured."""
        said = [
            f"{len(self.shifts)} moves of at most {np.abs(self.shifts).max():g} pixels"
        ]
        if self.wrap:
            said.append("circular")
        if self.size is not None:
            sides = sorted(set(self.size))
            window = sides[0] if len(sides) == 1 else "{}×{}".format(*self.size)
            said.append(f"a window of {window}")
        elif not self.wrap:
            said.append("zeros enter")
        if self.compare != "top":
            said.append(f"compared by {self._way}")
        return ", ".join(said)

    def _numbers(self) -> list[tuple[str, str]]:
        """Name the three numbers that are to be read together."""
        rows = [("consistency", f"{self.consistency:.1%} ({self._ends})")]
        if self.accuracy is not None:
            rows.append(("accuracy", f"{self.accuracy:.1%}"))
        what = "a logit" if self.compare in ("top", "dense") else "a number"
        rows.append((f"largest change of {what}", f"{self.largest_change:.2g}"))
        return rows

    def __str__(self) -> str:
        """Put the three numbers into a line, and below it how they were measured."""
        return f"{', '.join(map(' '.join, self._numbers()))}\n{self._protocol}"

    def __repr__(self) -> str:
        """Say what it is, in a line."""
        return (
            f"<ShiftConsistency of {len(self.change)} images at {len(self.shifts)} "
            f"moves: {self.consistency:.1%}>"
        )

    def _repr_html_(self) -> str:
        return as_table([*self._numbers(), ("measured with", self._protocol)])


def nearest_twins(pairs: NDArray[Any], shifts: NDArray[Any]) -> tuple[int, int]:
    """Find the nearest of the views that agree least.

    >>> nearest_twins(np.array([1, 0, 0]), np.array([(0, 0), (0, 9), (0, 2)]))
    (0, 2)
    """
    first, second = np.triu_indices(len(shifts), k=1)
    distance = np.abs(shifts[second] - shifts[first]).max(axis=1)
    best = np.where(pairs == pairs.min(), distance, np.inf).argmin()
    return int(first[best]), int(second[best])


def _count(images: NDArray[Any]) -> str:
    return f"{len(images)} image{'' if len(images) == 1 else 's'}"


def _plain(value: Any) -> Any:
    """Make of arrays, and of NaN, what JSON can hold."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return None if isinstance(value, float) and np.isnan(value) else value


@dataclass(frozen=True, eq=False, repr=False)
class ConsistencyDifference:
    """Hold how two networks differ on the same images at the same moves.

    Parameters
    ----------
    each : array ``(N,)``, for each image the agreement of one network less that of the
        other.
    most : the most it can be, for one image.

    Notes
    -----
    That the images are the same in both makes the interval narrow: an image that is
    hard for both says nothing of their difference.

    Examples
    --------
    >>> print(ConsistencyDifference(np.array([0.1, 0.2] * 50)))
    consistency +15.0% (+11.7% to +17.5%, 100 images)
    """

    each: NDArray[np.float64]
    most: float = 1

    @property
    def difference(self) -> float:
        """Mean over the images."""
        return float(self.each.mean())

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of `difference`, had the images been others.

        By the bootstrap of the images and two more, which differ as much as can be,
        one in favour of each network.
        """
        return self._interval[0]

    @property
    def high(self) -> float:
        """Upper end of the interval that begins at `low`."""
        return self._interval[1]

    @cached_property
    def _interval(self) -> tuple[float, float]:
        low, high = interval(self.each, -self.most, self.most)
        return float(low), float(high)

    def __str__(self) -> str:
        """Put the difference and its interval into a line."""
        return (
            f"consistency {self.difference:+.1%} ({self.low:+.1%} to {self.high:+.1%}, "
            f"{_count(self.each)})"
        )

    def __repr__(self) -> str:
        """Say what it is, in a line."""
        return f"<ConsistencyDifference: {self}>"


def shift_consistency(
    model: Callable[..., Any],
    images: Iterable[Any],
    shifts: Shifts,
    labels: Iterable[Any] | None = None,
    size: int | tuple[int, int] | None = None,
    wrap: bool = False,
    batch_size: int = 32,
    compare: Compare = "top",
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
        of views. With `wrap` they may be fractions of a pixel.
    labels : the true class of each image, counted from 0.
    size, wrap : what a view is, as for `shifted_views`: with `size`, a window that
        moves inside the image; else the whole image, where zeros enter or, with
        `wrap`, its other side.
    batch_size : views to give to the model at once, at most, of one image or several.
        Memory grows with it; take fewer where a large network, or its maps, need more
        than there is.
    compare : what it means that two answers agree, from 0, not at all, to 1.

        - "top": their top classes are equal.
        - "dense": of maps ``(n, classes, h, w)``, moved back, the share of equal top
          classes among the pixels that both views show. Maps may be smaller than the
          views by a whole factor, if the shifts differ by multiples of it.
        - "cosine": of embeddings ``(n, d)``, the cosine between the two, from -1 to 1.
        - "difference": of other numbers, 1 - |a - b| / (|a| + |b|), with the Euclidean
          norm of all numbers that belong to a view.
        - a function of two answers.

        Labels are for "top" alone; what else a data set pairs with its images is then
        left alone.

    Returns
    -------
    `ShiftConsistency`. Each image counts alike, and so does each pair of its views.

    Raises
    ------
    TypeError : `model` is no function, or returns what is not read as real numbers; an
        image is not numeric; `images`, `shifts` or `labels` is a dict or a set; or a
        number is no whole number.
    ValueError : `model` returns another shape, fewer than two classes, NaN or infinity,
        or different answers for one view; there is no image, fewer than two different
        shifts, or not one label for each image; `images` ends before its length or
        after it; an image, a shift or `size` does not suit `shifted_views`; or
        `compare` is none of these, has labels, or returns something else.

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
    >>> found = shift_consistency(dense, images, shifts, labels=[0])
    >>> print(f"{found.consistency:.0%}, and right in {found.accuracy:.0%}")
    0%, and right in 33%
    >>> def pooled(views):
    ...     return np.stack([views.max((1, 2, 3)), views.min((1, 2, 3))], axis=1)
    >>> found = shift_consistency(pooled, images, shifts, labels=[0])
    >>> print(f"{found.consistency:.0%}, and right in {found.accuracy:.0%}")
    100%, and right in 100%
    """
    moves, window = as_shifts(shifts, wrap), as_size(size)
    if len(set(moves)) < 2:
        raise ValueError(f"shifts must hold at least two different moves, got {moves}")
    batch_size = as_integer(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    read = read_images(images, _for_top(labels, compare), moves, window, wrap)
    views = (
        (image, move, number, label)
        for number, (image, label) in enumerate(read)
        for move in moves
    )
    total = len(images) * len(moves) if isinstance(images, Sized) else None
    known = [label for _, label in read] if isinstance(read, list) else []
    unmoved = moves.index((0, 0)) if (0, 0) in moves else None
    top, change, truth, probability, predicted = [], [], [], [], []
    pairs, prints = [], []
    worst, twins = np.inf, None
    with (
        as_function(model) as function,
        tqdm(total=total, unit=" views", delay=1, leave=False) as bar,
    ):
        batched = batches(views, window, batch_size)
        rows = answers_to(function, batched, window, wrap, compare, known)
        for _, row in groupby(rows, lambda row: row[1][2]):
            first = next(row)
            image, _, _, label = first[1]
            answers = (
                Maps(moves, window or image.shape[1:], window, wrap)
                if compare == "dense"
                else Answers(compare)
            )
            for answer, _ in chain([first], row):
                answers.add(answer)
            same = answers.agreement()
            if compare != "top":
                same = same.astype(np.float32)
                pairs.append(same)
            if (mean := same.mean(dtype=np.float64)) < worst:
                worst = mean
                pair = nearest_twins(same, np.array(moves))
                twins = stack([(image, moves[view]) for view in pair], window, wrap)
            change.append(answers.change())
            prints.append(fingerprint(image))
            if compare == "top":
                logits = np.array(answers.rows)
                shares = probabilities(logits)
                top.append(logits.argmax(axis=1))
                if unmoved is not None:
                    predicted.append(shares[:, top[-1][unmoved]])
                if label is not None:
                    truth.append(label)
                    probability.append(shares[:, label])
            bar.update(len(moves))
    if not change:
        raise ValueError("images must hold at least one image, got none")
    return ShiftConsistency(
        shifts=np.array(moves),
        top=np.array(top) if top else None,
        change=np.array(change),
        labels=np.array(truth) if truth else None,
        probability=np.array(probability) if truth else None,
        predicted=np.array(predicted) if predicted else None,
        pairs=np.array(pairs) if pairs else None,
        twins=twins,
        prints=np.array(prints),
        size=window,
        wrap=wrap,
        compare=compare,
    )


def _for_top(labels: Any, compare: Compare) -> Any:
    """Refuse labels where there are no top classes; False: read none."""
    if as_compare(compare) == "top":
        return labels
    if labels is not None:
        raise ValueError(f"labels must be None with compare={compare!r}")
    return False


def shift_report(
    model: Callable[..., Any],
    images: Iterable[Any],
    labels: Iterable[Any] | None = None,
    size: int | tuple[int, int] | None = None,
    wrap: bool = False,
    batch_size: int = 32,
    compare: Compare = "top",
    shifts: Shifts | None = None,
) -> ShiftConsistency:
    """Measure the consistency of a model over up to 32 small moves.

    Parameters
    ----------
    model, images, labels, size, wrap, batch_size, compare : as for
        `shift_consistency`. Some hundred images are enough; all are held in memory,
        unless `shifts` is given.
    shifts : other moves.

    Returns
    -------
    `ShiftConsistency`, with its `figure`.

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
    if shifts is None:
        window = as_size(size)
        labels = _for_top(labels, compare)
        read = list(read_images(images, labels, [(0, 0)], window, wrap))
        images = [image for image, _ in read]
        labels = [label for _, label in read if label is not None] or None
        inside = None if wrap else window  # a circular move needs no room
        room = [room_to_move(i, image, inside) for i, image in enumerate(images)]
        shifts = small_moves(min(room, default=1))
    return shift_consistency(
        model, images, shifts, labels, size, wrap, batch_size, compare
    )
