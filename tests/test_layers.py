"""layers.py against its definitions, its peers, whole networks, and bad input."""

import ast
import copy
import doctest
import warnings
from functools import partial

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from notebook_checks import ROOT, code_cells, tags
from torch import nn

from shifts import layers
from shifts.layers import Align, BlurPool, DenseMax, Polyphase, swap_strides

SIDES = [(2, 2), (4, 6), (10, 8)]
F_PAD = {"circular": "circular", "zeros": "constant", "reflect": "reflect"}


def pictures(seed, channels, sides, values, count=2):
    random = torch.Generator().manual_seed(seed)
    shape = (count, channels, *sides)
    return torch.randint(values, shape, generator=random).double()


# The source


def code_of(function):
    """What a function does: no docstring, comment or annotation."""
    function = copy.deepcopy(function)
    function.returns = None
    for argument in ast.walk(function.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    if ast.get_docstring(function) is not None:
        del function.body[0]
    return ast.unparse(function)


def functions(source):
    nodes = ast.parse(source).body
    return {n.name: code_of(n) for n in nodes if isinstance(n, ast.FunctionDef)}


def faults(notebook, module):
    cells = [cell for cell in code_cells(notebook) if "layers" in tags(cell)]
    shown = {k: v for cell in cells for k, v in functions(cell.source).items()}
    stands = functions(module)
    other = [
        f"{k} is not that of layers.py" for k in shown if shown[k] != stands.get(k)
    ]
    return other if shown else ["shows no function of layers.py"]


def test_the_notebook_shows_the_code_that_stands_here():
    notebook = nbformat.read(ROOT / "notebooks" / "06_repair.ipynb", as_version=4)
    assert not faults(notebook, (ROOT / "shifts" / "layers.py").read_text("utf-8"))


def shows(source, tag="layers"):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    "source, found",
    [
        ("def f(x):\n    return x + 1", 0),
        ("def f(x):\n    return x + 2", 1),
        ("def f(x, y):\n    return x + 1", 1),
        ("def g(x):\n    return x + 1", 1),
        ("def f(x):\n    return x + 2\n\n\ndef g(x):\n    return x", 2),
        ("x = 1", 1),
    ],
)
def test_another_source_is_found(source, found):
    module = 'def f(x: int) -> int:\n    """Add one."""\n    return x + 1  # one\n'
    assert len(faults(shows(source), module)) == found
    assert faults(shows(source, "other"), module) == ["shows no function of layers.py"]


def test_it_needs_torch_alone():
    tree = ast.walk(ast.parse((ROOT / "shifts" / "layers.py").read_text("utf-8")))
    found = [n for n in tree if isinstance(n, ast.Import | ast.ImportFrom)]
    # The check alone needs a neighbour, and imports it when it is called.
    found.remove(next(n for n in found if getattr(n, "level", 0)))
    names = [[n.module] if isinstance(n, ast.ImportFrom) else n.names for n in found]
    roots = {getattr(n, "name", n).split(".")[0] for group in names for n in group}
    assert roots == {"copy", "collections", "typing", "torch"}


def test_the_examples_run():
    failed, attempted = doctest.testmod(layers)
    public = [n for n in vars(layers).values() if hasattr(n, "__doc__")]
    public = [n for n in public if getattr(n, "__module__", "") == "shifts.layers"]
    examples = [n for n in public if not n.__name__.startswith("_")]
    assert all(">>> " in n.__doc__ for n in examples)
    assert failed == 0 and attempted >= len(examples) > 10


# Maximum and blur, against PyTorch's


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("sides", [(5, 7), (6, 8)])
def test_dense_max_is_a_max_pooling(size, sides):
    x = pictures(0, 3, sides, 1000) - 500
    before, after = (size - 1) // 2, size // 2
    padded = F.pad(x, (before, after, before, after), mode="circular")
    assert torch.equal(layers.dense_max(x, size), F.max_pool2d(padded, size, stride=1))


def test_dense_max_and_a_stride_are_the_usual_pooling():
    x = pictures(0, 3, (6, 8), 1000) - 500
    assert torch.equal(DenseMax()(x)[..., ::2, ::2], F.max_pool2d(x, 2))
    usual = F.max_pool2d(x, 3, stride=2, padding=1)[..., 1:, 1:]
    assert torch.equal(DenseMax(3)(x)[..., 2::2, 2::2], usual)


def blur_by_definition(x, padding):
    kernel = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]).to(x) / 16
    kernel = kernel.expand(x.shape[1], 1, 3, 3)
    padded = F.pad(x, (1, 1, 1, 1), mode=F_PAD[padding])
    return F.conv2d(padded, kernel, stride=2, groups=x.shape[1])


@pytest.mark.parametrize("padding", F_PAD)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sides", SIDES)
def test_blur_is_a_convolution(padding, channels, sides):
    x = pictures(0, channels, sides, 100)  # of which no sum is rounded
    assert torch.equal(BlurPool(padding)(x), blur_by_definition(x, padding))


def of_adobe(channels, padding):
    pads = {"zeros": "zero", "reflect": "reflect"}
    module = pytest.importorskip("antialiased_cnns")
    return padding in pads and module.BlurPool(channels, pads[padding], filt_size=3)


def of_timm(channels, padding):
    layers = pytest.importorskip("timm.layers")
    return layers.BlurPool2d(channels, pad_mode=F_PAD[padding])


def of_kornia(channels, padding):
    filters = pytest.importorskip("kornia.filters")
    return padding == "zeros" and filters.BlurPool2D(3)


@pytest.mark.parametrize("padding", F_PAD)
@pytest.mark.parametrize("peer", [of_adobe, of_timm, of_kornia])
def test_blur_is_that_of_its_peers(peer, padding):
    blur = peer(3, padding)
    if not blur:
        pytest.skip("it has no such padding")
    for sides in SIDES:
        x = torch.randn(2, 3, *sides, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(BlurPool(padding)(x), blur(x))


@pytest.mark.parametrize("padding", F_PAD)
def test_blur_has_the_gradient_of_a_convolution(padding):
    x = pictures(0, 2, (4, 6), 100).requires_grad_()
    weights = pictures(1, 2, (2, 3), 100)
    (layers.blur_pool(x, padding) * weights).sum().backward()
    found, x.grad = x.grad, None
    (blur_by_definition(x, padding) * weights).sum().backward()
    assert torch.equal(found, x.grad)


def test_nothing_is_changed_in_place():
    x = pictures(0, 2, (4, 6), 100)
    before = x.clone()
    for padding in F_PAD:
        layers.blur_pool(x, padding)
    for layer in (DenseMax(3), Polyphase(), Align()):
        layer(x)
    assert torch.equal(x, before)


# The choice


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


def by_norm(x):
    """Adaptive polyphase sampling from its definition, whose ties go to a name."""
    parts = [x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
    norms = torch.stack([torch.linalg.vector_norm(p, dim=(1, 2, 3)) for p in parts])
    largest = norms.argmax(0).tolist()
    return torch.stack([parts[which][image] for image, which in enumerate(largest)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channels", [1, 3])
# With few values, the norms of two components often tie.
@pytest.mark.parametrize("values", [1000, 3, 2])
@pytest.mark.parametrize("sides", [(8, 8), (6, 10)])
def test_polyphase_follows_every_move(seed, channels, values, sides):
    x = pictures(seed, channels, sides, values) - values // 3
    assert follows_every_move(Polyphase(), x)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64", "int32"])
def test_polyphase_follows_in_every_type(kind):
    x = pictures(0, 2, (8, 8), 2000).to(getattr(torch, kind))
    x[1] += x[1].flip(2)  # a tie
    kept = Polyphase()(x)
    assert kept.dtype == x.dtype and follows_every_move(Polyphase(), x)
    exact = Polyphase()(x.double())
    assert torch.equal(kept.double(), exact)


def mirrored(side=8):
    """Two components of one norm, each the mirror image of the other."""
    x = pictures(0, 1, (side, side), 1000, count=1)
    return x + x.flip(3)


def lone_pixel():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 5] = 1
    return x


def swapped_channels():
    a, b = pictures(0, 2, (4, 4), 100)[0]
    x = torch.zeros(1, 2, 8, 8).double()
    x[0, :, ::2, ::2], x[0, :, ::2, 1::2] = torch.stack([a, b]), torch.stack([b, a])
    return x


def opposite():
    x = torch.zeros(1, 1, 8, 8).double()
    x[..., ::2, ::2] = pictures(0, 1, (4, 4), 100, count=1)
    return x - x.roll(1, 3)


TIES = {
    "mirror images": mirrored(),
    "upside down": mirrored().mT,
    "a half turn": mirrored() + mirrored().flip(2),
    "a lone pixel": lone_pixel(),
    "all equal": torch.ones(1, 2, 6, 6),
    "nothing": torch.zeros(1, 2, 6, 6),
    "checkers": (torch.arange(8) % 2).expand(1, 1, 8, 8).clone().double(),
    "channels swapped": swapped_channels(),
    "one the negative of the other": opposite(),
}


@pytest.mark.parametrize("x", TIES.values(), ids=TIES)
def test_polyphase_follows_every_move_with_ties(x):
    assert follows_every_move(Polyphase(), x)


@pytest.mark.parametrize("x", [mirrored(), mirrored().mT, swapped_channels()])
def test_the_norm_alone_does_not_break_ties(x):
    assert not follows_every_move(by_norm, x)


def test_a_stride_does_not_follow():
    x = pictures(0, 1, (8, 8), 1000)
    assert not follows_every_move(lambda x: F.max_pool2d(x, 2), x)
    assert not follows_every_move(BlurPool(), x)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(64, 8, 32, 32), (64, 32, 8, 8), (2, 64, 28, 28)])
def test_polyphase_is_that_of_its_authors_where_nothing_ties(kind, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=kind)
    assert torch.equal(Polyphase()(x), by_norm(x))


def test_a_tie_in_one_image_does_not_touch_the_others():
    others = pictures(0, 1, (8, 8), 1000, count=8)
    chosen = layers.choose(torch.cat([mirrored(), others]))
    assert torch.equal(chosen[1:], layers.choose(others))


def test_rounding_does_not_choose():
    random = torch.Generator().manual_seed(0)
    x = mirrored(64) * torch.rand(1, 64, 1, 1, generator=random).double()
    moved = [x.roll(by, 3) for by in range(0, 64, 2)]
    assert len({sum_of_squares(x).item() for x in moved}) > 1
    assert len({layers.choose(x).item() for x in moved}) == 1


def sum_of_squares(x):
    return x[..., ::2, ::2].square().sum()


def test_nan_goes_through():
    for number in (float("nan"), float("inf")):
        for place in np.ndindex(2, 2):
            x = pictures(0, 1, (8, 8), 10)
            x[0, 0, place[0], place[1]] = number
            assert not Polyphase()(x)[0].isfinite().all()


def test_a_device_without_float64_gets_float32(monkeypatch):
    class OnMps:
        device = torch.device("mps")

        def to(self, kind):
            return kind

    assert layers.widest(OnMps()) == torch.float32
    monkeypatch.setattr(layers, "widest", lambda x: x.float())
    for x in TIES.values():
        assert follows_every_move(Polyphase(), x)


def test_align_puts_the_choice_where_a_stride_reads():
    for x in [pictures(0, 2, (6, 8), 1000), *TIES.values()]:
        assert torch.equal(Align()(x)[..., ::2, ::2], Polyphase()(x))
        follows = nn.Sequential(Align(), DenseMax(3), nn.MaxPool2d(1, 2))
        assert follows_every_move(follows, x)


def test_a_branch_keeps_what_another_chose():
    x = pictures(0, 2, (8, 8), 1000)
    choice = layers.choose(x)
    sum_of_branches = layers.keep(x, choice) + layers.keep(x.square(), choice)
    assert torch.equal(sum_of_branches, layers.keep(x + x.square(), choice))


def test_the_gradient_goes_to_what_was_kept():
    x = pictures(0, 2, (4, 4), 1000).requires_grad_()
    Polyphase()(x).sum().backward()
    assert torch.equal(Polyphase()(x.grad), torch.ones(2, 2, 2, 2))
    assert x.grad.sum() == 2 * 2 * 4


# Bad input


@pytest.mark.parametrize("layer", [BlurPool(), Polyphase(), Align()])
@pytest.mark.parametrize("shape", [(1, 1, 15, 16), (1, 1, 16, 15), (16, 16), (1, 4, 4)])
def test_odd_sides_are_refused(layer, shape):
    with pytest.raises(ValueError, match="x must .* even height and width.*16|4"):
        layer(torch.zeros(shape))


def test_unknown_padding_is_refused():
    wanted = "padding must be 'circular', 'zeros' or 'reflect', got 'wrap'"
    with pytest.raises(ValueError, match=wanted):
        layers.blur_pool(torch.zeros(1, 1, 4, 4), "wrap")
    with pytest.raises(ValueError, match=wanted):
        swap_strides(nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1)), BlurPool, padding="wrap")


class OwnForward(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1)


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return F.conv2d(x, weight, bias, padding=1)


class OwnPooling(nn.MaxPool2d):
    def forward(self, x):
        return F.max_pool2d(x, 3, 2, 1)


class Foreign(nn.Module):
    stride = 2


class ForeignPad(nn.ZeroPad2d):
    pass


REFUSED = {
    "network must convolve with Conv2d padded to half its size": [
        nn.Conv2d(3, 8, 11, stride=4, padding=5),
        nn.Conv2d(3, 8, 3, stride=2),
        nn.Conv2d(3, 8, 2, stride=2),
        nn.Conv2d(3, 8, 3, stride=(1, 2), padding=1),
        nn.Conv2d(3, 8, 3),
        nn.Conv2d(3, 8, 3, padding="valid"),
        nn.Conv2d(3, 8, 4, padding=1),
        nn.Conv2d(3, 8, 3, padding=1, dilation=2),
    ],
    "network must pool with MaxPool2d padded to half": [
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d(3),
        nn.MaxPool2d((2, 3), 2, (0, 1)),
        nn.MaxPool2d((3, 1), 1, (1, 0)),
        nn.MaxPool2d((1, 3), 1, (0, 1)),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d(3, 2, 1, dilation=2),
        nn.MaxPool2d(2, return_indices=True),
        nn.MaxPool2d(2, 1),
        nn.MaxPool2d(3, 1),
    ],
    "network must pool with AvgPool2d padded to half": [
        nn.AvgPool2d(3),
        nn.AvgPool2d(4),
        nn.AvgPool2d(4, 2, 1),
        nn.AvgPool2d(2, 1, 1),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, divisor_override=3),
    ],
    "network must run the forward of Conv2d, not one of a subclass": [
        OwnForward(1, 1, 3, padding=1),
        OwnConvolution(1, 1, 3, padding=1),
    ],
    "network must run the forward of MaxPool2d": [OwnPooling(3, 2, 1)],
    "network must pad in its convolutions alone": [
        nn.ZeroPad2d(1),
        nn.ConstantPad2d((0, 1, 0, 1), 0),
        nn.ReflectionPad2d(1),
        nn.ReplicationPad2d(1),
        nn.CircularPad2d(1),
        ForeignPad(1),
    ],
    "network must pool the whole map to one place": [
        nn.AdaptiveAvgPool2d(7),
        nn.AdaptiveMaxPool2d((1, 2)),
    ],
    "network must enlarge by mode 'nearest'": [
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.UpsamplingBilinear2d(scale_factor=2),
    ],
    "network must have no weights for each place": [nn.LayerNorm([1, 8, 8])],
    "network must have no windows but those of Conv2d, MaxPool2d and AvgPool2d": [
        nn.LPPool2d(2, 2),
        nn.FractionalMaxPool2d(2, output_ratio=0.5),
        nn.MaxUnpool2d(2),
        nn.AdaptiveAvgPool3d(1),
        nn.PixelUnshuffle(2),
        nn.PixelShuffle(2),
        nn.ConvTranspose2d(1, 1, 2, 2),
        nn.Conv3d(1, 1, 3, padding=1),
        nn.Unfold(2),
        nn.Fold(4, 2),
        Foreign(),
    ],
}
REFUSALS = [(wanted, layer) for wanted, layers in REFUSED.items() for layer in layers]


@pytest.mark.parametrize("wanted, layer", REFUSALS, ids=str)
def test_what_cannot_follow_is_refused_with_its_name(wanted, layer):
    network = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), layer)
    with pytest.raises(ValueError) as error:
        swap_strides(network, Polyphase)
    assert str(error.value).startswith(wanted)
    assert str(error.value).endswith(f", got 1: {layer}")


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 3, 4, padding="same"),
        nn.Conv2d(3, 3, 1, padding="valid"),
        nn.Conv2d(3, 3, (3, 5), 2, (2, 4), dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(5, 1, 2),
        nn.AvgPool2d(2),
        nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, 1),
        nn.ZeroPad2d(0),
        nn.AdaptiveMaxPool2d((None, None)),
        nn.Upsample(scale_factor=2),
        nn.LayerNorm([3, 32, 32], elementwise_affine=False),
        nn.GroupNorm(1, 3),
        nn.LocalResponseNorm(2),
    ],
    ids=str,
)
def test_what_follows_is_not_refused(layer):
    torch.manual_seed(0)
    network = nn.Sequential(layer, nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), GLOBAL)
    swap_strides(network, Polyphase, check=torch.rand(2, 3, 32, 32))


GLOBAL = nn.AdaptiveAvgPool2d(1)


def test_a_network_without_strides_is_refused():
    with pytest.raises(ValueError, match="network must have .* stride 2"):
        swap_strides(nn.Sequential(nn.Conv2d(1, 1, 1)), Polyphase)


@pytest.mark.parametrize(
    "blocks, kind, said",
    [
        ("layer2.0", TypeError, "blocks must be .*, such as .'layer2.0'., got the str"),
        (["3"], ValueError, "blocks must name modules of the network, got '3'"),
        ([""], ValueError, "blocks must name modules of the network, got ''"),
        (["2", "2.0"], ValueError, "blocks must not hold each other, got"),
        (["2"], ValueError, "must go down once.*, got 2 with strides in 0 and 1 in a"),
        (["0"], ValueError, "all places of a layer that is used twice, .* of 0"),
    ],
)
def test_blocks_that_cannot_be_are_refused(blocks, kind, said):
    pool = nn.MaxPool2d(2)
    row = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 3, 2, 1))
    with pytest.raises(kind, match=said):
        swap_strides(nn.Sequential(pool, pool, row), Polyphase, blocks)


@pytest.mark.parametrize("images", [torch.zeros(1, 1, 8, 8), torch.zeros(8, 8), 3, "x"])
def test_a_check_needs_two_images(images):
    with pytest.raises(ValueError, match="check must be two images"):
        swap_strides(nn.Sequential(nn.MaxPool2d(2)), Polyphase, check=images)


@pytest.mark.parametrize(
    "images, said",
    [
        (torch.rand(2, 3, 8, 8), r"take the images.*got \(8, 3, 8, 8\).*channels"),
        (torch.rand(2, 1, 6, 6), r"sides must stay even.*even height and width"),
        (torch.ones(2, 1, 8, 8), "check must be images that get different answers"),
        (torch.full((2, 1, 8, 8), torch.nan), "network must return finite vectors"),
    ],
)
def test_a_check_that_shows_nothing_says_so(images, said):
    chain = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.MaxPool2d(2), GLOBAL)
    with pytest.raises(ValueError, match=said):
        swap_strides(chain, Polyphase, check=images)


# Whole networks

BLOCKS = ["layer2.0", "layer3.0", "layer4.0"]
every_second = partial(nn.MaxPool2d, 1, 2)


@pytest.fixture(scope="module")
def resnet():
    from torchvision.models import resnet18

    torch.manual_seed(0)
    return resnet18(num_classes=10)


def noise(count=2):
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def change(network, x):
    """Largest change of a logit over a few circular moves."""
    # With the statistics of no batch, every image gets one answer.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()(x)
    network.eval()
    moves = [(0, 0), (1, 0), (0, 1), (13, 22)]
    logits = torch.stack([network(x.roll(move, (2, 3))) for move in moves])
    return (logits.amax(0) - logits.amin(0)).max().item()


def test_a_resnet_follows_if_its_branches_share_a_choice(resnet):
    assert change(swap_strides(resnet, Polyphase, BLOCKS), noise()) < 1e-5


@pytest.mark.parametrize(
    "down, blocks, padding",
    [
        (every_second, (), "circular"),
        (BlurPool, (), "circular"),
        (Polyphase, (), "circular"),
        (Polyphase, BLOCKS[:2], "circular"),
        (Polyphase, BLOCKS, "zeros"),
    ],
    ids=["plain", "blurred", "each for itself", "one apart", "zero-padded"],
)
def test_a_resnet_does_not_follow_else(resnet, down, blocks, padding):
    assert change(swap_strides(resnet, down, blocks, padding), noise()) > 0.1


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_resnet_follows_in_other_types(resnet, kind):
    follows = swap_strides(resnet, Polyphase, BLOCKS).to(kind)
    small = noise()[..., :32, :32].to(kind)
    assert change(follows, small) < (1e-7 if kind == torch.float64 else 0.05)


def names(network):
    return {name: type(module).__name__ for name, module in network.named_modules()}


def test_swapping_leaves_the_network_as_it_is(resnet):
    before, state = names(resnet), copy.deepcopy(resnet.state_dict())
    swapped = swap_strides(resnet, Polyphase, BLOCKS)
    assert names(resnet) == before
    assert all(torch.equal(resnet.state_dict()[k], v) for k, v in state.items())
    strides = [m.stride for m in resnet.modules() if isinstance(m, nn.Conv2d)]
    assert strides.count((2, 2)) == 7
    modes = {m.padding_mode for m in resnet.modules() if isinstance(m, nn.Conv2d)}
    assert modes == {"zeros"}
    assert len(swapped.state_dict()) == len(state)


def test_swapping_in_plain_strides_changes_nothing(resnet):
    with torch.inference_mode():
        before = resnet.eval()(noise())
        same = swap_strides(resnet, every_second, padding="zeros").eval()
        torch.testing.assert_close(same(noise()), before)


@pytest.mark.parametrize("padding", F_PAD)
@pytest.mark.parametrize("size", [2, 3])
def test_a_dense_pooling_and_a_stride_are_the_usual_one(padding, size):
    pool = nn.Sequential(nn.MaxPool2d(size, 2, (size - 1) // 2))
    x = pictures(0, 2, (8, 6), 1000) - 2000
    inside = slice(None), slice(None), slice(1, None), slice(1, None)
    assert swap_strides(pool, nn.Identity, padding=padding)(x).shape == x.shape
    swapped = swap_strides(pool, every_second, padding=padding)
    assert torch.equal(swapped(x)[inside], pool(x)[inside])
    if padding != "circular":
        assert torch.equal(swapped(x), pool(x))


def test_a_pooling_without_a_stride_stays_without():
    usual = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(2))
    x = pictures(0, 2, (8, 6), 1000)
    for padding in ("zeros", "reflect"):
        swapped = swap_strides(usual, every_second, padding=padding)
        assert torch.equal(swapped(x), usual(x))
    whole = nn.AvgPool2d((4, 3), 1)  # pads nothing, and so may stay
    follows = swap_strides(usual.append(whole), Polyphase)
    assert follows[-1] is not whole and follows[-1].stride == 1
    assert follows_every_move(follows, x)


def test_a_pooling_within_a_block_shares_its_choice():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool, self.conv = nn.MaxPool2d(3, 2, 1), nn.Conv2d(1, 1, 3, 2, 1)

        def forward(self, x):
            return self.pool(x) + self.conv(x)

    torch.manual_seed(0)
    network = nn.Sequential(Block().double())
    network[0].conv.weight.data.round_(decimals=1).mul_(10)
    network[0].conv.bias.data.zero_()
    x = pictures(0, 1, (8, 8), 1000)
    shared = swap_strides(network, Polyphase, ["0"])
    assert follows_every_move(shared, x)
    assert torch.equal(shared(x), swap_strides(network, every_second)(Align()(x)))
    assert not follows_every_move(swap_strides(network, Polyphase), x)


def small(*layers):
    """Go down twice, and in between or behind do what the layers do."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *layers)


class Does(nn.Module):
    """Have a forward that holds a function, and perhaps layers for it."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.function(self, x)


def embedded(_, x):
    return x - torch.linspace(0, 1, x.shape[-1]).to(x)


END = GLOBAL, nn.Flatten()
RELU = nn.ReLU(), *END
BRANCHES = {"a": nn.Conv2d(8, 8, 3, 2, 1), "b": nn.Conv2d(8, 8, 1, 2)}
TWICE = {"a": nn.Conv2d(8, 8, 3, 2, 1), "b": nn.Conv2d(8, 8, 3, 2, 1)}
# What no kind and no setting tells; the blocks; and what the check says is off.
SILENT = {
    "flatten": ([nn.Flatten(), nn.Linear(2048, 5)], (), "2: Flatten"),
    "a function": ([Does(lambda _, x: F.max_pool2d(x, 2)), *END], (), "2: Does"),
    "a slice": ([Does(lambda _, x: x[..., ::2, ::2]), *END], (), "2: Does"),
    "bilinear": (
        [Does(lambda _, x: F.interpolate(x, scale_factor=1.5)), nn.ReLU(), *END],
        (),
        "2: Does",
    ),
    "padding": (
        [Does(lambda _, x: F.pad(x, (1, 1, 1, 1))), nn.Conv2d(8, 8, 3, 1, 1), *RELU],
        (),
        "2: Does",
    ),
    "an embedding of places": ([Does(embedded), *RELU], (), "2: Does"),
    "a part": ([nn.AvgPool2d(2, 1), nn.ReLU(), *END], (), "2: AvgPool2d"),
    "branches apart": (
        [Does(lambda m, x: m.a(x) + m.b(x), **BRANCHES), nn.ReLU(), *END],
        (),
        "what a forward does before 3: ReLU",
    ),
    "a row in a block": (
        [Does(lambda m, x: m.b(F.relu(m.a(x))), **TWICE), nn.ReLU(), *END],
        ["2"],
        "2.1.b: Conv2d",
    ),
    "a U-Net": (
        [
            Does(
                lambda m, x: x + m.up(m.a(x)),
                a=nn.Conv2d(8, 8, 3, 2, 1),
                up=nn.Upsample(scale_factor=2),
            ),
            nn.ReLU(),
        ],
        (),
        "what a forward does before 3: ReLU",
    ),
    "the end": (
        [Does(lambda m, x: m.a(x).flatten(1), a=nn.Conv2d(8, 8, 1))],
        (),
        "what a forward does behind the last module",
    ),
}


@pytest.mark.parametrize("layers, blocks, culprit", SILENT.values(), ids=SILENT)
def test_a_check_names_what_does_not_follow(layers, blocks, culprit):
    network, x = small(*layers), torch.rand(2, 3, 32, 32)
    assert swap_strides(network, Polyphase, blocks)  # without a check, nothing is seen
    with pytest.raises(ValueError, match="^network must follow .* moves?; ") as error:
        swap_strides(network, Polyphase, blocks, check=x)
    assert str(error.value).partition(" off is ")[2].startswith(culprit)


def test_a_check_lets_through_what_follows(resnet):
    swap_strides(resnet, Polyphase, BLOCKS, check=noise())
    # A block whose forward goes down by a function follows what is aligned.
    slices = Does(lambda m, x: x[..., ::2, ::2] + F.max_pool2d(m.a(x), 1, 2))
    slices.a = nn.Conv2d(8, 8, 3, padding=1)
    network = small(slices, *END)
    swap_strides(network, Polyphase, ["2"], check=torch.rand(2, 3, 32, 32))
    # Maps may come out, and several.
    both = Does(lambda m, x: (m.a(x), {"pooled": x.mean((2, 3))}), a=nn.Conv2d(8, 8, 1))
    swap_strides(small(both), Polyphase, check=torch.rand(2, 3, 32, 32))


@pytest.mark.parametrize(
    "down, padding",
    [(BlurPool, "circular"), (Polyphase, "zeros"), (every_second, "zeros")],
)
def test_a_check_lets_nothing_else_through(down, padding):
    with pytest.raises(ValueError, match="the first that is off is 0.0: Conv2d|0.1: "):
        swap_strides(small(*END), down, (), padding, check=torch.rand(2, 3, 32, 32))


def test_a_check_is_relative():
    def scaled(by):
        return small(
            Does(lambda _, x: F.max_pool2d(x, 2)), *END, Does(lambda _, x: by * x)
        )

    for by in (1e-9, 1e9):
        with pytest.raises(ValueError, match="off is 2: Does"):
            swap_strides(scaled(by), Polyphase, check=torch.rand(2, 3, 32, 32))
        follows = small(*END, Does(lambda _, x, by=by: 3 + by * x))
        swap_strides(follows, Polyphase, check=torch.rand(2, 3, 32, 32))


def test_a_check_changes_nothing():
    x = torch.rand(2, 3, 32, 32)
    before, network = x.clone(), small(nn.BatchNorm2d(8), nn.Dropout(), *END)
    assert network.training
    follows = swap_strides(network, Polyphase, check=x)
    assert all(m.training for m in follows.modules()) and torch.equal(x, before)
    assert {p.dtype for p in follows.parameters()} == {torch.float32}
    assert follows[2].num_batches_tracked == 0
    assert not any(m._forward_hooks for m in follows.modules())


def test_a_layer_used_twice_is_swapped_twice():
    pool, conv = nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, 2, 1)
    network = small(pool, conv, pool, conv, *END)
    follows = swap_strides(network, Polyphase, check=torch.rand(2, 3, 64, 64))
    kinds = [type(m) for m in follows.modules() if hasattr(m, "stride")]
    assert nn.MaxPool2d not in kinds and follows[2] is follows[4]
    block = nn.Sequential(conv)
    twice = swap_strides(small(block, block, *END), Polyphase, ["2", "3"])
    assert isinstance(twice[2][0], Align) and twice[2] is twice[3]


def test_a_single_layer_is_swapped():
    conv = nn.Conv2d(3, 8, 3, 2, 1)
    follows = swap_strides(conv, Polyphase, check=torch.rand(2, 3, 8, 8))
    assert follows[0].stride == (1, 1) and conv.stride == (2, 2)
    assert (
        swap_strides(nn.AvgPool2d(2), Polyphase)(torch.rand(1, 3, 8, 8)).shape[2] == 4
    )


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "orthogonal"])
def test_parametrized_weights_are_kept(norm):
    network = small(*END)
    getattr(nn.utils.parametrizations, norm)(network[0])
    x = torch.rand(2, 3, 16, 16)
    follows = swap_strides(network, Polyphase, check=x)
    assert torch.equal(follows.eval()[0][0].weight, network.eval()[0].weight)


def test_a_weight_that_cannot_be_copied_is_refused():
    network = small(*END)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated
        nn.utils.weight_norm(network[0])
    network(torch.rand(1, 3, 8, 8))
    with pytest.raises(TypeError, match="got 0: Conv2d.* torch.nn.utils.parametriza"):
        swap_strides(network, Polyphase)


@pytest.mark.parametrize("padding", F_PAD)
@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(5, 1, 2),
    ],
    ids=str,
)
def test_a_dense_average_and_a_stride_are_the_usual_one(padding, pool):
    x = pictures(0, 2, (8, 6), 1000)
    inside = slice(None), slice(None), slice(1, -1), slice(1, -1)
    inside = inside if pool.stride == 2 else (..., slice(2, -2), slice(2, -2))
    swapped = swap_strides(nn.Sequential(nn.MaxPool2d(1, 2), pool), every_second)
    usual = nn.Sequential(nn.MaxPool2d(1, 2), pool)
    swapped = swap_strides(usual, every_second, padding=padding)
    big = x.tile(1, 1, 2, 2)
    torch.testing.assert_close(swapped(big)[inside], usual(big)[inside])
    if padding != "circular":
        torch.testing.assert_close(swapped(big), usual(big))


# Graphs

UNTIED, TIED = pictures(0, 1, (8, 8), 1000, count=1), mirrored()


def trace(layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated; and sides are of one parity
        return torch.jit.trace(layer, UNTIED)


def export(layer):
    two = torch.cat([UNTIED, UNTIED])
    any_number = ({0: torch.export.Dim.AUTO},)
    return torch.export.export(layer, (two,), dynamic_shapes=any_number).module()


def compiled(layer):
    # One graph, without the compiler that would then take a minute.
    return torch.compile(layer, backend="eager", fullgraph=True)


@pytest.mark.parametrize("record", [trace, export, compiled])
def test_a_graph_recorded_where_nothing_ties_breaks_ties(record):
    graph = record(Polyphase())
    for move in np.ndindex(2, 2):
        x = torch.cat([TIED, UNTIED, TIED]).roll(move, (2, 3))
        assert torch.equal(graph(x), Polyphase()(x))


@pytest.mark.parametrize(
    "layer", [DenseMax(3), BlurPool("zeros"), Polyphase(), Align()]
)
def test_a_trace_takes_other_sides(layer):
    x = mirrored(12)
    assert torch.equal(trace(layer)(x), layer(x))


def test_what_breaks_ties_is_made_where_the_input_is():
    x = torch.empty(0, device="meta", dtype=torch.float16)
    made = layers.irregular(4, x)
    assert (made.device, made.dtype) == (x.device, x.dtype)


@pytest.mark.parametrize("layer", [BlurPool("zeros"), Polyphase(), Align()], ids=str)
def test_torch_fx_records_a_layer(layer):
    graph = torch.fx.symbolic_trace(nn.Sequential(layer, nn.ReLU()))
    for x in (UNTIED, TIED.roll(1, 3)):
        assert torch.equal(graph(x), layer(x).relu())
    copied = copy.deepcopy(graph)
    assert torch.equal(copied(UNTIED), graph(UNTIED))


def test_torchvision_extracts_features(resnet):
    from torchvision.models.feature_extraction import create_feature_extractor

    for down, blocks in [(BlurPool, ()), (Polyphase, BLOCKS)]:
        swapped = swap_strides(resnet, down, blocks)
        features = create_feature_extractor(swapped, ["layer1"])(noise())
        assert features["layer1"].shape == (2, 64, 16, 16)
