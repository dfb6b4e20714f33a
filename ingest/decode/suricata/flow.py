"""Suricata's ``flow`` events to conn records.

What the event does not say stays null: history, missed bytes, whether an address is local. Sizes are of frames; the
bytes of the Ethernet header are taken off for those of IP packets, and the usual headers for those of payload (exact
for UDP and ICMP; for TCP with timestamps, as most stacks send, else up to 12 bytes a packet too little).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.decode.schemas import CONN
from ingest.decode.suricata.common import COUNTERPARTS, PROTOCOLS, section
from ingest.decode.suricata.schemas import FLOW

if TYPE_CHECKING:
    Record = dict[str, Any]

_ETHERNET: Final = 14
_IPV4, _IPV6 = 20, 40
_UDP_OR_ICMP: Final = 8
_TCP: Final = 32
_TCP_SYN: Final = 40
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_FLAGS: Final = 0x20
"""Values of the flags that are looked at; the bits above are congestion's."""
_SERVICES: Final = {"tls": "ssl", "failed": None, "unknown": None, "http1": "http"}
_REGISTERED: Final = (
    *(1080, 1812, 1883, 2811, 3128, 3268, 3306, 3389, 3544, 4011, 5060, 5222, 5223, 5269, 5353, 5355, 5432),
    *(6081, 6379, 6666, 6667, 6668, 6669, 8000, 8080, 8883, 8888, 20000),
)
_SERVICE_PORTS: Final = frozenset((*range(1, 1024), *_REGISTERED))
"""Ports of services: those that RFC 6335 calls system ports, and those for which Zeek has an analyzer (its
``likely_server_ports``) or that IANA gives to MQTT over TLS."""
_PARTS: Final = ("flow", "tcp", "ether")
_SIDES: Final = (
    *("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "orig_l2_addr", "resp_l2_addr"),
    *("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes"),
)


def read_flow(event: Record) -> Record:
    """Return the values of a flow event by the names of `FLOW`, as they stand in it."""
    section(event, "flow")
    parts = {name: part for name in _PARTS if isinstance(part := event.get(name), dict)}
    record: Record = {}
    for name in FLOW:
        outer, _, inner = name.partition(".")
        record[name] = parts.get(outer, {}).get(inner) if inner else event.get(name)
    flow_id = record["flow_id"]
    return {**record, "flow_id": None, "uid": f"S{flow_id}" if isinstance(flow_id, int) else None}


def conn_of(flows: pl.DataFrame) -> pl.DataFrame:
    """Return flows, with the columns of `FLOW`, as the connections that Zeek would have logged.

    Zeek turns a connection whose beginning it has not seen if only its source port is a service's; so are flows here.
    """
    has_icmp = flows["icmp_type"].null_count() < flows.height
    return flows.with_columns(_ends()).with_columns(_sides(has_icmp=has_icmp)).select(_columns())


@cache  # as the others are: to make the expressions takes longer than to apply them to a thousand flows
def _ends() -> list[pl.Expr]:
    return [_is_turned().alias("turned"), _flags("ts").alias("flags_ts"), _flags("tc").alias("flags_tc")]


@cache
def _sides(*, has_icmp: bool) -> list[pl.Expr]:
    """Return what each side is and sent."""
    ports = (_either("src_port", "dest_port"), _either("dest_port", "src_port"))
    if has_icmp:
        ports = (_orig_port(), _resp_port())
    return [
        _either("src_ip", "dest_ip").alias("id.orig_h"),
        _either("dest_ip", "src_ip").alias("id.resp_h"),
        ports[0].alias("id.orig_p"),
        ports[1].alias("id.resp_p"),
        _either("flow.pkts_toserver", "flow.pkts_toclient").alias("orig_pkts"),
        _either("flow.pkts_toclient", "flow.pkts_toserver").alias("resp_pkts"),
        _ip_bytes("toserver", "toclient").alias("orig_ip_bytes"),
        _ip_bytes("toclient", "toserver").alias("resp_ip_bytes"),
        _either("flags_ts", "flags_tc").alias("orig_flags"),
        _either("flags_tc", "flags_ts").alias("resp_flags"),
        pl.when("turned").then(_mac("dest")).otherwise(_mac("src")).alias("orig_l2_addr"),
        pl.when("turned").then(_mac("src")).otherwise(_mac("dest")).alias("resp_l2_addr"),
    ]


@cache
def _columns() -> list[pl.Expr]:
    """Return how the columns of a connection are made."""
    both = pl.col("orig_pkts").fill_null(0) + pl.col("resp_pkts").fill_null(0) > 1
    made = {
        "ts": pl.col("flow.start"),
        "uid": pl.coalesce("uid", pl.format("S{}", "flow_id")),
        "service": pl.col("app_proto").replace(_SERVICES),
        "duration": pl.when(both).then(_micros(pl.col("flow.end") - pl.col("flow.start"))),
        "orig_bytes": pl.when(both).then(_payload("orig")),
        "resp_bytes": pl.when(both).then(_payload("resp")),
        "conn_state": _state(),
        "proto": protocol("proto"),
    }
    known = {name: pl.col(name) for name in (*_SIDES, "community_id")}
    return [(known | made).get(name, pl.lit(None, dtype)).alias(name) for name, dtype in CONN.items()]


def _is_turned() -> pl.Expr:
    served = pl.col("src_port").is_in(sorted(_SERVICE_PORTS)) & ~pl.col("dest_port").is_in(sorted(_SERVICE_PORTS))
    syn = (_flags("ts") | _flags("tc")) & _SYN != 0
    midstream = (pl.col("proto") == "UDP") | (pl.col("proto") == "TCP") & ~syn
    return (served & midstream).fill_null(value=False)


def _either(usual: str, turned: str) -> pl.Expr:
    return pl.when("turned").then(turned).otherwise(usual)


def _flags(side: str) -> pl.Expr:
    """Return all flags that one side sent, 0 where the event does not tell."""
    return pl.col(f"tcp.tcp_flags_{side}").str.to_integer(base=16, strict=False).fill_null(0)


def protocol(name: str) -> pl.Expr:
    """Return a column of transport protocols as Zeek names them."""
    known = pl.col(name).replace_strict(PROTOCOLS, default="unknown_transport", return_dtype=pl.String)
    return pl.when(pl.col(name).is_not_null()).then(known).alias(name)


def _orig_port() -> pl.Expr:
    icmp = pl.col("proto").is_in(list(COUNTERPARTS)) & pl.col("icmp_type").is_not_null()
    port = pl.when("turned").then("dest_port").otherwise("src_port")
    return pl.when(icmp).then(_port(pl.col("icmp_type"))).otherwise(port)


def _resp_port() -> pl.Expr:
    port = pl.when("turned").then("src_port").otherwise("dest_port")
    kind = pl.col("icmp_type")
    for name, answers in COUNTERPARTS.items():
        answer = kind.replace_strict(answers, default=pl.col("icmp_code"), return_dtype=pl.Int64)
        port = pl.when((pl.col("proto") == name) & kind.is_not_null()).then(_port(answer)).otherwise(port)
    return port


def _port(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.UInt16, strict=False)


def _ip_bytes(usual: str, turned: str) -> pl.Expr:
    sizes = _either(f"flow.bytes_{usual}", f"flow.bytes_{turned}") - _ETHERNET * _either(
        f"flow.pkts_{usual}", f"flow.pkts_{turned}"
    )
    return sizes.clip(lower_bound=0)


def _payload(side: str) -> pl.Expr:
    packets, flags = pl.col(f"{side}_pkts"), pl.col(f"{side}_flags")
    network = pl.when(pl.col("id.orig_h").str.contains(":", literal=True)).then(_IPV6).otherwise(_IPV4)
    tcp = pl.col("proto").eq_missing("TCP")
    transport = pl.when(tcp).then(_TCP).otherwise(_UDP_OR_ICMP)
    extra = pl.when(tcp & (flags & _SYN != 0)).then(_TCP_SYN - _TCP).otherwise(0)
    payload = (pl.col(f"{side}_ip_bytes") - (network + transport).cast(pl.Int64) * packets - extra).clip(lower_bound=0)
    return pl.when(tcp & (flags & (_SYN | _ACK | _FIN) == _SYN)).then(0).otherwise(payload)


def _micros(seconds: pl.Expr) -> pl.Expr:
    """Round to whole microseconds, as all intervals are.

    Polars divides a column by a number as if it multiplied by its inverse, which rounds otherwise than for one row.
    """
    return seconds.round(6)


def _state() -> pl.Expr:
    sent, received = pl.col("orig_pkts").fill_null(0) > 0, pl.col("resp_pkts").fill_null(0) > 0
    flags = (pl.col("orig_flags") % _FLAGS) * _FLAGS + pl.col("resp_flags") % _FLAGS
    datagrams = pl.when(sent & received).then(pl.lit("SF")).when(sent).then(pl.lit("S0")).otherwise(pl.lit("SHR"))
    return (
        pl.when(pl.col("proto") == "TCP")
        .then(pl.lit(pl.Series(_TCP_STATES)).gather(flags))
        .when(pl.col("proto") == "UDP")
        .then(datagrams)
        .otherwise(pl.lit("OTH"))
    )


def _mac(side: str) -> pl.Expr:
    """Return the MAC addresses, which Suricata logs with ``ethernet: yes`` (a list a side in flow events)."""
    return pl.coalesce(pl.col(f"ether.{side}_macs").list.first(), pl.col(f"ether.{side}_mac"))


def tcp_state(orig: int, resp: int) -> str:
    """Return Zeek's ``conn_state`` for the TCP flags that each side ever sent.

    Examples
    --------
    >>> tcp_state(0x02, 0x00), tcp_state(0x02, 0x14), tcp_state(0x1B, 0x1B), tcp_state(0x1A, 0x1F)
    ('S0', 'REJ', 'SF', 'RSTR')
    """
    if not orig & _SYN:
        return "OTH"
    if not resp & _SYN:
        if resp & _RST:
            return "REJ"
        return "RSTOS0" if orig & _RST else "SH" if orig & _FIN else "S0"
    if orig & resp & _FIN:
        return "SF"
    if (orig | resp) & _RST:
        return "RSTR" if resp & _RST else "RSTO"
    return "S2" if orig & _FIN else "S3" if resp & _FIN else "S1"


_TCP_STATES: Final = [tcp_state(number // _FLAGS, number % _FLAGS) for number in range(_FLAGS**2)]
"""By the originator's flags times `_FLAGS` plus the responder's."""
