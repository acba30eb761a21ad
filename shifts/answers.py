"""Call a model on views, whatever framework it is from, and check what it answers."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import describe
from .views import from_torch, stack


@contextmanager
def as_function(model) -> Iterator[Callable[[NDArray], Any]]:
    """Give a function of arrays; a PyTorch module rests in evaluation mode."""
    torch = sys.modules.get("torch")  # who has a module has imported it
    if torch is None or not isinstance(model, torch.nn.Module):
        if not callable(model) or isinstance(model, type):
            raise TypeError(
                f"model must be a function or a network, got {describe(model)}"
            )
        yield model
        return
    weights = chain(model.parameters(), model.buffers())
    like = next((w for w in weights if w.is_floating_point()), torch.zeros(0))

    def function(views):
        with torch.inference_mode():
            return model(torch.from_numpy(views).to(like))  # its device, its type

    modes = {module: module.training for module in model.modules()}
    try:
        _set_mode(model, False, modes)
        yield function
    finally:
        _set_mode(model, modes[model], modes)
        for module, training in modes.items():
            module.training = training


def _set_mode(model, training: bool, modes: dict) -> None:
    if any(modes.values()):
        with suppress(NotImplementedError):  # an exported program has no modes
            model.train(training)


def answers_to(function, batches, size, wrap, labels) -> Iterator[tuple[NDArray, Any]]:
    """Yield the logits of each view, with its label."""
    classes = None
    for batch in batches:
        views = [(image, shift) for image, shift, _ in batch]
        if classes is None:
            logits = first_answers(function, stack(views, size, wrap))
            classes = logits.shape[1]
            check_labels(labels, classes)
        else:
            logits = answer(function, stack(views, size, wrap), classes)
        check_labels([label for *_, label in batch], classes)
        yield from zip(logits, [label for *_, label in batch], strict=True)


def first_answers(function, views: NDArray) -> NDArray:
    """Answer the first batch, and see whether its first view always gets one answer."""
    # Made beforehand: a model may write into what it is given.
    first = views[:1].repeat(len(views), axis=0)
    answers = answer(function, views)
    again = answer(function, first, answers.shape[1])
    change = np.abs(again - answers[0]).max()
    if change > 0.02 * np.abs(answers[0]).max():  # room for what bfloat16 rounds
        raise ValueError(
            "model must always give a view the same answer, got logits for one view "
            f"that differ by {change:.2g}; if it is a network in training mode, call "
            "its eval() first"
        )
    return answers


def check_labels(labels: Iterable[int | None], classes: int) -> None:
    """Refuse a label that is none of the classes."""
    for label in labels:
        if label is not None and not 0 <= label < classes:
            raise ValueError(
                f"labels must be from 0 to {classes - 1}, the classes that model "
                f"returns, got {label}"
            )


def answer(function, views: NDArray, classes: int | None = None) -> NDArray:
    """Call the model, and read what it returns as logits."""
    try:
        answers = function(views)
    except Exception as error:
        error.add_note(f"model was given {describe(views)} of shape {views.shape}")
        raise
    logits = _as_numbers(getattr(answers, "logits", answers))
    if logits.ndim != 2 or len(logits) != len(views) or logits.shape[1] < 2:
        raise ValueError(
            f"model must return shape (n, classes) with two classes or more for "
            f"{len(views)} views, got shape {logits.shape}"
        )
    if classes not in (None, logits.shape[1]):
        raise ValueError(
            f"model must always return {classes} classes, as it did first, "
            f"got {logits.shape[1]}"
        )
    if not np.isfinite(logits).all():
        raise ValueError("model must return finite numbers, got NaN or infinity")
    return logits


def _as_numbers(answers) -> NDArray[np.float64]:
    if isinstance(answers, tuple | dict):
        keys = list(answers) if isinstance(answers, dict) else [*range(len(answers))]
        raise TypeError(
            f"model must return the logits alone, got a {type(answers).__name__} with "
            f"entries {keys}; hand over a function that picks one, such as "
            f"lambda views: model(torch.from_numpy(views))[{keys[0]!r}]"
        )
    try:
        logits = np.asarray(from_torch(answers))
    except (RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"model must return numbers that NumPy can read, "
            f"got {describe(answers)}: {error}"
        ) from error
    if logits.dtype.kind not in "buif":
        raise TypeError(
            f"model must return an array of real numbers, got {describe(logits)}"
        )
    return logits.astype(np.float64)


def probabilities(logits: NDArray) -> NDArray:
    """Make probabilities of logits; what are probabilities already stays."""
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-2):
        return logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
