"""What real Suricata and real Zeek wrote for the same packets becomes the same records, as far as both say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def captured(shared_data: Path, decode: Any, capture: str, kind: str, *key: str) -> pl.DataFrame:
    """Return the records of both sensors side by side, those with a key of their own; Zeek's end in ``_zeek``."""
    suricata: pl.DataFrame = decode.file(shared_data / f"suricata/{capture}.eve.json.gz").frames[kind]
    folder = shared_data / f"zeek_pcaps/{capture}/json"
    zeek = decode.file(folder / f"{kind}.log").frames[kind]
    if kind != "conn":
        conn = decode.file(folder / "conn.log").frames["conn"].select("uid", "community_id")
        zeek = zeek.drop("community_id").join(conn, on="uid", how="left")
    suricata, zeek = (frame.filter(pl.struct(key).is_unique()) for frame in (suricata, zeek))
    return suricata.join(zeek, on=key, suffix="_zeek")


def agreement(joined: pl.DataFrame, column: str) -> float:
    """Return the share of records in which the two agree (times to the microsecond)."""
    one, other = joined[column], joined[f"{column}_zeek"]
    same = (one - other).abs() < 2e-6 if one.dtype == pl.Float64 else one.eq_missing(other)
    return int((same.fill_null(value=False) | (one.is_null() & other.is_null())).sum()) / len(one)


@pytest.mark.parametrize(
    ("capture", "count"), [("mirai-34-1-irc", 1404), ("synscan", 1994), ("malicious-ssh-bruteforce", 67)]
)
def test_connections_agree_with_zeek(shared_data: Path, decode: Any, capture: str, count: int) -> None:
    joined = captured(shared_data, decode, capture, "conn", "community_id")
    assert joined.height >= count
    for column in (
        "ts",
        "id.orig_h",
        "id.orig_p",
        "id.resp_h",
        "id.resp_p",
        "proto",
        "conn_state",
        "orig_pkts",
        "resp_pkts",
    ):
        assert agreement(joined, column) == 1.0, column
    for column in ("orig_ip_bytes", "resp_ip_bytes"):
        assert agreement(joined, column) > 0.95, column


def test_datagrams_agree_with_zeek_to_the_byte(shared_data: Path, decode: Any) -> None:
    joined = captured(shared_data, decode, "philips-hue-lan", "conn", "community_id")
    joined = joined.filter(pl.col("proto").is_in(["udp", "icmp"]) & (pl.col("orig_pkts") == pl.col("orig_pkts_zeek")))
    assert joined.height > 300
    for column in ("orig_bytes", "resp_bytes", "orig_ip_bytes", "duration", "conn_state", "id.resp_p", "id.resp_h"):
        assert agreement(joined, column) > 0.99, column


def test_dns_transactions_agree_with_zeek(shared_data: Path, decode: Any) -> None:
    joined = captured(shared_data, decode, "dns_exfiltration", "dns", "community_id", "trans_id", "query")
    assert joined.height == 150
    for column in (
        "ts",
        "rtt",
        "proto",
        "qtype",
        "qtype_name",
        "rcode",
        "rcode_name",
        "AA",
        "TC",
        "RD",
        "RA",
        "Z",
        "rejected",
    ):
        assert agreement(joined, column) == 1.0, column
    for column in ("answers", "TTLs"):
        assert joined[column].to_list() == joined[f"{column}_zeek"].to_list()


def test_every_event_is_a_record_or_counted(shared_data: Path, decode: Any) -> None:
    for path in (shared_data / "suricata").glob("*.gz"):
        counts = decode.file(path).decoder.counts
        assert counts.malformed == 0
        assert set(counts.skipped) <= {"suricata_stats", "suricata_anomaly"}
