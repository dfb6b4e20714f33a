"""Strings become bytes and hashes that are the same in every slice, on every machine and in every version."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.features.text import codes, hash_bytes, hashes, join, mix, text_of

COMPILING = settings(deadline=None, max_examples=60)
KNOWN = {
    "": 0xF52A15E9A9B5E89B,
    "a": 0x02C0BDBF481420F8,
    "192.168.1.20": 0x36ECD85ECEBCB2EE,
    "fe80::1": 0xA5E7AA1486B97496,
    "www.example.com": 0x0BA27C93FB1517B5,
    "μεταβλητή": 0x9A4A3758ACA6FA72,
}
STRINGS = st.lists(st.none() | st.text(max_size=20), max_size=20)
WORD = 2**64 - 1


def plain_mix(h: int) -> int:
    """Finish a hash as splitmix64 does (Steele, Lea, Flood 2014)."""
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & WORD
    return (h ^ (h >> 31)) or 1


def plain_hash(data: bytes) -> int:
    """Hash as FNV-1a does (RFC 9923), and finish."""
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & WORD
    return plain_mix(h)


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_hashes_of_known_strings_never_change(text: str, expected: int) -> None:
    assert int(hashes(pl.Series([text]))[0]) == expected


@COMPILING
@given(STRINGS)
def test_hash_is_fnv_1a_finished_by_splitmix(texts: list[str | None]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    assert hashes(column).tolist() == [plain_hash((text or "").encode()) for text in texts]


@COMPILING
@given(st.integers(0, WORD), st.integers(0, WORD))
def test_a_pair_is_hashed_in_order_and_never_to_the_mark_of_an_empty_place(a: int, b: int) -> None:
    found = int(join(np.uint64(a), np.uint64(b)))
    assert found == plain_mix((a * 0x9E3779B97F4A7C15 + b) & WORD) != 0


def test_zero_is_mixed_to_something_else() -> None:
    assert int(mix(np.uint64(0))) == 1


@COMPILING
@given(STRINGS, st.data())
def test_a_slice_of_a_column_says_what_the_same_strings_alone_say(texts: list[str | None], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(texts)))
    length = data.draw(st.integers(0, len(texts)))
    column = pl.Series(texts, dtype=pl.String).slice(begin, length)
    text = text_of(column)
    pieces = [text.data[a:b].tobytes().decode() for a, b in zip(text.ends[:-1], text.ends[1:], strict=True)]
    assert pieces == [piece or "" for piece in texts[begin : begin + length]]
    assert hashes(column).tolist() == hashes(pl.Series(column.to_list(), dtype=pl.String)).tolist()


def test_a_column_of_several_chunks_is_read_as_one() -> None:
    column = pl.concat([pl.Series(["ab", None]), pl.Series(["", "c"])], rechunk=False)
    assert column.n_chunks() == 2
    assert hashes(column).tolist() == hashes(pl.Series(["ab", "", None, "c"])).tolist()


@COMPILING
@given(STRINGS.filter(len))
def test_many_strings_are_read_as_few_are(texts: list[str | None]) -> None:
    few, times = pl.Series(texts, dtype=pl.String), 2_000 // len(texts) + 1
    many = pl.Series(texts * times, dtype=pl.String)
    assert hashes(many).tolist() == hashes(few).tolist() * times
    assert text_of(many).ends.dtype == text_of(few).ends.dtype


def test_a_part_of_the_bytes_is_hashed_alone() -> None:
    data = np.frombuffer(b"xxabcyy", np.uint8)
    assert int(hash_bytes(data, 2, 5)) == plain_hash(b"abc")


def test_codes_count_words_from_one_and_give_zero_to_null_and_to_others() -> None:
    assert codes(pl.Series(["tcp", None, "udp", "x", "tcp"]), ("tcp", "udp")).tolist() == [1, 0, 2, 0, 1]
    assert codes(pl.Series([], dtype=pl.String), ("tcp",)).tolist() == []
