"""The image holds what the package needs and runs as nobody in particular."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = PROJECT / "compose"


@pytest.fixture(scope="module")
def steps() -> list[list[str]]:
    """Return the Dockerfile's instructions, continued lines joined."""
    text = (COMPOSE / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def copied(steps: list[list[str]]) -> set[str]:
    return {source for step in steps if step[0] == "COPY" for source in step[1:-1]}


def test_every_package_is_copied(steps: list[list[str]]) -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
    assert packages - {"tests"} <= copied(steps)
    assert all((PROJECT / source).exists() for source in copied(steps))


def test_what_is_copied_is_let_into_the_build(steps: list[list[str]]) -> None:
    lines = (COMPOSE / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert copied(steps) == {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"


def test_it_does_not_run_as_root(steps: list[list[str]]) -> None:
    users = [step[1] for step in steps if step[0] == "USER"]
    assert users[-1] == "10001:10001"


def test_it_starts_a_command_that_the_package_installs(steps: list[list[str]]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ["ENTRYPOINT", '["nslabs"]'] in steps
    assert "nslabs" in project["scripts"]
