"""Maintenance windows over REST, on the command line, in /health, on the stream, and in the audit log."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.errors import SettingsError
from api.state import windows as stored
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.api.serve.conftest import Light

BODY = {"devices": ["192.168.1.5"], "ends_at": "2h", "reason": "new firmware"}


@pytest.fixture
def quiet(light: Light) -> Iterator[Light]:
    """Return a service whose windows have all ended."""
    for window in light.get("/maintenance").json()["windows"]:
        if window["phase"] != "ended":
            assert light.http.delete(f"/maintenance/{window['id']}").status_code == 200
    return light


def made(light: Light, **body: Any) -> dict[str, Any]:
    answer = light.http.post("/maintenance", json=BODY | body)
    assert answer.status_code == 201, answer.text
    window: dict[str, Any] = answer.json()
    return window


def test_a_window_is_made_listed_told_in_health_and_ended(quiet: Light) -> None:
    window = made(quiet, tags=["outdoors", "outdoors"])
    assert (window["phase"], window["tags"], window["author"]) == ("begun", ["outdoors"], "local")
    assert abs(window["ends_at"] - time.time() - 7200) < 60
    assert quiet.get("/maintenance?limit=1").json()["windows"] == [window]
    assert quiet.get("/maintenance?phase=begun").json()["windows"] == [window]
    assert quiet.get("/health").json()["maintenance"] == [window]
    assert "nslabs_maintenance_windows 1.0" in quiet.get("/metrics").text
    ended = quiet.http.delete(f"/maintenance/{window['id']}").json()
    assert (ended["phase"], ended["ends_at"] <= time.time()) == ("ended", True)
    assert quiet.get("/health").json()["maintenance"] == []
    assert quiet.http.delete(f"/maintenance/{window['id']}").status_code == 409
    assert quiet.http.delete("/maintenance/m-none").status_code == 404


def test_a_window_may_be_set_ahead_of_time(quiet: Light) -> None:
    window = made(quiet, devices=[], everything=True, begins_at="1h", ends_at=time.time() + 86_400)
    assert (window["phase"], window["everything"]) == ("planned", True)
    assert abs(window["begins_at"] - time.time() - 3600) < 60
    assert quiet.get("/health").json()["maintenance"] == []


def test_windows_come_in_pages_the_newest_first(quiet: Light) -> None:
    names = [made(quiet)["id"] for _ in range(5)]
    page = quiet.get("/maintenance?limit=3&phase=begun").json()
    rest = quiet.get(f"/maintenance?limit=3&phase=begun&cursor={page['next_cursor']}").json()
    assert [one["id"] for one in page["windows"] + rest["windows"]] == names[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"reason": "why", "ends_at": "2h"}, "devices or tags"),
        (BODY | {"everything": True}, "everything"),
        (BODY | {"devices": ["camera"]}, "no address or prefix"),
        (BODY | {"tags": ["Outdoors!"]}, "tags"),
        (BODY | {"reason": " "}, "reason"),
        (BODY | {"ends_at": "soon"}, "ends_at"),
        (BODY | {"ends_at": 1.7e12}, "ends_at"),
        (BODY | {"begins_at": True}, "begins_at"),
        (BODY | {"devices": ["10.0.0.1"] * 257}, "256"),
        (BODY | {"colour": "red"}, "colour"),
    ],
)
def test_what_is_no_window_is_refused_with_what_was_expected(quiet: Light, body: dict[str, Any], told: str) -> None:
    before = [one.id for one in quiet.windows.windows]
    answer = quiet.http.post("/maintenance", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert told in answer.json()["detail"]
    assert [one.id for one in quiet.windows.windows] == before


@pytest.mark.parametrize(
    ("ends_at", "told"), [(1.0, "has passed"), ("2000-01-01T00:00:00Z", "has passed"), ("31d", "30 days at most")]
)
def test_a_time_that_cannot_be_is_refused(quiet: Light, ends_at: object, told: str) -> None:
    answer = quiet.http.post("/maintenance", json=BODY | {"ends_at": ends_at})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_time")
    assert told in answer.json()["detail"]


def test_there_is_room_for_so_many(quiet: Light, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST", len(quiet.windows.windows))
    answer = quiet.http.post("/maintenance", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_windows")


def test_begin_and_end_are_told_on_the_stream(quiet: Light) -> None:
    told: list[dict[str, Any]] = []
    with quiet.socket("/ws/events?type=maintenance") as stream:
        window = made(quiet)
        for message in map(json.loads, stream):
            assert is_described(message)
            told += [message] if message.get("window", {}).get("id") == window["id"] else []
            if told and told[-1]["change"] == "ended":
                break
            if len(told) == 1:
                quiet.http.delete(f"/maintenance/{window['id']}")
    assert [message["change"] for message in told] == ["begun", "ended"]


def test_what_was_done_is_in_the_audit_log(lightly: Callable[..., AbstractContextManager[Light]]) -> None:
    with lightly() as light:
        tokens = {scope: {"Authorization": f"Bearer {light.token(scope, [scope])}"} for scope in ("read", "respond")}
        assert light.http.post("/maintenance", json=BODY, headers=tokens["read"]).status_code == 403
        window = light.http.post("/maintenance", json=BODY, headers=tokens["respond"]).json()
        assert window["author"] == "respond"
        admin = light.token("admin", ["admin"])
        entries = light.get("/audit", Authorization=f"Bearer {admin}").json()["entries"]
        (told,) = [one for one in entries if one["action"] == "POST /maintenance" and one["status"] == 201]
        assert told["object"].startswith(f"{window['id']}: 192.168.1.5: ")


def test_the_command_makes_lists_and_ends_windows(quiet: Light) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["maintenance", *arguments, "--service", quiet.url], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    line = run("add", "--tag", "outdoors", "--device", "192.168.1.0/24", "--until", "2h", "--reason", "firm\x1b[1mware")
    identifier = line.split()[0]
    assert "192.168.1.0/24 tag=outdoors" in line
    assert "\x1b" not in line
    assert identifier in run("list")
    assert f"{identifier}  ended" in run("end", identifier)
    with pytest.raises(SettingsError, match="no window"):
        run("end", "m-none")
