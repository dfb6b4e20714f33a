"""Which names are logs, which stream they belong to, and how their age is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.follow.listing import ListedFile, by_age
from ingest.follow.paths import parse_name


@pytest.mark.parametrize(
    ("name", "stream", "live"),
    [
        ("conn.log", "conn", True),
        ("conn.log.gz", "conn", True),
        ("conn.00:00:00-01:00:00.log.zst", "conn", False),
        ("conn.log.labeled", "conn", True),
        ("eve.json", "eve", True),
        ("eve.7.json", "eve.7", True),
        ("eve-alerts.json", "eve-alerts", True),
        ("conn-logger-1.log", "conn-logger-1", True),
        ("conn-logger-1.2026-01-29-00-16-55.log", "conn-logger-1", False),
        ("conn.2026-01-29-00-16-55.log", "conn", False),
        ("conn.2026-01-29-00-16-55.log.gz", "conn", False),
        ("conn.2026-01-29-00-16-55-1.log", "conn", False),
        ("conn.00:00:00-01:00:00.log.gz", "conn", False),
        ("conn__2026-01-29-00-00-00__2026-01-29-01-00-00__.log", "conn", False),
        ("conn__2026-01-29-00-00-00__2026-01-29-01-00-00__log_suffix=logger-2__pid=9__.log", "conn-logger-2", False),
        ("conn.log.1", "conn", False),
        ("conn.log.2.gz", "conn", False),
        ("conn.log-20260129", "conn", False),
        ("conn.log-20260129.gz", "conn", False),
        ("conn.log-1769644800", "conn", False),
        ("conn.log-3", "conn", False),
        ("conn-3.log", "conn", False),
        ("eve.json.1", "eve", False),
        ("eve-2026-01-29-10:00.json", "eve", False),
        ("eve-20260129-1000.json", "eve", False),
        ("json_streaming_conn.1.log", "conn", False),
        ("mqtt_publish.log", "mqtt_publish", True),
        ("conn_20260105_00:00:00-01:00:00+0000.log.gz", "conn", False),
        ("conn_red_20260105_02:00:00-03:00:00+0000.log.gz", "conn_red", False),
        ("conn_20260105_00:00:00-20260105_01:00:00.log.gz", "conn", False),
        ("conn.00:00:00-01:00:00-logger-1.log.gz", "conn-logger-1", False),
        ("conn-logger-1.00:00:00-01:00:00.log.gz", "conn-logger-1", False),
        ("conn.00:00:00-01:00:00-12.log.gz", "conn", False),
        ("conn.2026-01-29-00-16-55-logger-2.log", "conn-logger-2", False),
        ("conn_2026-01-29T00:16:55Z.log.gz", "conn", False),
        ("conn.2026-01-29_00.16.55_to_2026-01-29_01.16.55.json.gz", "conn", False),
        ("2026-01-29-conn.log.gz", "conn", False),
        ("20260129T001655_dns.log", "dns", False),
        ("20260129T001655.conn.log.json", "conn", False),
        ("site-7_conn_20260105_0100.log", "site-7_conn", False),
        ("fw_flow_eu-1_202601050100_1a2b3c4d.log.gz", "fw_flow_eu-1", False),
        ("eve-2026-01-29-10:00-7.json", "eve", False),
    ],
)
def test_a_log_is_known_by_its_name(name: str, stream: str, live: bool) -> None:  # noqa: FBT001 - a parameter
    parsed = parse_name(name)
    assert parsed is not None
    assert (parsed.stream, parsed.live) == (stream, live)


@pytest.mark.parametrize(
    "name",
    [
        ".shadow.conn.log",
        ".conn.log.swp",
        "stdout.log",
        "stderr.log",
        "suricata.log",
        "fast.log",
        "conn.txt",
        "log",
        ".log",
    ],
)
def test_what_is_no_log_is_not_followed(name: str) -> None:
    assert parse_name(name) is None


def test_the_duplicates_of_json_streaming_are_marked() -> None:
    names = [parse_name(name) for name in ("conn.log", "json_streaming_conn.log", "json_streaming_conn.2.log")]
    assert [name.streaming for name in names if name] == [False, True, True]


def _entry(name: str, seconds: int = 0, day: str = "") -> ListedFile:
    parsed = parse_name(name)
    assert parsed is not None
    return ListedFile(Path("/logs", day), name, parsed, (1, 1), 1, seconds * 1_000_000_000, day)


@pytest.mark.parametrize(
    "oldest_first",
    [
        [_entry("conn.2026-01-28-23-00-00.log"), _entry("conn.2026-01-29-00-00-00.log"), _entry("conn.log")],
        [_entry("conn.2026-01-29-00-00-00.log"), _entry("conn.2026-01-29-00-00-00-1.log"), _entry("conn.log")],
        [_entry("conn.log.10.gz"), _entry("conn.log.9"), _entry("conn.log.1"), _entry("conn.log")],
        [_entry("conn.log-1", 100), _entry("conn.log-2", 200), _entry("conn.log", 300)],
        [_entry("conn.log-2", 100), _entry("conn.log-1", 200), _entry("conn.log", 300)],
        [_entry("conn.log-9", 100), _entry("conn.log-10", 100), _entry("conn.log", 300)],
        [_entry("conn.log.1", 100), _entry("conn.2026-01-29-00-00-00.log", 200), _entry("conn.log", 300)],
        [
            _entry("conn.22:00:00-23:00:00.log.gz", day="2026-01-28"),
            _entry("conn.00:00:00-01:00:00.log.gz", day="2026-01-29"),
            _entry("conn.01:00:00-02:00:00.log.gz", day="2026-01-29"),
            _entry("conn.log"),
        ],
        [
            _entry("conn_20260104_23:00:00-00:00:00+0000.log.gz", day="2026-01-04"),
            _entry("conn_20260105_00:00:00-01:00:00+0000.log.gz", day="2026-01-05"),
            _entry("conn_20260105_01:00:00-02:00:00+0000.log.gz", day="2026-01-05"),
            _entry("conn.log"),
        ],
        [
            _entry("conn__2026-01-29-00-00-00__2026-01-29-01-00-00__.log"),
            _entry("conn__2026-01-29-01-00-00__2026-01-29-02-00-00__.log"),
            _entry("conn.log"),
        ],
    ],
)
def test_the_parts_of_a_log_are_sorted_by_age(oldest_first: list[ListedFile]) -> None:
    assert by_age(reversed(oldest_first)) == oldest_first
