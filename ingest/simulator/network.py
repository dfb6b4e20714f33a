"""The whole network's traffic, slice of time by slice of time, in the order in which Zeek would write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.population import GATEWAY, HABITS, HOME_BROKER
from ingest.simulator.rhythm import Span, turns
from ingest.simulator.tables import TCP, UDP, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.simulator.attacks import Campaign
    from ingest.simulator.draws import Ints
    from ingest.simulator.habits import Habit
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

_SHORTEST_SLICE: Final = 1.0
_LONGEST_SLICE: Final = 86_400.0
"""A slice costs the same work for a few rows as for thousands."""
_DEVICE_SECONDS: Final = 1.2e6
"""Devices times seconds in one slice: about 40,000 connections, whatever the size of the network."""
_ATTACK_CONNECTIONS: Final = 2e5
"""The attack's connections in one slice, at most."""


@dataclass(frozen=True, slots=True)
class Network:
    """A site, what its devices do, and what the attacker does on one of them."""

    site: Site
    campaign: Campaign
    seconds: float
    broker: bool = False

    def slices(self, length: float | None = None) -> Iterator[Traffic]:
        """Yield all traffic; each slice holds what is written in it, in order, and memory holds one slice at a time.

        The cut has no meaning: rows are the same and in the same order for every `length` in seconds.
        """
        begin, waiting = 0.0, Traffic.of()
        while begin < self.seconds:
            end = min(begin + (length or self._slice_length(begin)), self.seconds)
            waiting = Traffic.join([waiting, *self._happening(Span(begin, end))])
            if end >= self.seconds:
                yield _stop(waiting, self.seconds)
                return
            ready, waiting = _split(waiting, end)
            yield ready
            begin = end

    def _slice_length(self, begin: float) -> float:
        """Return the length of the slice that begins then; one before the attack ends where that begins."""
        length = min(_LONGEST_SLICE, _DEVICE_SECONDS / len(self.site))
        quiet, rate = self.campaign.begin_s - begin, self.campaign.rate()
        if rate > 0 and quiet < length:
            length = min(length, quiet if quiet > 0 else _ATTACK_CONNECTIONS / rate)
        return max(_SHORTEST_SLICE, length)

    def _happening(self, span: Span) -> Iterator[Traffic]:
        for name, habits in HABITS.items():
            yield from self._habits(name, habits, self.site.of_class(name), span)
        yield from self._habits("gateway", GATEWAY, np.array([self.site.gateway - self.site.first]), span)
        for name, habits in HOME_BROKER.items() if self.broker else ():
            yield from self._habits(name, habits, self.site.of_class(name), span)
        yield from self.campaign.happening(self.site, span)

    def _habits(self, who: str, habits: tuple[Habit, ...], devices: Ints, span: Span) -> Iterator[Traffic]:
        for habit in habits if len(devices) else ():
            events = turns(habit.rhythm, f"{who}: {habit.name}", self.site.seed, devices, span)
            yield habit.act(self.site, events)


def _split(traffic: Traffic, end: float) -> tuple[Traffic, Traffic]:
    """Return what is written before `end`, in order, and what is written later."""
    ready, later = [], []
    for rows in traffic.logs().values():
        due = rows["written"] < end
        ready.append(_in_order(rows[due]))
        later.append(rows[~due])
    return Traffic(*ready), Traffic(*later)


def _in_order(rows: Rows) -> Rows:
    return rows[np.lexsort((rows["ts"], rows["key"], rows["written"]))]


def _stop(traffic: Traffic, end: float) -> Traffic:
    """Return all that is left when Zeek stops at `end`: open connections are written as they stand."""
    flows = traffic.flows[traffic.flows["ts"] < end]
    for proto, cut in ((TCP, tcp.cut), (UDP, udp.cut)):
        still_open = (flows["written"] > end) & (flows["proto"] == proto)
        flows[still_open] = cut(flows[still_open], end)
    dns, *rest = (rows[rows["ts"] < end] for kind, rows in traffic.logs().items() if kind != "conn")
    for rows in (dns, *rest):
        rows["written"] = np.minimum(rows["written"], end)
    return Traffic(_in_order(flows), _in_order(_unanswered(dns, end)), *map(_in_order, rest))


def _unanswered(dns: Rows, end: float) -> Rows:
    """Return DNS rows of which the reply would have come after `end` as not answered."""
    late = dns["ts"] + np.nan_to_num(dns["rtt"]) > end
    for field, unset in (("rcode", -1), ("rtt", np.nan), ("answer_count", 0), ("ttl", np.nan)):
        dns[field][late] = unset
    return dns
