"""Figures of an evaluation: exact, as their definitions say, and equal to those of the detection specification."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_models.errors import TruthError
from online_models.evaluate import evaluate
from online_models.metrics import average_precision, precision_at_attacks, roc_auc
from online_models.truth import read_truth
from online_models.types import Alert

if TYPE_CHECKING:
    from pathlib import Path

START = 1_700_000_000.0
PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def alert(device: str, ts: float, last_ts: float | None = None) -> Alert:
    """Return an alert of which only these matter here; times in seconds since the test phase began."""
    raised, last = START + ts, START + (ts if last_ts is None else last_ts)
    return Alert("a", device, "scan", "conn", "high", 0.9, raised, raised, last, 1, "")


def rows_of(*rows: tuple[str, int, str, str, float, str]) -> pl.DataFrame:
    """Return a truth; the times count from the beginning of the test phase."""
    columns = ("uid", "attack", "phase", "device", "written", "capture")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(pl.col("attack") == 1, pl.col("written") + START)


DAY = 86_400.0
TRUTH = rows_of(
    ("W", 1, "warmup", "10.0.0.9", -50.0, "lab"),
    ("A", 0, "test", "10.0.0.1", 0.0, "cam"),
    ("B", 0, "test", "10.0.0.2", 10.0, "hub"),
    ("C", 1, "test", "10.0.0.3", 100.0, "worm"),
    ("D", 0, "test", "8.8.8.8", 200.0, "hub"),
    ("E", 0, "test", "10.0.0.1", DAY, "cam"),
)


def scores_of(**scores: float) -> pl.DataFrame:
    """Return the scores of one log kind."""
    return pl.DataFrame({"uid": list(scores), "order": range(len(scores)), "score": scores.values()})


@given(PAIRS)
def test_the_area_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[float, bool]]) -> None:
    positive, negative = ([s for s, y in pairs if y is kind] for kind in (True, False))
    wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    expected = wins / (len(positive) * len(negative)) if positive and negative else None
    assert roc_auc(np.array([s for s, _ in pairs]), np.array([y for _, y in pairs])) == pytest.approx(expected)


@given(PAIRS)
def test_average_precision_is_the_mean_precision_at_each_attack(pairs: list[tuple[float, bool]]) -> None:
    """Of records with equal scores all are counted, whichever comes first."""
    hits = [s for s, y in pairs if y]
    precisions = [sum(y for s, y in pairs if s >= at) / sum(s >= at for s, _ in pairs) for at in hits]
    expected = sum(precisions) / len(hits) if hits else None
    found = average_precision(np.array([s for s, _ in pairs]), np.array([y for _, y in pairs]))
    assert found == pytest.approx(expected)


def test_precision_at_attacks_counts_as_many_of_the_highest_as_there_are_attacks() -> None:
    attacks = np.array([False, True, True, False])
    assert precision_at_attacks(np.array([0.9, 0.8, 0.1, 0.2]), attacks) == 0.5
    assert precision_at_attacks(np.array([0.9, 0.8]), np.array([False, False])) is None


def test_only_the_test_phase_counts_and_what_was_not_scored_is_missing() -> None:
    found = evaluate(TRUTH, {"conn": scores_of(W=0.0, A=0.2, B=0.6, C=0.6, D=0.1)}, []).records
    assert (found.test_rows, found.attack_rows, found.missing) == (5, 1, 0.2)
    assert (found.roc_auc, found.average_precision) == (round(2.5 / 3, 4), 0.5)


def test_the_whole_counts_every_attack_that_the_truth_knows() -> None:
    figures = evaluate(TRUTH, {"conn": scores_of(A=0.1, B=0.2)}, []).records
    assert (figures.true_attacks, figures.attack_rows, figures.test_rows, figures.missing) == (1, 0, 5, 0.6)
    assert figures.roc_auc is None


@pytest.mark.parametrize(("attack", "area"), [(0.0, None), (0.1, 0.75), (0.2, 1.0)])
def test_what_says_nothing_of_the_attacks_has_no_area(attack: float, area: float | None) -> None:
    scores = scores_of(A=0.5, C=0.4, D=0.1).with_columns(reach=pl.Series([0.0, attack, 0.1]))
    view = evaluate(TRUTH, {"conn": scores}, []).views["conn.reach"]
    assert view.roc_auc == area
    assert (view.average_precision is None) is (area is None)


def test_the_last_score_of_a_uid_counts_in_the_whole_and_each_kind_has_its_own() -> None:
    conn = pl.DataFrame(
        {"uid": ["C", "A", "C"], "order": [0, 1, 3], "score": [0.9, 0.5, 0.8], "reach": [1.0, 2.0, 3.0]}
    )
    dns = pl.DataFrame({"uid": ["C", "B"], "order": [2, 4], "score": [0.1, 0.2]})
    found = evaluate(TRUTH, {"conn": conn, "dns": dns}, [])
    assert found.records.roc_auc == 1.0
    assert (found.kinds["conn"].roc_auc, found.kinds["dns"].roc_auc) == (1.0, 0.0)
    assert (found.kinds["dns"].test_rows, found.kinds["dns"].missing) == (2, 0.0)
    assert found.views.keys() == {"conn.reach"}
    assert found.views["conn.reach"].roc_auc == 1.0


@pytest.mark.parametrize(
    ("alerts", "delay", "false"),
    [
        ([], None, 0),
        ([alert("10.0.0.3", 160.0)], 60.0, 0),
        ([alert("10.0.0.3", 20.0, 500.0)], 0.0, 0),
        ([alert("10.0.0.3", 20.0, 50.0)], None, 1),
        ([alert("10.0.0.1", 160.0), alert("192.0.2.1", 5.0)], None, 2),
        ([alert("10.0.0.1", -50.0, 500.0)], None, 0),
    ],
    ids=["none", "a minute later", "before, and still on", "over before", "on others", "in the warm-up"],
)
def test_delay_and_false_alerts(alerts: list[Alert], delay: float | None, false: int) -> None:
    found = evaluate(TRUTH, {}, alerts).alerts
    assert found.detection_delay_s == {"10.0.0.3": delay}
    assert found.false_alerts == false
    assert found.device_days == 2.0
    assert found.false_alerts_per_device_day == false / 2


def test_a_capture_is_judged_by_its_attacks_and_its_devices() -> None:
    found = evaluate(TRUTH, {"conn": scores_of(A=0.9, B=0.1, C=0.6, D=0.1, E=0.2)}, [alert("10.0.0.1", 5.0)]).captures
    assert list(found) == ["cam", "hub", "worm"]
    records, alerts = found["worm"]
    assert (records.test_rows, records.roc_auc, alerts.detection_delay_s) == (5, 0.75, {"10.0.0.3": None})
    assert (alerts.false_alerts, alerts.device_days, alerts.false_alerts_per_device_day) == (0, 0.0, None)
    records, alerts = found["cam"]
    assert (records.test_rows, records.roc_auc) == (2, None)
    assert (alerts.alerts, alerts.false_alerts, alerts.false_alerts_per_device_day) == (1, 1, 1.0)
    assert found["hub"][1].false_alerts == 0


LINE = "C1\t0\ttest\t10.0.0.1\t1.5\tcam\n"
HEAD = "uid\tattack\tphase\tdevice\twritten\tcapture\n"


def test_a_truth_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "truth.tsv").write_text(HEAD + LINE + 'C"2\t1\twarmup\t10.0.0.2\t-2\t\n')
    assert read_truth(tmp_path / "truth.tsv").rows() == [
        ("C1", False, "test", "10.0.0.1", 1.5, "cam"),
        ('C"2', True, "warmup", "10.0.0.2", -2.0, ""),
    ]


def test_a_truth_need_not_name_captures(tmp_path: Path) -> None:
    (tmp_path / "truth.tsv").write_text("uid\tattack\tphase\tdevice\twritten\nC1\t1\ttest\t10.0.0.1\t1\n")
    assert read_truth(tmp_path / "truth.tsv")["capture"].to_list() == [""]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "cannot be read"),
        ("uid\tattack\n", "no column 'phase'"),
        (HEAD + LINE.replace("\t0\t", "\tyes\t"), "line 2: attack is 'yes', not 0 or 1"),
        (HEAD + LINE + LINE.replace("test", "train"), "line 3: phase is 'train'"),
        (HEAD + LINE.replace("1.5", "noon"), "line 2: written is 'noon'"),
        (HEAD + LINE.replace("test", "warmup"), "no row of the phase test"),
        (HEAD, "no row of the phase test"),
    ],
)
def test_what_is_no_truth_is_told(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "truth.tsv").write_text(text)
    with pytest.raises(TruthError, match=r"truth\.tsv") as told:
        read_truth(tmp_path / "truth.tsv")
    assert part in str(told.value)


def specified(script: Path, folder: Path, scores: dict[str, float], alerts: list[Alert]) -> dict[str, Any]:
    """Return what the specification's own program says."""
    (folder / "scores").write_text("".join(json.dumps({"uid": u, "score": s}) + "\n" for u, s in scores.items()))
    times = ({"device": a.device, "ts": a.ts, "last_ts": a.last_ts} for a in alerts)
    (folder / "alerts").write_text("".join(json.dumps(line) + "\n" for line in times))
    command = [sys.executable, script, folder / "truth.tsv", folder / "scores", folder / "alerts"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_the_specification(project: Path, tmp_path: Path, seed: int) -> None:
    script = project.parent / "shared" / "detection" / "measure.py"
    if not script.is_file():
        pytest.skip(f"../shared/detection absent ({script})")
    random = np.random.default_rng(seed)
    written = np.sort(random.uniform(0.0, 3 * DAY, 400)).round(6)
    attack = random.random(400) < 0.1 * seed
    devices = [f"10.0.0.{1 + n % 7 if not bad else 9 + n % 2}" for n, bad in enumerate(attack)]
    lines = [
        f"C{n}\t{attack[n]:d}\t{'test' if written[n] > DAY else 'warmup'}\t{devices[n]}\t{START + written[n]:.6f}\tx"
        for n in range(400)
    ]
    (tmp_path / "truth.tsv").write_text(HEAD + "\n".join(lines) + "\n")
    scores = {f"C{n}": round(float(random.random()), 2) for n in range(400) if n % 50 or seed % 2}
    times = random.uniform(0.0, 3 * DAY, 12)
    alerts = [alert(f"10.0.0.{1 + n}", t, t + random.uniform(0.0, DAY)) for n, t in enumerate(times)]
    found = evaluate(read_truth(tmp_path / "truth.tsv"), {"conn": scores_of(**scores)}, alerts)
    told = {**vars_of(found.records), **vars_of(found.alerts)}
    assert told.pop("true_attacks") == int((attack & (written > DAY)).sum())
    assert told == specified(script, tmp_path, scores, alerts)


def vars_of(figures: Any) -> dict[str, Any]:
    """Return the fields of a dataclass with slots."""
    return {name: getattr(figures, name) for name in figures.__slots__}
