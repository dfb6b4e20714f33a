"""From anomalies to alerts: one per device and behaviour, updated while it lasts.

An alert is raised by the guard's verdict. Until then the anomalies of the behaviour are only remembered, so that the
alert can count them; they are forgotten when suspicion has faded. A behaviour that comes back within a day continues
its alert, unless it is known by what it is about, and that is another thing now: in a new incident at once, in the same
one when many anomalies are about this one thing. Everything follows from the records alone, in their order.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from online_models.likeness import MOST_THINGS, covers, likeness_in
from online_models.severity import severity_of
from online_models.subjects import subject_of
from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from online_models.behaviours import Behaviour, Sighting

_SAMPLES = 10
_FORGET_AFTER = 3600.0
_CONTINUE_WITHIN = 86_400.0
_MANY, _TALLIES = 50, 32


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One record over the threshold, as alerts see it; ``ts`` is its start and ``end`` its end, epoch seconds.

    Reasons and sighting are built only for the record that an alert shows.
    """

    device: str
    behaviour: Behaviour
    uid: str
    peer: str
    ts: float
    end: float
    score: float
    evidence: float
    raises: bool
    reasons: Callable[[], tuple[Reason, ...]]
    sighting: Callable[[], Sighting]
    target: str = ""
    things: Sequence[int] = ()
    is_known: bool = False
    site_devices: int = 0


@dataclass(slots=True)
class _Case:
    """What is known of one device's behaviour, raised or not yet.

    Once it is raised, ``own`` are the keys of what it, or an alert that it took over from, was raised about; and
    ``tallies`` tell of other things how many anomalies were about each, and when the first of these began.
    """

    id: str
    first_ts: float
    last_ts: float
    raised_ts: float | None = None
    count: int = 0
    score: float = 0.0
    evidence: float = 0.0
    sentence: str = ""
    reasons: tuple[Reason, ...] = ()
    uids: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    things: list[list[str]] = field(default_factory=list)
    is_about_known: bool = True
    subjects: list[str] = field(default_factory=list)
    site_devices: int = 0
    is_attack: bool = False
    own: list[str] = field(default_factory=list)
    tallies: dict[str, list[float]] = field(default_factory=dict)

    def ends_after(self) -> float:
        """Return the pause (seconds) after which the behaviour is another case when it comes back."""
        return _FORGET_AFTER if self.raised_ts is None or self.is_attack else _CONTINUE_WITHIN


class AlertBook:
    """The alerts of one log kind. Bounded: beyond ``capacity`` the case that was updated longest ago is forgotten."""

    def __init__(self, log: str, capacity: int) -> None:
        self.log = log
        self.capacity = capacity
        self._cases: dict[tuple[str, str], _Case] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def observe(self, anomalies: Iterable[Anomaly]) -> tuple[Alert, ...]:
        """Take in anomalies in log order; return the latest state of every alert that they raised or changed."""
        changed: dict[str, tuple[tuple[str, str], Behaviour, _Case]] = {}
        for anomaly in anomalies:
            key = (anomaly.device, anomaly.behaviour.name)
            case = self._case_of(key, anomaly)
            _extend(self.log, case, anomaly)
            if case.raised_ts is not None:
                changed[case.id] = key, anomaly.behaviour, case
        return tuple(self._alert(*of) for of in changed.values())

    def _case_of(self, key: tuple[str, str], anomaly: Anomaly) -> _Case:
        case = self._cases.pop(key, None)
        if case is None or anomaly.end - case.last_ts > case.ends_after() or _is_another(self.log, case, anomaly):
            case = _Case(_identifier(self.log, key, anomaly), anomaly.ts, anomaly.end)
        elif (many := _many_about_another(self.log, case, anomaly)) is not None:
            case = _Case(
                id=_identifier(self.log, key, anomaly),
                first_ts=many[1],
                last_ts=anomaly.end,
                raised_ts=anomaly.end,
                count=int(many[0]) - 1,
                site_devices=case.site_devices,
                own=[*case.own[-_TALLIES:], format(anomaly.things[0], "016x")],
            )
        self._cases[key] = case
        if len(self._cases) > self.capacity:
            self._cases.pop(next(iter(self._cases)))
        return case

    def _alert(self, key: tuple[str, str], behaviour: Behaviour, case: _Case) -> Alert:
        return Alert(
            id=case.id,
            device=key[0],
            behaviour=key[1],
            log=self.log,
            severity=severity_of(case.evidence, case.count, case.last_ts - case.first_ts, behaviour.gravity),
            score=case.score,
            ts=case.raised_ts or case.last_ts,
            first_ts=case.first_ts,
            last_ts=case.last_ts,
            count=case.count,
            sentence=case.sentence,
            technique=behaviour.technique,
            reasons=case.reasons,
            uids=tuple(case.uids),
            peers=tuple(case.peers),
            targets=tuple(case.targets),
            things=tuple(map(tuple, case.things)),
            subjects=tuple(case.subjects),
            site_devices=case.site_devices,
        )

    def expect(self, alert: Alert) -> None:
        """Forget an alert that was called expected, and what is like it."""
        for key, case in list(self._cases.items()):
            if case.id == alert.id or (key[0] == alert.device and covers(alert, key[1], case.things)):
                del self._cases[key]

    def condemn(self, alert: Alert) -> None:
        """Have an alert that was called an attack raised anew when its behaviour comes back after an hour's pause."""
        case = self._cases.get((alert.device, alert.behaviour))
        if case is not None and case.id == alert.id:
            case.is_attack = True

    def is_clear(self, device: str, since: float) -> bool:
        """Whether a device has no raised alert that lasted until this time or longer."""
        return not any(
            key[0] == device and case.raised_ts is not None and case.last_ts >= since
            for key, case in self._cases.items()
        )

    def forget(self, device: str) -> int:
        """Forget all cases of a device; return how many there were."""
        gone = [key for key in self._cases if key[0] == device]
        for key in gone:
            del self._cases[key]
        return len(gone)

    def state(self) -> list[dict[str, Any]]:
        """Return every case as JSON-able data, in order of last update."""
        return [{"device": d, "behaviour": b, **asdict(case)} for (d, b), case in self._cases.items()]

    def restore(self, state: Iterable[dict[str, Any]]) -> None:
        """Take over what `state` returned."""
        names = {f.name for f in fields(_Case)}
        for entry in state:
            values = {k: v for k, v in entry.items() if k in names}
            values["reasons"] = tuple(Reason(**r) for r in entry["reasons"])
            self._cases[(entry["device"], entry["behaviour"])] = _Case(**values)


def _identifier(log: str, key: tuple[str, str], anomaly: Anomaly) -> str:
    text = "\0".join((log, *key, anomaly.uid, repr(anomaly.ts)))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_another(log: str, case: _Case, anomaly: Anomaly) -> bool:
    """Whether an anomaly begins a new incident about another thing than the one that its behaviour's alert is about."""
    if case.raised_ts is None or not anomaly.raises or not case.things:
        return False
    likeness = likeness_in(log, anomaly.behaviour.name)
    column = likeness.column(case.things)
    return likeness.by_name and format(anomaly.things[column], "016x") not in case.things[column]


def _many_about_another(log: str, case: _Case, anomaly: Anomaly) -> list[float] | None:
    """Tally what an anomaly of a raised case is about; return the tally once so many are about one other thing."""
    if case.raised_ts is None or not anomaly.things or not likeness_in(log, anomaly.behaviour.name).by_name:
        return None
    key = format(anomaly.things[0], "016x")
    if key in case.own:
        return None
    tally = case.tallies.setdefault(key, [0.0, anomaly.ts])
    tally[0] += 1.0
    if len(case.tallies) > _TALLIES:
        del case.tallies[min(case.tallies, key=lambda other: (case.tallies[other][0], other != key))]
    return tally if tally[0] >= _MANY else None


def _extend(log: str, case: _Case, anomaly: Anomaly) -> None:
    case.count += 1
    if case.uids and case.is_about_known and not anomaly.is_known:
        case.first_ts = anomaly.ts  # a long connection of old that ended before the attack is not its beginning
    elif not anomaly.is_known or case.is_about_known:  # or may end beside it
        case.first_ts = min(case.first_ts, anomaly.ts)
    case.last_ts = max(case.last_ts, anomaly.end)
    if anomaly.raises and case.raised_ts is None:
        case.raised_ts, case.site_devices = anomaly.end, anomaly.site_devices
    if anomaly.evidence > case.evidence or not case.sentence:
        case.evidence, case.score = anomaly.evidence, anomaly.score
        case.reasons, case.sentence = anomaly.reasons(), anomaly.behaviour.sentence(anomaly.sighting())
    if len(case.uids) < _SAMPLES:
        case.uids.append(anomaly.uid)
    if len(case.peers) < _SAMPLES and anomaly.peer not in case.peers:
        case.peers.append(anomaly.peer)
    if len(case.targets) < _SAMPLES and anomaly.target not in case.targets:
        case.targets.append(anomaly.target)
    _extend_things(log, case, anomaly)
    if anomaly.raises and not case.own and case.things:
        case.own = list(case.things[0])


def _extend_things(log: str, case: _Case, anomaly: Anomaly) -> None:
    """Note what an anomaly is about; what its device knew before is a bystander once there is anything new."""
    if not case.things or (case.is_about_known and not anomaly.is_known):
        case.things, case.is_about_known = [[] for _ in anomaly.things], anomaly.is_known
        case.subjects = []
    if anomaly.is_known and not case.is_about_known:
        return
    if len(case.subjects) < _SAMPLES:
        subject = subject_of(log, anomaly.target, anomaly.peer)
        if subject not in case.subjects:
            case.subjects.append(subject)
    for noted, thing in zip(case.things, anomaly.things, strict=True):
        if len(noted) < MOST_THINGS:
            key = format(thing, "016x")
            if key not in noted:
                noted.append(key)
