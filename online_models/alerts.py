"""From anomalies to alerts: one per device and behaviour, updated while it lasts.

An alert is raised by the guard's verdict. Until then the anomalies of the behaviour are only remembered, so that the
alert can count them; they are forgotten when suspicion has faded. A behaviour that comes back within a day continues
its alert. Everything follows from the records alone, in their order.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from online_models.severity import severity_of
from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from online_models.behaviours import Behaviour, Sighting

_SAMPLES = 10
_FORGET_AFTER = 3600.0
_CONTINUE_WITHIN = 86_400.0


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


@dataclass(slots=True)
class _Case:
    """What is known of one device's behaviour, raised or not yet."""

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
            _extend(case, anomaly)
            if case.raised_ts is not None:
                changed[case.id] = key, anomaly.behaviour, case
        return tuple(self._alert(*of) for of in changed.values())

    def _case_of(self, key: tuple[str, str], anomaly: Anomaly) -> _Case:
        case = self._cases.pop(key, None)
        if case is None or anomaly.end - case.last_ts > (_FORGET_AFTER if case.raised_ts is None else _CONTINUE_WITHIN):
            case = _Case(_identifier(self.log, key, anomaly), anomaly.ts, anomaly.end)
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


def _extend(case: _Case, anomaly: Anomaly) -> None:
    case.count += 1
    case.first_ts, case.last_ts = min(case.first_ts, anomaly.ts), max(case.last_ts, anomaly.end)
    if anomaly.raises and case.raised_ts is None:
        case.raised_ts = anomaly.end
    if anomaly.evidence > case.evidence:
        case.evidence, case.score = anomaly.evidence, anomaly.score
        case.reasons, case.sentence = anomaly.reasons(), anomaly.behaviour.sentence(anomaly.sighting())
    if len(case.uids) < _SAMPLES:
        case.uids.append(anomaly.uid)
    if len(case.peers) < _SAMPLES and anomaly.peer not in case.peers:
        case.peers.append(anomaly.peer)
