"""From anomalies to alerts: one per device and behaviour, updated while it lasts.

An alert is raised by the guard's judgement. Until then the anomalies of the behaviour are only remembered, so that the
alert can count them; they are forgotten when suspicion has faded. A behaviour that comes back within a day continues
its alert, unless it is known by what it is about, and that is another thing now: in a new incident at once, in the same
one when many anomalies are about this one thing. What is known by what it is about continues its alert for a week, and
so do ever other things of one pattern: told once is known. What is about the thing of a graver alert counts there.
Everything follows from the records alone, in their order.

A flood is many anomalies of few cases: each case takes in a batch's in stretches in which nothing but its counters and
samples changes, and is put into words only when its alert is returned.
"""

from __future__ import annotations

import hashlib
from copy import deepcopy
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from online_models.alerts.case import Case, case_of_state, covers, graver_in, likeness_in, thing_text
from online_models.alerts.extent import Extent
from online_models.behaviours import Scan, severity_of
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from online_models.alerts.case import Anomalies
    from online_models.behaviours import Behaviour
    from online_models.types import Severity

    Key = tuple[str, str]

_MANY, _TALLIES = 50, 32
"""Anomalies about one other thing that make an alert of its own, and how many such things a case counts."""


class AlertBook:
    """The alerts of one log kind. Bounded: beyond ``capacity`` the case that was updated longest ago is forgotten."""

    def __init__(self, log: str, capacity: int) -> None:
        self.log = log
        self.capacity = capacity
        self._cases: dict[Key, Case] = {}
        self._is_tentative = False

    def tentative(self) -> AlertBook:
        """Return a book that says what this one would, and leaves this one's cases as they are."""
        book = AlertBook(self.log, self.capacity)
        book._cases, book._is_tentative = dict(self._cases), True
        return book

    def __len__(self) -> int:
        return len(self._cases)

    def observe(self, anomalies: Anomalies) -> tuple[Alert, ...]:
        """Take in a batch's anomalies; return the latest state of every alert that they raised or changed."""
        behaviours = {behaviour.name: behaviour for behaviour in anomalies.behaviours}
        changed: dict[str, tuple[int, Key, Case]] = {}
        updated: dict[Key, int] = {}
        for (device, number), places in self._stretches(anomalies):
            for k, key, case in self._take_in((device, anomalies.behaviours[number].name), anomalies, places, updated):
                first = min(k, changed[case.id][0]) if case.id in changed else k
                changed[case.id] = first, key, case
            if len(self._cases) > self.capacity:
                self._cases.pop(next(iter(self._cases)))
        for key in sorted(updated, key=updated.__getitem__):
            if key in self._cases:
                self._cases[key] = self._cases.pop(key)
        in_order = sorted(changed.values(), key=lambda of: of[0])
        return tuple(self._alert(key, behaviours[key[1]], case) for _, key, case in in_order)

    def _stretches(self, anomalies: Anomalies) -> Iterable[tuple[tuple[str, int], list[int]]]:
        """Return what each case takes in.

        It is one anomaly at a time if a case may have to leave; and in the order of the log, of a device with a graver
        and a lesser behaviour if what the graver one is told of may change meanwhile.
        """
        groups: dict[tuple[str, int], list[int]] = {}
        for k, of in enumerate(zip(anomalies.known_as, anomalies.behaviour, strict=True)):
            groups.setdefault(of, []).append(k)
        if len(self._cases) + len(groups) > self.capacity:
            return [((anomalies.known_as[k], anomalies.behaviour[k]), [k]) for k in range(len(anomalies))]
        here = {(device, anomalies.behaviours[number].name): places for (device, number), places in groups.items()}
        in_order = set()
        for device, name in here:
            graver = ((device, other) for other in graver_in(self.log, name))
            if any(self._may_change(key, anomalies, here[key]) for key in graver if key in here):
                in_order.add(device)
        whole = [group for group in groups.items() if group[0][0] not in in_order]
        return [*whole, *_runs(groups, in_order)]

    def _may_change(self, key: Key, anomalies: Anomalies, places: Sequence[int]) -> bool:
        """Whether some of these anomalies may do more than count in the case of their behaviour."""
        case = self._cases.get(key)
        if case is None or case.raised_ts is None or not case.has_samples:
            return True
        ends = sorted(map(anomalies.end.__getitem__, places))
        return (
            max(later - end for end, later in pairwise([case.last_ts, *ends])) > case.ends_after()
            or any(map(anomalies.raises.__getitem__, places))
            or (case.is_about_known and not all(map(anomalies.is_known.__getitem__, places)))
            or _counts_others(self.log, key[1], case, anomalies)
        )

    def _take_in(
        self, key: Key, anomalies: Anomalies, places: Sequence[int], updated: dict[Key, int]
    ) -> Iterator[tuple[int, Key, Case]]:
        """Take in anomalies of one device and behaviour; yield each raised case by its key, and its first change.

        The place of the last change of each case is written into ``updated``.
        """
        device, behaviour = key
        graver = [(device, name) for name in graver_in(self.log, behaviour) if (device, name) in self._cases]
        met = {int(thing, 16) for other in graver for thing in self._cases[other].own}
        things = anomalies.things[0] if met and anomalies.things else ()
        for may_be_told, run in groupby(places, key=lambda k: bool(things) and things[k] in met):
            if not may_be_told:
                yield from self._follow(key, anomalies, list(run), updated)
                continue
            for k in run:
                told = next((other for other in graver if self._is_told(other, key, anomalies, k)), None)
                if told is None:
                    yield from self._follow(key, anomalies, [k], updated)
                else:
                    yield k, told, self._count_lesser(told, anomalies, k, updated)

    def _count_lesser(self, told: Key, anomalies: Anomalies, k: int, updated: dict[Key, int]) -> Case:
        """Count an anomaly of a lesser behaviour in the case of a graver one, and return that."""
        case = self._cases.pop(told)
        self._cases[told] = case = deepcopy(case) if self._is_tentative else case
        updated[told] = max(k, updated.get(told, k))
        case.count_lesser(anomalies, k)
        return case

    def _is_told(self, graver: Key, key: Key, anomalies: Anomalies, k: int) -> bool:
        """Whether an anomaly is about what a graver alert of its device tells of, and none of its own behaviour."""
        thing = thing_text(anomalies.things[0][k]) if anomalies.things else ""
        case, own = self._cases[graver], self._cases.get(key)
        told_itself = own is not None and own.raised_ts is not None and thing in own.own
        return thing in case.own and not told_itself and case.goes_on(anomalies.end[k] - case.last_ts)

    def _follow(
        self, key: Key, anomalies: Anomalies, places: Sequence[int], updated: dict[Key, int]
    ) -> Iterator[tuple[int, Key, Case]]:
        """Take in anomalies in the case of their behaviour, or of others that they begin, as `_take_in` tells."""
        updated[key] = max(places[-1], updated.get(key, 0))
        case, done = self._cases.pop(key, None), 0
        if self._is_tentative:
            case = deepcopy(case)
        while done < len(places):
            stop, many = self._next_event(case, key[1], anomalies, places, done)
            if case is not None and stop > done:
                case.add_more(self.log, anomalies, places[done:stop])
                if case.raised_ts is not None:
                    yield places[done], key, case
            if stop < len(places):
                k = places[stop]
                case = self._case_at(case, key, anomalies, k, many)
                case.add_event(self.log, anomalies, k)
                if case.raised_ts is not None:
                    yield k, key, case
            done = stop + 1
        if case is not None:
            self._cases[key] = case

    def _next_event(
        self, case: Case | None, behaviour: str, anomalies: Anomalies, places: Sequence[int], first: int
    ) -> tuple[int, list[float] | None]:
        """Return where the first anomaly is that does more than count, and the tally if it is one of many.

        That is one that begins another case, raises the alert, or decides what it is about.
        """
        if case is None:
            return first, None
        last, pause, tallies = case.last_ts, case.ends_after(), _counts_others(self.log, behaviour, case, anomalies)
        for at in range(first, len(places)):
            k = places[at]
            end = anomalies.end[k]
            if end - last > pause or anomalies.raises[k]:
                return at, None
            many = _tally(case, anomalies, k) if tallies else None
            if many is not None or case.turns_to_new(anomalies.is_known[k]):
                return at, many
            last = max(last, end)
        return len(places), None

    def _case_at(self, case: Case | None, key: Key, anomalies: Anomalies, k: int, many: list[float] | None) -> Case:
        """Return the case that an anomaly belongs to: the one there is, or another."""
        if many is None and case is not None and anomalies.raises[k]:
            many = self._tally_raising(case, key[1], anomalies, k)
        if many is not None and case is not None:
            return Case(
                id=_identifier(self.log, key, anomalies, k),
                device=anomalies.device[k],
                first_ts=many[1],
                last_ts=anomalies.end[k],
                raised_ts=anomalies.end[k],
                count=int(many[0]) - 1,
                site_devices=case.site_devices,
                own=[*case.own[-_TALLIES:], thing_text(anomalies.things[0][k])],
                extent=_extent(anomalies, k),
            )
        is_another = case is not None and self._is_another(case, key[1], anomalies, k)
        if case is None or is_another or self._is_over(case, key[1], anomalies, k):
            identifier = _identifier(self.log, key, anomalies, k)
            again = Case(identifier, anomalies.device[k], anomalies.ts[k], anomalies.end[k])
            again.extent = _extent(anomalies, k)
            again.is_attack = case is not None and case.is_attack and self._is_same(case, anomalies, k)
            if case is not None and is_another:
                count, began = case.tallies.get(thing_text(anomalies.things[0][k]), (0.0, again.first_ts))
                again.count, again.first_ts = int(count), min(began, again.first_ts)
            return again
        return case

    def _tally_raising(self, case: Case, behaviour: str, anomalies: Anomalies, k: int) -> list[float] | None:
        """Tally an anomaly that raises its alert, once all that came before it is taken in."""
        is_late = anomalies.end[k] - case.last_ts > case.ends_after()
        counts = _counts_others(self.log, behaviour, case, anomalies) and not is_late
        return _tally(case, anomalies, k) if counts and not self._is_another(case, behaviour, anomalies, k) else None

    def _is_over(self, case: Case, behaviour: str, anomalies: Anomalies, k: int) -> bool:
        """Whether an anomaly comes so late that it is another case, though it may be about the same."""
        pause = anomalies.end[k] - case.last_ts
        if pause <= case.ends_after():
            return False
        goes_on = likeness_in(self.log, behaviour).by_name and case.goes_on(pause)
        return not goes_on or not self._is_same(case, anomalies, k)

    def _is_same(self, case: Case, anomalies: Anomalies, k: int) -> bool:
        """Whether an anomaly is about the thing that a case was raised about, or one more of its pattern."""
        thing = thing_text(anomalies.things[0][k]) if anomalies.things else ""
        return case.is_same(thing, anomalies.pattern(k))

    def _is_another(self, case: Case, behaviour: str, anomalies: Anomalies, k: int) -> bool:
        """Whether an anomaly begins a new incident about another thing than its behaviour's alert is about.

        What raises an alert may have been met in the same incident a little before, below what raises one.
        """
        if case.raised_ts is None or not anomalies.raises[k] or not case.things:
            return False
        likeness = likeness_in(self.log, behaviour)
        column = likeness.column(case.things)
        is_other = thing_text(anomalies.things[column][k]) not in case.things[column]
        is_other = is_other or case.has_just_met(thing_text(anomalies.things[0][k]), anomalies.end[k])
        is_one_more = bool(case.pattern) and case.pattern == anomalies.pattern(k)
        return likeness.by_name and is_other and not is_one_more

    def _alert(self, key: tuple[str, str], behaviour: Behaviour, case: Case) -> Alert:
        return Alert(
            id=case.id,
            device=case.device,
            known_as=key[0],
            behaviour=key[1],
            log=self.log,
            severity=_severity(case, behaviour),
            score=case.score,
            ts=case.raised_ts or case.last_ts,
            first_ts=case.first_ts,
            last_ts=case.last_ts,
            count=case.count,
            sentence=_sentence(case, behaviour),
            technique=behaviour.technique,
            reasons=case.shown.reasons if case.shown else (),
            uids=tuple(case.uids),
            peers=case.told_peers(),
            direction=case.direction,
            targets=tuple(case.targets),
            things=tuple(map(tuple, case.things)),
            subjects=tuple(case.subjects),
            site_devices=case.site_devices,
        )

    def expect(self, alert: Alert) -> None:
        """Forget an alert that was called expected, and what is like it."""
        for key, case in list(self._cases.items()):
            if case.id == alert.id or (key[0] == alert.known_as and covers(alert, key[1], case.things)):
                del self._cases[key]

    def condemn(self, alert: Alert) -> None:
        """Have an alert that was called an attack raised anew when its behaviour comes back after an hour's pause."""
        case = self._cases.get((alert.known_as, alert.behaviour))
        if case is not None and case.id == alert.id:
            case.is_attack = True

    def is_clear(self, known_as: str, since: float) -> bool:
        """Whether a device has no raised alert that lasted until this time or longer."""
        return not any(
            key[0] == known_as and case.raised_ts is not None and case.last_ts >= since
            for key, case in self._cases.items()
        )

    def rename(self, known_as: str, now: str) -> None:
        """Have the cases of a device be those of another, but for behaviours of which that one has a case."""
        for key in [key for key in self._cases if key[0] == known_as]:
            if (now, key[1]) not in self._cases:
                self._cases[now, key[1]] = self._cases.pop(key)

    def forget(self, known_as: str) -> int:
        """Forget all cases of a device, which is known by this name; return how many there were."""
        gone = [key for key in self._cases if key[0] == known_as]
        for key in gone:
            del self._cases[key]
        return len(gone)

    def state(self) -> list[dict[str, Any]]:
        """Return every case as JSON-able data, in order of last update."""
        return [{"known_as": d, "behaviour": b, **case.state()} for (d, b), case in self._cases.items()]

    def restore(self, state: Iterable[dict[str, Any]]) -> None:
        """Take over what `state` returned."""
        for entry in state:
            self._cases[entry["known_as"], entry["behaviour"]] = case_of_state(entry)


def _severity(case: Case, behaviour: Behaviour) -> Severity:
    """Grade a case; how many contacts there are of one pattern, and for how long, does not make them worse."""
    extent = (1, 0.0) if case.pattern or not behaviour.grows else (case.count, case.last_ts - case.first_ts)
    return severity_of(case.evidence, *extent, behaviour.gravity)


def _extent(anomalies: Anomalies, k: int) -> Extent | None:
    """Return what a new case notes of how far it goes: nothing, unless its behaviour tells of that."""
    return Extent() if anomalies.behaviours[anomalies.behaviour[k]].of_scan is not None else None


def _sentence(case: Case, behaviour: Behaviour) -> str:
    """Return the sentence about the record that is told of, or about all together."""
    extent = case.extent
    if behaviour.of_scan is None or extent is None or not extent.peers.count():
        return case.shown.sentence if case.shown else ""
    return behaviour.of_scan(
        Scan(
            device=case.device,
            peer=case.peer,
            is_called=case.direction == "in",
            peers=(extent.peers.count(), extent.peers.is_exact),
            services=(extent.services.count(), extent.services.is_exact),
            network=extent.network(),
            targets=case.targets,
            seconds=case.last_ts - case.first_ts,
            answered=extent.answered,
        )
    )


def _runs(groups: dict[tuple[str, int], list[int]], devices: set[str]) -> Iterator[tuple[tuple[str, int], list[int]]]:
    """Yield the stretches of some devices' anomalies, in the order of the log, that are of one behaviour each."""
    places = sorted((device, k, number) for (device, number), of in groups.items() if device in devices for k in of)
    for key, run in groupby(places, key=lambda place: (place[0], place[2])):
        yield key, [k for _, k, _ in run]


def _identifier(log: str, key: Key, anomalies: Anomalies, k: int) -> str:
    text = "\0".join((log, *key, anomalies.uid[k], repr(anomalies.ts[k])))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _counts_others(log: str, behaviour: str, case: Case, anomalies: Anomalies) -> bool:
    """Whether a case counts anomalies about other things than its own: it is raised, and known by what it is about."""
    return case.raised_ts is not None and bool(anomalies.things) and likeness_in(log, behaviour).by_name


def _tally(case: Case, anomalies: Anomalies, k: int) -> list[float] | None:
    """Tally what an anomaly of a raised case is about; return the tally once so many are about one other thing.

    What began together is one change, as when somebody begins to watch all hosts of a site.
    """
    key = thing_text(anomalies.things[0][k])
    if key in case.own:
        return None
    tally = case.tallies.setdefault(key, [0.0, anomalies.ts[k]])
    tally[0] += 1.0
    if len(case.tallies) > _TALLIES:
        del case.tallies[min(case.tallies, key=lambda other: (case.tallies[other][0], other != key))]
    return tally if tally[0] >= _MANY and not case.began_with(tally[1]) else None
