"""Views: small forests over one question each, and how their answers become one number.

Every view's forest score is turned into decades of rarity (`decades`). The strongest view counts in full, by its
weight; what the others have beyond the ordinary adds a share. The sum is the record's evidence, in decades;
``score = evidence / (evidence + 3.3)``, so that 0.5 is where learning ends, whatever the forests are.

A forest's score has no meaning of its own: it differs between forests and drifts. Its rank among the scores that were
accepted as normal has one. Beyond the highest hundredth the rank is extrapolated with an exponential tail (mean
excess over a high threshold: Pickands 1975, Balkema and de Haan 1974, with shape 0), so that what was never seen is
still ordered. Only accepted scores are learned, or a long attack would make itself normal.

The ranks are kept as binary indexed trees (Fenwick 1994) of counts and of counts times the bin's middle, so that a
rank, the edge of the highest hundredth and the mean excess above it take eight steps each. All sums are of 128ths and
their halves, hence exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.budget import Rates, new_rates
from online_models.compile import inlined, inner
from online_models.forest.forest import Masks, learn_leaves, masks_of, score_and_leaves
from online_models.forest.trees import ForestState, new_state
from online_models.guard import DEFAULT_POLICY, new_verdicts
from online_models.program.registers import MOST_VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from online_models.features.table import Table
    from online_models.kinds.kind import View


REFERENCE = 16_384
"""Records of a forest's window: an hour of a site with four records a second, two days of one with six devices."""
_ORDINARY = 2.0
"""Decades below which a view beside the strongest adds nothing: one record in a hundred has as many somewhere."""
_SHARE = 0.2
"""What views beside the strongest add: their answers are not independent of it."""
_SETTLING, _SETTLING_S = 200.0, 7_200.0
"""Records learned, and seconds observed, with which a site's ranks count half, and what is true of any site half."""
_UNSETTLED = 0.75
"""How much less a score of a device without a past counts in what is ordinary, where a view compares with it."""


@by_reference
class Views(NamedTuple):
    """The forests of one log kind, the edges of their features, their calibration and scratch space.

    Attributes
    ----------
    forests
        One forest a view.
    edges
        int64 ``(views + 1,)``: view v reads the features ``edges[v]:edges[v + 1]``.
    weights
        float64 ``(views,)``: what a decade of each view counts.
    compares
        float64 ``(views,)``: how far the view compares a device with its own past, which a new device does not have.
    policy
        float64 ``(4,)``: see `online_models.guard`.
    rates
        What several thresholds would have told, and which is in force: see `online_models.budget`.
    verdicts
        What people have said of alerts: see `online_models.guard`.
    leaves
        int32 ``(views, most trees)``: where the record that is being scored fell.
    scores, rarity
        float64 ``(views,)``: its forest scores and their decades.
    learned
        int64 ``(2,)``: records learned, in all, and of devices with all their trust.
    began
        float64 ``(1,)``: log time of the earliest record learned, epoch seconds.
    clock
        float64 ``(3,)``: for how long the site was observed: see `online_models.guard.observe`.
    prior
        float64 ``(views,)``: decades of the record in hand by what is true of any site, for as long as this one has
        little past.
    masks
        Follow from the forests, one a view: no part of a snapshot.
    """

    forests: tuple[ForestState, ...]
    calibration: Calibration
    edges: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    compares: npt.NDArray[np.float64]
    policy: npt.NDArray[np.float64]
    rates: Rates
    verdicts: Table
    leaves: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    rarity: npt.NDArray[np.float64]
    learned: npt.NDArray[np.int64]
    began: npt.NDArray[np.float64]
    clock: npt.NDArray[np.float64]
    prior: npt.NDArray[np.float64]
    masks: tuple[Masks, ...]


def new_views(declared: Sequence[View], seed: int) -> Views:
    """Grow the forests of a log kind; the same seed grows the same trees.

    The loop is compiled for `MOST_VIEWS`: those that a kind does not have are of one split, and nothing asks for them.
    """
    count, widths = len(declared), [len(view.features) for view in declared]
    forests = [(view.trees, view.levels) for view in declared]
    grown = [new_state(widths[v], *forests[v], REFERENCE, seed * 1000 + v) for v in range(count)]
    grown += [new_state(1, 1, 1, 1, seed) for _ in range(MOST_VIEWS - count)]
    edges = np.cumsum([0, *widths])
    return Views(
        forests=tuple(grown),
        calibration=new_calibration(count),
        edges=edges,
        weights=np.array([view.weight for view in declared]),
        compares=np.array([view.compares for view in declared]),
        policy=np.array(DEFAULT_POLICY),
        rates=new_rates(),
        verdicts=new_verdicts(),
        leaves=np.zeros((count, max(trees for trees, _ in forests)), np.int32),
        scores=np.zeros(count),
        rarity=np.zeros(count),
        learned=np.zeros(2, np.int64),
        began=np.full(1, np.inf),
        clock=np.zeros(3),
        prior=np.zeros(count),
        masks=_masks_of(grown, edges),
    )


def with_masks(parts: tuple[Any, ...]) -> Views:
    """Return the views of a snapshot, which has all of them but the masks."""
    forests, _, edges, *_ = parts
    return Views._make((*parts, _masks_of(forests, edges)))


def _masks_of(forests: Sequence[ForestState], edges: npt.NDArray[np.int64]) -> tuple[Masks, ...]:
    widths = np.diff(edges).tolist()
    return tuple(masks_of(forest, widths[v] if v < len(widths) else 1) for v, forest in enumerate(forests))


@inlined
def assess(views: Views, x: npt.NDArray[np.float64], maturity: float, now: float) -> None:
    """Score the features of a record in every view; ``now`` is its log time, epoch seconds.

    ``maturity`` in [0, 1] is how much of its own past the device has: views count by that as far as they compare with
    it (`compares`).
    """
    age = min(max(0.0, now - views.began[0]), views.clock[2])
    aged = age / (age + _SETTLING_S)
    for v in range(views.scores.size):
        part = x[views.edges[v] : views.edges[v + 1]]
        views.scores[v] = score_and_leaves(views.forests[v], views.masks[v], part, views.leaves[v])
        learned = views.calibration.total[v]
        trust, known = 1.0 - views.compares[v] * (1.0 - maturity), aged * learned / (learned + _SETTLING)
        found = decades(views.calibration, v, views.scores[v])
        views.rarity[v] = trust * (known * found + (1.0 - known) * views.prior[v])


@inner
def evidence_of(views: Views) -> float:
    """Combine the views' decades."""
    strongest, total = 0.0, 0.0
    for v in range(views.rarity.size):
        strongest = max(strongest, views.weights[v] * views.rarity[v])
        total += max(0.0, views.rarity[v] - _ORDINARY) * views.weights[v]
    return strongest + _SHARE * max(0.0, total - max(0.0, strongest - _ORDINARY))


@inlined
def learn_views(views: Views, maturity: float, now: float) -> None:
    """Learn the record that `assess` scored last, of a device that has so much of its own past.

    All that a new device does is new, which says little of how rarely a device that is known does something new.
    """
    views.began[0] = min(views.began[0], now)
    views.learned[0] += 1
    views.learned[1] += maturity >= 1.0
    for v in range(views.scores.size):
        learn_leaves(views.forests[v], views.leaves[v])
        accept(views.calibration, v, views.scores[v], 1.0 - _UNSETTLED * views.compares[v] * (1.0 - maturity))


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
