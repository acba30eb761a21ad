"""What makes an array an image and a number whole, and the words of the errors."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(array: Any, name: str, shape: str = "(H, W)") -> NDArray[Any]:
    """Read real numbers of two axes, ``(H, W)``, or of three, ``(C, H, W)``.

    What NumPy would drop without a word is an error: a mask, a picture's palette.
    """
    rows = array if isinstance(array, list | tuple) else [array]
    if any(isinstance(row, np.ma.MaskedArray) for row in rows):
        raise TypeError(
            f"{name} must be an array without a mask, got a masked one; "
            f"image.filled(0) puts 0 where it is masked"
        )
    if hasattr(array, "getpalette") and array.getpalette() is not None:
        raise TypeError(
            f"{name} must be an array of real numbers, got a picture with a palette; "
            f"image.convert('L') gives its grey values"
        )
    try:
        numbers = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{name} must be an array of shape {shape}, got {describe(array)}: {error}"
        ) from error
    if numbers.dtype.kind not in "buif":
        raise TypeError(
            f"{name} must be an array of real numbers, got {describe(array)}"
        )
    wanted = shape.count(",") + 1
    if numbers.ndim != wanted or numbers.size == 0:
        hint = {
            (2, 3): "; take one channel, or its grey values",
            (3, 2): "; a grey image is image[None]",
        }.get((wanted, numbers.ndim), "")
        raise ValueError(
            f"{name} must be a non-empty array of shape {shape}, "
            f"got shape {numbers.shape}{hint}"
        )
    return numbers


def as_integer(number: Any, name: str) -> int:
    """Read a whole number; True and 1.0 are none."""
    try:
        if isinstance(number, bool | np.bool_):
            raise TypeError
        return operator.index(number)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, got {describe(number)}"
        ) from None


def size_of(image: NDArray[Any]) -> str:
    """Write a shape as in 427×640."""
    return "×".join(map(str, image.shape))


def describe(thing: Any) -> str:
    """Say what came: the value if it is short, else its type."""
    if isinstance(thing, str | int | float | complex | None):
        text = repr(thing)
        return text if len(text) <= 80 else f"{text[:77]}…"
    kind = getattr(thing, "dtype", None)
    return type(thing).__name__ + (f" of {kind}" if kind is not None else "")
