"""Writes a site's logs as Suricata does: one eve.json of flow, dns and http events, flows when they end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from lab.traffic import Traffic

    Row = dict[str, Any]

_ETHERNET: Final = 14
_FLAGS: Final = {  # what each side ever sent, for Zeek's states
    "SF": (0x1B, 0x1B),
    "S0": (0x02, 0x00),
    "REJ": (0x02, 0x14),
    "S1": (0x1A, 0x1A),
    "S3": (0x1A, 0x1B),
    "RSTO": (0x1E, 0x1A),
    "RSTR": (0x1A, 0x1E),
}
_SERVICES: Final = {"ssl": "tls", None: "failed"}


def write_eve(traffic: Traffic, folder: Path) -> dict[str, str]:
    """Write ``eve.json``; return for every uid the uid that is read from its flow."""
    uids = {uid: f"S{10_000_000 + n}" for n, uid in enumerate(_uids(traffic))}
    events = [
        event
        for kind, make in _EVENTS.items()
        for row in traffic.logs[kind].iter_rows(named=True)
        for event in make(row, uids)
    ]
    events.sort(key=lambda event: event[0])
    with (folder / "eve.json").open("w", encoding="utf-8") as file:
        for _, event in events:
            file.write(json.dumps(event) + "\n")
    return uids


def _uids(traffic: Traffic) -> list[str]:
    return sorted({uid for kind in _EVENTS for uid in traffic.logs[kind]["uid"].to_list()})


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")


def _head(row: Row, uids: dict[str, str], kind: str, at: float, proto: str) -> Row:
    ends = {"src_ip": row["id.orig_h"], "dest_ip": row["id.resp_h"], "proto": proto}
    ports = {"src_port": row["id.orig_p"], "dest_port": row["id.resp_p"]}
    icmp = {"icmp_type": row["id.orig_p"], "icmp_code": row["id.resp_p"]}
    head = {"timestamp": _time(at), "flow_id": int(uids[row["uid"]][1:]), "event_type": kind}
    return head | ends | (icmp if proto.endswith("ICMP") else ports)


def _flow(row: Row, uids: dict[str, str]) -> list[tuple[float, Row]]:
    proto = {"tcp": "TCP", "udp": "UDP", "icmp": "IPv6-ICMP" if ":" in row["id.orig_h"] else "ICMP"}.get(row["proto"])
    if proto is None:
        return []
    event = _head(row, uids, "flow", row["written"], proto)
    event["app_proto"] = _SERVICES.get(row["service"], row["service"])
    event["flow"] = {
        "pkts_toserver": row["orig_pkts"] or 0,
        "pkts_toclient": row["resp_pkts"] or 0,
        "bytes_toserver": (row["orig_ip_bytes"] or 0) + _ETHERNET * (row["orig_pkts"] or 0),
        "bytes_toclient": (row["resp_ip_bytes"] or 0) + _ETHERNET * (row["resp_pkts"] or 0),
        "start": _time(row["ts"]),
        "end": _time(row["ts"] + (row["duration"] or 0.0)),
        "state": "closed" if row["conn_state"] == "SF" else "new",
        "reason": "timeout",
        "alerted": False,
    }
    if proto == "TCP":
        there, back = _FLAGS.get(row["conn_state"], (0x1A, 0x1A))
        event["tcp"] = {
            "tcp_flags": f"{there | back:02x}",
            "tcp_flags_ts": f"{there:02x}",
            "tcp_flags_tc": f"{back:02x}",
        }
    return [(row["written"], event)]


def _dns(row: Row, uids: dict[str, str]) -> list[tuple[float, Row]]:
    asked = {
        "version": 2,
        "id": row["trans_id"],
        "rrname": row["query"] or "",
        "rrtype": row["qtype_name"],
        "opcode": 0,
    }
    query = _head(row, uids, "dns", row["ts"], "UDP") | {"dns": {"type": "query", "tx_id": 0, **asked}}
    events = [(row["ts"], query)]
    if row["rcode_name"] is not None:
        at = row["ts"] + (row["rtt"] or 0.0)
        given = [
            {"rrname": asked["rrname"], "rrtype": asked["rrtype"], "ttl": 60, "rdata": a}
            for a in (row["answers"] or "").split(",")
            if a
        ]
        answer = {
            "type": "answer",
            "qr": True,
            "rd": True,
            "ra": True,
            "flags": "8180",
            "rcode": row["rcode_name"],
            "answers": given,
        }
        events.append((at, _head(row, uids, "dns", at, "UDP") | {"dns": {**answer, **asked}}))
    return events


def _http(row: Row, uids: dict[str, str]) -> list[tuple[float, Row]]:
    http = {
        "hostname": row["host"],
        "url": row["uri"],
        "http_method": row["method"],
        "http_user_agent": row["user_agent"],
        "protocol": "HTTP/1.1",
        "status": row["status_code"],
        "length": row["response_body_len"],
    }
    said = {name: value for name, value in http.items() if value is not None}
    return [(row["written"], _head(row, uids, "http", row["written"], "TCP") | {"tx_id": 0, "http": said})]


_EVENTS: Final = {"conn": _flow, "dns": _dns, "http": _http}
