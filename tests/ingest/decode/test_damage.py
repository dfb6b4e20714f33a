"""Damaged logs: nothing raises, and every line that was not touched is still read."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 3_000
HUGE = 10 * 2**20

TSV_HEADER = (
    b"#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tproto\tservice\tduration\tconn_state\ttunnel_parents\n"
)
TSV_ROW = b"%d.250000\tC%d\t10.0.0.5\t4000\t10.0.0.6\ttcp\tssl\t0.500000\tSF\ta,b\n"
JSON_ROW = (
    b'{"ts":%d.25,"uid":"C%d","id.orig_h":"10.0.0.5","id.orig_p":4000,"id.resp_h":"10.0.0.6","proto":"tcp","service":"ssl","duration":0.5,'
    b'"conn_state":"SF","tunnel_parents":["a","b"]}\n'
)


def flip_bits(chance: random.Random, line: bytes) -> bytes:
    damaged = bytearray(line[:-1])
    for _ in range(chance.randint(1, 3)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged) + b"\n"


def cut_short(chance: random.Random, line: bytes) -> bytes:
    return line[: chance.randrange(len(line) - 1)] + b"\n"


def put_in_nulls(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) - 1)
    return line[:at] + b"\0" * chance.randint(1, 9) + line[at:]


def put_in_bytes(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) - 1)
    junk = chance.randbytes(chance.randint(1, 9)).replace(b"\n", b"\xff") + b"\xc3"
    return line[:at] + junk + line[at:]


def make_huge(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) - 1)
    return line[:at] + b"A" * HUGE + line[at:]


@pytest.mark.parametrize("damage", [flip_bits, cut_short, put_in_nulls, put_in_bytes, make_huge])
@pytest.mark.parametrize(("header", "row"), [(TSV_HEADER, TSV_ROW), (b"", JSON_ROW)], ids=["tsv", "json"])
def test_untouched_lines_are_read(
    decode: Any, damage: Callable[[random.Random, bytes], bytes], header: bytes, row: bytes
) -> None:
    chance = random.Random(7)
    share = 0.001 if damage is make_huge else 0.1
    touched, lines = set(), []
    for number in range(ROWS):
        line = row % (number, number)
        if chance.random() < share:
            touched.add(number)
            line = damage(chance, line)
        lines.append(line)
    decoded = decode(header + b"".join(lines))
    uids = set(decoded.frames["conn"]["uid"].to_list())
    assert uids.issuperset(f"C{number}" for number in range(ROWS) if number not in touched)
    assert touched
    counts = decoded.decoder.counts
    accounted = counts.records.total() + counts.skipped.total() + counts.malformed + counts.blank
    read_as_header = sum(b"\n#" in b"\n" + line for line in lines)
    assert accounted >= b"".join(lines).count(b"\n") - read_as_header


def test_real_logs_damaged_at_random(decode: Any, shared_data: Any) -> None:
    """Bytes replaced anywhere, headers too: nothing raises, no record appears from nowhere."""
    chance = random.Random(11)
    for path in sorted((shared_data / "zeek_pcaps" / "philips-hue-lan").glob("*/*.log")):
        data = bytearray(path.read_bytes()[:60_000])
        for _ in range(len(data) // 300):
            data[chance.randrange(len(data))] = chance.randrange(256)
        counts = decode(bytes(data), str(path)).decoder.counts
        assert counts.records.total() + counts.skipped.total() + counts.malformed <= bytes(data).count(b"\n") + 1


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_only_counted(decode: Any, seed: int) -> None:
    noise = random.Random(seed).randbytes(20_000)
    decoded = decode(noise)
    assert not decoded.frames
    assert decoded.decoder.counts.malformed > 0


def test_what_is_kept_of_malformed_lines_is_bounded(decode: Any) -> None:
    decoder = decode(b"x" * 5_000 + b"\n" + b"junk\n" * 5_000).decoder
    assert decoder.counts.malformed == 5_001
    assert len(decoder.malformed) == 1_000
    assert max(len(line.sample) for line in decode(b"\xff" * 5_000).decoder.malformed) < 1_000


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"{broken\n", "not_json"),
        (b'{"ts":1.5,"colour":"red"}\n', "unknown_kind"),
        (b"[1]\n", "no_header"),
        (b'{"_path":"dns","query":"a"}\n', "fields"),
        (b'{"_path":"dns","ts":"now","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2"}\n', "value"),
        (b'{"_path":"dns","ts":1.5,"query":"a"}\n', "address"),
        (b'I say {"ts":1.5}\n', "prefix"),
        ('{"ts":1.5,"proto":"tcp"}'.encode("utf-16-le") + b"\n", "encoding"),
        (b'{"event_type":"flow","timestamp":"2018-09-14T11:40:31.500000+0000"}\n', "fields"),
        (b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n1.5\n", "fields"),
        (b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\nx\tC1\n", "value"),
        (b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n1.5\tC1\n", "address"),
        (b"#separator \\x09\n#path\tconn\n#fields\tuid\tproto\nC1\ttcp\n", "fields"),
    ],
)
def test_malformed_lines_are_counted_by_cause(decode: Any, line: bytes, cause: str) -> None:
    decoder = decode(line, "conn.log").decoder
    assert decoder.counts.rejected == {cause: 1}
    assert [malformed.cause for malformed in decoder.malformed] == [cause]
