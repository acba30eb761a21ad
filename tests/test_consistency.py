"""Consistency against closed forms and loops; other people's models and images."""

import copy
import doctest
import importlib
import inspect
import itertools
import json
import os
import subprocess
import sys
import tracemalloc
import types
from contextlib import nullcontext
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from notebook_checks import ROOT
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers import convolve, translate
from shifts import consistency, views
from shifts.consistency import (
    ShiftConsistency,
    nearest_twins,
    shift_consistency,
    shift_report,
    shifted_views,
)
from shifts.intervals import interval

SIDE = 6
EVERY_SHIFT = [(down, right) for down in range(SIDE) for right in range(SIDE)]
SEEDS = st.integers(0, 2**32 - 1)


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, size=shape)


def three(found):
    return found.consistency, found.largest_change, found.accuracy


def one_pixel(channels=1):
    image = np.zeros((channels, SIDE, SIDE))
    image[:, 0, 0] = 1
    return image


# --- views ----------------------------------------------------------------------------


@given(SEEDS, st.integers(-3, 3), st.integers(-4, 4), st.booleans())
def test_a_view_is_the_moved_image(seed, down, right, wrap):
    image = noise((3, 4, 5), seed)
    (view,) = shifted_views(image, [(down, right)], wrap=wrap)
    expected = [translate(channel, down, right, wrap) for channel in image]
    np.testing.assert_array_equal(view, expected, strict=True)


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8"])
def test_a_window_shows_what_is_there(dtype):
    image = noise((2, 9, 12)).astype(dtype)
    shifts = [(down, right) for down in range(-3, 3) for right in range(-4, 5)]
    views = shifted_views(image, shifts, size=(4, 4))
    assert views.dtype == dtype and views.shape == (len(shifts), 2, 4, 4)
    for view, (down, right) in zip(views, shifts, strict=True):
        top, left = 2 - down, 4 - right  # from the middle
        window = image[:, top : top + 4, left : left + 4]
        np.testing.assert_array_equal(view, window)


@pytest.mark.parametrize("side", [1, 5])
def test_one_number_is_the_side_of_a_square_window(side):
    image = noise((1, 7, 8))
    pair = shifted_views(image, [(1, -1)], size=(side, side))
    np.testing.assert_array_equal(shifted_views(image, [(1, -1)], size=side), pair)


def test_with_wrap_a_window_may_go_anywhere():
    image = noise((1, 5, 5))
    (view,) = shifted_views(image, [(7, -11)], size=3, wrap=True)
    moved = np.roll(image, (7, -11), axis=(1, 2))
    np.testing.assert_array_equal(view, moved[:, 1:4, 1:4])


def test_with_wrap_whole_turns_change_nothing():
    shifts = [(0, 0), (8, -16), (-24, 8)]
    found = shift_consistency(
        brightness, noise((2, 1, 8, 8)), shifts, size=3, wrap=True
    )
    assert three(found) == (1, 0, None)


# --- consistency in closed form -------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_a_constant_is_consistent_and_is_found_out(classes):
    def constant(views):
        return np.tile(np.arange(classes), (len(views), 1))

    images, labels = noise((classes, 3, SIDE, SIDE)), range(classes)
    found = shift_consistency(constant, images, EVERY_SHIFT, labels, wrap=True)
    assert found.consistency == 1
    assert found.largest_change == 0
    assert found.accuracy == pytest.approx(1 / classes)  # chance
    assert "largest change of a logit 0" in str(found)


def agreement(positive, views):
    """Pairs on one side of a border that parts the views into two kinds."""
    negative = views - positive
    same = positive * (positive - 1) + negative * (negative - 1)
    return same / (views * (views - 1))


@given(SEEDS)
def test_a_linear_model(seed):
    # One lit pixel reads one weight at each place: the views' logits are the weights.
    weights = np.random.default_rng(seed).normal(size=(SIDE, SIDE))

    def linear(views):
        products = (views * weights).sum((1, 2, 3))
        return np.stack([products, np.zeros(len(views))], axis=1)

    found = shift_consistency(linear, [one_pixel()], EVERY_SHIFT, [0], wrap=True)
    positive = np.count_nonzero(weights > 0)
    assert found.consistency == pytest.approx(agreement(positive, SIDE**2))
    assert found.accuracy == pytest.approx(positive / SIDE**2)
    assert found.largest_change == pytest.approx(np.ptp(weights))


@given(SEEDS)
def test_a_globally_pooled_convolution(seed):
    filters, images = noise((4, 3, 3), seed), noise((5, 1, SIDE, SIDE), seed + 1)

    def pooled(views):
        padded = np.pad(views[:, 0], ((0, 0), (0, 2), (0, 2)), mode="wrap")
        maps = [[convolve(v, f, visualize=False) for f in filters] for v in padded]
        return np.max(maps, axis=(2, 3))

    labels = pooled(images).argmax(axis=1)
    found = shift_consistency(pooled, images, EVERY_SHIFT, labels, wrap=True)
    assert three(found) == (1, 0, 1)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_stride_sees_one_place_in_its_square(stride):
    def strided(views):
        seen = views[:, 0, ::stride, ::stride].sum((1, 2))
        return np.stack([seen, np.full(len(views), 0.5)], axis=1)

    found = shift_consistency(strided, [one_pixel()], EVERY_SHIFT, [0], wrap=True)
    seen = SIDE**2 // stride**2
    assert found.consistency == pytest.approx(agreement(seen, SIDE**2))
    assert found.accuracy == pytest.approx(stride**-2)
    assert found.largest_change == (stride > 1)


def test_shifts_by_the_stride_agree():
    def strided(views):
        return views[:, 0, ::2, ::2].reshape(len(views), -1)[:, :1] * [1, -1]

    image = np.tile([[1, -1], [-1, 1]], (3, 3))[None]
    by_two = [(0, 0), (0, 2), (2, 4)]
    assert shift_consistency(strided, [image], by_two, wrap=True).consistency == 1
    by_one = [(0, 0), (0, 1)]
    assert three(shift_consistency(strided, [image], by_one, wrap=True)) == (0, 2, None)


# --- how it is measured ---------------------------------------------------------------


def brightness(views):
    total = views.reshape(len(views), -1).sum(axis=1)
    return np.stack([total, 10 - total], axis=1)


def test_each_image_counts_alike():
    dark, bright = np.zeros((1, 4, 4)), np.zeros((1, 4, 4))
    bright[0, 0, 0] = 20
    views = [(0, 0), (0, 1), (0, -1), (-1, 0)]  # of these, two push the pixel out
    found = shift_consistency(brightness, [dark, bright], views, [1, 0])
    assert found.consistency == pytest.approx((1 + agreement(2, 4)) / 2)
    assert found.accuracy == pytest.approx((1 + 2 / 4) / 2)
    assert found.largest_change == 20


def test_images_may_come_one_by_one_and_in_different_sizes():
    images = [noise((2, 8, 9)), noise((2, 11, 7))]
    shifts, given = [(0, 0), (1, 0), (0, -1)], []

    def model(views):
        given.append(views.shape)
        return brightness(views)

    found = shift_consistency(model, iter(images), shifts, size=5, batch_size=2)
    # The first batch comes twice; the last has views of both images.
    assert given == [(2, 2, 5, 5)] * 4
    assert three(found) == three(shift_consistency(brightness, images, shifts, size=5))


def test_without_labels_there_is_no_accuracy_and_no_probability():
    found = shift_consistency(brightness, noise((2, 1, 4, 4)), [(0, 0), (0, 1)])
    assert found.labels is found.right is found.accuracy is None
    assert found.probability is found.probability_change is None


def test_random_crops_as_in_zhang_2019():
    # All pairs of 20 crops: near the share among all the crops there are.
    image = np.random.default_rng(0).normal(size=(1, 40, 40)) + 0.4
    rng = np.random.default_rng(1)
    drawn = rng.integers(-8, 9, size=(20, 2))
    every = [(down, right) for down in range(-8, 9) for right in range(-8, 9)]

    def model(views):
        return brightness(views[:, :, :4, :4])

    some = shift_consistency(model, [image], drawn, size=24).consistency
    assert some == pytest.approx(
        shift_consistency(model, [image], every, size=24).consistency, abs=0.15
    )


@pytest.mark.parametrize("kind", [torch.tensor, np.float32, np.ndarray.tolist])
def test_a_model_may_return_tensors_arrays_or_lists(kind):
    images = noise((2, 1, 4, 4))

    def model(views):
        return kind(brightness(views))

    shifts = [(0, 0), (0, 1)]
    expected = three(shift_consistency(brightness, images, shifts))
    assert three(shift_consistency(model, images, shifts)) == expected
    assert three(shift_consistency(model, torch.tensor(images), shifts)) == expected


def test_nothing_is_changed():
    def greedy(views):
        answers = brightness(views)
        views += 1  # its own copy
        return answers

    images, shifts, labels = noise((2, 3, 5, 5)), [(0, 0), (1, 1)], [0, 1]
    before = copy.deepcopy((images, shifts, labels))
    shift_consistency(greedy, images, shifts, labels, size=3)
    np.testing.assert_array_equal(images, before[0])
    assert (shifts, labels) == before[1:]


# --- against plain loops --------------------------------------------------------------


@st.composite
def measurements(draw):
    rng = np.random.default_rng(draw(SEEDS))
    images, views = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    shifts = rng.permutation(list(np.ndindex(4, 4)))[:views] - 2
    top = rng.integers(0, draw(st.integers(2, 4)), size=(images, views))
    labels, shares = rng.integers(0, 4, images), rng.random((images, views))
    return ShiftConsistency(shifts, top, rng.random(images), labels, shares)


@given(measurements())
def test_the_summary_is_what_loops_find(found):
    agreement, apart, flips = [], {}, []
    for number, row in enumerate(found.top):
        agreement.append([])
        for i, j in itertools.combinations(range(len(row)), 2):
            down, right = found.shifts[j] - found.shifts[i]
            agreement[-1].append(row[i] == row[j])
            shift = max((down, right), (-down, -right))
            apart.setdefault(shift, [[] for _ in found.top])
            apart[shift][number].append(row[i] == row[j])
            if abs(down) + abs(right) == 1:
                flips.append(row[i] != row[j])
    np.testing.assert_allclose(found.agreement, np.mean(agreement, axis=1))
    np.testing.assert_allclose(found.consistency, np.mean(agreement))
    np.testing.assert_allclose(found.flips, np.mean(flips) if flips else np.nan)
    shifts, by_shift = found.by_shift()
    assert list(map(tuple, shifts)) == sorted(apart)
    expected = [np.mean(apart[shift], axis=1) for shift in sorted(apart)]
    np.testing.assert_allclose(by_shift.T, expected)
    right = [np.mean(row == label) for row, label in zip(found.top, found.labels)]  # noqa: B905
    np.testing.assert_allclose(found.right, right)
    assert found.accuracy == pytest.approx(np.mean(right))
    widths = [max(row) - min(row) for row in found.probability]
    assert found.probability_change == pytest.approx(np.mean(widths))


@given(SEEDS)
def test_what_is_kept_of_each_view(seed):
    rng = np.random.default_rng(seed)
    weights, images = rng.normal(size=(16, 5)), rng.normal(size=(3, 1, 4, 4))
    shifts, labels = [(0, 0), (1, 2), (3, 3)], [4, 0, 2]

    def linear(views):
        return views.reshape(len(views), -1) @ weights

    found = shift_consistency(linear, images, shifts, labels, wrap=True, batch_size=4)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        moved = [np.roll(image, shift, axis=(1, 2)) for shift in shifts]
        logits = np.array([m.ravel() @ weights for m in moved])
        powers = np.exp(logits)
        np.testing.assert_array_equal(found.top[number], logits.argmax(axis=1))
        np.testing.assert_allclose(found.change[number], np.ptp(logits, axis=0).max())
        p = (powers / powers.sum(axis=1, keepdims=True))[:, label]
        np.testing.assert_allclose(found.probability[number], p)


def test_rows_of_probabilities_are_taken_as_such():
    def softmax(views):
        powers = np.exp(brightness(views) / 20)
        return powers / powers.sum(axis=1, keepdims=True)

    images, shifts = noise((2, 1, 4, 4)), [(0, 0), (0, 1), (1, 0)]
    sure = shift_consistency(softmax, images, shifts, [0, 1])
    logits = shift_consistency(lambda v: brightness(v) / 20, images, shifts, [0, 1])
    np.testing.assert_allclose(sure.probability, logits.probability)


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([(0.25, 0.75), (0, 1)], (0.25, 0)),
        ([(0.25, 0.755), (0.5, 0.495)], (0.25, 0.5)),  # rounded as by bfloat16
        ([(-0.5, 1.5), (0.5, 0.5)], (1 / (1 + np.e**2), 0.5)),
        ([(0.5, 1.5), (1, 0)], (1 / (1 + np.e), np.e / (1 + np.e))),
        ([(900, 900), (-900, -900)], (0.5, 0.5)),
    ],
)
def test_probabilities_are_kept_and_made_of_anything_else(rows, expected):
    def model(views):
        return np.array(rows)[views[:, 0, 0, 0]]

    image, there_and_back = [[[0, 1]]], [(0, 0), (0, -1)]
    found = shift_consistency(model, [image], there_and_back, [0])
    np.testing.assert_allclose(found.probability, [expected])


def with_agreement(agreement):
    """Four views for each image: of their 6 pairs 0, 1, 2, 3 or 6 agree."""
    tops = {0: [0, 1, 2, 3], 1: [0, 0, 1, 2], 2: [0, 0, 1, 1], 3: [0, 0, 0, 1]}
    top = [tops.get(pairs, [0, 0, 0, 0]) for pairs in agreement]
    shifts = np.array([(0, i) for i in range(4)])
    return ShiftConsistency(shifts, np.array(top), np.zeros(len(top)))


def draws(images, sets=300):
    """Values of sets of images, by the true mean of the population they are from."""
    rng = np.random.default_rng(images)
    shape = (sets, images)

    def mostly_one(share, rest):
        return np.where(rng.random(shape) < share, rest, 1)

    return {
        0.99: mostly_one(0.02, 0.5),
        0.95: mostly_one(0.1, 0.5),
        0.9025: mostly_one(0.15, rng.uniform(0.1, 0.6, shape)),
        2 / 3: rng.beta(1.2, 0.6, shape),
        1: np.ones(shape),
    }


def draws_of_differences(images):
    one, other = draws(images), draws(images + 1)
    return {
        mean - mean_of_other: one[mean] - other[mean_of_other][:, :images]
        for mean, mean_of_other in [(0.99, 0.95), (0.9025, 2 / 3), (0.95, 1), (1, 1)]
    }


def check_coverage(interval, draws, images):
    populations = draws(images)
    low, high = interval(list(populations.values()))
    truth = np.array(list(populations))[:, None]
    assert (low < high).all()
    assert (np.mean(low > truth + 1e-9, axis=1) <= 0.04).all()  # 2.5 %, and luck
    covers = (low <= truth + 1e-9) & (truth <= high + 1e-9)
    assert (covers.mean(axis=1) >= 0.9).all()


def plain_bootstrap(values):
    values = np.array(values)
    count, rng = values.shape[-1], np.random.default_rng(0)
    samples = (rng.integers(count, size=count) for _ in range(2000))
    means = [values @ np.bincount(drawn, minlength=count) for drawn in samples]
    return np.percentile(means, [2.5, 97.5], axis=0) / count


@pytest.mark.parametrize("images", [3, 10, 30, 100, 300])
def test_the_interval_holds_the_true_mean(images):
    check_coverage(interval, draws, images)
    check_coverage(lambda v: interval(v, -1), draws_of_differences, images)
    if images < 300:
        with pytest.raises(AssertionError):
            check_coverage(plain_bootstrap, draws, images)


@pytest.mark.parametrize(
    "images, low", [(6, 0.63), (10, 0.75), (30, 0.91), (100, 0.97)]
)
def test_a_bound_asks_for_images(images, low):
    found = with_agreement([6] * images)
    assert found.consistency_low == pytest.approx(low, abs=0.006)
    assert found.consistency_high == 1
    assert (found.consistency_low > 0.9) == (images >= 30)


def test_the_interval_is_that_of_scipy_with_two_more_images():
    found = with_agreement([0, 1, 2, 3, 6, 6, 6, 6] * 4)
    expected = scipy.stats.bootstrap(
        ([*found.agreement, 0, 1],), np.mean, method="percentile", rng=1
    ).confidence_interval
    assert found.consistency_low == pytest.approx(expected.low, abs=0.015)
    assert found.consistency_high == pytest.approx(expected.high, abs=0.015)


def test_the_interval_of_many_images_is_that_of_the_normal_distribution():
    found = with_agreement([0, 6] * 200)
    half = 1.96 * 0.5 / np.sqrt(400)
    assert found.consistency_low == pytest.approx(0.5 - half, abs=0.004)
    assert found.consistency_high == pytest.approx(0.5 + half, abs=0.004)


def test_the_same_images_have_the_same_interval_in_every_call_and_release():
    ends = interval(np.sqrt(np.arange(20)))
    assert ends == pytest.approx((2.090153, 3.160882), abs=1e-6)


@pytest.mark.parametrize("agreement", [0, 3, 6])
def test_one_image_says_next_to_nothing(agreement):
    found = with_agreement([agreement])
    assert (found.consistency_low, found.consistency_high) == (0, 1)
    assert "(0.0% to 100.0%, 1 image)" in str(found)


# --- a network as it is ---------------------------------------------------------------


def small_network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(8 * 36, 5),
    )  # fmt: skip


PHOTOS = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
MOVES = [(0, 0), (0, 1), (1, 0), (2, -1)]


def by_hand(network, dtype=torch.float32):
    def function(views):
        with torch.no_grad():
            return network(torch.from_numpy(views).to(dtype)).double().numpy()

    return function


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_module_is_taken_as_it_is(dtype):
    network = small_network().to(dtype)
    found = shift_consistency(network, PHOTOS, MOVES, [0, 1, 2, 3], batch_size=3)
    assert all(module.training for module in network.modules())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    function = by_hand(network.eval(), dtype)
    expected = shift_consistency(function, PHOTOS, MOVES, [0, 1, 2, 3], batch_size=3)
    assert three(found) == three(expected)
    np.testing.assert_array_equal(found.probability, expected.probability)


@pytest.mark.parametrize(
    "tensors, dtype",
    [
        ([], torch.float32),
        ([torch.ones(1, dtype=int), torch.ones(1, dtype=float)], torch.float64),
    ],
)
def test_a_module_without_parameters_has_a_floating_type_too(tensors, dtype):
    class Buffers(nn.Module):
        def forward(self, views):
            assert views.dtype == dtype
            return views.flatten(1)

    module = Buffers()
    for number, tensor in enumerate(tensors):
        module.register_buffer(f"buffer{number}", tensor)
    shift_consistency(module, noise((2, 3, 8, 8)), MOVES)


def test_images_are_put_on_the_device_of_the_module():
    class Meta(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, device="meta"))

        def forward(self, views):
            assert views.device.type == "meta"
            return torch.ones(len(views), 3)

    assert shift_consistency(Meta(), PHOTOS, MOVES).consistency == 1


@pytest.mark.parametrize("fails", [False, True])
def test_the_mode_of_each_part_is_what_it_was(fails):
    network = small_network().train()
    network[1].eval()
    modes = [module.training for module in network.modules()]
    images = PHOTOS[:, :2] if fails else PHOTOS
    with pytest.raises(RuntimeError) if fails else nullcontext():
        shift_consistency(network, images, MOVES)
    assert [module.training for module in network.modules()] == modes


def test_a_module_may_do_its_own_work_when_its_mode_changes():
    class Merging(nn.Flatten):
        def train(self, mode=True):
            self.merged = not mode
            return super().train(mode)

    network = Merging().train()
    shift_consistency(network, PHOTOS, MOVES)
    assert network.training and not network.merged


@pytest.mark.parametrize("part", [nn.Dropout(0.5), nn.BatchNorm2d(3)])
def test_a_function_in_training_mode_is_found_out(part):
    torch.manual_seed(0)
    network = nn.Sequential(part, nn.Flatten(), nn.Linear(192, 2)).train()
    with pytest.raises(ValueError, match="model must always give a view the same"):
        shift_consistency(by_hand(network), PHOTOS, MOVES)
    shift_consistency(by_hand(network.eval()), PHOTOS, MOVES)


@pytest.mark.parametrize(
    "largest, change, found_out",
    [(0, 0, False), (1e-3, 1, False), (1e-3, 3, True), (1e3, 1, False), (1e3, 3, True)],
)
def test_an_answer_may_change_by_two_hundredths(largest, change, found_out):
    def model(views):
        again = (views == views[0]).all()
        return np.full((len(views), 2), largest) * (1 + again * change / 100)

    expected = pytest.raises(ValueError, match="the same answer")
    with expected if found_out else nullcontext():
        shift_consistency(model, PHOTOS, MOVES)


def test_an_exported_program_is_taken():
    network = small_network().eval()
    program = torch.export.export(network, (torch.from_numpy(PHOTOS),)).module()
    found = shift_consistency(program, PHOTOS, MOVES, batch_size=4)
    expected = shift_consistency(network, PHOTOS, MOVES, batch_size=4)
    np.testing.assert_array_equal(found.top, expected.top)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PyTorch discourages it
def test_frozen_torchscript_is_taken():
    network = small_network().eval()
    frozen = torch.jit.freeze(torch.jit.script(network))
    found = shift_consistency(frozen, PHOTOS, MOVES)
    expected = shift_consistency(network, PHOTOS, MOVES)
    np.testing.assert_array_equal(found.top, expected.top)


def test_measuring_needs_numpy_and_tqdm():
    code = """
import builtins, sys
real = builtins.__import__
def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    top = name.partition(".")[0]
    if level == 0 and top in {"matplotlib", "torch", "cv2", "pandas", "scipy"}:
        raise ModuleNotFoundError(f"No module named {top!r}", name=top)
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = guarded
import numpy as np
from shifts.consistency import shift_report
model = lambda views: views.reshape(len(views), -1)
report = shift_report(model, np.random.rand(3, 1, 9, 9), [0, 1, 2])
print(report, report.to_dict(), (report - report).low)
try:
    report.figure
except ModuleNotFoundError as error:
    assert error.name == "matplotlib"
else:
    raise AssertionError("drawn")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda answers: types.SimpleNamespace(logits=answers),
        lambda answers: answers.requires_grad_(),
        lambda answers: answers.bfloat16(),
    ],
)
def test_answers_that_need_no_guess_are_taken(wrapped):
    def model(views):
        return wrapped(torch.from_numpy(brightness(views)).float())

    expected = shift_consistency(brightness, noise((2, 1, 4, 4)), MOVES)
    found = shift_consistency(model, noise((2, 1, 4, 4)), MOVES)
    np.testing.assert_array_equal(found.top, expected.top)
    assert found.largest_change == pytest.approx(expected.largest_change, rel=0.01)


def test_what_fails_inside_the_model_says_what_it_was_given():
    with pytest.raises(RuntimeError, match="channels") as caught:
        shift_consistency(small_network(), PHOTOS[:, :2], MOVES)
    assert caught.value.__notes__ == [
        "model was given ndarray of float32 of shape (16, 2, 8, 8)"
    ]


# --- other people's images ------------------------------------------------------------


@pytest.mark.parametrize(
    "pairs",
    [
        lambda: list(zip(PHOTOS, range(4), strict=True)),
        lambda: TensorDataset(torch.from_numpy(PHOTOS), torch.arange(4)),
        lambda: ([image, np.int64(label)] for label, image in enumerate(PHOTOS)),
    ],
    ids=["list", "data set", "generator"],
)
def test_a_pair_brings_its_label(pairs):
    found = shift_consistency(small_network(), pairs(), MOVES)
    expected = shift_consistency(small_network(), PHOTOS, MOVES, range(4))
    assert three(found) == three(expected)
    np.testing.assert_array_equal(found.labels, range(4))


@pytest.mark.parametrize(
    "kind",
    [
        torch.from_numpy,
        lambda a: torch.from_numpy(a).requires_grad_(),
        lambda a: a.astype(">f4"),
        lambda a: np.asfortranarray(a)[::-1, :, ::-1][::-1, :, ::-1],
        np.ndarray.tolist,
        lambda a: dict(enumerate(a)).values(),
    ],
)
def test_images_of_any_kind(kind):
    found = shift_consistency(small_network(), kind(PHOTOS), MOVES, range(4))
    expected = shift_consistency(small_network(), PHOTOS, MOVES, range(4))
    assert three(found) == three(expected)


class Numbered:
    """A data set as PyTorch has them: a length and numbers, and no end of its own."""

    def __init__(self, images, length):
        self.images, self.length = images, length

    def __len__(self):
        return self.length

    def __getitem__(self, number):
        return self.images[number], number % 2


class Endless(Numbered):
    def __getitem__(self, number):
        return self.images[number % len(self.images)], number % 2


class Listed(Numbered):
    def __iter__(self):
        return iter(self.images)


def test_a_data_set_ends_where_its_length_says():
    images = noise((4, 1, 6, 6))
    expected = shift_consistency(brightness, images, MOVES, [0, 1, 0, 1])
    for data in (Endless(images, 4), Numbered(images, 4)):
        found = shift_consistency(brightness, data, MOVES)
        np.testing.assert_array_equal(found.top, expected.top)
        np.testing.assert_array_equal(found.labels, expected.labels)
    twice = pandas.Series(list(images), index=[3, 2, 1, 0])  # in its order
    np.testing.assert_array_equal(
        shift_consistency(brightness, twice, MOVES).top, expected.top
    )


@pytest.mark.parametrize(
    "kind, length, words",
    [
        (Numbered, 5, "got 4 for a len of 5"),
        (Listed, 5, "got 4 for a len of 5"),
        (Listed, 3, "got more than 3"),
    ],
)
@pytest.mark.parametrize("measure", [shift_report, shift_consistency])
def test_a_length_that_is_another_is_an_error(kind, length, words, measure):
    moves = {"shifts": MOVES} if measure is shift_consistency else {}
    with pytest.raises(ValueError, match=f"images must hold as many .*{words}"):
        measure(brightness, kind(noise((4, 1, 6, 6)), length), **moves)


@pytest.mark.parametrize(
    "shape", [(1, 5, 3), (3, 5, 1), (4, 5, 4), (2, 5, 2), (5, 5, 5), (1, 1, 2)]
)
def test_an_image_of_few_columns_is_not_taken_for_channels(shape):
    image = noise(shape)
    np.testing.assert_array_equal(shifted_views(image, [(0, 0)]), [image])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_with_its_channels_last_is_found_out(channels):
    with pytest.raises(ValueError, match="channels first"):
        shifted_views(noise((5, 5, channels)), [(0, 0)])


@pytest.mark.parametrize("kind", [list, tuple, np.ndarray.tolist])
def test_an_image_of_two_channels_is_no_pair(kind):
    images = noise((3, 2, 8, 8))
    found = shift_consistency(brightness, [kind(image) for image in images], MOVES)
    assert three(found) == three(shift_consistency(brightness, images, MOVES))


def test_half_precision_images_are_taken():
    halves = torch.from_numpy(PHOTOS).bfloat16()
    found = shift_consistency(small_network(), halves, MOVES)
    expected = shift_consistency(small_network(), halves.float(), MOVES)
    assert three(found) == three(expected)


# --- batches, memory, progress --------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 100])
def test_batches_hold_views_of_several_images(batch_size):
    images, given = noise((5, 1, 6, 6)), []

    def model(views):
        given.append(len(views))
        return brightness(views)

    found = shift_consistency(model, images, MOVES, batch_size=batch_size)
    assert given.pop(1) == given[0]  # the first view, once more for each place
    assert set(given[:-1]) <= {batch_size} and sum(given) == 5 * len(MOVES)
    expected = shift_consistency(brightness, images, MOVES, batch_size=1)
    np.testing.assert_array_equal(found.top, expected.top)
    np.testing.assert_array_equal(found.change, expected.change)


def test_a_batch_holds_one_shape_and_type():
    images = [noise((1, 6, 6)), noise((1, 6, 7)), noise((1, 6, 7)).astype("f4")]
    images += [noise(shape).astype("f4") for shape in [(2, 6, 7), (2, 6, 6), (2, 7, 6)]]
    moves = [(0, 0), (1, -1)]
    found = shift_consistency(brightness, images, moves, size=3, batch_size=100)
    alone = [shift_consistency(brightness, [i], moves, size=3) for i in images]
    assert found.change.tolist() == [one.largest_change for one in alone]
    whole = shift_consistency(brightness, images, moves, batch_size=100)
    alone = [shift_consistency(brightness, [i], moves) for i in images]
    assert whole.change.tolist() == [one.largest_change for one in alone]


@pytest.mark.parametrize("size", [None, 1000])
def test_memory_is_that_of_a_batch(size):
    image = np.zeros((3, 1024, 1024), np.float32)
    shifts = [(down, right) for down in range(5) for right in range(5)]
    tracemalloc.start()
    shift_consistency(
        lambda v: np.eye(2)[[0]], [image], shifts, size=size, batch_size=1
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * image.nbytes  # at first the view, and the same once more


def test_images_from_a_generator_are_not_kept():
    images = (np.zeros((1, 512, 512)) for _ in range(20))
    tracemalloc.start()
    shift_consistency(lambda v: np.eye(2)[[0]], images, MOVES, batch_size=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 512 * 512 * 8  # two of them are the twins


def test_progress_counts_views(monkeypatch):
    bars = []

    class Bar(consistency.tqdm):
        def __init__(self, **options):
            super().__init__(**options, disable=True)
            bars.append({**options, "seen": 0})

        def update(self, n):
            bars[-1]["seen"] += n

    monkeypatch.setattr(consistency, "tqdm", Bar)
    shift_consistency(brightness, noise((3, 1, 6, 6)), MOVES)
    shift_consistency(brightness, iter(noise((3, 1, 6, 6))), MOVES)
    # Who waits for less than a second sees none, and none is left.
    look = {"unit": " views", "delay": 1, "leave": False}
    assert bars == [
        {"total": 12, "seen": 12} | look,
        {"total": None, "seen": 12} | look,
    ]


# --- the report -----------------------------------------------------------------------


@pytest.mark.parametrize("size, wrap", [(32, False), (None, False), (None, True)])
def test_a_report_is_the_consistency_over_its_moves(size, wrap):
    images, labels, given = noise((3, 3, 64, 64)), [0, 1, 0], []

    def model(views):
        given.append(len(views))
        return brightness(views)

    report = shift_report(model, images, labels, size, wrap, batch_size=7)
    assert max(given) == 7
    moves = report.shifts
    expected = shift_consistency(brightness, images, moves, labels, size, wrap)
    assert three(report) == three(expected)


def test_a_report_makes_the_same_32_moves_in_each_call():
    images = noise((1, 1, 64, 64))
    moves = shift_report(brightness, images, size=32).shifts
    again = shift_report(brightness, iter(images), size=32)
    np.testing.assert_array_equal(again.shifts, moves)
    assert np.abs(moves).max() == 16 and not np.isnan(again.flips)
    assert len(moves) == len(set(map(tuple, moves))) == 32


def test_a_report_has_the_defaults_of_shift_consistency():
    report = inspect.signature(shift_report).parameters
    measure = inspect.signature(shift_consistency).parameters
    for name in report.keys() - {"shifts"}:
        assert report[name].default == measure[name].default
    assert measure["wrap"].default is False and measure["batch_size"].default == 32


@pytest.mark.parametrize(
    "shape, size, wrap, reach",
    [
        ((3, 224, 224), None, False, 16),
        ((3, 64, 80), None, False, 8),
        ((1, 3, 9), None, False, 1),
        ((3, 40, 37), 32, False, 2),
        ((3, 40, 37), (35, 8), False, 2),
        ((3, 32, 32), 32, True, 4),
    ],
)
def test_a_report_moves_as_far_as_there_is_room(shape, size, wrap, reach):
    images = [np.random.default_rng(0).normal(size=shape), np.ones((1, 256, 256))]
    report = shift_report(brightness, images, size=size, wrap=wrap)
    assert np.abs(report.shifts).max() == reach


@pytest.mark.parametrize("channels", [1, 3])
def test_a_report_has_one_figure_that_states_the_finding(channels):
    images = np.random.default_rng(0).normal(size=(3, channels, 24, 24))
    report = shift_report(brightness, images)
    found = f"{report.consistency:.1%} of cases (95% interval "
    found += f"{report.consistency_low:.1%} to "
    found += f"{report.consistency_high:.1%}"
    assert f"the same class in {found}, 3 images)" in report.figure.get_suptitle()
    assert report.figure is report.figure and plt.get_fignums() == []
    assert report.figure.get_layout_engine()  # nothing lies over anything else
    report.figure.canvas.draw()


def test_without_room_a_report_makes_every_move_of_one_pixel():
    square = itertools.product((-1, 0, 1), repeat=2)
    assert sorted(views.small_moves(1)) == list(square)


@pytest.mark.parametrize("room", range(1, 20))
def test_a_report_never_moves_further_than_there_is_room(room):
    assert np.abs(views.small_moves(room)).max() == min(room, 16)


def test_of_8_moves_a_report_makes_one_more_step_by_turns_right_and_down():
    moves = np.array(views.small_moves(16))
    assert moves[:2].tolist() == [[6, -11], [-10, 6]]  # reports stay comparable
    steps = np.abs(moves[24:] - moves[:8])
    assert steps.tolist() == [[0, 1], [1, 0]] * 4


@pytest.fixture(scope="module", name="report")
def a_report():
    images = np.random.default_rng(0).normal(size=(5, 1, 64, 64))

    def model(views):
        return views[:, 0, :4, :4].reshape(len(views), 8, 2).mean(axis=2)

    return shift_report(model, images, size=32)


def test_a_figure_shows_agreement_over_distance_by_powers_of_two(report):
    axis = report.figure.axes[0]
    shifts, agreement = report.by_shift()
    distance = np.abs(shifts).max(axis=1)
    powers = {1: (1, 1), 2: (2, 3), 4: (4, 7), 8: (8, 15), 16: (16, 32)}
    ticks = dict(zip(axis.get_xticks(), axis.get_xticklabels(), strict=True))
    assert [label.get_text() for label in ticks.values()] == [str(p) for p in powers]
    bars, dots = axis.lines[::2], axis.lines[1::2]
    rows = zip(ticks, powers.values(), bars, dots, strict=True)
    for tick, (least, most), bar, dot in rows:
        among = (least <= distance) & (distance <= most)
        each = agreement[:, among].mean(axis=1)
        assert dot.get_marker() == "o"
        np.testing.assert_allclose(dot.get_xydata(), [(tick, each.mean())])
        ends = [(tick, end) for end in interval(each)]
        np.testing.assert_allclose(bar.get_xydata(), ends)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    assert left < min(ticks) and max(ticks) < right and low < 0 and high > 1


def test_a_figure_maps_how_each_view_agrees_with_the_others(report):
    axis = report.figure.axes[1]
    (dots,) = axis.collections
    np.testing.assert_array_equal(dots.get_offsets(), report.shifts[:, ::-1])
    assert axis.yaxis_inverted() and dots.get_clim() == (0, 1) and dots.colorbar
    for i, shown in enumerate(dots.get_array()):
        others = np.delete(report.top, i, axis=1)
        assert shown == pytest.approx(np.mean(others == report.top[:, [i]]))


def test_a_map_of_small_moves_has_its_ticks_at_whole_pixels():
    axis = shift_report(brightness, noise((1, 1, 8, 8))).figure.axes[1]
    ticks = np.array([*axis.get_xticks(), *axis.get_yticks()])
    np.testing.assert_array_equal(ticks, ticks.round())


@pytest.mark.parametrize(
    "channels, size, wrap",
    [(1, None, False), (2, 16, False), (3, (16, 8), True), (7, None, True)],
)
def test_a_figure_shows_the_twins_of_the_image_that_agrees_least(channels, size, wrap):
    images = np.random.default_rng(0).integers(50, 90, size=(4, channels, 24, 20))

    def model(views):
        return views[:, 0, :2, :4].reshape(len(views), -1)

    report = shift_report(model, images, [0, 1, 2, 3], size=size, wrap=wrap)
    worst = report.agreement.argmin()
    pair = list(nearest_twins(list(report._pairs())[worst], report.shifts))
    views = shifted_views(images[worst], report.shifts[pair], size, wrap)
    seen = views[:, :3] if channels > 2 else views[:, [0, 0, 0]]  # colours, or grey
    seen = (seen - seen.min()) / (seen.max() - seen.min())
    for i, view, axis in zip(pair, seen, report.figure.axes[2:4], strict=True):
        (picture,) = axis.images
        np.testing.assert_allclose(picture.get_array(), view.transpose(1, 2, 0))
        down, right = report.shifts[i]
        assert axis.get_xlabel() == f"down {down}, right {right}"
        assert axis.get_title().endswith(f"class {report.top[worst, i]}")
    assert report.figure.axes[2].get_title().startswith(f"images[{worst}]: ")


def test_the_twins_are_the_nearest_of_the_views_that_agree_least():
    shifts = np.array([(0, 0), (0, 5), (3, 5), (9, 9)])
    assert nearest_twins(np.array([0, 0, 0, 1, 0, 0]), shifts) == (0, 1)
    assert nearest_twins(np.array([1, 0, 0, 0, 0, 1]), shifts) == (1, 2)
    assert nearest_twins(np.array([0.5, 0.3, 0.3, 0.4, 0.2, 0.9]), shifts) == (1, 3)
    assert nearest_twins(np.array([0.5, 0.2, 0.3, 0.4, 0.2, 0.9]), shifts) == (0, 2)
    first, second = nearest_twins(np.ones(3), np.array(MOVES[:3]))
    assert first != second


def test_the_line_holds_the_interval_and_the_protocol():
    found = with_agreement([6, 6, 0, 0])
    ends = f"{found.consistency_low:.1%} to {found.consistency_high:.1%}"
    assert str(found) == (
        f"consistency 50.0% ({ends}, 4 images), largest change of a logit 0\n"
        "4 moves of at most 3 pixels, zeros enter"
    )


@pytest.mark.parametrize(
    "options, words",
    [
        ({"size": 224}, "32 moves of at most 16 pixels, a window of 224"),
        ({"size": (200, 224)}, "32 moves of at most 16 pixels, a window of 200×224"),
        ({}, "32 moves of at most 16 pixels, zeros enter"),
        ({"wrap": True}, "32 moves of at most 16 pixels, circular"),
        ({"shifts": [(0, 0), (-2, 1)]}, "2 moves of at most 2 pixels, zeros enter"),
        (
            {"shifts": [(0, 0), (0, 0.5)], "wrap": True, "compare": "cosine"},
            "2 moves of at most 0.5 pixels, circular, compared by cosine",
        ),
    ],
)
def test_a_report_says_how_it_was_measured(options, words):
    report = shift_report(brightness, noise((2, 1, 256, 256)), **options)
    assert str(report).splitlines()[1] == words
    assert words in report._repr_html_() and len(repr(report)) < 80


# --- numbers of others ----------------------------------------------------------------


@given(measurements())
def test_the_numbers_of_other_papers_are_what_loops_find(found):
    where = [tuple(shift) for shift in found.shifts.tolist()]
    right = [np.all(row == true) for row, true in zip(found.top, found.labels)]  # noqa: B905
    assert found.worst_case_accuracy == np.mean(right)
    if (0, 0) not in where:
        assert np.isnan(found.unmoved_consistency)
        return
    unmoved = where.index((0, 0))
    others = [i for i in range(len(where)) if i != unmoved]
    same = [row[i] == row[unmoved] for row in found.top for i in others]
    assert found.unmoved_consistency == pytest.approx(np.mean(same))
    shares = replace(found, predicted=found.probability)
    change = [abs(row[i] - row[unmoved]) for row in found.probability for i in others]
    assert shares.predicted_change == pytest.approx(np.mean(change))


def test_the_predicted_class_is_that_of_the_unmoved_image():
    def linear(views):
        return views.reshape(len(views), -1) @ np.eye(36)[:, :3] * 0.1

    images, moves = noise((4, 1, SIDE, SIDE)), [(0, 1), (0, 0), (2, 0)]
    found = shift_consistency(linear, images, moves, wrap=True)
    for image, found_shares in zip(images, found.predicted, strict=True):
        powers = np.exp(linear(shifted_views(image, moves, wrap=True)))
        shares = powers / powers.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found_shares, shares[:, shares[1].argmax()])
    assert shift_consistency(linear, images, moves[::2]).predicted is None


@pytest.mark.parametrize("size", [None, (5, 4)])
def test_a_part_of_a_pixel_turns_the_phases(size):
    # A wave is known between its pixels.
    def wave(down, right, shape=(8, 9)):
        rows, columns = np.indices(shape)
        rows, columns = (rows - down) / shape[0], (columns - right) / shape[1]
        return 2 + np.sin(2 * np.pi * (rows + 2 * columns)) + np.cos(6 * np.pi * rows)

    moves = [(0, 0.25), (-1.5, 3), (7.75, -11.125), (2, 1), (0.0, 1.0)]
    views = shifted_views(wave(0, 0)[None], moves, size, wrap=True)
    expected = np.array([[wave(*move)] for move in moves])
    if size:
        expected = expected[:, :, 1:6, 2:6]
    np.testing.assert_allclose(views, expected, atol=1e-12)
    bytes_ = np.round(wave(0, 0) * 20).astype(np.uint8)[None]
    assert shifted_views(bytes_, moves, wrap=True).dtype == np.float32
    assert shifted_views(bytes_, moves[3:], wrap=True).dtype == np.uint8


def test_views_half_a_pixel_apart_are_measured_and_drawn():
    moves = [(0, 0), (0.5, 0), (1, 0), (0.1, 0), (1.1, 0)]
    found = shift_consistency(brightness, noise((3, 1, 8, 8)), moves, wrap=True)
    assert not np.isnan(found.flips)  # 1 and 1.1 - 0.1 are one pixel
    shifts, _ = found.by_shift()
    assert [0.5, 0] in shifts.tolist() and len(shifts) == 7
    labels = [tick.get_text() for tick in found.figure.axes[0].get_xticklabels()]
    assert "0.5" in labels and "1" in labels


@pytest.mark.parametrize("moves", [[(0, np.nan), (0, 0)], [(np.inf, 0), (0, 0)]])
def test_a_move_is_finite(moves):
    with pytest.raises(ValueError, match="shifts must be finite, got"):
        shifted_views(noise((1, 4, 4)), moves, wrap=True)


# --- other ways to compare ------------------------------------------------------------


def test_embeddings_numbers_and_functions():
    images, moves = noise((3, 2, 6, 6)), [(0, 0), (0, 1), (1, 0), (2, -1)]

    def embed(views):
        return views[:, :, :2, 1].reshape(len(views), -1) + 0.5

    def nearer_than_3(one, other):
        return np.abs(one - other).max() < 3

    def cosine(one, other):
        return 1 - scipy.spatial.distance.cosine(one, other)

    def difference(one, other):
        norm = np.linalg.norm
        return 1 - norm(one - other) / (norm(one) + norm(other))

    ways = {"cosine": cosine, "difference": difference, nearer_than_3: nearer_than_3}
    for compare, by_hand in ways.items():
        found = shift_consistency(embed, images, moves, compare=compare)
        for image, row, change in zip(images, found.pairs, found.change, strict=True):
            answers = embed(shifted_views(image, moves))
            expected = [by_hand(*pair) for pair in itertools.combinations(answers, 2)]
            np.testing.assert_allclose(row, expected, atol=1e-6)
            assert change == np.ptp(answers, axis=0).max()
        assert found.consistency == pytest.approx(found.pairs.mean(), rel=1e-6)
        assert found.top is found.accuracy is found.worst_case_accuracy is None
        assert "compared by" in str(found) and "change of a number" in str(found)
        found.figure.canvas.draw()
    constant = shift_consistency(
        lambda views: np.zeros(len(views)), images, moves, compare="difference"
    )
    assert constant.consistency == 1


def sharp(views):
    """Three classes for each pixel, by what stands in it."""
    return np.stack([views[:, 0] < -3, abs(views[:, 0]) <= 3, views[:, 0] > 3], 1)


@pytest.mark.parametrize(
    "size, wrap", [(None, False), (8, False), (None, True), (8, True)]
)
@pytest.mark.parametrize("step", [1, 2])
def test_maps_are_moved_back(size, wrap, step):
    images = noise((3, 1, 16 if size else 12, 16))
    moves = [(0, 0), (0, step), (-2, 2 * step), (2, -2)]

    def exact(views):
        return sharp(views)[..., ::step, ::step]

    found = shift_consistency(
        exact, images, moves, size=size, wrap=wrap, compare="dense"
    )
    assert found.consistency == 1 and found.largest_change == 0
    assert found._least == 0 and found.top is None

    def wavering(views):  # what stands at a place, and where that is
        maps = exact(views) * 1.0
        maps[:, :, 1] = [[0], [0], [5]]
        return maps

    found = shift_consistency(
        wavering, images, moves, size=size, wrap=wrap, compare="dense"
    )
    assert found.consistency < 1 and found.largest_change == 5


def test_the_pixels_that_both_views_show_are_counted_by_a_loop():
    images = noise((2, 1, 7, 9))
    moves = [(0, 0), (3, -2), (-1, 1), (2, -3)]  # into two of them the same zeros enter

    def model(views):  # depends on what the moves bring in, and on the place
        return np.stack(
            [views[:, 0], views[:, 0].cumsum(axis=2) / 2, 0 * views[:, 0]], 1
        )

    found = shift_consistency(model, images, moves, compare="dense")
    for image, row, change in zip(images, found.pairs, found.change, strict=True):
        maps = model(shifted_views(image, moves))
        agreement, changes = [], [0]
        for (one, u), (other, v) in itertools.combinations(zip(maps, moves), 2):  # noqa: B905
            same = []
            for place in np.ndindex(7, 9):  # of the image
                i, j = np.add(place, u), np.add(place, v)
                if all((k >= 0).all() and (k < (7, 9)).all() for k in (i, j)):
                    here, there = one[:, *i], other[:, *j]
                    same.append(here.argmax() == there.argmax())
                    changes.append(np.abs(here - there).max())
            agreement.append(np.mean(same))
        np.testing.assert_allclose(row, agreement, atol=1e-6)
        assert change == max(changes)


def test_maps_are_not_kept():
    image = np.zeros((1, 256, 256), np.float32)
    moves = [(down, right) for down in range(4) for right in range(4)]
    maps = np.zeros((1, 20, 256, 256), np.float32)
    tracemalloc.start()
    shift_consistency(lambda v: maps, [image], moves, batch_size=1, compare="dense")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * maps.nbytes  # the least, the most, their difference; not 16


@pytest.mark.parametrize(
    "model, options, words",
    [
        (sharp, {"labels": [0, 1]}, "labels must be None with compare='dense'"),
        (brightness, {}, "(n, classes, h, w) with two classes or more for 4 views"),
        (lambda v: sharp(v)[:, :1], {}, "two classes or more"),
        (lambda v: sharp(v)[..., :5], {}, "divide those of the views, got 8×5 for 8×8"),
        (
            lambda v: sharp(v)[..., ::2, ::2],
            {},
            "smaller than the views, got [0, 0] and [0, 1]; or",
        ),
        (sharp, {"shifts": [(0, 7), (0, -7)]}, "leave a part that two views share"),
        (lambda v: v[0], {"compare": "cosine"}, "(n, d) with d of two or more"),
        (lambda v: 0 * brightness(v), {"compare": "cosine"}, "no embedding of zeros"),
        (brightness, {"compare": lambda a, b: 2}, "from 0 to 1, got 2"),
        (brightness, {"compare": lambda a, b: a}, "from 0 to 1, got ndarray"),
        (brightness, {"compare": lambda a, b: np.nan}, "from 0 to 1, got"),
    ],
)
def test_what_cannot_be_compared_is_a_clear_error(model, options, words):
    arguments = {"shifts": [(0, 0), (0, 1)], "compare": "dense"} | options
    with pytest.raises(ValueError) as caught:
        shift_consistency(model, noise((2, 1, 8, 8)), **arguments)
    assert words in str(caught.value)


def test_masks_that_a_data_set_brings_are_left_alone():
    pairs = [(image, np.zeros((8, 8))) for image in noise((2, 1, 8, 8))]
    found = shift_report(sharp, pairs, compare="dense")
    assert found.consistency == 1 and found.labels is None
    with pytest.raises(TypeError, match="labels.0. must be a whole number"):
        shift_report(brightness, pairs)


# --- two networks ---------------------------------------------------------------------


def test_two_networks_are_compared_image_by_image():
    images, labels = noise((20, 1, 8, 8)), np.arange(20) % 2
    one = shift_report(brightness, images, labels)
    other = shift_report(lambda v: brightness(v[..., :4, :4]), images, labels)
    difference = one - other
    assert difference.difference == pytest.approx(one.consistency - other.consistency)
    ends = interval(one.agreement - other.agreement, -1, 1)
    assert (difference.low, difference.high) == pytest.approx(ends)
    assert f"{difference.low:+.1%} to {difference.high:+.1%}" in str(difference)
    assert (one - one).difference == 0 and (one - one).low < 0 < (one - one).high


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"images": noise((2, 3, 8, 8), 1)}, "the same images; what prepares"),
        ({"images": noise((2, 3, 8, 8))[::-1]}, "the same images"),
        ({"images": noise((3, 3, 8, 8)), "labels": [0, 1, 1]}, "the same images"),
        ({"shifts": [(0, 0), (1, 0)]}, "the same shifts"),
        ({"labels": [1, 1]}, "the same labels"),
        ({"size": 4}, "the same size"),
        ({"wrap": True}, "the same wrap"),
        ({"compare": "cosine", "labels": None}, "the same labels"),
    ],
)
def test_networks_are_compared_on_the_same_images_and_moves(changed, words):
    one, other = shift_consistency(**GOOD), shift_consistency(**{**GOOD, **changed})
    with pytest.raises(ValueError, match=f"other must be measured with {words}"):
        one - other
    with pytest.raises(TypeError):
        one - 1


# --- to take along --------------------------------------------------------------------


def test_a_report_is_json_and_a_frame():
    report = shift_consistency(**GOOD)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["consistency_low"] == report.consistency_low
    assert found["top"] == report.top.tolist() and found["size"] == [5, 5]
    assert found["images"] == 2 and found["accuracy"] == report.accuracy
    frame = report.to_frame()
    assert list(frame) == ["agreement", "change", "label", "right"]
    np.testing.assert_array_equal(frame["right"], report.right)
    bare = shift_consistency(brightness, noise((2, 1, 8, 8)), [(0, 0), (3, 3)])
    assert (
        json.dumps(bare.to_dict(), allow_nan=False) and bare.to_dict()["flips"] is None
    )


def test_who_types_strictly_finds_no_error(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        """
import numpy as np
from shifts.consistency import shift_consistency, shift_report, shifted_views

def model(views: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
    return views

images = np.zeros((3, 1, 9, 9))
report = shift_report(model, list(images), [0, 1, 2], size=8, compare="top")
other = shift_consistency(model, images, [(0, 0), (0.5, 1)], np.arange(3), wrap=True)
low: float = report.consistency_low
difference: float = (report - other).low
report.to_dict()["shifts"], report.figure, shifted_views(images[0], [(0, 1)])
""",
        "utf-8",
    )
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, script],
        env={**os.environ, "MYPYPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert (ROOT / "shifts" / "py.typed").exists()


# --- bad input ------------------------------------------------------------------------


def more_classes_for_equal_views(views):
    return np.ones((len(views), 3 if (views[0] == views[-1]).all() else 2))


def more_classes_for_one_view(views):
    return np.ones((len(views), 3 if len(views) == 1 else 2))


GOOD = {
    "model": brightness,
    "images": noise((2, 3, 8, 8)),
    "shifts": [(0, 0), (0, 1)],
    "labels": [0, 1],
    "size": 5,
    "wrap": False,
    "batch_size": 3,  # of 4 views: a second batch of one
}
TEXTS = np.full((3, 8, 8), "x")


class Session:
    """What an ONNX session has."""

    def run(self, names, inputs):
        raise NotImplementedError

    def get_inputs(self):
        raise NotImplementedError


BAD = [
    ("model", None, TypeError, "None"),
    ("model", "net", TypeError, "'net'"),
    ("model", lambda views: None, TypeError, "got None"),
    ("model", lambda v: [{"boxes": 1} for _ in v], TypeError, "a list of dict; hand"),
    ("model", Session(), TypeError, "lambda views: session.run("),
    ("model", lambda views: [[1, 2], [3]], TypeError, "got list"),
    ("model", lambda views: np.full((len(views), 2), "x"), TypeError, "real numbers"),
    ("model", lambda views: brightness(views) * 1j, TypeError, "complex128"),
    ("model", lambda views: brightness(views)[0], ValueError, "got shape (2,)"),
    ("model", lambda views: brightness(views)[:1], ValueError, "3 views"),
    ("model", lambda v: brightness(v)[:, :1], ValueError, "compare='difference'"),
    ("model", lambda v: v, ValueError, "compare='dense'"),
    ("model", lambda views: brightness(views)[..., None], ValueError, "(3, 2, 1)"),
    ("model", lambda views: brightness(views) * np.nan, ValueError, "NaN"),
    ("model", lambda views: brightness(views) * np.inf, ValueError, "infinity"),
    ("model", type, TypeError, "got type"),
    ("model", lambda v: {"out": v, "aux": v}, TypeError, "(views))['out']"),
    ("model", lambda v: (brightness(v), 0), TypeError, "a tuple with entries [0, 1]"),
    ("model", lambda v: np.eye(4)[: len(v)], ValueError, "the same answer"),
    ("model", more_classes_for_equal_views, ValueError, "always return 2 classes"),
    ("model", more_classes_for_one_view, ValueError, "2 classes, as it did first, got"),
    ("images", [], ValueError, "got none"),
    ("images", (), ValueError, "got none"),
    ("images", iter([]), ValueError, "got none"),
    ("images", 3, TypeError, "got 3"),
    ("images", noise((2, 8, 8, 3)), ValueError, "image.transpose(2, 0, 1)"),
    ("images", [noise((1, 8, 8)), noise((8, 8, 1))], ValueError, "images[1]"),
    ("images", [Image.new("RGB", (8, 4))] * 2, TypeError, "a PIL image"),
    ("images", [Image.new("RGB", (8, 3))] * 2, TypeError, "a PIL image"),
    ("images", [np.ma.ones((3, 8, 8))] * 2, TypeError, "without a mask"),
    ("images", DataLoader(PHOTOS, 2), ValueError, "loader.dataset"),
    ("images", ["photo.jpg"] * 2, TypeError, "'photo.jpg'"),
    ("labels", np.eye(2), TypeError, "labels[0]"),
    ("images", noise((3, 8, 8)), ValueError, "images[0]"),
    ("images", noise((8, 8)), ValueError, "got shape (8,)"),
    ("images", [[[1, 2], [3, 4]]] * 2, ValueError, "a grey image is image[None]"),
    ("images", [noise((3, 8, 8)), noise((3, 0, 8))], ValueError, "images[1]"),
    ("images", [noise((3, 8, 8)), TEXTS], TypeError, "ndarray of <U1"),
    ("images", dict(enumerate(noise((2, 3, 8, 8)))), TypeError, "got dict"),
    ("labels", {0: 1, 1: 0}, TypeError, "got dict"),
    ("labels", {0, 1}, TypeError, "got set"),
    ("labels", {0: 1, 1: 0}.keys(), TypeError, "got dict_keys"),
    ("labels", pandas.DataFrame({0: [1, 0], 1: [1, 0]}), TypeError, "DataFrame"),
    ("compare", "max", ValueError, "'cosine', 'difference' or a function"),
    ("compare", None, ValueError, "got None"),
    ("shifts", {(0, 0), (0, 1)}, TypeError, "got set"),
    ("shifts", {(0, 0): 0, (0, 1): 1}, TypeError, "got dict"),
    ("shifts", [], ValueError, "one or more pairs"),
    ("shifts", 3, ValueError, "got 3"),
    ("shifts", [0, 1], ValueError, "(down, right)"),
    ("shifts", [(0, 0, 0)], ValueError, "(down, right)"),
    ("shifts", [(0, 0.5), (0, 0)], TypeError, "got 0.5; parts of a pixel need wrap"),
    ("shifts", [(0, 0), (True, 0)], TypeError, "True"),
    ("shifts", [(0, 1), (0, 1)], ValueError, "two different moves"),
    ("shifts", [(0, 0), (0, 4)], ValueError, "(0, 4) for images[0] of 8×8"),
    ("shifts", [(0, 0), (-4, 0)], ValueError, "5×5 inside the image"),
    ("labels", [0], ValueError, "got 1 for 2 images"),
    ("labels", [0, 1, 0], ValueError, "got 3 for 2 images"),
    ("labels", [0, 2], ValueError, "from 0 to 1"),
    ("labels", [0, -1], ValueError, "got -1"),
    ("labels", [0, 1.0], TypeError, "1.0"),
    ("labels", 0, TypeError, "got 0"),
    ("size", 9, ValueError, "at most 8×8, that of images[0]"),
    ("size", 0, ValueError, "got 0×0"),
    ("size", (1, 2, 3), ValueError, "(1, 2, 3)"),
    ("size", 2.5, TypeError, "2.5"),
    ("size", (5, 2.5), TypeError, "2.5"),
    ("size", "5", TypeError, "'5'"),
    ("batch_size", 0, ValueError, "got 0"),
    ("batch_size", 1.5, TypeError, "1.5"),
]


@pytest.mark.parametrize("argument, value, error, words", BAD)
def test_bad_input_is_a_clear_error(argument, value, error, words):
    with pytest.raises(error) as caught:
        shift_consistency(**{**GOOD, argument: value})
    assert str(caught.value).startswith(argument) and words in str(caught.value)


@pytest.mark.parametrize(
    "argument, value, error, words",
    [row for row in BAD if row[0] not in ("model", "shifts")],
)
def test_bad_input_to_a_report_is_the_same_error(argument, value, error, words):
    arguments = {**GOOD, argument: value}
    del arguments["shifts"]
    with pytest.raises(error) as caught:
        shift_report(**arguments)
    assert str(caught.value).startswith(argument) and words in str(caught.value)


def test_the_same_call_with_good_input_works():
    assert shift_consistency(**GOOD).accuracy is not None


@pytest.mark.parametrize("move", [(4, 0), (-4, 0), (0, 5), (0, -5)])
def test_the_whole_image_must_not_be_pushed_out(move):
    with pytest.raises(ValueError, match="leave a part of the image in sight"):
        shifted_views(noise((1, 4, 5)), [(0, 0), move])


@pytest.mark.parametrize("move", [(2, 0), (-3, 0), (0, 3), (0, -4)])
def test_a_window_may_touch_the_border_and_not_cross_it(move):
    inside = move - np.sign(move)
    assert shifted_views(noise((1, 8, 9)), [inside], (5, 4)).shape == (1, 1, 5, 4)
    with pytest.raises(ValueError, match="keep a window of 5×4 inside the image"):
        shifted_views(noise((1, 8, 9)), [(0, 0), move], (5, 4))


@pytest.mark.parametrize(
    "shape, shift, size, words",
    [
        ((4, 5), (0, 0), None, "image must be a non-empty array of shape (C, H, W)"),
        ((1, 4, 5), (4, 0), None, "in sight, got (4, 0) for image of 4×5"),
        ((1, 4, 5), (0, 0), 5, "size must be at most 4×5, that of image, got 5×5"),
        ((1, 4, 5), (1, 0), 4, "4×4 inside the image, got (1, 0) for image of 4×5"),
    ],
)
def test_the_error_of_a_view_names_the_image_and_the_sizes(shape, shift, size, words):
    with pytest.raises(ValueError) as caught:
        shifted_views(noise(shape), [shift], size)
    assert words in str(caught.value)


def unused(views):
    raise AssertionError("the work has begun")


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"labels": [0, 1, 1]}, "got 3 for 4 images"),
        ({"labels": [0, 1]}, "got 2 for 4 images"),
        ({"labels": [0, 1, 1, -1.5]}, "labels[3]"),
        ({"images": [*PHOTOS[:3], PHOTOS[0, :2, :, :3]], "size": 4}, "images[3]"),
        ({"images": [*PHOTOS[:3], PHOTOS[0, :, :4]]}, "images[3] of 4×8"),
        ({"images": [*PHOTOS[:3], PHOTOS[0].T]}, "images[3]"),
        ({"images": [*PHOTOS[:3], "x"]}, "images[3]"),
        ({"images": [(PHOTOS[0], 1), PHOTOS[1]]}, "images[1] unlike images[0]"),
        ({"images": [(PHOTOS[0], 1)], "labels": [1]}, "images[0] brings its own"),
        ({"images": [(PHOTOS[0], 1), (PHOTOS[1], 0.5)]}, "labels[1]"),
    ],
)
def test_all_that_can_be_known_is_checked_before_the_work(changed, words):
    arguments = {"images": PHOTOS, "shifts": [(0, 0), (5, 0)], **changed}
    arguments["shifts"] = [(0, 0), (0, 1)] if "size" in changed else [(0, 0), (5, 0)]
    with pytest.raises((ValueError, TypeError)) as caught:
        shift_consistency(unused, **arguments)
    assert words in str(caught.value)


def test_labels_are_checked_with_the_first_answer():
    calls = []

    def model(views):
        calls.append(len(views))
        return brightness(views)

    with pytest.raises(ValueError, match="from 0 to 1"):
        shift_consistency(model, PHOTOS, MOVES, [0, 1, 0, 2], batch_size=2)
    assert len(calls) == 2  # the first batch, and its first view again


@pytest.mark.parametrize(
    "count, words",
    [(2, "got 2 for 3 images or more"), (5, "got 5 for 4 images"), (0, "got 0 for 1")],
)
def test_the_number_of_labels_of_a_generator_is_checked(count, words):
    with pytest.raises(ValueError, match=f"{words}( images or more)?$"):
        shift_consistency(brightness, iter(PHOTOS), MOVES, [0] * count)


@pytest.mark.parametrize("labels", [None, [], [0], [0, 1]])
def test_a_generator_without_images_is_named_whatever_the_labels(labels):
    with pytest.raises(ValueError, match="images must hold at least one image"):
        shift_consistency(brightness, iter([]), MOVES, labels)


def test_a_report_needs_room_to_move():
    with pytest.raises(ValueError, match="8×7 for images.0. of 8×8"):
        shift_report(brightness, PHOTOS, size=(8, 7))


def test_examples():
    names = ("agreement", "consistency", "intervals", "report", "views")
    modules = [importlib.import_module(f"shifts.{name}") for name in names]
    results = [doctest.testmod(module) for module in modules]
    assert not any(result.failed for result in results)
    assert sum(result.attempted for result in results) > 10
