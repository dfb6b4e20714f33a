"""Distance: how far a magnitude lies from its own past, as mean and variance of what came so far [Welford 1962]."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from online_models.compile import inner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MEMORY = 500.0
"""Values that weigh in a mean: three weeks of hours, and of a busy thing as many records as show what is usual."""


@inner
def learn_moments(row: npt.NDArray[np.float64], at: int, value: float, count: float, longest: float) -> None:
    """Move mean ``row[at]`` and variance ``row[at + 1]`` towards a value; ``count`` values came before it."""
    weight = 1.0 / (min(count, longest) + 1.0)
    delta = value - row[at]
    row[at] += weight * delta
    row[at + 1] = (1.0 - weight) * (row[at + 1] + weight * delta * delta)


@inner
def deviation(row: npt.NDArray[np.float64], at: int, value: float, count: float, floor: float) -> float:
    """Return how many standard deviations a value lies from the mean, shrunk while ``count`` is small."""
    spread = math.sqrt(max(row[at + 1], 0.0)) + floor
    return float((value - row[at]) / spread * (count / (count + 4.0)))  # four values say half as much
