"""What an anomalous device is doing: name, ATT&CK technique, sentence and reasons in plain words, and how bad it is.

Techniques: MITRE ATT&CK for Enterprise, https://attack.mitre.org/techniques/.

Reasons are the features that made a record anomalous, each in a clause. In its template ``o`` is what was observed and
``u`` what is usual, in the units of docs/features.md, and ``op`` and ``up`` are the same as percentages, ``ob`` and
``ub`` as amounts of bytes, ``ok`` and ``uk`` as amounts of KiB. ``since`` says from which day on the device is known;
and of what has a range, ``range_b`` (bytes) and ``range_s`` (seconds) say from what to what is usual, and from which
day on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from online_models.measures.time import DAY, HOUR, MINUTE
from online_models.types import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from online_models.types import Direction, Severity


_SPANS = (("a", "minute"), ("an", "hour"))
_FEW = {"a minute": 7.0, "an hour": 15.0}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the sentence of an alert may speak of.

    Attributes
    ----------
    device, peer
        Addresses.
    target
        What the record was about: ``tcp/443``, a domain, a host.
    facts
        Name of the feature or note to (observed, usual), in the units that the feature's documentation gives.
    direction
        Who acts.
    """

    device: str
    peer: str
    target: str
    facts: Mapping[str, tuple[float, float]]
    direction: Direction = "out"

    @property
    def is_called(self) -> bool:
        """Whether a stranger acts, who calls the device."""
        return self.direction == "in"


@dataclass(frozen=True, slots=True)
class Scan:
    """What the sentence of a scan may speak of, all of it together.

    Attributes
    ----------
    device, peer
        Addresses; the peer's is that of one.
    is_called
        Whether strangers act, who call the device.
    peers, services
        How many there were, and whether that is exact.
    network
        The network of nearly all peers; empty if they have none in common.
    targets
        Samples of services, ``tcp/23``.
    seconds
        From the first record to the last.
    answered
        Records that were answered.
    """

    device: str
    peer: str
    is_called: bool
    peers: tuple[int, bool]
    services: tuple[int, bool]
    network: str
    targets: Sequence[str]
    seconds: float
    answered: int


def each_its_own(_target: str) -> str:
    """Return no pattern: what each anomaly is about is something of its own."""
    return ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which of a kind's three things make records alike, the column with fewer counts; and what else is covered.

    ``by_name`` says that the things themselves are what an attack is known by, whatever a record about them looks like.
    ``pattern`` returns of a record's target what it is one of, so that ever other things of one pattern are one alert;
    empty for no pattern.
    """

    columns: tuple[int, ...] = (0,)
    covers: tuple[str, ...] = ()
    by_name: bool = False
    pattern: Callable[[str], str] = each_its_own

    def column(self, things: Sequence[Sequence[str]]) -> int:
        """Return the column that counts for these keys."""
        return min(self.columns, key=lambda column: len(things[column]))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that a device may be doing; its place in its kind's tuple is its number in the kernels.

    Attributes
    ----------
    name, technique
        The latter of MITRE ATT&CK.
    gravity
        What it means by itself, points of `online_models.behaviours`.
    sentence
        Tells of it.
    likeness
        By what alerts of it are alike.
    drifts
        Whether many devices may begin with it at once for an ordinary reason, such as new firmware: it is one of
        contact and habit.
    grows
        Whether how often it was seen, and for how long, makes it worse.
    of_scan
        Tells of all that it tried together, in place of the sentence about one record: of a scan.
    foremost
        A feature or note, and from how much of it on the record that has most of it is told of before the strangest.
    """

    name: str
    technique: str | None
    gravity: float
    sentence: Callable[[Sighting], str]
    likeness: Likeness = Likeness()
    drifts: bool = False
    grows: bool = True
    of_scan: Callable[[Scan], str] | None = None
    foremost: tuple[str, float] | None = None


def plain(number: float) -> str:
    """Write a number as people do: few digits, thousands apart.

    >>> plain(0.0421), plain(3.2), plain(1234567.0)
    ('0.042', '3.2', '1,234,567')
    """
    if number >= 100.0:  # two digits would leave some of it out
        return f"{number:,.0f}"
    return f"{number:.2g}"


def lasting(seconds: float) -> str:
    """Write a span of time in the unit that people use.

    >>> lasting(0.2), lasting(47.0), lasting(125.0), lasting(9000.0), lasting(400_000.0)
    ('1 s', '47 s', '2.1 min', '2.5 h', '4.6 days')
    """
    # one and a half are better told in the unit below: "72 min" says more than "1.2 h"
    for factor, unit, least in ((DAY, "days", 2.0 * DAY), (HOUR, "h", 1.5 * HOUR), (MINUTE, "min", 1.5 * MINUTE)):
        if seconds >= least:
            return f"{seconds / factor:.2g} {unit}"
    return f"{max(seconds, 1.0):.0f} s"


def amount(octets: float) -> str:
    """Write a number of bytes in the unit that people use.

    >>> amount(384.0), amount(2_621_440.0), amount(2e10)
    ('384 bytes', '2.6 MB', '20 GB')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):  # powers of ten (SI)
        if octets >= 0.9995 * factor:  # three digits of it are a thousand of the unit below
            digits = 3 if octets >= 99.95 * factor else 2  # as many are those of whole numbers
            return f"{octets / factor:.{digits}g} {unit}"
    return f"{octets:.0f} bytes"


def burst(s: Sighting, *counters: str) -> tuple[float, float, str]:
    """Return observed, usual and window of the counter that lies furthest above what is usual, or few."""
    count, usual, span, _ = counted_burst(s, *counters)
    return count, usual, span


def counted_burst(s: Sighting, *counters: str) -> tuple[float, float, str, str]:
    """Return what `burst` does, and which counter it is."""
    return max(
        ((*s.facts[f"reach.{counter}_{span}"], f"{a} {span}", counter) for counter in counters for a, span in _SPANS),
        key=lambda f: (f[0] + 1.0) / (max(f[1], _FEW[f[2]]) + 1.0),
    )


UPDATE, CONTACT, LOSS, ATTACK = 0.0, 0.9, 2.0, 3.5
"""Gravities: what nearly always is new firmware; something new or odd, which updates and people cause as well; a
stranger who gets in, or data that gets out; and what nobody does who means no harm."""
_A_DECADE, _MOST_DECADES = 0.25, 10.0
"""Points of a decade of evidence, and decades that count."""
_GOES_ON, _GOES_ON_MOST = 2.0, 3.5
"""Points that what is merely new gets at most for going on: a new cloud is used all day as well as a command channel.
Each decade beyond those that count raises it, since what is new in every way has no such reason."""
_STEPS: tuple[tuple[float, Severity], ...] = ((8.0, "critical"), (6.0, "high"), (3.5, "medium"))


def severity_of(evidence: float, count: int, seconds: float, gravity: float) -> Severity:
    """Grade an alert.

    Parameters
    ----------
    evidence
        Decades of the strangest record; counts up to 10, a quarter of a point each: it says how unusual something is,
        not how bad.
    count
        Anomalous records; a point for each factor of ten.
    seconds
        From first to last; a point for each factor of ten above a minute, half weight.
    gravity
        What the behaviour means by itself, points: `CONTACT`, `LOSS` or `ATTACK`.

    Examples
    --------
    >>> severity_of(evidence=7.0, count=1, seconds=0.0, gravity=CONTACT)
    'low'
    >>> severity_of(evidence=6.0, count=14_000, seconds=86_400.0, gravity=ATTACK)
    'critical'
    """
    extent = math.log10(max(count, 1))
    lasting = 0.5 * math.log10(1.0 + max(seconds, 0.0) / MINUTE)
    goes_on = extent + lasting
    if gravity < LOSS:
        goes_on = min(goes_on, _GOES_ON + _A_DECADE * max(0.0, evidence - _MOST_DECADES), _GOES_ON_MOST)
    points = _A_DECADE * min(evidence, _MOST_DECADES) + goes_on + gravity
    return next((name for least, name in _STEPS if points >= least), "low")


_MOST = 5
"""Reasons that a record has: as many as a person reads."""
_LEAST_SHARE = 0.02
"""Of the evidence that a feature must have added to be a reason."""


class Reasons(Mapping[int, tuple[Reason, ...]]):
    """Row number to reasons, the weightiest first, for the m anomalies of a batch.

    Parameters
    ----------
    clauses
        Feature name to its clause (F), see `online_models.behaviours`.
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
