"""A strict reader of Zeek's tab-separated form, independent of the product's decoder, and simulations to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ingest.simulator import SimulationSummary, SimulatorConfig, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.simulator import Attack

HEADER = [
    r"#separator \\x09",
    r"#set_separator\t,",
    r"#empty_field\t\(empty\)",
    r"#unset_field\t-",
    r"#path\t\w+",
    r"#open\t\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d",
    r"#fields(\t[\w.]+)+",
    r"#types(\t[\w\[\]]+)+",
]
OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
ELEMENT = r"(?:[^\x00-\x1f\x7f,\\]|\\x[0-9a-f]{2})+"
TYPES = {
    "time": r"\d+\.\d{6}",
    "interval": r"\d+\.\d{6}",
    "count": r"\d+",
    "port": r"([1-9]\d{0,4}|0)",
    "bool": r"[TF]",
    "enum": r"[a-z_]+|MQTT::SUBSCRIBE",
    "addr": rf"{OCTET}(\.{OCTET}){{3}}",
    "string": r"(?:[^\x00-\x1f\x7f\\]|\\x[0-9a-f]{2}|\\\\)+",
    "set[string]": rf"{ELEMENT}(,{ELEMENT})*",
    "set[enum]": rf"{ELEMENT}(,{ELEMENT})*",
    "vector[string]": rf"{ELEMENT}(,{ELEMENT})*",
    "vector[count]": r"\d+(,\d+)*",
    "vector[addr]": r"[\d.]+(,[\d.]+)*",
    "vector[interval]": r"\d+\.\d{6}(,\d+\.\d{6})*",
}
PATTERNS = {name: re.compile(f"-|{body}" + (r"|\(empty\)" if "[" in name else "")) for name, body in TYPES.items()}
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Log:
    """One log that was read: its path field, its columns' types by name, and its rows."""

    kind: str
    types: dict[str, str]
    rows: list[Row]


def read_strictly(path: Path) -> Log:
    """Read a closed log; anything that Zeek would not write is an assertion error."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == "", "the last line has no newline"
    for line, expected in zip(lines[:8], HEADER, strict=True):
        assert re.fullmatch(expected, line), line
    names, types = (line.split("\t")[1:] for line in lines[6:8])
    assert re.fullmatch(r"#close\t\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d", lines[-1]), lines[-1]
    patterns = [PATTERNS[name] for name in types]
    rows = [_row(line, names, patterns) for line in lines[8:-1]]
    return Log(lines[4].split("\t")[1], dict(zip(names, types, strict=True)), rows)


def _row(line: str, names: list[str], patterns: list[re.Pattern[str]]) -> Row:
    cells = line.split("\t")
    for name, cell, pattern in zip(names, cells, patterns, strict=True):
        assert pattern.fullmatch(cell), f"{name}: {cell!r}"
    return dict(zip(names, cells, strict=True))


@pytest.fixture(scope="session")
def read_log() -> Callable[[Path], Log]:
    """Return the strict reader."""
    return read_strictly


@dataclass(frozen=True, slots=True)
class Simulated:
    """A finished simulation with its logs read."""

    config: SimulatorConfig
    summary: SimulationSummary
    logs: dict[str, list[Row]]
    truth: list[Row]


def run(config: SimulatorConfig) -> Simulated:
    summary = simulate(config)
    logs = {kind: read_strictly(config.out / f"{kind}.log").rows for kind in summary.records}
    names, *lines = (line.split("\t") for line in (config.out / "truth.tsv").read_text().splitlines())
    return Simulated(config, summary, logs, [dict(zip(names, line, strict=True)) for line in lines])


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Return an ordinary day of twelve devices."""
    return run(SimulatorConfig(tmp_path_factory.mktemp("day"), hours=24.0))


def _three_hours(tmp_path_factory: pytest.TempPathFactory, attack: Attack) -> Simulated:
    """Return three hours of twelve devices; one is attacked after one and a half."""
    return run(SimulatorConfig(tmp_path_factory.mktemp(attack), hours=3.0, attack=attack, attack_at_s=5400.0, seed=7))


@pytest.fixture(scope="session")
def mirai(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Return a simulation in which a device becomes part of a botnet."""
    return _three_hours(tmp_path_factory, "mirai")


@pytest.fixture(scope="session")
def c2(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Return a simulation in which a device begins to call a command server."""
    return _three_hours(tmp_path_factory, "c2")


@pytest.fixture(scope="session")
def exfiltration(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Return a simulation in which a device carries data out through DNS."""
    return _three_hours(tmp_path_factory, "dns-exfil")


@pytest.fixture(scope="session", params=["mirai", "c2", "exfiltration"])
def attacked(request: pytest.FixtureRequest) -> Simulated:
    """Return each of the attacks in turn."""
    simulated: Simulated = request.getfixturevalue(request.param)
    return simulated
