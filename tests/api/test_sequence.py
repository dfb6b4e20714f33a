"""Messages and numbers go on over runs and crashes: nothing that was missed is passed over untold, or comes twice."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.serve.stream import Hub, Kept, StreamLimits
from api.serve.stream.channel import Channel
from api.serve.stream.messages import Gap, TextMessage
from api.serve.stream.past import Past
from api.serve.stream.wanted import Wanted, rank
from api.state.store import AlertChange, AlertWriter
from api.state.store import retention as retention_of
from api.state.store.retention import KeepLimits
from api.state.store.sequence import Archive, KeptMessage, Sequence
from ingest.context.identity import Identity
from tests.api.conftest import is_described
from tests.api.mutes.test_muting import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence as Several
    from pathlib import Path

    from api.serve.stream.messages import Message
    from tests.api.conftest import Examples

PAGE = 100


def hub_on(writer: AlertWriter, path: Path, history: int = 1000) -> Hub:
    kept = Kept(writer.sequence, Numbers(), Archive(path, "alerts"), None, writer.state_id)
    return Hub(StreamLimits(history=history), kept)


async def all_of(hub: Hub, since: int, state: str | None = None, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    """Return what a reader is sent that comes back with a number, until it is as far as the stream."""
    texts: list[bytes] = []
    with hub.reading_alerts(since, state) as (_, subscriber):
        messages: list[Message] = []
        if subscriber.missed is not None:
            async for some in subscriber.missed:
                assert len(some) <= 2 * PAGE
                messages += some
        while len(subscriber):
            messages += subscriber.take()
        texts = [text for one in messages if (text := one.encode(wanted or Wanted())) is not None]
    got = [json.loads(text) for text in texts]
    assert all(map(is_described, got))
    return got


def come_back(
    writer: AlertWriter, path: Path, since: int, state: str | None = None, **more: Any
) -> list[tuple[str, int, Any]]:
    """Return type, number, and what is missing and why, of what a reader gets of a new run."""
    wanted, history = more.get("wanted"), more.get("history", 1000)
    got = asyncio.run(all_of(hub_on(writer, path, history), since, state, wanted))
    return [(one["type"], one["seq"], (one["dropped"], one["reason"]) if one["type"] == "gap" else None) for one in got]


def send(writer: AlertWriter, path: Path, count: int, examples: type[Examples], **fields: Any) -> None:
    owner = Identity("02:00:00:00:00:17", "Camera")
    changes = [AlertChange("raised", examples.alert(f"a{n}", **fields), owner) for n in range(count)]
    hub_on(writer, path).publish_alerts(changes)


def alerts(first: int, last: int) -> list[tuple[str, int, None]]:
    return [("alert", number, None) for number in range(first, last + 1)]


@pytest.mark.parametrize("history", [1000, 3, 0])
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_new_run_sends_all_that_was_missed(
    tmp_path: Path, examples: type[Examples], history: int, *, is_killed: bool
) -> None:
    path = tmp_path / "a"
    writer = AlertWriter(path)
    send(writer, path, 250, examples)
    if not is_killed:
        writer.close()
    again = AlertWriter(path)
    for since in (250, 247, 246, 120, 0):
        assert come_back(again, path, since, history=history) == alerts(since + 1, 250)
    send(again, path, 1, examples)
    assert come_back(again, path, 249, history=history) == alerts(250, 251)
    again.close()
    writer.close()


def test_messages_are_the_same_as_they_were_and_filters_hold(tmp_path: Path, examples: type[Examples]) -> None:
    path = tmp_path / "a"
    writer = AlertWriter(path)
    hub = hub_on(writer, path)

    async def scenario() -> list[dict[str, Any]]:
        hub.attach(asyncio.get_running_loop())
        send(writer, path, 1, examples, severity="low")
        other = Identity("02:00:00:00:00:18", "Plug")
        hub.publish_alerts([AlertChange("raised", examples.alert("b", device="192.168.1.77"), other)])
        await asyncio.sleep(0)
        return await all_of(hub, 0)

    before = asyncio.run(scenario())
    writer.close()
    again = AlertWriter(path)
    fresh = hub_on(again, path, history=0)
    assert asyncio.run(all_of(fresh, 0))[-1] == before[-1]
    for wanted in (
        Wanted(severity=rank("high")),
        Wanted(devices=("192.168.1.77",)),
        Wanted(devices=("02:00:00:00:00:18",)),
        Wanted(devices=("plug",)),
    ):
        assert [one["alert"]["id"] for one in asyncio.run(all_of(fresh, 0, wanted=wanted))] == ["b"]
    again.close()


def test_what_is_no_longer_kept_is_a_gap(tmp_path: Path, examples: type[Examples], monkeypatch: Any) -> None:
    path = tmp_path / "a"
    writer = AlertWriter(path)
    send(writer, path, 250, examples)
    monkeypatch.setattr(retention_of, "MOST_KEPT", 40)
    while writer.retention.step(0.0):
        pass
    assert writer.retention.pruned["stream_message"] == 210
    for history in (1000, 0):
        assert come_back(writer, path, 100, history=history) == [("gap", 210, (110, "old")), *alerts(211, 250)]
        assert come_back(writer, path, 230, history=history) == alerts(231, 250)
    writer.retention.limits = KeepLimits(max_age_s=1.0)
    writer.retention.wall = lambda: 4e9
    while writer.retention.step(4e9):
        pass
    assert come_back(writer, path, 100) == [("gap", 250, (150, "old"))]
    writer.close()


def test_a_number_of_another_state_is_told(tmp_path: Path, examples: type[Examples]) -> None:
    path, copy = tmp_path / "a", tmp_path / "b"
    writer = AlertWriter(path)
    assert [why for _, _, why in come_back(writer, path, 77)] == [(1, "other_state")]
    send(writer, path, 5, examples)
    assert come_back(writer, path, 3, writer.state_id) == alerts(4, 5)
    assert come_back(writer, path, 3, "other")[0][2] == (1, "other_state")
    other = AlertWriter(copy)
    assert other.state_id != writer.state_id
    state = writer.state_id
    writer.close()
    writer = AlertWriter(path)
    assert writer.state_id == state
    other.close()
    writer.close()


def test_a_disk_that_refuses_holds_up_no_message_and_has_all_later(tmp_path: Path, examples: type[Examples]) -> None:
    path = tmp_path / "a"
    writer = AlertWriter(path, patience_s=0)
    send(writer, path, 2, examples)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    send(writer, path, 3, examples)
    assert writer.sequence.last == 5
    assert len(Archive(path, "alerts").after(0)) == 2
    other.execute("ROLLBACK")
    send(writer, path, 1, examples)
    assert [one.seq for one in Archive(path, "alerts").after(0)] == [1, 2, 3, 4, 5, 6]
    other.execute("BEGIN IMMEDIATE")
    send(writer, path, 1, examples)
    other.execute("ROLLBACK")
    other.close()
    writer.close()
    assert [one.seq for one in Archive(path, "alerts").after(5)] == [6, 7]


def test_what_was_stored_and_not_told_is_told_by_the_next_run(tmp_path: Path, examples: type[Examples]) -> None:
    path = tmp_path / "a"
    writer = AlertWriter(path)
    writer.upsert([examples.alert("a"), examples.alert("b"), examples.alert("c", count=3)])
    told = writer.upsert([examples.alert("a", status="closed"), examples.alert("c", count=4)])
    hub_on(writer, path).publish_alerts([change for change in told if change.alert.id == "a"])  # then it is killed
    again = AlertWriter(path)
    hub = hub_on(again, path)
    rest = again.rest()
    assert [(one.change, one.alert.id, one.alert.count) for one in rest[0]] == [("raised", "b", 1), ("raised", "c", 4)]
    hub.publish_untold(*rest)
    assert again.rest() == ([], [])
    assert come_back(again, path, 0) == alerts(1, 3)
    again.close()
    writer.close()


class Store:
    """Messages that are kept, of which some were lost, and an instant between reading and using them."""

    def __init__(self, kept: Several[int]) -> None:
        self.kept = [TextMessage(seq, b"{}", "alert") for seq in kept]

    def past(self, page: int) -> Past:
        """Return how they are read."""
        return Past(
            lambda seq: [one for one in self.kept if one.seq > seq][:page], lambda n: self.kept[-n:] if n else []
        )


@given(
    kept=st.sets(st.integers(1, 40), max_size=40),
    since=st.integers(0, 40),
    history=st.integers(0, 8),
    page=st.integers(1, 7),
    more=st.lists(st.integers(0, 3), max_size=12),
)
def test_received_and_missed_together_are_all_while_more_comes(
    kept: set[int], since: int, history: int, page: int, more: list[int]
) -> None:
    """However messages that are kept, remembered, lost, and new ones fall together: each number once, in order."""
    store = Store(sorted(kept))
    channel = Channel(history, 40, store.past(page))
    coming: list[TextMessage] = []

    def publish(count: int) -> None:
        """Pass on what was kept before, and keep what is passed on the next time; nothing if that is none."""
        if not count:
            return
        channel.publish(coming)
        coming[:] = [TextMessage(channel.seq + n, b"{}", "alert") for n in range(1, count + 1)]
        store.kept += coming

    async def scenario() -> list[Message]:
        got: list[Message] = []
        steps = iter(more)
        with channel.subscribed(1000, since) as subscriber:
            if subscriber.missed is not None:
                async for some in subscriber.missed:
                    got += some
                    publish(next(steps, 0))
            for step in [*steps, 1]:
                publish(step)
            while len(subscriber):
                got += subscriber.take()
            assert subscriber in channel.subscribers
        return got

    at, got = since, asyncio.run(scenario())
    for message in got:
        at += message.dropped if isinstance(message, Gap) else 1
        assert message.seq == at
    assert at == channel.seq
    assert {one.seq for one in got if isinstance(one, TextMessage)} >= {seq for seq in kept if seq > since}


def test_a_store_that_is_removed_is_told(tmp_path: Path) -> None:
    writer = AlertWriter(tmp_path / "a")
    assert writer.trouble() is None
    (tmp_path / "a").unlink()
    assert "was removed" in str(writer.trouble())
    (tmp_path / "a").touch()
    assert "was removed" in str(writer.trouble())
    writer.close()


def test_pages_are_read_once_for_all_and_not_remembered_while_they_may_grow(tmp_path: Path) -> None:
    AlertWriter(tmp_path / "a").close()
    connection = sqlite3.connect(tmp_path / "a", isolation_level=None)
    sequence, archive = Sequence(connection, "events"), Archive(tmp_path / "a", "events")
    assert sequence.keep([KeptMessage(seq, "{}", b"{}") for seq in range(1, 151)])
    assert archive.after(0) is archive.after(0)
    assert len(archive.after(100)) == 50
    assert sequence.keep([KeptMessage(151, "{}", b"{}")])
    assert len(archive.after(100)) == 51
    connection.close()
