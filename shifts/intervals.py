"""Say how far a mean over images can be trusted."""

import numpy as np
from numpy.typing import NDArray


def bootstrap(values: NDArray) -> tuple[float, float]:
    """Give the 95 % interval of a mean, by drawing its values anew 2,000 times."""
    if len(values) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    means = [rng.choice(values, len(values)).mean() for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
