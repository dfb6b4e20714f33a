"""Real logs: every one is read without a malformed line, and one record is the same whatever format it was in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BROKEN = {"zeek_dirs/tsv-mixed/notice.log": "23 fields where the header names 26"}
"""Files with a line whose tabs somebody replaced by spaces: what it said cannot be known."""

LOGS = ("**/*.log", "**/*.log.gz", "**/*.labeled", "iot23/*.csv", "zeek_sample/json/*.gz", "suricata/*.gz")


def frames_equal(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> None:
    assert one.keys() == other.keys()
    for kind in one:
        assert_frame_equal(one[kind], other[kind], check_exact=True)


def in_milliseconds(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Cut the records' times to whole milliseconds, as Zeek does when it writes them so."""
    cut = (pl.col("ts") * 1e6).round().cast(pl.Int64) // 1000 / 1e3
    return {kind: frame.with_columns(cut.alias("ts")) for kind, frame in frames.items()}


def test_every_log_is_read_whole(shared_data: Path, decode: Any) -> None:
    found = 0
    for path in sorted({path for pattern in LOGS for path in shared_data.glob(pattern)}):
        decoder = decode.file(path).decoder
        name = path.relative_to(shared_data).as_posix()
        reasons = [line.reason for line in decoder.malformed]
        assert reasons == ([BROKEN[name]] if name in BROKEN else []), name
        assert decoder.counts.records or decoder.counts.skipped, name
        found += decoder.counts.records.total()
    assert found > 490_000


def test_no_line_is_unaccounted_for(shared_data: Path, decode: Any) -> None:
    for path in (shared_data / "zeek_dirs").glob("*/*.log"):
        counts = decode.file(path).decoder.counts
        lines = [line for line in path.read_bytes().splitlines() if not line.lstrip().startswith(b"#")]
        assert counts.records.total() + counts.skipped.total() + counts.malformed + counts.blank == len(lines), path


@pytest.mark.parametrize("kind", ["dns", "ssl", "ntp"])
def test_sample_is_equal_in_both_formats(shared_data: Path, decode: Any, kind: str) -> None:
    tsv = decode.file(shared_data / f"zeek_sample/tsv/{kind}.log.gz")
    json = decode.file(shared_data / f"zeek_sample/json/{kind}.json.gz")
    frames_equal(tsv.frames, json.frames)
    assert tsv.decoder.counts == json.decoder.counts


def test_captures_are_equal_in_both_formats(shared_data: Path, decode: Any) -> None:
    logs = list((shared_data / "zeek_pcaps").glob("*/tsv/*.log"))
    for path in logs:
        tsv, json = decode.file(path), decode.file(path.parent.parent / "json" / path.name)
        frames_equal(tsv.without_uids(), json.without_uids())
        assert tsv.decoder.counts == json.decoder.counts, path
    assert len(logs) > 50


@pytest.mark.parametrize(
    "variant",
    [
        "bare_tsv",
        "gzip",
        "json_iso8601",
        "json_millis",
        "json_millis_unsigned",
        "json_unset",
        "odd_separators",
        "rotated",
        "rotated_json",
    ],
)
def test_variants_decode_to_the_same_records(shared_data: Path, decode: Any, variant: str) -> None:
    """MAC addresses and community IDs are in the reference alone: the variants were made without these scripts."""
    for kind in ("conn", "dns", "http", "ssl", "dhcp", "notice", "weird"):
        parts = sorted((shared_data / "zeek_variants" / variant).glob(f"{kind}.*"))
        merged = [decode.file(part).frames[kind] for part in parts]
        reference = decode.file(shared_data / f"zeek_pcaps/philips-hue-lan/tsv/{kind}.log")
        reference.frames = {
            kind: reference.frames[kind].drop("orig_l2_addr", "resp_l2_addr", "community_id", strict=False)
        }
        decoded = decode(b"")
        decoded.frames = {kind: pl.concat(merged).select(reference.frames[kind].columns)}
        if "millis" in variant:
            decoded.frames, reference.frames = in_milliseconds(decoded.frames), in_milliseconds(reference.frames)
        frames_equal(decoded.without_uids(), reference.without_uids())


def test_labelled_logs_keep_their_values(shared_data: Path, decode: Any) -> None:
    """The three-space labels, with CRLF, neither spoil the last column nor hide one."""
    conn = decode.file(shared_data / "iot23/42-1.conn.log.labeled").frames["conn"]
    assert conn.height == 4426
    assert conn["tunnel_parents"].null_count() == 4426
    assert conn["history"][0] == "ShADadttFf"


def test_csv_and_tsv_of_the_same_lock_agree_in_shape(shared_data: Path, decode: Any) -> None:
    conn = decode.file(shared_data / "iot23/20-1.conn.csv").frames["conn"]
    assert conn.height == 3209
    assert conn["local_orig"].null_count() == conn.height
    assert conn["service"].drop_nulls().to_list()[0] == "dns"
