"""The features that made a record anomalous, built only for the records that somebody looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from online_models.clauses import clause
from online_models.types import Reason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_MOST = 5
_LEAST_SHARE = 0.02


class Reasons(Mapping[int, tuple[Reason, ...]]):
    """Row number to reasons, the weightiest first, for the m anomalies of a batch.

    Parameters
    ----------
    clauses
        Feature name to its clause (F), see `online_models.clauses`.
    rows
        int64 ``(m,)``.
    parts, facts
        float64 ``(m, F)`` and ``(m, F, 2)``: what each feature added; observed and usual.
    scores
        float64 ``(n,)``, of all rows; the weights of a record's reasons are parts of its score.
    """

    def __init__(
        self,
        clauses: Mapping[str, str],
        rows: npt.NDArray[np.int64],
        parts: npt.NDArray[np.float64],
        facts: npt.NDArray[np.float64],
        scores: npt.NDArray[np.float64],
    ) -> None:
        self._clauses, self._names = clauses, tuple(clauses)
        self._parts, self._facts, self._scores = parts, facts, scores
        self._place = {int(row): k for k, row in enumerate(rows)}

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[int]:
        return iter(self._place)

    def __getitem__(self, row: int) -> tuple[Reason, ...]:
        k = self._place[row]
        parts, facts = self._parts[k], self._facts[k]
        total = float(parts.sum()) or 1.0
        order = sorted(range(len(self._names)), key=lambda f: (-parts[f], f))[:_MOST]
        score = float(self._scores[row])
        return tuple(
            self._reason(f, float(facts[f, 0]), float(facts[f, 1]), float(parts[f]) / total * score)
            for f in order
            if parts[f] >= _LEAST_SHARE * total
        )

    def facts(self, row: int) -> dict[str, tuple[float, float]]:
        """Return observed and usual of every feature of a row."""
        facts = self._facts[self._place[row]]
        return {name: (float(facts[f, 0]), float(facts[f, 1])) for f, name in enumerate(self._names)}

    def _reason(self, feature: int, observed: float, usual: float, weight: float) -> Reason:
        name = self._names[feature]
        return Reason(name, observed, usual, weight, clause(self._clauses[name], observed, usual))
