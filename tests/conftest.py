import os

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")  # here only; the kernels draw inline
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")
