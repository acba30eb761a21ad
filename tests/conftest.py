import os

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")  # here only; the kernels draw inline
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("fuzz", deadline=None, max_examples=2000)
settings.load_profile("tests")
