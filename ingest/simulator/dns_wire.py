"""DNS messages on the wire. Source: RFC 1035."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any, Final

_CODES: Final = {"A": 1, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "TXT": 16, "AAAA": 28}
_IN: Final = 1
_QUESTION_AT: Final = 12
_POINTER: Final = 0xC000


def encode_name(name: str) -> bytes:
    """Return a name as length-prefixed labels, without compression."""
    labels = [label.encode() for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


_SOA_DATA: Final = (
    encode_name("gateway.lan") + encode_name("hostmaster.lan") + struct.pack(">5I", 1, 7200, 900, 86_400, 60)
)


def record(owner: bytes, kind: str, ttl: float, data: bytes) -> bytes:
    """Return one resource record."""
    return owner + struct.pack(">HHIH", _CODES[kind], _IN, int(ttl), len(data)) + data


def pointer(offset: int) -> bytes:
    """Return a compressed name: where in the message it stands already."""
    return struct.pack(">H", _POINTER | offset)


NO_SUCH_NAME: Final = record(pointer(_QUESTION_AT), "SOA", 60, _SOA_DATA)
"""The authority record with which a resolver tells that a name does not exist."""


def question(row: dict[str, Any]) -> bytes:
    """Return the query of a dns.log row, or its mDNS announcement, which asks nothing."""
    if row["qtype_name"] is None:
        return announcement(row)
    flags = 0x0100 if row["RD"] else 0
    return struct.pack(">6H", row["trans_id"], flags, 1, 0, 0, 0) + _asked(row)


def reply(row: dict[str, Any]) -> bytes:
    """Return the reply of a dns.log row with an answer code."""
    answers, missing = _answers(row), row["rcode"] == 3
    counts = (1, len(answers), 1 if missing else 0, 0)
    head = struct.pack(">6H", row["trans_id"], 0x8180 | row["rcode"], *counts)
    return head + _asked(row) + b"".join(answers) + (NO_SUCH_NAME if missing else b"")


def announcement(row: dict[str, Any]) -> bytes:
    """Return an unasked mDNS reply with one TXT record (RFC 6762)."""
    text = _text(row["answers"][0])
    return struct.pack(">6H", 0, 0x8400, 0, 1, 0, 0) + record(encode_name(row["query"]), "TXT", row["TTLs"][0], text)


def _asked(row: dict[str, Any]) -> bytes:
    return encode_name(row["query"]) + struct.pack(">HH", _CODES[row["qtype_name"]], _IN)


def _answers(row: dict[str, Any]) -> list[bytes]:
    """Return the records in the log's order; an alias stands first, and the addresses are its."""
    owner, out = pointer(_QUESTION_AT), []
    next_at = _QUESTION_AT + len(_asked(row))
    for answer, ttl in zip(row["answers"] or [], row["TTLs"] or [], strict=True):
        kind, data = _resource(answer, row["qtype_name"])
        out.append(record(owner, kind, ttl, data))
        if kind == "CNAME":
            owner = pointer(next_at + 12)
    return out


def _resource(answer: str, asked: str) -> tuple[str, bytes]:
    """Return the type and the data of an answer as Zeek spells it."""
    if asked == "TXT":
        return "TXT", _text(answer)
    if asked == "NULL":
        return "NULL", bytes(range(45))
    try:
        return "A", ipaddress.IPv4Address(answer).packed
    except ipaddress.AddressValueError:
        return "CNAME", encode_name(answer)


def _text(answer: str) -> bytes:
    """Return the data of a TXT record that Zeek spells as ``TXT <length> <text>``."""
    text = answer.split(" ", 2)[2].encode()
    return bytes([len(text)]) + text
