"""A case: what is known of one device's behaviour, how anomalies are added to it, many at a time, and what is like it.

The loop gives three keys for every anomaly (`things` in each kind's declaration); an alert keeps up to 32 of each. If
any of its records was about something new to the device, only such records count: what a device does as ever beside a
scan is no part of the scan. Which keys make another record alike depends on the behaviour, as its declaration says.

A behaviour also covers lesser ones that are the same thing seen otherwise: a scan is made of first contacts.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from online_models.alerts.extent import Extent, extent_of_state
from online_models.behaviours import Likeness
from online_models.guard import DEFAULT_POLICY, QUIET, TOGETHER
from online_models.kinds import KINDS
from online_models.measures.time import HABITS
from online_models.types import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from online_models.behaviours import Behaviour, Sighting
    from online_models.types import Alert, Direction


_SAMPLES = 10
"""Records, peers and targets that an alert names: as many as a person reads."""
_SERVICES, _PEERS = 1, 2
"""Which of the three things that a scan's records are about are services, and peers."""
_FORGET_AFTER = DEFAULT_POLICY[QUIET]
"""Seconds after which anomalies that raised nothing are another case: as long as quiet ends an incident."""


@dataclass(slots=True)
class Case:
    """What is known of one device's behaviour, raised or not yet.

    Once it is raised, ``own`` are the keys of what it was raised about, or an alert that it took over from, ``pattern``
    what these were one of; and ``tallies`` tell of other things how many anomalies were about each, and when the first
    of these began. ``extent`` is how far a scan went. ``shown`` is the record that is told of, mostly
    the strangest: ``foremost`` and ``shown_evidence`` say before which others. ``device`` is the address that its
    device had then, ``peer`` its other end, and ``direction`` who acted.
    """

    id: str
    device: str
    first_ts: float
    last_ts: float
    raised_ts: float | None = None
    count: int = 0
    score: float = 0.0
    evidence: float = 0.0
    shown: Finding | Wording | None = None
    uids: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    things: list[list[str]] = field(default_factory=list)
    is_about_known: bool = True
    subjects: list[str] = field(default_factory=list)
    site_devices: int = 0
    is_attack: bool = False
    own: list[str] = field(default_factory=list)
    pattern: str = ""
    peer: str = ""
    direction: Direction = "out"
    foremost: float = 0.0
    shown_evidence: float = 0.0
    tallies: dict[str, list[float]] = field(default_factory=dict)
    extent: Extent | None = None

    @property
    def has_samples(self) -> bool:
        """Whether it has as many sample records as an alert names."""
        return len(self.uids) >= _SAMPLES

    def told_peers(self) -> tuple[str, ...]:
        """Return sample peers, that of the record that is told of first."""
        return tuple(dict.fromkeys((self.peer, *self.peers) if self.peer else self.peers))[:_SAMPLES]

    def ends_after(self) -> float:
        """Return the pause (seconds) after which the behaviour is another case when it comes back."""
        return _FORGET_AFTER if self.raised_ts is None or self.is_attack else TOGETHER

    def is_same(self, thing: str, pattern: str) -> bool:
        """Whether it was raised about this thing, or about others of which this is one more."""
        return thing in self.own or bool(pattern and pattern == self.pattern)

    def goes_on(self, pause: float) -> bool:
        """Whether what comes after a pause (seconds), and is the same, was told once and is not forgotten."""
        return self.raised_ts is not None and not self.is_attack and pause <= HABITS

    def has_just_met(self, thing: str, now: float) -> bool:
        """Whether this is no thing that it was raised about, and was met for the first time within the last hour."""
        return thing in self.tallies and thing not in self.own and now - self.tallies[thing][1] <= _FORGET_AFTER

    def began_with(self, ts: float) -> bool:
        """Whether what was met first at this time began within the hour in which it was raised itself."""
        return self.raised_ts is not None and ts - self.raised_ts <= _FORGET_AFTER

    def turns_to_new(self, is_known: bool) -> bool:
        """Whether the next anomaly decides what the case is about: the first, or the first about anything new."""
        return not self.things or (self.is_about_known and not is_known)

    def add_event(self, log: str, anomalies: Anomalies, k: int) -> None:
        """Take in one anomaly, which may raise the alert or decide what it is about."""
        if anomalies.raises[k] and self.raised_ts is None:
            self.raised_ts, self.site_devices = anomalies.end[k], anomalies.site_devices[k]
        was_about_known = self.is_about_known
        if self.uids and was_about_known and not anomalies.is_known[k]:
            self.first_ts = anomalies.ts[k]  # an old connection that ended before the attack is not its beginning
        if self.turns_to_new(anomalies.is_known[k]):
            self.things, self.is_about_known = [[] for _ in anomalies.things], anomalies.is_known[k]
            self.subjects, self.extent = [], None if self.extent is None else Extent()
        self._add(log, anomalies, [k], all_count=was_about_known)
        if anomalies.raises[k] and not self.own and self.things:
            self.own = list(self.things[0])
            self.pattern = anomalies.pattern(k)

    def add_more(self, log: str, anomalies: Anomalies, places: Sequence[int]) -> None:
        """Take in anomalies of which none raises anything or decides what the case is about."""
        self._add(log, anomalies, places, all_count=self.is_about_known)

    def count_lesser(self, anomalies: Anomalies, k: int) -> None:
        """Count an anomaly of a lesser behaviour about what this was raised about; what is told of stays."""
        self.count += 1
        self.last_ts = max(self.last_ts, anomalies.end[k])
        self.uids.extend([anomalies.uid[k]][: _SAMPLES - len(self.uids)])

    def _add(self, log: str, anomalies: Anomalies, places: Sequence[int], *, all_count: bool) -> None:
        """Bring the counters and samples up to date; unless ``all_count`` only what is new moves the beginning.

        A long connection of old may end beside an attack.
        """
        self.count += len(places)
        known = anomalies.is_known
        begins = places if all_count else [k for k in places if not known[k]]
        self.first_ts = min([self.first_ts, *(anomalies.ts[k] for k in begins)])
        self.last_ts = max([self.last_ts, *(anomalies.end[k] for k in places)])
        self._show_strangest(anomalies, places)
        self.uids.extend(anomalies.uid[k] for k in places[: _SAMPLES - len(self.uids)])
        _add_distinct(self.peers, map(anomalies.peer.__getitem__, places), _SAMPLES)
        _add_distinct(self.targets, map(anomalies.target.__getitem__, places), _SAMPLES)
        self._add_things(log, anomalies, places if self.is_about_known else [k for k in places if not known[k]])

    def _show_strangest(self, anomalies: Anomalies, places: Sequence[int]) -> None:
        evidence = [anomalies.evidence[k] for k in places]
        most = max(evidence)
        if most > self.evidence or self.shown is None:
            self.evidence, self.score = most, anomalies.score[places[evidence.index(most)]]
        order = list(zip(map(anomalies.foremost.__getitem__, places), evidence, strict=True))
        first = max(order)
        if first > (self.foremost, self.shown_evidence) or self.shown is None:
            k = places[order.index(first)]
            self.foremost, self.shown_evidence = first
            self.device, self.peer, self.direction = anomalies.device[k], anomalies.peer[k], anomalies.direction[k]
            self.shown = anomalies.finding(k)

    def _add_things(self, log: str, anomalies: Anomalies, places: Sequence[int]) -> None:
        """Note what anomalies are about; what their device knew before is a bystander once there is anything new."""
        if len(self.subjects) < _SAMPLES:
            about = dict.fromkeys((anomalies.target[k], anomalies.peer[k]) for k in places)
            _add_distinct(self.subjects, (_subject_of(log, *one) for one in about), _SAMPLES)
        if self.extent is not None and places and len(anomalies.things) > _PEERS:
            keys, answered = anomalies.keys[places], anomalies.answered
            self.extent.add(
                keys[:, _SERVICES],
                keys[:, _PEERS],
                anomalies.addresses()[places],
                sum(map(answered.__getitem__, places)) if answered else 0,
            )
        for noted, column in zip(self.things, anomalies.things, strict=True):
            if len(noted) < MOST_THINGS:
                distinct = dict.fromkeys(map(column.__getitem__, places))
                _add_distinct(noted, map(thing_text, distinct), MOST_THINGS)

    def state(self) -> dict[str, Any]:
        """Return the case as JSON-able data."""
        shown = self.shown
        values = {f.name: deepcopy(getattr(self, f.name)) for f in fields(self) if f.name not in {"shown", "extent"}}
        values["extent"] = None if self.extent is None else self.extent.state()
        reasons = [] if shown is None else [asdict(reason) for reason in shown.reasons]
        return {**values, "sentence": "" if shown is None else shown.sentence, "reasons": reasons}


@lru_cache(maxsize=4096)
def _subject_of(log: str, target: str, peer: str) -> str:
    """Return what a record is about; what other models have raised is about its target."""
    return KINDS[log].subject(target, peer) if log in KINDS else target


def case_of_state(state: dict[str, Any]) -> Case:
    """Return the case of which `Case.state` told."""
    names = {f.name for f in fields(Case)}
    case = Case(**{name: value for name, value in state.items() if name in names - {"extent"}})
    if state.get("extent") is not None:
        case.extent = extent_of_state(state["extent"])
    if state["sentence"]:
        case.shown = Wording(tuple(Reason(**reason) for reason in state["reasons"]), state["sentence"])
    return case


def thing_text(thing: int) -> str:
    """Return a thing's key as alerts carry it."""
    return format(thing, "016x")


def _add_distinct(noted: list[str], values: Iterable[str], most: int) -> None:
    """Append the values that are new, in order, while there are fewer than so many."""
    if len(noted) < most:
        new = (value for value in dict.fromkeys(values) if value not in noted)
        noted.extend(islice(list(new), most - len(noted)))


@dataclass(frozen=True, slots=True)
class Anomalies:
    """m records over the threshold, in log order: a list of m entries each, plain numbers and strings.

    Attributes
    ----------
    device, uid, peer, target
        Texts; the device's is its address.
    direction
        Who acts in each.
    known_as
        The names by which the devices are known, whatever their addresses.
    behaviour
        Numbers in ``behaviours``.
    things
        Three lists of keys: what each was about; none where nothing is known of that.
    keys
        The same as uint64 ``(m, 3)``.
    addresses
        Gives the peers' addresses as numbers, int64 ``(m,)``; see `online_models.alerts.extent`.
    is_known
        Whether the device knew the first of these things before.
    ts, end
        Start of the record, and the device's log time at its end, epoch seconds.
    score, evidence
        As scored; evidence in decades.
    foremost
        How far each is to be told of before all that are stranger; mostly 0.
    raises
        Whether the guard has its behaviour's alert raised.
    site_devices
        Devices seen within the day, for a record that raises; else 0.
    finding
        Gives what an alert shows of the k-th anomaly: called for the strangest record of a case only.
    answered
        Whether each was answered; empty for a kind that does not tell.
    """

    behaviours: tuple[Behaviour, ...]
    device: Sequence[str]
    known_as: Sequence[str]
    behaviour: Sequence[int]
    uid: Sequence[str]
    peer: Sequence[str]
    target: Sequence[str]
    direction: Sequence[Direction]
    things: Sequence[Sequence[int]]
    is_known: Sequence[bool]
    ts: Sequence[float]
    end: Sequence[float]
    score: Sequence[float]
    evidence: Sequence[float]
    foremost: Sequence[float]
    raises: Sequence[bool]
    site_devices: Sequence[int]
    finding: Callable[[int], Finding]
    keys: npt.NDArray[np.uint64]
    addresses: Callable[[], npt.NDArray[np.int64]]
    answered: Sequence[bool] = ()

    def __len__(self) -> int:
        return len(self.device)

    def pattern(self, k: int) -> str:
        """Return of what pattern the k-th anomaly is one; empty for none."""
        return self.behaviours[self.behaviour[k]].likeness.pattern(self.target[k])


@dataclass(slots=True)
class Finding:
    """What an alert shows of its strangest record; nothing is put into words before somebody asks.

    Its makers give arrays of its own, not views of a batch's: a finding outlives its batch.
    """

    make_reasons: Callable[[], tuple[Reason, ...]]
    make_sighting: Callable[[], Sighting]
    behaviour: Behaviour
    _reasons: tuple[Reason, ...] | None = None
    _sentence: str | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return the reasons, the weightiest first."""
        if self._reasons is None:
            self._reasons = self.make_reasons()
        return self._reasons

    @property
    def sentence(self) -> str:
        """Return the sentence of the alert."""
        if self._sentence is None:
            self._sentence = self.behaviour.sentence(self.make_sighting())
        return self._sentence


@dataclass(frozen=True, slots=True)
class Wording:
    """A finding that was put into words, as a snapshot holds it."""

    reasons: tuple[Reason, ...]
    sentence: str


MOST_THINGS = 32
"""Keys of each of the three that an alert keeps: what is about more is no longer about any of them."""
_UNKNOWN = Likeness()


def likeness_in(log: str, behaviour: str) -> Likeness:
    """Return by what alerts of a behaviour are alike; what other models have raised is so by its first keys."""
    declared = KINDS[log].behaviours if log in KINDS else ()
    return next((one.likeness for one in declared if one.name == behaviour), _UNKNOWN)


def graver_in(log: str, behaviour: str) -> tuple[str, ...]:
    """Return the behaviours of which this one is the same thing seen otherwise, where both are about the same."""
    declared = KINDS[log].behaviours if log in KINDS else ()
    return tuple(one.name for one in declared if behaviour in one.likeness.covers and one.likeness.columns == (0,))


def likeness_of(alert: Alert) -> Likeness:
    """Return by what others are like this alert."""
    return likeness_in(alert.log, alert.behaviour)


def things_alike(alert: Alert) -> tuple[str, ...]:
    """Return the keys that others must share with this alert."""
    return alert.things[likeness_of(alert).column(alert.things)] if alert.things else ()


def covers(alert: Alert, behaviour: str, things: Sequence[Sequence[str]]) -> bool:
    """Whether what is said of an alert is said of its device's ``behaviour`` about these things as well."""
    likeness = likeness_of(alert)
    if not things or not alert.things or behaviour not in {alert.behaviour, *likeness.covers}:
        return False
    column = likeness.column(alert.things)
    return bool(things[column]) and set(things[column]) <= set(alert.things[column])
