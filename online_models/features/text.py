"""String columns as flat bytes, the 64-bit hash that stands for a string in every table, and addresses as numbers.

The hash is FNV-1a (Fowler, Noll, Vo) finished with splitmix64's mixer: the same on every machine and version.

Of an address is told whether it is local or a group's, and which network it belongs to. Ranges: RFC 1918, 3927, 6598,
4193, 4291, 5771. A text that is no address (a broken record) counts as global.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.compiled import by_reference
from online_models.compile import inner, kernel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ONE = np.uint64(1)
_FEW = 2_000
"""Records of which a query of polars takes longer than they do one by one."""
OWNER = np.uint64(0xFFFFFF0000000000)
"""The bits of an `of_owner` key that are its owner's."""


@by_reference
class Text(NamedTuple):
    """n strings: string i is ``data[ends[i]:ends[i + 1]]`` (uint8); a null is an empty string."""

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]


def text_of(column: pl.Series) -> Text:
    """Return the column's bytes, one string after the other.

    Examples
    --------
    >>> import polars as pl
    >>> text_of(pl.Series(["ab", None, "c"])).ends.tolist()
    [0, 2, 2, 3]
    """
    if len(column) < _FEW:
        return text_of_each([(text or "").encode() for text in column.to_list()])
    content = column.str.join("").cast(pl.Binary).item() or b""
    return _text(content, column.str.len_bytes().fill_null(0).to_numpy())


def text_of_each(texts: Sequence[bytes]) -> Text:
    """Return some strings one after the other."""
    return _text(b"".join(texts), np.fromiter(map(len, texts), np.int64, len(texts)))


def _text(content: bytes, lengths: npt.NDArray[np.integer[Any]]) -> Text:
    ends = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    ends.flags.writeable = False
    return Text(np.frombuffer(content, np.uint8), ends)


def owned(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column as an array of its own, in one piece.

    Kernels are compiled for the kind of array that they get, and what polars hands out may be read-only or not.
    """
    return np.array(column, order="C")


@inner
def mix(h: np.uint64) -> np.uint64:
    """Scramble 64 bits (splitmix64's finisher); never returns 0, which tables use for an empty place."""
    h = (h ^ (h >> _S30)) * _MIX_1
    h = (h ^ (h >> _S27)) * _MIX_2
    h = h ^ (h >> _S31)
    return h if h != np.uint64(0) else _ONE


@inner
def join(a: np.uint64, b: np.uint64) -> np.uint64:
    """Hash of an ordered pair of hashes."""
    return mix(a * _GOLDEN + b)


@inner
def of_owner(owner: np.uint64, thing: np.uint64) -> np.uint64:
    """Hash of something that belongs to an owner; its upper 24 bits are the owner's, so that what it owns is found.

    What an owned thing owns has the same upper bits. The other 40 bits tell the things of one owner apart.
    """
    h = (owner & OWNER) | (join(owner, thing) & ~OWNER)
    return h if h != np.uint64(0) else _ONE


@inner
def hash_bytes(data: npt.NDArray[np.uint8], begin: int, end: int) -> np.uint64:
    """Hash of ``data[begin:end]``."""
    h = _FNV_OFFSET
    for i in range(begin, end):
        h = (h ^ np.uint64(data[i])) * _FNV_PRIME
    return mix(h)


@kernel
def of_owners(
    owners: npt.NDArray[np.uint64], things: npt.NDArray[np.uint64], out: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Write `of_owner` of every row to ``out``, and return it."""
    for i in range(out.size):
        out[i] = of_owner(owners[i], things[i])
    return out


@kernel
def joined(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], out: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Write `join` of every row to ``out``, and return it."""
    for i in range(out.size):
        out[i] = join(a[i], b[i])
    return out


@kernel
def _hash_all(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], out: npt.NDArray[np.uint64]) -> None:
    for i in range(out.size):
        out[i] = hash_bytes(data, ends[i], ends[i + 1])


def hashes(column: pl.Series) -> npt.NDArray[np.uint64]:
    """Return one uint64 a row; null and empty hash alike."""
    return hashes_of(text_of(column))


def hashes_of(text: Text) -> npt.NDArray[np.uint64]:
    """Return one uint64 a string."""
    out = np.empty(text.ends.size - 1, np.uint64)
    _hash_all(text.data, text.ends, out)
    return out


def codes(column: pl.Series, words: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return each row's place in ``words`` counted from 1, or 0 for null and for any other word."""
    numbers = pl.Series(range(1, len(words) + 1), dtype=pl.Int64)
    found = column.replace_strict(pl.Series(words), numbers, default=0, return_dtype=pl.Int64)
    return owned(found.fill_null(0).to_numpy())


GLOBAL, LOCAL, GROUP = 0, 1, 2
V4_NETWORK, V6_NETWORK = 12, 32
"""Bits of an address that name its network: about what a provider of clouds is given at once."""
_LOCAL_RANGES = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "0.0.0.0/32",
    "fe80::/10",
    "fc00::/7",
    "::/127",
)
_COLON, _DOT = 0x3A, 0x2E


@by_reference
class Addresses(NamedTuple):
    """n addresses.

    Attributes
    ----------
    key, network
        uint64 ``(n,)``: hash of the address, and of its network (IPv4 /12, IPv6 /32).
    scope
        int64 ``(n,)``: `GLOBAL`, `LOCAL` or `GROUP` (multicast and broadcast).
    """

    key: npt.NDArray[np.uint64]
    network: npt.NDArray[np.uint64]
    scope: npt.NDArray[np.int64]


def local_ranges(extra: Iterable[str] = ()) -> npt.NDArray[np.uint64]:
    """Return uint64 ``(m, 4)``: high and low half of the first and of the last address of every local range.

    IPv4 is mapped into ``::ffff:0:0/96``. Raises ValueError for a text that is no network in CIDR form.
    """
    rows = []
    for text in (*_LOCAL_RANGES, *extra):
        network = ipaddress.ip_network(text, strict=False)
        mapped = 0xFFFF << 32 if network.version == 4 else 0
        first, last = (mapped + int(a) for a in (network.network_address, network.broadcast_address))
        rows.append((first >> 64, first & (2**64 - 1), last >> 64, last & (2**64 - 1)))
    return np.array(rows, dtype=np.uint64)


@inner
def _digit(byte: int) -> int:
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@inner
def _parse_v4(data: npt.NDArray[np.uint8], begin: int, end: int) -> int:
    """Return the address as a number, or -1."""
    value, part, digits, dots = 0, 0, 0, 0
    for i in range(begin, end):
        if data[i] == _DOT:
            if digits == 0:
                return -1
            value, part, digits, dots = (value << 8) | part, 0, 0, dots + 1
        else:
            digit = _digit(data[i])
            if digit < 0 or digit > 9 or (digits > 0 and part == 0):
                return -1
            part, digits = part * 10 + digit, digits + 1
            if part > 255:
                return -1
    return ((value << 8) | part) if dots == 3 and digits > 0 else -1


@inner
def _parse_v6(data: npt.NDArray[np.uint8], begin: int, end: int, groups: npt.NDArray[np.int64]) -> bool:
    """Write eight 16-bit groups; False if the text is no IPv6 address (RFC 4291, 2.2)."""
    groups[:] = 0
    at, gap, digits, i = 0, -1, 0, begin
    while i < end:
        if data[i] == _COLON:
            double = i + 1 < end and data[i + 1] == _COLON
            if (gap >= 0 or (digits == 0 and i > begin)) if double else (digits == 0 or i + 1 == end):
                return False
            at += 1 if digits > 0 else 0
            gap, digits, i = at if double else gap, 0, i + (2 if double else 1)
            continue
        if data[i] == _DOT:
            v4 = _parse_v4(data, i - digits, end)
            if v4 < 0 or at > 6:
                return False
            groups[at], groups[at + 1], at, digits, i = v4 >> 16, v4 & 0xFFFF, at + 1, 1, end
            continue
        digit = _digit(data[i])
        if digit < 0 or at > 7 or digits > 3:
            return False
        groups[at], digits, i = groups[at] * 16 + digit, digits + 1, i + 1
    used = at + (1 if digits > 0 else 0)
    if gap < 0 or used > 7:
        return gap < 0 and used == 8
    for j in range(used - gap):
        groups[7 - j], groups[used - 1 - j] = groups[used - 1 - j], 0
    return True


@inner
def _half(groups: npt.NDArray[np.int64], first: int) -> np.uint64:
    value = np.uint64(0)
    for j in range(first, first + 4):
        value = value * np.uint64(65536) + np.uint64(groups[j])
    return value


@inner
def _in_ranges(high: np.uint64, low: np.uint64, ranges: npt.NDArray[np.uint64]) -> bool:
    for r in range(ranges.shape[0]):
        above = high > ranges[r, 0] or (high == ranges[r, 0] and low >= ranges[r, 1])
        below = high < ranges[r, 2] or (high == ranges[r, 2] and low <= ranges[r, 3])
        if above and below:
            return True
    return False


@kernel
def _classify(
    text: Text,
    ranges: npt.NDArray[np.uint64],
    key: npt.NDArray[np.uint64],
    network: npt.NDArray[np.uint64],
    scope: npt.NDArray[np.int64],
) -> None:
    groups = np.zeros(8, np.int64)
    for i in range(key.size):
        begin, end = text.ends[i], text.ends[i + 1]
        key[i] = hash_bytes(text.data, begin, end)
        v4 = _parse_v4(text.data, begin, end)
        if v4 >= 0:
            high, low = np.uint64(0), np.uint64((0xFFFF << 32) | v4)
            network[i] = join(np.uint64(4), np.uint64(v4 >> (32 - V4_NETWORK)))
            group = (v4 >> 28) == 14 or v4 == 0xFFFFFFFF
            subnet_broadcast = (v4 & 255) == 255
        elif _parse_v6(text.data, begin, end, groups):
            high, low = _half(groups, 0), _half(groups, 4)
            network[i] = join(np.uint64(6), high >> np.uint64(64 - V6_NETWORK))
            group, subnet_broadcast = groups[0] >= 0xFF00, False
        else:
            network[i], scope[i] = key[i], GLOBAL
            continue
        local = _in_ranges(high, low, ranges)
        scope[i] = GROUP if group or (local and subnet_broadcast) else LOCAL if local else GLOBAL


def ends_of(frame: pl.DataFrame, side: str, ranges: npt.NDArray[np.uint64]) -> Addresses:
    """Classify one end of every record, ``orig`` or ``resp``; its key is its device's, whatever its address is now.

    A device that is known by another name than the address has that in the frame (`ingest.records.DEVICES`).
    """
    found = addresses(frame[f"id.{side}_h"], ranges)
    if f"{side}_device" in frame.columns:
        names = frame[f"{side}_device"]
        found.key[names.is_not_null().to_numpy()] = hashes(names.drop_nulls())
    return found


def device_at(frame: pl.DataFrame, side: str) -> pl.Expr:
    """Return by what name the device at an end of every record is known: its address, if by no other."""
    address = pl.col(f"id.{side}_h").fill_null("")
    return pl.coalesce(f"{side}_device", address) if f"{side}_device" in frame.columns else address


def addresses(column: pl.Series, ranges: npt.NDArray[np.uint64]) -> Addresses:
    """Classify every address of a column; ``ranges`` from `local_ranges`."""
    n = len(column)
    out = Addresses(np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.int64))
    _classify(text_of(column), ranges, out.key, out.network, out.scope)
    return out
