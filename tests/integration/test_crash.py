"""Killed at random moments while logs grow in random pieces, and still the alerts and models of an undisturbed run."""

from __future__ import annotations

import random
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from api.state.directory import fingerprint
from ingest.follow.checkpoints import CheckpointStore
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from tests.integration.conftest import Server, nslabs, serving

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("conn", "dns", "http")
LONGEST_LIFE_S = 4.0


@pytest.fixture(scope="module")
def attacked_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the logs of a small network whose victim begins to scan after two thirds of a day."""
    out = tmp_path_factory.mktemp("site")
    simulate(SimulatorConfig(out=out, devices=6, hours=24.0, attack="mirai", intensity=0.2, seed=11))
    return out


def records(site: Path) -> dict[str, int]:
    """Count the records of each log."""
    texts = {k: (site / f"{k}.log").read_text() for k in KINDS}
    return {k: sum(not line.startswith("#") for line in text.splitlines()) for k, text in texts.items()}


def outcome(site: Path, server: Server, state: Path) -> tuple[list[Any], bytes]:
    """Return the alerts, and the models as the last checkpoint holds them, once everything was read."""
    expected = records(site)
    server.until(lambda: server.health()["stages"]["source"]["records"] == expected)
    alerts = server.http.get("/alerts", params={"limit": 500}).json()["alerts"]
    assert server.stop()[0] == 0
    parts = CheckpointStore(state / "checkpoints", fingerprint=fingerprint(ModelConfig())).load()
    assert parts is not None
    return alerts, parts["engine"]


class Writer(threading.Thread):
    """Appends the logs of a site to a folder in pieces that end anywhere, until all is written."""

    def __init__(self, site: Path, logs: Path, seconds: float) -> None:
        super().__init__()
        self._left = {k: (site / f"{k}.log").read_bytes() for k in KINDS}
        self._logs, self._seconds, self._choice = logs, seconds, random.Random(5)
        self._piece = max(1, sum(map(len, self._left.values())) // max(1, int(seconds * 40)))
        self._pause = threading.Event()

    def run(self) -> None:
        """Write until nothing is left."""
        while any(self._left.values()):
            kind = self._choice.choice([k for k in KINDS if self._left[k]])
            size = self._choice.randint(1, 2 * self._piece)
            with (self._logs / f"{kind}.log").open("ab") as log:
                log.write(self._left[kind][:size])
            self._left[kind] = self._left[kind][size:]
            self._pause.wait(0.02)


def live_and_die(logs: Path, state: Path, seconds: float) -> None:
    """Run the service and kill it after so many seconds, whatever it is doing then."""
    options = ("--logs", logs, "--state", state, "--listen", "127.0.0.1:0")
    process = nslabs("run", *options, TrafficAnalyzerConfig='{"checkpoint_interval_s": 0.05}')
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        pytest.fail(f"ended by itself: {process.communicate()}")
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=(pytest.mark.soak, pytest.mark.timeout(1800)))])
def test_kills_at_random_moments_change_nothing(attacked_site: Path, tmp_path: Path, kills: int) -> None:
    """After kill -9 at any moment and a restart, alerts and models are byte for byte those of an undisturbed run."""
    calm = tmp_path / "calm"
    with serving(calm / "logs", calm / "state") as server:
        for kind in KINDS:
            (calm / "logs" / f"{kind}.log").write_bytes((attacked_site / f"{kind}.log").read_bytes())
        undisturbed = outcome(attacked_site, server, calm / "state")
    assert undisturbed[0]
    logs, state, choice = tmp_path / "logs", tmp_path / "state", random.Random(kills)
    logs.mkdir()
    lives = [choice.uniform(0.2, LONGEST_LIFE_S) for _ in range(kills)]
    writer = Writer(attacked_site, logs, 0.8 * sum(lives))
    writer.start()
    for life in lives:
        live_and_die(logs, state, life)
    writer.join()
    with serving(logs, state) as server:
        assert outcome(attacked_site, server, state) == undisturbed
