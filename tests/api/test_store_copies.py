"""`nslabs store`: exports are whole and harmless, a backup under a writer can be started on, prune says what left."""

from __future__ import annotations

import csv
import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.errors import ServiceError, SettingsError, StateError
from api.state.access import AccessDatabase, AuditLog, Deed, TokenStore
from api.state.copying import back_up
from api.state.directory import StateDirectory, state_directory
from api.state.rules import RuleStore
from api.state.store import AlertQuery, AlertReader, AlertWriter
from ingest.context.evidence import Evidence
from ingest.follow.checkpoints import CheckpointStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.conftest import Examples

DAY_S = 86_400.0
NOW = 20_000 * DAY_S
HOSTILE = '=HYPERLINK("http://x")\x1b[31m\n, "'


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, examples: type[Examples]) -> Iterator[StateDirectory]:
    """Return a state with 600 alerts a day apart, a checkpoint, a token and an audit entry."""
    with state_directory(tmp_path_factory.mktemp("state") / "s") as made:
        writer = AlertWriter(made.alerts)
        times = {number: NOW - (600 - number) * DAY_S for number in range(600)}
        writer.upsert(
            examples.alert(f"a{number:03}", ts=ts, first_ts=ts, last_ts=ts, status="closed", sentence=HOSTILE)
            for number, ts in times.items()
        )
        writer.evidence.add([Evidence(NOW, "notice", "192.168.1.5", None, "@SUM(1)", "t", None, None)])
        writer.close()
        CheckpointStore(made.checkpoints, fingerprint="f").save({"engine": b"learned"})
        RuleStore(made.rules).close()
        database = AccessDatabase(made.access)
        TokenStore(database).create("grafana", ("read",))
        AuditLog(database).add(Deed("me", "token create", "grafana"))
        database.close()
        yield made


def run(*arguments: str, state: StateDirectory) -> str:
    done = CliRunner().invoke(app, ["store", *arguments, "--state", str(state.path)])
    if isinstance(done.exception, ServiceError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_info_tells_what_is_there(state: StateDirectory) -> None:
    facts = json.loads(run("info", "--json", state=state))
    assert facts["rows"] | {"alert_change": 0} == {"alert": 600, "evidence": 1, "feedback": 0, "alert_change": 0}
    assert (facts["first_ts"], facts["last_ts"]) == (NOW - 600 * DAY_S, NOW - DAY_S)
    assert facts["size"] == state.alerts.stat().st_size
    assert "600" in run("info", state=state)


def test_json_lines_hold_every_alert_of_the_span_once_and_in_order(state: StateDirectory) -> None:
    span = ("--from", str(NOW - 550 * DAY_S), "--to", str(NOW - 10 * DAY_S))
    rows = [json.loads(line) for line in run("export", *span, state=state).splitlines()]
    assert [row["id"] for row in rows] == [f"a{number:03}" for number in range(50, 590)]
    assert rows[0]["sentence"] == HOSTILE


def test_a_table_holds_no_formula_and_no_control_character(state: StateDirectory, tmp_path: Path) -> None:
    file = tmp_path / "alerts.csv"
    run("export", "--format", "csv", "--output", str(file), state=state)
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 600
    assert {row["sentence"] for row in rows} == {'\'=HYPERLINK("http://x") [31m , "'}
    assert json.loads(rows[0]["peers"]) == ["203.0.113.7"]
    assert "'@SUM(1)" in run("export", "evidence", "--format", "csv", state=state)
    with pytest.raises(SettingsError, match="--output"):
        run("export", "--output", str(file), state=state)


def test_the_audit_log_is_exported(state: StateDirectory) -> None:
    (entry,) = (json.loads(line) for line in run("export", "audit", state=state).splitlines())
    assert (entry["who"], entry["object"]) == ("me", "grafana")


def test_a_backup_made_while_alerts_come_is_a_state_to_start_on(
    state: StateDirectory, tmp_path: Path, examples: type[Examples]
) -> None:
    stopping, writing = threading.Event(), threading.Event()

    def write() -> None:
        writer, number = AlertWriter(state.alerts), 0
        while not stopping.is_set():
            writer.upsert([examples.alert(f"live{number}", ts=NOW + number)])
            number += 1
            writing.set()
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert writing.wait(30)
        copied = back_up(state, tmp_path / "backup")
    finally:
        stopping.set()
        thread.join()
    assert set(copied) == {"checkpoints", "alerts.sqlite3", "access.sqlite3", "rules.sqlite3"}
    with state_directory(tmp_path / "backup") as restored:
        assert CheckpointStore(restored.checkpoints, fingerprint="f").load() == {"engine": b"learned"}
        AlertWriter(restored.alerts).close()
        found = AlertReader(restored.alerts).page(AlertQuery(limit=1000, until=NOW)).alerts
        assert [alert.id for alert in reversed(found)] == [f"a{number:03}" for number in range(600)]
        with closing(sqlite3.connect(restored.access)) as connection:
            assert connection.execute("SELECT name FROM token").fetchall() == [("grafana",)]


def test_a_backup_overwrites_nothing_and_leaves_no_half(state: StateDirectory, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="it is there already"):
        run("backup", str(tmp_path), state=state)
    with pytest.raises(StateError, match="no alert store"):
        back_up(StateDirectory(tmp_path / "nowhere"), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_prune_does_what_its_dry_run_says(state: StateDirectory, tmp_path: Path) -> None:
    back_up(state, tmp_path / "copy")
    copy = StateDirectory(tmp_path / "copy")
    with closing(sqlite3.connect(copy.alerts, isolation_level=None)) as connection:
        connection.executescript("DELETE FROM alert WHERE id LIKE 'live%'; PRAGMA auto_vacuum=NONE; VACUUM;")
    asked = ("prune", "--older-than", "100d", "--json")
    told = json.loads(run(*asked, "--dry-run", state=copy))["pruned"]
    assert told["alert"] == 500
    assert AlertReader(copy.alerts).count() == 600
    before = copy.alerts.stat().st_size
    done = json.loads(run(*asked, state=copy))
    assert (done["pruned"], done["compacted"]) == (told, True)
    assert AlertReader(copy.alerts).count() == 100
    assert copy.alerts.stat().st_size < before / 2
    with closing(sqlite3.connect(copy.alerts)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    with pytest.raises(SettingsError, match="--older-than"):
        run("prune", "--older-than", "0d", state=copy)


def test_prune_beside_a_service_leaves_the_file_to_it(state: StateDirectory) -> None:
    assert json.loads(run("prune", "--older-than", "9999d", "--json", state=state))["compacted"] is False
