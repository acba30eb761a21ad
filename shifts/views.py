"""Read images and labels, say what is off, and make the views that move."""

import sys
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence, Set, Sized
from itertools import groupby, islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array, as_integer, describe

Shift = tuple[float, float]
Shifts = Sequence[Shift] | NDArray[Any]
Size = tuple[int, int] | None
View = tuple[NDArray[Any], Shift]


def shifted_views(
    image: ArrayLike,
    shifts: Shifts,
    size: int | tuple[int, int] | None = None,
    wrap: bool = False,
) -> NDArray[Any]:
    """Move an image of several channels in several ways, and keep the middle of each.

    Parameters
    ----------
    image : array or tensor of shape ``(C, H, W)``.
    shifts : pairs (down, right) of pixels; negative values move up and left. With
        `wrap` they may be fractions of a pixel.
    size : side of the middle, or its (height, width); the whole image if None.
    wrap : what enters at the border of the image: 0, or what left on the opposite
        side. Without it, a middle of some `size` must stay inside the image, so that
        nothing enters it but what the image holds.

    Returns
    -------
    New array of shape ``(len(shifts), C, height, width)`` and of the type of `image`;
    of a floating type if a shift is a fraction.

    Raises
    ------
    TypeError : `image` is not numeric; `shifts` is a dict or a set; or a shift, without
        `wrap`, or `size` is no whole number.
    ValueError : `image` is not three-dimensional, is empty, or has its channels last;
        `shifts` holds no pairs; `size` is larger than the image; or, without `wrap`, a
        shift is too large.

    Notes
    -----
    A window that slides to the left over a photo sees its content move to the right.

    A fraction of a pixel turns the phases of the image's waves, which repeats the image
    on all sides: hence `wrap`. What is between the pixels is then what a signal without
    higher frequencies has there.

    Examples
    --------
    >>> views = shifted_views([[[1, 2, 3, 4]]], [(0, -1), (0, 0), (0, 1)], size=(1, 2))
    >>> views.reshape(3, 2)
    array([[3, 4],
           [2, 3],
           [1, 2]])
    """
    moves, window = as_shifts(shifts, wrap), as_size(size)
    pixels = as_image(image, "image", moves, window, wrap)
    return stack([(pixels, move) for move in moves], window, wrap)


# What came in


def as_shifts(shifts: Any, wrap: bool = False) -> list[Shift]:
    """Read pairs (down, right) of whole pixels or, with `wrap`, of parts of pixels."""
    _refuse_unordered(shifts, "shifts")
    try:
        pairs = [(down, right) for down, right in shifts]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            f"shifts must be one or more pairs (down, right), got {describe(shifts)}"
        )
    return [(_as_move(down, wrap), _as_move(right, wrap)) for down, right in pairs]


def _as_move(move: Any, wrap: bool) -> float:
    if not isinstance(move, float | np.floating):
        return as_integer(move, "shifts")
    if not wrap:
        raise TypeError(
            f"shifts must be whole numbers, got {move}; parts of a pixel need wrap=True"
        )
    if not np.isfinite(move):
        raise ValueError(f"shifts must be finite, got {move}")
    return int(move) if move == int(move) else float(move)


def _refuse_unordered(things: Any, name: str) -> None:
    """Refuse what gives its keys, or gives its members in any order."""
    keys = hasattr(things, "keys") and not hasattr(things, "dtype")  # no column
    if keys or isinstance(things, Set):
        raise TypeError(
            f"{name} must be a sequence, such as a list, got {describe(things)}"
        )


def as_size(size: Any) -> Size:
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


def as_image(
    image: Any, name: str, shifts: Sequence[Shift], size: Size, wrap: bool
) -> NDArray[Any]:
    """Read an image ``(C, H, W)`` that has room for the window and the moves."""
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
    _check_room(pixels, name, shifts, size, wrap)
    if any(down % 1 or right % 1 for down, right in shifts):
        return pixels.astype(np.result_type(pixels, np.float32))
    return pixels


def _check_room(
    image: NDArray[Any], name: str, shifts: Sequence[Shift], size: Size, wrap: bool
) -> None:
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
    images: Any, labels: Any, shifts: Sequence[Shift], size: Size, wrap: bool
) -> Iterable[tuple[NDArray[Any], int | None]]:
    """Check images and labels: all at once if they are in memory, else one by one.

    False for `labels` leaves those alone that the images bring.
    """
    if not np.iterable(images):
        raise TypeError(f"images must be a list of arrays, got {describe(images)}")
    _refuse_unordered(images, "images")
    if isinstance(images, Sized) and len(images) == 0:
        raise ValueError("images must hold at least one image, got none")
    if labels is None or labels is False:
        pairs = _pairs(images)
    else:
        pairs = _labelled(images, _as_labels(labels))
    checked = (
        (
            as_image(image, f"images[{number}]", shifts, size, wrap),
            None
            if label is None or labels is False
            else as_integer(label, f"labels[{number}]"),
        )
        for number, (image, label) in enumerate(pairs)
    )
    return list(checked) if isinstance(images, Collection) else checked


def _each(images: Any) -> Iterator[Any]:
    """Yield as many images as there are said to be."""
    if not isinstance(images, Sized):
        yield from images
        return
    counted: Any = images
    length, number = len(counted), 0
    wanted = "images must hold as many images as their len says"
    if hasattr(counted, "__iter__"):
        for number, image in enumerate(counted, 1):
            if number > length:
                raise ValueError(f"{wanted}, got more than {length}")
            yield image
        if number < length:
            raise ValueError(f"{wanted}, got {number} for a len of {length}")
        return
    for number in range(length):  # left to itself, it need never end
        try:
            yield counted[number]
        except IndexError as error:
            raise ValueError(f"{wanted}, got {number} for a len of {length}") from error


def _pairs(images: Any) -> Iterator[tuple[Any, Any]]:
    """Put beside each image the label that it brings, or None."""
    first = None
    for number, item in enumerate(_each(images)):
        pair = _is_pair(item)
        first = pair if first is None else first
        if pair != first:
            raise ValueError(
                "images must all be pairs (image, label) or none of them, got "
                f"images[{number}] unlike images[0]"
            )
        yield item if pair else (item, None)


def _is_pair(item: Any) -> bool:
    """Tell (image, label) from an image that is a list of two channels."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        return False
    if getattr(item[0], "ndim", 0) == 3:
        return True
    return not isinstance(item[1], list | tuple) and np.ndim(item[1]) < 2


def _as_labels(labels: Any) -> list[int]:
    if not np.iterable(labels):
        raise TypeError(
            f"labels must be a sequence of whole numbers, got {describe(labels)}"
        )
    _refuse_unordered(labels, "labels")
    return [as_integer(label, f"labels[{i}]") for i, label in enumerate(labels)]


def _labelled(images: Any, labels: list[int]) -> Iterator[tuple[Any, int]]:
    """Put beside each image the label given for it."""
    number = -1
    for number, image in enumerate(_each(images)):
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


def fingerprint(image: NDArray[Any]) -> int:
    """Give a number that another image has only by chance, one in four billion."""
    pixels = np.ascontiguousarray(image, image.dtype.newbyteorder("="))
    return zlib.crc32(pixels.data, zlib.crc32(repr(image.shape).encode()))


def from_torch(tensor: Any) -> Any:
    """Bring a tensor to where NumPy can read it; leave anything else alone."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(tensor, torch.Tensor):
        return tensor
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


# What goes to the model


def stack(views: Sequence[View], size: Size, wrap: bool) -> NDArray[Any]:
    """Make the views of images, all of one shape and type."""
    image = views[0][0]
    shape = (len(views), len(image), *(size or image.shape[1:]))
    made = np.zeros(shape, image.dtype.newbyteorder("="))
    for view, (image, (down, right)) in zip(made, views, strict=True):
        if down % 1 or right % 1:
            image = _between_pixels(image, down % 1, right % 1)
        top = (image.shape[1] - shape[2]) // 2 - int(down // 1)
        left = (image.shape[2] - shape[3]) // 2 - int(right // 1)
        for rows, inner_rows in _runs(top, shape[2], image.shape[1], wrap):
            for columns, inner in _runs(left, shape[3], image.shape[2], wrap):
                view[:, inner_rows, inner] = image[:, rows, columns]
    return made


def _between_pixels(image: NDArray[Any], down: float, right: float) -> NDArray[Any]:
    """Turn the phase of each wave by its frequency times the move."""
    rows = np.fft.fftfreq(image.shape[1])[:, None]
    columns = np.fft.rfftfreq(image.shape[2])
    turn = np.exp(-2j * np.pi * (rows * down + columns * right))
    moved: NDArray[Any] = np.fft.irfft2(np.fft.rfft2(image) * turn, image.shape[1:])
    return moved


def _runs(
    start: int, length: int, full: int, wrap: bool
) -> Iterator[tuple[slice, slice]]:
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


def batches(views: Iterable[Any], size: Size, batch_size: int) -> Iterator[list[Any]]:
    """Cut (image, shift, …) into batches of one shape and type."""

    def kind(view: Any) -> Any:
        return view[0].shape[:1] + (size or view[0].shape[1:]), view[0].dtype

    for _, alike in groupby(views, kind):
        while batch := list(islice(alike, batch_size)):
            yield batch


# The moves of a report


def room_to_move(number: int, image: NDArray[Any], size: Size) -> int:
    """Give how far a report moves an image."""
    height, width = map(int, image.shape[1:])
    if size is None:
        return max(min(height, width) // 8, 1)
    room = min(height - size[0], width - size[1]) // 2
    if room == 0:
        raise ValueError(
            f"size must leave room to move, got {size[0]}×{size[1]} for "
            f"images[{number}] of {height}×{width}"
        )
    return room


def small_moves(room: int) -> list[tuple[int, int]]:
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
