"""Suricata's ``flow`` events to conn records.

What the event does not say stays null: history, missed bytes, whether an address is local. Sizes are of frames; the
bytes of the Ethernet header are taken off for those of IP packets, and the usual headers for those of payload (exact
for UDP and ICMP; for TCP with timestamps, as most stacks send, else up to 12 bytes a packet too little).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decode.suricata.common import identity, section
from ingest.decode.values import parse_iso
from ingest.errors import BadLineError

if TYPE_CHECKING:
    Record = dict[str, Any]

_ETHERNET: Final = 14
_IPV4, _IPV6 = 20, 40
_UDP_OR_ICMP: Final = 8
_TCP: Final = 32
_TCP_SYN: Final = 40
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_SERVICES: Final = {"tls": "ssl", "failed": None, "unknown": None, "http1": "http"}


def read_flow(event: Record) -> Record:
    """Return a flow as the connection that Zeek would have logged."""
    flow = section(event, "flow")
    record = identity(event)
    sent, received = _count(flow, "pkts_toserver"), _count(flow, "pkts_toclient")
    service = event.get("app_proto")
    both = sent + received > 1
    record |= {
        "ts": flow.get("start"),
        "duration": _duration(flow) if both else None,
        "service": _SERVICES.get(service, service) if isinstance(service, str) else service,
        "conn_state": _state(event, sent, received),
        "orig_pkts": sent,
        "resp_pkts": received,
        "orig_ip_bytes": _ip_bytes(flow, "bytes_toserver", sent),
        "resp_ip_bytes": _ip_bytes(flow, "bytes_toclient", received),
        **_link_addresses(event),
    }
    record["orig_bytes"] = _payload(event, record["orig_ip_bytes"], sent, "tcp_flags_ts") if both else None
    record["resp_bytes"] = _payload(event, record["resp_ip_bytes"], received, "tcp_flags_tc") if both else None
    return record


def _count(flow: Record, name: str) -> int:
    value = flow.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadLineError(f"flow.{name}: {value!r} is not a whole number")
    return value


def _duration(flow: Record) -> float | None:
    start, end = flow.get("start"), flow.get("end")
    return parse_iso(end) - parse_iso(start) if isinstance(start, str) and isinstance(end, str) else None


def _ip_bytes(flow: Record, name: str, packets: int) -> int:
    return max(0, _count(flow, name) - _ETHERNET * packets)


def _payload(event: Record, ip_bytes: int, packets: int, side: str) -> int:
    ip_header = _IPV6 if ":" in str(event.get("src_ip")) else _IPV4
    if event.get("proto") != "TCP":
        return max(0, ip_bytes - (ip_header + _UDP_OR_ICMP) * packets)
    flags = _flags(event, side)
    if flags & (_SYN | _ACK | _FIN) == _SYN:
        return 0
    extra = _TCP_SYN - _TCP if flags & _SYN else 0
    return max(0, ip_bytes - (ip_header + _TCP) * packets - extra)


def _flags(event: Record, side: str) -> int:
    tcp = event.get("tcp")
    text = tcp.get(side) if isinstance(tcp, dict) else None
    try:
        return int(text, 16) if isinstance(text, str) else 0
    except ValueError as error:
        raise BadLineError(f"tcp.{side}: {text!r} is not hexadecimal") from error


def _state(event: Record, sent: int, received: int) -> str:
    if event.get("proto") == "TCP":
        return tcp_state(_flags(event, "tcp_flags_ts"), _flags(event, "tcp_flags_tc"))
    if event.get("proto") == "UDP":
        return "SF" if sent and received else "S0" if sent else "SHR"
    return "OTH"


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


def _link_addresses(event: Record) -> Record:
    """Return the MAC addresses, which Suricata logs with ``ethernet: yes`` (a list a side in flow events)."""
    ether = event.get("ether")
    if not isinstance(ether, dict):
        return {}
    return {"orig_l2_addr": _link_address(ether, "src"), "resp_l2_addr": _link_address(ether, "dest")}


def _link_address(ether: Record, side: str) -> object:
    several = ether.get(f"{side}_macs")
    return several[0] if isinstance(several, list) and several else ether.get(f"{side}_mac")
