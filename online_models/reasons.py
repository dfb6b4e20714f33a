"""The features that made a record anomalous, each in a clause that a person understands; made only when somebody looks.

In the templates ``o`` is what was observed and ``u`` what is usual, in the units of docs/features.md, and ``op`` and
``up`` are the same as percentages, ``ob`` and ``ub`` as amounts of bytes, ``ok`` and ``uk`` as amounts of KiB.
``since`` says from which day on the device is known; and of what has a range, ``range_b`` (bytes) and ``range_s``
(seconds) say from what to what is usual, and from which day on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from online_models.behaviours import amount, plain
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
        Feature name to its clause (F), see `online_models.reasons`.
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


SINCE: Final = "device.since"
"""Name of the note that says since when a device is known, epoch seconds."""
_NOTHING: Final = (0.0, 0.0)  # observed and usual of a note that was not made


def clause(
    template: str, observed: float, usual: float, told: Mapping[str, tuple[float, float]] | None = None, name: str = ""
) -> str:
    """Return the clause that a template makes of two numbers, and of the notes of what has the feature's name.

    >>> clause("{o} peers in a minute; {u} in a busy one{since}", 214.0, 3.04, {SINCE: (1_767_600_000.0, 0.0)})
    '214 peers in a minute; 3 in a busy one since 5 Jan'
    """
    notes = told or {}
    least_most, since = notes.get(f"{name}.range", _NOTHING), _since(notes.get(f"{name}.since", _NOTHING)[0])
    amounts = {"ob": amount(observed), "ub": amount(usual), "ok": amount(1024 * observed), "uk": amount(1024 * usual)}
    return template.format(
        o=plain(observed),
        u=plain(usual),
        op=f"{observed:.0%}",
        up=f"{usual:.0%}",
        range_b=_range([amount(octets) for octets in least_most], since),
        range_s=_range([f"{plain(seconds)} s" for seconds in least_most], since),
        since=_since(notes.get(SINCE, _NOTHING)[0]),
        **amounts,
    )


def _since(moment: float) -> str:
    try:
        day = datetime.fromtimestamp(moment, UTC)
    except (OverflowError, ValueError):  # a number that is no time
        return ""
    return f" since {day.day} {day:%b}" if moment > 0.0 else ""


def _range(least_most: Sequence[str], since: str) -> str:
    """Say what is usual, if it is known since any day."""
    if not since:
        return "nothing is usual yet"
    return f"{' to '.join(dict.fromkeys(least_most))} are usual{since}"


def reach_clauses(*names: str) -> dict[str, str]:
    """Return the clauses of counters; a name is ``feature: what it counts``."""
    spans = ("minute", "hour")
    counters = [name.split(": ") for name in names]
    return {
        f"reach.{feature}_{span}": f"{{o}} {what} in the last {span}; up to {{u}} are usual in one{{since}}"
        for span in spans
        for feature, what in counters
    }
