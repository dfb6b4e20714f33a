"""What README.md names exists: files, commands and their options, make targets, routes, settings and their defaults."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.assembly import assembled
from api.sections import MachineLearningModelConfig, SocketIOConfig, TrafficAnalyzerConfig
from api.serve.app import create_app
from api.serve.stream.websocket import websocket_routes
from api.settings import load_settings

if TYPE_CHECKING:
    from pydantic import BaseModel

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
ROUTES = set(re.findall(r"(?:http|ws)://127\.0\.0\.1:8000(/\w[\w/]*)", README))


def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api", *command, "--help"], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    return done.stdout


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_linked_file_exists(target: str) -> None:
    assert (PROJECT / target).is_file()


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


@pytest.mark.parametrize("body", re.findall(r"-d '(.*?)'", SHELL, flags=re.DOTALL))
def test_request_body_is_json(body: str) -> None:
    assert json.loads(body).keys() & {"traffic", "verdict"}


@pytest.mark.parametrize("model", [TrafficAnalyzerConfig, MachineLearningModelConfig, SocketIOConfig])
def test_every_setting_is_listed_with_its_default(model: type[BaseModel]) -> None:
    listed = dict(re.findall(r"^\|[^|]*\| `(\w+)` \| ([^|]*) \|", README, flags=re.MULTILINE))
    for name, field in model.model_fields.items():
        if name not in {"logs", "state"}:
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert json.loads(listed[name]) == default, name
