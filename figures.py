"""The look of the figures, and how they are shown."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

from arguments import as_array

# One look for all figures. Notebooks apply it to their own: plt.rcParams.update(STYLE).
STYLE = {
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
    In a notebook the text is stored with the image, as metadata. Elsewhere the figure
    stays open for ``plt.show()`` or ``savefig``.

    Examples
    --------
    >>> show(plt.figure(), alt="An empty figure.")
    """
    if title:
        figure.suptitle(title, x=0, ha="left")
    if "inline" not in plt.get_backend():
        return
    from IPython.display import display

    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


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
    TypeError : an image is not numeric.
    ValueError : an image is not two-dimensional, there is none, or a list has another
        length than `images`.

    Examples
    --------
    >>> show_images([np.eye(3), np.ones((3, 3))], ["identity", "ones"], values=True)
    """
    images = [as_array(image, "images") for image in images]
    each = {
        "titles": titles,
        "cmap": [cmap] * len(images) if isinstance(cmap, str) else cmap,
        "limits": [limits] * len(images) if np.ndim(limits) == 1 else limits,
        "hatch": [None] * len(images) if hatch is None else hatch,
    }
    for name, entries in each.items():
        if len(entries) != len(images) or not images:
            raise ValueError(
                f"{name} must have one entry for each image, "
                f"got {len(entries)} for {len(images)} images"
            )
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    width = min(10.0, 3.4 * columns)
    aspect = max(image.shape[0] / image.shape[1] for image in images)
    height = rows * (width / columns * aspect + 0.3) + (0.35 if title else 0)
    cells = max(max(image.shape) for image in images) <= 16
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width, height), dpi=dpi, squeeze=False
        )
        try:
            for axis in axes.flat[len(images) :]:
                axis.remove()
            for axis, image, name, colours, (low, high), mask in zip(
                axes.flat, images, *each.values(), strict=False
            ):
                shown = axis.imshow(image, cmap=colours, vmin=low, vmax=high)
                axis.set_title(name)
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set(visible=True, color="0.75")
                if cells:
                    _draw_cells(axis, image.shape)
                if values:
                    _write_values(axis, image, shown)
                if mask is not None:
                    _hatch(axis, np.asarray(mask))
            show(figure, alt, title)
        except BaseException:
            plt.close(figure)
            raise


def _draw_cells(axis, shape) -> None:
    height, width = shape
    axis.set(xticks=range(width), yticks=range(height))
    axis.set_xticks(np.arange(width - 1) + 0.5, minor=True)
    axis.set_yticks(np.arange(height - 1) + 0.5, minor=True)
    axis.tick_params(which="both", length=0)
    axis.grid(which="minor", color="0.75", linewidth=0.5)


def _write_values(axis, image, shown) -> None:
    for (row, column), value in np.ndenumerate(image):
        dark = np.dot(shown.to_rgba(value)[:3], (0.299, 0.587, 0.114)) < 0.5
        axis.text(
            column,
            row,
            f"{value:.3g}",
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
