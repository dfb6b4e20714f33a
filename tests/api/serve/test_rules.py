"""Rules over REST and on the command line: made, previewed, listed, removed, refused with what was expected."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.errors import SettingsError, StateError, TooManyRulesError
from api.mutes import Conditions, Mutes
from api.state import rules as stored
from api.state.rules import RuleStore
from api.state.store import AlertWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import httpx

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

WEEK_S = 7 * 86_400
RULE = {"device": "192.168.1.5", "reason": "the new camera"}


@pytest.fixture
def quiet(light: Light) -> Iterator[Light]:
    """Return a service without rules."""
    for rule in light.rules.rules:
        light.rules.remove(rule.id)
    return light


def made(light: Light, **body: Any) -> dict[str, Any]:
    answer = light.http.post("/rules", json=RULE | body)
    assert answer.status_code == 201, answer.text
    rule: dict[str, Any] = answer.json()
    return rule


def test_a_rule_is_made_listed_and_removed(quiet: Light) -> None:
    rule = made(quiet, domain="*.Example.org", hours="22:00-06:00")
    assert rule["domain"] == "*.example.org"
    assert (rule["behaviour"], rule["author"], rule["in_force"], rule["hits"]) == (None, "local", True, 0)
    assert abs(rule["expires_at"] - time.time() - WEEK_S) < 60
    assert quiet.get("/rules").json() == {"rules": [rule], "next_cursor": None}
    assert quiet.http.delete(f"/rules/{rule['id']}").json() == rule
    assert quiet.get("/rules").json()["rules"] == []
    assert quiet.http.delete(f"/rules/{rule['id']}").status_code == 404


def test_a_rule_never_expires_only_if_that_is_said(quiet: Light) -> None:
    assert made(quiet, ttl="never")["expires_at"] is None
    assert made(quiet, ttl="1h")["expires_at"] < time.time() + 3601


def test_rules_come_in_pages_the_newest_first(quiet: Light) -> None:
    names = [made(quiet)["id"] for _ in range(5)]
    page = quiet.get("/rules?limit=3").json()
    rest = quiet.get(f"/rules?limit=3&cursor={page['next_cursor']}").json()
    assert [rule["id"] for rule in page["rules"] + rest["rules"]] == names[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"device": "192.168.1.5"}, "reason"),
        ({"device": "192.168.1.5", "reason": "  "}, "reason"),
        ({"reason": "why"}, "at least one of device"),
        ({"reason": "why", "device": "camera"}, "no address or prefix"),
        ({"reason": "why", "behaviour": "naughty"}, "brute-force, crawl"),
        ({"reason": "why", "hours": "late"}, "22:00-06:00"),
        (RULE | {"ttl": "soon"}, "ttl"),
        (RULE | {"ttl": 0}, "ttl"),
        (RULE | {"until": "2h"}, "until: unknown field; expected any of device, behaviour, peer"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_was_expected(quiet: Light, body: dict[str, Any], told: str) -> None:
    answer = quiet.http.post("/rules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert told in answer.json()["detail"]
    assert quiet.rules.rules == ()


def test_a_preview_counts_what_was_raised_within_a_month_or_is_open_and_keeps_nothing(
    quiet: Light, examples: type[Examples]
) -> None:
    now = time.time()
    writer = AlertWriter(quiet.folder / "alerts")
    writer.upsert(
        [
            examples.alert("p1", ts=now - 60, severity="low"),
            examples.alert("p2", ts=now - 29 * 86_400, status="closed"),
            examples.alert("p3", ts=now - 31 * 86_400, status="closed"),
            examples.alert("p4", ts=now - 60, device="192.168.1.9"),
            examples.alert("p5", ts=now - 300 * 86_400, severity="medium"),
        ]
    )
    writer.close()
    answer = quiet.http.post("/rules?dry_run=true", json=RULE)
    assert answer.status_code == 200
    assert answer.json() == {
        "days": 30, "alerts": 3, "by_severity": {"low": 1, "medium": 1, "high": 1, "critical": 0}
    }  # fmt: skip
    assert quiet.rules.rules == ()


def test_hidden_alerts_are_listed_for_those_who_ask(quiet: Light, examples: type[Examples]) -> None:
    rule = made(quiet)
    writer = AlertWriter(quiet.folder / "alerts")
    writer.mutes = Mutes(lambda: quiet.rules.rules, time.time)
    writer.upsert([examples.alert("h1", last_ts=1234.0), examples.alert("h2", device="192.168.1.9")])
    writer.close()

    def listed(**wanted: str) -> set[str]:
        return {alert["id"] for alert in quiet.http.get("/alerts", params=wanted).json()["alerts"]} & {"h1", "h2"}

    assert (listed(), listed(muted="false"), listed(muted="true")) == ({"h2"}, {"h2"}, {"h1"})
    assert quiet.get("/alerts/h1").json()["muted"] == rule["id"]
    (told,) = quiet.get("/rules").json()["rules"]
    assert (told["hits"], told["last_hit"]) == (1, 1234.0)
    devices = {incident["device"] for incident in quiet.get("/incidents?since=0").json()["incidents"]}
    assert "192.168.1.9" in devices


def test_the_author_is_the_tokens_name_and_the_audit_log_has_it(
    lightly: Callable[..., AbstractContextManager[Light]],
) -> None:
    with lightly() as light:
        tokens = {name: light.token(name, [name]) for name in ("read", "respond", "admin")}

        def asked(name: str, method: str, path: str, **given: Any) -> httpx.Response:
            return light.http.request(method, path, headers={"Authorization": f"Bearer {tokens[name]}"}, **given)

        assert asked("read", "POST", "/rules", json=RULE).status_code == 403
        rule = asked("respond", "POST", "/rules", json=RULE).json()
        assert rule["author"] == "respond"
        assert asked("read", "DELETE", f"/rules/{rule['id']}").status_code == 403
        assert asked("respond", "DELETE", f"/rules/{rule['id']}").status_code == 200
        entries = asked("admin", "GET", "/audit", params={"who": "respond"}).json()["entries"]
        assert [(entry["action"], entry["object"]) for entry in entries] == [
            (action, f"{rule['id']}: device 192.168.1.5: the new camera")
            for action in ("DELETE /rules/{rule_id}", "POST /rules")
        ]


def test_the_command_line_adds_lists_and_removes(quiet: Light) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["rules", *words, "--service", quiet.url], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert run("list") == "nothing is muted\n"
    named = ("--device", "192.168.1.5", "--about", "tcp/443", "--reason", "a \x1b[31mbackup\nserver", "--for", "never")
    assert run("add", *named, "--dry-run").startswith("would have hidden ")
    assert quiet.rules.rules == ()
    rule = json.loads(run("add", *named, "--json"))
    assert (rule["service"], rule["expires_at"]) == ("tcp/443", None)
    (line,) = run("list").splitlines()
    assert line.startswith(f"{rule['id']}  device=192.168.1.5 service=tcp/443  never expires  hides 0  by local: a ")
    assert "\x1b" not in line
    assert json.loads(run("list", "--json"))["rules"] == [rule]
    assert run("remove", rule["id"]).startswith("removed: ")
    with pytest.raises(SettingsError, match="no rule of this identifier"):
        run("remove", rule["id"])


def test_rules_outlive_the_service_and_expired_ones_leave_in_the_end(tmp_path: Path) -> None:
    now = [1000.0]
    store = RuleStore(tmp_path / "rules", lambda: now[0])
    kept = store.add(Conditions(behaviour="scan"), "why", "local", None)
    short = store.add(Conditions(behaviour="scan"), "why", "local", 60.0)
    store.close()
    store = RuleStore(tmp_path / "rules", lambda: now[0])
    assert store.rules == (kept, short)
    now[0] += 61 + stored.KEPT_S
    new = store.add(Conditions(behaviour="scan"), "why", "local", 60.0)
    assert store.rules == (kept, new)
    store.close()


def test_there_is_a_limit_of_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST", 1)
    store = RuleStore(tmp_path / "rules")
    store.add(Conditions(behaviour="scan"), "why", "local", None)
    with pytest.raises(TooManyRulesError, match="there are 1 rules already"):
        store.add(Conditions(behaviour="scan"), "why", "local", None)
    assert len(store.rules) == 1
    store.close()


def test_a_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("no database, but long enough to be looked at as one" * 20)
    with pytest.raises(StateError, match="move the file away"):
        RuleStore(tmp_path / "rules")
    AlertWriter(tmp_path / "alerts").close()
    with pytest.raises(StateError, match="expected version 2"):
        RuleStore(tmp_path / "alerts")
