"""The features that made a record anomalous, built only for the records that somebody looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from online_models.clauses import clause
from online_models.types import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

_MOST = 5
"""Reasons that a record has: as many as a person reads."""
_LEAST_SHARE = 0.02
"""Of the evidence that a feature must have added to be a reason."""


class Reasons(Mapping[int, tuple[Reason, ...]]):
    """Row number to reasons, the weightiest first, for the m anomalies of a batch.

    Parameters
    ----------
    clauses
        Feature name to its clause (F), see `online_models.clauses`.
    rows
        int64 ``(m,)``.
    parts, facts
        float64 ``(m, F)`` and ``(m, F + notes, 2)``: what each feature added; observed and usual.
    scores
        float64 ``(n,)``, of all rows; the weights of a record's reasons are parts of its score.
    names
        Of the facts; those of the features, unless there are notes.
    """

    def __init__(
        self,
        clauses: Mapping[str, str],
        rows: npt.NDArray[np.int64],
        parts: npt.NDArray[np.float64],
        facts: npt.NDArray[np.float64],
        scores: npt.NDArray[np.float64],
        names: Sequence[str] = (),
    ) -> None:
        self._clauses, self._names = clauses, tuple(names) or tuple(clauses)
        self._parts, self._facts, self._scores = parts, facts, scores
        self._rows: list[int] = rows.tolist()
        self._places: dict[int, int] | None = None

    def _place(self, row: int) -> int:
        if self._places is None:
            self._places = {row: k for k, row in enumerate(self._rows)}
        return self._places[row]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __getitem__(self, row: int) -> tuple[Reason, ...]:
        k = self._place(row)
        told = facts_by_name(self._names, self._facts[k])
        return reasons_of(self._clauses, self._parts[k], told, float(self._scores[row]))


def reasons_of(
    clauses: Mapping[str, str],
    parts: npt.NDArray[np.float64],
    told: Mapping[str, tuple[float, float]],
    score: float,
) -> tuple[Reason, ...]:
    """Return the reasons of one record, the weightiest first; ``told`` is what `facts_by_name` returns of its facts."""
    total, added, names = float(parts.sum()) or 1.0, parts.tolist(), tuple(clauses)
    order = sorted(range(len(names)), key=lambda f: (-added[f], f))[:_MOST]
    return tuple(
        _reason(clauses, names[f], told, added[f] / total * score) for f in order if added[f] >= _LEAST_SHARE * total
    )


def facts_by_name(names: Iterable[str], facts: npt.NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Return observed and usual of every feature of a record, and what notes tell."""
    return {name: (observed, usual) for name, (observed, usual) in zip(names, facts.tolist(), strict=True)}


def _reason(clauses: Mapping[str, str], name: str, told: Mapping[str, tuple[float, float]], weight: float) -> Reason:
    observed, usual = told[name]
    return Reason(name, observed, usual, weight, clause(clauses[name], observed, usual, told, name))
