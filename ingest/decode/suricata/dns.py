"""Suricata's ``dns`` events to dns records, one per transaction as Zeek logs them.

Suricata writes a query and its answer as two events (version 2 calls them query and answer, version 3 request and
response). A query is held until its answer comes or its flow ends. Where flows are not logged, it is held for `WAIT_S`
of log time; and never more than `MAX_HELD` queries are.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decode.suricata.common import address, identity, objects, section
from ingest.decode.values import parse_iso
from ingest.decode.zeek.values import check_required
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Record = dict[str, Any]
    Records = list[tuple[str, Record]]
    _Flow = int | tuple[str, ...]
    _Key = tuple[_Flow, int]

WAIT_S: Final = 900.0
"""Counted from the newest time that was in the log when the query was read. An answer is no later than its flow, which
ends after 300 s without a packet; but each thread of Suricata writes at its own pace, so an answer can stand behind
events that are minutes newer (in a capture that Suricata 7 read with its default threads: 356 s)."""
MAX_HELD: Final = 10_000

_DNS_PORT: Final = 53
_HEX: Final = re.compile("[0-9a-fA-F]{1,4}")
_QUERIES: Final = frozenset({"query", "request"})
_ANSWERS: Final = frozenset({"answer", "response"})
_AA, _TC, _RD, _RA = 0x400, 0x200, 0x100, 0x80
_UNANSWERED: Final = {"AA": False, "TC": False, "RA": False, "Z": 0, "rejected": False}
"""What Zeek writes where there is no answer."""
_RCODES: Final = {
    name: number
    for number, name in enumerate(
        ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH"]
    )
}
_TYPES: Final = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "NULL": 10,
    "PTR": 12,
    "HINFO": 13,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "NAPTR": 35,
    "DS": 43,
    "SSHFP": 44,
    "RRSIG": 46,
    "DNSKEY": 48,
    "TLSA": 52,
    "SVCB": 64,
    "HTTPS": 65,
    "AXFR": 252,
    "ANY": 255,
    "CAA": 257,
}


class DnsJoin:
    """Joins queries and answers; ``state`` is what `state` gave, to go on from there, or empty."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._now: float = state.get("now", float("-inf"))
        self._held: dict[_Key, tuple[float, Record]] = {}
        self._keys_of_flow: dict[_Flow, dict[_Key, None]] = {}
        for read_at, event in state.get("queries", ()):
            self._hold(_key(event), read_at, event)

    def state(self) -> Record:
        """Return the newest time, and the queries that wait, oldest first, JSON-able; empty before the first event."""
        if self._now == float("-inf"):
            return {}
        return {"now": self._now, "queries": [[read_at, event] for read_at, event in self._held.values()]}

    def read(self, event: Record) -> Records:
        """Return the records that are complete with this event: its own, and those that waited too long.

        Raises
        ------
        BadLineError
            If it cannot be a record; nothing has changed then.
        """
        kind = section(event, "dns").get("type")
        if str(kind) not in _QUERIES | _ANSWERS:
            raise BadLineError(f"dns.type: {kind!r} is neither a query nor an answer")
        key, now = _key(event), max(self._now, _time(event))
        _, query = self._held.get(key, (0.0, None))
        record = _record(event, None) if kind in _QUERIES else _record(query, event)
        check_required(record, "dns")
        self._now = now
        if kind in _QUERIES:
            records = self._release([*self._old(), key])
            self._hold(key, now, event)
            return records + (self._release([next(iter(self._held))]) if len(self._held) > MAX_HELD else [])
        self._drop(key)
        return [*self._release(self._old()), ("dns", record)]

    def release_flow(self, event: Record) -> Records:
        """Return records of the queries of a flow that ended."""
        return self.end_flow(_flow(event))

    def end_flow(self, flow: _Flow) -> Records:
        """Return records of the queries of the flow that has this number."""
        return self._release(list(self._keys_of_flow.get(flow, ())))

    @property
    def waits(self) -> bool:
        """Say whether any query is held."""
        return bool(self._held)

    def release_all(self) -> Records:
        """Return records of all queries that wait."""
        return self._release(list(self._held))

    def _old(self) -> list[_Key]:
        """Return the queries that have waited too long; the times at which they were read never go back."""
        waited = itertools.takewhile(lambda item: item[1][0] <= self._now - WAIT_S, self._held.items())
        return [key for key, _ in waited]

    def _hold(self, key: _Key, read_at: float, event: Record) -> None:
        self._held[key] = read_at, event
        self._keys_of_flow.setdefault(key[0], {})[key] = None

    def _drop(self, key: _Key) -> Record | None:
        """Hold a query no longer; return it, None if it was not held."""
        _, event = self._held.pop(key, (0.0, None))
        if event is not None:
            del self._keys_of_flow[key[0]][key]
            if not self._keys_of_flow[key[0]]:
                del self._keys_of_flow[key[0]]
        return event

    def _release(self, keys: list[_Key]) -> Records:
        return [("dns", _record(event, None)) for key in keys if (event := self._drop(key)) is not None]


def _key(event: Record) -> _Key:
    number = section(event, "dns").get("id")
    if not isinstance(number, int):
        raise BadLineError("a dns event has a dns.id, a whole number", "fields")
    return _flow(event), number


def _flow(event: Record) -> _Flow:
    """Return a flow's number; where it has none, its two ends, in one order for both directions."""
    flow = event.get("flow_id")
    if isinstance(flow, int):
        return flow
    ends = (f"{event.get(f'{side}_ip')} {event.get(f'{side}_port')}" for side in ("src", "dest"))
    return *sorted(ends), str(event.get("proto"))


def _time(event: Record) -> float:
    return parse_iso(str(event.get("timestamp")))


def _record(query: Record | None, answer: Record | None) -> Record:
    event = answer or query or {}
    dns = section(event, "dns")
    record = identity(query or event, turned=query is None and _comes_from_server(event))
    record |= {**_UNANSWERED, "trans_id": dns.get("id"), "RD": dns.get("rd"), **_question(dns)}
    if query and not record["query"]:
        record |= _question(section(query, "dns"))
    if answer:
        record |= _outcome(dns)
    if query and answer:
        record["rtt"] = max(0.0, _time(answer) - _time(query))
    return record


def _comes_from_server(event: Record) -> bool:
    return event.get("src_port") == _DNS_PORT and event.get("dest_port") != _DNS_PORT


def _question(dns: Record) -> Record:
    first = next(iter(objects(dns.get("queries"))), dns)
    kind = first.get("rrtype")
    return {"query": first.get("rrname"), "qtype": _TYPES.get(str(kind)), "qtype_name": kind}


def _outcome(dns: Record) -> Record:
    flags = dns.get("flags")
    bits = int(flags, 16) if isinstance(flags, str) and _HEX.fullmatch(flags) else 0
    answers = objects(dns.get("answers"))
    others = dns.get("authorities") or dns.get("additionals")
    rcode = dns.get("rcode")
    return {
        "rcode": _RCODES.get(str(rcode)),
        "rcode_name": rcode,
        "AA": bool(bits & _AA),
        "TC": bool(bits & _TC),
        "RD": bool(bits & _RD),
        "RA": bool(bits & _RA),
        "Z": bits >> 4 & 7,
        "answers": [_rdata(part) for part in answers] or None,
        "TTLs": [part.get("ttl") for part in answers] or None,
        "rejected": not answers and not others,
    }


def _rdata(answer: Record) -> object:
    """Return an answer's data as Zeek writes it."""
    data = answer.get("rdata")
    kind = answer.get("rrtype")
    if kind == "TXT" and isinstance(data, str):
        return f"TXT {len(data.encode())} {data}"
    if kind == "SOA":
        return section(answer, "soa").get("mname") if "soa" in answer else data
    if kind == "SRV" and isinstance(answer.get("srv"), dict):
        return answer["srv"].get("name")
    return address(data)
