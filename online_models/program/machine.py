"""What the loop works on, and what it reports: a kind's tables and program, records, and what came of them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import inner
from online_models.features.table import (
    MOST_AT_ONCE,
    USED,
    Table,
    claim,
    find,
    glance,
    make_room,
    most_entries,
    new_table,
    reserved,
    room_for,
    touch_entry,
)
from online_models.features.text import joined, of_owners
from online_models.forest.forest import attribute
from online_models.guard import THINGS, WITHHELD
from online_models.program.registers import MOST_TABLES, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from online_models.views import Views


AHEAD = 32
"""Records whose entries are fetched from memory together."""
_CACHED = 1 << 14
"""Entries of one table that the processor's caches hold anyway."""
FEATURES_AT, FEATURES, PARTS_AT, FACTS_AT, RECENT_THING, THINGS_AT = range(6)
"""Places in the layout: where features, parts and facts begin and how many features there are; the key of the recent
thing that keeps the suspicion; and from there on the three keys of what a record is about."""


@by_reference
class Columns(NamedTuple):
    """n records of a log kind, as the loop reads them.

    Attributes
    ----------
    ts, end
        float64 ``(n,)``: when each began, and when it ended; epoch seconds.
    keys
        uint64 ``(n, keys)``: the kind's keys, the device's first.
    numbers
        float64 ``(n, numbers)``: the kind's numbers.
    turned
        bool ``(n,)``: whether the log has the two ends the wrong way round.
    """

    ts: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    keys: npt.NDArray[np.uint64]
    numbers: npt.NDArray[np.float64]
    turned: npt.NDArray[np.bool_]


@by_reference
class Machine(NamedTuple):
    """One log kind's tables and program, and the record in hand.

    Attributes
    ----------
    tables
        The kind's tables, filled up to `MOST_TABLES` with empty ones; the first holds the devices.
    table_of
        int64 ``(keys,)``: the table of each key; key 0 is the device's.
    needs
        int64 ``(MOST_TABLES,)``: entries that one record may add to each table.
    code, sections
        uint32 ``(operations, WIDTH)``, since numba looks for negative indices at every use of others; and int64
        ``(SECTIONS + 1,)``: the operations, and where each section begins.
    layout
        int64: see `FEATURES_AT`.
    registers
        float64: see `online_models.program.registers`.
    rows
        float64: the rows of all tables, one after the other; each table's are a part of it.
    begins, widths
        int64 ``(MOST_TABLES,)``: where each table's rows begin there, and how many numbers each of them has.
    keys, entries
        uint64 and int64 ``(keys,)``: of the record in hand; where each key's entry begins in ``rows``, -1 if there is
        none.
    ahead
        int64 ``(AHEAD, keys)``: places of the records that come next.
    kept
        float64 ``(1,)``: keeps the compiler from leaving out what is read for the processor's caches only.
    """

    tables: tuple[Table, ...]
    table_of: npt.NDArray[np.int64]
    needs: npt.NDArray[np.int64]
    code: npt.NDArray[np.uint32]
    sections: npt.NDArray[np.int64]
    layout: npt.NDArray[np.int64]
    registers: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float64]
    begins: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    entries: npt.NDArray[np.int64]
    ahead: npt.NDArray[np.int64]
    kept: npt.NDArray[np.float64]

    def __deepcopy__(self, memo: dict[int, Any]) -> Machine:
        """Return a copy that takes memory for the used entries only."""
        parts = {name: deepcopy(part, memo) for name, part in self._asdict().items() if name not in {"tables", "rows"}}
        return with_tables(self._replace(**parts), self.tables)


def new_tables(widths: Sequence[int], capacities: Sequence[int]) -> tuple[tuple[Table, ...], npt.NDArray[np.float64]]:
    """Return empty tables, filled up to `MOST_TABLES`, and the memory that all their rows lie in.

    Raises
    ------
    CapacityError
        If there is no address space for so many entries.
    """
    limits = [most_entries(capacity) for capacity in capacities]
    sizes = [width * limit for width, limit in zip(widths, limits, strict=True)]
    rows, at, tables = reserved(sum(sizes), np.dtype(np.float64)), 0, []
    for width, limit, size in zip(widths, limits, sizes, strict=True):
        tables.append(new_table(width, limit, rows[at : at + size].reshape(limit, width)))
        at += size
    return (*tables, *(new_table(1, 1) for _ in range(MOST_TABLES - len(tables)))), rows


def with_tables(machine: Machine, tables: Sequence[Table]) -> Machine:
    """Return a machine that works on copies of some tables' entries, as many tables as its kind has."""
    own = [table for table, needs in zip(tables, machine.needs.tolist(), strict=False) if needs]
    fresh, rows = new_tables([t.rows.shape[1] for t in own], [t.rows.shape[0] for t in own])
    filled = []
    for new, table in zip(fresh, own, strict=False):
        used = int(table.counters[USED])
        new.rows[:used], new.keys[:used], new.counters[:] = table.rows[:used], table.keys[:used], table.counters
        filled.append(new._replace(slots=table.slots.copy()))
    return machine._replace(tables=(*filled, *fresh[len(filled) :]), rows=rows)


@inner
def has_room(machine: Machine) -> bool:
    """Whether one more record fits, whatever is new about it."""
    for t in range(MOST_TABLES):
        if machine.needs[t] > 0 and not room_for(machine.tables[t], machine.needs[t]):
            return False
    return True


def with_room(machine: Machine) -> Machine:
    """Return the machine with every table that is full grown, or rid of what was unused for longest."""
    needed = zip(machine.tables, machine.needs.tolist(), strict=True)
    return machine._replace(
        tables=tuple(
            make_room(table) if needs and not room_for(table, MOST_AT_ONCE) else table for table, needs in needed
        )
    )


@inner
def take_up(machine: Machine, columns: Columns, i: int) -> None:
    """Take up record i: its numbers into the registers, and where its keys' entries lie."""
    for k in range(machine.keys.size):
        machine.keys[k] = columns.keys[i, k]
        table = machine.table_of[k]
        place = find(machine.tables[table], columns.keys[i, k])
        machine.entries[k] = machine.begins[table] + place * machine.widths[table] if place >= 0 else -1
    for k in range(columns.numbers.shape[1]):
        machine.registers[NUMBERS + k] = columns.numbers[i, k]


@inner
def entry_of(machine: Machine, key: int) -> int:
    """Return where a key's entry begins, for the record in hand; it is made if it is new."""
    if machine.entries[key] < 0:
        table = machine.table_of[key]
        place = claim(machine.tables[table], machine.keys[key])
        machine.entries[key] = machine.begins[table] + place * machine.widths[table]
    return int(machine.entries[key])


@inner
def approach(machine: Machine, columns: Columns, first: int) -> None:
    """Bring the entries of the next records into the processor's cache, all at once.

    One record's entries are found one after the other, each time the memory has to be waited for. Those of several
    records do not depend on one another.
    """
    most = 0
    for t in range(MOST_TABLES):
        most = max(most, machine.tables[t].counters[USED])
    if most < _CACHED:
        return
    many, total = min(AHEAD, columns.ts.size - first), 0.0
    for j in range(many):
        for k in range(machine.keys.size):
            machine.ahead[j, k] = glance(machine.tables[machine.table_of[k]], columns.keys[first + j, k])
    for j in range(many):
        for k in range(machine.keys.size):
            total += touch_entry(machine.tables[machine.table_of[k]], machine.ahead[j, k])
    machine.kept[0] = total


OBSERVED, USUAL = range(2)
"""Places in a fact."""
DETAILS = 4096
"""How many anomalies a kernel describes before it hands back; what they say does not depend on it."""


@by_reference
class Outcome(NamedTuple):
    """n records of which some are anomalies.

    Attributes
    ----------
    evidence
        float64 ``(n,)``, decades.
    judgement, behaviour
        int8 ``(n,)``: bits of `guard.judge`, and the behaviour's number in its kind.
    end
        float64 ``(n,)``: the device's log time at the record, epoch seconds.
    detail_of
        int64 ``(DETAILS,)``: the row that each detail describes, ``used[0]`` of them.
    parts
        float64 ``(DETAILS, features)``: what each feature added to the evidence.
    facts
        float64 ``(DETAILS, features + notes, 2)``: observed and usual.
    rarity
        float64 ``(n, views)``, weighted decades, or ``(0, views)`` where nobody asks for them.
    things
        uint64 ``(DETAILS, THINGS)``: keys of what the record was about, see `online_models.alerts.case`.
    known
        bool ``(DETAILS,)``: the device knew the first of these things before.
    devices
        int64 ``(DETAILS,)``: how many devices were seen within a day, for a record that raises an alert; else 0.
    withheld
        float64 ``(n, features)``: the features of every record that was not learned; other rows mean nothing.
    used
        int64 ``(1,)``: how many details there are.
    """

    evidence: npt.NDArray[np.float64]
    judgement: npt.NDArray[np.int8]
    behaviour: npt.NDArray[np.int8]
    end: npt.NDArray[np.float64]
    detail_of: npt.NDArray[np.int64]
    parts: npt.NDArray[np.float64]
    facts: npt.NDArray[np.float64]
    things: npt.NDArray[np.uint64]
    known: npt.NDArray[np.bool_]
    devices: npt.NDArray[np.int64]
    withheld: npt.NDArray[np.float64]
    used: npt.NDArray[np.int64]
    rarity: npt.NDArray[np.float64]


def new_outcome(records: int, features: int, views: int = 0, notes: int = 0) -> Outcome:
    """Return room for so many records, what each of so many views makes of them, and so many notes beside features."""
    return Outcome(
        evidence=np.zeros(records),
        judgement=np.zeros(records, np.int8),
        behaviour=np.zeros(records, np.int8),
        end=np.zeros(records),
        detail_of=np.zeros(DETAILS, np.int64),
        parts=np.zeros((DETAILS, features)),
        facts=np.zeros((DETAILS, features + notes, 2)),
        things=np.zeros((DETAILS, THINGS), np.uint64),
        known=np.zeros(DETAILS, np.bool_),
        devices=np.zeros(DETAILS, np.int64),
        withheld=np.empty((records, features)),
        used=np.zeros(1, np.int64),
        rarity=np.zeros((records if views else 0, views)),
    )


@inner
def note_views(outcome: Outcome, i: int, views: Views) -> None:
    """Write down what each view made of record i, if that is asked for."""
    if outcome.rarity.shape[0] > 0:
        for v in range(views.rarity.size):
            outcome.rarity[i, v] = views.weights[v] * views.rarity[v]


@inner
def withhold(outcome: Outcome, i: int, x: npt.NDArray[np.float64]) -> None:
    """Note that record i, whose features are given, was not learned."""
    outcome.judgement[i] |= WITHHELD
    for f in range(x.size):
        outcome.withheld[i, f] = x[f]


@inner
def attribute_views(views: Views, evidence: float, parts: npt.NDArray[np.float64]) -> None:
    """Share the evidence among the features: among views by their weighted decades, within a view by the forest."""
    total = 0.0
    for v in range(views.rarity.size):
        total += max(0.0, views.weights[v] * views.rarity[v])
    for v in range(views.rarity.size):
        first, last = views.edges[v], views.edges[v + 1]
        attribute(views.forests[v], views.leaves[v], parts[first:last])
        positive = 0.0
        for f in range(first, last):
            parts[f] = max(0.0, parts[f])
            positive += parts[f]
        share = max(0.0, views.weights[v] * views.rarity[v]) / total if total > 0.0 else 0.0
        for f in range(first, last):
            parts[f] = parts[f] / positive * share * evidence if positive > 0.0 else share * evidence / (last - first)


class Keys:
    """Keys of n records, in the order in which they are added; the device's first."""

    def __init__(self, device: npt.NDArray[np.uint64]) -> None:
        self._columns = [device]

    def _add(self, column: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        self._columns.append(column)
        return column

    def plain(self, things: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add things of the whole site."""
        return self._add(things)

    def own(self, owners: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add things that belong to an owner, such as a device; they are forgotten with it."""
        return self._add(of_owners(owners, things, np.empty(owners.size, np.uint64)))

    def join(self, things: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Add pairs of things of the whole site."""
        return self._add(joined(things, others, np.empty(things.size, np.uint64)))

    def with_numbers(
        self,
        ts: npt.NDArray[np.float64],
        end: npt.NDArray[np.float64],
        numbers: Sequence[npt.NDArray[Any]],
        turned: npt.NDArray[np.bool_] | None = None,
    ) -> Columns:
        """Return the arrays of all records."""
        n = ts.size
        table = np.empty((n, len(numbers)))
        for k, column in enumerate(numbers):
            table[:, k] = column
        keys = np.empty((n, len(self._columns)), np.uint64)
        for k, key in enumerate(self._columns):
            keys[:, k] = key
        return Columns(ts, end, keys, table, np.zeros(n, np.bool_) if turned is None else turned)
