"""IP addresses in one spelling: the shortest form, a mapped IPv4 address as IPv4; what is no address is told."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.decode.scan.words import Bytes

ADDRESSES: Final = frozenset(
    {
        "id.orig_h",
        "id.resp_h",
        "src",
        "dst",
        "client_addr",
        "server_addr",
        "requested_addr",
        "assigned_addr",
        "src_ip",
        "dest_ip",
    }
)
"""Columns that hold an address, in all log kinds."""
ENDS: Final = ("id.orig_h", "id.resp_h")

_MAPPED: Final = bytes(10) + b"\xff\xff"
"""Beginning of an IPv6 address that stands for an IPv4 address. Source: RFC 4291, 2.5.5.2; Zeek's ``IPAddr.h``."""
_KNOWN: Final = 1 << 14


@lru_cache(maxsize=_KNOWN)
def canonical(text: str) -> str | None:
    """Return an IP address as Zeek writes it, None if the text is none.

    The zone of a link-local address (RFC 4007) names an interface of the sensor and is left out.

    Examples
    --------
    >>> canonical("fe80:0000:0000:0000:0000:0000:0000:0001%em0"), canonical("::FFFF:192.0.2.1"), canonical("192.168.1")
    ('fe80::1', '192.0.2.1', None)
    """
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        packed = socket.inet_pton(family, text.partition("%")[0] if ":" in text else text)
    except (OSError, ValueError):
        return None
    if packed.startswith(_MAPPED) and family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :])
    return socket.inet_ntop(family, packed)


def spell(frame: pl.DataFrame, names: Iterable[str], odd: Bytes, plain: Bytes) -> pl.DataFrame:
    """Write the addresses of rows that are ``odd`` in their one spelling; rows with others are no longer ``plain``.

    Parameters
    ----------
    names
        The columns that hold addresses.
    odd, plain
        By row, 1 if an address is not four numbers; 1 if the row was plain so far.
    """
    rows = np.flatnonzero(odd & plain)
    for name in names if len(rows) else ():
        texts = frame[name][rows]
        known = {text: canonical(text) for text in texts.unique().drop_nulls().to_list()}
        wrong = [text for text, found in known.items() if found is None]
        if wrong:
            plain[rows[texts.is_in(wrong).fill_null(value=False).to_numpy()]] = 0
        changed = {text: found for text, found in known.items() if found not in (None, text)}
        if changed:
            frame = frame.with_columns(pl.col(name).replace(changed))
    return frame
