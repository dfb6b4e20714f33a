"""The one loop: every record in turn is counted, measured, scored, judged, and learned if it may be.

What differs between log kinds is data: the sections of their programs, which `execute` carries out in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.compile import entry, inlined, inner
from online_models.features.table import USED, used_since
from online_models.guard import (
    ACCEPTED,
    ANOMALY,
    COUNT,
    FIRST,
    FROZEN,
    LAST,
    QUIET,
    RAISED,
    RELEASED,
    SUSPECT,
    THINGS,
    TOGETHER,
    behaviour_said,
    grow_older,
    is_expected,
    is_frozen,
    judge_as_said,
    move_on,
    observe,
    release_if_quiet,
    said_of,
    says_expected,
    suspect_thing,
)
from online_models.measures.excess import roll, share_before
from online_models.measures.past import age_of, is_known, maturity_of
from online_models.measures.time import DAY
from online_models.program.machine import (
    AHEAD,
    FACTS_AT,
    FEATURES,
    FEATURES_AT,
    OBSERVED,
    PARTS_AT,
    RECENT_THING,
    THINGS_AT,
    USUAL,
    Columns,
    Machine,
    Outcome,
    approach,
    attribute_views,
    entry_of,
    has_room,
    note_views,
    take_up,
    withhold,
)
from online_models.program.operations import execute, number_of
from online_models.program.registers import (
    AFTER,
    BEHAVIOUR,
    BOUND,
    CREDIT,
    DECISIVE,
    DOUBT,
    EVIDENCE,
    HOLD,
    HOUR_NUMBER,
    HOUR_SHARE,
    LEARN,
    MATURITY,
    MEANWHILE,
    MEASURE,
    MINUTE_NUMBER,
    MINUTE_SHARE,
    NAME,
    NOBODY,
    NOW,
    ODD,
    PRIOR,
    RARITY,
    RECENT_ANOMALY,
    RECENT_SUSPICION,
    RECENT_WIDTH,
    SETTLED,
    TELL,
    TOLD,
    WINDOWS,
)
from online_models.program.registers import COUNT as COUNT_SECTION
from online_models.views import Views, assess, evidence_of, learn_views

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from online_models.feedback import Records


@inner
def _things_of(machine: Machine, things: npt.NDArray[np.uint64]) -> None:
    """Write what the record in hand is about."""
    for k in range(THINGS):
        things[k] = machine.keys[machine.layout[THINGS_AT + k]]


@inlined
def count(machine: Machine, device: npt.NDArray[np.float64], end: float) -> None:
    """Move the device's log time on to a record that ended then, and count the record in the running windows."""
    r = machine.registers
    r[NOW] = move_on(device, end)
    learning = device[FROZEN] <= 0.0 or device[RELEASED] > 0.0
    r[MINUTE_NUMBER] = roll(device, WINDOWS, 0, r[NOW], learning)
    r[HOUR_NUMBER] = roll(device, WINDOWS, 1, r[NOW], learning)
    r[MINUTE_SHARE], r[HOUR_SHARE] = share_before(r[NOW], 0), share_before(r[NOW], 1)
    execute(machine, device, COUNT_SECTION)


@inlined
def _assess(
    machine: Machine, views: Views, device: npt.NDArray[np.float64], x: npt.NDArray[np.float64], trusted: bool
) -> None:
    """Score the features of a record in every view, within the views' bounds."""
    r, count = machine.registers, views.rarity.size
    for v in range(count):
        views.prior[v] = r[PRIOR + v]
    assess(views, x, 0.0 if trusted else r[MATURITY], r[NOW])
    for v in range(count):
        r[RARITY + v] = views.rarity[v]
    execute(machine, device, BOUND)
    for v in range(count):
        views.rarity[v] = r[RARITY + v]


@inner
def _is_known(machine: Machine, device: npt.NDArray[np.float64]) -> bool:
    """Whether the device has long known what the record in hand is about."""
    return is_known(age_of(number_of(machine, machine.layout[THINGS_AT], FIRST), device), device)


@inner
def _note_anomaly(machine: Machine) -> None:
    """Note that the record in hand was an anomaly with what it is about, as far as that is counted."""
    begin = machine.entries[machine.layout[RECENT_THING]]
    if begin >= 0:
        machine.rows[begin + RECENT_ANOMALY] = machine.registers[NOW]


@inner
def _hangs_together(machine: Machine, device: npt.NDArray[np.float64], quiet: float) -> bool:
    """Whether the record in hand may have to do with the incident in which its device stands.

    What the device has long known may be a bystander of its anomalies: it must have been quiet for as long as makes an
    incident end.
    """
    now, begin = machine.registers[NOW], machine.entries[machine.layout[RECENT_THING]]
    anomalous_at = machine.rows[begin + RECENT_ANOMALY] if begin >= 0 else 0.0
    if _is_known(machine, device):
        return bool(now - anomalous_at <= quiet)
    return bool(now - max(device[FROZEN], anomalous_at) <= TOGETHER)


@inner
def _is_learned(machine: Machine, views: Views, device: npt.NDArray[np.float64], judgement: int) -> bool:
    """Whether the record in hand, judged so, becomes part of what is ordinary."""
    if judgement & ~ACCEPTED:
        return False
    return not (is_frozen(device) and _hangs_together(machine, device, views.policy[QUIET]))


@inner
def _suspicion(machine: Machine, device: npt.NDArray[np.float64], expected: bool, evidence: float) -> float:
    """Return the suspicion of what a record is about; 0, and left as it is, if that is expected or known for long.

    So it is where a kind says that a record makes nothing suspect.
    """
    begin = machine.entries[machine.layout[RECENT_THING]]
    if expected or begin < 0 or machine.registers[DECISIVE] < -1.0 or _is_known(machine, device):
        return 0.0
    return suspect_thing(machine.rows[begin : begin + RECENT_WIDTH], RECENT_SUSPICION, evidence, device)


@inner
def _report(machine: Machine, views: Views, device: npt.NDArray[np.float64], i: int, outcome: Outcome) -> None:
    """Describe an anomaly: what each feature added, and what was observed and is usual."""
    r, layout, at = machine.registers, machine.layout, outcome.used[0]
    outcome.used[0] += 1
    outcome.detail_of[at] = i
    outcome.known[at] = number_of(machine, layout[THINGS_AT], FIRST) > 0.0
    raised = outcome.judgement[i] & RAISED
    outcome.devices[at] = used_since(machine.tables[0], r[NOW] - DAY) if raised else 0
    attribute_views(views, outcome.evidence[i], outcome.parts[at])
    for f in range(layout[FEATURES]):
        r[layout[PARTS_AT] + f] = outcome.parts[at, f]
    for f in range(outcome.facts.shape[1]):
        r[layout[FACTS_AT] + 2 * f] = 0.0
        r[layout[FACTS_AT] + 2 * f + 1] = 0.0
    execute(machine, device, CREDIT)
    execute(machine, device, TELL)
    for f in range(layout[FEATURES]):
        outcome.parts[at, f] = r[layout[PARTS_AT] + f]
    for f in range(outcome.facts.shape[1]):
        outcome.facts[at, f, OBSERVED] = r[layout[FACTS_AT] + 2 * f]
        outcome.facts[at, f, USUAL] = r[layout[FACTS_AT] + 2 * f + 1]


@inlined
def _judge(machine: Machine, views: Views, device: npt.NDArray[np.float64], i: int, outcome: Outcome) -> None:
    r = machine.registers
    r[EVIDENCE] = evidence_of(views)
    outcome.evidence[i] = r[EVIDENCE]
    note_views(outcome, i, views)
    r[BEHAVIOUR], r[DECISIVE] = 0.0, 0.0
    if r[EVIDENCE] >= SUSPECT or views.verdicts.counters[USED] > 0:
        execute(machine, device, NAME)
    things = outcome.things[outcome.used[0]]
    _things_of(machine, things)
    said = said_of(views.verdicts, things, int(r[BEHAVIOUR]))
    outcome.behaviour[i] = behaviour_said(views.verdicts, said, int(r[BEHAVIOUR]))
    suspicion = _suspicion(machine, device, says_expected(views.verdicts, said), r[EVIDENCE])
    outcome.judgement[i] = judge_as_said(
        views.verdicts,
        said,
        device,
        r[EVIDENCE],
        outcome.behaviour[i],
        r[DECISIVE],
        views.policy,
        views.rates,
        suspicion,
    )
    outcome.end[i] = r[NOW]
    if outcome.judgement[i] & ANOMALY:
        _note_anomaly(machine)
        _report(machine, views, device, i, outcome)
        if outcome.judgement[i] & RAISED:
            execute(machine, device, TOLD)


@inner
def learn(machine: Machine, device: npt.NDArray[np.float64]) -> None:
    """Make the record in hand part of its device's past."""
    if device[FIRST] <= 0.0:
        device[FIRST] = machine.registers[NOW]
    device[COUNT] += 1.0
    execute(machine, device, LEARN)


@inlined
def _learn_live(machine: Machine, views: Views, device: npt.NDArray[np.float64], judgement: int, trusted: bool) -> None:
    """Learn a record as its device's, and as ordinary if nothing speaks against that."""
    r = machine.registers
    r[ODD] = 0.0
    execute(machine, device, HOLD)
    learn(machine, device)
    execute(machine, device, AFTER)
    if (trusted or not (judgement & ACCEPTED or r[ODD] != 0.0)) and r[NOBODY] == 0.0:
        learn_views(views, r[MATURITY], r[NOW])


@entry
def run(machine: Machine, views: Views, columns: Columns, start: int, trusted: bool, outcome: Outcome) -> int:
    """Go through the records from ``start`` on; return the first that is left because a table or the report is full.

    ``trusted`` records are learned whatever they look like, and raise nothing.
    """
    r, first = machine.registers, machine.layout[FEATURES_AT]
    x = r[first : first + machine.layout[FEATURES]]
    for i in range(start, columns.ts.size):
        if (i - start) % AHEAD == 0:
            approach(machine, columns, i)
        if not has_room(machine) or outcome.used[0] >= outcome.detail_of.size:
            return i
        take_up(machine, columns, i)
        begin = entry_of(machine, 0)
        device = machine.rows[begin : begin + machine.widths[0]]
        count(machine, device, columns.end[i])
        grow_older(device, observe(views.clock, columns.end[i]))
        if not trusted:
            release_if_quiet(device, r[NOW], views.policy)
        r[MATURITY] = maturity_of(device, columns.ts[i])
        r[SETTLED] = 1.0 if views.learned[1] > 0 else 0.0
        execute(machine, device, MEASURE)
        _assess(machine, views, device, x, trusted)
        r[EVIDENCE] = 0.0
        if not trusted:
            _judge(machine, views, device, i, outcome)
        if trusted or _is_learned(machine, views, device, outcome.judgement[i]):
            _learn_live(machine, views, device, outcome.judgement[i], trusted)
        else:
            withhold(outcome, i, x)
            if is_frozen(device):
                execute(machine, device, MEANWHILE)
            elif outcome.judgement[i] & ANOMALY:
                execute(machine, device, DOUBT)
    return int(columns.ts.size)


@entry
def relearn(machine: Machine, views: Views, records: Records, start: int, outcome: Outcome) -> int:
    """Learn what was withheld and turned out to be expected; return the first that is left because a table is full.

    What is made up for is what is known of things, at the log time of each record, and for records below the threshold
    also the forests and their calibration. Not made up for are the usual counts a minute and an hour. The anomalies
    themselves stay out of the forests, as `online_models.guard` explains.
    """
    r, things = machine.registers, outcome.things[0]
    for i in range(start, records.now.size):
        if not has_room(machine):
            return i
        take_up(machine, records.columns, i)
        _things_of(machine, things)
        judgement = records.judgement[i]
        if judgement & ANOMALY and not is_expected(views.verdicts, things, records.behaviour[i]):
            continue  # it was withheld for its own sake, and nobody called it expected
        begin = entry_of(machine, 0)
        device = machine.rows[begin : begin + machine.widths[0]]
        stood = device[LAST]
        device[LAST] = records.now[i]
        r[NOW] = records.now[i]
        r[MINUTE_SHARE], r[HOUR_SHARE] = share_before(r[NOW], 0), share_before(r[NOW], 1)
        if not judgement & (ANOMALY | ACCEPTED):
            assess(views, records.features[i], 0.0, r[NOW])
            learn_views(views, 1.0, r[NOW])
        learn(machine, device)
        device[LAST] = max(stood, device[LAST])
    return int(records.now.size)
