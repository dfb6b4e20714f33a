"""What can be told of a model in numbers: how much it has learned, and how much it remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from online_models.budget import threshold_of
from online_models.features.table import EVICTED, USED, entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.features.table import Table
    from online_models.views import Views


@dataclass(frozen=True, slots=True)
class KindFacts:
    """One log kind's model in numbers.

    Attributes
    ----------
    learned
        Records learned, in all.
    entries
        Table to number of entries: devices under ``device``, and what is remembered of each device and of the site.
    evicted
        Entries that left because a table was full.
    threshold
        Evidence from which on records count towards an alert, decades.
    cases
        Behaviours of devices that are watched or alerted.
    devices
        Keys of the devices that are remembered.
    """

    learned: int
    entries: dict[str, int]
    evicted: int
    threshold: float
    cases: int
    devices: frozenset[int]


def facts_of(tables: Mapping[str, Table], views: Views, cases: int) -> KindFacts:
    """Return the facts about a kind's tables and views."""
    return KindFacts(
        learned=int(views.learned[0]),
        entries={name: int(table.counters[USED]) for name, table in tables.items()},
        evicted=sum(int(table.counters[EVICTED]) for table in tables.values()),
        threshold=float(threshold_of(views.rates)),
        cases=cases,
        devices=frozenset(entries(tables["device"])[0].tolist()),
    )
