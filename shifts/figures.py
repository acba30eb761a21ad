"""The look of the figures, and how they are shown."""

import base64
import html
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array, as_integer, describe

# What says where and how figures are shown, and nothing of their look.
NO_LOOK = (
    *("animation.", "backend", "date.epoch", "docstring.", "figure.max_open_warning"),
    *("figure.raise_window", "interactive", "keymap.", "savefig.directory", "timezone"),
    *("tk.", "toolbar", "webagg."),
)
# One look for all figures, whatever the reader's own settings: Matplotlib's defaults,
# and what differs. Notebooks apply it to their own: plt.rcParams.update(STYLE).
STYLE: Any = {
    name: value
    for name, value in matplotlib.rcParamsDefault.items()
    if not name.startswith(NO_LOOK)
} | {
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    # Okabe and Ito's colours, told apart with red-green blindness; the line styles
    # keep them apart on a grey printer.
    "axes.prop_cycle": plt.cycler(
        color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"],
        linestyle=["-", "--", "-.", ":", "-"],
    ),
}


def show(figure: plt.Figure, alt: str, title: str = "") -> None:
    """Display a figure with its title and its alternative text, and close it.

    Parameters
    ----------
    figure : a Matplotlib figure.
    alt : what the figure shows, in sentences, for readers who do not see it.
    title : the finding, above all.

    Notes
    -----
    In a notebook the text is stored with the image, as metadata, whatever Matplotlib's
    backend. JupyterLab hands that on to no screen reader, so the text also follows the
    figure, where a click or a key opens it. Elsewhere the figure stays open for
    ``plt.show()`` or ``savefig``; what you no longer need, close with
    ``plt.close("all")``.

    Examples
    --------
    >>> show(plt.figure(), alt="An empty figure.")
    """
    if title:
        figure.suptitle(title, x=0, ha="left")
    inline = "inline" in plt.get_backend()
    if not inline and not _in_kernel():
        return
    from IPython.core.pylabtools import print_figure
    from IPython.display import display

    metadata = {"image/png": {"alt": alt}}
    if inline:
        _set_up_inline()
        display(figure, metadata=metadata)
    else:  # no other backend tells IPython how to draw a figure
        picture = {"image/png": print_figure(figure, base64=True)}
        display(picture | {"text/plain": repr(figure)}, metadata=metadata, raw=True)
    if alt:
        display({"text/html": _in_words(alt)}, raw=True)
    plt.close(figure)


def _set_up_inline() -> None:
    from IPython import get_ipython
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib_inline.config import InlineBackend

    shell = get_ipython()
    if not shell:
        return
    formatters = shell.display_formatter.formatters.values()
    if not any(plt.Figure in formatter for formatter in formatters):
        # Up to Matplotlib 3.8 the backend does it only after the first cell that draws.
        settings = InlineBackend.instance(parent=shell)
        options = settings.print_figure_kwargs
        select_figure_formats(shell, settings.figure_formats, **options)


def _in_words(alt: str) -> str:
    summary = "<summary>The figure in words</summary>"
    return f"<details>{summary}<p>{html.escape(alt, quote=False)}</p></details>"


def show_table(
    rows: Mapping[str, Sequence], columns: Mapping[str, Sequence], form: str = ""
) -> None:
    """Display a table in which each row, column and group of columns has its header.

    Parameters
    ----------
    rows : the name of each row, and its cells.
    columns : the name of each group of columns, and the names of its columns.
    form : format specification of the cells that are no text, such as ``".2f"``.

    Raises
    ------
    ValueError : a row has not one cell for each column.

    Notes
    -----
    In a notebook it is a table of HTML, with the same as text beside it.

    Examples
    --------
    >>> left = {"max": [0.92, 0.69], "average": [0.92, "-"]}
    >>> show_table(left, {"poolings": [0, 1]}, ".1f")
             poolings
               0    1
    max      0.9  0.7
    average  0.9    -
    """
    names = [str(name) for group in columns.values() for name in group]
    cells = {
        row: [each if isinstance(each, str) else f"{each:{form}}" for each in entries]
        for row, entries in rows.items()
    }
    for row, entries in cells.items():
        if len(entries) != len(names):
            raise ValueError(
                f"rows must have {len(names)} cells each, one for each column, "
                f"got {len(entries)} in {row!r}"
            )
    text = _table_as_text(cells, columns, names)
    if not _in_kernel():
        print(text)
        return
    from IPython.display import display

    page = _table_as_html(cells, columns, names)
    display({"text/html": page, "text/plain": text}, raw=True)


def _table_as_text(cells, columns, names) -> str:
    wide = max(map(len, cells), default=0)
    width = 2 + max(map(len, [*names, *sum(cells.values(), [])]), default=0)
    groups = "".join(f"  {name:{len(c) * width - 2}}" for name, c in columns.items())
    lines = [" " * wide + groups, " " * wide + "".join(f"{n:>{width}}" for n in names)]
    for row, entries in cells.items():
        lines.append(
            f"{row:{wide}}" + "".join(f"{entry:>{width}}" for entry in entries)
        )
    return "\n".join(line.rstrip() for line in lines)


def _table_as_html(cells, columns, names) -> str:
    def line(start: str, tag: str, entries) -> str:
        row = (f"<{tag}>{html.escape(entry)}</{tag[:2]}>" for entry in entries)
        return f"<tr>{start}{''.join(row)}</tr>"

    groups = "".join(
        f'<th colspan="{len(c)}" scope="colgroup">{html.escape(name)}</th>'
        for name, c in columns.items()
    )
    head = [
        f'<tr><td rowspan="2"></td>{groups}</tr>',
        line("", 'th scope="col"', names),
    ]
    body = [
        line(f'<th scope="row">{html.escape(row)}</th>', "td", entries)
        for row, entries in cells.items()
    ]
    lines = ["<table><thead>", *head, "</thead><tbody>", *body, "</tbody></table>"]
    return "\n".join(lines)


def _in_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def show_images(
    images: Sequence[ArrayLike],
    titles: Sequence[str],
    title: str = "",
    alt: str = "",
    cmap: str | Sequence[str] = "viridis",
    limits: tuple[float, float] | Sequence[tuple[float, float]] = (0, 1),
    columns: int | None = None,
    values: bool = False,
    hatch: Sequence[ArrayLike | None] | None = None,
    dpi: int | None = None,
) -> None:
    """Show images side by side on one colour scale.

    Where all of them are small (16×16 at most), cells and indices are drawn.

    Parameters
    ----------
    images : arrays of shape ``(H, W)``; sizes may differ.
    titles : one for each image.
    title : the finding, above all.
    alt : alternative text, as for `show`.
    cmap : Matplotlib colour map, one for all or one for each.
    limits : values at the two ends of the colour map, one pair for all or one for each.
    columns : images in a row; all of them if None.
    values : write each value into its cell.
    hatch : for each image a mask of the pixels to hatch, or None.
    dpi : dots per inch.

    Raises
    ------
    TypeError : an image is not numeric, a list is none, or a number is not whole.
    ValueError : an image is not two-dimensional, there is none, a list has another
        length than `images`, `limits` are no pairs, or a number is below 1.

    Examples
    --------
    >>> show_images([np.eye(3), np.ones((3, 3))], ["identity", "ones"], values=True)
    """
    shown = [as_array(image, "images") for image in _as_list(images, "images")]
    ends = _as_list(limits, "limits")
    looks = _one_each(
        len(shown),
        titles=titles,
        cmap=[cmap] * len(shown) if isinstance(cmap, str) else cmap,
        limits=[ends] * len(shown) if not any(map(np.ndim, ends)) else ends,
        hatch=[None] * len(shown) if hatch is None else hatch,
    )
    for name, number in [("columns", columns), ("dpi", dpi)]:
        if number is not None and as_integer(number, name) < 1:
            raise ValueError(f"{name} must be 1 or more, got {number}")
    with plt.rc_context(STYLE):
        figure, axes = _grid(shown, columns or len(shown), bool(title), dpi)
        try:
            for axis, image, *look in zip(axes, shown, *looks, strict=True):
                _draw(axis, image, *look)
                if max(max(image.shape) for image in shown) <= 16:
                    _draw_cells(axis, image.shape)
                if values:
                    _write_values(axis, image)
            show(figure, alt, title)
        except BaseException:
            plt.close(figure)
            raise


def _one_each(count: int, **looks) -> list[list]:
    for name, entries in looks.items():
        looks[name] = entries = _as_list(entries, name)
        if len(entries) != count or not count:
            raise ValueError(
                f"{name} must have one entry for each image, "
                f"got {len(entries)} for {count} images"
            )
    return list(looks.values())


def _grid(images: list[NDArray], columns: int, title: bool, dpi) -> tuple:
    rows = -(-len(images) // columns)
    width = min(10.0, 3.4 * columns)
    aspect = max(image.shape[0] / image.shape[1] for image in images)
    height = rows * (width / columns * aspect + 0.3) + (0.35 if title else 0)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), dpi=dpi, squeeze=False
    )
    for axis in axes.flat[len(images) :]:
        axis.remove()
    return figure, axes.flat[: len(images)]


def _as_list(things, name: str) -> list:
    try:
        return list(things)
    except TypeError:
        raise TypeError(f"{name} must be a list, got {describe(things)}") from None


def _draw(axis, image, title, cmap, limits, mask) -> None:
    ends = as_array([limits], "limits")
    if ends.shape != (1, 2):
        raise ValueError(f"limits must be pairs (low, high), got {describe(limits)}")
    axis.imshow(image, cmap=cmap, vmin=ends[0, 0], vmax=ends[0, 1])
    axis.set_title(title)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(visible=True, color="0.75")
    if mask is not None:
        _hatch(axis, as_array(mask, "hatch"))


def _draw_cells(axis, shape) -> None:
    height, width = shape
    step = 1 if max(shape) <= 12 else 4  # more numbers run into each other
    axis.set(xticks=range(0, width, step), yticks=range(0, height, step))
    axis.set_xticks(np.arange(width - 1) + 0.5, minor=True)
    axis.set_yticks(np.arange(height - 1) + 0.5, minor=True)
    axis.tick_params(which="both", length=0)
    axis.grid(which="minor", color="0.75", linewidth=0.5)


def _write_values(axis, image) -> None:
    for (row, column), value in np.ndenumerate(image):
        colour = axis.images[0].to_rgba(value)[:3]
        dark = np.dot(colour, (0.299, 0.587, 0.114)) < 0.5
        axis.text(
            column,
            row,
            f"{float(value):.3g}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )


def _hatch(axis, mask) -> None:
    for row, column in np.argwhere(mask):
        axis.add_patch(
            plt.Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                hatch="////",
                fill=False,
                lw=0,
                ec="0.85",
            )
        )


EXPLORERS = Path(__file__).resolve().parent.parent / "explore"
# A program travels as data: what drops scripts then shows this line and no program. An
# inline script, since policies that let this one run may refuse a Blob's.
RUN = (
    '<script>for (const e of document.querySelectorAll("[data-code]")) { const s = '
    'document.createElement("script"); s.type = "module"; s.text = e.dataset.code; '
    "delete e.dataset.code; e.append(s); }</script>"
)


def explore(name: str, photo: str = "", **state) -> None:
    """Display a figure whose parts the reader moves, in the place of the one above it.

    It needs no kernel and no network once it is displayed: on a web page it works too.

    Parameters
    ----------
    name : which explorer: the name of one of the modules in ``explore/``.
    photo : the name of a picture there, a PNG or a JPEG, that the explorer gets.
    state : what the explorer starts with: numbers, texts and lists of them.

    Raises
    ------
    ValueError : there is no such explorer.
    FileNotFoundError : there is no such photo.

    Examples
    --------
    >>> explore("step", pixel=[2, 2], side=10)
    """
    from IPython.display import display

    if photo:
        picture = base64.b64encode((EXPLORERS / photo).read_bytes()).decode()
        kind = "png" if photo.endswith(".png") else "jpeg"
        state["photo"] = f"data:image/{kind};base64,{picture}"
    page = explorer(name, state)
    display({"text/html": page, "text/plain": f"explore({name!r})"}, raw=True)


def _needed(name: str, modules: Mapping[str, str]) -> list[str]:
    """List the modules that one needs, each after those that it imports itself.

    >>> _needed("b", {"a": "", "b": 'import { x } from "./a.js";'})
    ['a', 'b']
    """
    imported = re.findall(r'(?m)^(?:import|\}) .*?from "\./(\w+)\.js";', modules[name])
    parts = [part for each in imported for part in _needed(each, modules)]
    return list(dict.fromkeys([*parts, name]))


def explorer(name: str, state: Mapping[str, Any]) -> str:
    """Return the page of an explorer that starts with a state.

    >>> explorer("step", {"pixel": [2, 2], "side": 10})[:26]
    '<div data-explorer="step" '
    """
    modules = {path.stem: path.read_text("utf-8") for path in EXPLORERS.glob("*.js")}
    names = sorted(stem for stem, text in modules.items() if f'mount("{stem}"' in text)
    if name not in names:
        raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")
    code = "\n".join(modules[part] for part in _needed(name, modules))
    # One module after the other is one module; an inline one can import no other.
    code = re.sub(r"(?ms)^import .*?;\n|^export ", "", code)
    return (
        f'<div data-explorer="{name}" data-start="{html.escape(json.dumps(state))}"'
        f' data-code="{html.escape(code)}">'
        "This figure moves where scripts run: on the web page, or in JupyterLab "
        f"once you run the cell.</div>\n{RUN}"
    )
