"""A declared log is decoded as the known ones are, TSV and JSON alike, and is unknown again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import polars as pl
import pytest

from ingest.declared import Log, declare
from ingest.decode.decoder import LogDecoder
from ingest.decode.objects import decode_objects
from ingest.records import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = pl.Schema(
    {
        "ts": pl.Float64(),
        "uid": pl.String(),
        "from_host": pl.String(),
        "to_host": pl.String(),
        "unit": pl.Int64(),
        "func": pl.String(),
        "ok": pl.Boolean(),
        "tags": pl.List(pl.String()),
    }
)
NAMES = list(SCHEMA)
HEADER = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tplc\n#fields\t"
ROWS = [
    {
        "ts": 1_700_000_000.5 + n,
        "uid": f"C{n}",
        "from_host": "10.0.0.1",
        "to_host": "::ffff:10.0.0.2",
        "unit": n,
        "func": "READ" if n % 2 else None,
        "ok": n % 3 == 0,
        "tags": ["a", "b"] if n % 2 else [],
    }
    for n in range(300)
]


def tsv(row: dict[str, object]) -> str:
    """Return a row as Zeek writes it."""
    return "\t".join(_cell(row[name]) for name in NAMES)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value) or "(empty)"
    if isinstance(value, bool):
        return "T" if value else "F"
    return "-" if value is None else str(value)


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    declare({"plc": Log(SCHEMA, ("from_host", "to_host"))})
    yield
    declare({})


def expected() -> pl.DataFrame:
    """Return the rows with addresses in their one spelling."""
    return pl.DataFrame([{**row, "to_host": "10.0.0.2"} for row in ROWS], schema=SCHEMA)


def test_tsv_and_json_give_the_same_records_whatever_way_they_are_read() -> None:
    text = HEADER + "\t".join([*NAMES, "other"]) + "\n" + "".join(f"{tsv(row)}\tx\n" for row in ROWS)
    lines = [orjson.dumps({"_path": "plc", **{k: v for k, v in row.items() if v is not None}}) for row in ROWS]
    for content in (text.encode(), b"".join(line + b"\n" for line in lines)):
        decoder = LogDecoder("spool/any.log")
        (batch,) = decoder.feed(content)
        assert batch.kind == "plc"
        assert decoder.counts.malformed == 0
        assert batch.frame.equals(expected())
    one_by_one = decode_objects([{"_path": "plc", **row} for row in ROWS])
    assert one_by_one.batches[0].frame.equals(expected())


def test_json_without_a_path_is_told_by_its_files_name() -> None:
    (batch,) = LogDecoder("plc.2026-01-01.log").feed(b"".join(orjson.dumps(row) + b"\n" for row in ROWS))
    assert (batch.kind, len(batch)) == ("plc", len(ROWS))


def test_a_record_without_an_end_or_with_a_wrong_one_is_malformed() -> None:
    rows = [ROWS[0] | {"to_host": "nobody"}, {name: value for name, value in ROWS[0].items() if name != "from_host"}]
    for row in rows:
        decoder = LogDecoder("plc.log")
        assert decoder.feed(orjson.dumps(row) + b"\n") == []
        assert [bad.cause for bad in decoder.malformed] == ["address"]
    text = HEADER + "\t".join(NAMES) + "\n" + 300 * (tsv(ROWS[0] | {"to_host": "nobody"}) + "\n")
    decoder = LogDecoder("plc.log")
    assert decoder.feed(text.encode()) == []
    assert decoder.counts.malformed == 300


def test_what_is_no_longer_declared_is_a_log_that_is_not_analysed() -> None:
    declare({})
    assert "plc" not in SCHEMAS
    decoder = LogDecoder("plc.log")
    assert decoder.feed(orjson.dumps({"_path": "plc", **ROWS[0]}) + b"\n") == []
    assert decoder.counts.skipped == {"plc": 1}
    assert "auth_success" in SCHEMAS["ssh"]
    declare({"ssh": Log(pl.Schema({**SCHEMAS["ssh"], "more": pl.String()}), ("id.orig_h", "id.resp_h"))})
    assert "more" in SCHEMAS["ssh"]
    declare({})
    assert "more" not in SCHEMAS["ssh"]
