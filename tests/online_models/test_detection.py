"""What an infected device does is told within a minute, stays strange for as long as it goes on, and is not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine
from online_models.guard import FIRST, GUARD_WIDTH, LAST, OBSERVED
from online_models.measures.past import age_of, is_known

if TYPE_CHECKING:
    from conftest import Frames, Traffic

    from online_models.types import Alert, ScoredBatch


def day_after(traffic: Traffic, hours: float, first: float = 0.0, seed: int = 2) -> Frames:
    """Return ordinary traffic of the learned site, so many hours after its first day."""
    frames: Frames = traffic.Site(hours=hours, seed=seed, begin=traffic.START + traffic.DAY + first).frames()
    return frames


def mixed(traffic: Traffic, kind: str, *parts: pl.DataFrame) -> RecordBatch:
    """Return frames as one log."""
    return RecordBatch(kind, traffic.in_order(kind, parts))


def of_device(scored: ScoredBatch, device: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of a device."""
    return np.flatnonzero(np.array(scored.device) == device)


@pytest.mark.parametrize(
    ("attack", "kind", "behaviour"),
    [("scan", "conn", "scan"), ("beacon", "conn", "new-peer"), ("tunnel", "dns", "dns-tunnel")],
)
def test_an_attack_is_told_within_a_minute_on_its_device_and_no_other(
    learned_day: bytes, traffic: Traffic, attack: str, kind: str, behaviour: str
) -> None:
    begin = traffic.START + traffic.DAY + 1800.0
    engine, normal = Engine.from_bytes(learned_day), day_after(traffic, 1.0)
    scored = engine.process(mixed(traffic, kind, normal[kind], getattr(traffic, attack)(begin)))
    assert {alert.device for alert in scored.alerts} == {traffic.VICTIM}
    (alert,) = (alert for alert in scored.alerts if alert.behaviour == behaviour)
    assert begin <= alert.ts <= begin + 60.0
    assert alert.reasons
    assert alert.uids
    assert traffic.VICTIM in alert.sentence


def test_ordinary_days_raise_nothing(learned_day: bytes, traffic: Traffic) -> None:
    engine = Engine.from_bytes(learned_day)
    for day in range(3):
        for scored in traffic.run(engine, day_after(traffic, 24.0, day * traffic.DAY, seed=10 + day)).values():
            assert scored.alerts == ()
            assert scored.anomaly.mean() < 0.001


def test_an_attack_that_goes_on_for_hours_stays_an_anomaly(learned_day: bytes, traffic: Traffic) -> None:
    """The last hour of a scan of six is as strange as the first."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    share = []
    for hour in range(6):
        scan = traffic.scan(begin + hour * traffic.HOUR, 1800, per_second=0.5, seed=hour)
        normal = day_after(traffic, 1.0, hour * traffic.HOUR, seed=20 + hour)["conn"]
        scored = engine.process(mixed(traffic, "conn", normal, scan))
        hostile = scored.score[[uid.startswith(f"C{traffic.VICTIM}:23:") for uid in scored.uid]]
        share.append((hostile >= 0.5).mean())
        assert scored.anomaly[np.array(scored.device) != traffic.VICTIM].mean() < 0.01
    assert min(share) > 0.99


def test_calls_at_one_new_host_stay_anomalies_for_hours(learned_day: bytes, traffic: Traffic) -> None:
    """The host is contacted often and long enough to be known, were the device's incident not kept out of its past."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    calls = traffic.beacon(begin, 360, every=60.0)
    scored = engine.process(mixed(traffic, "conn", day_after(traffic, 6.0)["conn"], calls))
    hostile = scored.score[[":4444:" in uid for uid in scored.uid]]
    assert (hostile >= 0.5).mean() > 0.95
    assert (hostile[-60:] >= 0.5).all()


def test_a_ramp_does_not_make_a_scan_ordinary(learned_day: bytes, traffic: Traffic) -> None:
    """Ten probes in the first hour, half as many again in each that follows: somewhere on the way it is told."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    alerts: dict[str, Alert] = {}
    probes = 10.0
    for hour in range(14):
        scan = traffic.scan(begin + hour * traffic.HOUR, int(probes), per_second=probes / 3600.0, seed=hour)
        normal = day_after(traffic, 1.0, hour * traffic.HOUR, seed=30 + hour)["conn"]
        scored = engine.process(mixed(traffic, "conn", normal, scan))
        alerts |= traffic.alerts_in([scored])
        probes *= 1.5
    assert traffic.VICTIM in {alert.device for alert in alerts.values()}
    hostile = scored.score[[f"{traffic.VICTIM}:23:" in uid for uid in scored.uid]]
    assert (hostile >= 0.5).mean() > 0.99


def test_what_is_declared_normal_raises_nothing_and_is_unremarkable_ever_after(
    learned_day: bytes, traffic: Traffic
) -> None:
    begin = traffic.START + traffic.DAY
    calls = traffic.beacon(begin, 300, every=60.0)
    engine = Engine.from_bytes(learned_day)
    engine.learn(mixed(traffic, "conn", day_after(traffic, 5.0)["conn"], calls))
    again = traffic.beacon(begin + 6.0 * traffic.HOUR, 30, every=60.0)
    scored = engine.process(mixed(traffic, "conn", day_after(traffic, 1.0, 6.0 * traffic.HOUR)["conn"], again))
    assert scored.alerts == ()
    assert not scored.anomaly.any()
    unaware = Engine.from_bytes(learned_day).process(RecordBatch("conn", again))
    assert unaware.anomaly.all()


def test_one_devices_incident_leaves_the_scores_of_the_others_alone(learned_day: bytes, traffic: Traffic) -> None:
    """Beside the victim's scan everybody else is scored exactly as without it, since nothing of it is learned."""
    normal = day_after(traffic, 2.0)["conn"]
    quiet = normal.filter(pl.col("id.orig_h") != traffic.VICTIM)
    alone = Engine.from_bytes(learned_day).process(RecordBatch("conn", quiet))
    scan = traffic.scan(traffic.START + traffic.DAY + 60.0, 3600, per_second=0.5)
    beside = Engine.from_bytes(learned_day).process(mixed(traffic, "conn", quiet, scan))
    assert beside.alerts != ()
    others = np.flatnonzero(np.array(beside.device) != traffic.VICTIM)
    assert beside.score[others].tolist() == alone.score.tolist()


def test_a_device_is_believed_again_once_it_has_been_quiet(learned_day: bytes, traffic: Traffic) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    first = engine.process(mixed(traffic, "conn", day_after(traffic, 1.0)["conn"], traffic.scan(begin + 600.0)))
    assert {alert.device for alert in first.alerts} == {traffic.VICTIM}
    later = engine.process(RecordBatch("conn", day_after(traffic, 6.0, 3.0 * traffic.HOUR, seed=9)["conn"]))
    assert not later.anomaly.any()
    assert later.alerts == ()


def test_a_slow_telnet_scan_is_called_a_scan(learned_day: bytes, traffic: Traffic) -> None:
    """Its port is one to log in at, and each of its few probes goes to another host."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY + 1800.0
    scan = traffic.scan(begin, 40, per_second=0.5)
    scored = engine.process(mixed(traffic, "conn", day_after(traffic, 1.0)["conn"], scan))
    assert "scan" in {alert.behaviour for alert in scored.alerts}
    assert "brute-force" not in {alert.behaviour for alert in scored.alerts}


def test_failed_logins_at_one_host_are_called_brute_force(learned_day: bytes, traffic: Traffic) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY + 1800.0
    tries = begin + np.arange(200) * 0.5
    logins = traffic.flows(tries, traffic.VICTIM, [traffic.NEIGHBOUR] * 200, 22, conn_state=["RSTO"] * 200)
    scored = engine.process(mixed(traffic, "conn", day_after(traffic, 1.0)["conn"], logins))
    assert "brute-force" in {alert.behaviour for alert in scored.alerts}
    assert "scan" not in {alert.behaviour for alert in scored.alerts}


def test_a_service_used_once_a_day_does_not_stay_strange(learned_day: bytes, traffic: Traffic) -> None:
    """Its first use is an anomaly that raises nothing; were it never learned, its tenth use would be one, too."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    scores = []
    for day in range(5):
        call = traffic.flows(np.array([begin + 1800.0 + day * traffic.DAY]), traffic.VICTIM, [traffic.NEIGHBOUR], 8883)
        normal = day_after(traffic, 1.0, day * traffic.DAY, seed=30 + day)["conn"]
        scored = engine.process(mixed(traffic, "conn", normal, call))
        assert not scored.alerts
        scores.append(float(scored.score[[uid.startswith(f"C{traffic.VICTIM}:8883:") for uid in scored.uid]][0]))
    assert scores[0] > 0.4
    assert scores[-1] < 0.5 * scores[0]


def test_known_hosts_that_fail_together_are_an_outage_and_raise_nothing(learned_day: bytes, traffic: Traffic) -> None:
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    frame = day_after(traffic, 3.0)["conn"]
    out = pl.col("ts").is_between(begin + 3600.0, begin + 3600.0 + 1200.0) & (pl.col("id.resp_p") == 443)
    failed = {"conn_state": "S0", "orig_bytes": 0, "resp_bytes": 0, "duration": 0.0}
    broken = frame.with_columns(
        pl.when(out).then(pl.lit(value)).otherwise(pl.col(name)).cast(frame.schema[name]).alias(name)
        for name, value in failed.items()
    )
    assert (broken["conn_state"] == "S0").sum() > 50
    assert engine.process(mixed(traffic, "conn", broken)).alerts == ()


def test_a_sensor_clock_that_ran_ahead_and_was_corrected_raises_nothing(learned_day: bytes, traffic: Traffic) -> None:
    engine = Engine.from_bytes(learned_day)
    for kind, frame in day_after(traffic, 1.0).items():
        engine.process(RecordBatch(kind, frame.with_columns(pl.col("ts") + 2 * traffic.HOUR)))
    scored = traffic.run(engine, day_after(traffic, 3.0, traffic.HOUR, seed=3))
    assert [alert.sentence for of_kind in scored.values() for alert in of_kind.alerts] == []


def test_a_newcomer_raises_nothing_and_is_told_when_it_scans_after_six_hours(
    learned_day: bytes, traffic: Traffic
) -> None:
    """It has half of its trust by then, and every host of its own is as new to it as those that it scans."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    frame = traffic.Site(devices=7, hours=7.0, seed=40, begin=begin).frames()["conn"]
    newcomer = "192.168.7.16"
    assert newcomer in frame["id.orig_h"].to_list()
    before = frame.filter(pl.col("ts") < begin + 6.0 * traffic.HOUR)
    assert engine.process(RecordBatch("conn", before)).alerts == ()
    scan = traffic.scan(begin + 6.5 * traffic.HOUR, device=newcomer)
    after = frame.filter(pl.col("ts") >= begin + 6.0 * traffic.HOUR)
    scored = engine.process(mixed(traffic, "conn", after, scan))
    assert {(alert.device, alert.behaviour) for alert in scored.alerts} >= {(newcomer, "scan")}
    assert {alert.device for alert in scored.alerts} == {newcomer}


def test_a_burst_that_begins_below_the_threshold_does_not_become_ordinary(learned_day: bytes, traffic: Traffic) -> None:
    """Half of the records in an hour are a newcomer's calls at one host that does not answer: all are told of."""
    engine, begin = Engine.from_bytes(learned_day), traffic.START + traffic.DAY
    frame = traffic.Site(devices=7, hours=6.0, seed=41, begin=begin).frames()["conn"]
    newcomer = "192.168.7.16"
    calls = traffic.flows(
        np.arange(begin + 3.0 * traffic.HOUR, begin + 6.0 * traffic.HOUR, 6.0), newcomer, ["45.66.77.88"] * 1800, 6667,
        conn_state=["S0"] * 1800, duration=np.zeros(1800), orig_bytes=np.zeros(1800), resp_bytes=np.zeros(1800),
    )  # fmt: skip
    scored = engine.process(mixed(traffic, "conn", frame, calls))
    assert {alert.device for alert in scored.alerts} == {newcomer}
    assert scored.anomaly[[":6667:" in uid for uid in scored.uid]].mean() > 0.9


@pytest.mark.parametrize("every_h", [0.5, 1.0])
@pytest.mark.parametrize("kind", ["dns", "http"])
def test_a_new_name_that_comes_again_every_hour_or_so_is_told_within_half_a_day(
    learned_day: bytes, traffic: Traffic, kind: str, every_h: float
) -> None:
    times = traffic.START + traffic.DAY + 600.0 + np.arange(0.0, 12.0, every_h) * traffic.HOUR
    frames = {
        "dns": lambda: traffic.lookups(times, traffic.VICTIM, ["cdn.zorvex.example"] * times.size),
        "http": lambda: traffic.requests(times, traffic.VICTIM, ["zorvex.example"] * times.size, ["/c"] * times.size),
    }
    alerts = Engine.from_bytes(learned_day).process(RecordBatch(kind, frames[kind]())).alerts
    assert {alert.device for alert in alerts} == {traffic.VICTIM}
    assert {"new-domain", "new-host"} & {alert.behaviour for alert in alerts}


@pytest.mark.parametrize(
    ("peer", "sent", "is_told"),
    [("198.51.100.80", 200_000_000, True), ("198.51.100.80", 2_000_000, False), ("203.0.113.2", 200_000_000, False)],
    ids=["much to a stranger", "little to a stranger", "much to its own cloud"],
)
def test_much_that_leaves_in_one_connection_to_a_stranger_is_told(
    learned_day: bytes, traffic: Traffic, peer: str, sent: int, *, is_told: bool
) -> None:
    begin = np.array([traffic.START + traffic.DAY + 600.0])
    upload = traffic.flows(begin, traffic.VICTIM, [peer], 443, orig_bytes=[sent], duration=[300.0])
    alerts = Engine.from_bytes(learned_day).process(RecordBatch("conn", upload)).alerts
    assert {alert.behaviour for alert in alerts} == ({"volume"} if is_told else set())


@pytest.mark.parametrize("after_h", [0.5, 1.0])
def test_a_fast_scan_is_told_half_an_hour_after_the_first_record_of_a_site(traffic: Traffic, after_h: float) -> None:
    engine = Engine()
    assert not traffic.alerts_in(traffic.run(engine, traffic.Site(hours=after_h).frames()).values())
    alerts = engine.process(RecordBatch("conn", traffic.scan(traffic.START + after_h * traffic.HOUR))).alerts
    assert {(alert.device, alert.behaviour) for alert in alerts} == {(traffic.VICTIM, "scan")}


@pytest.mark.parametrize(("port", "service"), [(22, None), (902, "ssh"), (902, "ftp,ssl")])
def test_passwords_that_are_guessed_fast_are_told_two_hours_after_the_first_record_of_a_site(
    traffic: Traffic, port: int, service: str | None
) -> None:
    engine, begin = Engine(), traffic.START + 2.0 * traffic.HOUR
    assert not traffic.alerts_in(traffic.run(engine, traffic.Site(hours=2.0).frames()).values())
    guesses = traffic.flows(
        begin + 0.5 * np.arange(240.0), traffic.VICTIM, ["198.51.100.80"] * 240, port, service=[service] * 240
    )
    alerts = engine.process(RecordBatch("conn", guesses)).alerts
    assert {(alert.device, alert.behaviour) for alert in alerts} == {(traffic.VICTIM, "brute-force")}


def test_pages_that_load_from_a_new_host_are_no_guesses(traffic: Traffic) -> None:
    engine, begin = Engine(), traffic.START + 2.0 * traffic.HOUR
    traffic.run(engine, traffic.Site(hours=2.0).frames())
    pages = traffic.flows(begin + 0.5 * np.arange(240.0), traffic.VICTIM, ["198.51.100.80"] * 240, 443)
    assert engine.process(RecordBatch("conn", pages)).alerts == ()


@pytest.mark.parametrize(
    ("since_h", "first_h", "expected"),
    [(2.0, 0.0, False), (4.0, 0.1, True), (4.0, 1.0, False), (20.0, 7.0, True), (20.0, 9.0, False)],
)
def test_a_thing_is_known_for_long_after_half_a_day_or_if_it_was_there_from_the_beginning(
    traffic: Traffic, since_h: float, first_h: float, *, expected: bool
) -> None:
    device = np.zeros(GUARD_WIDTH)
    device[FIRST], device[LAST] = traffic.START, traffic.START + since_h * traffic.HOUR
    device[OBSERVED] = since_h * traffic.HOUR
    assert is_known(age_of(traffic.START + first_h * traffic.HOUR, device), device) == expected
