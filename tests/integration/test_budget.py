"""`nslabs budget`, `/budget` and `/metrics` say the same of the thresholds that follow from the alert budget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest.simulator import SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server

    Command = Callable[..., tuple[int, str, str]]
    Serving = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="module")
def state(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state that a replay of five and a half days of four devices leaves."""
    folder = tmp_path_factory.mktemp("five-days")
    simulate(SimulatorConfig(out=folder / "logs", devices=4, hours=132.0))
    status, _, err = command("replay", folder / "logs", "--state", folder / "state")
    assert status == 0, err
    return folder / "state"


def told(command: Command, *arguments: object) -> list[dict[str, Any]]:
    """Return the JSON line of the command."""
    status, out, err = command("budget", *arguments, "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    choices: list[dict[str, Any]] = json.loads(out)
    return choices


def test_it_tells_the_budget_in_force_and_one_alert_more_and_less(command: Command, state: Path) -> None:
    less, now, more = told(command, "--state", state)
    assert [(one["name"], one["budget_per_day"]) for one in (less, now, more)] == [
        ("one less", 1.0), ("now", 2.0), ("one more", 3.0)
    ]  # fmt: skip
    assert now["kinds"]["conn"] == {
        "budget_per_day": 1.0,
        "threshold": 3.3,
        "alerts_per_day": 0.0,
        "days": 4,
        "noisy_devices": 0,
    }
    assert now["alerts_per_day"] == sum(kind["alerts_per_day"] or 0.0 for kind in now["kinds"].values())
    (asked,) = told(command, "--state", state, "--per-day", 16)
    assert (asked["name"], asked["kinds"]["conn"]["threshold"]) == ("asked", 2.4)


def test_a_person_gets_a_table(command: Command, state: Path) -> None:
    status, out, err = command("budget", "--state", state)
    assert (status, err) == (0, "")
    rows = {line[:10].strip(): line.split()[-3:] for line in out.splitlines()[1:4]}
    assert rows["now"] == ["1", "in", "2,000"]
    assert rows.keys() == {"one less", "now", "one more"}
    assert "conn 4, dns 4, http" in out


def test_a_service_tells_the_same(command: Command, serve: Serving, tmp_path: Path) -> None:
    with serve() as server:
        choices = server.http.get("/budget").json()["choices"]
        assert choices == told(command, "--state", tmp_path / "site" / "state")
        assert choices[1]["alerts_per_day"] is None
        (asked,) = server.http.get("/budget", params={"per_day": 7.5}).json()["choices"]
        assert (asked["budget_per_day"], asked["kinds"]["dns"]["budget_per_day"]) == (7.5, 1.875)
        refused = server.http.get("/budget", params={"per_day": -1})
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_parameter")
        assert 'nslabs_alert_threshold{log="conn"} 3.3' in server.http.get("/metrics").text
