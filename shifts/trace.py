"""Find the modules of a network whose output stops following when its input moves."""

import math
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import groupby
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fft, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from .arguments import describe
from .layers import widest

Move = tuple[float, float]
Reading = Literal["phase", "whole"]
KINDS = ("stride", "padding", "nonlinearity", "other")


@dataclass(frozen=True, eq=False)
class ShiftTrace:
    """Hold what `shift_trace` found: K calls of modules, in order of use.

    Parameters
    ----------
    names : of the modules, as in ``network.named_modules()``; ``[2]`` marks the second
        call of one.
    kinds : what of a module can lose the move: ``"stride"``, its map has another size;
        ``"padding"``, it pads, and not circularly, or reads the valid region alone;
        ``"nonlinearity"``; ``"other"``, none of these.
    sides : array ``(K, 2)``, height and width of the output; 1 and 1 if it is no map.
    arriving, total : arrays ``(K,)``, how far the input and the output of the module
        are from the moved ones, whatever the modules before did.
    own : array ``(K,)``, how far the output is when the input is moved perfectly.
    output : the total of the whole network.

    Notes
    -----
    An error is the norm of the difference divided by that of the output minus its mean
    over the places, on average over images and moves: 0 for what follows, about 1.4 for
    two maps that have nothing to do with each other. NaN stands for what can't be read:
    no map, or no interior.

    Examples
    --------
    >>> found = ShiftTrace(
    ...     names=["0", "1"],
    ...     kinds=["stride", "nonlinearity"],
    ...     sides=np.array([(8, 8), (8, 8)]),
    ...     arriving=np.array([0, 0.4]),
    ...     total=np.array([0.4, 0.5]),
    ...     own=np.array([0.4, 0.2]),
    ...     output=0.5,
    ... )
    >>> print(found)
    module  kind            side  arriving    own  total
    0       stride           8×8      0.00   0.40   0.40
    1       nonlinearity     8×8      0.40   0.20   0.50
    Strides lose most: 67% of the sum of the own errors. Output: 0.50.
    """

    names: list[str]
    kinds: list[str]
    sides: NDArray[np.int64]
    arriving: NDArray[np.float64]
    total: NDArray[np.float64]
    own: NDArray[np.float64]
    output: float

    def by_kind(self) -> dict[str, float]:
        """Share of each kind in the sum of the own errors; all 0 if nothing is lost."""
        kinds = np.array(self.kinds)
        sums = {kind: np.nansum(self.own[kinds == kind]) for kind in KINDS}
        whole = sum(sums.values())
        # What rounding leaves is no loss.
        lost = whole > 1e-5 * max(len(kinds), 1)
        return {kind: float(s / whole) if lost else 0.0 for kind, s in sums.items()}

    @property
    def finding(self) -> str:
        """The kind that loses most, in a sentence."""
        shares = self.by_kind()
        kind = max(shares, key=shares.__getitem__)
        if not shares[kind]:
            return "No module loses anything by itself"
        plural = {"stride": "Strides lose", "nonlinearity": "Nonlinearities lose"}
        subject = plural.get(kind, f"{kind.capitalize()} loses")
        return f"{subject} most: {shares[kind]:.0%} of the sum of the own errors"

    def __str__(self) -> str:
        """Write one table, in order of use, the modules of one block together."""
        split = [name.rpartition(".") for name in self.names]
        wide = max([6, *(2 * bool(block) + len(name) for block, _, name in split)])
        head = f"{'kind':12}{'side':>8}{'arriving':>10}{'own':>7}{'total':>7}"
        lines = [f"{'module':{wide}}  {head}"]
        for block, rows in groupby(range(len(split)), key=lambda i: split[i][0]):
            lines += [block] if block else []
            for i in rows:
                name = "  " * bool(block) + split[i][2]
                side = "×".join(map(str, self.sides[i]))
                errors = (self.arriving[i], self.own[i], self.total[i])
                first, second, third = map(_in_short, errors)
                line = f"{name:{wide}}  {self.kinds[i]:12}{side:>8}"
                lines.append(f"{line}{first:>10}{second:>7}{third:>7}")
        return "\n".join([*lines, f"{self.finding}. Output: {_in_short(self.output)}."])

    @property
    def alt(self) -> str:
        """The figure in words."""
        own, total = np.nan_to_num(self.own), np.nan_to_num(self.total)
        shares = self.by_kind()
        kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
        return (
            f"Bars of the own error of {len(own)} modules in order of use, and a line "
            f"of the total error. {self.finding}. Shares: {kinds}. The largest own "
            f"error is {own.max():.2f}, of {self.names[own.argmax()]}; the total is "
            f"largest, {total.max():.2f}, at {self.names[total.argmax()]}, and "
            f"{self.output:.2f} at the output."
        )

    @cached_property
    def figure(self) -> Any:
        """Matplotlib figure of the own and the total errors along the depth."""
        import matplotlib as mpl
        from matplotlib.figure import Figure

        from .figures import STYLE

        marks = {
            "stride": ("#0072B2", "\\\\\\"),
            "padding": ("#D55E00", "///"),
            "nonlinearity": ("#CC79A7", "..."),
            "other": ("#FFFFFF", ""),
        }
        depth, kinds = np.arange(1, len(self.names) + 1), np.array(self.kinds)
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(7.5, 3.2))
            axes = figure.subplots()
            for kind, (color, hatch) in marks.items():
                which = kinds == kind
                if which.any():
                    axes.bar(
                        depth[which],
                        np.nan_to_num(self.own[which]),
                        width=0.9,
                        color=color,
                        hatch=hatch,
                        edgecolor="black",
                        linewidth=0.5,
                        label=f"own, {kind}",
                    )
            axes.plot(depth, self.total, color="black", marker="", label="total")
            axes.set_xlabel("module, in order of use")
            axes.set_ylabel("relative error")
            axes.set_xlim(0.4, len(depth) + 0.6)
            axes.set_ylim(bottom=0)
            axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0, 1), fontsize=8)
            figure.suptitle(self.finding, x=0, ha="left")
        return figure


def shift_trace(
    network: nn.Module,
    images: Tensor,
    shifts: Sequence[Move] = ((1, 0), (0, 1), (3, 5)),
    size: tuple[int, int] | None = None,
    reading: Reading = "phase",
) -> ShiftTrace:
    """Measure for each module how far its output is from the moved output.

    Parameters
    ----------
    network : of maps ``(n, C, H, W)`` or ``(n, H, W, C)``, and of vectors ``(n, K)``.
    images : array or tensor ``(n, C, H, W)``.
    shifts : pairs (down, right) of pixels of the image, whole or fractions.
    size : None moves the image circularly. With (height, width), a window of this size
        in the middle of larger images is the input, and what stands around it enters.
    reading : what a moved map is. A map whose pixels are s pixels of the image apart is
        to move by m / s, a fraction: ``"phase"`` reads between its pixels, as if it
        held no wave too fine for them. ``"whole"`` takes the whole number of pixels
        that fits best, and moves the input of each module by m of its own pixels, which
        must be whole: it finds what is no moved copy, as `Polyphase` promises it to be.

    Returns
    -------
    `ShiftTrace`. What stands between modules in a ``forward``, such as the sum of a
    residual block or ``F.max_pool2d``, is no module and gets no row: where it loses the
    move, more is `arriving` at the next module than the total of any one before.

    Raises
    ------
    TypeError : `network` is no module, or `images` no real numbers.
    ValueError : `images`, a shift, `size` or `reading` is none of these, or two of them
        do not go together; or the network runs other modules when the image moves.

    Notes
    -----
    The network runs on its own device, in its own floating type, in evaluation mode and
    without gradients; afterwards it is what it was. A row is a layer of ``torch.nn``,
    or a module without children. All images run at once.

    A fraction is a phase in the Fourier domain: of the map on a circle or, with a
    `size`, of the map and its mirror images, so that no jump at the border rings. With
    a `size`, errors are those of the interior alone: the places that stay numbers
    when the border of the image, as wide as the largest move, becomes NaN. For `own` it
    is the border of the module's input. Behind a global pooling nothing is interior,
    and soon nothing is in a deep network.

    Of a vector, the error is relative to its distance from the mean over the images, or
    to its norm if there is one image.

    The measure for a generator, in decibels, is that of Karras et al., *Alias-free
    generative adversarial networks* (2021).

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
    >>> images = torch.rand(2, 3, 16, 16)
    >>> trace = shift_trace(network, images, shifts=[(1, 0)])
    >>> trace.names, trace.kinds
    (['0', '1'], ['stride', 'nonlinearity'])
    """
    sides = _check(network, images, shifts, size, reading)
    images = torch.as_tensor(images)
    weights = filter(torch.is_floating_point, network.state_dict().values())
    weight = next(weights, images if images.is_floating_point() else images.float())
    images = images.to(weight.device, weight.dtype)
    lens = _Lens(sides, reading == "whole", mirrored=size is not None)
    with torch.inference_mode(), _evaluating(network):
        base = _record(network, lens.view(images, (0, 0)))
        lens.find_scales(base)
        widest_move = [max(abs(move[axis]) for move in shifts) for axis in (0, 1)]
        interiors = [[None] * len(call.tensors) for call in base]
        if size is not None:
            empty = lens.without_border(lens.view(images, (0, 0)), widest_move)
            interiors = [lens.interiors(c) for c in _record(network, empty)]
        errors, own = [], []
        for move in shifts:
            moved = _record(network, lens.view(images, move))
            if [call.module for call in moved] != [call.module for call in base]:
                raise ValueError("network must run the same modules for a moved image")
            errors.append(lens.misfits(moved, base, move, interiors))
            own.append([lens.own(call, move, widest_move) for call in base[:-1]])
        kinds = [lens.kind(call) for call in base[:-1]]
    arriving, total = np.mean(errors, axis=0).T
    return ShiftTrace(
        _names(network, [call.module for call in base[:-1]]),
        kinds,
        np.array([lens.shown(call) for call in base[:-1]]).reshape(-1, 2),
        arriving[:-1],
        total[:-1],
        np.mean(own, axis=0),
        float(total[-1]),
    )


def first_off(
    network: nn.Module, images: Tensor, shifts: Sequence[Move], tolerance: float
) -> str:
    """Say what in a network is the first whose output is no moved copy, or nothing.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.MaxPool2d(2), nn.Flatten())
    >>> first_off(network.double(), torch.rand(2, 3, 8, 8).double(), [(0, 1)], 1e-6)
    '1: MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)'
    """
    lens = _Lens((images.shape[2], images.shape[3]), whole=True, mirrored=False)
    with torch.inference_mode(), _evaluating(network):
        old = _readable(network, images, lens)
        for move in shifts:
            moved = lens.view(images, move)
            pairs = zip(_tensors(network(moved)), old, strict=True)
            if not all(lens.misfit(x, y, move) <= tolerance for x, y in pairs):
                break
        else:
            return ""
        base, off = _record(network, images), _record(network, moved)
        if [call.module for call in base] != [call.module for call in off]:
            return "which modules run"
        lens.find_scales(base)
        interiors = [[None] * len(call.tensors) for call in base]
        found = np.array(lens.misfits(off, base, move, interiors))
    k = int((found > tolerance).any(axis=1).argmax())
    if k == len(base) - 1:
        return "what a forward does behind the last module"
    name = _names(network, [call.module for call in base[:-1]])[k]
    what = f"{name}: {base[k].module}".partition("\n")[0]
    return f"what a forward does before {what}" if found[k, 0] > tolerance else what


def _readable(network: nn.Module, images: Tensor, lens: "_Lens") -> list[Tensor]:
    """Run a network, and refuse outputs in which a move can't be seen."""
    try:
        outputs = _tensors(network(images))
    except Exception as error:
        raise ValueError(
            "network must take the images of check in float64, on the CPU, and their "
            f"sides must stay even on the way down, got {tuple(images.shape)}: {error}"
        ) from error
    for x in outputs:
        if lens.axes(x) is None or not x.isfinite().all():
            raise ValueError(
                "network must return finite vectors (n, K) or maps (n, C, H, W) for "
                f"the images of check, got {tuple(x.shape)}"
            )
        if lens.axes(x) == () and torch.equal(x, x[:1].expand_as(x)):
            raise ValueError("check must be images that get different answers, got one")
    if not outputs:
        raise ValueError("network must return tensors of a floating type, got none")
    return outputs


def _check(network, images, shifts, size, reading) -> tuple[int, int]:
    """Refuse what can't be measured, and return the sides of what the network sees."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"network must be a torch.nn.Module, got {describe(network)}")
    if reading not in ("phase", "whole"):
        raise ValueError(f"reading must be 'phase' or 'whole', got {reading!r}")
    pixels = torch.as_tensor(images)
    if pixels.ndim != 4 or not pixels.numel():
        raise ValueError(
            f"images must be of shape (n, C, H, W), got {tuple(pixels.shape)}"
        )
    if pixels.is_complex() or not pixels.isfinite().all():
        raise ValueError("images must be finite real numbers")
    moves = np.array(shifts, dtype=float)
    if moves.ndim != 2 or moves.shape[1] != 2 or not np.isfinite(moves).all():
        raise ValueError(f"shifts must be pairs (down, right), got {shifts}")
    if not moves.any():
        raise ValueError("shifts must hold a move other than (0, 0)")
    if reading == "whole" and (moves % 1).any():
        raise ValueError(f"reading 'whole' needs whole shifts, got {shifts}")
    height, width = pixels.shape[2:]
    if size is None:
        return height, width
    if reading == "whole":
        raise ValueError("reading 'whole' needs circular moves, without a size")
    margin = np.abs(moves).max(axis=0)
    # The middle begins half the surplus from the border.
    if any((np.array([height, width]) - size) // 2 < margin):
        raise ValueError(
            f"size must leave {margin.max():g} pixels of the images around it, "
            f"got {tuple(size)} of {height}×{width}"
        )
    return int(size[0]), int(size[1])


@dataclass
class _Call:
    """One call of a module: what it was given, and the tensors in and out."""

    module: nn.Module
    given: Any
    inputs: list[Tensor]
    outputs: list[Tensor]
    scales: list[tuple[float, float]] = field(default_factory=list)

    @property
    def tensors(self) -> list[Tensor]:
        return self.inputs + self.outputs


def _tensors(tree) -> list[Tensor]:
    leaves = tree_flatten(tree)[0]
    return [x for x in leaves if isinstance(x, Tensor) and x.is_floating_point()]


def _mapped(function, tree):
    leaves, form = tree_flatten(tree)
    return tree_unflatten(
        [function(x) if isinstance(x, Tensor) else x for x in leaves], form
    )


def _record(network: nn.Module, images: Tensor) -> list[_Call]:
    """Run a network, and keep what each leaf, and at last the network, did."""
    calls: list[_Call] = []
    given = []

    def before(module, args, kwargs):
        given.append(_mapped(torch.clone, (args, kwargs)))  # it may change them

    def after(module, args, kwargs, output):
        before_it = given.pop()
        outputs = _tensors(_mapped(torch.clone, output))
        calls.append(_Call(module, before_it, _tensors(before_it), outputs))

    handles = []
    try:
        for leaf in dict.fromkeys(_leaves(network)):
            handles.append(leaf.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(leaf.register_forward_hook(after, with_kwargs=True))
        result = network(images)
    finally:
        for handle in handles:
            handle.remove()
    return [*calls, _Call(network, None, [], _tensors(result))]


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Find the layers of ``torch.nn``, and other modules that have no children."""
    containers = ("torch.nn.modules.container", "torch.nn.modules.transformer")
    place = type(module).__module__
    layer = place.startswith("torch.nn.") and place not in containers
    children = list(module.children())
    if layer or isinstance(module, nn.Conv2d) or not children:
        yield module
    else:
        for child in children:
            yield from _leaves(child)


def _names(network: nn.Module, modules: list[nn.Module]) -> list[str]:
    known = {module: name for name, module in network.named_modules()}
    counts: Counter = Counter()
    names = []
    for module in modules:
        counts[module] += 1
        again = f"[{counts[module]}]" if counts[module] > 1 else ""
        names.append(known[module] + again)
    return names


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in network.modules()}
    try:
        network.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@dataclass
class _Lens:
    """Read maps, move them, and compare them."""

    sides: tuple[int, int]
    whole: bool
    mirrored: bool
    # Pixels of the image between those of a map of these sides.
    scale: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)

    def view(self, images: Tensor, move) -> Tensor:
        """Move images, and cut the middle out."""
        moved = self.move(images, move, (2, 3))
        for axis, side in zip((2, 3), self.sides, strict=True):
            moved = moved.narrow(axis, (images.shape[axis] - side) // 2, side)
        return moved

    def axes(self, x: Tensor) -> tuple[int, ...] | None:
        """Find the axes of the places; none for a vector, None for what is neither."""
        if x.ndim == 2:
            return ()
        if x.ndim != 4:
            return None
        for axes in ((2, 3), (1, 2)):
            height, width = (x.shape[axis] for axis in axes)
            # Sides like those of the image, up to rounding.
            if abs(height - width * self.sides[0] / self.sides[1]) <= 1:
                return () if height == width == 1 else axes
        return None

    def move(self, x: Tensor, by, axes) -> Tensor:
        """Move maps circularly, or with their mirror images; fractions by a phase."""
        if all(float(step).is_integer() for step in by):
            return x.roll([int(step) for step in by], axes)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        if self.mirrored:
            for axis in axes:
                wide = torch.cat([wide, wide.flip(axis)], axis)
        waves, sides = fft.rfft2(wide, dim=axes), [wide.shape[axis] for axis in axes]
        frequencies = (fft.fftfreq, fft.rfftfreq)
        for axis, count, step, of in zip(axes, sides, by, frequencies, strict=True):
            turns = of(count, device=x.device, dtype=wide.dtype) * step
            phase = torch.exp(-2j * torch.pi * turns)
            if count % 2 == 0:  # the finest wave has no direction
                phase[count // 2] = math.cos(math.pi * step)
            waves = waves * phase.view([-1 if i == axis else 1 for i in range(x.ndim)])
        moved = fft.irfft2(waves, s=sides, dim=axes)
        for axis in axes:
            moved = moved.narrow(axis, 0, x.shape[axis])
        return moved.to(x.dtype)

    def find_scales(self, calls: list[_Call]) -> None:
        """Follow how far apart the pixels of each map are, from call to call."""
        self.scale[self.sides] = (1, 1)
        for call in calls:
            coming = [self._scale(x) for x in call.inputs]
            maps = [i for i, x in enumerate(call.inputs) if self.axes(x)]
            if maps:
                old = self._sides(call.inputs[maps[0]])
                for x in call.outputs:
                    if self.axes(x):
                        steps = map(_ratio, old, self._sides(x))
                        down, right = map(operator.mul, coming[maps[0]], steps)
                        self.scale[self._sides(x)] = (down, right)
            call.scales = coming + [self._scale(x) for x in call.outputs]

    def _sides(self, x: Tensor) -> tuple[int, int]:
        axes = self.axes(x)
        return (x.shape[axes[0]], x.shape[axes[1]]) if axes else (1, 1)

    def _scale(self, x: Tensor) -> tuple[float, float]:
        sides = self._sides(x)
        first, second = map(_ratio, self.sides, sides)
        return self.scale.get(sides, (first, second))

    def shown(self, call: _Call) -> tuple[int, int]:
        """Give the sides of what a call returned."""
        return self._sides(call.outputs[0]) if call.outputs else (1, 1)

    def _step(self, move, scale) -> tuple[float, ...]:
        if self.whole:
            return tuple(move)
        return tuple(by / s for by, s in zip(move, scale, strict=True))

    def misfits(self, moved, base, move, interiors) -> list[tuple[float, float]]:
        """Compare what arrived at, and what left, each module when the image moved."""
        found: list[tuple[float, float]] = []
        last: dict[str, Any] = {}
        for new, old, inside in zip(moved, base, interiors, strict=True):
            errors = []
            for x, y, scale, within in zip(
                new.tensors, old.tensors, old.scales, inside, strict=True
            ):
                # What arrives is mostly what left the module before.
                if found and _equal(x, last["new"]) and _equal(y, last["old"]):
                    errors.append(found[-1][1])
                else:
                    errors.append(self.misfit(x, y, self._step(move, scale), within))
            count = len(old.inputs)
            found.append((_largest(errors[:count]), _largest(errors[count:])))
            last = {"new": new.outputs, "old": old.outputs}
        return found

    def misfit(self, new: Tensor, old: Tensor, move, inside=None) -> float:
        """Relative norm of the difference of what came and the moved map."""
        axes = self.axes(old)
        if axes is None or new.shape != old.shape or not len(old):
            return math.nan
        rounding = torch.finfo(old.dtype).eps
        kind = torch.promote_types(old.dtype, torch.float32)
        new, old = new.to(kind), old.to(kind)
        goal = old
        if axes:
            goal = (
                self.fitted(new, old, axes)
                if self.whole
                else self.move(old, move, axes)
            )
        if inside is not None:
            if not inside.any():
                return math.nan
            if axes:  # the places become one axis, the last
                new, goal, old = (
                    x.movedim(axes, (0, 1))[inside].movedim(0, -1)
                    for x in (new, goal, old)
                )
                axes = (-1,)
        if axes:
            middle = old.mean(axes, keepdim=True)
        else:
            middle = old.mean(0) if len(old) > 1 else torch.zeros_like(old[0])
        size, off, all_of_it = (
            x.flatten(1).norm(dim=1) for x in (old - middle, new - goal, old)
        )
        relative = off / torch.maximum(size, rounding * all_of_it)
        return float(torch.where(off == 0, 0, relative).mean())

    def fitted(self, new: Tensor, old: Tensor, axes) -> Tensor:
        """Move each map by the whole number of pixels that suits the other best."""
        channels = 1 if axes == (2, 3) else 3
        maps = widest(new), widest(old)
        waves = [fft.rfft2(x - x.mean(axes, keepdim=True), dim=axes) for x in maps]
        product = (waves[0] * waves[1].conj()).sum(channels)
        sides = [old.shape[axis] for axis in axes]
        best = fft.irfft2(product, s=sides).flatten(1).argmax(1).tolist()
        within = tuple(axis - 1 for axis in axes)
        moves = [divmod(at, sides[1]) for at in best]
        return torch.stack([x.roll(m, within) for x, m in zip(old, moves, strict=True)])

    def own(self, call: _Call, move, widest_move) -> float:
        """Run a module alone, on what it was given, moved."""
        steps = iter(call.scales)

        def moved(x):
            if not x.is_floating_point():
                return x.clone()
            scale, axes = next(steps), self.axes(x)
            return self.move(x, self._step(move, scale), axes) if axes else x.clone()

        args, kwargs = _mapped(moved, call.given)
        outputs = _tensors(call.module(*args, **kwargs))
        interiors = [None] * len(outputs)
        if self.mirrored:
            steps = iter(call.scales)

            def emptied(x):
                if not x.is_floating_point():
                    return x.clone()
                scale = next(steps)
                return self.without_border(x, self._step(widest_move, scale))

            args, kwargs = _mapped(emptied, call.given)
            empty = _Call(call.module, None, [], _tensors(call.module(*args, **kwargs)))
            interiors = self.interiors(empty)
        return _largest(
            self.misfit(new, old, self._step(move, scale), inside)
            for new, old, scale, inside in zip(
                outputs,
                call.outputs,
                call.scales[len(call.inputs) :],
                interiors,
                strict=True,
            )
        )

    def without_border(self, x: Tensor, width) -> Tensor:
        """Put NaN where other content enters, and next to where a layer may pad."""
        axes, x = self.axes(x), x.clone()
        for axis, step in zip(axes or (), width, strict=bool(axes)):
            count = min(max(1, math.ceil(step)), x.shape[axis])
            x.narrow(axis, 0, count).fill_(math.nan)
            x.narrow(axis, x.shape[axis] - count, count).fill_(math.nan)
        return x

    def interiors(self, call: _Call) -> list[Any]:
        """Find the places that no NaN reached; a single truth for a vector."""
        found = []
        for x in call.tensors:
            axes = self.axes(x) or ()
            others = [i for i in range(x.ndim) if i not in axes]
            found.append(~x.isnan().any(others) if axes else ~x.isnan().any())
        return found

    def kind(self, call: _Call) -> str:
        """Name what of a module can lose a move, by what it does to a map."""
        old = next((self._sides(x) for x in call.inputs if self.axes(x)), (1, 1))
        new = self.shown(call)
        layer = call.module
        if new != (1, 1) and set(map(_ratio, old, new)) != {1}:
            return "stride"
        kernel = np.max(getattr(layer, "kernel_size", 1))
        circular = getattr(layer, "padding_mode", "") == "circular"
        if new not in (old, (1, 1)) or (kernel > 1 and not circular and old == new):
            return "padding"
        # An affine function f has f(-2x) + 2 f(x) = 3 f(0).
        scaled = [_mapped(partial(torch.mul, other=by), call.given) for by in (-2, 0)]
        twice, nothing = (_tensors(layer(*args, **named)) for args, named in scaled)
        for a, b, c in zip(twice, nothing, call.outputs, strict=True):
            size = a.abs().max() + c.abs().max() + b.abs().max()
            if (a + 2 * c - 3 * b).abs().max() > 1e-4 * size:
                return "nonlinearity"
        return "other"


def _ratio(old: int, new: int) -> float:
    """Tell how many pixels became one; 1 where only a border went or came."""
    if old >= 1.5 * new:
        return round(old / new)
    return 1 / round(new / old) if new >= 1.5 * old else 1


def _equal(x: Tensor, outputs: list[Tensor]) -> bool:
    same = len(outputs) == 1 and outputs[0].shape == x.shape
    return same and torch.equal(x, outputs[0])


def _in_short(error: float) -> str:
    return "–" if math.isnan(error) else f"{error:.2f}"


def _largest(errors) -> float:
    known = [error for error in errors if not math.isnan(error)]
    return max(known, default=math.nan)
