"""How a log is cut into writes, looks and polls never changes the frames that come of it."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource

_HOSTS = ("camera-ü", "plug\\x09€", "-", "(empty)", "𝄞.example", "")


def _json(n: int) -> bytes:
    record: dict[str, Any] = {"ts": 1_700_000_000.25 + n, "uid": f"C{n}", "id.orig_h": "10.0.0.5", "proto": "tcp"}
    record["id.resp_h"] = "10.0.0.9"
    record |= {"conn_state": "SF", "service": _HOSTS[n % 6]} if n % 3 else {"query": "é", "rejected": False}
    return json.dumps(record, ensure_ascii=n % 2 == 0).encode() + b"\n"


def _tsv(n: int) -> bytes:
    if n % 17 == 0:
        header = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
        fields = ["ts", "uid", "id.orig_h", "id.resp_h", "proto", "service", "conn_state", "history"][: 7 + n % 2]
        return (header + "\t".join(["#fields", *fields]) + "\n").encode()
    cells = [f"{1_700_000_000 + n}.5", f"C{n}", "10.0.0.5", "10.0.0.9", "tcp", _HOSTS[n % 6], "S0", "ShAD"]
    cells = cells[: 7 + (n - n % 17) % 2]
    return "\t".join(cells).encode() + b"\n"


LOGS = {
    "json": b"".join(map(_json, range(60))),
    "tsv": b"".join(map(_tsv, range(60))),
    "mixed": b"".join(_tsv(n) if n < 30 else _json(n) for n in range(60)),
    "broken": b"".join(_json(n) if n % 5 else b"{broken \xff\n" for n in range(60)),
}


def frames(batches: list[Any]) -> dict[str, pl.DataFrame]:
    kinds: dict[str, list[pl.DataFrame]] = {}
    for batch in batches:
        kinds.setdefault(batch.kind, []).append(batch.frame)
    return {kind: pl.concat(found) for kind, found in kinds.items()}


@pytest.mark.parametrize("name", LOGS)
@settings(deadline=None, max_examples=40)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["look", "restart", "no"])), max_size=12),
    poll_bytes=st.sampled_from([1024, 5000, 1 << 20]),
)
def test_any_cut_gives_the_same_frames(
    tmp_path_factory: pytest.TempPathFactory, name: str, cuts: list[tuple[int, str]], poll_bytes: int
) -> None:
    folder, content = tmp_path_factory.mktemp("cut"), LOGS[name]
    log = folder / "conn.log"
    found: list[Any] = []

    def start(positions: Any = None) -> FollowSource:
        options: Any = {"scan_interval_s": 0.0, "gather_s": 0.0, "watch": False}
        return FollowSource(folder, positions=positions, max_poll_bytes=poll_bytes, **options)

    source = start()
    for end, then in [*sorted((min(end, len(content)), then) for end, then in cuts), (len(content), "look")]:
        written = log.stat().st_size if log.exists() else 0
        with log.open("ab") as writer:
            writer.write(content[written:end])
        if then != "no":
            found += source.poll(0.0)
        if then == "restart":
            positions = json.loads(json.dumps(source.positions()))
            source.close()
            source = start(positions)
    while batches := source.poll(0.0):
        found += batches
    malformed = source.health().malformed
    source.close()
    whole = ReplaySource([log])
    expected = frames(list(whole))
    got = frames(found)
    assert got.keys() == expected.keys()
    assert all(got[kind].equals(expected[kind]) for kind in expected)
    assert malformed == whole.counts.malformed
