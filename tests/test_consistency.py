"""shifted_views and shift_consistency against closed forms, and bad input."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from consistency import shift_consistency, shifted_views
from helpers import convolve, translate

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


def test_one_number_is_the_side_of_a_square_window():
    image = noise((1, 7, 8))
    pair = shifted_views(image, [(1, -1)], size=(5, 5))
    np.testing.assert_array_equal(shifted_views(image, [(1, -1)], size=5), pair)


def test_with_wrap_a_window_may_go_anywhere():
    image = noise((1, 5, 5))
    (view,) = shifted_views(image, [(7, -11)], size=3, wrap=True)
    moved = np.roll(image, (7, -11), axis=(1, 2))
    np.testing.assert_array_equal(view, moved[:, 1:4, 1:4])


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


# --- bad input ------------------------------------------------------------------------

GOOD = {
    "model": brightness,
    "images": noise((2, 3, 8, 8)),
    "shifts": [(0, 0), (0, 1)],
    "labels": [0, 1],
    "size": 5,
    "wrap": False,
    "batch_size": 4,
}
TEXTS = np.full((3, 8, 8), "x")
BAD = [
    ("model", None, TypeError, "None"),
    ("model", "net", TypeError, "'net'"),
    ("model", lambda views: None, TypeError, "got ndarray of object"),
    ("model", lambda views: [[1, 2], [3]], TypeError, "got list"),
    ("model", lambda views: np.full((len(views), 2), "x"), TypeError, "real numbers"),
    ("model", lambda views: brightness(views) * 1j, TypeError, "complex128"),
    ("model", lambda views: brightness(views)[0], ValueError, "got shape (2,)"),
    ("model", lambda views: brightness(views)[:1], ValueError, "4 views"),
    ("model", lambda views: brightness(views)[:, :1], ValueError, "two classes"),
    ("model", lambda views: brightness(views)[..., None], ValueError, "(4, 2, 1)"),
    ("model", lambda views: brightness(views) * np.nan, ValueError, "NaN"),
    ("model", lambda views: brightness(views) * np.inf, ValueError, "infinity"),
    ("images", [], ValueError, "got none"),
    ("images", noise((3, 8, 8)), ValueError, "images[0]"),
    ("images", noise((8, 8)), ValueError, "got shape (8,)"),
    ("images", [noise((3, 8, 8)), noise((3, 0, 8))], ValueError, "images[1]"),
    ("images", [noise((3, 8, 8)), TEXTS], TypeError, "ndarray of <U1"),
    ("shifts", [], ValueError, "one or more pairs"),
    ("shifts", 3, ValueError, "got 3"),
    ("shifts", [0, 1], ValueError, "(down, right)"),
    ("shifts", [(0, 0, 0)], ValueError, "(down, right)"),
    ("shifts", [(0, 0.5), (0, 0)], TypeError, "0.5"),
    ("shifts", [(0, 0), (0, True)], TypeError, "True"),
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
    ("size", "5", TypeError, "'5'"),
    ("batch_size", 0, ValueError, "got 0"),
    ("batch_size", 1.5, TypeError, "1.5"),
]


@pytest.mark.parametrize("argument, value, error, words", BAD)
def test_bad_input_is_a_clear_error(argument, value, error, words):
    with pytest.raises(error) as caught:
        shift_consistency(**{**GOOD, argument: value})
    assert str(caught.value).startswith(argument) and words in str(caught.value)


def test_the_same_call_with_good_input_works():
    assert shift_consistency(**GOOD).accuracy is not None


@pytest.mark.parametrize("move", [(4, 0), (-4, 0), (0, 5), (0, -5)])
def test_the_whole_image_must_not_be_pushed_out(move):
    with pytest.raises(ValueError, match="leave a part of the image in sight"):
        shifted_views(noise((1, 4, 5)), [(0, 0), move])
