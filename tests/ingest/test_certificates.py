"""An ssl record gets the names of its certificate from x509.log, whichever of the two is read first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest

from ingest.context.certificates import MOST_WAITING, ROOM, WAIT_S, Certificates
from ingest.follow.replay import ReplaySource
from ingest.follow.source import FollowSource
from ingest.records import SCHEMAS, RecordBatch

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
ENDS = {"id.orig_h": "192.168.1.5", "id.orig_p": 40_000, "id.resp_h": "203.0.113.9", "id.resp_p": 443}
NAMES = {"certificate.subject": "CN=cam.example", "certificate.issuer": "CN=authority"}


def ssl(second: float, *chain: str, **more: Any) -> dict[str, Any]:
    return {"ts": NOW + second, "uid": f"C{second}", **ENDS, "established": True, "cert_chain_fps": list(chain), **more}


def x509(second: float, name: str, **more: Any) -> dict[str, Any]:
    return {"ts": NOW + second, "fingerprint": name, "certificate.serial": "05", **NAMES, **more}


def batch(kind: str, *records: dict[str, Any]) -> RecordBatch:
    columns = {name: [record.get(name) for record in records] for name in SCHEMAS[kind]}
    return RecordBatch(kind, pl.DataFrame(columns, schema=SCHEMAS[kind]))


def issuers(batches: list[RecordBatch]) -> list[tuple[str, str | None]]:
    return [row for one in batches if one.kind == "ssl" for row in one.frame.select("uid", "issuer").iter_rows()]


@pytest.mark.parametrize("certificate_first", [True, False])
def test_the_order_of_the_logs_does_not_matter(*, certificate_first: bool) -> None:
    logs = [batch("x509", x509(0.3, "leaf")), batch("ssl", ssl(0.2, "leaf", "ca"), ssl(0.4))]
    known = Certificates()
    found = [told for one in logs[:: 1 if certificate_first else -1] for told in known.of([one])]
    assert issuers(found) == [("C0.2", "CN=authority"), ("C0.4", None)]
    assert {one.kind for one in found} == {"ssl"}
    assert issuers(known.of([batch("ssl", ssl(9.0, "leaf"))])) == [("C9.0", "CN=authority")]


def test_what_ssl_log_says_itself_stands() -> None:
    own = ssl(1.0, "leaf", subject="CN=own", issuer="CN=own")
    (told,) = Certificates().of([batch("x509", x509(0.3, "leaf")), batch("ssl", own)])
    assert told.frame.select("subject", "issuer").row(0) == ("CN=own", "CN=own")


def test_identifiers_of_files_do_as_well() -> None:
    seen = {**x509(0.3, "x"), "fingerprint": None, "id": "F1"}
    record = ssl(1.0, cert_chain_fuids=["F1", "F2"], cert_chain_fps=None)
    assert issuers(Certificates().of([batch("x509", seen), batch("ssl", record)])) == [("C1.0", "CN=authority")]


def test_a_record_waits_only_so_long_and_none_overtakes_it() -> None:
    """By log time, or by the clock where nothing else happens; the queue is bounded, and outlives a restart."""
    known = Certificates()
    assert not known.of([batch("ssl", ssl(1.0, "unknown"), ssl(1.1))], now=50.0)
    assert not known.overdue(50.0 + WAIT_S - 1)
    again = Certificates(orjson.loads(orjson.dumps(known.state())))
    assert issuers(known.overdue(50.0 + WAIT_S)) == [("C1.0", None), ("C1.1", None)]
    assert issuers(again.of([batch("conn", {"ts": NOW + 1.1 + WAIT_S})])) == [("C1.0", None), ("C1.1", None)]
    many = batch("ssl", *(ssl(2.0, "unknown") for _ in range(MOST_WAITING + 3)))
    assert len(issuers(Certificates().of([many]))) == 3


def test_only_so_many_certificates_are_remembered() -> None:
    known = Certificates()
    known.of([batch("x509", *(x509(0.0, f"{number}") for number in range(ROOM + 5)))])
    assert len(known.state()["known"]) == ROOM


def write(path: Path, *records: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_follow_and_replay_join_the_two_logs(tmp_path: Path) -> None:
    write(tmp_path / "ssl.log", ssl(0.2, "leaf", "ca"), ssl(0.4, "unknown"))
    write(tmp_path / "x509.log", x509(0.3, "leaf"))
    expected = [("C0.2", "CN=authority"), ("C0.4", None)]
    assert issuers([*ReplaySource([tmp_path])]) == expected
    clock = iter(range(0, 10_000, 1))
    found: list[RecordBatch] = []
    with FollowSource(
        tmp_path, watch=False, wall_clock=lambda: NOW, scan_interval_s=0.0, clock=lambda: float(next(clock))
    ) as source:
        while len(issuers(found)) < len(expected):
            found += source.poll(1.0)
    assert issuers(found) == expected


def test_certificates_of_real_logs_are_found(shared_data: Path) -> None:
    """Of Zeek 9.1's logs, in which ssl.log has no names; TSV and JSON alike."""
    named = []
    for form in ("tsv", "json"):
        folder = shared_data / f"zeek_pcaps/philips-hue-lan/{form}"
        frames = [one.frame for one in ReplaySource([folder / "ssl.log", folder / "x509.log"]) if one.kind == "ssl"]
        frame = pl.concat(frames).filter(pl.col("cert_chain_fps").list.len() > 0)
        assert frame["issuer"].null_count() == 0
        named.append(frame.select("ts", "subject", "issuer"))
    assert named[0].equals(named[1])
