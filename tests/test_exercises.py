"""Every checker against right answers of two forms, and wrong ones with their hint."""

import inspect

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

import exercises
import helpers


def stub(*arguments):
    raise NotImplementedError


def stop(*arguments):
    return 1 / 0


def nothing(*arguments):
    pass


# 1 · Translation


def by_slices(image, down, right):
    return helpers.translate(image, down, right)


def by_loop(image, down, right):
    moved = np.zeros_like(image)
    for i, j in np.ndindex(image.shape):
        k, m = i - down, j - right
        if 0 <= k < len(image) and 0 <= m < image.shape[1]:
            moved[i, j] = image[k, m]
    return moved


def by_plus(image, down, right):
    return by_loop(image, -down, -right)


def in_place(image, down, right):
    image[:] = np.roll(image, down, 0)
    return image


# 2 · Equivariance


def by_thinning(image, filter, stride):
    dense = helpers.convolve(image, filter, visualize=False, relu=False)
    return dense[::stride, ::stride]


def by_scipy(image, filter, stride):
    return correlate2d(image, filter, "valid")[::stride, ::stride]


def ramp(image):
    return image * np.arange(image.shape[1])


def frame(image):
    framed = image.copy()
    framed[0] = 0
    return framed


# 3 · Invariance


def by_windows(image, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
    return windows[::stride, ::stride].max((2, 3))


def by_cells(image, size, stride):
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    return np.array(
        [[image[i : i + size, j : j + size].max() for j in columns] for i in rows]
    )


# 4 · Tandem


def circular(image, filter):
    return helpers.convolve(np.pad(image, 1, mode="wrap"), filter, visualize=False)


PREWITT = np.array([[-1, 0, 1]] * 3)


def by_maximum(image):
    return circular(image, PREWITT).max()


def by_sum(image):
    return float((np.roll(image, 1, 1) - image).clip(0).sum() ** 2)


def by_search(before, after):
    for move in np.ndindex(before.shape):
        if np.array_equal(np.roll(before, move, (0, 1)), after):
            return move


def by_peak(before, after):
    top = [np.unravel_index(np.argmax(x), x.shape) for x in (before, after)]
    return np.subtract(top[1], top[0])


# 5 · A real network


def by_list(model, images, shifts):
    return np.mean([model(np.roll(images, s, -1)) for s in shifts], axis=0)


def by_total(model, images, shifts):
    total = 0
    for shift in shifts:
        total = total + model(np.roll(images, shift, axis=3)) / len(shifts)
    return total


# 6 · Repair


def by_rolls(image):
    for axis in (0, 1):
        image = (np.roll(image, 1, axis) + 2 * image + np.roll(image, -1, axis)) / 4
    return image[::2, ::2]


KERNEL = np.outer([1, 2, 1], [1, 2, 1]) / 16


def by_filter(image):
    return convolve2d(image, KERNEL, "same", "wrap")[::2, ::2]


def by_norm(image):
    parts = [image[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return max(parts, key=np.linalg.norm)


def by_squares(image):
    energy = (image.reshape(3, 2, 4, 2) ** 2).sum(axis=(0, 2))
    i, j = np.unravel_index(energy.argmax(), energy.shape)
    return image[i::2, j::2]


RIGHT = {
    exercises.check_move: [(-2, 3), np.array([-2, 3])],
    exercises.check_translate: [by_slices, by_loop],
    exercises.check_convolve_stride: [by_thinning, by_scipy],
    exercises.check_break: [ramp, frame],
    exercises.check_pool: [by_windows, by_cells],
    exercises.check_vanishing: [(3, 9), (-1, 0)],
    exercises.check_largest_shift: [6, np.int64(6)],
    exercises.check_detector: [by_maximum, by_sum],
    exercises.check_moved_by: [by_search, by_peak],
    exercises.check_averaged: [by_list, by_total],
    exercises.check_by_chance: [0.25, np.float32(1 / 4)],
    exercises.check_blur: [by_rolls, by_filter],
    exercises.check_polyphase: [by_norm, by_squares],
}

ANY_FUNCTION = [
    (stop, "stops with ZeroDivisionError"),
    (nothing, "gives nothing back"),
    (3, "of type int"),
]

WRONG = {
    exercises.check_move: [
        ((2, 3), "`down` has another sign"),
        ((-2, -3), "`right` has another sign"),
        ((2, -3), "`down` has another sign"),
        ((3, -2), "rows come first"),
        ((-3, 3), "no other distance"),
        ((-2.0, 3), "of type float"),
        ("up", "of type str"),
        ((-2, 3, 0), "pair of numbers"),
    ],
    exercises.check_translate: [
        *ANY_FUNCTION,
        (by_plus, "your image moved up: positive `down`"),
        (lambda x, d, r: by_loop(x, d, -r), "your image moved left: positive `right`"),
        (lambda x, d, r: by_loop(x, r, d), "have changed places"),
        (lambda x, d, r: np.roll(x, (d, r), (0, 1)), "Zeros should enter"),
        (lambda x, d, r: by_loop(x, d + 1, r), "first place that is wrong"),
        (lambda x, d, r: by_loop(x, d, r)[1:], "has the shape (4, 7)"),
        (lambda x, d, r: x.tolist(), "of type list"),
        (in_place, "changes the image"),
    ],
    exercises.check_convolve_stride: [
        *ANY_FUNCTION,
        (lambda x, f, s: by_scipy(x, f[::-1, ::-1], s), "turned by 180 degrees"),
        (lambda x, f, s: by_scipy(x, f, 1), "still stops at every pixel"),
        (lambda x, f, s: by_scipy(x, f, 1)[::s], "but 1 to the right"),
        (lambda x, f, s: by_scipy(x, f, 1)[:, ::s], "but 1 downwards"),
        (lambda x, f, s: by_scipy(x[::s, ::s], f, 1), "You skip pixels".lower()),
        (lambda x, f, s: by_scipy(x, f, s)[:-1, :-1], "the filter still fits there"),
        (lambda x, f, s: by_scipy(x, f, 1)[s - 1 :: s, s - 1 :: s], "[0, 0]"),
        (lambda x, f, s: correlate2d(x, f, "same")[::s, ::s], "has the shape"),
    ],
    exercises.check_break: [
        *ANY_FUNCTION,
        (lambda x: 2 * x + 1, "still commutes"),
        (lambda x: np.zeros_like(x), "still commutes"),
        (lambda x: np.roll(x, 3, 1), "still commutes"),
        (lambda x: x[1:], "has the shape (7, 8)"),
        (
            lambda x: x + np.random.default_rng().normal(size=x.shape),
            "Leave chance out",
        ),
        (lambda x: x.sum(), "of type float64"),
    ],
    exercises.check_pool: [
        *ANY_FUNCTION,
        (lambda x, k, s: -by_cells(-x, k, s), "the smallest value"),
        (lambda x, k, s: helpers.max_pool(x, k), "`size` apart, not `stride`"),
        (lambda x, k, s: by_cells(x, k, s)[:-1, :-1], "a window still fits there"),
        (lambda x, k, s: by_cells(x, k, s).T, "have changed places"),
        (lambda x, k, s: by_cells(np.pad(x, 1), k, s), "has the shape"),
        (lambda x, k, s: by_cells(x + 1, k, s), "first place that is wrong"),
        (
            lambda x, k, s: np.lib.stride_tricks.sliding_window_view(x, (k, k))[
                ::s, ::s
            ].mean((2, 3)),
            "the average",
        ),
    ],
    exercises.check_vanishing: [
        ((2, 2), "still lit"),
        ((7, 7), "still lit"),
        ((10, 0), "no such pixel"),
        ((8.0, 0), "of type float"),
        (8, "pair of numbers"),
        ([8], "pair of numbers"),
    ],
    exercises.check_largest_shift: [
        (7, "has changed"),
        (8, "has changed"),
        (5, "one more step"),
        (0, "one more step"),
        (-1, "to the left"),
        (6.0, "of type float"),
        (True, "of type bool"),
        ("six", "of type str"),
    ],
    exercises.check_detector: [
        *ANY_FUNCTION,
        (lambda x: 1, "both bars give 1"),
        (lambda x: x.sum(), "both bars give 5"),
        (lambda x: circular(x, PREWITT), "of type ndarray"),
        (lambda x: helpers.convolve(x, PREWITT, visualize=False).max(), "the border"),
        (lambda x: circular(x, PREWITT)[3, 3], "the border"),
        (lambda x: float(x.argmax()), "the border"),
        (lambda x: "upright", "of type str"),
    ],
    exercises.check_moved_by: [
        *ANY_FUNCTION,
        (lambda a, b: by_search(b, a), "its opposite"),
        (lambda a, b: by_search(a, b)[::-1], "rows come first"),
        (lambda a, b: np.add(by_search(a, b), 1), "you find (1, 1)"),
        (lambda a, b: (0, 0), "you find (0, 0)"),
        (lambda a, b: 1.0 * by_peak(a, b), "whole number"),
        (lambda a, b: by_search(a, b)[0], "pair of numbers"),
    ],
    exercises.check_averaged: [
        *ANY_FUNCTION,
        (lambda m, x, s: by_list(m, x, s) * len(s), "Divide by the number"),
        (lambda m, x, s: m(x), "have not been moved"),
        (lambda m, x, s: by_list(m, x.swapaxes(2, 3), s), "given the shape"),
        (lambda m, x, s: by_list(m, x, [-k for k in s]), "first place that is wrong"),
        (lambda m, x, s: m(np.roll(x, s[-1], 3)), "the last shift alone"),
        (
            lambda m, x, s: np.max([m(np.roll(x, k, 3)) for k in s], 0),
            "not the average",
        ),
        (lambda m, x, s: np.mean([m(np.roll(x, k, 2)) for k in s], 0), "moved down"),
        (lambda m, x, s: by_list(m, x, s).mean(0), "one row for each"),
        (lambda m, x, s: by_list(m, x, s).mean(1), "one column for each"),
    ],
    exercises.check_by_chance: [
        (25, "divide a percentage by 100"),
        (-0.25, "between 0 and 1"),
        (0, "do agree"),
        (1.0, "always gives one answer"),
        (1 / 16, "Any will do"),
        (0.5, "fix the first answer"),
        ("1/4", "of type str"),
        (True, "of type bool"),
    ],
    exercises.check_blur: [
        *ANY_FUNCTION,
        (lambda x: convolve2d(x, KERNEL, "same", "wrap"), "Now keep every second"),
        (lambda x: 16 * by_rolls(x), "add up to 1"),
        (lambda x: 4 * by_rolls(x), "add up to 1"),
        (lambda x: x[::2, ::2], "the blur is missing"),
        (lambda x: convolve2d(x[::2, ::2], KERNEL, "same", "wrap"), "Blur first"),
        (lambda x: convolve2d(x, KERNEL, "same", "wrap")[1::2, 1::2], "0, 2, 4"),
        (lambda x: convolve2d(x, KERNEL, "same")[::2, ::2], "Let it wrap around"),
        (lambda x: by_rolls(x).T, "has the shape (4, 3)"),
        (
            lambda x: (np.roll(x, 1, 0) + 2 * x + np.roll(x, -1, 0))[::2, ::2] / 4,
            "downwards alone",
        ),
        (
            lambda x: (np.roll(x, 1, 1) + 2 * x + np.roll(x, -1, 1))[::2, ::2] / 4,
            "to the right alone",
        ),
    ],
    exercises.check_polyphase: [
        *ANY_FUNCTION,
        (lambda x: x[::2, ::2], "must follow the content"),
        (lambda x: x[1::2, ::2], "must follow the content"),
        (lambda x: by_norm(x).T, "transposed"),
        (
            lambda x: min((x[i::2, j::2] for i in (0, 1) for j in (0, 1)), key=np.sum),
            "smallest",
        ),
        (lambda x: np.linalg.norm(x), "of type"),
        (lambda x: by_norm(x) / 2, "first place that is wrong"),
    ],
}


def said(check, answer, capsys) -> str:
    check(answer)
    output = capsys.readouterr()
    assert not output.err and output.out.count("\n") == 1
    return output.out


def test_every_checker_is_tested():
    checkers = {
        f for name, f in inspect.getmembers(exercises) if name.startswith("check_")
    }
    assert checkers == set(RIGHT) == set(WRONG)
    assert all(len(answers) >= 2 for answers in RIGHT.values())
    assert all(len(answers) >= 4 for answers in WRONG.values())


@pytest.mark.parametrize(
    "check, answer", [(check, answer) for check in RIGHT for answer in RIGHT[check]]
)
def test_right(check, answer, capsys):
    assert said(check, answer, capsys) == "Correct.\n"


@pytest.mark.parametrize(
    "check, answer, hint",
    [(check, *answer) for check in WRONG for answer in WRONG[check]],
)
def test_wrong(check, answer, hint, capsys):
    line = said(check, answer, capsys)
    assert line.startswith("Not yet: ") and hint in line


VALUES = {
    exercises.check_move,
    exercises.check_vanishing,
    exercises.check_largest_shift,
    exercises.check_by_chance,
}


@pytest.mark.parametrize(
    "check, answer",
    [(check, blank) for check in RIGHT for blank in (None, ...)]
    + [(check, stub) for check in RIGHT if check not in VALUES],
)
def test_untouched(check, answer, capsys):
    assert said(check, answer, capsys) == "Not attempted yet.\n"
