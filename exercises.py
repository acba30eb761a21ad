"""Checkers for the exercises: each says what is wrong with an answer, in plain terms.

A checker prints one line and never stops a notebook. It takes the answer itself: a
value, or a function that it tries out. ``None`` and a function that raises
``NotImplementedError`` count as not attempted yet.
"""

import functools
from collections.abc import Callable, Iterable
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from helpers import convolve, max_pool, translate

Diagnosis = str | None  # a hint, or None if all is well


def _checker(diagnose: Callable[..., Diagnosis]) -> Callable[..., None]:
    """Turn a diagnosis into a checker that prints it."""

    @functools.wraps(diagnose)
    def check(answer) -> None:
        try:
            hint = "" if answer is None or answer is ... else diagnose(answer)
        except NotImplementedError:
            hint = ""
        except _WrongError as wrong:
            hint = str(wrong)
        if hint is None:
            print("Correct.")
        else:
            print(f"Not yet: {hint}" if hint else "Not attempted yet.")

    return check


class _WrongError(Exception):
    """A hint, on its way to the reader."""


def _call(function, *arguments):
    """Return what the reader's function makes of copies of the arguments."""
    if not callable(function):
        raise _WrongError(
            f"a function is wanted, and this is {_kind(function)}. "
            "Pass its name without brackets."
        )
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        result = function(*copies)
    except NotImplementedError:
        raise
    except Exception as error:
        raise _WrongError(
            f"your function stops with {type(error).__name__}: {error}"
        ) from error
    if result is None:
        raise _WrongError("your function gives nothing back. Does it end in `return`?")
    for before, after in zip(arguments, copies, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after):
            raise _WrongError(
                "your function changes the image that it is given. "
                "Work on a copy, or make a new array."
            )
    return result


def _array(function, *arguments) -> NDArray:
    result = _call(function, *arguments)
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "buif":
        raise _WrongError(
            f"an array of numbers is wanted, and you return {_kind(result)}."
        )
    return result


def _compare(
    result: NDArray, wanted: NDArray, suspects: Iterable[tuple[NDArray, str]]
) -> Diagnosis:
    """Return the hint of the first suspect that the result equals."""
    if _same(result, wanted):
        return None
    for suspect, hint in suspects:
        if _same(result, suspect):
            return hint
    if result.shape != wanted.shape:
        return f"the result has the shape {result.shape}, and {wanted.shape} is wanted."
    place = tuple(int(i) for i in np.argwhere(~np.isclose(result, wanted))[0])
    return (
        f"the first place that is wrong is {list(place)}: "
        f"you have {result[place]:.3g}. Work that one out by hand."
    )


def _same(a: NDArray, b: NDArray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b))


def _kind(thing) -> str:
    return f"of type {type(thing).__name__}"


def _pair(answer) -> tuple[int, int]:
    if not isinstance(answer, tuple | list | np.ndarray) or len(answer) != 2:
        raise _WrongError(
            f"a pair of numbers is wanted, as in (0, 0), and this is {_kind(answer)}."
        )
    return _whole(answer[0]), _whole(answer[1])


def _whole(number) -> int:
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise _WrongError(f"a whole number is wanted, and this is {_kind(number)}.")
    return int(number)


def _picture(*shape: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).integers(1, 100, shape).astype(float)


# 1 · Translation


@_checker
def check_move(answer) -> Diagnosis:
    """Name the move ``T[i, j] = x[i + 2, j - 3]`` as ``(down, right)``."""
    down, right = _pair(answer)
    if (down, right) == (3, -2) or (down, right) == (-3, 2):
        return "rows come first: the first number is `down`, the second is `right`."
    if (abs(down), abs(right)) != (2, 3):
        return "look at the two numbers in the brackets: no other distance occurs."
    if down > 0:
        return (
            "`i + 2` looks 2 rows further down. "
            "What stood there is now higher up, so `down` has another sign."
        )
    if right < 0:
        return (
            "`j - 3` looks 3 columns further left. "
            "What stood there is now further right, so `right` has another sign."
        )
    return None


@_checker
def check_translate(answer) -> Diagnosis:
    """Move the content down and right; zeros enter."""
    image = _picture(5, 7)
    for down, right in [
        (0, 0),
        (1, 0),
        (0, 2),
        (2, 3),
        (-1, 2),
        (1, -3),
        (-2, -1),
        (6, 1),
    ]:
        suspects = [
            (translate(image, -down, right), _opposite("up", "down")),
            (translate(image, down, -right), _opposite("left", "right")),
            (
                translate(image, -down, -right),
                _opposite("up and left", "down and right"),
            ),
            (
                translate(image, right, down),
                "down and right have changed places: axis 0 runs down, axis 1 right.",
            ),
            (
                translate(image, down, right, wrap=True),
                "what leaves on one side comes in on the other. Zeros should enter.",
            ),
        ]
        wanted = translate(image, down, right)
        hint = _compare(_array(answer, image, down, right), wanted, suspects)
        if hint:
            return f"for down={down}, right={right}: {hint}"
    return None


def _opposite(way: str, wanted: str) -> str:
    first = wanted.split(" and ")[0]
    return f"your image moved {way}: positive `{first}` moves the content {wanted}."


# 2 · Equivariance


@_checker
def check_convolve_stride(answer) -> Diagnosis:
    """Slide a filter over an image in steps of ``stride`` pixels."""
    image, filter = _picture(9, 12), np.arange(1.0, 7).reshape(2, 3)
    for stride in (1, 2, 3):
        dense = convolve(image, filter, visualize=False, relu=False)
        flipped = convolve(image, filter[::-1, ::-1], visualize=False, relu=False)
        thinned = convolve(
            image[::stride, ::stride], filter, visualize=False, relu=False
        )
        suspects = [
            (flipped[::stride, ::stride], "the filter is turned by 180 degrees."),
            (dense, "the filter still stops at every pixel."),
            (dense[::stride], "the steps are right downwards, but 1 to the right."),
            (dense[:, ::stride], "the steps are right to the right, but 1 downwards."),
            (
                thinned,
                "you skip pixels of the image. Skip places of the filter: "
                "at each stop it still looks at neighbours.",
            ),
            (
                dense[::stride, ::stride][:-1, :-1],
                "the last row and column are missing: the filter still fits there.",
            ),
            (dense[1::stride, 1::stride], "the first stop is at [0, 0]."),
        ]
        wanted = dense[::stride, ::stride]
        hint = _compare(_array(answer, image, filter, stride), wanted, suspects)
        if hint:
            return f"for stride={stride}: {hint}"
    return None


@_checker
def check_break(answer) -> Diagnosis:
    """Find an operation on images that does not commute with circular moves."""
    image = _picture(8, 8)
    result = _array(answer, image)
    if result.shape != image.shape:
        return (
            f"the result has the shape {result.shape}. "
            f"Return one of the image's own, {image.shape}, to compare them."
        )
    if not _same(result, _array(answer, image)):
        return "the same image gives two different results. Leave chance out of it."
    for down, right in np.ndindex(image.shape):
        operate_then_move = translate(result, down, right, wrap=True)
        moved = translate(image, down, right, wrap=True)
        if not _same(_array(answer, moved), operate_then_move):
            return None
    return (
        "it still commutes with every circular move. "
        "What you do to a pixel has to depend on where it stands."
    )


# 3 · Invariance


@_checker
def check_pool(answer) -> Diagnosis:
    """Max pooling with windows of ``size`` that start ``stride`` pixels apart."""
    image = _picture(9, 11)
    image[4, 4] = -500.0  # so that the smallest value shows, too
    for size, stride in [(2, 2), (3, 3), (3, 2), (2, 1), (2, 3)]:
        windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
        windows = windows[::stride, ::stride]
        wanted = windows.max(axis=(2, 3))
        suspects = [
            (windows.mean(axis=(2, 3)), "that is the average of each window."),
            (windows.min(axis=(2, 3)), "that is the smallest value of each window."),
            (max_pool(image, size), "the windows start `size` apart, not `stride`."),
            (
                wanted[:-1, :-1],
                "the last row and column are missing: a window still fits there.",
            ),
            (wanted.T, "rows and columns have changed places."),
        ]
        hint = _compare(_array(answer, image, size, stride), wanted, suspects)
        if hint:
            return f"for size={size}, stride={stride}: {hint}"
    return None


@_checker
def check_vanishing(answer) -> Diagnosis:
    """Find a pixel of a 10×10 image that two poolings lose."""
    row, column = _pair(answer)
    if not (-10 <= row < 10 and -10 <= column < 10):
        return "there is no such pixel: the image has rows and columns 0 to 9."
    image = np.zeros((10, 10))
    image[row, column] = 1
    if max_pool(max_pool(image)).any():
        return (
            "that pixel is still lit after two poolings. "
            "Which rows of the 5×5 image does the second pooling leave out?"
        )
    return None


@_checker
def check_largest_shift(answer) -> Diagnosis:
    """Count the steps from column 9 to the right that three poolings do not see."""
    shift = _whole(answer)
    if shift < 0:
        return "that is a move to the left. Count the steps to the right."
    image = np.zeros((32, 32))
    image[9, 9] = 1

    def pooled(right):
        return max_pool(max_pool(max_pool(translate(image, right=right))))

    if not np.array_equal(pooled(shift), pooled(0)):
        return f"after {shift} steps the output has changed. Where does the cell end?"
    if np.array_equal(pooled(shift + 1), pooled(0)):
        return "the output is the same, and one more step leaves it the same, too."
    return None


# 4 · Tandem


@_checker
def check_detector(answer) -> Diagnosis:
    """One number that moves do not change, and that tells upright from lying bars."""
    upright, lying = np.zeros((12, 12)), np.zeros((12, 12))
    upright[3:8, 4] = 1
    lying[4, 3:8] = 1
    seen = []
    for bar, name in [(upright, "upright"), (lying, "lying")]:
        here = _call(answer, bar)
        if np.ndim(here) or not isinstance(np.asarray(here).item(), Real):
            return f"one number is wanted, and you return {_kind(here)}."
        for down, right in np.ndindex(bar.shape):
            there = _call(answer, translate(bar, down, right, wrap=True))
            if not np.isclose(here, there):
                return (
                    f"the {name} bar gives {here:.3g}, and moved by down={down}, "
                    f"right={right} (circular) it gives {there:.3g}. "
                    "Look at the border, and at what you do last."
                )
        seen.append(here)
    if np.isclose(*seen):
        return (
            f"moves do not change it, but both bars give {seen[0]:.3g}. "
            "It needs a filter that answers to one direction."
        )
    return None


@_checker
def check_moved_by(answer) -> Diagnosis:
    """Find by how many cells, down and right, a map has been moved (circular)."""
    before = _picture(6, 9)
    for move in [(0, 0), (1, 0), (0, 2), (4, 7), (5, 1)]:
        after = translate(before, *move, wrap=True)
        found = _pair(_call(answer, before, after))
        found = (found[0] % 6, found[1] % 9)
        if found == move:
            continue
        if found == (-move[0] % 6, -move[1] % 9):
            return (
                f"for a move by {move} you find its opposite. "
                "You found the way back, from `after` to `before`."
            )
        if found == (move[1] % 6, move[0] % 9):
            return f"for a move by {move}: rows come first, then columns."
        return f"for a move by {move} you find {found}."
    return None


# 5 · A real network


@_checker
def check_averaged(answer) -> Diagnosis:
    """Average the answers of a model over circular shifts to the right."""
    images = _picture(3, 1, 4, 6)
    weights = np.random.default_rng(2).normal(size=(2, 1, 4, 6))

    def model(batch):
        if np.shape(batch) != images.shape:
            raise ValueError(
                f"the model was given the shape {np.shape(batch)}, not {images.shape}"
            )
        return np.einsum("nchw,kchw->nk", batch, weights) ** 2

    for shifts in ([0], [0, 1], [0, 2, 3], range(6)):
        each = [model(np.roll(images, shift, axis=3)) for shift in shifts]
        down = [model(np.roll(images, shift, axis=2)) for shift in shifts]
        suspects = [
            (np.sum(each, axis=0), "that is the sum. Divide by the number of shifts."),
            (np.mean(each, axis=(0, 1)), "keep the images apart: one row for each."),
            (
                np.mean(each, axis=(0, 2)),
                "keep the classes apart: one column for each.",
            ),
            (model(images), "the images have not been moved."),
            (
                np.mean(down, axis=0),
                "they moved down. The last axis runs to the right.",
            ),
            (np.max(each, axis=0), "that is the largest answer, not the average."),
            (each[-1], "that is the answer for the last shift alone."),
        ]
        wanted = np.mean(each, axis=0)
        hint = _compare(_array(answer, model, images, shifts), wanted, suspects)
        if hint:
            return f"for shifts {list(shifts)}: {hint}"
    return None


@_checker
def check_by_chance(answer) -> Diagnosis:
    """Give the consistency of a model that draws one of 4 classes at random."""
    if not isinstance(answer, Real) or isinstance(answer, bool):
        return f"a number is wanted, and this is {_kind(answer)}."
    if not 0 <= answer <= 1:
        return "a share lies between 0 and 1: divide a percentage by 100."
    if answer == 0:
        return "now and then, two random answers do agree."
    if answer == 1:
        return "that is a model which always gives one answer."
    if np.isclose(answer, 1 / 16):
        return "that is two answers of one class that you name beforehand. Any will do."
    if not np.isclose(answer, 1 / 4):
        return "fix the first answer. How often does the second one hit it?"
    return None


# 6 · Repair


@_checker
def check_blur(answer) -> Diagnosis:
    """Blur by [1, 2, 1] / 4 along both axes, circular; keep every second pixel."""
    image = _picture(6, 8)
    taps = [(-1, 1), (0, 2), (1, 1)]

    def blurred(axis, x):
        return sum(weight * np.roll(x, shift, axis) for shift, weight in taps) / 4

    full = blurred(0, blurred(1, image))
    padded = np.pad(image, 1)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    suspects = [
        (full, "the blur is right. Now keep every second row and column."),
        (16 * full[::2, ::2], "the weights of the blur should add up to 1."),
        (4 * full[::2, ::2], "the weights of the blur should add up to 1."),
        (blurred(0, image)[::2, ::2], "it is blurred downwards alone."),
        (blurred(1, image)[::2, ::2], "it is blurred to the right alone."),
        (image[::2, ::2], "every second pixel is right, but the blur is missing."),
        (
            blurred(0, blurred(1, image[::2, ::2])),
            "you blur what is left. Blur first: what is skipped then leaves a trace.",
        ),
        (full[1::2, 1::2], "keep rows and columns 0, 2, 4 …"),
        (
            convolve(padded, kernel, visualize=False)[::2, ::2],
            "zeros come in at the border. Let it wrap around.",
        ),
    ]
    return _compare(_array(answer, image), full[::2, ::2], suspects)


@_checker
def check_polyphase(answer) -> Diagnosis:
    """Of the four images of every second pixel, keep the one of largest norm."""
    image = _picture(6, 8)
    image[1::2, ::2] *= 2
    for down, right in np.ndindex(2, 2):
        moved = translate(image, down, right, wrap=True)
        parts = [moved[i::2, j::2] for i, j in np.ndindex(2, 2)]
        norms = [np.linalg.norm(part) for part in parts]
        wanted = parts[np.argmax(norms)]
        result = _array(answer, moved)
        if _same(result, wanted):
            continue
        if _same(result, parts[np.argmin(norms)]):
            hint = "that is the one of smallest norm."
        elif any(_same(result, part) for part in parts):
            hint = (
                "you keep another of the four. Its choice must follow the content: "
                "compare their norms."
            )
        else:
            hint = _compare(result, wanted, [(wanted.T, "it is transposed.")])
        return f"for an image moved by down={down}, right={right}: {hint}"
    return None
