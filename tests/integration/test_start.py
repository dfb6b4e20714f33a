"""Starting: whatever cannot work ends the start with one clear line and status 2, before anything else happens."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from api.state.directory import fingerprint
from api.version import package_version
from ingest.follow.checkpoints import CheckpointStore
from online_models.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server

    Command = Callable[..., tuple[int, str, str]]


def refused(outcome: tuple[int, str, str], *parts: str) -> None:
    """Check that a start was refused with one line on standard error that holds these parts."""
    status, out, err = outcome
    assert (status, out) == (2, ""), err
    assert err.startswith("nslabs: ")
    assert err.count("\n") == 1, err
    assert all(part in err for part in parts), err


def test_a_folder_that_does_not_exist(command: Command, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    refused(command("run", "--logs", missing, "--state", tmp_path / "s", "--listen", "127.0.0.1:0"), str(missing))


def test_a_file_instead_of_a_folder(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text("")
    refused(
        command("run", "--logs", tmp_path / "conn.log", "--state", tmp_path / "s", "--listen", "127.0.0.1:0"),
        "conn.log",
    )


def test_no_folder_at_all(command: Command) -> None:
    refused(command("run", "--listen", "127.0.0.1:0"), "--logs")


def test_a_port_in_use(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        outcome = command("run", "--logs", tmp_path, "--state", tmp_path / "s", "--listen", address)
    refused(outcome, address, "in use", "--listen")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "address", ["8000", "127.0.0.1", "127.0.0.1:http", ":80", "203.0.113.1:8000", "no such host:1"]
)
def test_an_address_that_cannot_be(command: Command, tmp_path: Path, address: str) -> None:
    refused(command("run", "--logs", tmp_path, "--state", tmp_path / "s", "--listen", address), address)


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("TrafficAnalyzerConfig", "not json", ("TrafficAnalyzerConfig", "JSON")),
        ("MachineLearningModelConfig", '{"sede": 1}', ("MachineLearningModelConfig", "'sede'", "seed")),
        ("SocketIOConfig", '{"port": "x"}', ("SocketIOConfig", "port")),
    ],
)
def test_a_wrong_setting(command: Command, tmp_path: Path, variable: str, value: str, parts: tuple[str, ...]) -> None:
    refused(command("run", "--logs", tmp_path, **{variable: value}), *parts)


def test_a_state_of_another_configuration(
    command: Command, serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    with serve() as server:
        assert server.stop()[0] == 0
    outcome = command(
        "run", "--logs", tmp_path / "site/logs", "--state", tmp_path / "site/state", "--listen", "127.0.0.1:0",
        MachineLearningModelConfig='{"seed": 2}',
    )  # fmt: skip
    refused(outcome, "seed=1", "seed=2", "move")


def test_a_state_in_use(command: Command, serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path) -> None:
    state = tmp_path / "site" / "state"
    with serve() as server:
        outcome = command("run", "--logs", server.logs, "--state", state, "--listen", "127.0.0.1:0")
        refused(outcome, str(state), "another nslabs process")
        assert server.health()["stages"]["models"]["state"] == "running"


def test_a_file_where_the_state_should_be(command: Command, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    refused(
        command("run", "--logs", tmp_path, "--state", tmp_path / "s", "--listen", "127.0.0.1:0"), str(tmp_path / "s")
    )
    assert (tmp_path / "s").read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_empty_folder_is_waited_for_and_a_signal_ends_with_status_0(
    serve: Callable[..., AbstractContextManager[Server]], number: int
) -> None:
    with serve() as server:
        health = server.health()
        assert (health["status"], health["stages"]["source"]["state"]) == ("degraded", "degraded")
        assert [reason for reason in health["reasons"] if "no log found" in reason and str(server.logs) in reason]
        status, err = server.stop(number)
        assert (status, err) == (0, "")
        assert server.wait_for("stopped")
        assert list((server.logs.parent / "state" / "checkpoints").glob("*.bin"))


def test_who_asks_twice_for_the_end_gets_it_without_noise(serve: Callable[..., AbstractContextManager[Server]]) -> None:
    with serve() as server, server.socket("/ws/alerts"):
        for _ in range(2):  # signals that come at once are one
            server.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(0.05)
        assert (server.process.wait(60), server.errors()) == (0, "")


def test_it_stops_by_itself_when_asked_to(serve: Callable[..., AbstractContextManager[Server]]) -> None:
    with serve("--for", "0.5") as server:
        assert server.process.wait(60) == 0


def test_settings_come_from_a_file_and_the_environment(
    serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    file = tmp_path / "nslabs.toml"
    file.write_text("[socket_io_config]\nmax_request_records = 1\n")
    with serve("--config", file, SocketIOConfig=json.dumps({"max_body_mb": 0.001})) as server:
        assert server.http.post("/traffic/analyze", json={"traffic": [1, 2]}).json()["code"] == "too_many_records"
        assert server.http.post("/traffic/analyze", content=b" " * 2000).json()["code"] == "body_too_large"


def test_help_is_quick_and_names_all_commands(command: Command) -> None:
    status, out, _ = command("--help")
    assert status == 0
    assert all(name in out for name in ("run", "replay", "simulate", "demo"))


def test_the_version_is_told(command: Command) -> None:
    assert command("--version") == (0, f"nslabs {package_version()}\n", "")


@pytest.mark.slow
def test_the_state_that_run_chose_is_found_without_naming_it(
    command: Command, serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path)}
    refused(command("models", "list", **home), "--state", "holds none")
    with serve(site="nslabs/one") as server:
        assert server.stop()[0] == 0
    (tmp_path / "nslabs/one/state").rename(tmp_path / "nslabs/current-0a")
    status, out, err = command("models", "list", **home)
    assert (status, out) == (0, "no snapshots yet\n")
    assert str(tmp_path / "nslabs/current-0a") in err
    (tmp_path / "nslabs/other-0b/checkpoints").mkdir(parents=True)
    refused(command("budget", **home), "--state", "current-0a", "other-0b")


def test_help_imports_nothing_heavy() -> None:
    import subprocess  # noqa: PLC0415 - used by this test alone
    import sys  # noqa: PLC0415 - the same

    code = (
        "import sys, api.__main__; print(*sorted({'polars', 'numba', 'numpy', 'fastapi', 'river'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_models_that_cannot_be_read_end_the_start_with_one_line(
    command: Command, serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with serve() as server:
        assert server.stop()[0] == 0
    store = CheckpointStore(site / "state" / "checkpoints", fingerprint=fingerprint(ModelConfig()))
    parts = store.load()
    assert parts is not None
    store.save({**parts, "engine": parts["engine"][:-100]})
    status, _, err = command("run", "--logs", site / "logs", "--state", site / "state", "--listen", "127.0.0.1:0")
    assert (status, err.count("\n")) == (1, 1), err
    assert "stopped after a failure" in err
