"""What simulated connections say: bytes of exactly the sizes that the logs tell, in the protocol that they name."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NTP_EPOCH: Final = 2_208_988_800
_RECORD: Final = 16_000
_MESSAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """All that each end says on one connection."""

    orig: bytes
    resp: bytes


def filler(size: int, seed: str) -> bytes:
    """Return bytes that look random and are always the same."""
    return hashlib.shake_128(seed.encode()).digest(size)


def anything(row: dict[str, Any]) -> Exchange:
    """Return payload of no particular protocol."""
    return Exchange(*(filler(row[f"{side}_bytes"], f"{row['uid']} {side}") for side in ("orig", "resp")))


def tls(row: dict[str, Any]) -> Exchange:
    """Return a hello each way and encrypted records, which are noise as to any observer (RFC 5246)."""
    client = _hello(1, filler(32, row["uid"]) + b"\0\0\x02\xc0\x2f\x01\0")
    server = _hello(2, filler(32, row["uid"] + "'") + b"\0\xc0\x2f\0")
    return Exchange(
        _records(client, row["orig_bytes"], row["uid"]), _records(server, row["resp_bytes"], row["uid"] + "'")
    )


def _hello(kind: int, rest: bytes) -> bytes:
    body = b"\x03\x03" + rest
    return b"\x16\x03\x03" + struct.pack(">HB", len(body) + 4, kind) + len(body).to_bytes(3, "big") + body


def _records(hello: bytes, size: int, seed: str) -> bytes:
    out = hello
    while size - len(out) > 5:
        length = min(size - len(out) - 5, _RECORD)
        out += b"\x17\x03\x03" + struct.pack(">H", length) + filler(length, f"{seed} {len(out)}")
    return _sized(out, size)


def mqtt(row: dict[str, Any]) -> Exchange:
    """Return a connection's opening and then published messages (MQTT 3.1.1)."""
    name = f"plug-{row['orig_l2_addr'][-5:]}".encode()
    opening = b"\0\x04MQTT\x04\x02" + struct.pack(">HH", 30, len(name)) + name
    connect = bytes([0x10, len(opening)]) + opening
    return Exchange(_published(connect, row["orig_bytes"]), _published(b"\x20\x02\0\0", row["resp_bytes"]))


def _published(opening: bytes, size: int) -> bytes:
    out, topic = opening, b"\0\x05state"
    while size - len(out) >= 2 + len(topic):
        left = size - len(out)
        length = (left if left < 2 * _MESSAGE and left <= 127 else _MESSAGE) - 2
        out += bytes([0x30, length]) + topic + b"1" * (length - len(topic))
    return _sized(out, size)


def ntp(row: dict[str, Any]) -> Exchange:
    """Return a client's and a server's packet of 48 bytes (RFC 5905)."""
    seconds = int(row["ts"]) + _NTP_EPOCH & 0xFFFFFFFF
    stamp = struct.pack(">II", seconds, 0)
    client = bytes([0x23, 0, 6, 0xEC]) + bytes(36) + stamp
    server = bytes([0x24, 2, 6, 0xEC]) + struct.pack(">II4s", 400, 900, b"GPS\0") + stamp * 4
    return Exchange(client, server)


def ssdp(row: dict[str, Any]) -> Exchange:
    """Return notifications of a root device, each as long as the row's datagrams are."""
    size = row["orig_bytes"] // row["orig_pkts"]
    head = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\nUSN: "
    return Exchange(_sized(head + b"u" * max(size - len(head) - 4, 0) + b"\r\n\r\n", size) * row["orig_pkts"], b"")


def http(row: dict[str, Any], request: dict[str, Any]) -> Exchange:
    """Return the request of an http.log row and its response, filled up with a header of no meaning (RFC 9112)."""
    asked = f"{request['method']} {request['uri']} HTTP/1.1\r\nHost: {request['host']}\r\n"
    asked += f"User-Agent: {request['user_agent']}\r\n" + _body_headers(request, "orig", "request")
    told = f"HTTP/1.1 {request['status_code']} {request['status_msg']}\r\n" + _body_headers(request, "resp", "response")
    sizes = row["orig_bytes"], row["resp_bytes"]
    return Exchange(
        _padded(asked, b"q" * request["request_body_len"], sizes[0]),
        _padded(told, b"r" * request["response_body_len"], sizes[1]),
    )


def _body_headers(request: dict[str, Any], side: str, name: str) -> str:
    types = request[f"{side}_mime_types"]
    length = f"Content-Length: {request[f'{name}_body_len']}\r\n" if name == "response" or types else ""
    return length + (f"Content-Type: {types[0]}\r\n" if types else "")


def _padded(head: str, body: bytes, size: int) -> bytes:
    room = size - len(head) - len(body) - len("X-Trace: \r\n\r\n")
    return head.encode() + b"X-Trace: " + b"0" * room + b"\r\n\r\n" + body


def _sized(said: bytes, size: int) -> bytes:
    """Cut what is too long and fill up what is too short."""
    return said[:size] + bytes(max(size - len(said), 0))


BY_SERVICE: Final[dict[str, Callable[[dict[str, Any]], Exchange]]] = {"ssl": tls, "mqtt": mqtt, "ntp": ntp}
"""What is said on connections of a service, where nothing but the conn.log row is needed."""
