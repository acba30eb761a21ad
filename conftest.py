"""Compare the figures, too, of the cells that nbval runs: it compares texts alone."""

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent / "tests")]

from execute import ENVIRONMENT  # noqa: E402
from notebook_checks import compare_figures  # noqa: E402

LISTED = Path(__file__).with_name("requirements.txt").read_text("utf-8")
[STORED] = re.findall(r"^matplotlib==(\S+)", LISTED, re.MULTILINE)
RELEASE, HERE = (v.rpartition(".")[0] for v in (STORED, version("matplotlib")))


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
    if item.path.suffix == ".ipynb" and HERE == RELEASE:
        faults = compare_figures(item.cell, item.test_outputs)
        if faults:
            item.raise_cell_error("Figures differ", "\n".join(faults))
    return result


def pytest_terminal_summary(terminalreporter, config):
    if config.option.nbval and HERE != RELEASE:
        terminalreporter.write_line(
            f"Matplotlib {version('matplotlib')} here, {STORED} stored: "
            f"figures are compared only with {RELEASE}."
        )
