"""Numbers of messages go on over runs: nothing that was missed is passed over untold."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from api.serve.stream import Hub, StreamLimits
from api.serve.stream.wanted import Wanted
from api.state.store import AlertChange, AlertWriter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.conftest import Examples


def come_back(writer: AlertWriter, since: int) -> list[dict[str, Any]]:
    """Return what a reader gets of a new run who has messages up to `since`."""

    async def scenario() -> list[dict[str, Any]]:
        hub = Hub(StreamLimits(), writer.sequence)
        with hub.alerts.subscribed(10, since) as subscriber:
            messages = await subscriber.next_messages() if len(subscriber) else []
        return [json.loads(message.encode(Wanted()) or "") for message in messages]

    return asyncio.run(scenario())


def send(writer: AlertWriter, count: int, examples: type[Examples]) -> None:
    Hub(StreamLimits(), writer.sequence).publish_alerts([AlertChange("raised", examples.alert("a"))] * count)


def test_after_a_stop_only_who_missed_something_is_told(tmp_path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(tmp_path / "a")
    send(writer, 5, examples)
    writer.close()
    again = AlertWriter(tmp_path / "a")
    assert come_back(again, 5) == []
    assert come_back(again, 3) == [{"type": "gap", "seq": 5, "dropped": 2}]
    assert again.sequence.take(1) == 6
    again.close()


def test_after_a_crash_whoever_comes_back_is_told_and_no_number_is_given_twice(
    tmp_path: Path, examples: type[Examples]
) -> None:
    writer = AlertWriter(tmp_path / "a")
    for _ in range(300):
        send(writer, 1, examples)
    again = AlertWriter(tmp_path / "a")  # the first one is not closed: it was killed
    (gap,) = come_back(again, 300)
    assert gap["type"] == "gap"
    assert gap["dropped"] >= 1
    assert again.sequence.take(1) == gap["seq"] + 1 > 300
    again.close()
    writer.close()


def test_a_number_of_another_store_is_a_gap(tmp_path: Path) -> None:
    writer = AlertWriter(tmp_path / "a")
    assert [message["type"] for message in come_back(writer, 77)] == ["gap"]
    writer.close()


def test_a_store_that_is_removed_is_told(tmp_path: Path) -> None:
    writer = AlertWriter(tmp_path / "a")
    assert writer.trouble() is None
    (tmp_path / "a").unlink()
    assert "was removed" in str(writer.trouble())
    (tmp_path / "a").touch()
    assert "was removed" in str(writer.trouble())
    writer.close()
