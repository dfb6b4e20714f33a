"""What prevention learns of records and alerts: devices of today, moves, servers, and what an alert asks for."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from api.decisions.cases import case_of, views_of
from api.decisions.watch import Watch
from api.state.store import AlertChange
from ingest.context.identity import Identity
from ingest.records import RecordBatch
from online_models.kinds import KINDS
from online_models.types import Alert, Reason

CAMERA = "02:00:5e:10:00:05"


def conn(*rows: tuple[float, str, str, str]) -> RecordBatch:
    columns = ("ts", "id.orig_h", "orig_l2_addr", "id.resp_h")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    rest = (
        pl.lit(443).alias("id.resp_p"),
        pl.lit(9).alias("resp_bytes"),
        pl.lit(None, pl.String).alias("resp_l2_addr"),
    )
    return RecordBatch("conn", frame.with_columns(*rest))


def alert(**changes: Any) -> Alert:
    given: dict[str, Any] = {
        "id": "a-1",
        "device": "192.168.1.5",
        "behaviour": "new-peer",
        "log": "conn",
        "severity": "high",
        "score": 0.9,
        "ts": 10.0,
        "first_ts": 5.0,
        "last_ts": 12.0,
        "count": 3,
        "sentence": "it talks to a stranger",
        "peers": ("203.0.113.9",),
        "targets": ("443/tcp",),
    }
    return Alert(**(given | changes))


def test_devices_are_counted_by_the_day_of_the_log() -> None:
    watch = Watch()
    watch.observe(conn((100.0, "192.168.1.5", CAMERA, "8.8.8.8"), (101.0, "8.8.8.8", CAMERA, "192.168.1.5")))
    watch.observe(conn((200.0, "192.168.1.6", CAMERA, "8.8.8.8")))
    assert watch.devices_today() == 2
    watch.observe(conn((90_000.0, "192.168.1.6", CAMERA, "8.8.8.8")))
    assert watch.devices_today() == 2, "the day has only begun"
    watch.observe(conn((180_000.0, "192.168.1.6", CAMERA, "8.8.8.8")))
    assert watch.devices_today() == 1


def test_moves_are_told_of_what_is_followed_only_and_once() -> None:
    watch = Watch()
    batch = conn((1.0, "192.168.1.5", CAMERA.upper(), "8.8.8.8"), (1.0, "192.168.1.9", "02:00:5e:10:00:09", "8.8.8.8"))
    watch.observe(batch)
    assert watch.take_moves() == []
    watch.followed = frozenset({CAMERA})
    watch.observe(batch)
    assert [(mac.lower(), address) for mac, address, _ in watch.take_moves()] == [(CAMERA, "192.168.1.5")]
    assert watch.take_moves() == []


def test_a_blocked_device_cannot_have_its_neighbour_blocked() -> None:
    """It writes the neighbour's address into its own frames; what nobody else uses is its own, and so is a lease."""
    watch, victim = Watch(), "02:00:5e:10:00:09"
    watch.followed = frozenset({CAMERA, "192.168.1.5"})
    watch.observe(conn((1.0, "192.168.1.9", victim, "8.8.8.8")))
    watch.observe(conn((2.0, "192.168.1.9", CAMERA, "8.8.8.8"), (2.0, "192.168.1.77", CAMERA, "8.8.8.8")))
    assert watch.take_moves() == [(CAMERA, "192.168.1.77", False)]
    watch.observe(RecordBatch("dhcp", pl.DataFrame({"mac": [CAMERA], "assigned_addr": ["192.168.1.9"]})))
    assert watch.take_moves() == [(CAMERA, "192.168.1.9", True)]
    watch.followed = frozenset({CAMERA, "192.168.1.9"})
    watch.observe(conn((3.0, "192.168.1.9", victim, "8.8.8.8")))
    assert watch.take_moves() == [(victim, "192.168.1.9", False)], "who is blocked for another's sake shows"


def test_leases_are_moves_whoever_has_them() -> None:
    watch = Watch()
    frame = pl.DataFrame({"mac": [CAMERA, "junk", CAMERA], "assigned_addr": ["192.168.1.7", "192.168.1.8", "0.0.0.0"]})  # noqa: S104 - DHCP's
    watch.observe(RecordBatch("dhcp", frame))
    assert watch.take_moves() == [(CAMERA, "192.168.1.7", True)]


def test_an_alert_is_about_the_mac_where_it_is_known() -> None:
    known = case_of(AlertChange("raised", alert(), Identity(CAMERA)))
    assert (known.device, known.addresses) == (CAMERA, ("192.168.1.5",))
    assert case_of(AlertChange("raised", alert())).device == "192.168.1.5"


@pytest.mark.parametrize(("peers", "is_complete"), [(9, True), (10, False)])
def test_samples_are_known_as_samples(peers: int, is_complete: bool) -> None:  # noqa: FBT001 - a parameter
    many = alert(peers=tuple(f"203.0.113.{n}" for n in range(peers)))
    assert case_of(AlertChange("raised", many)).is_complete == is_complete


def test_only_dns_names_domains() -> None:
    assert case_of(AlertChange("raised", alert())).domains == ()
    dns = alert(log="dns", targets=("t.example.org",))
    assert case_of(AlertChange("raised", dns)).domains == ("t.example.org",)


def test_views_that_agree_are_counted() -> None:
    views = KINDS["conn"].views
    first, last = f"{views[0].name}.a", f"{views[-1].name}.b"
    told = (Reason(first, 1, 0, 0.5), Reason(last, 1, 0, 0.5), Reason("unknown", 1, 0, 0.9))
    assert views_of(alert(reasons=told)) == 2
    assert views_of(alert(reasons=told[:1])) == 1
    assert views_of(alert(reasons=(Reason(first, 1, 0, 0.5), Reason(last, 1, 0, 0.01)))) == 1
    assert views_of(alert()) == 1
