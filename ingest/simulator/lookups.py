"""DNS through the gateway's resolver: the query before a connection, unless the answer is still cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.dns_wire import NO_SUCH_NAME
from ingest.simulator.draws import integers, lane, lognormal, uniform
from ingest.simulator.names import CLOUD, NAMES, SERIAL_LENGTH, find_name
from ingest.simulator.tables import DNS, HEAD_FIELDS, UDP, Traffic

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.draws import Floats, Ints
    from ingest.simulator.habits import Act
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

A: Final = 1
NULL: Final = 10
PTR: Final = 12
TXT: Final = 16
AAAA: Final = 28
LOST: Final = -1
"""The response code of a query to which no reply came."""
SERVFAIL: Final = 2
NXDOMAIN: Final = 3

_FIXED: Final = 12 + 2 + 4  # header, the name's first length and last zero byte, type and class
_RETRY_S: Final = 5.0
_GIVE_UP_S: Final = 10.0
_LOSS: Final = 0.004
_FAILURE: Final = 0.0015


def transaction(flows: Rows, name: npt.ArrayLike, qtype: npt.ArrayLike) -> Rows:
    """Return DNS rows on the given connections, asked and not answered; Zeek writes those after 10 s."""
    rows = np.zeros(len(flows), DNS)
    for field in HEAD_FIELDS:
        rows[field] = flows[field]
    rows["proto"] = UDP
    rows["name"], rows["qtype"], rows["rcode"], rows["rtt"], rows["ttl"] = name, qtype, LOST, np.nan, np.nan
    rows["trans_id"] = integers(flows["key"], "trans_id", 1, 65536)
    rows["written"] = rows["ts"] + _GIVE_UP_S
    return rows


def answer(rows: Rows, rtt: Floats, rcode: npt.ArrayLike = 0) -> None:
    """Mark transactions as answered after `rtt` seconds, when Zeek writes them, but for those whose code is `LOST`."""
    replied = np.broadcast_to(np.asarray(rcode) != LOST, len(rows))
    rows["rcode"] = rcode
    rows["rtt"] = np.where(replied, np.round(rtt, 6), np.nan)
    rows["written"] = np.where(replied, rows["ts"] + np.round(rtt, 6), rows["ts"] + _GIVE_UP_S)


def look_up(site: Site, events: Events, endpoint: Ints, *, ipv6: bool = False) -> tuple[Traffic, Events]:
    """Return the lookups before `events`, and the events put off until the answer is there.

    A device asks when no turn since the cached answer was given can have asked. With `ipv6` it asks for AAAA as well,
    of which there are none. A query that fails is repeated once.
    """
    needed = CLOUD.cached_since(endpoint, events.time) > events.time - events.period
    asked, names = events.where(needed), endpoint[needed]
    rcode = _outcome(asked)
    failed = rcode != 0
    again = asked.where(failed)
    again = again.at(again.time + _RETRY_S, "again")
    parts = [_query(site, asked, names, rcode), _query(site, again, names[failed], np.zeros(len(again), np.int64))]
    if ipv6:
        parts.append(_query(site, asked, names, np.zeros(len(asked), np.int64), AAAA))
    waited = 0.0005 + 0.003 * uniform(events.key, "think")
    waited[needed] += _round_trip(asked, A) + (_RETRY_S + 0.1) * failed
    return Traffic.join(parts), events.at(events.time + waited, "connect")


def missing(name: str) -> Act:
    """Ask for a local name that does not exist."""
    number = find_name(name)

    def act(site: Site, events: Events) -> Traffic:
        flows = tcp.begin(site, events, "missing", site.gateway, 53)
        rows = transaction(flows, number, A)
        answer(rows, lognormal(events.key, "near", 0.0008, 0.4), NXDOMAIN)
        asked = np.full(len(rows), float(_FIXED + wire_length(name)))
        return Traffic.of(
            udp.exchange(flows, "dns", tcp.Payload(asked, asked + len(NO_SUCH_NAME), rows["rtt"]), loss=0.0), rows
        )

    return act


def wire_length(name: str) -> int:
    """Return the bytes on the wire of a name given by its fixed parts, without its first length and last zero."""
    entry = NAMES[find_name(name)]
    return len((entry.prefix + entry.suffix).encode()) + (SERIAL_LENGTH if entry.middle == "serial" else 0)


def _outcome(events: Events) -> Ints:
    """Return response codes: nearly always the answer, rarely a failure of the resolver, or nothing."""
    drawn = uniform(events.key, "lookup fails")
    return np.where(drawn < _LOSS, LOST, np.where(drawn < _LOSS + _FAILURE, SERVFAIL, 0))


def _round_trip(events: Events, qtype: int) -> Floats:
    """Mostly the resolver knows, sometimes it has to ask."""
    key = lane(events.key, f"asked {qtype}")
    known = uniform(key, "known") < 0.6
    return np.where(known, lognormal(key, "near", 0.0012, 0.5), lognormal(key, "far", 0.031, 0.6))


def _query(site: Site, events: Events, endpoint: Ints, rcode: Ints, qtype: int = A) -> Traffic:
    flows = tcp.begin(site, events, f"dns {qtype}", site.gateway, 53)
    rows = transaction(flows, endpoint, qtype)
    answer(rows, _round_trip(events, qtype), rcode)
    if qtype == A:
        _give_addresses(rows, site, events, endpoint)
    payload = _sizes(rows, endpoint)
    lost = rcode == LOST
    udp.fill(flows, "dns", payload, 1, np.where(lost, 0, 1))
    return Traffic.of(flows, rows)


def _give_addresses(rows: Rows, site: Site, events: Events, endpoint: Ints) -> None:
    good = rows["rcode"] == 0
    left = np.ceil(CLOUD.cached_since(endpoint, events.time) + CLOUD.ttl[endpoint] - events.time)
    rows["addresses"] = CLOUD.resolve(site.seed, endpoint, events.time) * good[:, None]
    rows["answer_count"] = CLOUD.answers[endpoint] * good
    rows["ttl"] = np.where(good, left, np.nan)


def _sizes(rows: Rows, endpoint: Ints) -> tcp.Payload:
    """Return the payload sizes that the messages have on the wire (RFC 1035, names compressed)."""
    asked = _FIXED + CLOUD.name_length[endpoint]
    count = rows["answer_count"].astype(np.int64)
    alias = np.where((CLOUD.alias_length[endpoint] > 0) & (count > 0), CLOUD.alias_length[endpoint] + 14, 0)
    return tcp.Payload(asked, asked + alias + 16 * count, rows["rtt"])
