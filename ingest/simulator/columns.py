"""From structured rows to polars columns: the text of addresses, uids and generated names, many at once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.draws import lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Keys

_BASE62: Final = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_BASE32: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_UID_LETTERS: Final = 17
_LETTERS_A_DRAW: Final = 10
"""Letters that one 64-bit draw gives: 62^10 is below 2^60."""


def from_letters(letters: npt.NDArray[np.uint8]) -> pl.Series:
    """Return ``(n, width)`` ASCII letters as n strings."""
    if not len(letters):
        return pl.Series(dtype=pl.String)
    lines = np.full((len(letters), letters.shape[1] + 1), ord("\n"), dtype=np.uint8)
    lines[:, :-1] = letters
    frame = pl.read_csv(io.BytesIO(lines.tobytes()), has_header=False, quote_char=None, schema={"text": pl.String})
    return frame["text"]


def letters_from(key: Keys, name: str, count: int, alphabet: npt.NDArray[np.uint8] = _BASE62) -> npt.NDArray[np.uint8]:
    """Draw ``(n, count)`` letters of an alphabet."""
    out = np.empty((len(key), count), dtype=np.uint8)
    for place in range(count):
        if place % _LETTERS_A_DRAW == 0:
            bits = lane(key, f"{name} {place}")
        out[:, place] = alphabet[bits % np.uint64(len(alphabet))]
        bits //= np.uint64(len(alphabet))
    return out


def uids(key: Keys, letter: str = "C") -> pl.Series:
    """Return unique identifiers of Zeek's form: a letter for the kind and 17 of base 62."""
    letters = np.empty((len(key), _UID_LETTERS + 1), dtype=np.uint8)
    letters[:, 0] = ord(letter)
    letters[:, 1:] = letters_from(key, f"uid {letter}", _UID_LETTERS)
    return from_letters(letters)


def labels(key: Keys, length: npt.NDArray[np.uint8]) -> pl.Series:
    """Return generated DNS labels of `length` letters in all, with a dot in their middle."""
    if not len(key):
        return pl.Series(dtype=pl.String)
    letters = letters_from(key, "label", int(length.max()), _BASE32)
    letters[np.arange(len(key)), length // 2] = ord(".")
    return pl.select(pl.lit(from_letters(letters)).str.head(pl.lit(pl.Series(length)))).to_series()


def words(table: Sequence[str | None], codes: npt.NDArray[np.integer]) -> pl.Series:
    """Return the word of each code; a code of -1 is null, and so is a word that is None."""
    lookup = pl.Series([*table, None], dtype=pl.String)
    return lookup.gather(np.where(codes < 0, len(table), codes).astype(np.uint32))


def address_texts(addresses: Addresses) -> pl.Series:
    """Return IPv4 numbers in dotted form."""
    octets = [
        pl.Series(f"{shift}", (addresses >> np.uint32(shift) & np.uint32(255)).astype(np.uint8))
        for shift in (24, 16, 8, 0)
    ]
    return pl.select(pl.concat_str([pl.lit(octet) for octet in octets], separator=".")).to_series()


def optional(values: npt.NDArray[np.number], unset: float = -1) -> pl.Series:
    """Return numbers as a series in which NaN, or `unset`, is null."""
    series = pl.Series(values)
    if series.dtype.is_float():
        return series.fill_nan(None)
    return series.set(series == unset, None)
