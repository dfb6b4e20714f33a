"""What is read of Suricata's events, in the order of an event, before records in Zeek's columns are made of it.

A column is named by its key, with that of the object around it before a point.
Source: Suricata's user guide, "EVE JSON Format" (versions 6 to 8).
"""

from __future__ import annotations

from typing import Final

import polars as pl

_F64: Final = pl.Float64()
_I64: Final = pl.Int64()
_U16: Final = pl.UInt16()
_BOOL: Final = pl.Boolean()
_STR: Final = pl.String()
_STRINGS: Final = pl.List(pl.String())

FLOW: Final = pl.Schema(
    {
        "uid": _STR,
        "flow_id": _I64,
        "src_ip": _STR,
        "src_port": _U16,
        "dest_ip": _STR,
        "dest_port": _U16,
        "proto": _STR,
        "icmp_type": _I64,
        "icmp_code": _I64,
        "app_proto": _STR,
        "flow.pkts_toserver": _I64,
        "flow.pkts_toclient": _I64,
        "flow.bytes_toserver": _I64,
        "flow.bytes_toclient": _I64,
        "flow.start": _F64,
        "flow.end": _F64,
        "ether.src_mac": _STR,
        "ether.dest_mac": _STR,
        "ether.src_macs": _STRINGS,
        "ether.dest_macs": _STRINGS,
        "community_id": _STR,
        "tcp.tcp_flags_ts": _STR,
        "tcp.tcp_flags_tc": _STR,
    }
)
"""``flow`` events, which become conn records. The loops read ``flow_id``; read line by line, an event has the ``uid``
that is made of it."""

DNS_QUESTION: Final = pl.Schema({"rrname": _STR, "rrtype": _STR})
"""What is read of each of a ``dns`` event's ``queries``."""

DNS_ANSWER: Final = pl.Schema({"rrtype": _STR, "ttl": _F64, "rdata": _STR})
"""What is read of each of its ``answers``."""

DNS_EVENT: Final = pl.Schema(
    {
        "timestamp": _F64,
        "flow_id": _I64,
        "src_ip": _STR,
        "src_port": _U16,
        "dest_ip": _STR,
        "dest_port": _U16,
        "proto": _STR,
        "community_id": _STR,
        "dns.type": _STR,
        "dns.id": _I64,
        "dns.flags": _STR,
        "dns.rd": _BOOL,
        "dns.rrname": _STR,
        "dns.rrtype": _STR,
        "dns.rcode": _STR,
        "dns.queries": pl.List(pl.Struct(DNS_QUESTION)),
        "dns.answers": pl.List(pl.Struct(DNS_ANSWER)),
        "dns.authorities": _BOOL,
        "dns.additionals": _BOOL,
    }
)
"""``dns`` events, a query's and its answer's of which become one dns record. Of the last two only whether there are any
is read."""

EVENT_SCHEMAS: Final[dict[str, pl.Schema]] = {
    "suricata_flow": FLOW,
    "suricata_dns": DNS_EVENT,
    "suricata_dns_question": DNS_QUESTION,
    "suricata_dns_answer": DNS_ANSWER,
}
