"""Compare the answers to the views of one image, each view with each other."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import describe
from .views import Shift, Size

Compare = str | Callable[[Any, Any], float]
WAYS = ("top", "dense", "cosine", "difference")


def as_compare(compare: Any) -> Compare:
    """Read the name of a way to compare two answers, or a function of both."""
    if (isinstance(compare, str) and compare in WAYS) or (
        callable(compare) and not isinstance(compare, type)
    ):
        return compare
    names = ", ".join(map(repr, WAYS))
    raise ValueError(
        f"compare must be {names} or a function of two answers, got {describe(compare)}"
    )


class Answers:
    """Collect the answers to the views of one image.

    >>> answers = Answers("difference")
    >>> for answer in ([1.0], [1.0], [3.0]):
    ...     answers.add(np.array(answer))
    >>> answers.agreement()  # of the pairs (0, 1), (0, 2), (1, 2)
    array([1. , 0.5, 0.5])
    """

    def __init__(self, compare: Compare) -> None:
        self.compare = compare
        self.rows: list[NDArray[Any]] = []

    def add(self, answer: NDArray[Any]) -> None:
        """Take the answer to the next view."""
        self.rows.append(answer)

    def change(self) -> float:
        """Give the largest difference of one number between two answers."""
        return float(np.ptp(self.rows, axis=0).max())

    def agreement(self) -> NDArray[Any]:
        """Give the agreement of each two answers, in the order of combinations."""
        first, second = np.triu_indices(len(self.rows), k=1)
        if callable(self.compare):
            pairs = combinations(self.rows, 2)
            return np.array([_checked(self.compare(*pair)) for pair in pairs])
        rows = np.array(self.rows).reshape(len(self.rows), -1)
        if self.compare == "top":
            top = rows.argmax(axis=1)
            equal: NDArray[Any] = top[first] == top[second]
            return equal
        length = np.linalg.norm(rows, axis=1)
        if self.compare == "cosine":
            if length.min() == 0:
                raise ValueError(
                    "model must return no embedding of zeros for compare='cosine': it "
                    "has no direction"
                )
            rows = rows / length[:, None]
            cosines: NDArray[Any] = (rows @ rows.T).clip(-1, 1)
            return cosines[first, second]
        apart = [np.linalg.norm(one - other) for one, other in combinations(rows, 2)]
        both = length[first] + length[second]
        return 1 - np.array(apart) / np.where(both > 0, both, 1)


def _checked(agreement: Any) -> float:
    number = np.asarray(agreement)
    if number.shape != () or number.dtype.kind not in "buif" or not 0 <= number <= 1:
        raise ValueError(
            f"compare must return a number from 0 to 1, got {describe(agreement)}"
        )
    return float(number)


class Maps(Answers):
    """Collect maps of logits ``(K, h, w)``, and compare them where they show the same.

    What it keeps of a map is the top class of each pixel.
    """

    def __init__(self, shifts: Sequence[Shift], view: Any, size: Size, wrap: bool):
        super().__init__("dense")
        self.shifts, self.view = np.array(shifts), np.array(view)
        self.zeros = size is None and not wrap  # they enter at the border
        self.around = size is None and wrap
        self.range: tuple[NDArray[Any], NDArray[Any]] | None = None

    def add(self, answer: NDArray[Any]) -> None:
        """Take the map of the next view, and move it back."""
        sides = np.array(answer.shape[1:])
        step = int(self.view[0] // sides[0])
        if (sides * step != self.view).any():
            raise ValueError(
                f"model must return maps whose sides divide those of the views, got "
                f"{sides[0]}×{sides[1]} for {self.view[0]}×{self.view[1]}"
            )
        between = ((self.shifts - self.shifts[0]) % step).any(axis=1)
        if between.any():
            raise ValueError(
                f"shifts must differ by multiples of {step}, as the maps are {step} "
                f"times smaller than the views, got {self.shifts[0].tolist()} and "
                f"{self.shifts[between.argmax()].tolist()}; or hand over a function "
                f"that enlarges the maps"
            )
        self.back = ((self.shifts.max(axis=0) - self.shifts) // step).astype(int)
        self.sides = sides
        # Of the map, what no zero has entered.
        first, last = np.zeros((2, *self.shifts.shape), int) + sides * [[[0]], [[1]]]
        if self.zeros:
            first = -(-self.shifts.clip(min=0) // step).astype(int)
            last = ((self.view + self.shifts.clip(max=0)) // step).astype(int)
        self.first, self.last = first, last
        top = answer.argmax(axis=0)
        self._widen(answer, len(self.rows))
        self.rows.append(top.astype(np.min_scalar_type(len(answer))))

    def _widen(self, answer: NDArray[Any], number: int) -> None:
        """Note the least and the most that is said of each place of the image."""
        if self.around:
            inside = np.roll(answer, self.back[number], axis=(1, 2))
            place: tuple[slice, ...] = (slice(None),) * 3
            sides = self.sides
        else:
            (top, left), (bottom, right) = self.first[number], self.last[number]
            inside = answer[:, top:bottom, left:right]
            down, across = self.back[number]
            place = (
                slice(None),
                slice(top + down, bottom + down),
                slice(left + across, right + across),
            )
            sides = self.sides + self.back.max(axis=0)
        if self.range is None:
            shape = (len(answer), *sides)
            least = np.full(shape, np.inf, answer.dtype)
            self.range = least, -least
        least, most = (whole[place] for whole in self.range)
        np.minimum(least, inside, out=least)
        np.maximum(most, inside, out=most)

    def change(self) -> float:
        """Give the largest difference of one logit at one place of the image."""
        assert self.range is not None
        least, most = self.range
        return float((most - least)[np.isfinite(least)].max(initial=0))

    def agreement(self) -> NDArray[Any]:
        """Give the share of the shared pixels that get one top class."""
        return np.array(
            [self._pair(i, j) for i, j in combinations(range(len(self.rows)), 2)]
        )

    def _pair(self, i: int, j: int) -> float:
        one, other = self.rows[i], self.rows[j]
        step = self.back[i] - self.back[j]  # from a place in one to that in the other
        if self.around:
            return float(np.mean(one == np.roll(other, -step, axis=(0, 1))))
        low = np.maximum(self.first[i], self.first[j] - step)
        high = np.minimum(self.last[i], self.last[j] - step)
        if (low >= high).any():
            raise ValueError(
                f"shifts must leave a part that two views share, got "
                f"{self.shifts[i].tolist()} and {self.shifts[j].tolist()}"
            )
        (top, left), (bottom, right) = low, high
        here = one[top:bottom, left:right]
        (top, left), (bottom, right) = low + step, high + step
        return float(np.mean(here == other[top:bottom, left:right]))
