"""Go down to half the size so that the output follows the input when it moves.

Layers for PyTorch; this file needs nothing else, so that you can take it along.

A max pooling of stride 2 is a dense maximum and a stride. Keep the maximum, and put
something better in place of the stride: a blur (`blur_pool`), or a choice that goes
with the content (`polyphase`).
"""

import copy
import functools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def dense_max(x: Tensor, size: int = 2) -> Tensor:
    """Take the maximum of `size` × `size` pixels around every place, circularly."""
    for dim in (-2, -1):
        moved = [x.roll(by, dim) for by in range((size - 1) // 2, -(size // 2) - 1, -1)]
        x = functools.reduce(torch.maximum, moved)
    return x


def blur_pool(x: Tensor, padding: str = "circular") -> Tensor:
    """Blur with the weights 1, 2, 1 along both axes, and keep every second pixel."""
    _check_sides(x)
    for dim in (-2, -1):
        kept, after = x.unflatten(dim, (-1, 2)).unbind(dim)
        before = _before(after, dim, padding)
        x = (before + 2 * kept + after) / 4
    return x


def _before(after, dim, padding):
    before = after.roll(1, dim)
    if padding == "circular":
        return before
    rest = before.narrow(dim, 1, before.shape[dim] - 1)
    first = after.narrow(dim, 0, 1)  # by reflection, x[-1] is x[1]
    if padding == "zeros":
        first = torch.zeros_like(first)
    elif padding != "reflect":
        raise ValueError(
            f"padding must be 'circular', 'zeros' or 'reflect', got {padding!r}"
        )
    return torch.cat([first, rest], dim)


def components(x: Tensor) -> Tensor:
    """View the four images of every second pixel: at [i, j] is x[..., i::2, j::2]."""
    _check_sides(x)
    cells = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    return cells.permute(3, 5, 0, 1, 2, 4)


def choose(x: Tensor) -> Tensor:
    """Choose one of the four components of each image, by its content alone."""
    parts = components(_wide(x.detach())).flatten(0, 1)
    tied = _leading(parts.square().sum((2, 3, 4)))
    # A graph, once recorded, cannot ask whether there is a tie.
    recorded = torch.jit.is_tracing() or torch.compiler.is_compiling()
    if recorded or (tied.sum(0) > 1).any():
        response = torch.where(tied, strongest_response(parts), -torch.inf)
        tied = _leading(response)
    return tied.int().argmax(0)


def _wide(x):
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def _leading(values):
    highest = values.amax(0)
    return values >= highest - 1e-6 * highest.abs()


def strongest_response(parts: Tensor) -> Tensor:
    """Carry a fixed random template over each component; note the largest response."""
    fixed = torch.Generator().manual_seed(0)
    template = torch.rand(parts.shape[2:], generator=fixed).to(parts)
    products = torch.fft.rfft2(parts) * torch.fft.rfft2(template).conj()
    return torch.fft.irfft2(products.sum(2), s=parts.shape[3:]).amax((2, 3))


def keep(x: Tensor, choice: Tensor) -> Tensor:
    """Keep the chosen component of each image."""
    number = torch.arange(len(x), device=x.device)
    return components(x)[choice // 2, choice % 2, number]


def polyphase(x: Tensor) -> Tensor:
    """Keep the component of largest norm; break ties by the content, too."""
    return keep(x, choose(x))


def align(x: Tensor) -> Tensor:
    """Move each image by a pixel or not, so that a stride of 2 reads its choice."""
    choice = choose(x).view(-1, 1, 1, 1)
    x = torch.where(choice // 2 == 1, x.roll(-1, -2), x)
    return torch.where(choice % 2 == 1, x.roll(-1, -1), x)


def _check_sides(x):
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise ValueError(
            f"x must have an even height and width, got {x.shape[-2]}×{x.shape[-1]}; "
            "pad or crop it by a pixel"
        )


class DenseMax(nn.Module):
    """Make a layer of `dense_max`."""

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``."""
        return dense_max(x, self.size)


class BlurPool(nn.Module):
    """Make a layer of `blur_pool`."""

    def __init__(self, padding: str = "circular"):
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``."""
        return blur_pool(x, self.padding)


class Polyphase(nn.Module):
    """Make a layer of `polyphase`."""

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``."""
        return polyphase(x)


class Align(nn.Module):
    """Make a layer of `align`, for a block whose branches must share one choice."""

    def forward(self, x: Tensor) -> Tensor:
        """Take maps ``(n, C, H, W)``."""
        return align(x)


def swap_strides(
    network: nn.Module,
    down: Callable[[], nn.Module] = Polyphase,
    blocks: Iterable[str] = (),
    padding: str = "circular",
) -> nn.Module:
    """Copy a network, with `down` in place of each stride of 2."""
    network = copy.deepcopy(network)
    blocks = list(blocks)
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Conv2d) and any(layer.padding):
            layer.padding_mode = padding
            # What Conv2d computes in its constructor for F.pad.
            layer._reversed_padding_repeated_twice = [
                side for side in reversed(layer.padding) for _ in (0, 1)
            ]
        inside = any(name.startswith(f"{block}.") for block in blocks)
        known = isinstance(layer, nn.Conv2d | nn.MaxPool2d)
        if known and layer.stride not in (1, (1, 1)) and not inside:
            network.set_submodule(name, nn.Sequential(_dense(layer, padding), down()))
    for name in blocks:
        block = network.get_submodule(name)
        network.set_submodule(name, nn.Sequential(Align(), block))
    return network


def _dense(layer, padding):
    if isinstance(layer, nn.Conv2d):
        layer.stride = (1, 1)
        return layer
    if padding == "circular":
        return DenseMax(layer.kernel_size)
    return nn.MaxPool2d(layer.kernel_size, 1, layer.padding)
