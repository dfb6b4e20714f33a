"""The wall clock, given to whoever needs one, and log time, which comes from records alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

_NEARLY_ALL: Final = 0.99
_DAY_S: Final = 86_400.0


def later(log_ts: float, ts: npt.NDArray[np.float64]) -> float:
    """Return the log time after records that began at `ts`, epoch seconds, float64 ``(n,)`` with n > 0."""
    reached = float(np.quantile(ts, _NEARLY_ALL, method="higher"))
    return reached if reached > log_ts or reached < log_ts - _DAY_S else log_ts


@dataclass(frozen=True, slots=True)
class Clock:
    """Epoch seconds for people, monotonic seconds for intervals."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
