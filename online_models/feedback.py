"""What feedback does to the model of one log kind.

Expected: its like raises nothing any more; if no other alert of the incident is left, the incident never was, and what
was withheld for it is learned. Attack: its like is never learned and is told at once; what was withheld is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from online_models.budget import take_back
from online_models.features.table import entries
from online_models.features.text import OWNER
from online_models.guard import (
    BEHAVIOURS,
    BEHAVIOURS_AT,
    FROZEN,
    GUARD_WIDTH,
    LAST,
    RATES_AT,
    RELEASED,
    SUSPICION,
    UNEASE,
)
from online_models.likeness import likeness_of, things_alike
from online_models.outcome import new_outcome
from online_models.program.loop import relearn
from online_models.program.machine import with_room
from online_models.program.registers import RECENT_SUSPICION
from online_models.verdicts import ATTACK, EXPECTED, NAMED, new_verdicts, with_verdict

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.alerts.book import AlertBook
    from online_models.features.table import Table
    from online_models.kinds.kind import Kind
    from online_models.program.machine import Machine
    from online_models.second_opinion import SecondOpinion
    from online_models.types import Alert, Feedback
    from online_models.views import Views
    from online_models.withheld import Records, Withheld


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
