import os

import matplotlib
from execute import ENVIRONMENT
from hypothesis import settings

matplotlib.use("Agg")  # here only; the kernels draw inline
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")


def pytest_configure(config):
    # The kernels that nbval starts inherit it. A benchmark must not: it would hold
    # PyTorch to one thread.
    if config.option.nbval:
        os.environ.pop("MPLBACKEND", None)
        os.environ.update(ENVIRONMENT)
