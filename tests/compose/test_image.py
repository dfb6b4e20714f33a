"""The image holds what the package needs and runs as nobody in particular."""

from __future__ import annotations

import subprocess
import sys
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


def stages(steps: list[list[str]]) -> dict[str, list[list[str]]]:
    """Return the instructions of each stage."""
    found: dict[str, list[list[str]]] = {}
    for step in steps:
        if step[0] == "FROM":
            found[step[-1]] = []
        elif found:
            found[list(found)[-1]].append(step)
    return found


def test_every_package_is_copied(steps: list[list[str]]) -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
    assert packages - {"tests"} <= copied(steps)
    assert all((PROJECT / source).exists() for source in copied(steps))


def test_what_is_copied_is_let_into_the_build(steps: list[list[str]]) -> None:
    lines = (COMPOSE / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert copied(steps) == {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"


def test_the_service_does_not_run_as_root(steps: list[list[str]]) -> None:
    assert list(stages(steps))[-1] == "service", "what is built where no target is named"
    assert ["USER", "10001:10001"] in stages(steps)["service"]


def test_each_may_write_its_state_folder(steps: list[list[str]]) -> None:
    """The enforcer is root without the right to pass over permissions: the folder has to be root's there."""

    def made(stage: str) -> list[str]:
        return [" ".join(step) for step in stages(steps)[stage] if "/state" in step and step[0] == "RUN"]

    assert made("installed") == []
    assert ["--owner=nslabs" in step for step in made("service")] == [True]
    assert ["--owner" in step for step in made("enforce")] == [False]


def test_what_builds_is_left_behind(steps: list[list[str]]) -> None:
    assert all(step[0] != "COPY" for name, part in stages(steps).items() if name != "wheels" for step in part)
    assert any("--no-index" in step for step in stages(steps)["installed"])


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--no-color", str(COMPOSE / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_sees_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /tmp\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("hadolint")), str(tmp_path / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "DL3007" in done.stdout


def test_it_starts_a_command_that_the_package_installs(steps: list[list[str]]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ["ENTRYPOINT", '["nslabs"]'] in steps
    assert "nslabs" in project["scripts"]
