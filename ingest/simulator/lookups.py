"""DNS through the gateway's resolver: the query before a connection, unless the answer is still cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp, udp
from ingest.simulator.draws import integers, lognormal, uniform
from ingest.simulator.names import CLOUD
from ingest.simulator.tables import DNS, HEAD_FIELDS, UDP, Traffic

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.draws import Floats, Ints
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

A: Final = 1
PTR: Final = 12
TXT: Final = 16
NULL: Final = 10
AAAA: Final = 28
_FIXED: Final = 12 + 2 + 4  # header, the name's first length and last zero byte, type and class
_RETRY_S: Final = 5.0
_GIVE_UP_S: Final = 10.0
_LOSS: Final = 0.004


def transaction(flows: Rows, name: npt.ArrayLike, qtype: npt.ArrayLike) -> Rows:
    """Return DNS rows on the given connections, asked but not yet answered."""
    rows = np.zeros(len(flows), DNS)
    for field in HEAD_FIELDS:
        rows[field] = flows[field]
    rows["proto"] = UDP
    rows["name"], rows["qtype"], rows["rcode"], rows["rtt"], rows["ttl"] = name, qtype, -1, np.nan, np.nan
    rows["trans_id"] = integers(flows["key"], "trans_id", 1, 65536)
    rows["written"] = rows["ts"] + _GIVE_UP_S
    return rows


def answer(rows: Rows, rtt: Floats, rcode: npt.ArrayLike = 0) -> None:
    """Mark transactions as answered after `rtt` seconds; Zeek writes them then."""
    rows["rtt"] = np.round(rtt, 6)
    rows["rcode"] = rcode
    rows["written"] = rows["ts"] + rows["rtt"]


def look_up(site: Site, events: Events, endpoint: Ints, *, ipv6: bool = False) -> tuple[Traffic, Events]:
    """Return the lookups before `events`, and the events put off until the answer is there.

    A device asks when no turn since the cached answer was given can have asked. With `ipv6` it asks for AAAA as well,
    of which there are none. Lost queries are repeated once.
    """
    needed = CLOUD.cached_since(endpoint, events.time) > events.time - events.period
    lost = needed & (uniform(events.key, "lost") < _LOSS)
    parts = [_ask(site, events.where(needed), endpoint[needed], lost[needed])]
    if ipv6:
        asked = events.where(needed)
        parts.append(_query(site, asked, endpoint[needed], AAAA, np.zeros(len(asked), dtype=np.bool_)))
    waited = np.where(needed, _round_trip(events), 0.0) + np.where(lost, _RETRY_S + 0.1, 0.0)
    ready = events.time + waited + 0.0005 + 0.003 * uniform(events.key, "think")
    return Traffic.join(parts), events.at(ready, "connect")


def _round_trip(events: Events) -> Floats:
    """Mostly the resolver knows, sometimes it has to ask."""
    known = uniform(events.key, "known") < 0.6
    return np.where(known, lognormal(events.key, "near", 0.0012, 0.5), lognormal(events.key, "far", 0.031, 0.6))


def _ask(site: Site, events: Events, endpoint: Ints, lost: npt.NDArray[np.bool_]) -> Traffic:
    again = events.where(lost)
    repeated = again.at(again.time + _RETRY_S, "again")
    answered = np.zeros(len(repeated), dtype=np.bool_)
    return Traffic.join(
        [_query(site, events, endpoint, A, lost), _query(site, repeated, endpoint[lost], A, answered)],
    )


def _query(site: Site, events: Events, endpoint: Ints, qtype: int, lost: npt.NDArray[np.bool_]) -> Traffic:
    flows = tcp.begin(site, events, f"dns {qtype}", site.gateway, 53)
    rows = transaction(flows, endpoint, qtype)
    answer(rows, _round_trip(events))
    if qtype == A:
        rows["addresses"] = CLOUD.resolve(site.seed, endpoint, events.time)
        rows["answer_count"] = CLOUD.answers[endpoint]
        rows["ttl"] = _remaining(endpoint, events.time)
    _lose(rows, lost)
    udp.exchange(flows, "dns", _sizes(rows, endpoint), loss=0.0)
    _forget_replies(flows, lost)
    return Traffic.of(flows, rows)


def _remaining(endpoint: Ints, time: Floats) -> Floats:
    left: Floats = np.ceil(CLOUD.cached_since(endpoint, time) + CLOUD.ttl[endpoint] - time)
    return left


def _lose(rows: Rows, lost: npt.NDArray[np.bool_]) -> None:
    for field, unset in (("rcode", -1), ("answer_count", 0), ("ttl", np.nan), ("addresses", 0)):
        rows[field][lost] = unset
    rows["written"][lost] = rows["ts"][lost] + _GIVE_UP_S


def _forget_replies(flows: Rows, lost: npt.NDArray[np.bool_]) -> None:
    silent = flows[lost]
    flows[lost] = udp.one_way(
        silent, "dns", tcp.Payload(silent["orig_bytes"], silent["resp_bytes"], np.zeros(len(silent))), 1
    )


def _sizes(rows: Rows, endpoint: Ints) -> tcp.Payload:
    """Return the payload sizes that the messages have on the wire (RFC 1035, names compressed)."""
    asked = _FIXED + CLOUD.name_length[endpoint]
    alias = np.where(
        (CLOUD.alias_length[endpoint] > 0) & (rows["answer_count"] > 0), CLOUD.alias_length[endpoint] + 14, 0
    )
    return tcp.Payload(asked, asked + alias + 16 * rows["answer_count"].astype(np.int64), rows["rtt"])
