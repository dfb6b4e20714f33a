"""How logs are cut into writes, reads and restarts changes nothing that comes out of the whole pipeline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.pipeline import Scorer
from api.state.store import AlertQuery, AlertReader, AlertWriter
from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from api.state.store import AlertChange, DriftChange
    from ingest.records import RecordBatch
    from online_models.types import Alert, ScoredBatch

SMALL = ModelConfig(max_devices=64, max_pairs=256)


def write_tls_and_mqtt(out: Path, begin: float) -> None:
    """Write what the simulator does not: a day and a half of two clients of each; one goes astray at the end."""
    logs = {
        "ssl": lambda k: {"server_name": f"api{k % 3}.example", "cert_chain_fps": ["leaf", "ca"], "ja4": "t12d"},
        "mqtt_connect": lambda k: {"client_id": f"c{k % 2}", "connect_status": "Connection Accepted"},
        "mqtt_publish": lambda k: {"topic": f"home/{k % 2}/state", "from_client": True, "payload_len": k % 9},
        "mqtt_subscribe": lambda k: {"topics": [f"home/{k % 2}/set"], "action": "MQTT::SUBSCRIBE"},
    }
    astray = {
        "server_name": None,
        "cert_chain_fps": ["own"],
        "topics": ["#"],
        "topic": "home/0/state",
        "client_id": "x",
    }
    for log, fields in logs.items():
        lines = []
        for k in range(500):
            told: dict[str, Any] = fields(k)
            told |= {name: value for name, value in astray.items() if name in told and k > 490 and k % 2}
            if log == "mqtt_connect" and k > 490:
                told["connect_status"] = "Refused: not authorized"
            ends = {"id.orig_h": f"192.168.77.{k % 2}", "id.orig_p": 9000 + k, "id.resp_p": 1883}
            ends |= {"id.resp_h": "203.0.113.9" if log == "ssl" else "192.168.77.9"}
            lines.append(json.dumps({"_path": log, "ts": begin + 250.0 * k, "uid": f"{log}{k}", **ends, **told}))
        (out / f"{log}.log").write_text("\n".join([*lines, ""]), encoding="utf-8")


class Pipeline:
    """The models, the store and who is told; `scores` are what came out, by log kind and in order."""

    def __init__(self, path: Path) -> None:
        self.scores: dict[str, list[tuple[str, float, bool]]] = {}
        self._path = path
        self._writer = AlertWriter(path)
        self._scorer = Scorer(Engine(SMALL), self._writer, self)

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Keep uid, score and verdict of every record."""
        rows = zip(batch.uid, batch.score.tolist(), batch.anomaly.tolist(), strict=True)
        self.scores.setdefault(batch.kind, []).extend(rows)

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Take nothing: the store has them."""

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Take nothing: the store has them."""

    def process(self, batches: Iterable[RecordBatch]) -> None:
        """Take these batches through models and store."""
        for batch in batches:
            self._scorer.process(batch)

    def restart(self) -> None:
        """Go on with models that were written down and read back."""
        assert self._scorer.store_alerts()
        self._scorer = Scorer(Engine.from_bytes(self._scorer.engine.to_bytes(), SMALL), self._writer, self)

    def outcome(self) -> tuple[dict[str, Any], list[Alert], bytes]:
        """End; return scores, alerts and models."""
        assert self._scorer.store_alerts()
        self._writer.close()
        return self.scores, AlertReader(self._path).page(AlertQuery(limit=1000)).alerts, self._scorer.engine.to_bytes()


@pytest.fixture(scope="module", params=["tsv", "json"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the logs of a small network whose victim begins to scan near their end."""
    out = tmp_path_factory.mktemp("site")
    attack: Any = {"attack": "mirai", "attack_at_s": 8 * 3600.0}
    simulate(SimulatorConfig(out=out, devices=6, hours=8.1, intensity=0.3, format=request.param, **attack))
    write_tls_and_mqtt(out, 1_767_504_000.0)
    return out


@pytest.fixture(scope="module")
def whole(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what comes out of the finished logs, read in one go."""
    pipeline = Pipeline(tmp_path_factory.mktemp("whole") / "alerts.sqlite3")
    pipeline.process(ReplaySource([site]))
    outcome = pipeline.outcome()
    assert set(outcome[0]) == set(KINDS)
    assert {alert.log for alert in outcome[1]} >= {"conn", "ssl", "mqtt_connect", "mqtt_subscribe"}
    return outcome


STEPS = st.lists(
    st.tuples(st.sampled_from(tuple(KINDS)), st.floats(0.0, 1.0), st.sampled_from(["read", "restart", "wait"])),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS, poll_bytes=st.sampled_from([50_000, 300_000, 4 << 20]))
def test_any_cut_gives_the_same_scores_alerts_and_models(
    site: Path,
    whole: Any,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, float, str]],
    poll_bytes: int,
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    content = {kind: (site / f"{kind}.log").read_bytes() for kind in KINDS}
    pipeline = Pipeline(tmp_path_factory.mktemp("cut") / "alerts.sqlite3")

    def follow(positions: Any) -> FollowSource:
        options: Any = {"scan_interval_s": 0.0, "gather_s": 0.0, "watch": False}
        return FollowSource(logs, positions=positions, max_poll_bytes=poll_bytes, **options)

    source = follow(None)
    ends = dict.fromkeys(KINDS, 0)
    for kind, share, then in [*steps, *((kind, 1.0, "read") for kind in KINDS)]:
        end = max(ends[kind], int(share * len(content[kind])))
        with (logs / f"{kind}.log").open("ab") as log:
            log.write(content[kind][ends[kind] : end])
        ends[kind] = end
        if then != "wait":
            pipeline.process(source.poll(0.0))
        if then == "restart":
            positions = json.loads(json.dumps(source.positions()))
            source.close()
            source = follow(positions)
            pipeline.restart()
    while batches := source.poll(0.0):
        pipeline.process(batches)
    source.close()
    assert pipeline.outcome() == whole
