"""`nslabs models` as a command: snapshots that a replay or a service keeps, listed, compared, restored, reset."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from api.pipeline.models import log_time_of
from api.state.directory import fingerprint
from ingest.follow.checkpoints import CheckpointStore
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Command = Callable[..., tuple[int, str, str]]
    Serve = Callable[..., AbstractContextManager[Server]]

DEVICE = "192.168.1.12"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the logs of two and a half days of four devices."""
    out = tmp_path_factory.mktemp("logs")
    simulate(SimulatorConfig(out=out, devices=4, hours=60.0))
    return out


@pytest.fixture(scope="module")
def replayed(command: Command, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state that a replay of them leaves; nothing changes it."""
    state = tmp_path_factory.mktemp("replayed") / "state"
    status, _, err = command("replay", logs, "--state", state)
    assert status == 0, err
    return state


@pytest.fixture
def state(replayed: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may change."""
    return Path(shutil.copytree(replayed, tmp_path / "state"))


def parts_of(state: Path) -> dict[str, bytes]:
    """Return the parts of the newest checkpoint."""
    parts = CheckpointStore(state / "checkpoints", fingerprint=fingerprint(ModelConfig())).load()
    assert parts is not None
    return parts


def listed(command: Command, state: Path) -> list[dict[str, Any]]:
    """Return what `models list` says."""
    status, out, err = command("models", "list", "--state", state, "--json")
    assert (status, err) == (0, "")
    infos: list[dict[str, Any]] = json.loads(out)
    return infos


def at_least(server: Server, wanted: int) -> list[dict[str, Any]] | None:
    """Return what the service lists, once there are so many."""
    found: list[dict[str, Any]] = server.http.get("/models/snapshots").json()["snapshots"]
    return found if len(found) >= wanted else None


def damage(state: Path, number: int) -> None:
    """Change one byte in the middle of a snapshot."""
    (path,) = (state / "snapshots").glob(f"snapshot-{number:08}-*.nsm")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_replay_keeps_the_end_of_every_day(command: Command, state: Path) -> None:
    infos = listed(command, state)
    assert [info["id"] for info in infos] == [1, 2, 3]
    days = [info["ts"] // 86_400 for info in infos]
    assert days == [days[0], days[0] + 1, days[0] + 2]
    assert [86_400 - info["ts"] % 86_400 < 600 for info in infos] == [True, True, False]
    learned = [sum(info["learned"].values()) for info in infos]
    assert 0 < learned[0] < learned[1] < learned[2]
    assert [info["problem"] for info in infos] == [None] * 3
    assert parts_of(state)["engine"] == next((state / "snapshots").glob("snapshot-00000003-*")).read_bytes()
    status, out, _ = command("models", "list", "--state", state)
    assert (status, out.count("\n")) == (0, 3)
    assert infos[2]["digest"] in out


def test_diff_says_what_was_learned_between_two(command: Command, state: Path) -> None:
    status, out, err = command("models", "diff", 1, "now", "--state", state, "--json")
    assert status == 0, err
    first, last = (info["learned"] for info in (listed(command, state)[0], listed(command, state)[2]))
    changes = json.loads(out)
    assert {kind: changed["records learned"] for kind, changed in changes.items()} == {
        kind: [first[kind], last[kind]] for kind in last
    }
    assert changes["conn"]["threshold"][0] == changes["conn"]["threshold"][1] > 0
    status, out, _ = command("models", "diff", 3, "now", "--state", state)
    assert (status, out.count("nothing changed")) == (0, len(KINDS))


def test_show_says_what_a_snapshot_holds(command: Command, state: Path) -> None:
    status, out, _ = command("models", "show", "now", "--state", state, "--json")
    facts = Engine.from_bytes(parts_of(state)["engine"]).facts()["conn"]
    assert status == 0
    assert json.loads(out)["conn"]["records learned"] == facts.learned
    assert json.loads(out)["conn"]["entries: device"] == facts.entries["device"]


def test_restoring_puts_the_models_back_and_nothing_else(command: Command, state: Path) -> None:
    before = parts_of(state)
    status, out, err = command("models", "restore", 1, "--state", state)
    assert (status, err) == (0, "")
    assert "snapshot 1, " in out
    after = parts_of(state)
    assert after["engine"] == next((state / "snapshots").glob("snapshot-00000001-*")).read_bytes() != before["engine"]
    assert {n: p for n, p in after.items() if n != "engine"} == {n: p for n, p in before.items() if n != "engine"}
    newest = listed(command, state)[-1]
    assert newest["id"] == 4
    assert newest["ts"] == int(log_time_of(before))
    assert command("models", "restore", 4, "--state", state)[0] == 0
    assert parts_of(state) == before


def test_restoring_to_before_a_time_passes_over_damage(command: Command, state: Path) -> None:
    wanted = next((state / "snapshots").glob("snapshot-00000001-*")).read_bytes()
    damage(state, 2)
    status, out, err = command("models", "restore", "--before", "2026-01-07T12:00:00Z", "--state", state)
    assert status == 0, err
    assert "00000002" in err
    assert "damaged" in err
    assert "snapshot 1, " in out
    assert parts_of(state)["engine"] == wanted


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("restore",), "name either the number of a snapshot or --before"),
        (("restore", 1, "--before", "2d"), "name either"),
        (("restore", 99), "no snapshot 99"),
        (("restore", "--before", "2001-01-01"), "no snapshot from before 2001-01-01"),
        (("restore", 2), "nothing was changed"),
        (("show", 2), "damaged"),
        (("diff", 1, "then"), "found 'then'"),
        (("reset", "--device", "10.9.9.9"), "know no device '10.9.9.9'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_changes_nothing(
    command: Command, state: Path, arguments: tuple[object, ...], part: str
) -> None:
    damage(state, 2)
    before = parts_of(state)
    status, out, err = command("models", *arguments, "--state", state)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert part in err
    assert parts_of(state) == before
    assert len(listed(command, state)) == 3


def test_without_models_there_is_nothing_to_list_and_no_folder_is_made(command: Command, tmp_path: Path) -> None:
    status, _, err = command("models", "list", "--state", tmp_path / "none")
    assert status == 2
    assert "there are no models in it" in err
    assert not (tmp_path / "none").exists()


def test_resetting_a_device_forgets_it_and_can_be_undone(command: Command, state: Path) -> None:
    before = parts_of(state)
    status, out, err = command("models", "reset", "--device", DEVICE, "--state", state)
    assert (status, err) == (0, "")
    expected = Engine.from_bytes(before["engine"])
    assert f"{expected.forget(DEVICE):,} entries forgotten" in out
    assert parts_of(state)["engine"] == expected.to_bytes()
    status, out, _ = command("models", "diff", 4, "now", "--state", state, "--json")
    assert json.loads(out)["conn"]["devices gone"] == [0, 1]
    assert command("models", "restore", 4, "--state", state)[0] == 0
    assert parts_of(state) == before


@pytest.mark.slow
def test_a_service_keeps_snapshots_lists_them_and_is_not_interfered_with(
    serve: Serve, command: Command, zeek: type[Zeek]
) -> None:
    with serve(TrafficAnalyzerConfig='{"checkpoint_interval_s": 0.01}') as server:
        for hour in range(3):
            server.append("conn.log", *(zeek.line(zeek.conn(3600 * hour + n)) for n in range(20)))
            found = server.until(
                lambda wanted=hour + 1: (
                    len(f := server.http.get("/models/snapshots").json()["snapshots"]) >= wanted and f
                )
            )
        assert [info["ts"] // 3600 - 1767600000 // 3600 for info in found] == [0, 1, 2]
        assert found == listed(command, server.logs.parent / "state")
        status, _, err = command("models", "restore", 1, "--state", server.logs.parent / "state")
        assert status == 2
        assert "another nslabs process uses it" in err
        assert server.stop()[0] == 0
    state = server.logs.parent / "state"
    assert command("models", "restore", found[0]["id"], "--state", state)[0] == 0
    positions = parts_of(state)["positions"]
    with serve() as server:  # nothing is read again
        server.append("conn.log", zeek.line(zeek.conn(20_000)))
        server.until(lambda: server.scored() == 1)
        assert server.stop()[0] == 0
    assert positions != parts_of(state)["positions"]


def test_a_new_site_begins_with_what_another_has_learned(
    serve: Serve, command: Command, state: Path, zeek: type[Zeek]
) -> None:
    snapshot = next((state / "snapshots").glob("snapshot-00000003-*"))
    learned = Engine.from_bytes(snapshot.read_bytes()).facts()["conn"].learned
    with serve("--warm-start", snapshot, site="new") as server:
        server.append("conn.log", zeek.line(zeek.conn(1)))
        server.until(lambda: server.scored() == 1)
        assert server.stop()[0] == 0
    new = server.logs.parent / "state"
    facts = Engine.from_bytes(parts_of(new)["engine"]).facts()["conn"]
    assert (facts.learned, len(facts.devices)) == (learned + 1, 1)
    options = ("--logs", server.logs, "--state", new, "--listen", "127.0.0.1:0")
    status, _, err = command("run", *options, "--warm-start", snapshot)
    assert (status, err.count("\n")) == (2, 1)
    assert "there is one already" in err


@pytest.mark.parametrize(
    ("make", "variables", "part"),
    [
        (lambda path: path.unlink(), {}, "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), {}, "damaged"),
        (lambda _: None, {"MachineLearningModelConfig": '{"seed": 2}'}, "learned with seed = 1, and seed = 2"),
    ],
    ids=["missing", "damaged", "another seed"],
)
def test_a_warm_start_that_cannot_be_is_refused_and_leaves_no_state(
    command: Command, tmp_path: Path, make: Callable[[Path], object], variables: dict[str, str], part: str
) -> None:
    snapshot = tmp_path / "site.nsm"
    snapshot.write_bytes(Engine().to_bytes())
    make(snapshot)
    (tmp_path / "logs").mkdir()
    options = ("--logs", tmp_path / "logs", "--state", tmp_path / "state", "--listen", "127.0.0.1:0")
    status, _, err = command("run", *options, "--warm-start", snapshot, **variables)
    assert (status, err.count("\n")) == (2, 1)
    assert part in err
    assert not list((tmp_path / "state" / "checkpoints").glob("*.bin"))
