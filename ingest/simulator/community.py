"""Community ID, the flow hash by which Zeek's and Suricata's records of one connection are joined.

Source: the Community ID flow hashing specification, version 1 (github.com/corelight/community-id-spec): the base64 form
of SHA-1 over seed, lower address, higher address, protocol, a zero byte and both ports, after "1:".
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.sha1 import sha1_many

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.tables import Rows

    _Ends = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]

_ICMP_PAIRS: Final = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10}
_ICMP6_PAIRS: Final = {
    128: 129,
    129: 128,
    133: 134,
    134: 133,
    135: 136,
    136: 135,
    130: 131,
    131: 130,
    144: 145,
    145: 144,
    139: 140,
    140: 139,
}
_ALPHABET: Final = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", dtype=np.uint8)
_PORTS: Final = {6, 17, 132}


def community_id(proto: int, source: tuple[str, int], target: tuple[str, int], seed: int = 0) -> str:
    """Return the community ID of one flow of IP protocol number `proto`.

    `source` and `target` are address and port; for ICMP the ports are message type and code, as Zeek logs them.

    >>> community_id(6, ("128.232.110.120", 34855), ("66.35.250.204", 80))
    '1:LQU9qZlK+B5F3KDmev6m5PMibrg='
    """
    ends = [(ipaddress.ip_address(host).packed, port) for host, port in (source, target)]
    one_way = False
    if proto in (1, 58):
        ends, one_way = _icmp_ends(proto, ends)
    if ends[1] < ends[0] and not one_way:
        ends.reverse()
    data = struct.pack(">H", seed) + ends[0][0] + ends[1][0] + struct.pack(">BB", proto, 0)
    if proto in _PORTS or proto in (1, 58):
        data += struct.pack(">HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _icmp_ends(proto: int, ends: list[tuple[bytes, int]]) -> tuple[list[tuple[bytes, int]], bool]:
    """Give an ICMP request the type of its reply as second port; other messages have one direction only."""
    counterpart = (_ICMP_PAIRS if proto == 1 else _ICMP6_PAIRS).get(ends[0][1])
    if counterpart is None:
        return ends, True
    return [ends[0], (ends[1][0], counterpart)], False


def community_texts(rows: Rows) -> npt.NDArray[np.uint8]:
    """Return ``(n, 30)`` bytes of text: the community IDs of TCP and UDP rows over IPv4, seed 0."""
    low, high = _in_order(rows)
    message = np.zeros((len(rows), 16), dtype=np.uint8)
    message[:, 2:6], message[:, 6:10] = _bytes(low[0], ">u4"), _bytes(high[0], ">u4")
    message[:, 10] = rows["proto"]
    message[:, 12:14], message[:, 14:16] = _bytes(low[1], ">u2"), _bytes(high[1], ">u2")
    out = np.empty((len(rows), 30), dtype=np.uint8)
    out[:, :2] = np.frombuffer(b"1:", dtype=np.uint8)
    out[:, 2:] = _base64(sha1_many(message))
    return out


def _in_order(rows: Rows) -> tuple[_Ends, _Ends]:
    """Return (addresses, ports) of the lower and of the higher end."""
    same = rows["orig_h"] == rows["resp_h"]
    swap = (rows["resp_h"] < rows["orig_h"]) | (same & (rows["resp_p"] < rows["orig_p"]))
    hosts, ports = (rows["orig_h"], rows["resp_h"]), (rows["orig_p"], rows["resp_p"])
    low = np.where(swap, hosts[1], hosts[0]), np.where(swap, ports[1], ports[0])
    high = np.where(swap, hosts[0], hosts[1]), np.where(swap, ports[0], ports[1])
    return low, high


def _bytes(values: npt.NDArray[np.unsignedinteger], big_endian: str) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(values.astype(big_endian)).view(np.uint8).reshape(len(values), -1)


def _base64(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return ``(n, 28)`` base64 letters of ``(n, 20)`` bytes."""
    padded = np.zeros((len(digests), 21), dtype=np.uint32)
    padded[:, :20] = digests
    triples = padded[:, 0::3] << np.uint32(16) | padded[:, 1::3] << np.uint32(8) | padded[:, 2::3]
    sextets = np.stack([triples >> np.uint32(shift) & np.uint32(63) for shift in (18, 12, 6, 0)], axis=2)
    letters = _ALPHABET[sextets.reshape(len(digests), 28)]
    letters[:, 27] = ord("=")
    return letters
