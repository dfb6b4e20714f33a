"""Lists of alerts over the real server: filters, exports and validators of answers."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.state.export import COLUMNS, csv_line, harmless_cell
from api.state.store import AlertWriter
from ingest.context.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

MANY = 1203
CAMERA = Identity("02:00:00:00:00:17", "Porch-Camera")


@pytest.fixture(scope="module")
def stored(lightly: Callable[..., AbstractContextManager[Light]], examples: type[Examples]) -> Iterator[Light]:
    """Return a served application with alerts in its store."""
    with lightly() as light:
        writer = AlertWriter(light.folder / "alerts")
        writer.owners.lookup = {"192.168.1.6": CAMERA}.get
        alert = examples.alert
        writer.upsert([
            alert("a", ts=1.0, severity="low", status="closed"),
            alert("b", ts=2.0, device="192.168.1.6", behaviour="flood", sentence="=1+1 of porch"),
            alert("c", ts=3.0, device="2001:db8::7", behaviour="rhythm", sentence='"quoted", and\nbroken'),
        ])  # fmt: skip
        writer.upsert([alert(f"many{n:05}", ts=100.0 + n, device="192.168.1.50") for n in range(MANY)])
        writer.close()
        yield light


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c", "b", "a"]),
        ("&behaviour=flood", ["b"]),
        ("&behaviour=flood&behaviour=scan", ["b", "a"]),
        ("&behaviour=flood&device=192.168.1.5", []),
        ("&device=192.168.1.5", ["a"]),
        ("&device=192.168.1.", ["b", "a"]),
        ("&device=2001:DB8:0::7", ["c"]),
        ("&device=PORCH", ["b"]),
        ("&device=02-00-00-00-00-17", ["b"]),
        ("&status=closed", ["a"]),
        ("&severity=low&severity=high&since=1.5", ["c", "b"]),
    ],
)
def test_alerts_are_listed_and_exported_by_the_same_filters(stored: Light, query: str, expected: list[str]) -> None:
    page = stored.get(f"/alerts?until=50{query}").json()
    assert [alert["id"] for alert in page["alerts"]] == expected
    lines = stored.get(f"/alerts/export?format=ndjson&until=50{query}").text.splitlines()
    assert [json.loads(line) for line in lines] == page["alerts"]
    rows = list(csv.DictReader(io.StringIO(stored.get(f"/alerts/export?until=50{query}").text)))
    assert [row["id"] for row in rows] == expected


@pytest.mark.parametrize("query", ["behaviour=dancing", "device=", "format=xml", "limit=3", "since=never"])
def test_what_an_export_cannot_be_is_refused(stored: Light, query: str) -> None:
    answer = stored.get(f"/alerts/export?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert query.partition("=")[0] in answer.json()["detail"]


def test_an_export_has_every_alert_once_and_holds_few_at_a_time(stored: Light, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    owners = type(stored.service.alerts).owners
    monkeypatch.setattr(
        type(stored.service.alerts), "owners", lambda self, alerts: held.append(len(alerts)) or owners(self, alerts)
    )
    answer = stored.get("/alerts/export?since=100")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="alerts.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["id"] for row in rows] == [f"many{n:05}" for n in reversed(range(MANY))]
    assert rows[0].keys() == set(COLUMNS)
    assert max(held) <= 500
    assert sum(held) == MANY


def test_no_cell_of_a_log_becomes_a_formula(stored: Light) -> None:
    rows = list(csv.DictReader(io.StringIO(stored.get("/alerts/export?until=50").text, newline="")))
    assert [row["sentence"] for row in rows[:2]] == ['"quoted", and\N{REPLACEMENT CHARACTER}broken', "'=1+1 of porch"]
    assert (rows[1]["host_name"], rows[1]["reasons"]) == ("Porch-Camera", "tried 214 hosts in a minute")


@given(st.text())
def test_a_row_is_one_line_whose_cells_are_harmless(examples: type[Examples], text: str) -> None:
    line = csv_line(examples.alert(sentence=text, peers=(text, text), comment=text), None).decode()
    (cells,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    row = dict(zip(COLUMNS, cells, strict=True))
    assert row["sentence"] == harmless_cell(text).encode("utf-8", "replace").decode()
    assert len(line.splitlines()) == 1
    for cell in cells:
        assert cell.isprintable()
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("path", ["/alerts?limit=3", "/incidents?limit=2", "/rules", "/livez", "/openapi.json"])
def test_who_knows_an_answer_gets_none(stored: Light, path: str) -> None:
    first = stored.get(path)
    assert first.status_code == 200
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = stored.get(path, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "x-content-type-options" in again.headers
    other = stored.get(path, **{"If-None-Match": '"other"'})
    assert (other.status_code, other.headers["etag"], other.json()) == (200, tag, first.json())


def test_a_validator_changes_with_the_answer_and_errors_have_none(stored: Light) -> None:
    tags = {stored.get(f"/alerts?limit={limit}").headers["etag"] for limit in (1, 2, 3)}
    assert len(tags) == 3
    missing = stored.get("/alerts/nothing", **{"If-None-Match": "*"})
    assert missing.status_code == 404
    assert "etag" not in missing.headers


def test_validators_are_described(stored: Light) -> None:
    paths = stored.get("/openapi.json").json()["paths"]
    for path in ("/alerts", "/health", "/rules", "/incidents"):
        assert "304" in paths[path]["get"]["responses"]
        assert "If-None-Match" in {parameter["name"] for parameter in paths[path]["get"]["parameters"]}
    assert "304" not in paths["/events"]["get"]["responses"]
    assert set(paths["/alerts/export"]["get"]["responses"]["200"]["content"]) == {"text/csv", "application/x-ndjson"}


def test_what_is_wrong_is_told_in_words_with_each_form_that_it_may_have(stored: Light) -> None:
    assert stored.get("/alerts?cursor=1").json()["detail"] == (
        "cursor: expected the value of next_cursor from an earlier answer"
    )
    answer = stored.http.post("/rules", json={"device": "192.168.1.5", "reason": "why", "ttl": "a week"})
    assert answer.json()["detail"].startswith("ttl: Input should be 'never' or ")
    assert "7d" in answer.json()["detail"]
