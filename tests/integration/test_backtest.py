"""`nslabs backtest` as a command: it says what a replay says of the same days, and leaves no trace in the state."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest.simulator import SimulatorConfig, simulate
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]

BEGIN = 1_767_600_000.0  # 2026-01-05 08:00 UTC, where simulations begin
DAY = 86_400.0


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the logs of two days, in the last hours of which a device joins a botnet."""
    out = tmp_path_factory.mktemp("logs")
    simulate(SimulatorConfig(out=out, devices=6, hours=46.5, attack="mirai", attack_at_s=46 * 3600.0))
    (out / "truth.tsv").unlink()
    return out


@pytest.fixture(scope="module")
def replayed(command: Command, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the state and the alerts of a replay."""
    folder = tmp_path_factory.mktemp("replayed")
    status, _, err = command("replay", logs, "--state", folder / "state", "--alerts", folder / "alerts")
    assert status == 0, err
    return folder


def found(command: Command, *arguments: object) -> dict[str, Any]:
    """Return the JSON line of a backtest."""
    status, out, err = command("backtest", *arguments, "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    told: dict[str, Any] = json.loads(out)
    return told


def contents(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_it_tells_the_alerts_that_a_replay_raises(command: Command, logs: Path, replayed: Path) -> None:
    expected = [json.loads(line) for line in (replayed / "alerts").read_text().splitlines()]
    told = found(command, logs, "--since", "2026-01-05T00:00:00Z")
    assert {alert["id"] for alert in told["list"]} == {alert["id"] for alert in expected}
    assert told["alerts"] == len(expected) > 0
    assert list(told["by_day"]) == ["2026-01-05", "2026-01-06", "2026-01-07"]
    for counts in (told["by_day"], told["by_behaviour"], told["by_device"]):
        assert sum(counts.values()) == told["alerts"]
    rows = sum(
        not line.startswith("#")
        for p in map(logs.joinpath, map("{}.log".format, KINDS))
        if p.exists()
        for line in p.read_text().splitlines()
    )
    assert told["records"] == rows


def test_what_was_raised_before_is_learned_from_and_not_told(command: Command, logs: Path) -> None:
    told = found(command, logs, "--since", "2026-01-07T06:00:00Z")
    assert list(told["by_day"]) == ["2026-01-07"]
    assert told["list"]
    assert all(alert["ts"] >= BEGIN + 46 * 3600.0 for alert in told["list"])
    assert "scan" in told["by_behaviour"]


def test_a_time_after_the_logs_is_told(command: Command, logs: Path) -> None:
    status, out, err = command("backtest", logs, "--since", "2026-01-20T00:00:00Z", "--json")
    assert (status, "no record began after 2026-01-20" in err) == (0, True)
    assert json.loads(out) == {
        "since": 1_768_867_200.0,
        "budget": 2.0,
        "thresholds": dict.fromkeys(KINDS, 3.3),
        "snapshot": None,
        "records": 0,
        "alerts": 0,
        "by_day": {},
        "by_behaviour": {},
        "by_device": {},
        "list": [],
    }


def test_with_a_state_it_begins_with_a_copy_and_leaves_it_untouched(
    command: Command, logs: Path, replayed: Path
) -> None:
    """The snapshot is that of the end of the first day; the second is told by what it knew then."""
    before = contents(replayed / "state")
    told = found(command, logs, "--since", "2026-01-07T00:00:00Z", "--state", replayed / "state")
    assert contents(replayed / "state") == before
    assert told["snapshot"] == 2
    fresh = found(command, logs, "--since", "2026-01-07T00:00:00Z")
    assert told["records"] == fresh["records"] > 0
    assert told["by_device"].keys() >= {a["device"] for a in fresh["list"] if a["behaviour"] == "scan"}


def test_a_person_gets_counts_and_the_alerts(command: Command, logs: Path) -> None:
    told = found(command, logs, "--since", "2026-01-07T00:00:00Z")["list"]
    status, out, err = command("backtest", logs, "--since", "2026-01-07T00:00:00Z")
    assert (status, err) == (0, "")
    assert "alerts by day" in out
    assert "2026-01-07" in out
    assert "new models" in out
    lines = out.splitlines()[-len(told) :]
    assert all(line.startswith("2026-01-07") for line in lines)
    assert all(line.endswith(alert["sentence"]) for line, alert in zip(lines, told, strict=True))


def test_several_budgets_are_compared_in_one_run(command: Command, logs: Path) -> None:
    status, out, err = command("backtest", logs, "--since", "2026-01-05T00:00:00Z", "--budget", 0.5, "--budget", "20")
    assert (status, err) == (0, "")
    one = found(command, logs, "--since", "2026-01-05T00:00:00Z", "--budget", "0.5")
    count = str(one["alerts"])
    assert [line.split()[:2] for line in out.splitlines()[-2:]] == [["0.5", count], ["20", count]]
    assert out.splitlines()[-1].endswith(", ".join(f"{kind} 3.3" for kind in KINDS))


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--since", "noon"), "--since: expected a span"),
        (("--since", "2026-01-05T00:00:00Z", "--state", "STATE"), "no snapshot from before"),
    ],
)
def test_wrong_input_is_told_in_one_line(
    command: Command, logs: Path, replayed: Path, arguments: tuple[str, ...], part: str
) -> None:
    named = [replayed / "state" if word == "STATE" else word for word in arguments]
    status, out, err = command("backtest", logs, *named)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert part in err


def test_it_says_what_would_have_been_blocked_and_asks_nobody(command: Command, logs: Path, tmp_path: Path) -> None:
    """The device that joins the botnet is blocked again and again; what its records say agrees with what is counted."""
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'mode = "suggest"\n[[rules]]\nname = "all"\ntarget = "device"\n[escalation]\nladder = ["5m", "10m"]\n'
    )
    since = "2026-01-07T05:30:00Z"
    told = found(command, logs, "--since", since, "--decisions", "--policy", policy)
    decided = told["decisions"]
    blocks = [one for one in decided["list"] if one["outcome"] == "blocked"]
    assert decided["blocked"] == len(blocks) >= 2
    assert decided["by_rule"] == {"all": len(blocks)}
    assert {one["mode"] for one in blocks} == {"suggest"}
    assert {one["seconds"] for one in blocks} == {300.0, 600.0}
    assert all(later["begin"] >= earlier["end"] for earlier, later in itertools.pairwise(blocks))
    device = {alert["device"] for alert in told["list"] if alert["behaviour"] == "scan"}.pop()
    for one in blocks:
        for kind in ("conn", "dns"):
            rows = [line.split("\t") for line in (logs / f"{kind}.log").read_text().splitlines() if line[0] != "#"]
            within = [row for row in rows if one["begin"] <= float(row[0]) < one["end"] and device in {row[2], row[4]}]
            assert len(within) == one["ordinary"].get(kind, 0) + one["anomalous"].get(kind, 0)
    plain = found(command, logs, "--since", since)
    assert [alert["id"] for alert in told["list"]] == [alert["id"] for alert in plain["list"]]
    assert "decisions" not in plain


def test_a_policy_without_decisions_is_refused(command: Command, logs: Path, tmp_path: Path) -> None:
    status, _, err = command("backtest", logs, "--since", "2026-01-05T00:00:00Z", "--policy", tmp_path / "p.toml")
    assert (status, "name both, or neither" in err) == (2, True)
