"""`nslabs evaluate` as a command: its tables, its JSON line, its picture, and what it says of wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from ingest.simulator import SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the logs of a small network that is attacked after eight hours, with the truth about it."""
    out = tmp_path_factory.mktemp("site")
    simulate(SimulatorConfig(out=out, devices=8, hours=8.5, attack="mirai", attack_at_s=8 * 3600.0))
    return out


@pytest.fixture(scope="module")
def found(command: Command, site: Path) -> dict[str, Any]:
    """Return the figures."""
    status, out, err = command("evaluate", site, "--truth", site / "truth.tsv", "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    figures: dict[str, Any] = json.loads(out)
    return figures


def test_the_figures_are_those_of_the_specification(
    command: Command, project: Path, site: Path, found: dict[str, Any], tmp_path: Path
) -> None:
    script = project.parent / "shared" / "detection" / "measure.py"
    if not script.is_file():
        pytest.skip(f"../shared/detection absent ({script})")
    outputs = ("--scores", tmp_path / "scores", "--alerts", tmp_path / "alerts")
    assert command("replay", site, *outputs)[0] == 0
    arguments = [sys.executable, script, site / "truth.tsv", tmp_path / "scores", tmp_path / "alerts"]
    expected = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    assert {name: found[name] for name in expected} == expected


def test_the_whole_each_kind_each_view_and_each_capture_are_judged(found: dict[str, Any]) -> None:
    assert found["missing"] == 0
    assert found["roc_auc"] > 0.9
    (delay,) = found["detection_delay_s"].values()
    assert delay <= 60
    assert found["kinds"].keys() >= {"conn", "dns", "http", "ssl"}
    assert found["kinds"]["conn"]["test_rows"] == found["test_rows"]
    assert found["views"].keys() >= {"conn.novelty", "conn.reach", "dns.shape", "http.novelty"}
    assert found["views"]["conn.reach"]["roc_auc"] > 0.9
    whole = {name: figure for name, figure in found.items() if name not in {"kinds", "views", "captures"}}
    assert found["captures"] == {"simulated": whole}


def test_a_person_gets_tables_and_a_picture(
    command: Command, site: Path, found: dict[str, Any], tmp_path: Path
) -> None:
    picture = tmp_path / "evaluation.svg"
    status, out, err = command("evaluate", site, "--truth", site / "truth.tsv", "--picture", picture)
    assert (status, err) == (0, "")
    assert f"{found['roc_auc']:.4f}" in out
    assert "conn.reach" in out
    assert "first alert after" in out
    drawn = ET.parse(picture).getroot()  # noqa: S314 - our own file
    assert drawn.tag.endswith("svg")
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}image")) >= 1


def test_a_picture_is_drawn_alike_each_time(command: Command, site: Path, tmp_path: Path) -> None:
    for name in ("one.png", "other.png"):
        assert command("evaluate", site, "--truth", site / "truth.tsv", "--picture", tmp_path / name)[0] == 0
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--truth", "missing.tsv"), "missing.tsv cannot be read"),
        (("--truth", "truth.tsv", "--picture", "a.gif"), "expected a file name that ends in .png or .svg"),
        (("--truth", "truth.tsv", "--picture", "no/folder/a.png"), "no/folder is no folder"),
        (("--truth", "conn.log"), "cannot be read as tab-separated values with columns uid"),
    ],
)
def test_wrong_input_is_told_in_one_line_before_the_work(
    command: Command, site: Path, arguments: tuple[str, ...], part: str
) -> None:
    named = [site / word if word.endswith((".tsv", ".log")) else word for word in arguments]
    status, out, err = command("evaluate", site, *named)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert part in err
