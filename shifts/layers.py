"""Go down to half the size so that the output follows the input when it moves.

Layers for PyTorch. This file needs nothing else, so that you can take it along.

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
    """View maps as cells of 2×2 pixels, of which a stride of 2 keeps the first.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width.

    Returns
    -------
    View of shape ``(n, C, H/2, 2, W/2, 2)``.

    Raises
    ------
    ValueError : `x` has other axes, or an odd side. (On a circle of odd length two
        neighbours are kept somewhere, and no move by 2 maps what is kept onto itself.)

    Examples
    --------
    >>> x = torch.arange(8).view(1, 1, 2, 4)
    >>> cells(x)[0, 0, 0, :, 1]
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
    (2019), is ``blur_pool(dense_max(x))``. It is the depthwise convolution with stride
    2, but computes only what the stride keeps, and by sums of three in a fixed order:
    faster, and the same on every processor.

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
    """Find the neighbours before the kept pixels, given those after them.

    Parameters
    ----------
    after : the odd pixels, 1, 3, 5 and so on along `dim`.
    dim : the axis.
    padding : what stands before pixel 0, as for `blur_pool`.

    Returns
    -------
    New tensor of the same shape: the pixels −1, 1, 3 and so on.

    Raises
    ------
    ValueError : `padding` is unknown.

    Examples
    --------
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
    """Take the four images of every second pixel: the polyphase components.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width.

    Returns
    -------
    New tensor ``(4, n, C, H/2, W/2)`` of ``x[..., i::2, j::2]``; number 2i + j begins
    i pixels down and j to the right.

    Raises
    ------
    ValueError : a side is odd.

    Examples
    --------
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

    Parameters
    ----------
    x : any tensor.

    Returns
    -------
    Tensor on the same device.

    Examples
    --------
    >>> widest(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float64
    """
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def irregular(count: int, x: Tensor) -> Tensor:
    """Make a row of fixed numbers that no move and no mirror maps onto itself.

    Parameters
    ----------
    count : how many.
    x : where they are to be, and of which floating type.

    Returns
    -------
    New tensor ``(count,)`` of sin 1, sin 4, sin 9 and so on. Random numbers would do as
    well, but come from a generator, which `torch.compile` does not take.

    Examples
    --------
    >>> irregular(3, torch.zeros(1))
    tensor([ 0.8415, -0.7568,  0.4121])
    """
    number = torch.arange(1, count + 1, device=x.device)
    return number.square().to(x.dtype).sin()


def strongest_response(x: Tensor) -> Tensor:
    """Carry a fixed template around each component, and note its largest response.

    Parameters
    ----------
    x : maps ``(n, C, H, W)`` of even height and width, of type float32 or float64.

    Returns
    -------
    The maximum over all places of the circular cross-correlation of each component
    with one fixed template, ``(4, n)``. It does not depend on where the component
    stands, and differs between two that are not moved copies of each other.

    Notes
    -----
    The template is a row of weights for the channels times a grid for the pixels, so
    that the channels are mixed first. A Fourier transform does all places at once.

    Examples
    --------
    Two components that are each other's mirror image, with one norm:

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


def swap_strides(
    network: nn.Module,
    down: Callable[[], nn.Module],
    blocks: Collection[str] = (),
    padding: Padding = "circular",
) -> nn.Module:
    """Copy a network, and put something better in place of each stride of 2.

    Each convolution and max pooling of stride 2 becomes a dense one and a new `down`.
    A block whose branches meet again keeps its strides and gets an `Align` before it,
    so that its branches share one choice.

    Parameters
    ----------
    network : whose strides are those of `Conv2d` and `MaxPool2d` layers, and whose maps
        have even sides wherever they go down. Load its weights before.
    down : makes a layer that goes down: `BlurPool`, `Polyphase`.
    blocks : names of modules with branches, as in ``network.named_modules()``; for
        polyphase sampling alone. A blur needs no choice.
    padding : of all convolutions and poolings: ``"circular"``, ``"zeros"`` or
        ``"reflect"``. With any but the first, nothing follows a move exactly.

    Returns
    -------
    New network of the same weights.

    Raises
    ------
    ValueError : a layer pools or goes down in another way, or none goes down.
    AttributeError : no module has the name of a block.

    Notes
    -----
    Without `blocks`, each branch of a residual block chooses for itself. They then add
    what does not stand in one place, and the network no longer follows.

    Examples
    --------
    >>> chain = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2))
    >>> x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> follows = swap_strides(chain, Polyphase)
    >>> [
    ...     torch.allclose(model(x).mean(), model(x.roll(1, 3)).mean(), rtol=1e-5)
    ...     for model in (chain, follows)
    ... ]
    [False, True]

    In a network of torchvision, ``swap_strides(resnet18(), Polyphase, ["layer2.0",
    "layer3.0", "layer4.0"])``.
    """
    if padding not in ("circular", "zeros", "reflect"):
        raise ValueError(
            f"padding must be 'circular', 'zeros' or 'reflect', got {padding!r}"
        )
    network = copy.deepcopy(network)
    goes_down = {name: _goes_down(name, x) for name, x in network.named_modules()}
    if not any(goes_down.values()):
        raise ValueError("network must have a Conv2d or MaxPool2d of stride 2")
    for name, strided in goes_down.items():
        layer = network.get_submodule(name)
        shared = any(name.startswith(f"{block}.") for block in blocks)
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = padding
            if strided and not shared:
                layer.stride = (1, 1)
                network.set_submodule(name, nn.Sequential(layer, down()))
        elif isinstance(layer, nn.MaxPool2d):
            dense = _dense_pool(_pair(layer.kernel_size)[0], padding)
            every_second = nn.MaxPool2d(1, 2) if shared else down()
            parts = [dense, every_second] if strided else [dense]
            network.set_submodule(name, nn.Sequential(*parts))
    for name in blocks:
        network.set_submodule(name, nn.Sequential(Align(), network.get_submodule(name)))
    return network


def _pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _goes_down(name: str, layer: nn.Module) -> bool:
    """Tell a stride of 2 from none, and refuse what cannot be made dense."""
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return False
    stride, sizes, padding = map(
        _pair, (layer.stride, layer.kernel_size, layer.padding)
    )
    if isinstance(layer, nn.Conv2d):
        reaches = [d * (k - 1) for d, k in zip(layer.dilation, sizes, strict=True)]
        fits = stride == (1, 1) or padding == tuple(reach / 2 for reach in reaches)
    elif isinstance(layer, nn.MaxPool2d):
        fits = _pair(layer.dilation) == (1, 1) and not layer.ceil_mode
        fits = fits and sizes[0] == sizes[1] and not layer.return_indices
        fits = fits and padding == tuple((k - 1) // 2 for k in sizes)
        # Without a stride, one of an even size returns a row less than it takes.
        fits = fits and (stride == (2, 2) or sizes[0] % 2 == 1)
    else:
        fits = stride == (1, 1) and padding == (0, 0)
    if not fits or stride not in [(1, 1), (2, 2)]:
        raise ValueError(
            "network must pool and go down by Conv2d and MaxPool2d padded to half the "
            f"size, of stride 2, or of stride 1 and odd size, got {name}: {layer}"
        )
    return stride == (2, 2)


def _dense_pool(size: int, padding: Padding) -> nn.Module:
    if padding == "circular":
        return DenseMax(size)
    before, after = (size - 1) // 2, size // 2  # a pixel repeated changes no maximum
    border = nn.ReplicationPad2d((before, after, before, after))
    return nn.Sequential(border, nn.MaxPool2d(size, 1))
