"""What all Suricata events share: time, addresses, ports, identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decode.addresses import canonical
from ingest.errors import BadLineError

if TYPE_CHECKING:
    Record = dict[str, Any]

PROTOCOLS: Final = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "IPv6-ICMP": "icmp"}
COUNTERPARTS: Final = {
    "ICMP": {0: 8, 8: 0, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    "IPv6-ICMP": {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135, 139: 140, 140: 139},
}
"""The ICMP type that answers a type: Zeek writes it in place of a port. Source: Zeek's ``analyzer/protocol/icmp``."""


def section(record: Record, name: str) -> Record:
    """Return the part of an event that is named ``name``; raise `BadLineError` if there is none."""
    part = record.get(name)
    if not isinstance(part, dict):
        raise BadLineError(f"{name}: the event has no such object", "fields")
    return part


def objects(value: object) -> list[Record]:
    """Return the objects in a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def address(text: object) -> object:
    """Return an IP address as Zeek writes it (shortest form, a mapped IPv4 address as IPv4); anything else as it is.

    Examples
    --------
    >>> address("fe80:0000:0000:0000:0000:0000:0000:0001"), address("192.0.2.1"), address("a.example")
    ('fe80::1', '192.0.2.1', 'a.example')
    >>> address("0000:0000:0000:0000:0000:ffff:c000:0201")
    '192.0.2.1'
    """
    return (canonical(text) or text) if isinstance(text, str) else text


def identity(event: Record, *, turned: bool = False) -> Record:
    """Return time, uid, addresses, ports, protocol and community ID under Zeek's names.

    The uid is made from the flow's identifier, so that the events of one flow share it as they do in Zeek's logs.
    ``turned`` says that the event's source is the server.
    """
    flow_id = event.get("flow_id")
    orig, resp = ("dest", "src") if turned else ("src", "dest")
    return {
        "ts": event.get("timestamp"),
        "uid": f"S{flow_id}" if isinstance(flow_id, int) else None,
        "id.orig_h": address(event.get(f"{orig}_ip")),
        "id.orig_p": event.get(f"{orig}_port"),
        "id.resp_h": address(event.get(f"{resp}_ip")),
        "id.resp_p": event.get(f"{resp}_port"),
        **_icmp_ports(event),
        "proto": protocol(event),
        "community_id": event.get("community_id"),
    }


def protocol(event: Record) -> object:
    """Return the transport protocol as Zeek names it."""
    name = event.get("proto")
    return PROTOCOLS.get(name, "unknown_transport") if isinstance(name, str) else name


def _icmp_ports(event: Record) -> Record:
    counterparts = COUNTERPARTS.get(str(event.get("proto")))
    kind = event.get("icmp_type")
    if counterparts is None or not isinstance(kind, int):
        return {}
    return {"id.orig_p": kind, "id.resp_p": counterparts.get(kind, event.get("icmp_code"))}
