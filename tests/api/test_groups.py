"""Incidents and drift follow from the alerts alone: whatever their order, the same groups under the same names."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.state.store import AlertReader, AlertWriter, IncidentQuery
from api.state.store.drift import WITHIN_S, Member, drifts_among

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from online_models.types import Alert
    from tests.api.conftest import Examples

HALF_HOUR = 1800.0


def stored(path: Path, alerts: Iterable[Alert]) -> AlertReader:
    writer = AlertWriter(path)
    for alert in alerts:
        writer.upsert([alert])
    writer.close()
    return AlertReader(path)


def groups(reader: AlertReader) -> dict[str, list[str]]:
    return {found.id: [alert.id for alert in found.alerts] for found in reader.incidents(IncidentQuery()).incidents}


def lasting(examples: type[Examples], identifier: str, first: float, last: float, **more: Any) -> Alert:
    return examples.alert(identifier, ts=last, first_ts=first, last_ts=last, **more)


def test_alerts_of_a_device_within_half_an_hour_are_one_incident_across_log_kinds(
    tmp_path: Path, examples: type[Examples]
) -> None:
    reader = stored(
        tmp_path / "a.sqlite3",
        [
            lasting(examples, "a", 0.0, 100.0),
            lasting(examples, "b", 100.0 + HALF_HOUR, 5000.0, log="dns", behaviour="dns-tunnel", severity="critical"),
            lasting(examples, "late", 5000.0 + HALF_HOUR + 0.1, 9000.0),
            lasting(examples, "other", 50.0, 60.0, device="192.168.1.9"),
        ],
    )
    assert sorted(groups(reader).values()) == [["a", "b"], ["late"], ["other"]]
    incident = next(found for found in reader.incidents(IncidentQuery()).incidents if len(found.alerts) == 2)
    assert (incident.severity, incident.first_ts, incident.last_ts) == ("critical", 0.0, 5000.0)
    assert incident.behaviours == ["scan", "dns-tunnel"]
    assert incident.sentence.endswith("(and 1 more alert)")
    assert reader.incident(incident.id) == incident


def test_an_alert_between_two_incidents_joins_them_and_says_so(tmp_path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(tmp_path / "a.sqlite3")
    writer.upsert([lasting(examples, "a", 0.0, 10.0), lasting(examples, "c", 4000.0, 4010.0)])
    changes = writer.upsert([lasting(examples, "b", 1500.0, 2500.0)])
    assert [(change.change, change.alert.id) for change in changes] == [("raised", "b"), ("updated", "c")]
    assert len({change.alert.incident for change in changes}) == 1
    writer.close()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), min_size=1, max_size=8), st.randoms())
def test_the_order_of_alerts_never_changes_an_incident(
    tmp_path_factory: pytest.TempPathFactory, examples: type[Examples], spans: list[tuple[int, int]], order: Any
) -> None:
    alerts = [
        lasting(examples, f"a{n}", 1000.0 * begin, 1000.0 * (begin + length)) for n, (begin, length) in enumerate(spans)
    ]
    folder = tmp_path_factory.mktemp("store")
    expected = groups(stored(folder / "one.sqlite3", alerts))
    assert sum(len(alert) for alert in expected.values()) == len(alerts)
    shuffled = list(alerts)
    order.shuffle(shuffled)
    assert groups(stored(folder / "other.sqlite3", shuffled)) == expected


def test_incidents_are_paged_and_filtered(tmp_path: Path, examples: type[Examples]) -> None:
    alerts = [lasting(examples, f"a{n}", 1e5 * n, 1e5 * n + 1, device=f"d{n % 2}") for n in range(5)]
    reader = stored(tmp_path / "a.sqlite3", alerts)
    first = reader.incidents(IncidentQuery(limit=2))
    second = reader.incidents(IncidentQuery(limit=2, cursor=first.next_cursor))
    last = reader.incidents(IncidentQuery(limit=2, cursor=second.next_cursor))
    seen = [found.alerts[0].id for page in (first, second, last) for found in page.incidents]
    assert (seen, last.next_cursor) == (["a4", "a3", "a2", "a1", "a0"], None)
    found = reader.incidents(IncidentQuery(device="d1", since=2e5, until=4e5)).incidents
    assert [incident.device for incident in found] == ["d1"]


def newcomers(examples: type[Examples], count: int, *, site: int = 6, behaviour: str = "new-peer") -> list[Alert]:
    """Return an alert of each of some devices about one new service in one network, ten minutes apart."""
    return [
        lasting(
            examples, f"a{n}", 600.0 * n, 600.0 * n + 5, device=f"d{n}", behaviour=behaviour, site_devices=site,
            subjects=("tcp/8883 in 203.0.0.0/12",),
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "site", "behaviour", "expected"),
    [(2, 2, "new-peer", 0), (3, 9, "new-peer", 1), (3, 100, "new-peer", 1), (6, 6, "new-peer", 1), (6, 6, "scan", 0)],
)
def test_three_devices_make_a_drift_on_a_site_of_any_size(  # noqa: PLR0917 - one argument for each column above
    tmp_path: Path, examples: type[Examples], count: int, site: int, behaviour: str, expected: int
) -> None:
    reader = stored(tmp_path / "a.sqlite3", newcomers(examples, count, site=site, behaviour=behaviour))
    drifts = reader.drifts()
    assert len(drifts) == expected
    for drift in drifts:
        assert drift.devices == [f"d{n}" for n in range(count)]
        assert drift.sentence == f"{count} of {site} devices began to use tcp/8883 in 203.0.0.0/12"
        assert reader.drift(drift.id) == drift


def test_a_drift_is_told_in_place_of_the_alerts_that_come_after_it(tmp_path: Path, examples: type[Examples]) -> None:
    writer = AlertWriter(tmp_path / "a.sqlite3")
    told: list[tuple[str, str]] = []
    for alert in newcomers(examples, 6):
        told += [(change.change, change.alert.id) for change in writer.upsert([alert]) if change.is_told]
        told += [(change.change, change.drift.subject) for change in writer.take_drifts()]
    drift = ("raised", "tcp/8883 in 203.0.0.0/12")
    joined = [("updated", "a0"), ("updated", "a1")]
    assert told == [("raised", "a0"), ("raised", "a1"), *joined, drift, *[("updated", drift[1])] * 3]
    writer.close()


def test_the_order_of_alerts_never_changes_a_drift(tmp_path: Path, examples: type[Examples]) -> None:
    alerts = newcomers(examples, 4)
    outcomes = []
    for number, order in enumerate(permutations(alerts)):
        reader = stored(tmp_path / f"{number}.sqlite3", order)
        outcomes.append([(drift.id, drift.devices) for drift in reader.drifts()])
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(outcomes[0]) == 1


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 1.0, WITHIN_S], [3]),
        ([0.0, 1.0, WITHIN_S + 1.0], []),
        ([0.0, WITHIN_S, WITHIN_S + 1.0, WITHIN_S + 2.0], [3]),
        ([0.0, 1.0, 2.0, WITHIN_S], [4]),
        ([0.0, 1.0, 2.0, WITHIN_S + 1.0], [3]),
    ],
)
def test_who_belongs_to_a_drift(times: Sequence[float], expected: list[int]) -> None:
    members = [Member(f"a{n}", f"d{n}", ts) for n, ts in enumerate(times)]
    assert [len(group) for group in drifts_among(members)] == expected


def test_one_device_alone_is_no_drift_however_often_it_comes() -> None:
    assert list(drifts_among([Member(f"a{n}", "d", float(n)) for n in range(9)])) == []
