"""The part of the service that decides, as a process of its own: stores, thread and routes, without logs and models.

`python -m tests.prevention.deciding FOLDER PORT POLICY` serves until it is ended. Each line on standard input is an
alert as JSON, which is stored and then told, in the pipeline's order.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from api.decisions import Prevention
from api.pipeline import CommandQueue, Pipeline
from api.pipeline.clock import Clock
from api.pipeline.jobs import JobBoard
from api.serve.server import bind, configuration
from api.serve.stream import Hub, StreamLimits
from api.service import Service
from api.state.directory import state_directory
from api.state.rules import RuleStore
from api.state.store import AlertReader, AlertWriter, EvidenceReader
from api.state.store.rows import from_json
from prevention.policy import load_policy
from tests.preloaded import Preloaded

if TYPE_CHECKING:
    from api.pipeline.runner import Parts


class Deciding(Preloaded):
    """Runs this module as a copy of the process that has imported all it needs."""

    module = "tests.prevention.deciding"


def main(folder: Path, port: int, policy: Path) -> None:
    """Serve until the end of the process."""
    with state_directory(folder) as state:
        AlertWriter(state.alerts).close()
        prevention = Prevention(state.decisions, load_policy(policy), Clock())
        prevention.start(AlertReader(state.alerts))
        threading.Thread(target=_take_alerts, args=(state.alerts, prevention), daemon=True).start()
        service = Service(
            Pipeline(_never, CommandQueue(1), JobBoard(1, 1)),
            Hub(StreamLimits()),
            AlertReader(state.alerts),
            EvidenceReader(state.alerts),
            state,
            prevention=prevention,
            rules=RuleStore(state.rules),
        )
        listener = bind("127.0.0.1", port)
        asyncio.run(uvicorn.Server(configuration(service, None)).serve(sockets=[listener]))


def _take_alerts(path: Path, prevention: Prevention) -> None:
    writer = AlertWriter(path)
    for line in sys.stdin:
        changes = writer.upsert([from_json(line)])
        prevention.publish_alerts([change for change in changes if change.is_told])


def _never() -> Parts:
    """Stand for models that are never loaded: the pipeline is not started."""
    raise AssertionError


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
