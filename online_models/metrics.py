"""How well scores order records: exact figures over single records, equal scores counting half.

River's metrics take one record at a time and approximate the curve by thresholds; these are exact, over arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.float64]
    Attacks = npt.NDArray[np.bool_]


def _by_score(scores: Scores, attacks: Attacks) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return records and attacks at each distinct score, lowest first."""
    _, which, records = np.unique(scores, return_inverse=True, return_counts=True)
    return records, np.bincount(which, attacks, records.size).astype(np.int64)


def roc_auc(scores: Scores, attacks: Attacks) -> float | None:
    """Return how often a random attack scores above a random other record (Mann and Whitney 1947).

    None if there are no attacks, or nothing else.

    Examples
    --------
    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    records, hits = _by_score(scores, attacks)
    positives, negatives = int(hits.sum()), int((records - hits).sum())
    if not positives or not negatives:
        return None
    below = np.cumsum(records - hits) - (records - hits)
    return float((hits * (below + (records - hits) / 2)).sum()) / (positives * negatives)


def average_precision(scores: Scores, attacks: Attacks) -> float | None:
    """Return the precision at each score that gains attacks, weighted by their share; None if there are no attacks.

    Examples
    --------
    >>> average_precision(np.array([0.1, 0.4, 0.9]), np.array([True, False, True]))
    0.8333333333333333
    """
    records, hits = (counts[::-1] for counts in _by_score(scores, attacks))
    if not hits.sum():
        return None
    return float((hits / hits.sum() * np.cumsum(hits) / np.cumsum(records)).sum())


def precision_at_attacks(scores: Scores, attacks: Attacks) -> float | None:
    """Return the share of attacks among the n highest scores, n being the number of attacks; the earlier row first."""
    count = int(attacks.sum())
    if not count:
        return None
    highest = np.argsort(-scores, kind="stable")[:count]
    return float(attacks[highest].mean())
