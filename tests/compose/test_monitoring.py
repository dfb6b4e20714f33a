"""Rules and dashboard: valid, and every metric and label value that they name is one that the service has."""

from __future__ import annotations

import json
import re
import select
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from api.decisions import Prevention
from api.pipeline import CommandQueue, Pipeline
from api.pipeline.clock import Clock
from api.pipeline.jobs import JobBoard
from api.serve.stream import Hub, StreamLimits
from api.serve.telemetry import Telemetry
from api.service import Access, Service
from api.state.directory import StateDirectory
from api.state.store import AlertReader, AlertWriter, EvidenceReader
from prevention.policy import Policy
from tests.api.serve.conftest import Light

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.pipeline.runner import Parts

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
NAME = re.compile(r"\b((?:nslabs|process)_[a-z_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r'(\w+)="([^"]*)"')
OF_PROMETHEUS = {("job", "nslabs")}


def never() -> Parts:
    """Stand for models that are never loaded: the pipeline is not started."""
    raise AssertionError


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return what a service with prevention says at /metrics."""
    folder = tmp_path_factory.mktemp("metrics")
    AlertWriter(folder / "alerts").close()
    alerts, evidence = AlertReader(folder / "alerts"), EvidenceReader(folder / "alerts")
    pipeline = Pipeline(never, CommandQueue(1), JobBoard(1, 1))
    pipeline.status = replace(pipeline.status, last_ts=1.0, checkpoint_at=1.0)
    prevention = Prevention(folder / "d", Policy(), Clock())
    hub = Hub(StreamLimits())
    service = Service(pipeline, hub, alerts, evidence, StateDirectory(folder), prevention=prevention)
    yield Telemetry(service).scrape("")[0].decode()
    prevention.stop()


def expressions() -> list[str]:
    """Return every expression of rules and dashboard."""
    rules: dict[str, Any] = yaml.safe_load((COMPOSE / "prometheus-rules.yml").read_text())
    board: dict[str, Any] = json.loads((COMPOSE / "grafana-dashboard.json").read_text())
    of_rules = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return of_rules + [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_every_metric_that_is_named_exists_with_its_labels(metrics: str) -> None:
    known = set(re.findall(r"^# TYPE (\S+) ", metrics, re.MULTILINE))
    histograms = set(re.findall(r"^# TYPE (\S+) histogram$", metrics, re.MULTILINE))
    known |= {f"{name}_bucket" for name in histograms}
    named = [found for text in expressions() for found in NAME.findall(text)]
    assert len(named) > 20
    assert {name for name, _ in named} <= known
    for name, selector in named:
        for label in set(LABEL.findall(selector)) - OF_PROMETHEUS:
            assert re.search(rf'^{name}\{{[^}}]*{label[0]}="{label[1]}"', metrics, re.MULTILINE), (name, label)


def test_the_dashboard_has_what_grafana_needs() -> None:
    board = json.loads((COMPOSE / "grafana-dashboard.json").read_text())
    source = yaml.safe_load((COMPOSE / "grafana-datasource.yaml").read_text())["datasources"][0]
    assert {"uid", "title", "schemaVersion", "panels", "time"} <= board.keys()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert {panel["datasource"]["uid"], *(t["datasource"]["uid"] for t in panel["targets"])} == {source["uid"]}
        x, y, w, h = (panel["gridPos"][name] for name in "xywh")
        cells = {(x + i, y + j) for i in range(w) for j in range(h)}
        assert not cells & taken
        assert x + w <= 24
        taken |= cells


def promtool(*arguments: object) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool not on PATH: apt install prometheus")
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def with_credentials(folder: Path, token: str, target: str = "nslabs:8000") -> Path:
    """Write Prometheus' configuration with a token's file that is there, and with the service where it is."""
    (folder / "token").write_text(token)
    shutil.copy(COMPOSE / "prometheus-rules.yml", folder)
    text = (COMPOSE / "prometheus.yml").read_text().replace("/run/secrets/prometheus_token", str(folder / "token"))
    path = folder / "prometheus.yml"
    path.write_text(text.replace("nslabs:8000", target).replace("scrape_interval: 15s", "scrape_interval: 1s"))
    return path


@pytest.mark.slow
def test_prometheus_scrapes_a_service_that_asks_for_tokens(tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus not on PATH: apt install prometheus")
    server = json.loads(
        yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]["nslabs"]["environment"]["SocketIOConfig"]
    )
    (tmp_path / "state").mkdir()
    light = Light(tmp_path / "state", Access(allowed_hosts=tuple(server["allowed_hosts"])), StreamLimits())
    light.start()
    try:
        token = light.token("prometheus", ["read"])
        assert light.get("/metrics").status_code == 401
        asked = light.get("/metrics", Host="nslabs:8000", Authorization=f"Bearer {token}")
        assert (asked.status_code, "nslabs_" in asked.text) == (200, True)
        assert light.get("/metrics", Host="other:8000", Authorization=f"Bearer {token}").status_code == 403
        config = with_credentials(tmp_path, token, f"127.0.0.1:{light.port}")
        with prometheus(config, tmp_path) as ask:
            assert until(lambda: ask("up") == "1")
    finally:
        light.stop()


@contextmanager
def prometheus(config: Path, folder: Path) -> Iterator[Callable[[str], str | None]]:
    """Run Prometheus; yield what returns the value of an expression, None while there is none."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={config}", *listen], stdout=log, stderr=log)

    def ask(expression: str) -> str | None:
        assert process.poll() is None, (folder / "log").read_text()
        with suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": expression}, timeout=10)
            if answer.status_code == 200 and (found := answer.json()["data"]["result"]):
                return str(found[0]["value"][1])
        return None

    try:
        yield ask
    finally:
        process.kill()
        process.wait()


def until(probe: Callable[[], bool], timeout_s: float = 120) -> bool:
    """Ask until it is so."""
    end = time.monotonic() + timeout_s
    while not probe():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        select.select([], [], [], 0.05)
    return True


def test_the_rules_are_valid_and_fire_when_they_should(tmp_path: Path) -> None:
    promtool("check", "config", with_credentials(tmp_path, "x"))
    text = (Path(__file__).parent / "rules_test.yml").read_text()
    (tmp_path / "tests.yml").write_text(text.replace("RULES", str(COMPOSE / "prometheus-rules.yml")))
    promtool("test", "rules", tmp_path / "tests.yml")


def test_the_expressions_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    records = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(expressions())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    promtool("check", "rules", path)
