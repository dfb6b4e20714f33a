"""The loops over blocks give exactly what reading row by row gives, for plain values and for the strangest ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest.decode.addresses import ADDRESSES
from ingest.decode.blocks import FEW_LINES, cut, utf8_lines
from ingest.decode.json_lines import parse_line
from ingest.decode.json_rows import read_event
from ingest.decode.schemas import SCHEMAS
from ingest.decode.suricata.events import EveReader
from ingest.decode.tally import frame_of
from ingest.decode.values import text_converter
from ingest.decode.zeek.header import Header, HeaderReader
from ingest.decode.zeek.json_loops import JsonLoops, zeek_form
from ingest.decode.zeek.rows import RowReader
from ingest.decode.zeek.tsv_blocks import Loops
from ingest.errors import BadLineError

KINDS = ("conn", "dns", "http", "ssl", "dhcp", "notice", "mqtt_subscribe")

NUMBERS = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.integers(0, 70_000).map(str),
    st.floats(0, 2e9).map(lambda value: f"{value:.6f}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1_000, 1_000, places=9).map(str),
    st.sampled_from(
        ["-0", "007", "+5", " 5", "5 ", "5.", ".5", "1e3", "1E-3", "1.5e400", "nan", "inf", "-inf", "0x1f"]
    ),
    st.sampled_from(["1_0", "٣", "0.0000005", "0.0000015", "2.5000005", "9.5367431640625e-07", "1700000000.1234567"]),
    st.sampled_from(["1e", "-", "--1", "9" * 400, "1536925231782", "-1536925231782", "253402300800", "1.0.0"]),
    st.sampled_from(["4503599627.370497", "0.000000000000000000000001", "2251799813.685249", "999999999999999999"]),
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "T",
            "F",
            "true",
            "(empty)",
            "-",
            "\\",
            "\\x41",
            "\\xff",
            "\\xc3\\xa9",
            "\\xc3\\xa9\\xff",
            "a\\x2",
            ",",
            "a,b",
            "a,,b",
            "a,-",
            '"',
        ]
    ),
    st.sampled_from(
        ["\\x00", "\\x1f", "\\x20", "\\x7f", "\\x7F", "\\x80", "\\\\x00", "\x00", "\x7f", "\\x1F", "\\x1", "\\"]
    ),
    st.text(alphabet="\\x0123456789abcdefABCDEF,-", max_size=20),
)
CELLS = st.one_of(st.sampled_from(["-", "(empty)", ""]), NUMBERS, TEXTS).map(
    lambda text: text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
)
PLAIN_ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(
        ["::ffff:10.0.0.1", "FE80::1", "fe80:0:0:0::1", "10.0.0", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "a"]
    ),
)
FILLING = {"ts": "1.5", "id.orig_h": "10.0.0.1", "id.resp_h": "2001:db8::1"}
SPELLINGS = st.sampled_from(
    [
        ("id.orig_h", "id.resp_h"),
        ("id_orig_h", "id_resp_h"),
        ("id orig h", "id resp h"),
        ("id::orig_h", "id::resp_h"),
        (),
    ]
)
TIMES = st.floats(0, 4e9).map(lambda value: f"{value:.6f}")


@st.composite
def tsv_lines(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(KINDS))
    names = draw(st.permutations([*SCHEMAS[kind], "unknown"]))
    odd = st.lists(CELLS, min_size=len(names) - 1, max_size=len(names) + 1)
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        cells = {name: _plain(draw, SCHEMAS[kind].get(name), name) for name in names}
        for name in draw(st.lists(st.sampled_from(names), max_size=2)):
            cells[name] = draw(CELLS)
        rows.append("\t".join(draw(odd) if draw(st.integers(0, 9)) == 0 else cells.values()))
    header = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
    header += f"#path\t{kind}\n#fields\t" + "\t".join(names) + "\n"
    rows += ["\t".join(FILLING.get(name, "-") for name in names)] * FEW_LINES
    return header, "".join(f"{row}\n" for row in rows if not row.startswith("#")).encode("utf-8", "surrogatepass")


def _plain(draw: st.DrawFn, dtype: pl.DataType | None, name: str) -> str:
    if name == "ts":
        return draw(TIMES)
    if name in ADDRESSES:
        return draw(PLAIN_ADDRESSES)
    if dtype == pl.Boolean:
        return draw(st.sampled_from("TF-"))
    if isinstance(dtype, pl.List):
        item = st.integers(0, 99).map(str) if dtype.inner != pl.String else CELLS.filter(bool)
        return ",".join(draw(st.lists(item, max_size=3))) or draw(st.sampled_from(["-", "(empty)"]))
    if dtype in (pl.Int64, pl.UInt16):
        return draw(st.one_of(st.integers(0, 65_535).map(str), st.just("-")))
    return (
        draw(st.one_of(TIMES, st.just("-")))
        if dtype == pl.Float64
        else draw(st.text("abc -é", min_size=1, max_size=20))
    )


@pytest.mark.slow
@given(tsv_lines())
@settings(max_examples=100, deadline=None)
def test_tsv_loops_agree_with_rows(decode: Any, log: tuple[str, bytes]) -> None:
    header, lines = log
    reader = HeaderReader()
    for line in header.encode().splitlines():
        reader.read_meta(line)
    kind = reader.header.path or ""
    rows, reasons, offset = [], [], 0
    by_row = RowReader(reader.header, kind)
    for line in lines.split(b"\n")[:-1]:
        try:
            if line.strip() and not line.strip().startswith(b"#"):
                rows.append(by_row.read(line, []))
        except BadLineError as error:
            reasons.append((len(header) + offset, str(error)))
        offset += len(line) + 1
    decoded = decode(header.encode() + lines)
    assert [(line.offset, line.reason) for line in decoded.decoder.malformed] == reasons
    assert_frame_equal(decoded.frames.get(kind, frame_of(kind, [])), frame_of(kind, rows), check_exact=True)


@given(st.lists(NUMBERS.filter(lambda text: "\t" not in text), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_numbers_agree_with_rows(decode: Any, numbers: list[str]) -> None:
    """One column of numbers, read as an interval, a count and a port."""
    for name in ("duration", "orig_bytes", "id.orig_p"):
        convert = text_converter(name, SCHEMAS["conn"][name])
        expected, wrong = [], 0
        for text in numbers:
            try:
                expected.append(None if text == "-" else convert(text))
            except BadLineError:
                expected.append(None)
                wrong += 1
        lines = "".join(f"1.5\t10.0.0.1\t::1\t{text}\n" for text in [*numbers, *["-"] * FEW_LINES]).encode()
        decoded = decode(f"#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\t{name}\n".encode() + lines)
        assert decoded.frames["conn"][name].to_list() == expected + [None] * FEW_LINES
        assert decoded.decoder.counts.nulled == ({f"conn.{name}": wrong} if wrong else {})
        assert not decoded.decoder.malformed


PIECES = st.one_of(st.binary(max_size=6), st.text(max_size=4).map(str.encode), st.just("é€𝄞".encode()))


@given(st.lists(st.lists(PIECES, max_size=6).map(b"".join), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_lines_that_are_utf8_are_told_from_others(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    (block,) = cut(b"".join(line + b"\n" for line in lines), 0)
    expected = [line.decode(errors="replace").encode() == line for line in lines]
    assert utf8_lines(block).tolist() == expected


def test_ordinary_rows_never_leave_the_loops() -> None:
    """If they did, everything would be right and slow, and no other test would say so."""
    header = Header(
        fields=("ts", "id.orig_h", "id.resp_h", "uid", "duration", "local_orig", "tunnel_parents", "id.orig_p"),
        path="conn",
    )
    rows = (
        b"1.500000\t10.0.0.1\tfe80:0:0::1\tC1\t0.25\tT\ta,b\t80\n"
        b"1600000000.123456\t::ffff:1.2.3.4\t1.2.3.4\t-\t-\t-\t(empty)\t-\n"
        b"2.0\t0.0.0.0\t255.255.255.255\ta\\x2cb\t3\tF\t-\t65535\n"
    )
    plain = np.zeros(3, np.uint8)
    Loops(header, "conn").read(next(cut(rows, 0)), plain)
    assert plain.tolist() == [1, 1, 1]
    lines = (
        b'{"ts":1536925231.782367,"uid":"C1","id.orig_h":"10.0.0.1","id.resp_h":"fe80::1","proto":"udp","conn_state":"S0","duration":15.02908992767334,"ip_proto":17}\n'
        b'{"ts":"2018-09-14T11:40:31.782367Z","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp","conn_state":"SF","local_orig":true,"tunnel_parents":["a","b"]}\n'
        b'{"ts": 1536925231782, "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", '
        b'"proto": "a\\"b", "conn_state": null, "tunnel_parents": [], "other": [1, 2.5]}\n'
    )
    JsonLoops(zeek_form("conn", None, "conn", ("ts", "id.orig_h"))).read(next(cut(lines, 0)), plain)
    assert plain.tolist() == [1, 1, 1]


JSON_ITEMS = st.one_of(st.none(), TEXTS, st.integers(0, 99), st.floats(0, 1e6))
JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.lists(JSON_ITEMS, max_size=3),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
JSON_TIMES = st.one_of(
    st.floats(0, 4e9).map(lambda value: round(value, 6)),
    st.integers(10**11, 10**13),
    st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06}Z".rjust(27, "0")),
    st.sampled_from(
        [
            "2018-09-14T11:40:31.1000000Z",
            "2018-02-29T00:00:00.000000Z",
            "2018-13-01T00:00:00.000000Z",
            "x",
            1.5e300,
            -1e12,
        ]
    ),
)


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(KINDS))
    schema = SCHEMAS[kind]
    path: dict[str, Any] = {"_path": kind} if draw(st.booleans()) else {}
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        ends = draw(SPELLINGS)
        record = {**path, "ts": draw(JSON_TIMES)} | {key: draw(PLAIN_ADDRESSES) for key in ends}
        if draw(st.integers(0, 9)) == 0:
            record["id"] = {"orig_h": draw(PLAIN_ADDRESSES), "resp_h": draw(PLAIN_ADDRESSES), "orig_p": 5}
        for name in draw(st.lists(st.sampled_from([*schema, "unknown"]), max_size=30, unique=True)):
            if name not in ("ts", "id.orig_h", "id.resp_h"):
                record[name] = draw(PLAIN_ADDRESSES) if name in ADDRESSES else _plain_json(draw, schema.get(name))
        for name in draw(st.lists(st.sampled_from([*schema, "unknown", "_path"]), max_size=2)):
            record[name] = draw(JSON_VALUES)
        text = orjson.dumps(record) if draw(st.booleans()) else _spaced(draw, record)
        lines.append(_damaged(draw, text) if draw(st.integers(0, 9)) == 0 else text)
    lines += [b'{"_path":"ntp","ts":1.5}'] * FEW_LINES
    return b"".join(line.replace(b"\n", b"") + b"\n" for line in lines if line.startswith(b"{"))


def _plain_json(draw: st.DrawFn, dtype: pl.DataType | None) -> Any:
    if isinstance(dtype, pl.List):
        numeric = dtype.inner != pl.String
        return draw(st.lists(st.floats(0, 1e5) if numeric else TEXTS, max_size=3))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        pl.Boolean: st.booleans(),
        pl.Float64: st.floats(0, 1e5),
        pl.String: TEXTS,
        None: JSON_VALUES,
    }
    return draw(plain.get(dtype.base_type() if dtype else None, st.integers(0, 65_535)))


def _spaced(draw: st.DrawFn, record: dict[str, Any]) -> bytes:
    import json  # noqa: PLC0415  # orjson writes no spaces and no escapes of other characters

    return json.dumps(record, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def _damaged(draw: st.DrawFn, text: bytes) -> bytes:
    at = draw(st.integers(0, len(text) - 1))
    return draw(
        st.sampled_from([text[:at], text[:at] + draw(st.binary(max_size=3)) + text[at:], text + text, text + b" "])
    )


@given(json_lines(), st.sampled_from(["conn.log", "unnamed.log", "conn_long.log"]))
@settings(max_examples=100, deadline=None)
def test_json_loops_agree_with_rows(decode: Any, lines: bytes, name: str) -> None:
    hint = name.removesuffix(".log")
    found: dict[str, list[dict[str, Any]]] = {}
    reasons, offset = [], 0
    for line in lines.split(b"\n")[:-1]:
        try:
            for kind, row in read_event(parse_line(line.removesuffix(b"\r")), hint, EveReader()).rows or []:
                found.setdefault(kind, []).append(row)
        except BadLineError as error:
            reasons.append((offset, str(error)))
        offset += len(line) + 1
    decoded = decode(lines, name)
    assert [(line.offset, line.reason) for line in decoded.decoder.malformed] == reasons
    assert decoded.frames.keys() == found.keys()
    for kind, rows in found.items():
        assert_frame_equal(decoded.frames[kind], frame_of(kind, rows), check_exact=True)
