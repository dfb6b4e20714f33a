"""What people say of alerts: what waits for it, what it does to the model of a log kind, and what is learned from it.

Expected: its like raises nothing any more; if no other alert of the incident is left, the incident never was, and what
was withheld for it is learned. Attack: its like is never learned and is told at once; what was withheld is forgotten.

Records that were not learned are kept for the case that somebody calls their alert expected, as the kernels saw them:
columns, features, and the device's log time. Bounded by the record: the first 10,000 of a device, and the last 50,000
of all together.

A second opinion on alerts is River's adaptive random forest, which learns from feedback and labelled datasets. It
speaks only once it has proved itself: every label was guessed before it was learned (prequential), and of both verdicts
it must have guessed well. It never silences anything. River's objects are no data, so a snapshot holds the labels, at
most the last 1,000, and the forest is grown again from them with the same seed: to the same forest.

Source: Gomes et al., Adaptive random forests for evolving data stream classification, Machine Learning 106 (2017).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from online_models.alerts.case import likeness_of, things_alike
from online_models.budget import take_back
from online_models.features.table import entries
from online_models.features.text import OWNER
from online_models.guard import (
    ATTACK,
    BEHAVIOURS,
    BEHAVIOURS_AT,
    EXPECTED,
    FROZEN,
    GUARD_WIDTH,
    LAST,
    NAMED,
    RATES_AT,
    RELEASED,
    SUSPICION,
    UNEASE,
    WITHHELD,
    new_verdicts,
    with_verdict,
)
from online_models.program.loop import relearn
from online_models.program.machine import new_outcome, with_room
from online_models.program.registers import RECENT_SUSPICION
from online_models.types import Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from online_models.alerts.book import AlertBook
    from online_models.features.table import Table
    from online_models.kinds.kind import Kind
    from online_models.program.machine import Machine, Outcome
    from online_models.types import Alert, Feedback, Verdict
    from online_models.views import Views


MOST_OF_A_DEVICE, MOST = 10_000, 50_000
"""Records that wait for a verdict: of one device, and in all; some 25 MB a log kind."""
_PIECES = 64
"""Batches' worth of them after which they are put together."""


class Records(NamedTuple):
    """n records that were not learned.

    Attributes
    ----------
    columns
        The kernel's columns of their log kind.
    features
        float64 ``(n, features)``, as measured when they came.
    now
        float64 ``(n,)``: the device's log time then, epoch seconds.
    judgement, behaviour
        int8 ``(n,)``, as they were judged.
    """

    columns: Any
    features: npt.NDArray[np.float64]
    now: npt.NDArray[np.float64]
    judgement: npt.NDArray[np.int8]
    behaviour: npt.NDArray[np.int8]


def taken(tree: Any, rows: npt.NDArray[Any]) -> Any:
    """Return the given rows, by number or flag, of every array of a nested named tuple."""
    if isinstance(tree, np.ndarray):
        return np.ascontiguousarray(tree[rows])
    return type(tree)(*(taken(part, rows) for part in tree))


def _joined(pieces: list[Any]) -> Any:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(pieces)
    return type(first)(*(_joined(list(parts)) for parts in zip(*pieces, strict=True)))


class Withheld:
    """The records of one log kind that were not learned; ``lost`` counts those for which there was no room."""

    def __init__(self, none: Records) -> None:
        self.lost = 0
        self._none = none
        self._pieces: list[Records] = []
        self._devices: deque[int] = deque()
        self._count_of: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._devices)

    def keep(self, columns: Any, outcome: Outcome) -> None:
        """Keep what a run of the kernel has withheld."""
        rows = np.flatnonzero(outcome.judgement & WITHHELD)
        if rows.size:
            rows = rows[self._with_room(columns.keys[rows, 0].tolist())]
            arrays = outcome.withheld, outcome.end, outcome.judgement, outcome.behaviour
            self._pieces.append(Records(taken(columns, rows), *(taken(array, rows) for array in arrays)))
            if len(self._pieces) > _PIECES:
                self._pieces = [self.records()]

    def _with_room(self, devices: list[int]) -> npt.NDArray[np.int64]:
        """Return which of the new records are kept, in order; each may push out the oldest one."""
        kept = []
        for k, device in enumerate(devices):
            if self._count_of[device] < MOST_OF_A_DEVICE:
                if len(self._devices) == MOST:
                    self._leave(self._devices.popleft())
                kept.append(k)
                self._devices.append(device)
                self._count_of[device] += 1
        self.lost += len(devices) - len(kept)
        return np.array(kept, np.int64)

    def _leave(self, device: int) -> None:
        self.lost += 1
        self._count_of[device] -= 1
        if not self._count_of[device]:
            del self._count_of[device]

    def records(self) -> Records:
        """Return all of them, in the order in which they came."""
        records: Records = _joined([self._none, *self._pieces])
        oldest = len(records.now) - len(self._devices)
        kept: Records = taken(records, np.arange(oldest, len(records.now))) if oldest else records
        return kept

    def take(self, device: np.uint64) -> Records:
        """Return the records of a device, and keep them no longer."""
        records = self.records()
        its = records.columns.keys[:, 0] == device
        self.restore(taken(records, ~its), self.lost)
        of_device: Records = taken(records, its)
        return of_device

    def restore(self, records: Records, lost: int) -> None:
        """Hold these records instead."""
        self.lost, self._pieces = lost, [records]
        self._devices = deque(records.columns.keys[:, 0].tolist())
        self._count_of = Counter(self._devices)


MOST_LABELS, FEWEST_LABELS, FEWEST_OF_EACH = 1000, 20, 5
"""Labels that are kept, and that it takes, in all and of each verdict, before an opinion is told."""
LEAST_ACCURACY = 0.75
"""Mean share of both verdicts that must have been guessed rightly: halfway between a coin and a person."""
_TREES = 10
"""Of the forest: River's default."""
Features = dict[str, float]


def features_of(alert: Alert) -> Features:
    """Return what of an alert does not depend on how long it has lasted: behaviour, score and reasons."""
    features = {"score": alert.score, f"behaviour {alert.behaviour}": 1.0}
    for reason in alert.reasons:
        features[f"{reason.feature} weight"] = reason.weight
        features[f"{reason.feature} observed"] = math.log1p(max(0.0, reason.observed))
        features[f"{reason.feature} usual"] = math.log1p(max(0.0, reason.usual))
    return features


@dataclass(slots=True)
class _Tally:
    """How many labels of one verdict were guessed, and how many of them rightly."""

    guessed: int = 0
    right: int = 0


class SecondOpinion:
    """The supervised model of one log kind; the same labels in the same order give the same opinions."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._labels: dict[str, tuple[Features, bool]] = {}
        self._forest: Any = None
        self._tally = {True: _Tally(), False: _Tally()}

    def learn(self, alert: Alert, verdict: Verdict) -> None:
        """Learn what a person said of an alert; what was said of it before is forgotten."""
        example = features_of(alert), verdict == "attack"
        known = alert.id in self._labels
        self._labels.pop(alert.id, None)
        self._labels[alert.id] = example
        if known or len(self._labels) > MOST_LABELS:
            self.restore([[name, *label] for name, label in list(self._labels.items())[-MOST_LABELS:]])
        else:
            self._learn(*example)

    def _learn(self, features: Features, is_attack: bool) -> None:
        if self._forest is None:
            from river.forest import ARFClassifier  # noqa: PLC0415 - it takes seconds, and most sites give no feedback

            self._forest = ARFClassifier(n_models=_TREES, seed=self._seed, grace_period=10)
        tally = self._tally[is_attack]
        tally.guessed += 1
        tally.right += (self._probability(features) >= 0.5) == is_attack
        self._forest.learn_one(features, is_attack)

    def _probability(self, features: Features) -> float:
        return float(self._forest.predict_proba_one(features).get(True, 0.0))

    @property
    def accuracy(self) -> float:
        """Prequential balanced accuracy: the mean of the shares of both verdicts that were guessed rightly."""
        return sum(tally.right / max(1, tally.guessed) for tally in self._tally.values()) / 2.0

    def of(self, alert: Alert) -> Opinion | None:
        """Return how probable it is that a person would call the alert an attack; None before it has proved itself."""
        seldom = min(tally.guessed for tally in self._tally.values())
        if len(self._labels) < FEWEST_LABELS or seldom < FEWEST_OF_EACH or self.accuracy < LEAST_ACCURACY:
            return None
        return Opinion(self._probability(features_of(alert)), self.accuracy, len(self._labels))

    def state(self) -> list[list[Any]]:
        """Return every label as JSON-able data, in order."""
        return [[name, features, is_attack] for name, (features, is_attack) in self._labels.items()]

    def restore(self, state: Iterable[list[Any]]) -> None:
        """Take over what `state` returned, by learning it again."""
        self._forest, self._labels = None, {}
        self._tally = {True: _Tally(), False: _Tally()}
        for name, features, is_attack in state:
            self._labels[name] = features, is_attack
            self._learn(features, is_attack)


@dataclass(slots=True)
class Model:
    """The live model of one log kind: per-entity tables, views, alerts, and what was not learned.

    ``heard`` is the number of the last feedback that it took in.
    """

    kind: Kind
    machine: Machine
    views: Views
    alerts: AlertBook
    withheld: Withheld
    opinion: SecondOpinion
    heard: int = 0

    def tables(self) -> dict[str, Table]:
        """Return the kind's tables by name."""
        return dict(zip(self.kind.table_names, self.machine.tables, strict=False))


def hear(model: Model, feedback: Feedback, device: np.uint64) -> None:
    """Take in what a person said of an alert of this log kind; ``device`` is the key of its device."""
    alert = feedback.alert
    row = _row_of(model.machine.tables[0], device)
    now = 0.0 if row is None else float(row[LAST])
    if feedback.verdict == "expected":
        _say(model, alert, EXPECTED, now)
        model.alerts.expect(alert)
        if row is None or model.alerts.is_clear(alert.known_as, float(row[FROZEN])):
            _calm(model, device)
            _release(row)
            _relearn(model, model.withheld.take(device))
    else:
        _say(model, alert, NAMED if likeness_of(alert).by_name else ATTACK, now)
        model.alerts.condemn(alert)
        if row is not None:
            take_back(row[RATES_AT:GUARD_WIDTH], model.views.rates)
        model.withheld.take(device)
    model.opinion.learn(alert, feedback.verdict)
    model.heard = feedback.number


def rehearse(model: Model) -> None:
    """Have compiled what feedback needs; nothing is said or learned."""
    with_verdict(new_verdicts(), [np.uint64(1)], [0], EXPECTED, 0, 0.0)
    scratch = new_outcome(1, len(model.kind.clauses))
    relearn(model.machine, model.views, model.withheld.take(np.uint64(0)), 0, scratch)


def _row_of(table: Any, key: np.uint64) -> npt.NDArray[np.float64] | None:
    keys, rows = entries(table)
    places = np.flatnonzero(keys == key)
    return rows[places[0]] if places.size else None


def _say(model: Model, alert: Alert, said: float, now: float) -> None:
    names = [behaviour.name for behaviour in model.kind.behaviours]
    about = (alert.behaviour, *likeness_of(alert).covers) if said == EXPECTED else (alert.behaviour,)
    numbers = [names.index(name) for name in about if name in names]
    if not numbers:
        return
    things = [np.uint64(int(key, 16)) for key in things_alike(alert)]
    table = with_verdict(model.views.verdicts, things, numbers, said, numbers[0], now)
    model.views = model.views._replace(verdicts=table)


def _release(row: npt.NDArray[np.float64] | None) -> None:
    """Have the incident never have been: ages then count through it."""
    if row is not None:
        row[[FROZEN, RELEASED, SUSPICION, UNEASE]] = 0.0
        row[BEHAVIOURS_AT : BEHAVIOURS_AT + BEHAVIOURS] = 0.0


def _calm(model: Model, device: np.uint64) -> None:
    """Take away every suspicion of what the device did lately."""
    keys, rows = entries(model.tables()["recent"])
    rows[keys & OWNER == device & OWNER, RECENT_SUSPICION] = 0.0


def _relearn(model: Model, records: Records) -> None:
    scratch, at = new_outcome(1, len(model.kind.clauses)), 0
    while at < len(records.now):
        at = relearn(model.machine, model.views, records, at, scratch)
        if at < len(records.now):
            model.machine = with_room(model.machine)
