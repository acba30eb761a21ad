"""Draw what a measurement found; Matplotlib is asked for here alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import interval
from .views import stack


def draw(found: Any, images: list[NDArray], size, wrap: bool):
    """Draw agreement over distance, over the moves, and the two twins."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    figure.suptitle(str(found), x=0, ha="left")
    distance, moves, *twins = figure.subplots(1, 4)
    _draw_distance(distance, found)
    _draw_moves(moves, found)
    _draw_twins(twins, found, images, size, wrap)
    return figure


def _draw_distance(axis, found: Any) -> None:
    shifts, agreement = found.by_shift()
    octave = np.log2(np.abs(shifts).max(axis=1).clip(max=16)).astype(int)
    powers = np.unique(octave)
    for power in powers:
        each = agreement[:, octave == power].mean(axis=1)
        axis.plot([power, power], interval(each), color="0.6", linestyle="-")
        axis.plot(power, each.mean(), "ko")
    axis.set_xticks(powers, [f"{2**p}" for p in powers])
    axis.set(ylim=(-0.03, 1.03), xlim=(powers[0] - 0.5, powers[-1] + 0.5))
    axis.set(xlabel="pixels apart, or more", title="two views agree")


def _draw_moves(axis, found: Any) -> None:
    same = np.mean(found.top[:, :, None] == found.top[:, None, :], axis=0)
    others = (same.sum(axis=1) - 1) / (len(same) - 1)
    down, right = found.shifts.T
    dots = axis.scatter(right, down, c=others, ec="0.5", vmin=0, vmax=1)
    axis.figure.colorbar(dots, ax=axis, shrink=0.8)
    axis.set(xlabel="moved right (pixels)", ylabel="moved down", aspect="equal")
    axis.set(title="a view agrees with the others")
    axis.margins(0.1)
    axis.invert_yaxis()
    axis.locator_params(nbins=5, integer=True)


def _draw_twins(axes, found: Any, images, size, wrap: bool) -> None:
    worst = int(found.agreement.argmin())
    pair = nearest_twins(found.top[worst], found.shifts)
    views = stack([(images[worst], found.shifts[i]) for i in pair], size, wrap)
    pictures = views[:, : 3 if views.shape[1] > 2 else 1].astype(np.float64)
    pictures = (pictures - pictures.min()) / (np.ptp(pictures) or 1)
    for axis, i, picture in zip(axes, pair, pictures, strict=True):
        colours = np.broadcast_to(picture, (3, *picture.shape[1:]))
        axis.imshow(colours.transpose(1, 2, 0))
        down, right = found.shifts[i]
        axis.set(xticks=[], yticks=[], xlabel=f"down {down}, right {right}")
        title = f"images[{worst}]: class {found.top[worst, i]}"
        if found.labels is not None and found.probability is not None:
            share = found.probability[worst, i]
            title += f"\n{share:.0%} for class {found.labels[worst]}"
        axis.set_title(title)


def nearest_twins(top: NDArray, shifts: NDArray) -> tuple[int, int]:
    """Find the two views that are nearest to each other and answered differently."""
    first, second = np.triu_indices(len(top), k=1)
    differ = top[first] != top[second]
    distance = np.abs(shifts[second] - shifts[first]).max(axis=1)
    best = np.where(differ, distance, distance.max() + 1).argmin()
    return int(first[best]), int(second[best])
