"""The layers of notebook 6, taken from its cells, against their definitions."""

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from notebook_checks import ROOT, code_cells, tags


def layers() -> dict:
    path = ROOT / "notebooks" / "06_repair.ipynb"
    names = {"torch": torch, "F": F}
    for cell in code_cells(nbformat.read(path, as_version=4)):
        if "layers" in tags(cell):
            exec(cell.source, names)
    return names


LAYERS = layers()


def pictures(seed, channels, side, values):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(values, (2, channels, side, side), generator=random).double()


def is_moved_copy(a, b):
    moves = np.ndindex(*a.shape[1:])
    return any(torch.equal(a.roll(move, (1, 2)), b) for move in moves)


def follows_every_move(layer, x):
    before = layer(x)
    return all(
        is_moved_copy(old, new)
        for move in np.ndindex(*x.shape[2:])
        for old, new in zip(before, layer(x.roll(move, (2, 3))), strict=True)
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [4, 6, 10])
def test_blurred_pooling_is_a_convolution(channels, side):
    x = pictures(0, channels, side, 100)
    highest = F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="circular"), 2, stride=1)
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).double() / 16
    expected = F.conv2d(
        F.pad(highest, (1, 1, 1, 1), mode="circular"),
        kernel.expand(channels, 1, 3, 3),
        stride=2,
        groups=channels,
    )
    torch.testing.assert_close(LAYERS["blurred_pooling"](x), expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channels", [1, 3])
# With few values, the norms of two components often tie.
@pytest.mark.parametrize("values", [1000, 3, 2])
def test_polyphase_follows_every_move(seed, channels, values):
    assert follows_every_move(LAYERS["polyphase"], pictures(seed, channels, 8, values))


def mirrored():
    x = pictures(0, 1, 8, 1000)
    return x + x.flip(3).roll(1, 3)


def lone_pixel():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 5] = 1
    return x


TIES = {
    "mirror images": mirrored(),
    "a lone pixel": lone_pixel(),
    "all equal": torch.ones(1, 2, 6, 6),
    "checkers": (torch.arange(8) % 2).expand(1, 1, 8, 8).clone().double(),
}


@pytest.mark.parametrize("x", TIES.values(), ids=TIES)
def test_polyphase_follows_every_move_with_ties(x):
    assert follows_every_move(LAYERS["polyphase"], x)


def test_the_norm_alone_does_not_break_ties():
    assert not follows_every_move(LAYERS["polyphase_by_norm"], mirrored())


def test_a_stride_does_not_follow():
    assert not follows_every_move(lambda x: F.max_pool2d(x, 2), pictures(0, 1, 8, 1000))


def test_polyphase_keeps_the_component_of_largest_norm():
    x = pictures(1, 2, 8, 1000)
    highest = LAYERS["dense_max"](x)
    parts = [highest[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
    for image, kept in enumerate(LAYERS["polyphase"](x)):
        largest = max((part[image] for part in parts), key=torch.linalg.vector_norm)
        assert torch.equal(kept, largest)
