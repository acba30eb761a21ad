"""Call an answer, read what it gives, compare that, and say what is off.

What `exercises.py` is built on. A diagnosis takes an answer; it returns what is wrong
with it or raises that as a `Hint`, and returns None if nothing is. `checker` turns it
into a checker, which prints the hint.
"""

import contextvars
import copy
import ctypes
import functools
import gc
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from numbers import Real
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS = 5.0  # for one call of an answer
UNTOUCHED = "Not attempted yet."


class Hint(Exception):
    """What is wrong with an answer, on its way to the reader."""


def checker(diagnose: Callable[[Any], str | None]) -> Callable[[Any], None]:
    """Turn a diagnosis, which returns or raises a hint, into a checker.

    Examples
    --------
    >>> @checker
    ... def check_even(answer):
    ...     if number(answer) % 2:
    ...         return "that is odd."
    >>> check_even(3)
    Not yet: that is odd.
    >>> check_even(4)
    Correct.
    >>> check_even.hint(3)
    'that is odd.'
    """

    def hint(answer) -> str | None:
        """Return what the checker would print, or None if the answer is right."""
        try:
            if answer is not None and answer is not ...:
                return diagnose(answer)
        except Hint as wrong:
            return str(wrong)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not _is_stub(error):
                return f"this can't be read as an answer ({_message(error)})."
        return UNTOUCHED

    @functools.wraps(diagnose)
    def check(answer) -> None:
        _withheld.clear()
        found = hint(answer)
        if found is None:
            print("Correct.")
        else:
            print(found if found == UNTOUCHED else f"Not yet: {found}")
        if _withheld:
            print("(What your function displays is left out here.)")

    check.hint = hint  # type: ignore[attr-defined]
    return check


@contextmanager
def case(words: str):
    """Put the case that was tried before each hint.

    Examples
    --------
    >>> with case("for an image of 2×2"):
    ...     raise Hint("nothing has moved.")
    Traceback (most recent call last):
    shifts.checking.Hint: for an image of 2×2: nothing has moved.
    """
    try:
        yield
    except Hint as wrong:
        raise Hint(f"{words}: {wrong}") from wrong


# Call an answer


def call(function, *arguments, fresh: bool = False):
    """Return what the reader's function makes of copies of the arguments.

    Raises
    ------
    Hint
        If it can't be called, raises, takes too long, gives nothing back, or changes
        its arguments; where `fresh`, also if the result shares memory with them.

    Examples
    --------
    >>> call(np.transpose, np.array([[1, 2]])).tolist()
    [[1], [2]]
    """
    if not callable(function):
        raise Hint(
            f"a function is wanted, and this is {kind(function)}. "
            "Pass its name without brackets."
        )
    copies = [copy.deepcopy(a) for a in arguments]  # a function is its own copy
    with _display_withheld():
        result, error = _limited(function, *copies)
    if error is not None:
        if _is_stub(error) or isinstance(error, Hint):
            raise error
        raise Hint(f"your function stops with {_message(error)}.") from error
    if result is None:
        raise Hint(
            "your function gives nothing back. "
            "Does it end in `return`? To print a result is not to return it."
        )
    for before, after in zip(arguments, copies, strict=True):
        if not np.array_equal(before, after):
            thing = "list" if isinstance(before, list) else "array"
            raise Hint(
                f"your function changes the {thing} that it is given. "
                "Work on a copy, or make a new one."
            )
        if (
            fresh
            and isinstance(result, np.ndarray)
            and np.may_share_memory(result, after)
        ):
            raise Hint(
                "what you return shares its pixels with the image that you were "
                "given: change one, and the other changes. Return a new array."
            )
    return result


def trace(function, *arguments) -> tuple[set, int]:
    """Call an answer; return what code runs, and how many lines of the reader's own.

    Those are the lines of its notebook or module, in any cell; not what it calls
    elsewhere, to print or to draw.

    Examples
    --------
    >>> def double(x):
    ...     print(x)
    ...     return 2 * x
    >>> trace(double, np.ones(2))[1]
    [1. 1.]
    2
    """
    wrapped = getattr(function, "func", function)  # by functools.partial
    own = getattr(wrapped, "__globals__", None)
    if own is None:
        own = getattr(type(wrapped).__call__, "__globals__", None)
    code, lines = set(), 0

    def note(frame, event, _):
        nonlocal lines
        code.add(frame.f_code)
        lines += event == "line"
        return note if frame.f_globals is own else None

    def traced(*arguments):
        sys.settrace(note)  # of this thread alone, which ends with the call
        return function(*arguments)

    call(traced, *arguments)
    return code, lines


_withheld: list = []  # what the answer to the last check displayed


@contextmanager
def _display_withheld():
    """Keep what an answer displays out of the notebook, and close its figures."""
    before, captured = _figures(), None
    ipython = sys.modules.get("IPython")
    with ExitStack() as stack:
        if ipython and (shell := ipython.get_ipython()):
            from IPython.utils.capture import capture_output

            captured = stack.enter_context(capture_output(stdout=False, stderr=False))
            formatter = shell.display_formatter
            stack.callback(setattr, formatter, "active_types", formatter.active_types)
            formatter.active_types = ["text/plain"]  # a picture takes half a second
        try:
            yield
        finally:
            for figure in _figures() - before:
                sys.modules["matplotlib.pyplot"].close(figure)
                _withheld.append(figure)
            if captured:
                _withheld.extend(captured.outputs)


def _figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


class _TimeUp(SystemExit):  # of all exceptions, the one that ends a thread in silence
    pass


def _limited(function, *arguments) -> tuple[Any, BaseException | None]:
    """Return what a call returns and what it raises; give it up after some seconds.

    It runs in a thread, the one way on every system to stop waiting for it. A loop in
    Python is then ended; what runs in compiled code, or catches all, is left behind.
    """
    outcome, done = [], threading.Event()

    def run():
        try:
            outcome.append((function(*arguments), None))
        except _TimeUp:
            pass
        except BaseException as error:
            outcome.append((None, error))
        finally:
            done.set()

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), daemon=True)
    end = time.monotonic() + SECONDS
    thread.start()
    try:
        # On Windows no interrupt gets through a longer wait.
        while not done.wait(0.05) and time.monotonic() < end:
            if _prepares(thread):  # PyTorch takes seconds, and breaks if cut short
                end = time.monotonic() + SECONDS
    finally:
        ended = done.is_set() or _end(thread, done)
    if outcome:
        return outcome[0]
    left = "" if ended else " It still runs: restart the kernel to stop it."
    raise Hint(
        f"your function has not come back after {SECONDS:g} seconds. "
        f"Does a loop in it never end?{left}"
    )


# Modules that run while Numba or PyTorch compiles, and not when the result is called.
_COMPILERS = ("numba.core.compiler", "llvmlite.", "torch._dynamo.convert_frame")


def _prepares(thread: threading.Thread) -> bool:
    """Return whether a thread imports or compiles."""
    return any(
        frame.f_code.co_filename == "<frozen importlib._bootstrap>"
        or frame.f_globals.get("__name__", "").startswith(_COMPILERS)
        for frame in _frames(thread)
    )


def _end(thread: threading.Thread, done: threading.Event) -> bool:
    """Try to stop a thread, for a second; return whether it is done."""
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(20):
            if not _frees(thread):  # what is raised there is printed, and lost
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TimeUp)
                )
            if done.wait(0.05):
                return True
        return False
    finally:
        if collects:
            gc.enable()


def _frees(thread: threading.Thread) -> bool:
    """Return whether a thread runs a `__del__`, or a callback of `gc`."""
    callbacks = [getattr(callback, "__code__", None) for callback in gc.callbacks]
    return any(
        frame.f_code in callbacks or frame.f_code.co_name == "__del__"
        for frame in _frames(thread)
    )


def _frames(thread: threading.Thread) -> Iterator[FrameType]:
    """Yield what a thread runs, from the innermost call outwards."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame:
        yield frame
        frame = frame.f_back


def _is_stub(error: BaseException) -> bool:
    return type(error) is NotImplementedError and not error.args


def _message(error: BaseException) -> str:
    """Return the kind of an error, and the first line of what it says."""
    words = str(error).strip().split("\n")[0][:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


# Read it


def read(
    thing, wanted: str = "an array of numbers is wanted", truths: bool = True
) -> NDArray:
    """Read real numbers out of arrays, tensors, nested lists and the like.

    Without `truths`, True and False are no numbers. `wanted` begins each hint.

    Examples
    --------
    >>> read([[1, 2.5]])
    array([[1. , 2.5]])
    >>> read("text")
    Traceback (most recent call last):
    shifts.checking.Hint: an array of numbers is wanted, and this is text.
    """
    if hasattr(thing, "detach"):  # a tensor of PyTorch
        thing = thing.detach().cpu()
    if np.ma.is_masked(thing):
        raise Hint(f"{wanted}, and some of yours are masked.")
    try:
        numbers = np.asarray(thing)
        if numbers.dtype == object and all(isinstance(n, Real) for n in numbers.flat):
            numbers = numbers.astype(float)  # fractions
    except Exception as error:
        raise Hint(
            f"{wanted}, and NumPy can't read yours ({_message(error)})."
        ) from error
    if numbers.dtype.kind == "c":
        raise Hint(f"{wanted}, and yours are complex. Take their `.real`.")
    if numbers.dtype.kind not in "buif":
        if numbers.ndim and any(n is None for n in numbers.flat):
            raise Hint(f"{wanted}, and there is still a `None` in it.")
        raise Hint(f"{wanted}, and this is {kind(thing)}.")
    if not truths and (
        numbers.dtype.kind == "b"  # among others, NumPy takes them for 0 and 1
        or any(isinstance(n, bool | np.bool_) for n in np.asarray(thing, object).flat)
    ):
        raise Hint(f"{wanted}, and True and False are none.")
    if not np.isfinite(numbers).all():
        place = np.argwhere(~np.isfinite(numbers))[0].tolist()
        at = f" at {place}" if place else ""
        raise Hint(
            f"{wanted}, and you have {numbers[tuple(place)]}{at}. "
            "Is something divided by 0, or never set?"
        )
    return numbers


def whole(thing, shape: tuple[int, ...], wanted: str) -> NDArray[np.int64]:
    """Read so many whole numbers, of any type that holds them.

    Examples
    --------
    >>> whole([2.0, 3], (2,), "two numbers are wanted").tolist()
    [2, 3]
    """
    numbers = read(thing, wanted, truths=False)
    if numbers.size != np.prod(shape):
        holds = f" that holds {numbers.size}" if numbers.ndim else ""
        raise Hint(f"{wanted}, and this is {kind(thing)}{holds}.")
    for number in numbers.flat:
        if number != np.round(number):
            raise Hint(f"{wanted}, and {float(number)} is not whole.")
        if np.abs(number) > 1e9:
            raise Hint(f"{wanted}, and {number:g} is out of range.")
    return numbers.reshape(shape).astype(int)


def pair(thing) -> tuple[int, int]:
    """Read two whole numbers.

    Examples
    --------
    >>> pair(np.array([2.0, -3.0]))
    (2, -3)
    """
    down, right = whole(thing, (2,), "a pair of numbers is wanted, as in (0, 0)")
    return int(down), int(right)


def number(thing) -> float:
    """Read one number.

    Examples
    --------
    >>> number([1])
    1.0
    """
    found = read(thing, "one number is wanted", truths=False)
    if found.size != 1:
        raise Hint(
            f"one number is wanted, and this is {kind(thing)} of shape {found.shape}."
        )
    return float(found.item())


def kind(thing) -> str:
    """Say what came.

    Examples
    --------
    >>> kind(3)
    'the number 3'
    """
    if isinstance(thing, str):
        return "text"
    if callable(thing):
        return "a function"
    if isinstance(thing, Real) and not isinstance(thing, bool):
        return f"the number {thing}"
    return f"an object of type {type(thing).__name__}"


# Compare


def compare(
    result,
    wanted: NDArray,
    suspects: Iterable[tuple[NDArray, str]] = (),
    note: str = "",
    **shown: NDArray,
) -> None:
    """Raise the hint of the first suspect that the result equals, if it is wrong.

    Where it equals none, the hint names the first number that is off and sets the
    arrays that are `shown` beside what came and what is wanted.

    Examples
    --------
    >>> compare([0, 1], np.array([1, 0]), [(np.array([0, 1]), "nothing has moved.")])
    Traceback (most recent call last):
    shifts.checking.Hint: nothing has moved.
    """
    result = read(result)
    if same(result, wanted):
        return
    for suspect, hint in suspects:
        if same(result, suspect):
            raise Hint(hint)
    if same(result, -wanted):
        raise Hint("each number has the opposite sign.")
    if same(result, wanted.T):
        raise Hint("rows and columns have changed places.")
    if same(result, np.trunc(wanted)):
        raise Hint(
            "what stands behind the decimal point is lost. "
            "An array made for whole numbers can't hold it."
        )
    if result.shape != wanted.shape:
        raise Hint(
            f"the result has the shape {result.shape}, and {wanted.shape} is wanted."
        )
    place = tuple(np.argwhere(~_close(result, wanted))[0])
    yours, right = apart(result[place], wanted[place])
    raise Hint(
        f"at {np.array(place).tolist()} you have {yours}, and {right} is wanted. "
        f"Work that one out by hand{note}:\n"
        + beside(**shown, yours=result, wanted=wanted)
    )


def same(a: NDArray, b: NDArray) -> bool:
    """Return whether two arrays agree, but for rounding.

    Examples
    --------
    >>> same(np.array([0.1 + 0.2]), np.array([0.3]))
    True
    """
    return a.shape == b.shape and bool(np.all(_close(a, b)))


def _close(a, b):
    return np.isclose(a, b, rtol=1e-5, atol=1e-5)


def apart(*numbers: float, digits: int = 4) -> list[str]:
    """Write numbers with so many digits, or more where different ones look alike.

    Examples
    --------
    >>> apart(1 / 3, 0.5)
    ['0.3333', '0.5']
    >>> apart(0.25, 0.25002)
    ['0.25', '0.25002']
    """

    def written(digits):
        return [f"{number:.{digits}g}" for number in numbers]

    different = len(set(written(12)))  # beyond that lies the rounding of sums
    while len(set(written(digits))) < different:
        digits += 1
    return written(digits)


def beside(**arrays: NDArray) -> str:
    """Write small arrays side by side, each below its name.

    To three places, or to more where the last two arrays would look alike.

    Examples
    --------
    >>> print(beside(yours=np.array([[1, 2]]), wanted=np.array([[0.5], [2]])))
    yours     wanted
    [[1 2]]   [[0.5]
               [2. ]]
    """
    places = 3
    while places < 17 and _look_alike(places, *list(arrays.values())[-2:]):
        places += 1
    columns = []
    for name, array in arrays.items():
        lines = [name, *_written(array, places).split("\n")]
        columns.append([line.ljust(max(map(len, lines))) for line in lines])
    height = max(map(len, columns))
    padded = [c + [" " * len(c[0])] * (height - len(c)) for c in columns]
    return "\n".join("   ".join(line).rstrip() for line in zip(*padded, strict=True))


def _look_alike(places: int, a: NDArray, b: NDArray) -> bool:
    """Return whether numbers that differ are written alike."""
    if a.shape != b.shape:
        return False
    differ = ~_close(a, b)
    if not differ.any():
        differ = a != b
    texts = [re.findall(r"[^\s\[\]]+", _written(x, places)) for x in (a, b)]
    x, y = np.array(texts, float)
    return bool(np.any(differ.ravel() & (x == y)))


# NumPy's own settings: a reader may have set others.
_PLAIN: dict[str, Any] = {
    "edgeitems": 3,
    "threshold": sys.maxsize,
    "linewidth": 200,
    "suppress": False,
    "sign": "-",
    "floatmode": "maxprec",
    "formatter": None,
    "legacy": False,
}


def _written(array: NDArray, places: int) -> str:
    if np.all(array == np.round(array)) and np.all(np.abs(array) < 1e15):
        array = np.asarray(array, int)
    with np.printoptions(**_PLAIN):
        return np.array2string(array, precision=places)


def digits(*shape: int, seed: int = 1) -> NDArray[np.float64]:
    """Draw whole numbers from -9 to 9 but 0, so that no sign and no zero is missed.

    Examples
    --------
    >>> digits(2, 3)
    array([[ 5., -5., -7.],
           [-9., -1.,  2.]])
    """
    sizes = np.random.default_rng(seed).integers(1, 10, shape)
    return sizes * np.random.default_rng(seed + 1).choice([-1.0, 1.0], shape)
