"""Go down to half the size so that the output follows the input when it moves.

Layers for PyTorch. This file needs nothing else, so that you can take it along; the
check of `swap_strides` needs ``trace.py``, too.

A max pooling of stride 2 is a dense maximum and a stride. Keep the maximum
(`dense_max`), and put something better in place of the stride: a blur (`blur_pool`), or
a choice that goes along with the content (`polyphase`). Where a network branches, its
branches must share one choice (`align`). `swap_strides` does it in a whole network.

What follows is a circular move, of any number of pixels, and for that the network must
pad circularly.
"""

import copy
from collections.abc import Callable, Collection
from typing import Literal

import torch
from torch import Tensor, nn

Padding = Literal["circular", "zeros", "reflect"]


def dense_max(x: Tensor, size: int = 2) -> Tensor:
    """Take the maximum of `size` × `size` pixels at every place, circularly.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of any real type.
    size : side of the window. An odd one has the place in its middle, an even one
        reaches a pixel further down and right.

    Returns
    -------
    New maps of the same shape and type. Every second row and column of them are what
    max pooling of stride 2 gives.

    Examples
    --------
    >>> x = torch.tensor([[[[1.0, 2, 3, 0]]]])
    >>> dense_max(x).flatten().tolist(), dense_max(x, 3).flatten().tolist()
    ([2.0, 3.0, 3.0, 1.0], [2.0, 3.0, 3.0, 3.0])
    """
    for dim in (-2, -1):
        for step in range(1, size):
            x = torch.maximum(x, x.roll((-1) ** step, dim))
    return x


def cells(x: Tensor) -> Tensor:
    """View maps of even sides as cells of 2×2, of which a stride keeps the first pixel.

    On a circle of odd length two neighbours are kept somewhere, and no move by 2 maps
    what is kept onto itself: a ValueError.

    >>> cells(torch.arange(8).view(1, 1, 2, 4))[0, 0, 0, :, 1]
    tensor([[2, 3],
            [6, 7]])
    """
    if x.ndim != 4 or x.shape[2] % 2 or x.shape[3] % 2:
        raise ValueError(
            "x must be maps (n, C, H, W) of even height and width, "
            f"got shape {tuple(x.shape)}"
        )
    n, channels, height, width = x.shape
    return x.view(n, channels, height // 2, 2, width // 2, 2)


def blur_pool(x: Tensor, padding: Padding = "circular") -> Tensor:
    """Blur with the weights 1, 2, 1 along both axes, and keep every second pixel.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width, of a floating type.
    padding : ``"circular"``, ``"zeros"`` or ``"reflect"``: what stands before the first
        row and column. It should be that of the convolutions around.

    Returns
    -------
    New maps ``(n, C, H/2, W/2)`` of the same type.

    Raises
    ------
    ValueError : a side is odd, or `padding` is none of these.

    Notes
    -----
    The blurred pooling of Zhang, *Making convolutional networks shift-invariant again*
    (2019), is ``blur_pool(dense_max(x))``. It is a depthwise convolution with stride 2,
    computed by sums of three in a fixed order: the same on every processor.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0, 16, 0], [0, 0, 0, 0]]).view(1, 1, 2, 4)
    >>> blur_pool(x)
    tensor([[[[0., 4.]]]])
    """
    x = cells(x)
    for dim in (2, 3):
        kept, after = x.unbind(dim + 1)
        before = one_before(after, dim, padding)
        x = (before + 2 * kept + after) / 4
    return x


def one_before(after: Tensor, dim: int, padding: Padding) -> Tensor:
    """Find the pixels −1, 1, 3 and so on of an axis, given those at 1, 3, 5.

    >>> [one_before(torch.tensor([1, 3]), 0, p) for p in ("circular", "zeros")]
    [tensor([3, 1]), tensor([0, 1])]
    """
    before = after.roll(1, dim)
    if padding == "zeros":
        before.select(dim, 0).zero_()
    elif padding == "reflect":  # about pixel 0
        before.select(dim, 0).copy_(after.select(dim, 0))
    elif padding != "circular":
        raise ValueError(
            f"padding must be 'circular', 'zeros' or 'reflect', got {padding!r}"
        )
    return before


def components(x: Tensor) -> Tensor:
    """Take the polyphase components ``x[..., i::2, j::2]``, of number 2i + j.

    >>> components(torch.arange(8).view(1, 1, 2, 4)).flatten(1).tolist()
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    """
    return cells(x).permute(3, 5, 0, 1, 2, 4).flatten(0, 1)


def choose(x: Tensor) -> Tensor:
    """Choose one of the four components of each image by its content.

    The choice is the component of largest norm. Components whose norms are equal, up
    to rounding, are told apart by `strongest_response`.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width, of any real type.

    Returns
    -------
    The number of the chosen component, as in `components`, for each of the n images.
    When the image moves, the number changes and the component does not, up to a move.

    Raises
    ------
    ValueError : a side is odd.

    Notes
    -----
    Adaptive polyphase sampling, of Chaman and Dokmanić, *Truly shift-invariant
    convolutional neural networks* (2021), which chooses by the norm alone. Then a tie
    goes to the first component, wherever the image stands: a picture that is its own
    mirror image is not followed.

    A sum depends on its order, and so on the place and on the processor. Norms within
    a millionth of each other count as equal, far above what rounding does. NaN and
    infinity are kept, as the largest.

    Ties are rare, and looked at only where there are any. A graph once recorded cannot
    ask: under `torch.jit.trace`, `torch.export` (ONNX too, with ``dynamo=True``) and
    `torch.compile` they are always broken, which takes 2 to 3 times as long. These
    graphs give the results of the layers; `torch.jit.script` does not take them.

    Examples
    --------
    >>> x = torch.zeros(1, 1, 4, 4)
    >>> x[0, 0, 2, 1] = 1
    >>> choose(x), choose(x.roll(1, 2))
    (tensor([1]), tensor([3]))
    """
    x = x.detach().to(torch.promote_types(x.dtype, torch.float32))
    power = components(widest(x.square().sum(1, keepdim=True))).sum((2, 3, 4))
    tied = ~(power < power.amax(0) * (1 - 1e-6))  # so that NaN counts
    recorded = torch.jit.is_tracing() or torch.compiler.is_compiling()
    if recorded or tied.sum() > len(x):
        power = torch.where(tied, strongest_response(x), -torch.inf)
    return power.argmax(0)


def widest(x: Tensor) -> Tensor:
    """Convert to float64, or to float32 on a device that has none.

    >>> widest(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float64
    """
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def irregular(count: int, x: Tensor) -> Tensor:
    """Make the row sin 1, sin 4, sin 9…, which no move and no mirror maps onto itself.

    Random numbers come from a generator, which `torch.compile` does not take.

    >>> irregular(3, torch.zeros(1))
    tensor([ 0.8415, -0.7568,  0.4121])
    """
    number = torch.arange(1, count + 1, device=x.device)
    return number.square().to(x.dtype).sin()


def strongest_response(x: Tensor) -> Tensor:
    """Correlate each component circularly with one template: the maxima, ``(4, n)``.

    They differ between two components that are not moved copies of each other, such as
    these mirror images of one norm:

    >>> x = torch.zeros(1, 1, 4, 8)
    >>> x[0, 0, 0] = torch.tensor([1, 1, 2, 4, 4, 2, 1, 1])
    >>> [f"{float(response):.1f}" for response in strongest_response(x)[:2]]
    ['2.1', '1.7']
    """
    mixed = (x * irregular(x.shape[1], x).view(-1, 1, 1)).sum(1, keepdim=True)
    parts = components(widest(mixed)).squeeze(2)
    template = irregular(parts[0, 0].numel(), parts).view(parts.shape[2:])
    products = torch.fft.rfft2(parts) * torch.fft.rfft2(template).conj()
    return torch.fft.irfft2(products, s=template.shape).amax((2, 3))


def keep(x: Tensor, choice: Tensor) -> Tensor:
    """Keep the chosen component of each image.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width.
    choice : what `choose` returned, for `x` or for another branch of the network that
        is to be added to it.

    Returns
    -------
    New maps ``(n, C, H/2, W/2)`` of the same type.

    Raises
    ------
    ValueError : a side is odd.

    Examples
    --------
    >>> keep(torch.arange(8).view(1, 1, 2, 4), torch.tensor([3]))
    tensor([[[[5, 7]]]])
    """
    number = torch.arange(x.shape[0], device=x.device)
    return cells(x)[number, :, :, choice // 2, :, choice % 2]


def polyphase(x: Tensor) -> Tensor:
    """Keep every second pixel, of those that begin where the content says.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width, of any real type.

    Returns
    -------
    New maps ``(n, C, H/2, W/2)`` of the same type. When `x` makes a circular move of
    any number of pixels, they make a circular move and change in nothing else.

    Raises
    ------
    ValueError : a side is odd.

    Notes
    -----
    See `choose`. In a network with branches, such as a residual block, let one branch
    choose, and `keep` the same in the others, or `align` the input of the block.

    Examples
    --------
    >>> x = torch.zeros(1, 1, 4, 4)
    >>> x[0, 0, 2, 1] = 1
    >>> polyphase(x).flatten().tolist(), polyphase(x.roll(1, 2)).flatten().tolist()
    ([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0])
    """
    return keep(x, choose(x))


def align(x: Tensor) -> Tensor:
    """Move each image so that its chosen component stands where a stride of 2 reads.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width, of any real type.

    Returns
    -------
    New maps of the same shape and type, moved circularly by 0 or 1 pixel up and left.
    When `x` makes any circular move, they make an even one, and the layers with stride
    2 behind them follow: all of them, with one choice, without a dense convolution.

    Raises
    ------
    ValueError : a side is odd.

    Examples
    --------
    >>> x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> torch.equal(align(x)[..., ::2, ::2], polyphase(x))
    True
    """
    choice = choose(x).view(-1, 1, 1, 1)
    x = torch.where(choice // 2 == 1, x.roll(-1, -2), x)
    return torch.where(choice % 2 == 1, x.roll(-1, -1), x)


class DenseMax(nn.Module):
    """Make a layer of `dense_max`.

    Parameters
    ----------
    size : as for `dense_max`.

    Examples
    --------
    >>> down = nn.Sequential(DenseMax(), Polyphase())
    >>> down(torch.rand(1, 8, 32, 32)).shape
    torch.Size([1, 8, 16, 16])
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``, return as many of the same size."""
        return dense_max(x, self.size)


class BlurPool(nn.Module):
    """Make a layer of `blur_pool`.

    Parameters
    ----------
    padding : as for `blur_pool`.

    Examples
    --------
    >>> down = nn.Sequential(DenseMax(), BlurPool())
    >>> down(torch.rand(1, 8, 32, 32)).shape
    torch.Size([1, 8, 16, 16])
    """

    def __init__(self, padding: Padding = "circular"):
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``, return ``(n, C, H/2, W/2)``."""
        return blur_pool(x, self.padding)


class Polyphase(nn.Module):
    """Make a layer of `polyphase`, for a chain of layers.

    Examples
    --------
    >>> Polyphase()(torch.rand(1, 8, 32, 32)).shape
    torch.Size([1, 8, 16, 16])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``, return ``(n, C, H/2, W/2)``."""
        return polyphase(x)


class Align(nn.Module):
    """Make a layer of `align`, to stand before a block whose branches have strides.

    Examples
    --------
    >>> block = nn.Sequential(Align(), nn.Conv2d(8, 16, 1, stride=2))
    >>> block(torch.rand(1, 8, 32, 32)).shape
    torch.Size([1, 16, 16, 16])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``, return as many of the same size."""
        return align(x)


for _name in ("blur_pool", "polyphase", "align"):
    torch.fx.wrap(_name)  # in a graph of torch.fx they are one step each

# Along each axis, a move of one pixel on maps up to 16 times smaller.
_MOVES = [(1, 2), (2, 4), (4, 8), (8, 16), (16, 1)]


def swap_strides(
    network: nn.Module,
    down: Callable[[], nn.Module],
    blocks: Collection[str] = (),
    padding: Padding = "circular",
    check: Tensor | None = None,
) -> nn.Module:
    """Copy a network, and put something better in place of each stride of 2.

    Each convolution and pooling of stride 2 becomes a dense one and a new `down`. A
    block whose branches meet again keeps its strides and gets an `Align` before it, so
    that its branches share one choice.

    Parameters
    ----------
    network : whose strides are those of `Conv2d`, `MaxPool2d` and `AvgPool2d` layers,
        and whose maps have even sides wherever they go down. Load its weights before.
    down : makes a layer that goes down: `BlurPool`, `Polyphase`.
    blocks : names of modules with branches, as in ``network.named_modules()``; for
        polyphase sampling alone. A blur needs no choice.
    padding : of all convolutions and poolings: ``"circular"``, ``"zeros"`` or
        ``"reflect"``. With any but the first, nothing follows a move exactly.
    check : at least two different images ``(n, C, H, W)``, to show to the new network
        and move circularly. Then what is returned does follow them.

    Returns
    -------
    New network of the same weights.

    Raises
    ------
    TypeError : `blocks` is a string, or a weight can't be copied.
    ValueError : a layer can't follow, by its kind and settings; none goes down; no
        module has the name of a block, or a block goes down twice in a row; or, with
        `check`, the output does not follow: the error names the first module off.

    Notes
    -----
    What is refused without `check` is what the layers tell. They do not tell what a
    ``forward`` does: slices and ``F.max_pool2d``, the sum of two branches that chose
    each for itself, ``flatten`` and a linear layer, an embedding of places. So check a
    network that is to follow.

    The check runs a copy in float64, on the CPU, in evaluation mode, on the images and
    their mirror images. It asks that a vector stays as it is, up to 1e-4 of its
    distance from the mean over the images, and that a map is a moved copy, up to 1e-4
    of its distance from its mean. On one image in four, two branches happen to choose
    alike: more images are surer. A blur does not pass, for it follows even moves alone.

    Examples
    --------
    >>> down = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    >>> chain = nn.Sequential(*down, nn.AdaptiveAvgPool2d(1))
    >>> x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> follows = swap_strides(chain, Polyphase, check=x)
    >>> [
    ...     torch.allclose(model(x), model(x.roll(1, 3)), rtol=1e-5)
    ...     for model in (chain, follows)
    ... ]
    [False, True]

    In a network of torchvision, ``swap_strides(resnet18(), Polyphase, ["layer2.0",
    "layer3.0", "layer4.0"], check=x)``.
    """
    if padding not in ("circular", "zeros", "reflect"):
        raise ValueError(
            f"padding must be 'circular', 'zeros' or 'reflect', got {padding!r}"
        )
    if isinstance(blocks, str):
        raise TypeError(
            f"blocks must be a collection of names, such as [{blocks!r}], "
            f"got the string {blocks!r}"
        )
    for name, layer in network.named_modules():
        _check_layer(name, layer)
    _check_blocks(blocks, network)
    network = copy.deepcopy(network)
    new: dict[nn.Module, nn.Module] = {}
    # A layer may have several names, and with them several places.
    for name, layer in network.named_modules(remove_duplicate=False):
        strided = _goes_down(layer)
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = padding
            if strided and not _within(name, blocks):
                layer.stride = (1, 1)
                new[layer] = nn.Sequential(layer, down())
        elif isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
            new[layer] = _dense_pool(layer, padding)
            if strided:
                after = nn.MaxPool2d(1, 2) if _within(name, blocks) else down()
                new[layer] = nn.Sequential(new[layer], after)
    network = _replace(network, new)
    holders = [network.get_submodule(name) for name in blocks]
    network = _replace(network, {x: nn.Sequential(Align(), x) for x in holders})
    if check is not None:
        _check_moves(network, check)
    return network


def _replace(network: nn.Module, new: dict[nn.Module, nn.Module]) -> nn.Module:
    """Put modules in the place of others, in each place that these have."""
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if name and module in new:
            network.set_submodule(name, new[module])
    return new.get(network, network)


def _within(name: str, blocks: Collection[str]) -> bool:
    return any(f"{name}.".startswith(f"{block}.") for block in blocks)


def _check_blocks(blocks: Collection[str], network: nn.Module) -> None:
    """Refuse what is no block, and a row of strides, of which one choice is too few."""
    modules = dict(network.named_modules(remove_duplicate=False))
    strides = {name: x for name, x in modules.items() if _goes_down(x)}
    if not strides and not blocks:
        raise ValueError(
            "network must have a Conv2d, MaxPool2d or AvgPool2d of stride 2, got none"
        )
    for block in blocks:
        if not block or block not in modules:
            raise ValueError(f"blocks must name modules of the network, got {block!r}")
        if any(_within(block, [other]) for other in blocks if other != block):
            raise ValueError(f"blocks must not hold each other, got {list(blocks)}")
    for name, layer in strides.items():
        places = {_within(n, blocks) for n, other in strides.items() if other is layer}
        if len(places) > 1:
            raise ValueError(
                "blocks must hold all places of a layer that is used twice, or none, "
                f"got one and not another of {name}"
            )
    for name, row in modules.items():
        if isinstance(row, nn.Sequential) and _within(name, blocks):
            down = [n for n, x in row._modules.items() if x and _any_stride(x)]
            if len(down) > 1:
                raise ValueError(
                    "blocks must go down once, as Align does for the branches of one "
                    f"stride, got {name} with strides in {' and '.join(down)} in a row"
                )


def _any_stride(module: nn.Module) -> bool:
    return any(_goes_down(layer) for layer in module.modules())


def _goes_down(layer: nn.Module) -> bool:
    known = isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d)
    return known and _pair(layer.stride) == (2, 2)


def _pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _check_layer(name: str, layer: nn.Module) -> None:
    """Refuse a layer that can't follow, as its kind and its settings tell."""
    if wanted := _wanted(layer):
        raise ValueError(f"network must {wanted}, got {name}: {layer}")
    if any(isinstance(x, Tensor) and not x.is_leaf for x in vars(layer).values()):
        raise TypeError(
            f"network must hold weights that can be copied, got {name}: {layer} with "
            "computed ones; of a weight normalization, take that of "
            "torch.nn.utils.parametrizations"
        )


def _wanted(layer) -> str:
    """Say what a network must do in the place of a layer; nothing if that may stay."""
    for kind, fits, wanted in (
        (
            nn.Conv2d,
            _conv_fits,
            "convolve with Conv2d padded to half its size, of stride 1 or 2",
        ),
        (nn.MaxPool2d, _pool_fits, f"pool with MaxPool2d {_POOLED}"),
        (nn.AvgPool2d, _pool_fits, f"pool with AvgPool2d {_POOLED}"),
    ):
        if isinstance(layer, kind):
            if any(_part(type(layer), x) is not _part(kind, x) for x in _FORWARD):
                return f"run the forward of {kind.__name__}, not one of a subclass"
            return "" if fits(layer) else wanted
    families = {family.__module__ for family in type(layer).__mro__}
    if "torch.nn.modules.padding" in families:
        return "pad in its convolutions alone" if any(layer.padding) else ""
    if isinstance(layer, nn.Upsample):
        return "" if layer.mode == "nearest" else "enlarge by mode 'nearest'"
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        tied = layer.elementwise_affine and len(layer.normalized_shape) > 1
        return "have no weights for each place" if tied else ""
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        to_one = set(_pair(layer.output_size)) <= {1, None}
        return "" if to_one else "pool the whole map to one place"
    if any(family.__name__.endswith("1d") for family in type(layer).__mro__):
        return ""  # over channels, or over what is no place
    stride = getattr(layer, "stride", 1)
    strided = isinstance(stride, int | tuple | list) and max(_pair(stride)) > 1
    if families & _WINDOWS or (strided and not list(layer.children())):
        return "have no windows but those of Conv2d, MaxPool2d and AvgPool2d"
    return ""


_FORWARD = ("forward", "_conv_forward")
_POOLED = "padded to half its size, of stride 2, or of stride 1 and odd size"
_WINDOWS = {f"torch.nn.modules.{x}" for x in ("conv", "pooling", "fold")}
_WINDOWS.add("torch.nn.modules.pixelshuffle")


def _part(kind: type, name: str):
    return getattr(kind, name, None)


def _conv_fits(layer) -> bool:
    if layer.stride not in [(1, 1), (2, 2)]:
        return False
    reach = [
        d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)
    ]
    if isinstance(layer.padding, str):
        return layer.padding == "same" or not any(reach)
    return [2 * p for p in layer.padding] == reach


def _pool_fits(layer) -> bool:
    stride, sizes, padding = map(
        _pair, (layer.stride, layer.kernel_size, layer.padding)
    )
    size, odd = sizes[0], sizes[0] % 2 == 1
    if isinstance(layer, nn.AvgPool2d):
        if stride == (1, 1) and padding == (0, 0):
            return True  # it may be that of a whole map
        fits = layer.divisor_override is None and (odd or size == 2)
    else:
        fits = _pair(layer.dilation) == (1, 1) and not layer.return_indices
    # Of even sides, a window of even size leaves no rest to round up.
    fits = fits and not (layer.ceil_mode and odd)
    # Without a stride, one of an even size returns a row less than it takes.
    fits = fits and (stride == (2, 2) or (stride == (1, 1) and odd))
    return fits and sizes == (size, size) and padding == ((size - 1) // 2,) * 2


def _dense_pool(layer, padding: Padding) -> nn.Module:
    """Make the pooling of stride 1 of which a stride of 2 keeps the same as before."""
    size, stride = _pair(layer.kernel_size)[0], _pair(layer.stride)
    average, before, after = isinstance(layer, nn.AvgPool2d), (size - 1) // 2, size // 2
    if average and stride == (1, 1) and _pair(layer.padding) == (0, 0):
        return layer
    if padding == "circular" and not average:
        return DenseMax(size)
    ends = (before, after, before, after)
    if padding == "circular":
        return nn.Sequential(nn.CircularPad2d(ends), nn.AvgPool2d(size, 1))
    if average and size > 2:
        same = layer.count_include_pad
        return nn.AvgPool2d(size, 1, before, count_include_pad=same)
    # A pixel repeated changes no maximum, and no average that a stride keeps.
    pool = nn.AvgPool2d(size, 1) if average else nn.MaxPool2d(size, 1)
    return nn.Sequential(nn.ReplicationPad2d(ends), pool)


def _check_moves(network: nn.Module, images: Tensor) -> None:
    from .trace import first_off

    if not isinstance(images, Tensor) or images.ndim != 4 or len(images) < 2:
        came = tuple(getattr(images, "shape", ())) or type(images).__name__
        raise ValueError(f"check must be two images (n, C, H, W) or more, got {came}")
    exact, images = (
        copy.deepcopy(network).cpu().double(),
        images.detach().cpu().double(),
    )
    images = torch.cat([images.flip(axes) for axes in ((), (2,), (3,), (2, 3))])
    off = first_off(exact, images, _MOVES, 1e-4)
    if off:
        raise ValueError(
            f"network must follow the images of check when they move; the first that "
            f"is off is {off}"
        )
