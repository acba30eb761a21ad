"""Read images and labels, say what is off, and make the views that move."""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence, Sized
from itertools import groupby, islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array, as_integer, describe

Shift = tuple[int, int]


def shifted_views(
    image: ArrayLike,
    shifts: Sequence[Shift],
    size: int | Shift | None = None,
    wrap: bool = False,
) -> NDArray:
    """Move an image of several channels in several ways, and keep the middle of each.

    Parameters
    ----------
    image : array or tensor of shape ``(C, H, W)``.
    shifts : pairs (down, right) of pixels; negative values move up and left.
    size : side of the middle, or its (height, width); the whole image if None.
    wrap : what enters at the border of the image: 0, or what left on the opposite
        side. Without it, a middle of some `size` must stay inside the image, so that
        nothing enters it but what the image holds.

    Returns
    -------
    New array of shape ``(len(shifts), C, height, width)`` and of the type of `image`.

    Raises
    ------
    TypeError : `image` is not numeric, or a shift or `size` is no whole number.
    ValueError : `image` is not three-dimensional, is empty, or has its channels last;
        `shifts` holds no pairs; `size` is larger than the image; or, without `wrap`, a
        shift is too large.

    Notes
    -----
    A window that slides to the left over a photo sees its content move to the right.

    Examples
    --------
    >>> views = shifted_views([[[1, 2, 3, 4]]], [(0, -1), (0, 0), (0, 1)], size=(1, 2))
    >>> views.reshape(3, 2)
    array([[3, 4],
           [2, 3],
           [1, 2]])
    """
    pixels = as_image(image, "image")
    shifts, size = as_shifts(shifts), as_size(size)
    check_views(pixels, "image", shifts, size, wrap)
    return stack([(pixels, shift) for shift in shifts], size, wrap)


# What came in


def as_shifts(shifts) -> list[Shift]:
    """Read pairs (down, right) of whole pixels."""
    try:
        pairs = [(down, right) for down, right in shifts]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            f"shifts must be one or more pairs (down, right), got {describe(shifts)}"
        )
    return [
        (as_integer(down, "shifts"), as_integer(right, "shifts"))
        for down, right in pairs
    ]


def as_size(size) -> Shift | None:
    """Read one side or two; None stays None."""
    if size is None:
        return None
    try:
        height, width = (size, size) if np.ndim(size) == 0 else size
    except (TypeError, ValueError):
        raise ValueError(f"size must be one or two numbers, got {size!r}") from None
    height, width = as_integer(height, "size"), as_integer(width, "size")
    if min(height, width) < 1:
        raise ValueError(f"size must be 1×1 or more, got {height}×{width}")
    return height, width


def as_image(image, name: str) -> NDArray:
    """Read an image ``(C, H, W)``, and say what else came."""
    if hasattr(image, "getbands"):
        raise TypeError(
            f"{name} must be an array of shape (C, H, W), got a PIL image; convert it "
            f"by torchvision's ToTensor, or as the model was trained to see it"
        )
    if getattr(image, "ndim", 3) == 4:
        raise ValueError(
            f"{name} must be one image, of shape (C, H, W), got shape "
            f"{tuple(image.shape)}; of a loader of batches, hand over loader.dataset"
        )
    pixels = as_array(from_torch(image), name, "(C, H, W)")
    if pixels.shape[2] in (1, 3, 4) and pixels.shape[0] not in (1, 3, 4):
        raise ValueError(
            f"{name} must be of shape (C, H, W), channels first, got shape "
            f"{pixels.shape}; image.transpose(2, 0, 1) makes it so"
        )
    return pixels


def check_views(image: NDArray, name: str, shifts, size, wrap: bool) -> None:
    """Refuse a window or a move that an image has no room for."""
    height, width = full = image.shape[1:]
    h, w = size or full
    if h > height or w > width:
        raise ValueError(
            f"size must be at most {height}×{width}, that of {name}, got {h}×{w}"
        )
    top, left = (height - h) // 2, (width - w) // 2
    for down, right in [] if wrap else shifts:
        if size is None:
            fits = abs(down) < height and abs(right) < width
            wanted = "leave a part of the image in sight"
        else:
            fits = 0 <= top - down <= height - h and 0 <= left - right <= width - w
            wanted = f"keep a window of {h}×{w} inside the image"
        if not fits:
            raise ValueError(
                f"shifts must {wanted}, got {(down, right)} for {name} of "
                f"{height}×{width}"
            )


def read_images(
    images, labels, shifts, size, wrap
) -> Iterable[tuple[NDArray, int | None]]:
    """Check images and labels: all at once if they are in memory, else one by one."""
    if not np.iterable(images):
        raise TypeError(f"images must be a list of arrays, got {describe(images)}")
    if isinstance(images, Sized) and len(images) == 0:
        raise ValueError("images must hold at least one image, got none")
    pairs = _pairs(images) if labels is None else _labelled(images, _as_labels(labels))
    checked = (_checked(i, *pair, shifts, size, wrap) for i, pair in enumerate(pairs))
    return list(checked) if isinstance(images, Collection) else checked


def _checked(number: int, image, label, shifts, size, wrap):
    pixels = as_image(image, f"images[{number}]")
    check_views(pixels, f"images[{number}]", shifts, size, wrap)
    return pixels, label if label is None else as_integer(label, f"labels[{number}]")


def _pairs(images) -> Iterator[tuple[Any, Any]]:
    """Put beside each image the label that it brings, or None."""
    first = None
    for number, item in enumerate(images):
        pair = _is_pair(item)
        first = pair if first is None else first
        if pair != first:
            raise ValueError(
                "images must all be pairs (image, label) or none of them, got "
                f"images[{number}] unlike images[0]"
            )
        yield item if pair else (item, None)


def _is_pair(item) -> bool:
    """Tell (image, label) from an image that is a list of two channels."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        return False
    return not isinstance(item[1], list | tuple) and np.ndim(item[1]) < 2


def _as_labels(labels) -> list[int]:
    if not np.iterable(labels):
        raise TypeError(
            f"labels must be a sequence of whole numbers, got {describe(labels)}"
        )
    return [as_integer(label, f"labels[{i}]") for i, label in enumerate(labels)]


def _labelled(images, labels: list[int]) -> Iterator[tuple[Any, int]]:
    """Put beside each image the label given for it."""
    number = -1
    for number, image in enumerate(images):
        if number == len(labels):
            break
        if _is_pair(image):
            raise ValueError(f"labels must be None: images[{number}] brings its own")
        yield image, labels[number]
    count = len(images) if isinstance(images, Sized) else number + 1
    if count not in (0, len(labels)):
        more = "" if isinstance(images, Sized) or count < len(labels) else " or more"
        raise ValueError(
            f"labels must have one entry for each image, got {len(labels)} for "
            f"{count} images{more}"
        )


def from_torch(tensor):
    """Bring a tensor to where NumPy can read it; leave anything else alone."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(tensor, torch.Tensor):
        return tensor
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


# What goes to the model


def stack(views: Sequence[tuple[NDArray, Shift]], size, wrap: bool) -> NDArray:
    """Make the views of images, all of one shape and type."""
    image = views[0][0]
    shape = (len(views), len(image), *(size or image.shape[1:]))
    stack = np.zeros(shape, image.dtype.newbyteorder("="))
    for view, (image, (down, right)) in zip(stack, views, strict=True):
        top = (image.shape[1] - shape[2]) // 2 - down
        left = (image.shape[2] - shape[3]) // 2 - right
        for rows, inner_rows in _runs(top, shape[2], image.shape[1], wrap):
            for columns, inner in _runs(left, shape[3], image.shape[2], wrap):
                view[:, inner_rows, inner] = image[:, rows, columns]
    return stack


def _runs(start: int, length: int, full: int, wrap: bool):
    """Yield the stretches of an axis that a window shows, and their places in it."""
    if not wrap:
        first, last = max(start, 0), min(start + length, full)
        yield slice(first, last), slice(first - start, last - start)
        return
    done = 0
    while done < length:
        first = (start + done) % full
        last = min(first + length - done, full)
        yield slice(first, last), slice(done, done + last - first)
        done += last - first


def batches(views, size, batch_size: int) -> Iterator[list]:
    """Cut (image, shift, label) into batches of one shape and type."""

    def kind(view):
        return view[0].shape[:1] + (size or view[0].shape[1:]), view[0].dtype

    for _, alike in groupby(views, kind):
        while batch := list(islice(alike, batch_size)):
            yield batch


# The moves of a report


def room_to_move(number: int, image: NDArray, size: Shift | None) -> int:
    """Give how far a report moves an image."""
    height, width = image.shape[1:]
    if size is None:
        return max(min(height, width) // 8, 1)
    room = min(height - size[0], width - size[1]) // 2
    if room == 0:
        raise ValueError(
            f"size must leave room to move, got {size[0]}×{size[1]} for "
            f"images[{number}] of {height}×{width}"
        )
    return room


def small_moves(room: int) -> list[Shift]:
    """Draw 24 moves, and a neighbour for 8 of them, always the same."""
    reach = min(room, 16)
    places = list(np.ndindex(2 * reach + 1, 2 * reach + 1))
    rng = np.random.default_rng(0)
    drawn = [places[i] for i in rng.permutation(len(places))[:24]]
    near = [
        (down + (1 if down < reach else -1), right)
        if number % 2
        else (down, right + (1 if right < reach else -1))
        for number, (down, right) in enumerate(drawn[:8])
    ]
    return [(d - reach, r - reach) for d, r in dict.fromkeys(drawn + near)]
