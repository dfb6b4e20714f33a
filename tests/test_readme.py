"""What README.md and docs/ name exists: files, commands and options, make targets, routes, settings, defaults."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.assembly import assembled
from api.sections import MachineLearningModelConfig, PreventionConfig, SocketIOConfig, TrafficAnalyzerConfig
from api.serve.app import create_app
from api.serve.stream.websocket import websocket_routes
from api.settings import load_settings

if TYPE_CHECKING:
    from pydantic import BaseModel

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    PROJECT / "README.md",
    *(PROJECT / "docs" / f"{name}.md" for name in ("alert", "api", "client", "detection", "settings", "sinks")),
]
README = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
ROUTES = set(re.findall(r"(?:http|ws)://127\.0\.0\.1:8000(/\w[\w/]*)", README))


def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api", *command, "--help"], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    return done.stdout


def anchors(document: Path) -> set[str]:
    """Return the names of a document's headings, as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_everything_that_is_linked_exists(document: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", document.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = document.parent / name if name else document
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


def test_readme_is_short_enough_to_be_read() -> None:
    assert len(DOCUMENTS[0].read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)", README, flags=re.MULTILINE)))
)
def test_make_target_exists(target: tuple[str, str]) -> None:
    assert re.search(rf"^{''.join(target)}:", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize(
    "line", re.findall(r"nslabs ((?:run|replay|budget|backtest|evaluate|simulate|demo) .*)", SHELL)
)
def test_command_has_the_options_that_are_shown(line: str) -> None:
    command, *words = line.split()
    shown = help_of(command)
    assert all(word in shown for word in words if word.startswith("--"))


@pytest.mark.parametrize("line", re.findall(r"nslabs models (\w+.*)", SHELL))
def test_what_is_shown_of_the_snapshots_exists(line: str) -> None:
    command, *words = line.split()
    shown = help_of("models", command)
    assert all(word in shown for word in words if word.startswith("--"))


def test_every_route_exists(tmp_path: Path) -> None:
    settings = load_settings(overrides={"TrafficAnalyzerConfig": {"logs": tmp_path, "state": tmp_path / "state"}})
    with assembled(settings) as service:
        paths = set(create_app(service).openapi()["paths"])
        streams = {getattr(route, "path", "") for route in websocket_routes(service.hub).routes}
    assert len(ROUTES) > 5
    known = [re.sub(r"\{\w+\}", r"[A-Z]+", path) for path in (*paths, *streams, "/docs")]
    assert [route for route in ROUTES if not any(re.fullmatch(path, route) for path in known)] == []


@pytest.mark.parametrize("word", re.findall(r" -d ('.*?')$", SHELL, flags=re.DOTALL | re.MULTILINE))
def test_request_body_is_json(word: str) -> None:
    body = subprocess.run(["/bin/sh", "-c", f"printf %s {word}"], check=True, capture_output=True).stdout
    assert json.loads(body).keys() & {"traffic", "verdict", "reason", "label", "device", "address"}


@pytest.mark.parametrize("model", [TrafficAnalyzerConfig, MachineLearningModelConfig, SocketIOConfig, PreventionConfig])
def test_every_setting_is_listed_with_its_default(model: type[BaseModel]) -> None:
    listed = dict(re.findall(r"^\|[^|]*\| `(\w+)` \| ([^|]*) \|", README, flags=re.MULTILINE))
    for name, field in model.model_fields.items():
        if name not in {"logs", "state"}:
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert json.loads(listed[name]) == default, name
