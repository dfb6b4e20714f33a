"""Files: whole lines, rotated, and documents that the published schemas of ECS and OCSF accept."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from api.sinks.formats.cef import cef
from api.sinks.formats.ecs import ecs
from api.sinks.formats.ocsf import ocsf
from api.sinks.protocol import EVENTS, Notice
from ingest.context.identity import Identity
from online_models.service import BLOCK_LIMIT, DEVICE, LOG
from tests.api.sinks.conftest import until

if TYPE_CHECKING:
    from tests.api.conftest import Examples
    from tests.api.sinks.conftest import Desk

ECS_TYPES = Path(__file__).resolve().parents[3] / ".cache" / "ecs"
"""npm's @elastic/ecs and typescript, which .ci/run fetches."""


def notices(examples: type[Examples]) -> list[Notice]:
    """Return notices of all events and severities, with as much and as little in them as can be."""
    full = examples.alert(
        "a1",
        incident="i1",
        drift="d1",
        verdict="attack",
        comment="c\n",
        technique="T1071.004",
        peers=("203.0.113.7", "host.example"),
    )
    bare = examples.alert("a2", technique=None, reasons=(), uids=(), peers=(), sentence="", device="plug", ts=-1e18)
    owner = Identity("02:00:00:00:00:17", "porch-camera")
    made = [Notice(5, event, full, owner, 1e9, "https://nslabs.example/#alert-a1") for event in EVENTS]
    made += [Notice(6, "raised", replace(full, severity=severity)) for severity in ("low", "medium", "critical")]
    closed = replace(full, status="closed", last_ts=1e300)
    own = replace(bare, device=DEVICE, log=LOG, behaviour=BLOCK_LIMIT.name, sentence="a limit was reached")
    return [
        *made,
        Notice(7, "closed", closed),
        Notice(8, "raised", bare),
        Notice(8, "raised", own),
        Notice(9, "raised", full, Identity("02:00:00:00:00:18")),
    ]


def test_ocsf_accepts_the_events(examples: type[Examples]) -> None:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema("detection_finding", [])
    validator = jsonschema.Draft202012Validator(schema)
    for notice in notices(examples):
        event = json.loads(json.dumps(ocsf(notice)))
        errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(event)]
        assert errors == []
        assert event["class_uid"] == 2004
        assert event["type_uid"] == 200400 + event["activity_id"]
    kinds = {ocsf(notice)["evidences"][0]["src_endpoint"]["type"] for notice in notices(examples)}
    assert kinds == {"IOT", "Server"}, "the service is none of the devices"
    wrong = ocsf(notices(examples)[0]) | {"severity_id": 77}
    assert not validator.is_valid(wrong)


def test_ecs_accepts_the_documents(examples: type[Examples], tmp_path: Path) -> None:
    tsc = ECS_TYPES / "node_modules" / ".bin" / "tsc"
    if not tsc.exists() or shutil.which("node") is None:
        pytest.skip("npm's @elastic/ecs absent: npm install --prefix .cache/ecs @elastic/ecs typescript")
    (tmp_path / "node_modules").symlink_to(ECS_TYPES / "node_modules")
    documents = [json.dumps(ecs(notice)) for notice in notices(examples)]
    lines = [f"const d{number}: EcsFlat = {document};" for number, document in enumerate(documents)]

    def compiled(*more: str) -> subprocess.CompletedProcess[str]:
        text = "\n".join(['import { Ecs as EcsFlat } from "@elastic/ecs";', *lines, *more, "export {};"])
        (tmp_path / "check.ts").write_text(text, encoding="utf-8")
        command = [
            str(tsc),
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--moduleResolution",
            "bundler",
            "--module",
            "es2020",
            "--target",
            "es2020",
            "check.ts",
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    done = compiled()
    assert done.returncode == 0, done.stdout
    assert (
        "nonsense"
        in compiled('const wrong: EcsFlat = {"@timestamp": "x", "ecs": {"version": "9.4.0"}, "nonsense": 1};').stdout
    )


def test_lines_are_whole_and_files_rotated(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "out" / "alerts.json"
    path.parent.mkdir()
    path.write_bytes(b'{"torn')
    desk.prepare(file={"path": str(path), "format": "ecs", "max_mb": 0.1, "keep": 2})
    names = desk.raise_alerts(400)

    async def scenario() -> None:
        async with desk.running() as sinks:
            await until(lambda: sinks.statuses()[0].delivered == 400)

    asyncio.run(scenario())
    files = [path.with_name("alerts.json.2"), path.with_name("alerts.json.1"), path]
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(file.name for file in files)
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    seen = [json.loads(line)["event"]["id"] for line in lines if line != '{"torn']
    assert seen == names[-len(seen) :]
    assert len(seen) > 100


def test_a_folder_that_takes_nothing_is_told_and_written_later(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, where a folder is wanted")
    sinks = desk.prepare(file={"path": str(tmp_path / "out" / "alerts.json"), "format": "json"})
    names = desk.raise_alerts(20)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: sinks.statuses()[0].error)
            assert str(tmp_path / "out") in str(sinks.statuses()[0].error)
            (tmp_path / "out").unlink()
            await until(lambda: sinks.statuses()[0].delivered == 20)

    asyncio.run(scenario())
    text = (tmp_path / "out" / "alerts.json").read_text(encoding="utf-8")
    assert [json.loads(line)["id"] for line in text.splitlines()] == names


@given(text=st.text(max_size=50), device=st.text(min_size=1, max_size=20), peer=st.text(max_size=20))
def test_whatever_a_log_holds_formats_keep_their_form(
    examples: type[Examples], text: str, device: str, peer: str
) -> None:
    alert = examples.alert("a1", sentence=text, device=device, peers=(peer,), comment=text)
    notice = Notice(1, "raised", alert, Identity("02:00:00:00:00:17", text), 1e9, "#alert-a1")
    line = cef(notice)
    assert line.isprintable()
    unescaped = line.replace("\\\\", "").replace("\\|", "").replace("\\=", "")
    assert unescaped.startswith("CEF:0|NetworksecurityLabs|nslabs|")
    assert unescaped.split("|", 7)[4:7] == ["scan", "scan", "8"]
    keys = [word.rpartition(" ")[2] for word in unescaped.split("|", 7)[7].split("=")[:-1]]
    assert set(keys) <= CEF_KEYS
    assert ecs(notice)["event"]["id"] == ocsf(notice)["finding_info"]["uid"] == "a1"


CEF_KEYS: set[Any] = {
    "externalId", "act", "rt", "start", "end", "src", "shost", "smac", "dst", "dhost", "cnt", "msg", "outcome", "c6a2",
    "c6a2Label", "c6a3", "c6a3Label", "cs1", "cs1Label", "cs2", "cs2Label", "cs3", "cs3Label", "cs4", "cs4Label", "cs5",
    "cs5Label", "cfp1", "cfp1Label",
}  # fmt: skip
