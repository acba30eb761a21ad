"""What makes an array an image and a number whole, and the words of the errors."""

import operator

import numpy as np
from numpy.typing import NDArray


def as_array(array, name: str, shape: str = "(H, W)") -> NDArray:
    """Read real numbers of two axes, ``(H, W)``, or of three, ``(C, H, W)``."""
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


def as_integer(number, name: str) -> int:
    """Read a whole number; True and 1.0 are none."""
    try:
        if isinstance(number, bool | np.bool_):
            raise TypeError
        return operator.index(number)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, got {describe(number)}"
        ) from None


def size_of(image: NDArray) -> str:
    """Write a shape as in 427×640."""
    return "×".join(map(str, image.shape))


def describe(thing) -> str:
    """Say what came: the value if it is short, else its type."""
    if isinstance(thing, str | int | float | complex | None):
        return repr(thing)
    kind = getattr(thing, "dtype", None)
    return type(thing).__name__ + (f" of {kind}" if kind is not None else "")
