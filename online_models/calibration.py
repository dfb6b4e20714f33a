"""How rarely a normal stretch of log shows a score: a streaming histogram with a fitted tail.

A forest's score has no meaning of its own: it differs between forests and drifts. Its rank among the scores that were
accepted as normal has one. Beyond the highest hundredth the rank is extrapolated with an exponential tail (mean
excess over a high threshold: Pickands 1975, Balkema and de Haan 1974, with shape 0), so that what was never seen is
still ordered. Only accepted scores are learned, or a long attack would make itself normal.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from online_models.compile import inner

BINS = 160
_DEPTH = 16.0
_LEAST = 100.0
_MEMORY = 50_000.0
_UNKNOWN = 0.3
_TAIL_SHARE = 0.01
_PRIOR_WEIGHT, _PRIOR_EXCESS = 5.0, 0.02
_LN10 = math.log(10.0)


class Calibration(NamedTuple):
    """Histograms float64 ``(views, BINS)`` of transformed scores, and how many each holds, float64 ``(views,)``."""

    bins: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]


def new_calibration(views: int) -> Calibration:
    """Return empty histograms."""
    return Calibration(np.zeros((views, BINS)), np.zeros(views))


@inner
def stretch(score: float) -> float:
    """Map a score in [0, 1] to [0, 1), spreading out what lies close to 1."""
    return min(0.9999, -math.log2(max(1.0 - score, 2.0**-_DEPTH)) / _DEPTH)


@inner
def _tail_bin(bins: npt.NDArray[np.float64], total: float) -> tuple[int, float]:
    """Return the bin that holds the highest hundredth's edge, and how many lie above that bin."""
    above, k = 0.0, BINS - 1
    while k > 0 and above + bins[k] < _TAIL_SHARE * total + 2.0:
        above += bins[k]
        k -= 1
    return k, above


@inner
def _within(bins: npt.NDArray[np.float64], total: float, stretched: float) -> float:
    b = min(BINS - 1, int(stretched * BINS))
    above = 0.0
    for k in range(b + 1, BINS):
        above += bins[k]
    return -math.log10((above + 0.5 * bins[b] + 0.5) / (total + 1.0))


@inner
def decades(calibration: Calibration, view: int, score: float) -> float:
    """Return ``-log10`` of the share of accepted scores that are as high: 3 is one in a thousand."""
    bins, total = calibration.bins[view], calibration.total[view]
    if total < _LEAST:
        return _UNKNOWN
    stretched = stretch(score)
    k, above = _tail_bin(bins, total)
    edge = (k + 1.0) / BINS
    if stretched < edge:
        return _within(bins, total, stretched)
    excess = _PRIOR_WEIGHT * _PRIOR_EXCESS
    for j in range(k + 1, BINS):
        excess += bins[j] * ((j + 0.5) / BINS - edge)
    scale = excess / (above + _PRIOR_WEIGHT)
    return -math.log10((above + 0.5) / (total + 1.0)) + (stretched - edge) / (scale * _LN10)


@inner
def accept(calibration: Calibration, view: int, score: float) -> None:
    """Learn a score that is taken for normal; after 50,000 the old ones fade by half."""
    calibration.bins[view, int(stretch(score) * BINS)] += 1.0
    calibration.total[view] += 1.0
    if calibration.total[view] >= _MEMORY:
        for k in range(BINS):
            calibration.bins[view, k] *= 0.5
        calibration.total[view] *= 0.5
