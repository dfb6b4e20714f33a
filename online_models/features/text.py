"""String columns as flat bytes, and the 64-bit hash that stands for a string in every table.

The hash is FNV-1a (Fowler, Noll, Vo) finished with splitmix64's mixer: the same on every machine and version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.compiled import by_reference
from online_models.compile import inner, kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

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
