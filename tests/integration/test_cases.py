"""Small inputs as people have them, through the whole of `replay` and `run`: what is read, and what is told instead."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from api.offline.replaying import ReplayReaders, ReplaySummary, replay
from api.settings import load_settings
from api.state.directory import StateDirectory
from api.state.store import EvidenceReader
from api.state.store.evidence import EvidenceQuery
from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from online_models.types import Alert
    from tests.integration.conftest import Server

CAMERA, GATEWAY = "192.168.1.20", "fe80::1"


@dataclass(frozen=True)
class Replayed:
    """What a replay in this process gave."""

    summary: ReplaySummary
    scores: list[dict[str, Any]]
    alerts: list[Alert]

    @property
    def devices(self) -> set[str]:
        """The devices of which records were scored."""
        return {row["device"] for row in self.scores}

    @property
    def told(self) -> str:
        """All that was said of what was not read."""
        return "\n".join((*self.summary.oddities, self.summary.nothing or ""))


def replayed(folder: Path, state: Path | None = None) -> Replayed:
    """Replay a folder with the models of this process."""
    scores = io.BytesIO()
    readers = ReplayReaders(scores)
    settings = load_settings(None, {"TrafficAnalyzerConfig": {"state": state}})
    summary = replay([folder], settings, readers, lambda *_: None)
    return Replayed(summary, [json.loads(line) for line in scores.getvalue().splitlines()], [*readers.alerts.values()])


@pytest.fixture(scope="module")
def cases(project: Path) -> Path:
    """Return the folder of inputs; skip where it is absent."""
    folder = project.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip(f"../shared/cases absent ({folder})")
    return folder


@pytest.mark.parametrize(
    ("case", "records", "malformed", "devices"),
    [
        ("01-scope-separator/json", 262, 0, {CAMERA}),
        ("01-scope-separator/nested", 262, 0, {CAMERA}),
        ("01-scope-separator/tsv", 262 + 41, 0, {CAMERA}),
        ("02-trailing-tab", 262, 0, {CAMERA}),
        ("03-partial-ip/json", 257, 5, {CAMERA, "fe80::", GATEWAY}),
        ("03-partial-ip/tsv", 257, 5, {CAMERA, "fe80::", GATEWAY}),
        ("06-aws-nfw", 50, 0, {"10.1.2.3"}),
        ("09-pfsense/suricata", 50, 0, {CAMERA}),
        ("10-prefix/cee", 50, 0, {CAMERA}),
        ("10-prefix/docker", 50, 0, {CAMERA}),
        ("10-prefix/filebeat", 50, 0, {CAMERA}),
        ("10-prefix/syslog", 50, 0, {CAMERA}),
        ("10-prefix/syslog5424", 50, 0, {CAMERA}),
        ("13-bom/bom", 262, 0, {CAMERA}),
        ("13-bom/json", 50, 0, {CAMERA}),
        ("14-count-overflow/json", 262, 0, {CAMERA}),
        ("14-count-overflow/tsv", 262, 0, {CAMERA}),
        ("27-corelight", 262 + 41, 0, {CAMERA}),
        ("32-eve-odd", 65 + 6, 0, {CAMERA, GATEWAY}),
        ("34-reduced-and-split-paths", 189 + 29, 0, {CAMERA}),
        ("34-reduced-and-split-paths/tsv", 189, 0, {CAMERA}),
    ],
)
def test_every_usable_record_is_scored_for_its_device(
    cases: Path, case: str, records: int, malformed: int, devices: set[str]
) -> None:
    found = replayed(cases / case)
    assert (found.summary.records, found.summary.malformed, found.devices) == (records, malformed, devices)
    assert found.summary.nothing is None


def test_a_scan_is_told_whatever_separates_the_parts_of_a_name(cases: Path) -> None:
    dot, underscore = (replayed(cases / "01-scope-separator" / name) for name in ("scan-dot", "scan-underscore"))
    assert dot.scores == underscore.scores
    found = [(alert.behaviour, alert.severity, alert.device, alert.sentence) for alert in underscore.alerts]
    assert found == [(alert.behaviour, alert.severity, alert.device, alert.sentence) for alert in dot.alerts]
    assert ("scan", "critical") in {(behaviour, severity) for behaviour, severity, *_ in found}


@pytest.mark.parametrize("case", ["03-partial-ip/json", "03-partial-ip/tsv"])
def test_what_is_no_address_is_told_with_the_field_and_the_value(cases: Path, case: str) -> None:
    told = replayed(cases / case).told
    for value in ("192.168.1", "", "192.168.1.20.", "camera.lan", "192.168.001.020"):
        assert f"id.orig_h: {value!r} is not an IP address" in told


@pytest.mark.parametrize(
    ("case", "what_to_do"),
    [("07-netflow", "only netflow events; enable flow"), ("13-bom/utf16", "UTF-16: logs are UTF-8; convert it")],
)
def test_where_nothing_can_be_scored_it_is_said_what_to_do(cases: Path, case: str, what_to_do: str) -> None:
    found = replayed(cases / case)
    assert found.summary.records == 0
    assert what_to_do in str(found.summary.nothing)


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_count_that_wrapped_costs_neither_its_record_nor_the_notice(cases: Path, tmp_path: Path, form: str) -> None:
    found = replayed(cases / "14-count-overflow" / form, tmp_path / "state")
    for field in ("conn.missed_bytes", "conn.orig_bytes", "notice.n"):
        assert f"values of {field} cannot be read and are null" in found.told
    (notice,) = EvidenceReader(StateDirectory(tmp_path / "state").alerts).find(EvidenceQuery())
    assert "Heartbleed::SSL_Heartbeat_Many_Requests" in str(notice)


def test_values_of_another_type_are_null_and_counted(cases: Path) -> None:
    told = replayed(cases / "32-eve-odd").told
    for field in ("http.status_code", "suricata_flow.flow.bytes_toserver"):
        assert f"values of {field} cannot be read and are null" in told
    assert "community_id" not in told


@pytest.mark.parametrize(
    ("case", "records", "told"),
    [
        ("06-aws-nfw", 50, None),
        ("07-netflow", 0, "only netflow events; enable flow"),
        ("09-pfsense/suricata", 50, None),
        ("10-prefix/cee", 50, None),
        ("10-prefix/syslog", 50, None),
        ("13-bom/utf16", 0, "UTF-16"),
        ("27-corelight/2026-01-05", 262 + 41, None),
        ("34-reduced-and-split-paths", 189 + 29, None),
    ],
)
def test_who_follows_reads_the_same_or_says_why_not(cases: Path, case: str, records: int, told: str | None) -> None:
    with FollowSource(cases / case, catch_up_since=0.0, scan_interval_s=0.0, gather_s=0.0, watch=False) as source:
        found = sum(len(batch) for _ in range(5) for batch in source.poll(0.0))
        troubles = " ".join(source.health().troubles)
    assert found == records
    assert told in troubles if told else troubles == ""


@pytest.mark.slow
def test_a_folder_of_interfaces_is_served_and_answers_monitors(
    cases: Path, serve: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    shutil.copytree(cases / "09-pfsense" / "suricata", tmp_path / "site" / "logs")
    with serve() as server:
        assert server.until(lambda: server.scored() == 50)
        assert server.http.head("/health").status_code == server.http.head("/").status_code == 200
        assert server.http.get("/alerts?since=2026-01-08T10:00:00+01:00").status_code == 200
        refused = server.http.get("/alerts?since=1767571200000")
        assert refused.status_code == 422
        assert "milliseconds" in refused.text
        assert 'href="/' not in server.http.get("/docs").text
        page = server.http.post("/alerts/a1/feedback", json={}, headers={"Origin": "https://other.example"})
        assert page.status_code == 403
        assert "cors_origins" in page.text
