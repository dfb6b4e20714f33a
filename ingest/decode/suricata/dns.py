"""Suricata's ``dns`` events to dns records, one per transaction as Zeek logs them.

This is the definition, one record at a time; `dns_frame` makes the same of many at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decode.suricata.common import address, identity, objects, section
from ingest.decode.values import parse_iso
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from ingest.decode.suricata.dns_join import Flow, Key

    Record = dict[str, Any]

DNS_PORT: Final = 53
_HEX: Final = re.compile("[0-9a-fA-F]{1,4}")
QUERIES: Final = frozenset({"query", "request"})
ANSWERS: Final = frozenset({"answer", "response"})
AA, TC, RD, RA = 0x400, 0x200, 0x100, 0x80
"""Bits of the header's flags. Source: RFC 1035, 4.1.1."""
_UNANSWERED: Final = {"AA": False, "TC": False, "RA": False, "Z": 0, "rejected": False}
"""What Zeek writes where there is no answer."""
RCODES: Final = {
    name: number
    for number, name in enumerate(
        ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH"]
    )
}
TYPES: Final = {
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


def asks(event: Record) -> bool:
    """Say whether an event is a query; raise `BadLineError` if it is no answer either."""
    kind = section(event, "dns").get("type")
    if str(kind) not in QUERIES | ANSWERS:
        raise BadLineError(f"dns.type: {kind!r} is neither a query nor an answer")
    return kind in QUERIES


def key_of(event: Record) -> Key:
    """Return what a query and its answer have in common."""
    number = section(event, "dns").get("id")
    if not isinstance(number, int):
        raise BadLineError("a dns event has a dns.id, a whole number", "fields")
    return flow_of(event), number


def flow_of(event: Record) -> Flow:
    """Return a flow's number; where it has none, its two ends, in one order for both directions."""
    flow = event.get("flow_id")
    if isinstance(flow, int):
        return flow
    ends = (f"{event.get(f'{side}_ip')} {event.get(f'{side}_port')}" for side in ("src", "dest"))
    return *sorted(ends), str(event.get("proto"))


def time_of(event: Record) -> float:
    """Return when the message was seen, seconds since 1970."""
    return parse_iso(str(event.get("timestamp")))


def record_of(query: Record | None, answer: Record | None) -> Record:
    """Return the record of a query and its answer, of which either may be missing."""
    event = answer or query or {}
    dns = section(event, "dns")
    record = identity(query or event, turned=query is None and _comes_from_server(event))
    record |= {**_UNANSWERED, "trans_id": dns.get("id"), "RD": dns.get("rd"), **_question(dns)}
    if query and not record["query"]:
        record |= _question(section(query, "dns"))
    if answer:
        record |= _outcome(dns)
    if query and answer:
        record["rtt"] = max(0.0, time_of(answer) - time_of(query))
    return record


def _comes_from_server(event: Record) -> bool:
    return event.get("src_port") == DNS_PORT and event.get("dest_port") != DNS_PORT


def _question(dns: Record) -> Record:
    first = next(iter(objects(dns.get("queries"))), dns)
    kind = first.get("rrtype")
    return {"query": first.get("rrname"), "qtype": TYPES.get(str(kind)), "qtype_name": kind}


def _outcome(dns: Record) -> Record:
    flags = dns.get("flags")
    bits = int(flags, 16) if isinstance(flags, str) and _HEX.fullmatch(flags) else 0
    answers = objects(dns.get("answers"))
    others = dns.get("authorities") or dns.get("additionals")
    rcode = dns.get("rcode")
    return {
        "rcode": RCODES.get(str(rcode)),
        "rcode_name": rcode,
        "AA": bool(bits & AA),
        "TC": bool(bits & TC),
        "RD": bool(bits & RD),
        "RA": bool(bits & RA),
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
