"""How rarely a normal stretch of log shows a score: a streaming histogram with a fitted tail.

A forest's score has no meaning of its own: it differs between forests and drifts. Its rank among the scores that were
accepted as normal has one. Beyond the highest hundredth the rank is extrapolated with an exponential tail (mean
excess over a high threshold: Pickands 1975, Balkema and de Haan 1974, with shape 0), so that what was never seen is
still ordered. Only accepted scores are learned, or a long attack would make itself normal.

The histogram is kept as binary indexed trees (Fenwick 1994) of counts and of counts times the bin's middle, so that a
rank, the edge of the highest hundredth and the mean excess above it take eight steps each. All sums are of 128ths and
their halves, hence exact.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import inlined, inner

BINS = 160
"""Of stretched scores, ten for each halving of what is left to 1."""
_TREE = 256
"""Places of a Fenwick tree: the next power of two."""
_DEPTH = 16.0
"""Halvings of what is left to 1 that a score is told by; beyond lies what a forest cannot tell apart."""
_MEMORY = 50_000.0
"""Accepted scores after which old ones fade by half: the tail then holds 250 to 500."""
_UNKNOWN = math.log10(2.0)
"""Decades of any score until then: one in two."""
_TAIL_SHARE = 0.01
"""Of the scores that the exponential tail is fitted to. No rank is told before there is one."""
_PRIOR_WEIGHT, _PRIOR_EXCESS = 5.0, 0.02
"""Scores' worth of belief in a mean excess over the tail's edge, in stretched scores, before a tail was seen."""
_LN10 = math.log(10.0)


@by_reference
class Calibration(NamedTuple):
    """What was accepted, a row a view.

    Attributes
    ----------
    counts, sums
        float64 ``(views, 257)``: Fenwick trees over the bins of transformed scores, of their counts and of count times
        the bin's middle, in bins.
    total
        float64 ``(views,)``: how many scores each view holds.
    """

    counts: npt.NDArray[np.float64]
    sums: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]


def new_calibration(views: int) -> Calibration:
    """Return empty histograms."""
    return Calibration(np.zeros((views, _TREE + 1)), np.zeros((views, _TREE + 1)), np.zeros(views))


@inner
def stretch(score: float) -> float:
    """Map a score in [0, 1] to [0, 1), spreading out what lies close to 1."""
    # 1 itself would have no bin
    return min(0.9999, -math.log2(max(1.0 - score, 2.0**-_DEPTH)) / _DEPTH)


@inner
def _below(tree: npt.NDArray[np.float64], b: int) -> float:
    """Sum over the bins before bin b."""
    total = 0.0
    while b > 0:
        total += tree[b]
        b &= b - 1
    return total


@inner
def _tail_bin(counts: npt.NDArray[np.float64], most: float) -> int:
    """Return the last bin before which at most so many scores lie."""
    b, step = 0, _TREE >> 1
    while step > 0:
        if b + step < BINS and counts[b + step] <= most:
            b += step
            most -= counts[b]
        step >>= 1
    return b


@inlined
def decades(calibration: Calibration, view: int, score: float) -> float:
    """Return ``-log10`` of the share of accepted scores that are as high: 3 is one in a thousand."""
    counts, sums, total = calibration.counts[view], calibration.sums[view], calibration.total[view]
    if total * _TAIL_SHARE < 1.0:
        return _UNKNOWN
    stretched = stretch(score)
    tail = _tail_bin(counts, total - (_TAIL_SHARE * total + 2.0))
    edge = (tail + 1.0) / BINS
    if stretched < edge:
        b = int(stretched * BINS)
        below = _below(counts, b)
        here = _below(counts, b + 1) - below
        return float(-math.log10((total - below - 0.5 * here + 0.5) / (total + 1.0)))
    above = total - _below(counts, tail + 1)
    excess = (_below(sums, _TREE) - _below(sums, tail + 1)) / BINS - above * edge
    scale = (excess + _PRIOR_WEIGHT * _PRIOR_EXCESS) / (above + _PRIOR_WEIGHT)
    return float(-math.log10((above + 0.5) / (total + 1.0)) + (stretched - edge) / (scale * _LN10))


@inlined
def accept(calibration: Calibration, view: int, score: float, weight: float) -> None:
    """Learn a score that is taken for normal, by a weight of 64ths up to 1; after 50,000 old ones fade by half."""
    weight = math.floor(64.0 * weight + 0.5) / 64.0  # sums of 64ths are exact
    bin_number = int(stretch(score) * BINS)
    b = bin_number + 1
    while b <= _TREE:
        calibration.counts[view, b] += weight
        calibration.sums[view, b] += weight * (bin_number + 0.5)
        b += b & -b
    calibration.total[view] += weight
    if calibration.total[view] >= _MEMORY:
        for k in range(_TREE + 1):
            calibration.counts[view, k] *= 0.5
            calibration.sums[view, k] *= 0.5
        calibration.total[view] *= 0.5
