"""The list of alerts is made once for all who ask for it, and anew as soon as anything in the store has changed."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from api.serve.repeated import Repeated
from api.state.store import AlertWriter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light


def test_an_answer_is_made_once_until_another_connection_commits(tmp_path: Path, examples: type[Examples]) -> None:
    writer, made = AlertWriter(tmp_path / "alerts"), list[int]()
    repeated = Repeated(tmp_path / "alerts")

    def make() -> bytes:
        made.append(1)
        return b"%d" % len(made)

    assert [repeated.get("all", make).body for _ in range(3)] == [b"1"] * 3
    assert repeated.get("other", make).body == b"2"
    writer.upsert([examples.alert()])
    assert [repeated.get("all", make).body for _ in range(2)] == [b"3"] * 2
    writer.close()


def test_those_who_ask_at_once_wait_for_one_answer_and_an_error_is_everybodys_own(tmp_path: Path) -> None:
    AlertWriter(tmp_path / "alerts").close()
    repeated, made, go = Repeated(tmp_path / "alerts"), list[int](), threading.Event()

    def make() -> bytes:
        made.append(1)
        assert go.wait(60)
        return b"x"

    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(repeated.get, "all", make) for _ in range(8)]
        go.set()
        assert {one.result(60).body for one in asked} == {b"x"}
    assert len(made) == 1

    def fail() -> bytes:
        raise sqlite3.OperationalError

    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            repeated.get("none", fail)
    assert repeated.get("none", lambda: b"y").body == b"y"


def test_a_store_that_has_gone_is_told_and_another_in_its_place_is_read(tmp_path: Path) -> None:
    AlertWriter(tmp_path / "alerts").close()
    repeated = Repeated(tmp_path / "alerts")
    assert repeated.get("all", lambda: b"first").body == b"first"
    (tmp_path / "alerts").rename(tmp_path / "kept")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        repeated.get("all", lambda: b"never")
    AlertWriter(tmp_path / "alerts").close()
    assert repeated.get("all", lambda: b"second").body == b"second"


def test_what_was_made_while_the_store_changed_is_not_remembered(tmp_path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(tmp_path / "alerts")
    repeated = Repeated(tmp_path / "alerts")

    def make() -> bytes:
        writer.upsert([examples.alert()])
        return b"before"

    assert repeated.get("all", make).body == b"before"
    assert repeated.get("all", lambda: b"after").body == b"after"
    writer.close()


def test_the_list_is_never_older_than_the_store(light: Light, examples: type[Examples]) -> None:
    writer = AlertWriter(light.folder / "alerts")
    for n in range(5):
        writer.upsert([examples.alert(f"r{n}", ts=2000.0 + n)])
        listed = [alert["id"] for alert in light.get("/alerts?limit=3").json()["alerts"]]
        assert listed[0] == f"r{n}"
    first = light.get("/alerts?limit=3")
    assert light.get("/alerts?limit=3", **{"If-None-Match": first.headers["etag"]}).status_code == 304
    writer.close()


def test_many_who_ask_while_the_store_changes_get_what_was_there_when_they_asked(
    light: Light, examples: type[Examples]
) -> None:
    writer, done = AlertWriter(light.folder / "alerts"), 0

    def ask() -> None:
        before = done
        listed = light.get("/alerts?limit=3").json()["alerts"]
        assert not before or int(listed[0]["id"].removeprefix("m")) >= before

    with ThreadPoolExecutor(8) as threads:
        asked = []
        for n in range(1, 21):
            asked += [threads.submit(ask) for _ in range(8)]
            writer.upsert([examples.alert(f"m{n}", ts=3000.0 + n)])
            done = n
        for one in asked:
            one.result(60)
    writer.close()


def test_what_is_asked_in_words_that_move_with_time_is_looked_at_each_time(
    light: Light, examples: type[Examples]
) -> None:
    writer = AlertWriter(light.folder / "alerts")
    writer.upsert([examples.alert("t1", ts=time.time() - 2.5)])
    writer.close()
    while light.get("/alerts?since=3s").json()["alerts"]:
        time.sleep(0.1)
    assert light.get("/alerts?since=1h").json()["alerts"]
