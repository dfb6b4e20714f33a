"""A replay onto a state in which people have merged devices goes on with what the older one has learned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]
    Command = Callable[..., tuple[int, str, str]]

OLDER, YOUNGER = "192.168.1.23", "192.168.1.77"
LEARNED = 2000
LATER = range(LEARNED + 1, LEARNED + 201)
EVERY_S = 60


def row(zeek: type[Zeek], number: int, device: str, **fields: Any) -> dict[str, Any]:
    return zeek.conn(number * EVERY_S, **{"id.orig_h": device, "id.resp_h": f"203.0.113.{number % 5}"}, **fields)


def known(server: Server, address: str) -> list[dict[str, Any]]:
    devices: list[dict[str, Any]] = server.http.get("/devices", params={"address": address}).json()["devices"]
    return devices


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def replayed(command: Command, log: Path, state: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a replay says of itself, and what was scored by uid."""
    scores = log.with_suffix(".scores")
    status, out, err = command("replay", log, "--state", state, "--scores", scores, "--json")
    assert status in {0, 2}, err
    found = [json.loads(line) for line in scores.read_text().splitlines()]
    return json.loads(out), {one["uid"]: one for one in found}


@pytest.mark.slow
def test_the_older_ones_models_judge_what_is_replayed_and_nothing_is_doubled(
    serve: Serve, command: Command, zeek: type[Zeek], tmp_path: Path
) -> None:
    lasts = {"uid": "Copen", "service": "ssl", "conn_state": "OTH"}
    told = row(zeek, 10, YOUNGER, **lasts, duration=7200.0)
    end = row(zeek, 10, YOUNGER, **lasts | {"conn_state": "SF"}, duration=7400.0, orig_bytes=1300, resp_bytes=5400)
    taught = [row(zeek, n, OLDER) for n in range(LEARNED)] + [row(zeek, LEARNED, YOUNGER)]
    later = written(tmp_path / "later.log", [row(zeek, n, YOUNGER) for n in LATER] + [end])
    same = written(tmp_path / "same.log", [row(zeek, n, OLDER) for n in LATER] + [end | {"id.orig_h": OLDER}])
    scores: dict[str, dict[str, float]] = {}
    for site, log in (("apart", later), ("merged", later), ("one", same)):
        with serve(site=site) as server:
            written(server.logs / "conn.log", taught)
            server.until(lambda at=server: at.scored() == len(taught))
            ids = {at: server.until(lambda at=at, server=server: known(server, at))[0]["id"] for at in (OLDER, YOUNGER)}
            if site == "merged":
                kept, gone = ids[OLDER], ids[YOUNGER]
                assert server.http.post(f"/devices/{kept}/merge", json={"device": gone}).status_code == 200
            device = OLDER if site == "one" else YOUNGER
            written(server.logs / "conn_long.log", [told | {"_path": "conn_long", "id.orig_h": device}])
            server.until(lambda at=server: at.scored() == len(taught) + 1)
            assert server.stop()[0] == 0
        state = tmp_path / site / "state"
        said, found = replayed(command, log, state)
        assert said["records"] == len(LATER) + 1
        assert found["Copen"]["ts"] == end["ts"] + told["duration"]  # it goes on from what was told before
        scores[site] = {uid: one["score"] for uid, one in found.items() if uid != "Copen"}
        again, none = replayed(command, log, state)
        assert (again["records"], none) == (0, {})
        if site == "merged":
            with serve(site=site) as server:
                (device,) = known(server, YOUNGER)
                assert (device["id"], device["merged"], known(server, OLDER)) == (kept, [gone], [device])
    assert scores["merged"] == scores["one"]
    assert scores["merged"] != scores["apart"]
