"""`nslabs doctor`: what is wrong with logs, sensor or host is one line that says what to change; logs stay unread."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.doctor import look_at_host, look_at_logs
from api.doctor.sample import take_sample
from api.state.directory import StateDirectory, state_directory
from api.state.store import AlertWriter
from ingest.follow.listing import list_logs

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_790_000_000.0
CONN = {"_path": "conn", "uid": "C1", "id.orig_h": "192.168.1.5", "id.orig_p": 1, "id.resp_h": "203.0.113.7"} | {
    "id.resp_p": 443,
    "proto": "tcp",
    "conn_state": "SF",
}
FLOW = {"timestamp": "2026-01-29T06:00:00.000000+0000", "flow_id": 7, "event_type": "flow", "src_ip": "192.168.1.5"} | {
    "src_port": 1,
    "dest_ip": "203.0.113.7",
    "dest_port": 443,
    "proto": "TCP",
    "flow": {"pkts_toserver": 1, "pkts_toclient": 1, "bytes_toserver": 60, "bytes_toclient": 60},
}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def write(path: Path, *records: Mapping[str, Any], age_s: float = 1.0) -> None:
    path.write_text("".join(json.dumps({"ts": NOW} | dict(record)) + "\n" for record in records), encoding="utf-8")
    os.utime(path, (NOW - age_s, NOW - age_s))


def levels(folder: Path | None, *local_networks: str) -> dict[str, str]:
    return {found.name: found.level for found in look_at_logs(folder, local_networks, 900.0, NOW)}


def told(folder: Path, name: str, *local_networks: str) -> str:
    return next(found.text for found in look_at_logs(folder, local_networks, 900.0, NOW) if found.name == name)


def healthy(folder: Path) -> None:
    mac = {"orig_l2_addr": "02:00:00:00:00:01", "community_id": "1:x"}
    write(folder / "conn.log", CONN | mac)
    write(folder / "dns.log", CONN | {"_path": "dns", "proto": "udp", "query": "example.org", "qtype_name": "A"})
    write(folder / "http.log", CONN | {"_path": "http", "trans_depth": 1, "method": "GET", "uri": "/", "host": "h"})
    write(folder / "capture_loss.log", {"_path": "capture_loss", "ts_delta": 900.0, "gaps": 0, "percent_lost": 0.0})


def test_all_is_well_where_all_is_well(logs: Path) -> None:
    healthy(logs)
    assert set(levels(logs).values()) == {"ok"}, list(look_at_logs(logs, (), 900.0, NOW))


def test_what_is_no_folder_of_logs_fails(tmp_path: Path, logs: Path) -> None:
    assert levels(None) == levels(tmp_path / "no") == levels(logs) == {"logs": "fail"}


def test_a_sensor_that_stands_still_is_told(logs: Path) -> None:
    write(logs / "conn.log", CONN, age_s=3600)
    assert levels(logs)["growing"] == "warn"


@pytest.mark.parametrize(
    ("record", "name", "level"),
    [
        ({"ts": NOW - 7200}, "clock", "warn"),
        ({"ts": NOW + 7200}, "clock", "warn"),
        ({"orig_l2_addr": None}, "mac", "warn"),
        ({"id.orig_h": "198.51.100.1"}, "local networks", "fail"),
    ],
)
def test_what_connections_lack_is_told(logs: Path, record: Mapping[str, Any], name: str, level: str) -> None:
    healthy(logs)
    write(logs / "conn.log", CONN | {"orig_l2_addr": "02:00:00:00:00:01"} | record)
    assert levels(logs)[name] == level


def test_a_network_that_no_address_is_in_is_told(logs: Path) -> None:
    healthy(logs)
    assert levels(logs, "203.0.113.0/24")["local networks"] == "ok"
    assert "198.51.100.0/24" in told(logs, "local networks", "198.51.100.0/24")


@pytest.mark.parametrize(
    "record",
    [
        {"_path": "capture_loss", "ts_delta": 900.0, "gaps": 9, "percent_lost": 9.0},
        {"_path": "stats", "mem": 1, "pkts_proc": 90, "pkts_dropped": 10, "pkts_link": 100},
    ],
)
def test_packets_lost_are_told(logs: Path, record: Mapping[str, Any]) -> None:
    write(logs / "conn.log", CONN)
    assert levels(logs)["packet loss"] == "warn"
    write(logs / f"{record['_path']}.log", record)
    assert "% by" in told(logs, "packet loss")
    assert levels(logs)["packet loss"] == "warn"


def test_event_types_of_suricata_are_looked_for(logs: Path) -> None:
    write(logs / "eve.json", FLOW)
    assert levels(logs)["eve-log"] == "warn"
    write(logs / "eve.json", FLOW | {"event_type": "tls", "tls": {}})
    assert levels(logs)["eve-log"] == "fail"


def test_two_sensors_need_the_community_id(logs: Path) -> None:
    write(logs / "conn.log", CONN)
    assert levels(logs)["community id"] == "ok"
    write(logs / "eve.json", FLOW)
    assert levels(logs)["community id"] == "warn"


def test_lines_that_cannot_be_read_are_told(logs: Path) -> None:
    healthy(logs)
    (logs / "weird.log").write_text("nonsense\n")
    assert levels(logs)["format"] == "warn"


def test_shadows_and_scripts_are_looked_at(tmp_path: Path) -> None:
    logs = tmp_path / "zeek" / "logs" / "current"
    logs.mkdir(parents=True)
    healthy(logs)
    (logs / ".shadow.ssl.log").touch()
    site = tmp_path / "zeek" / "share" / "zeek" / "site" / "local.zeek"
    site.parent.mkdir(parents=True)
    site.write_text("# @load packages\n")
    assert (levels(logs)["shadow files"], levels(logs)["packages"]) == ("warn", "warn")
    (logs / ".shadow.ssl.log").rename(logs / ".shadow.conn.log")
    site.write_text("@load packages\n")
    assert (levels(logs).get("shadow files"), levels(logs)["packages"]) == (None, "ok")


def test_a_large_log_is_read_at_both_ends_only(logs: Path) -> None:
    path, line = logs / "conn.log", json.dumps({"ts": NOW} | CONN).encode() + b"\n"
    with path.open("wb") as file:
        file.write(line)
        file.truncate(6 << 30)  # a hole: bytes that nobody can read in time
        file.seek(0, 2)
        file.write(b"\n" + line * 3)
    sample = take_sample(list_logs(logs))
    assert sum(map(len, sample.frames["conn"])) == 4
    assert levels(logs)["rotation"] == "warn"


def host(state: Path, max_bytes: float = 0.0, inotify: Path = Path("/nowhere")) -> dict[str, str]:
    return {found.name: found.level for found in look_at_host(state, max_bytes, inotify)}


def test_the_host_is_looked_at(tmp_path: Path) -> None:
    assert set(host(tmp_path / "new" / "state").values()) == {"ok"}
    with state_directory(tmp_path / "s") as state:
        AlertWriter(state.alerts).close()
        assert set(host(state.path).values()) == {"ok"}
        (found,) = (one for one in look_at_host(state.path, 0.0) if one.name == "in use")
        assert "a service runs" in found.text
        assert host(state.path, max_bytes=1 << 60)["disk"] == "warn"
    low = tmp_path / "inotify"
    low.mkdir()
    (low / "max_user_watches").write_text("8\n")
    assert host(tmp_path / "s", inotify=low)["inotify"] == "warn"


@pytest.mark.parametrize("pragma", ["user_version=99", "application_id=1"])
def test_a_store_of_another_version_fails(tmp_path: Path, pragma: str) -> None:
    state = StateDirectory(tmp_path)
    AlertWriter(state.alerts).close()
    with closing(sqlite3.connect(state.alerts)) as connection:
        connection.execute(f"PRAGMA {pragma}")
    assert host(tmp_path)["store"] == "fail"
    state.alerts.write_bytes(b"no database" * 100)
    assert host(tmp_path)["store"] == "fail"


def test_the_command_ends_with_1_if_a_check_fails(tmp_path: Path, logs: Path) -> None:
    arguments = ["doctor", "--logs", str(logs), "--state", str(tmp_path / "s"), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert {"name", "level", "text"} == set(json.loads(done.stdout.splitlines()[0]))
    healthy(logs)
    done = CliRunner().invoke(app, [part for part in arguments if part != "--json"])
    assert done.exit_code == 0, done.output
    assert all(line.split()[0] in {"ok", "warn"} for line in done.stdout.splitlines())
