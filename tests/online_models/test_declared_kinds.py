"""The declarations that come with the package: an ordinary week of a site is silent, and what attackers do is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from ingest.records import SCHEMAS, RecordBatch
from online_models import kinds
from online_models.engine import Engine
from online_models.kinds import BUILT_IN, declare
from online_models.program import loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START, HOUR, DAY = 1_767_600_000.0, 3600.0, 86_400.0
MASTER, PANEL, CAMERA, STATIONS = "10.0.7.5", "10.0.7.6", "10.0.7.40", [f"10.0.7.{n}" for n in (21, 22, 23)]
LAPTOP, SERVERS = "10.0.7.50", ["10.0.7.60", "10.0.7.61"]
WEEK = START + 7 * DAY
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _declared() -> Iterator[None]:
    """Declare both examples, and nothing afterwards."""
    declare(["modbus", "ssh"])
    yield
    declare([])


def batch(log: str, rows: Rows) -> RecordBatch:
    """Return records in the order of their times."""
    filled = [{"uid": f"C{number}", **row} for number, row in enumerate(sorted(rows, key=lambda row: row["ts"]))]
    return RecordBatch(log, pl.DataFrame(filled, schema=SCHEMAS[log]))


def modbus(times: Sequence[float], client: str, server: str, func: str, **more: Any) -> Rows:
    """Return requests of one function."""
    ends = {"id.orig_h": client, "id.orig_p": 40_000, "id.resp_h": server, "id.resp_p": 502, "unit": 1}
    return [{"ts": float(ts), **ends, "func": func, **more} for ts in times]


def ssh(times: Sequence[float], client: str, server: str, program: str, **more: Any) -> Rows:
    """Return logins, which succeed unless something else is said."""
    ends = {"id.orig_h": client, "id.orig_p": 40_000, "id.resp_h": server, "id.resp_p": 22}
    return [
        {"ts": float(ts), **ends, "client": program, "auth_success": True, "auth_attempts": 1, **more} for ts in times
    ]


def every(seconds: float, begin: float, end: float, seed: int) -> list[float]:
    """Return times that lie about so far apart."""
    random = np.random.default_rng(seed)
    times = np.arange(begin, end, seconds)
    return list(times + random.uniform(0.0, 0.2 * seconds, times.size))


def plant(begin: float, end: float) -> Rows:
    """Return what a plant does: a master polls three stations, sets one of them, and a panel reads that one.

    Once a day the master asks each who it is; a station is busy now and then.
    """
    rows = []
    for number, station in enumerate(STATIONS):
        rows += modbus(every(90.0, begin, end, number), MASTER, station, "READ_HOLDING_REGISTERS")
        rows += modbus(every(300.0, begin, end, 10 + number), MASTER, station, "READ_INPUT_REGISTERS")
        rows += modbus(every(DAY, begin + 6 * HOUR, end, 20 + number), MASTER, station, "REPORT_SLAVE_ID")
        busy = every(9 * HOUR, begin + HOUR, end, 30 + number)
        rows += modbus(busy, MASTER, station, "READ_HOLDING_REGISTERS_EXCEPTION", exception="SLAVE_DEVICE_BUSY")
    rows += modbus(every(1800.0, begin, end, 40), MASTER, STATIONS[0], "WRITE_SINGLE_REGISTER")
    return rows + modbus(every(600.0, begin, end, 41), PANEL, STATIONS[0], "READ_INPUT_REGISTERS")


def administration(begin: float, end: float) -> Rows:
    """Return what two administrators do over SSH: backups by the hour, logins by day, a wrong password each evening."""
    rows = ssh(every(HOUR, begin, end, 1), SERVERS[1], SERVERS[0], "SSH-2.0-OpenSSH_9.6")
    for number, server in enumerate(SERVERS):
        rows += ssh(every(5 * HOUR, begin, end, 2 + number), LAPTOP, server, "SSH-2.0-OpenSSH_9.2")
    wrong = every(DAY, begin + 12 * HOUR, end, 9)
    return rows + ssh(wrong, LAPTOP, SERVERS[0], "SSH-2.0-OpenSSH_9.2", auth_success=False, auth_attempts=3)


ORDINARY = {"modbus": plant, "ssh": administration}


@pytest.fixture(scope="module")
def week() -> dict[str, bytes]:
    """Return the models of each log after an ordinary week, which must have been silent."""
    models = {}
    for log, ordinary in ORDINARY.items():
        engine = Engine()
        assert [alert.sentence for alert in engine.process(batch(log, ordinary(START, WEEK))).alerts] == []
        models[log] = engine.to_bytes()
    return models


def test_ordinary_weeks_are_silent_and_so_are_the_next_days(week: dict[str, bytes]) -> None:
    for log, ordinary in ORDINARY.items():
        found = Engine.from_bytes(week[log]).process(batch(log, ordinary(WEEK, WEEK + 2 * DAY)))
        assert [alert.sentence for alert in found.alerts] == []


NOW = WEEK + 600.0
FUNCTIONS = (
    "WRITE_MULTIPLE_COILS",
    "READ_FILE_RECORD",
    "ENCAP_INTERFACE_TRANSPORT",
    "GET_COMM_EVENT_LOG",
    "DIAGNOSTICS",
)
SHELL = "SSH-2.0-libssh_0.9.6"
ATTACKS: dict[str, tuple[str, Rows, str]] = {
    "a panel that only read writes": ("modbus", modbus([NOW], PANEL, STATIONS[0], "WRITE_SINGLE_COIL"), "modbus-write"),
    "a camera reads a station": ("modbus", modbus([NOW], CAMERA, STATIONS[1], "READ_COILS"), "modbus-master"),
    "a camera writes to stations": (
        "modbus",
        [row for n, one in enumerate(STATIONS) for row in modbus([NOW + n], CAMERA, one, "WRITE_MULTIPLE_REGISTERS")],
        "modbus-master",
    ),
    "the master goes through the functions": (
        "modbus",
        [row for n, one in enumerate(FUNCTIONS[1:4]) for row in modbus([NOW + n], MASTER, STATIONS[1], one)],
        "modbus-function",
    ),
    "the master is made to flood a station": (
        "modbus",
        modbus(list(NOW + 0.02 * np.arange(3000.0)), MASTER, STATIONS[2], "READ_HOLDING_REGISTERS"),
        "modbus-flood",
    ),
    "a stranger outside commands a station": (
        "modbus",
        modbus([NOW], "203.0.113.9", STATIONS[0], "WRITE_SINGLE_REGISTER"),
        "modbus-master",
    ),
    "another program logs in": ("ssh", ssh([NOW], LAPTOP, SERVERS[0], SHELL), "new-ssh-client"),
    "passwords are guessed": (
        "ssh",
        ssh(list(NOW + 20.0 * np.arange(12.0)), LAPTOP, SERVERS[1], "SSH-2.0-OpenSSH_9.2", auth_success=False),
        "ssh-guessing",
    ),
    "one server goes through others": (
        "ssh",
        [
            row
            for n in range(60)
            for row in ssh([NOW + 2.0 * n], SERVERS[1], f"10.0.7.{100 + n}", "SSH-2.0-OpenSSH_9.6")
        ],
        "ssh-burst",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_told_within_ten_minutes_by_its_behaviour(week: dict[str, bytes], name: str) -> None:
    log, rows, behaviour = ATTACKS[name]
    engine = Engine.from_bytes(week[log])
    found = engine.process(batch(log, ORDINARY[log](WEEK, WEEK + 1200.0) + rows))
    about = [
        alert for alert in found.alerts if alert.device == (STATIONS[0] if "outside" in name else rows[0]["id.orig_h"])
    ]
    assert about, [alert.sentence for alert in found.alerts]
    assert len(found.alerts) == len(about)
    assert min(alert.ts for alert in about) - NOW <= 600.0
    assert behaviour in {alert.behaviour for alert in about}
    told = about[0]
    assert told.log == log
    assert told.reasons
    assert told.device in told.sentence


def test_declared_kinds_compile_nothing(week: dict[str, bytes]) -> None:
    engine = Engine.from_bytes(week["ssh"])
    engine.process(batch("ssh", administration(WEEK, WEEK + HOUR)))
    compiled = len(loop.run.signatures)  # type: ignore[attr-defined] # numba's
    engine.process(batch("modbus", plant(WEEK, WEEK + HOUR)))
    assert len(loop.run.signatures) == compiled  # type: ignore[attr-defined] # numba's


def test_models_outlive_other_declarations(week: dict[str, bytes], caplog: pytest.LogCaptureFixture) -> None:
    learned = week["modbus"]
    try:
        declare([])
        without = Engine.from_bytes(learned)
        assert "modbus, ssh: their models are kept" in caplog.text
        assert set(without.facts()) == set(BUILT_IN)
        kept = without.to_bytes()
        declare(["ssh"])
        assert set(Engine.from_bytes(kept).facts()) == {*BUILT_IN, "ssh"}
        declare([])
        new = Engine().to_bytes()
        declare(["modbus", "ssh"])
        assert Engine.from_bytes(kept).facts() == Engine.from_bytes(learned).facts()
        assert Engine.from_bytes(kept).score(batch("modbus", plant(WEEK, WEEK + HOUR))).alerts == ()
        caplog.clear()
        assert Engine.from_bytes(new).facts()["modbus"].learned == 0
        assert "modbus is new to these models" in caplog.text
    finally:
        declare(["modbus", "ssh"])


def test_a_declaration_that_means_something_else_begins_anew(
    week: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (Path(kinds.__file__).parent / "modbus.toml").read_text(encoding="utf-8")
    file = tmp_path / "modbus.toml"
    try:
        file.write_text(text.replace('excess = "unit"', 'excess = "function"'))
        declare([str(file), "ssh"])
        assert Engine.from_bytes(week["modbus"]).facts()["modbus"].learned == 0
        assert "modbus was learned by another declaration" in caplog.text
        caplog.clear()
        file.write_text(text.replace("for the first time", "now"))
        declare([str(file), "ssh"])
        assert Engine.from_bytes(week["modbus"]).facts()["modbus"].learned > 0
        assert caplog.text == ""
    finally:
        declare(["modbus", "ssh"])
