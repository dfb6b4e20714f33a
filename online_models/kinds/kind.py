"""What a declaration of a log kind consists of, and the machine that the loop runs for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from online_models.behaviours import SINCE
from online_models.errors import DeclarationError
from online_models.features.table import MOST_AT_ONCE
from online_models.measures.time import SPANS
from online_models.program.formulas import Measures, Value, most, where
from online_models.program.machine import AHEAD, Machine, new_tables
from online_models.program.registers import (
    BEHAVIOUR,
    DECISIVE,
    DEVICE_WIDTH,
    EVIDENCE,
    HOUR_NUMBER,
    MATURITY,
    MOST_TABLES,
    MOST_VIEWS,
    NOBODY,
    NUMBERS,
    ODD,
    PRIOR,
    RARITY,
    SETTLED,
    TELL,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import polars as pl

    from ingest.records import RecordBatch
    from online_models.behaviours import Behaviour
    from online_models.program.machine import Columns


AT_ONCE = 10.0
"""Seconds in which what is merely new counts once: who opens something asks for addresses of both families, and opens
several connections side by side (RFC 8305)."""
NOVELTY_PRIOR = 2.0
"""Decades that each feature of novelty counts on a site of which little is known: half of what they are scaled by."""
LEAST, MOST = 5.0, 10.0
"""Decades of a view at least, where what no ordinary device does decides; and at most, however rare ranks say it is. A
site has too few of some records for ranks to tell as much within weeks, or little from much."""
MATTERS = 0.5
"""From so much of what decides on, one record raises the alert."""
RARITY_COUNTS = 2.0
"""What newness by its rarity counts of what decides: a site that is quiet for days has too few records for rarity to
reach 1."""


def target_itself(target: str, _peer: str) -> str:
    """Return the target: what a record is about, where it is the same for every device."""
    return target


@dataclass(frozen=True, slots=True)
class Entries:
    """A bounded table: its entries' columns beside ``last``, when each was used last.

    Things that are learned have ``first`` as the next one. There is room for so many times the pairs that are
    configured, and for ``a_device`` entries of each device at most if that is not 0; one record adds ``adds`` at most.
    """

    columns: tuple[str, ...]
    of_pairs: float = 1.0
    a_device: int = 0
    adds: int = 1

    def capacity(self, devices: int, pairs: int) -> int:
        """Return how many entries there may be."""
        room = int(self.of_pairs * pairs)
        return min(self.a_device * devices, room) if self.a_device else room


def recent_things(*more: str, of_pairs: float = 0.5) -> Entries:
    """Return the table of what was counted of late; the loop knows its columns, a kind may have more."""
    columns = "minute", "hour", "records", "suspicion", "suspected_at", "records_before", "anomalous_at"
    return Entries((*columns, *more), of_pairs, adds=2)


@dataclass(frozen=True, slots=True)
class View:
    """One question, asked with some features, and a forest of its own.

    Attributes
    ----------
    name, features
        The features' names are ``view.feature`` in all that is told.
    weight
        What a decade of the view counts.
    compares
        How far it compares a device with its own past, 0 to 1, which a new device does not have.
    trees, levels
        Of the forest.
    """

    name: str
    features: Mapping[str, str]
    weight: float
    compares: float
    trees: int
    levels: int


def view_of(
    clauses: Mapping[str, str], name: str, *, weight: float, compares: float = 0.0, forest: tuple[int, int] = (25, 8)
) -> View:
    """Return the view of all features ``name.feature`` that have a clause; ``forest`` is trees and levels."""
    features = {full.partition(".")[2]: clause for full, clause in clauses.items() if full.startswith(f"{name}.")}
    return View(name, features, weight, compares, *forest)


@dataclass(frozen=True, slots=True)
class Kind:
    """The declaration of a log kind.

    Attributes
    ----------
    name
        The log's.
    device_columns, tables
        What is remembered of each device, and the other tables; recent things are kept in a table ``recent``.
    keys
        Name to the table that the key leads to: all that a record's entries are found by, but for the device's. One
        that leads to ``device`` finds another device.
    numbers
        Names of the numbers that are read of a record.
    columns
        Turns a batch into the loop's arrays; the keys in their order, the device's first.
    context
        Of every row as string columns: ``device`` and ``peer``, addresses; ``target``, what it was about; and
        ``known_as``, the name by which the device is known, whatever its address (without it, the address); and as
        booleans ``inbound``, whether a stranger called the device (without it, none did), and ``answered``.
    views
        Each with its features and what they say of a record (clauses).
    formulas
        Writes the kind's program.
    things
        Three keys of what a record is about; an alert's likes are told by them.
    recent_thing
        The key of the recent thing that keeps the suspicion of the first of these.
    behaviours
        By number.
    share
        Of the site's alert budget.
    subject
        What a record is about, of its target and peer, in words that are the same for every device: alerts of many
        devices about one subject are one drift.
    domain
        The domain name that a target tells of, without a last dot; None for a kind that knows no names.
    notes
        Names of what sentences tell beside the features' numbers.
    is_passed_on
        Whether peers pass on what they are asked, as resolvers do: who is meant is outside, wherever they are.
    declaration
        Of a user's kind: what tells one declaration from another, since models of one mean nothing with another.
    """

    name: str
    device_columns: tuple[str, ...]
    tables: Mapping[str, Entries]
    keys: Mapping[str, str]
    numbers: tuple[str, ...]
    columns: Callable[[RecordBatch, npt.NDArray[np.uint64]], Columns]
    context: Callable[[pl.DataFrame, Columns], pl.DataFrame]
    views: tuple[View, ...]
    formulas: Callable[[Formulas], None]
    things: tuple[str, str, str]
    recent_thing: str
    behaviours: tuple[Behaviour, ...]
    share: float
    subject: Callable[[str, str], str] = target_itself
    domain: Callable[[str], str] | None = None
    declaration: str = ""
    notes: tuple[str, ...] = ()
    is_passed_on: bool = False

    @property
    def clauses(self) -> dict[str, str]:
        """Return every feature's name and what it says of a record."""
        return {f"{view.name}.{name}": clause for view in self.views for name, clause in view.features.items()}

    @property
    def fact_names(self) -> tuple[str, ...]:
        """Return the names of all that is told of a record in numbers: the features, then the notes."""
        return (*self.clauses, *self.notes, SINCE)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the names of all tables, the devices' first."""
        return ("device", *self.tables)

    def new_machine(self, max_devices: int, max_pairs: int) -> Machine:
        """Return empty tables bounded by the numbers of devices and of pairs, and the compiled program.

        Raises
        ------
        DeclarationError
            If the declaration contradicts itself.
        """
        self._check()
        formulas = Formulas(self)
        self.formulas(formulas)
        with formulas.section(TELL):
            formulas.tell(SINCE, formulas.get("device", "first"))
        code, sections, registers = formulas.compiled()
        names = self.table_names
        widths = [DEVICE_WIDTH + len(self.device_columns), *(1 + len(one.columns) for one in self.tables.values())]
        capacities = [max_devices, *(one.capacity(max_devices, max_pairs) for one in self.tables.values())]
        tables, rows = new_tables(widths, capacities)
        sizes = [table.rows.size for table in tables[: len(widths)]]
        padding = [0] * (MOST_TABLES - len(widths))
        keys = ["device", *self.keys]
        needs = [1 + list(self.keys.values()).count("device"), *(one.adds for one in self.tables.values())]
        about = [keys.index(self.recent_thing), *(keys.index(thing) for thing in self.things)]
        return Machine(
            tables=tables,
            table_of=np.array([0, *(names.index(table) for table in self.keys.values())], np.int64),
            needs=np.array(needs + padding, np.int64),
            code=code,
            sections=sections,
            layout=np.array([*formulas.layout, *about], np.int64),
            registers=registers,
            keys=np.zeros(len(keys), np.uint64),
            rows=rows,
            begins=np.array([0, *np.cumsum(sizes[:-1]).tolist(), *padding], np.int64),
            widths=np.array(widths + padding, np.int64),
            entries=np.zeros(len(keys), np.int64),
            ahead=np.zeros((AHEAD, len(keys)), np.int64),
            kept=np.zeros(1),
        )

    def _check(self) -> None:
        for key, table in self.keys.items():
            if table not in self.table_names:
                raise DeclarationError(
                    f"{self.name}: key {key!r} leads to no table; there are {', '.join(self.table_names)}"
                )
        for key in (*self.things, self.recent_thing):
            if key not in self.keys:
                raise DeclarationError(f"{self.name}: no key {key!r}; there are {', '.join(self.keys)}")
        for table, entries in self.tables.items():
            if entries.adds > MOST_AT_ONCE:
                most = f"a record adds at most {MOST_AT_ONCE} entries to a table"
                raise DeclarationError(f"{self.name}: {most}; {table!r} says {entries.adds}")
        if len(self.views) > MOST_VIEWS or len(self.tables) >= MOST_TABLES:
            raise DeclarationError(f"{self.name}: at most {MOST_VIEWS} views and {MOST_TABLES - 1} tables")


class Formulas(Measures):
    """A kind's formulas, with its features, views and behaviours by their names."""

    def __init__(self, kind: Kind) -> None:
        self._features, self._told = list(kind.clauses), list(kind.fact_names)
        self._views = [view.name for view in kind.views]
        self._behaviours = [behaviour.name for behaviour in kind.behaviours]
        count, first = len(self._features), NUMBERS + len(kind.numbers)
        self._first, self._parts, self._facts = first, first + count, first + 2 * count
        self.layout = [self._first, count, self._parts, self._facts]
        self.weights = {view.name: view.weight for view in kind.views}
        device = {name: DEVICE_WIDTH + k for k, name in enumerate(kind.device_columns)} | {
            "last": 0,
            "first": 1,
            "count": 2,
        }
        columns = {"device": device} | {
            name: {column: k for k, column in enumerate(("last", *entries.columns))}
            for name, entries in kind.tables.items()
        }
        keys = {"device": device} | {key: columns[table] for key, table in kind.keys.items()}
        super().__init__(kind.numbers, keys, self._facts + 2 * len(self._told))

    def _feature(self, name: str) -> int:
        if name not in self._features:
            raise DeclarationError(f"no feature {name!r}; there are {', '.join(self._features)}")
        return self._features.index(name)

    def feature(self, name: str) -> Value:
        """Return a feature that was measured."""
        return self.at(self._first + self._feature(name))

    def measure(self, name: str, value: Value | float) -> Value:
        """Have a feature be a value in [0, 1], and return it."""
        self.write_last(self._first + self._feature(name), value)
        return self.feature(name)

    def measure_reach(self, counters: Sequence[tuple[int, str]]) -> None:
        """Have the features ``reach.name_minute`` and ``reach.name_hour`` be the excess of these counters."""
        for window, span in enumerate(SPANS):
            for counter, name in counters:
                self.measure(f"reach.{name}_{span}", self.excess(window, counter))

    def tell_reach(self, counters: Sequence[tuple[int, str]]) -> None:
        """Say what these counters observed, and what is usual."""
        for window, span in enumerate(SPANS):
            for counter, name in counters:
                self.tell(f"reach.{name}_{span}", self.observed(window, counter), self.usual(window, counter))

    def part(self, name: str) -> Value:
        """Return what a feature added to the evidence."""
        return self.at(self._parts + self._feature(name))

    def credit(self, name: str, value: Value | float) -> None:
        """Have a feature have added so much to the evidence."""
        self.write(self._parts + self._feature(name), value)

    def take_all(self, view: str) -> Value:
        """Take away what a view's features added, and return it."""
        total = self.variable(0.0)
        for name in self._features:
            if name.startswith(f"{view}."):
                self.assign(total, total + self.part(name))
                self.credit(name, 0.0)
        return total

    def tell(self, name: str, observed: Value | float, usual: Value | float = 0.0) -> None:
        """Say what was observed and what is usual, in the unit of the feature or note."""
        at = self._facts + 2 * self._told.index(name)
        self.write_last(at + 1, usual)
        self.write_last(at, observed)

    def decades(self, view: str) -> Value:
        """Return the decades of a view."""
        return self.at(RARITY + self._views.index(view))

    def bound(self, view: str, value: Value | float) -> None:
        """Have a view be of so many decades."""
        self.write_last(RARITY + self._views.index(view), value)

    def expect(self, view: str, value: Value | float) -> None:
        """Have a view be of so many decades by what is true of any site, while this one is little known."""
        self.write_last(PRIOR + self._views.index(view), value)

    def expect_novelty(self, view: str = "novelty") -> None:
        """Have a view of newness count by the sum of its features, while the site is little known."""
        features = [self.feature(name) for name in self._features if name.startswith(f"{view}.")]
        self.expect(view, NOVELTY_PRIOR * sum(features[1:], features[0]))

    def behaviour(self, name: str) -> float:
        """Return the number of a behaviour."""
        return float(self._behaviours.index(name))

    def choose(self, condition: Value, one: str, other: str) -> Value:
        """Return the number of one behaviour where a condition holds, else that of another."""
        return where(condition, self.behaviour(one), self.behaviour(other))

    def name_behaviour(self, value: Value) -> None:
        """Say by which behaviour an anomaly is told."""
        self.write(BEHAVIOUR, value)

    def decide(self, value: Value) -> None:
        """Say whether one record, over the threshold, raises the alert, or adds to no suspicion: see `DECISIVE`."""
        self.write(DECISIVE, value)

    def is_named(self, named: Value, behaviour: str) -> Value:
        """Tell whether a behaviour's number is that of this one."""
        number = self.behaviour(behaviour)
        return (named >= number) * (named < number + 1.0)

    def is_at_once(self, thing: str) -> Value:
        """Tell whether a record comes at once with an anomaly about the same thing, whose ``anomalous_at`` is kept."""
        return self.now - self.get(thing, "anomalous_at") < AT_ONCE

    def keep_from_forests(self, value: Value) -> None:
        """Say whether the forests shall not learn a record that is learned as its device's."""
        self.write(ODD, most(self.at(ODD), value))

    def is_nobody(self, value: Value) -> None:
        """Say whether a record's device cannot be told from others: no forest learns it."""
        self.write(NOBODY, value)

    @property
    def maturity(self) -> Value:
        """How much of its own past the device has, 0 to 1."""
        return self.at(MATURITY)

    @property
    def evidence(self) -> Value:
        """The record's evidence, decades."""
        return self.at(EVIDENCE)

    @property
    def hour_number(self) -> Value:
        """Number of the running hour of the device's log time."""
        return self.at(HOUR_NUMBER)

    @property
    def is_settled(self) -> Value:
        """Whether any device of the site has its own past yet."""
        return self.at(SETTLED)
