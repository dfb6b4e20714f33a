"""Community ID, the flow hash by which Zeek's and Suricata's records of one connection are joined.

Source: the Community ID flow hashing specification, version 1 (github.com/corelight/community-id-spec): the base64 form
of SHA-1 over seed, lower address, higher address, protocol, a zero byte and both ports, after "1:".
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.tables import Rows

    _Ends = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]


def community_texts(rows: Rows) -> npt.NDArray[np.uint8]:
    """Return ``(n, 30)`` bytes of text: the community IDs of TCP and UDP rows over IPv4, seed 0."""
    low, high = _in_order(rows)
    message = np.zeros((len(rows), 16), dtype=np.uint8)
    message[:, 2:6], message[:, 6:10] = _bytes(low[0], ">u4"), _bytes(high[0], ">u4")
    message[:, 10] = rows["proto"]
    message[:, 12:14], message[:, 14:16] = _bytes(low[1], ">u2"), _bytes(high[1], ">u2")
    out = np.empty((len(rows), 30), dtype=np.uint8)
    out[:, :2] = np.frombuffer(b"1:", dtype=np.uint8)
    out[:, 2:] = _hashed(message)
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


def _hashed(messages: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return ``(n, 28)`` base64 letters of the SHA-1 of ``(n, length)`` bytes."""
    content, length = messages.tobytes(), messages.shape[1]
    digests = (
        hashlib.sha1(content[at : at + length], usedforsecurity=False).digest() for at in range(0, len(content), length)
    )
    letters = b"".join(map(base64.b64encode, digests))
    return np.frombuffer(letters, dtype=np.uint8).reshape(len(messages), 28)
