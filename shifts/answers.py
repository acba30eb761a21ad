"""Call a model on views, whatever framework it is from, and check what it answers."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Compare
from .arguments import describe
from .views import Size, from_torch, stack

Function = Callable[[NDArray[Any]], Any]
# What a model answers to n views, by the way to compare two answers.
WANTED = {
    "top": "(n, classes) with two classes or more",
    "dense": "(n, classes, h, w) with two classes or more",
    "cosine": "(n, d) with d of two or more",
    "difference": "(n, …)",
}


@contextmanager
def as_function(model: Any) -> Iterator[Function]:
    """Give a function of arrays; a PyTorch module rests in evaluation mode."""
    torch = sys.modules.get("torch")  # who has a module has imported it
    if torch is None or not isinstance(model, torch.nn.Module):
        if not callable(model) or isinstance(model, type):
            hint = (
                "; of an ONNX session, hand over lambda views: "
                "session.run(None, {session.get_inputs()[0].name: views})[0]"
                if hasattr(model, "get_inputs")
                else ""
            )
            raise TypeError(
                f"model must be a function or a network, got {describe(model)}{hint}"
            )
        yield model
        return
    weights = chain(model.parameters(), model.buffers())
    like = next((w for w in weights if w.is_floating_point()), torch.zeros(0))

    def function(views: NDArray[Any]) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(views).to(like))  # its device, its type

    # Frozen TorchScript has no modes.
    modes = {m: m.training for m in model.modules() if hasattr(m, "training")}
    try:
        _set_mode(model, False, modes)
        yield function
    finally:
        _set_mode(model, modes.get(model, False), modes)
        for module, training in modes.items():
            module.training = training


def _set_mode(model: Any, training: bool, modes: dict[Any, bool]) -> None:
    if any(modes.values()):
        with suppress(NotImplementedError):  # an exported program has no modes
            model.train(training)


def answers_to(
    function: Function,
    batches: Iterable[list[Any]],
    size: Size,
    wrap: bool,
    compare: Compare,
    labels: Iterable[int | None],
) -> Iterator[tuple[NDArray[Any], Any]]:
    """Yield the answer to each view, with what stands in the batch behind its shift."""
    classes = None
    for batch in batches:
        views = stack([(image, shift) for image, shift, *_ in batch], size, wrap)
        if classes is None:
            answers = _first_answers(function, views, compare)
            classes = answers.shape[1:2]
            _check_labels(labels, classes)
        else:
            answers = _answer(function, views, compare, classes)
        _check_labels([label for *_, label in batch], classes)
        yield from zip(answers, batch, strict=True)


def _first_answers(
    function: Function, views: NDArray[Any], compare: Compare
) -> NDArray[Any]:
    """Answer the first batch, and see whether its first view always gets one answer."""
    # Made beforehand: a model may write into what it is given.
    first = views[:1].repeat(len(views), axis=0)
    answers = _answer(function, views, compare)
    again = _answer(function, first, compare, answers.shape[1:2])
    change = np.abs(again - answers[0]).max()
    if change > 0.02 * np.abs(answers[0]).max():  # room for what bfloat16 rounds
        raise ValueError(
            "model must always give a view the same answer, got answers to one view "
            f"that differ by {change:.2g}; if it is a network in training mode, call "
            "its eval() first"
        )
    return answers


def _check_labels(labels: Iterable[int | None], classes: tuple[int, ...]) -> None:
    for label in labels:
        if label is not None and not 0 <= label < classes[0]:
            raise ValueError(
                f"labels must be from 0 to {classes[0] - 1}, the classes that model "
                f"returns, got {label}"
            )


def _answer(
    function: Function,
    views: NDArray[Any],
    compare: Compare,
    classes: tuple[int, ...] | None = None,
) -> NDArray[Any]:
    try:
        returned = function(views)
    except Exception as error:
        error.add_note(f"model was given {describe(views)} of shape {views.shape}")
        raise
    answers = _as_numbers(getattr(returned, "logits", returned))
    _check_shape(answers, len(views), compare)
    if classes not in (None, answers.shape[1:2]):
        raise ValueError(
            f"model must always return {classes[0] if classes else 1} classes, as it "
            f"did first, got {answers.shape[1] if answers.ndim > 1 else 1}"
        )
    if not np.isfinite(answers).all():
        raise ValueError("model must return finite numbers, got NaN or infinity")
    return answers


def _check_shape(answers: NDArray[Any], views: int, compare: Compare) -> None:
    shape = answers.shape
    way = compare if isinstance(compare, str) else "difference"
    axes = {"top": 2, "dense": 4, "cosine": 2}.get(way, max(len(shape), 1))
    many = way == "difference" or len(shape) < 2 or shape[1] > 1
    if len(shape) == axes and shape[0] == views and many and answers.size:
        return
    other = ""
    if way == "top" and shape[:1] == (views,):
        if len(shape) == 4:
            other = "; of a class for each pixel, take compare='dense'"
        elif len(shape) == 1 or shape[1] == 1:
            other = "; of numbers that are no classes, take compare='difference'"
    raise ValueError(
        f"model must return shape {WANTED[way]} for {views} views, got shape "
        f"{shape}{other}"
    )


def _as_numbers(answers: Any) -> NDArray[Any]:
    if isinstance(answers, tuple | dict):
        keys = list(answers) if isinstance(answers, dict) else [*range(len(answers))]
        raise TypeError(
            f"model must return the logits alone, got a {type(answers).__name__} with "
            f"entries {keys}; hand over a function that picks one, such as "
            f"lambda views: model(torch.from_numpy(views))[{keys[0]!r}]"
        )
    try:
        numbers = np.asarray(from_torch(answers))
    except (RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"model must return numbers that NumPy can read, "
            f"got {describe(answers)}: {error}"
        ) from error
    if numbers.dtype.kind not in "buif":
        came = describe(answers)
        if isinstance(answers, list) and answers:
            came = f"a list of {type(answers[0]).__name__}; hand over a function that "
            came += "makes of each view's answer one row of numbers"
        raise TypeError(f"model must return an array of real numbers, got {came}")
    # Maps may be large; single precision is enough to tell their top classes.
    keep = numbers.ndim == 4 and numbers.dtype == np.float32
    return numbers if keep else numbers.astype(np.float64)


def probabilities(logits: NDArray[Any]) -> NDArray[Any]:
    """Make probabilities of logits; what are probabilities already stays."""
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-2):
        return logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares
