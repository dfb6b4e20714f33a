"""With numba's compiler off, the same records have the same scores, reasons and alerts, to the last bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from checks.records import HOUR, START, Records
from ingest.decode.decoder import LogDecoder
from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.kinds import BUILT_IN
from online_models.types import Feedback

if TYPE_CHECKING:
    from pathlib import Path

ORDINARY_H = 20.0
"""Hours of four devices that do something every quarter of an hour: more records than forests first wait for."""


def told(kind: str) -> dict[str, Any]:
    """Return all that a model says of an ordinary day, of an attack, and of that once more when it was expected."""
    engine, records = Engine(), Records(kind)
    attack = records.attack(START + ORDINARY_H * HOUR, count=60)
    later = records.attack(START + (ORDINARY_H + 2.0) * HOUR, count=20)
    ordinary = records.ordinary(START, ORDINARY_H)
    parts = [engine.process(RecordBatch(kind, frame)) for frame in (ordinary, attack)]
    alerts = [alert for part in parts for alert in part.alerts]
    for number, alert in enumerate(alerts[:1]):
        engine.hear(Feedback(number + 1, alert, "expected"))
    parts.append(engine.process(RecordBatch(kind, later)))
    return {
        "scores": [score for part in parts for score in part.score.tolist()],
        "anomalies": sum(int(part.anomaly.sum()) for part in parts),
        "reasons": [repr(sorted(part.reasons.items())) for part in parts],
        "alerts": [repr(alert) for part in parts for alert in part.alerts],
    }


LINES = {
    "tsv": "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tqtype\tAA\tanswers\tTTLs\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tcount\tbool\tvector[string]\tvector[interval]\n"
    + 200 * "1.5\tC1\t192.168.1.2\t1\t192.0.2.1\t2\ta\\x09b\t1\tT\t192.0.2.1,192.0.2.2\t1.0,2.0\n"
    + 200 * "1.25\tC2\tfe80::1\t1\t192.0.2.1\t2\t\xc3\xa4\t-\t-\t(empty)\t-\n",
    "json": 200 * '{"_path":"dns","ts":1.5,"uid":"C1","id.orig_h":"192.168.1.2","qtype":1,"AA":true,"TTLs":[1.0,2.0]}\n'
    + 200 * '{"_path":"dns","ts":"2026-01-05T08:00:00.000001Z","id.orig_h":"192.168.1.2","query":"a\\u0009b"}\n',
}
"""More lines than are read one by one, with escapes, unset fields and letters beyond ASCII."""


def decoded() -> list[str]:
    """Return what the decoders make of lines."""
    return [batch.frame.write_json() for text in LINES.values() for batch in LogDecoder("dns.log").feed(text.encode())]


def everything() -> dict[str, Any]:
    """Return what every kind's model and the decoders say."""
    return {"decoded": decoded(), **{kind: told(kind) for kind in BUILT_IN}}


@pytest.fixture(scope="module")
def uncompiled(project: Path) -> dict[str, Any]:
    """Return what a process without the compiler says."""
    script = "import json; from checks.test_plain import everything; print(json.dumps(everything()))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{project}:{project / 'tests'}"}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow  # half a minute: a thousand times slower is what is tested
@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_plain_way_says_the_same(kind: str, uncompiled: dict[str, Any]) -> None:
    compiled = told(kind)
    assert compiled["anomalies"]
    assert uncompiled[kind] == compiled


@pytest.mark.slow
def test_the_plain_way_decodes_the_same(uncompiled: dict[str, Any]) -> None:
    assert uncompiled["decoded"] == decoded()
