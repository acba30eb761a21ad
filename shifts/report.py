"""Show what a measurement found: a figure, and a table for a notebook.

Matplotlib is asked for here alone, and only when the figure is looked at.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import interval


def as_table(rows: Iterable[tuple[str, str]]) -> str:
    """Write names and values as HTML.

    >>> as_table([("pixels", "< 16")])
    '<table><tr><th>pixels</th><td>&lt; 16</td></tr></table>'
    """
    cells = (f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows)
    return f"<table>{''.join(cells)}</table>"


def draw(
    title: str,
    apart: tuple[NDArray[Any], NDArray[Any]],
    moves: tuple[NDArray[Any], NDArray[Any]],
    twins: Sequence[tuple[NDArray[Any], str, str]],
    least: float,
) -> Any:
    """Draw agreement over distance and over the moves, and two views of an image.

    `apart` holds shifts ``(K, 2)`` between two views and the agreement ``(N, K)`` of
    the images there; `moves` shifts ``(S, 2)`` and the agreement ``(S,)`` with the
    other views; `twins` pictures ``(C, h, w)`` with what stands above and below;
    `least` is the least agreement there can be.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    figure.suptitle(title, x=0, ha="left")
    distance, places, *pictures = figure.subplots(1, 2 + len(twins))
    _draw_distance(distance, *apart, least)
    _draw_moves(places, *moves, least)
    _draw_twins(pictures, twins)
    return figure


def _draw_distance(
    axis: Any, shifts: NDArray[Any], agreement: NDArray[Any], least: float
) -> None:
    distance = np.abs(shifts).max(axis=1)
    octave = np.floor(np.log2(distance.clip(max=16))).astype(int)
    powers = np.unique(octave)
    each = np.array([agreement[:, octave == p].mean(axis=1) for p in powers])
    ends = interval(each, least)
    for power, mean, *bar in zip(powers, each.mean(axis=1), *ends, strict=True):
        axis.plot([power, power], bar, color="0.6", linestyle="-")
        axis.plot(power, mean, "ko")
    axis.set_xticks(powers, [f"{2.0**p:g}" for p in powers])
    axis.set(ylim=(least - 0.03, 1.03), xlim=(powers[0] - 0.5, powers[-1] + 0.5))
    axis.set(xlabel="pixels apart, or more", title="agreement by distance")


def _draw_moves(
    axis: Any, shifts: NDArray[Any], agreement: NDArray[Any], least: float
) -> None:
    down, right = shifts.T
    dots = axis.scatter(right, down, c=agreement, ec="0.5", vmin=least, vmax=1)
    axis.figure.colorbar(dots, ax=axis, shrink=0.8)
    axis.set(xlabel="moved right (pixels)", ylabel="moved down", aspect="equal")
    axis.set(title="agreement by move")
    axis.margins(0.1)
    axis.invert_yaxis()
    axis.locator_params(nbins=5, integer=True)


def _draw_twins(axes: Any, twins: Sequence[tuple[NDArray[Any], str, str]]) -> None:
    # Colours of three channels, or the grey of the first; one scale for both.
    seen = [picture[: 3 if len(picture) > 2 else 1] for picture, *_ in twins]
    least, most = min(map(np.min, seen), default=0), max(map(np.max, seen), default=0)
    for axis, picture, (_, above, below) in zip(axes, seen, twins, strict=True):
        shade = (picture - np.float64(least)) / ((np.float64(most) - least) or 1)
        colours = np.broadcast_to(shade, (3, *shade.shape[1:]))
        axis.imshow(colours.transpose(1, 2, 0))
        axis.set(xticks=[], yticks=[], xlabel=below, title=above)
