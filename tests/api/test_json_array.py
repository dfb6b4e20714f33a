"""A body that is searched and parsed in slices says the same as one that is parsed whole, within its limits."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.serve.json_array import JsonShapeError, TooManyError, search

TEXTS = st.text(st.sampled_from('ab\\\\"[]{},: é\n'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def parsed(body: bytes) -> Any:
    """Return the document put together from its slices, or the type of error."""
    try:
        found = search(body, 1000)
        lists = {name: [one for some in array.slices() for one in some] for name, array in found.arrays.items()}
    except (orjson.JSONDecodeError, JsonShapeError):
        return ValueError
    assert {name: len(array) for name, array in found.arrays.items()} == {
        name: len(all_) for name, all_ in lists.items()
    }
    return found.rest | lists


def whole(body: bytes) -> Any:
    """Return the document, or the type of error; what is no object counts as wrong."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ValueError
    return document if isinstance(document, dict) else ValueError


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.sampled_from([None, 1]), st.data())
def test_slices_are_the_whole(document: dict[str, Any], indent: int | None, data: st.DataObject) -> None:
    body = json.dumps(document, indent=indent, ensure_ascii=data.draw(st.booleans())).encode()
    if data.draw(st.booleans()):  # damage it
        at = data.draw(st.integers(0, len(body)))
        body = (
            body[:at]
            + data.draw(st.sampled_from([b"", b"}", b'"', b",", b"[", b"]", b"{", b":", b"\\"]))
            + body[at + 1 :]
        )
    assert parsed(body) == whole(body)


def test_strings_and_escapes_over_the_ends_of_pieces() -> None:
    records = [{"uid": "x" * n + '\\"]},' * 9} for n in range(2000)]
    body = json.dumps({"traffic": records}).encode()
    assert len(body) > 4 << 18
    (array,) = search(body, 2000).arrays.values()
    assert [one for some in array.slices() for one in some] == records


def test_too_many_are_refused_before_they_are_built() -> None:
    body = b'{"traffic":[' + b",".join([b"{}"] * 1_000_000) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(TooManyError, match="more than 1000"):
            search(body, 1000)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"traffic":' + b"[" * 100 + b"]" * 100 + b"}", "deeper than 64"),
        (b'{"traffic":[{},' + json.dumps(dict.fromkeys(map(str, range(5000)))).encode() + b"]}", "record 1 has more"),
        (b'{"x":' + json.dumps(dict.fromkeys(map(str, range(5000)))).encode() + b',"traffic":[]}', "beside its lists"),
        (json.dumps(dict.fromkeys(map(str, range(500)))).encode(), "more than 64 members"),
    ],
)
def test_what_is_too_deep_or_too_rich_is_refused(body: bytes, what: str) -> None:
    with pytest.raises(JsonShapeError, match=what):
        search(body, 10_000)
