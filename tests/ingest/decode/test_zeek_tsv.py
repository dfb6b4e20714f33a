"""Zeek TSV to the letter: headers, marks, escapes, line ends, and what a broken row is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.blocks import FEW_LINES
from ingest.decode.decoder import LogDecoder

HEADER = b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
FIELDS = (
    b"#fields\tts\tuid\tid.orig_h\tid.resp_h\tid.orig_p\tservice\tduration\torig_bytes\tlocal_orig\ttunnel_parents\n"
)
ROW = b"1.5\t-\t10.0.0.1\t10.0.0.2\t-\t-\t-\t-\t-\t-\n"
ENDS = ("10.0.0.1", "10.0.0.2")

SCALARS = st.one_of(
    st.none(), st.text(max_size=12), st.sampled_from(["-", "(empty)", "#", "\\", "\\x41", "T", "~", "|", ";"])
)
VECTORS = st.one_of(st.none(), st.lists(SCALARS, max_size=4).filter(lambda items: items not in ([""], [None])))
WRITERS = st.fixed_dictionaries(
    {},
    optional={
        "separator": st.sampled_from(["\t", "|", ";", " ", "\x01", "||"]),
        "set_separator": st.sampled_from([",", "~", "::"]),
        "empty": st.sampled_from(["(empty)", "EMPTY", "e"]),
        "unset": st.sampled_from(["-", "NULL", "unset"]),
    },
)


@given(WRITERS, st.lists(st.tuples(SCALARS, SCALARS, VECTORS, st.none() | st.booleans()), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_what_zeek_writes_is_read_back(decode: Any, zeek_writer: Any, marks: dict[str, str], rows: list[Any]) -> None:
    """Vectors of one empty or one unset element are left out: Zeek writes them like an empty or an unset vector."""
    writer = zeek_writer(**marks)
    fields = ("service", "ts", "history", "tunnel_parents", "id.orig_h", "id.resp_h", "local_orig")
    rows = rows * FEW_LINES  # enough for the loops to read them
    log = writer.header("conn", fields)
    log += b"".join(writer.row([one, 1.5, two, several, *ENDS, truth]) for one, two, several, truth in rows)
    decoded = decode(log)
    assert not decoded.decoder.malformed
    read = decoded.frames["conn"].select("service", "history", "tunnel_parents", "local_orig")
    assert read.rows() == rows


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT", "9 fields where the header names 10"),
        (b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-\t-", "11 fields where the header names 10"),
        (b"1.5\tC1\t10.0.0.1\t-\t80\t-\t1.0\t5\tT\t-", "id.resp_h: the address of this end is missing"),
        (b"1.5\tC1\t10.0.0.1\t10.0.0\t80\t-\t1.0\t5\tT\t-", "id.resp_h: '10.0.0' is not an IP address"),
        (b"1.5\tC1\tcamera.lan\t10.0.0.2\t80\t-\t1.0\t5\tT\t-", "id.orig_h: 'camera.lan' is not an IP address"),
        (b"1.5\tC1\t(empty)\t10.0.0.2\t80\t-\t1.0\t5\tT\t-", "id.orig_h: '(empty)' is not an IP address"),
        (b"-\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-", "ts: the time of the record is missing"),
        (b"1e300\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-", "1e+300 is not a time between the years 1 and 9999"),
        (b"nan\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-", "ts: 'nan' is not a number"),
    ],
)
def test_a_broken_row_is_told_why_and_its_neighbours_are_read(decode: Any, row: bytes, reason: str) -> None:
    good = b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-\n"
    decoded = decode(HEADER + FIELDS + good + row + b"\n" + good)
    assert decoded.frames["conn"].height == 2
    (line,) = decoded.decoder.malformed
    assert line.reason.startswith(reason)
    assert line.offset == len(HEADER + FIELDS + good)
    assert line.sample == row.decode()


def test_unset_empty_and_absent_stay_apart(decode: Any) -> None:
    rows = (
        b"1.5\t-\t10.0.0.1\t10.0.0.2\t-\t-\t-\t-\t-\t-\n1.5\tC1\t10.0.0.1\t10.0.0.2\t0\t(empty)\t0.0\t0\tF\t(empty)\n"
    )
    conn = decode(HEADER + FIELDS + rows).frames["conn"]
    assert conn["service"].to_list() == [None, ""]
    assert conn["tunnel_parents"].to_list() == [None, []]
    assert conn["orig_bytes"].to_list() == [None, 0]
    assert conn["local_orig"].to_list() == [None, False]
    assert conn["history"].to_list() == [None, None]


def test_a_header_may_change_in_the_middle(decode: Any) -> None:
    log = HEADER + FIELDS + b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\t-\n#close\t2026-01-01-00-00-00\n"
    log += (
        HEADER.replace(b"conn", b"dns").replace(b"(empty)", b"E")
        + b"#fields\tquery\tts\tanswers\tid.orig_h\tid.resp_h\nE\t2.5\tE\t10.0.0.1\t10.0.0.2\n"
    )
    log += b"#fields\tts\tquery\tid.orig_h\tid.resp_h\n3.5\ta.example\t10.0.0.1\t10.0.0.2\n"
    decoded = decode(log)
    assert decoded.frames["conn"]["uid"].to_list() == ["C1"]
    assert decoded.frames["dns"].select("ts", "query", "answers").rows() == [(2.5, "", []), (3.5, "a.example", None)]


def test_a_path_alone_changes_the_kind(decode: Any) -> None:
    log = b"#fields\tts\tproto\tquery\tid.orig_h\tid.resp_h\n"
    log += b"".join(b"#path\t%s\n1.5\tudp\tq\t10.0.0.1\t10.0.0.2\n" % path for path in (b"dns", b"weird", b"ntp"))
    decoded = decode(log)
    assert {kind: frame.height for kind, frame in decoded.frames.items()} == {"dns": 1, "weird": 1}
    assert decoded.decoder.counts.skipped == {"ntp": 1}


def test_columns_are_found_by_name_wherever_they_stand(decode: Any) -> None:
    fields = FIELDS.rstrip(b"\n").split(b"\t")[1:]
    row = b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\thttp\t1.0\t5\tT\ta,b".split(b"\t")
    forward = decode(HEADER + b"#fields\t" + b"\t".join(fields) + b"\n" + b"\t".join(row) + b"\n")
    backward = decode(HEADER + b"#fields\t" + b"\t".join(fields[::-1]) + b"\n" + b"\t".join(row[::-1]) + b"\n")
    assert forward.frames["conn"].equals(backward.frames["conn"], null_equal=True)


def test_line_ends_of_windows_and_an_unfinished_last_line(decode: Any) -> None:
    log = (
        HEADER
        + FIELDS
        + b"1.5\tC1\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\ta\n1.5\tC2\t10.0.0.1\t10.0.0.2\t80\t-\t1.0\t5\tT\tb"
    )
    unix, windows = decode(log), decode(log.replace(b"\n", b"\r\n"))
    assert unix.frames["conn"].equals(windows.frames["conn"], null_equal=True)
    assert unix.frames["conn"]["tunnel_parents"].to_list() == [["a"], ["b"]]


def test_a_bare_header_row_and_one_that_comes_again(decode: Any) -> None:
    log = b"ts\tuid\tproto\tconn_state\tid.orig_h\tid.resp_h\n1.5\tC1\tudp\tSF\t10.0.0.1\t10.0.0.2\n"
    log += b"ts\tproto\tconn_state\tid.orig_h\tid.resp_h\n2.5\tudp\t-\t10.0.0.1\t10.0.0.2\n"
    conn = decode(log, "something.log").frames["conn"]
    assert conn.select("ts", "uid", "conn_state").rows() == [(1.5, "C1", "SF"), (2.5, None, None)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("conn", "conn"),
        ("conn-logger-1", "conn"),
        ("conn_long", "conn_long"),
        ("open_conn", "conn_long"),
        ("json_streaming_conn", "conn"),
    ],
)
def test_names_of_one_kind(decode: Any, path: str, kind: str) -> None:
    assert list(decode(HEADER.replace(b"conn", path.encode()) + FIELDS + ROW).frames) == [kind]


def test_rows_without_any_header_are_counted(decode: Any) -> None:
    decoded = decode(b"1.5\tC1\n\n   \n1.6\tC2\n")
    assert decoded.decoder.counts.malformed == 2
    assert decoded.decoder.counts.blank == 2
    assert decoded.decoder.malformed[1].offset == 12


@given(st.lists(st.integers(0, 60), max_size=8), st.sampled_from(["tsv", "json", "eve"]), st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_any_cut_gives_the_same_records(
    decode: Any, mixed_log: dict[str, bytes], cuts: list[int], form: str, restart: int
) -> None:
    """Also where the decoder is made anew from its state, written to JSON and read again, after any line."""
    log = mixed_log[form]
    lines = log.splitlines(keepends=True)
    cuts = sorted(min(cut, len(lines)) for cut in cuts)
    whole, pieces = decode(log), decode(log, cuts=cuts or [0])
    head, tail = b"".join(lines[:restart]), b"".join(lines[restart:])
    first = LogDecoder("conn.log")
    before = first.feed(head)
    second = LogDecoder("conn.log", json.loads(json.dumps(first.state())))
    after = [*second.feed(tail, len(head)), *second.finish()]
    restarted = type(whole)(second, [*before, *after])
    assert whole.frames.keys() == pieces.frames.keys() == restarted.frames.keys()
    for kind, frame in whole.frames.items():
        assert frame.equals(pieces.frames[kind], null_equal=True)
        assert frame.equals(restarted.frames[kind], null_equal=True)
    offsets = [line.offset for line in whole.decoder.malformed]
    assert [line.offset for line in pieces.decoder.malformed] == offsets
    assert [line.offset for line in (*first.malformed, *second.malformed)] == offsets
    assert pieces.decoder.counts == whole.decoder.counts
