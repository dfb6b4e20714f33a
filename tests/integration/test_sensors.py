"""Whole output folders of a real sensor, appended in random pieces, give what the finished logs give."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ingest.follow.replay import ReplaySource
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server


@pytest.mark.parametrize("folder", ["json-mixed", "tsv-mixed"])
def test_logs_in_random_pieces(
    serve: Callable[..., AbstractContextManager[Server]], shared_data: Path, folder: str
) -> None:
    sensor = shared_data / "zeek_dirs" / folder
    finished = ReplaySource([sensor])
    expected = sum(len(batch) for batch in finished if batch.kind in KINDS)
    left = {log.name: log.read_bytes() for log in sensor.glob("*.log")}
    dice = random.Random(folder)
    with serve() as server:
        while left:
            name = dice.choice(sorted(left))
            size = dice.choice([1, 7, 300, 5000, 100_000])
            with (server.logs / name).open("ab") as file:
                file.write(left[name][:size])
            left[name] = left[name][size:]
            if not left[name]:
                del left[name]
        server.until(lambda: server.health()["stages"]["source"]["records"] == dict(finished.counts.records))
        source = server.health()["stages"]["source"]
        assert (server.scored(), source["malformed"]) == (expected, finished.counts.malformed)
        assert server.stop() == (0, "")
