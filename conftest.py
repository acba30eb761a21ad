"""Compare the figures, too, of the cells that nbval runs: it compares texts alone."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent / "tests")]

from execute import ENVIRONMENT  # noqa: E402
from notebook_checks import compare_figures  # noqa: E402


def pytest_configure(config):
    # The kernels that nbval starts inherit it. A benchmark must not: it would hold
    # PyTorch to one thread.
    if config.option.nbval:
        os.environ.pop("MPLBACKEND", None)
        os.environ.update(ENVIRONMENT)


def pytest_collection_modifyitems(items):
    # The longest first: at the end it would run alone, and the other core wait.
    items.sort(key=lambda item: item.path.name != "test_handout.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if item.path.suffix == ".ipynb":
        faults = compare_figures(item.cell, item.test_outputs)
        if faults:
            item.raise_cell_error("Figures differ", "\n".join(faults))
    return result
