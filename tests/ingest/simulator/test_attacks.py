"""What the truth file says is what the logs hold, and the attacks look like themselves."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ingest.simulator import SimulatorConfig, simulate

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Row, Simulated


def attack_rows(simulated: Simulated, kind: str = "conn") -> list[Row]:
    hostile = {row["uid"] for row in simulated.truth if row["attack"] == "1"}
    return [row for row in simulated.logs[kind] if row["uid"] in hostile]


def entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def test_truth_has_every_connection_in_order(attacked: Simulated) -> None:
    assert [row["uid"] for row in attacked.truth] == [row["uid"] for row in attacked.logs["conn"]]
    assert [row["device"] for row in attacked.truth] == [row["id.orig_h"] for row in attacked.logs["conn"]]
    for row, truth in zip(attacked.logs["conn"], attacked.truth, strict=True):
        lasted = 0.0 if row["duration"] == "-" else float(row["duration"])
        assert abs(float(row["ts"]) + lasted - float(truth["written"])) < 1e-5


def test_only_the_victim_attacks_and_only_in_the_test_phase(attacked: Simulated) -> None:
    summary, hostile = attacked.summary, [row for row in attacked.truth if row["attack"] == "1"]
    assert summary.attack_window is not None
    assert {row["device"] for row in hostile} == {summary.victim}
    assert {row["phase"] for row in hostile} == {"test"}
    assert summary.attack_records == len(hostile) > 50
    for row in attacked.truth:
        assert row["phase"] == ("test" if float(row["written"]) >= summary.attack_window[0] else "warmup")


def test_the_victim_lives_on(attacked: Simulated) -> None:
    """Its ordinary traffic goes on during the attack, and nobody else's changes."""
    ordinary = [row for row in attacked.truth if row["attack"] == "0" and row["phase"] == "test"]
    assert sum(row["device"] == attacked.summary.victim for row in ordinary) > 20


def test_attack_leaves_the_rest_as_it_was(attacked: Simulated, tmp_path: Path) -> None:
    config = attacked.config
    simulate(SimulatorConfig(tmp_path, hours=config.hours, seed=config.seed))
    peaceful = (tmp_path / "conn.log").read_text().splitlines()[8:-1]
    hostile = {row["uid"] for row in attacked.truth if row["attack"] == "1"}
    lines = (config.out / "conn.log").read_text().splitlines()[8:-1]
    assert [line for line in lines if line.split("\t")[1] not in hostile] == peaceful


def test_mirai_scans_obeys_and_floods(mirai: Simulated) -> None:
    rows = attack_rows(mirai)
    scans = [row for row in rows if row["id.resp_p"] in ("23", "2323", "22") and row["proto"] == "tcp"]
    assert len({row["id.resp_h"] for row in scans}) > 1000
    states = Counter(row["conn_state"] for row in scans)
    assert states["S0"] > 0.85 * len(scans)
    assert min(states["REJ"], states["SF"]) > 0
    polls = [row for row in rows if row["id.resp_p"] == "48101"]
    assert len({row["id.resp_h"] for row in polls}) == 1
    assert len(polls) > 100
    targets = Counter(row["id.resp_h"] for row in rows)
    assert max(targets.values()) > 1000
    assert [row["uri"] for row in attack_rows(mirai, "http")] != []


def test_c2_is_a_quiet_beat_to_one_new_host(c2: Simulated) -> None:
    calls = [row for row in attack_rows(c2) if row["id.resp_p"] == "443"]
    home = {row["id.resp_h"] for row in calls}
    assert len(home) == 1
    assert not home & {row["id.resp_h"] for row in c2.logs["conn"] if row["uid"] not in {r["uid"] for r in calls}}
    assert 50 < len(calls) < 90  # 5400 s at 90 s, and some uploads
    assert max(int(row["orig_bytes"]) for row in calls) > 20_000


def test_exfiltration_rides_in_long_random_names(exfiltration: Simulated) -> None:
    names = [row["query"] for row in attack_rows(exfiltration, "dns")]
    assert all(name.endswith(".t.metricsgrid.example") for name in names)
    assert len(set(names)) == len(names) == pytest.approx(2700, rel=0.1)
    assert all(len(label) <= 63 for name in names for label in name.split("."))
    assert sum(map(entropy, names)) / len(names) > 4.0
    assert set(Counter(row["qtype_name"] for row in attack_rows(exfiltration, "dns"))) == {"TXT", "NULL", "A"}


@pytest.mark.parametrize("attack", ["mirai", "c2", "dns-exfil"])
def test_intensity_scales_the_rate(tmp_path: Path, attack: str) -> None:
    counts = [
        simulate(
            SimulatorConfig(tmp_path / str(x), hours=1.5, attack=attack, attack_at_s=0.0, intensity=x, devices=4)
        ).attack_records
        for x in (0.1, 1.0, 10.0)
    ]
    assert counts[0] * 4 < counts[1] < counts[2] / 4


def test_the_seed_chooses_the_victim(tmp_path: Path) -> None:
    victims = {
        simulate(SimulatorConfig(tmp_path / str(seed), hours=0.01, attack="c2", seed=seed)).victim for seed in range(8)
    }
    assert len(victims) > 2


def test_measure_accepts_the_truth(attacked: Simulated, shared_data: Path, tmp_path: Path) -> None:
    """A detector that gives the truth as its score is perfect, and no row is missing."""
    scores = tmp_path / "scores.ndjson"
    scores.write_text("".join(f'{{"uid":"{row["uid"]}","score":{row["attack"]}}}\n' for row in attacked.truth))
    tool = shared_data.parent / "detection" / "measure.py"
    truth = attacked.config.out / "truth.tsv"
    done = subprocess.run([sys.executable, tool, truth, scores], capture_output=True, text=True, check=True)
    assert '"roc_auc": 1.0' in done.stdout
    assert '"missing": 0.0' in done.stdout
