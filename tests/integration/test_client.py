"""The client for programs against a real service: each method, the examples of its page, and that for Node."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

from api.client import ApiError, AsyncClient, Client, types
from api.serve.routes import answers
from tests.integration.conftest import PROJECT, serving
from tests.integration.test_groups import alert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import Server, Zeek

ALERTS = 7


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a service that finds open alerts in its store."""
    from api.state.store import AlertWriter  # noqa: PLC0415 - only here

    folder = tmp_path_factory.mktemp("client")
    (folder / "state").mkdir()
    writer = AlertWriter(folder / "state" / "alerts.sqlite3")
    writer.upsert([alert(number, severity="high") for number in range(5)])
    unlike = {"behaviour": "flood", "subjects": ()}  # of medium severity: no test's verdict closes these
    writer.upsert([alert(number, **unlike) for number in range(5, ALERTS)])
    writer.close()
    with serving(folder / "logs", folder / "state") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Return a client of it."""
    with Client(server.url) as client:
        yield client


def hide_and_show(server: Server, client: Client, devices: str) -> None:
    """Have a rule hide alerts, and give them back; streams are told once the pipeline has looked at its rules."""
    rule = client.mute("a test", device=devices)
    server.until(lambda: any(True for _ in client.alerts(muted=True)))
    client.unmute(rule["id"])
    server.until(lambda: not any(True for _ in client.alerts(muted=True)))


def test_lists_are_read_to_their_end(client: Client) -> None:
    expected = [f"a{number}" for number in reversed(range(ALERTS))]
    assert [one["id"] for one in client.alerts(limit=3)] == expected
    assert [one["id"] for one in client.alerts(device="192.168.1.", severity=["high", "medium"], limit=2)] == expected
    assert list(client.alerts(severity="low")) == []
    assert sum(len(one["alerts"]) for one in client.incidents(limit=2)) == ALERTS
    assert client.alert("a0")["device"] == "192.168.1.10"
    assert client.health()["status"] != "failed"


def test_what_is_refused_is_one_error(client: Client) -> None:
    for refused, status, code in (
        (lambda: client.alert("../health"), 404, "not_found"),
        (lambda: list(client.alerts(colour="red")), 422, "wrong_parameter"),
        (lambda: list(client.stream("alerts", severity="grave")), 422, "wrong_parameter"),  # type: ignore[misc] # on purpose
    ):
        with pytest.raises(ApiError) as error:
            refused()
        assert (error.value.status, error.value.code) == (status, code)


def test_verdicts_are_given_one_by_one_and_together(client: Client) -> None:
    assert client.feedback("a1", "attack", "seen")["verdict"] == "attack"
    results = client.feedback_on_many(["a2", "nothing", "a1", "a3"], "expected")
    assert [(one["id"], one["code"]) for one in results] == [
        ("a2", "done"), ("nothing", "not_found"), ("a1", "answered"), ("a3", "done")
    ]  # fmt: skip
    assert "revise" in str(results[2]["detail"])
    assert client.feedback_on_many(["a1"], "expected", revise=True)[0]["code"] == "done"
    assert [client.alert(f"a{number}")["verdict"] for number in (1, 2, 3, 4)] == ["expected"] * 3 + [None]
    with pytest.raises(ApiError, match="422"):
        client.feedback_on_many([], "expected")


def test_records_are_scored_and_learned(client: Client, server: Server, zeek: type[Zeek], tmp_path: Path) -> None:
    records = [zeek.conn(number) for number in range(3)]
    assert [one["index"] for one in client.predict(records)["predictions"]] == [0, 1, 2]
    assert client.analyze([*records, {"what": 1}])["rejected"][0]["index"] == 3
    log = tmp_path / "conn.log"
    log.write_text("".join(zeek.line(record) + "\n" for record in records))
    jobs = [client.train(records), client.train(log), client.train(log, attacks=[records[0]["uid"]])]
    for job in jobs:
        done = server.until(lambda job=job: (found := client.job(job["id"]))["finished_at"] and found)
        assert (done["state"], done["records_done"]) == ("done", 3)
    assert [job["id"] for job in client.jobs()] == [job["id"] for job in reversed(jobs)]
    for identifier, status in ((jobs[0]["id"], 409), ("none", 404)):  # one has ended
        with pytest.raises(ApiError) as refused:
            client.cancel_job(identifier)
        assert refused.value.status == status


def test_rules_hide_alerts_and_a_stream_tells(server: Server, client: Client) -> None:
    with_since = client.stream("alerts", since_seq=0, device="192.168.1.16")
    assert client.mute("a test", dry_run=True, device="192.168.1.16")
    rule = client.mute("a test", device="192.168.1.16")
    assert [one["id"] for one in client.rules()] == [rule["id"]]
    message = next(one for one in with_since if one["change"] == "muted")
    assert message["alert"]["id"] == "a6"
    server.until(lambda: any(True for _ in client.alerts(muted=True)))
    client.unmute(rule["id"])
    after = client.stream("alerts", since_seq=with_since.seq, device="192.168.1.16", batch_ms=20)
    given_back = next(one for one in after if one["change"] == "raised")
    assert given_back["seq"] > message["seq"]


def test_alerts_are_put_off_and_speak_again(server: Server, client: Client) -> None:
    stream = client.stream("alerts", since_seq=0, device="192.168.1.14")
    snoozed = client.snooze("a4", 1.5, "later")["handled"]
    assert snoozed is not None
    assert (snoozed["state"], snoozed["by"], snoozed["comment"]) == ("snoozed", "local", "later")
    assert [one["id"] for one in client.alerts(handled=True)] == ["a4"]
    told = (one["alert"]["handled"] for one in stream if one["type"] == "alert" and one["change"] == "updated")
    assert snoozed in told  # and so far it has read
    assert next(told) is None  # at its end
    assert client.acknowledge("a4", "3d")["handled"] is not None
    assert client.speak_again("a4")["handled"] is None
    for refused, status in ((lambda: client.snooze("none", 1), 404), (lambda: client.snooze("a4", "31d"), 422)):
        with pytest.raises(ApiError) as error:
            refused()
        assert error.value.status == status

    async def scenario() -> None:
        async with AsyncClient(server.url) as other:
            assert (await other.acknowledge("a4", 60))["handled"]
            assert not (await other.speak_again("a4"))["handled"]
            window = await other.maintain(devices=["192.168.1.14"], ends_at="2h", reason="firmware")
            assert "begun" in [one["phase"] async for one in other.windows()]
            assert (await other.end_maintenance(window["id"]))["phase"] == "ended"

    asyncio.run(scenario())


def test_devices_are_listed_and_named(server: Server, client: Client, zeek: type[Zeek]) -> None:
    client.analyze([zeek.conn(1, **{"id.orig_h": "192.168.1.99"})], learn=True)
    device = server.until(lambda: next(client.devices(address="192.168.1.99"), None))
    assert client.say_of_device(device["id"], label="Door", tags=["out"])["name"] == "Door"
    assert client.device(device["id"])["tags"] == ["out"]

    async def scenario() -> None:
        async with AsyncClient(server.url) as other:
            assert [one["name"] async for one in other.devices(tag="out")] == ["Door"]
            assert (await other.say_of_device(device["id"], label=None))["name"] == "192.168.1.99"
            assert (await other.device(device["id"]))["label"] is None

    asyncio.run(scenario())


def test_devices_are_merged_split_and_put_back(server: Server, client: Client, zeek: type[Zeek]) -> None:
    addresses = ("192.168.1.97", "192.168.1.98")
    records = [zeek.conn(1 + 60 * n, **{"id.orig_h": address}) for n, address in enumerate(addresses)]
    client.analyze(records, learn=True)
    older, younger = (server.until(lambda at=at: next(client.devices(address=at), None)) for at in addresses)
    assert client.merge_devices(younger["id"], older["id"])["devices"][0]["merged"] == [younger["id"]]
    assert {one["id"] for one in client.split_device(older["id"], addresses[1])["devices"]} == {
        older["id"],
        younger["id"],
    }
    assert client.undo_device(older["id"])["devices"][0]["merged"] == [younger["id"]]

    async def scenario() -> None:
        async with AsyncClient(server.url) as other:
            assert len((await other.undo_device(older["id"]))["devices"]) == 2
            with pytest.raises(ApiError, match=r"nothing|merge"):
                await other.undo_device(older["id"])
            merged = await other.merge_devices(older["id"], younger["id"])
            assert merged["devices"][0]["id"] == older["id"]
            assert len((await other.split_device(older["id"], addresses[1]))["devices"]) == 2

    asyncio.run(scenario())


def test_the_client_for_asyncio_does_the_same(server: Server, client: Client, zeek: type[Zeek]) -> None:
    async def scenario() -> None:
        async with AsyncClient(server.url) as other:
            assert [one async for one in other.alerts(limit=2)] == list(client.alerts())
            assert await other.alert("a0") == client.alert("a0")
            assert (await other.predict([zeek.conn(9)]))["rejected"] == []
            stream = other.stream("events", type="job", batch_ms=10)
            reading = asyncio.ensure_future(anext(aiter(stream)))
            while stream.seq is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            job = await other.train([zeek.conn(9)])
            message = await asyncio.wait_for(reading, 300)
            assert (message["type"], message["job"]["id"]) == ("job", job["id"])

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [0, 1])
def test_an_example_of_the_page_runs(
    server: Server, client: Client, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    page = (PROJECT / "docs" / "client.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[number]
    if number:  # there must be something to follow
        hide_and_show(server, client, "192.168.1.16")
    exec(code.replace("http://127.0.0.1:8000", server.url), {})  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert ("404 not_found" if number == 0 else "talks to a new host") in said


@pytest.mark.skipif(shutil.which("node") is None, reason="node not on PATH")
def test_the_example_for_node_runs_and_resumes(server: Server, client: Client) -> None:
    hide_and_show(server, client, "192.168.1.15")
    program = ["node", str(PROJECT / "docs" / "examples" / "follow.mjs"), server.url, "--device", "192.168.1.15"]

    def read(*options: str) -> list[dict[str, Any]]:
        done = subprocess.run([*program, *options], capture_output=True, text=True, check=True, timeout=120)
        return [json.loads(line) for line in done.stdout.splitlines()]

    first, second = read("--since", "0", "--most", "2")
    assert first["seq"] < second["seq"]
    assert [one["alert"]["id"] for one in (first, second)] == ["a5", "a5"]
    assert read("--since", str(first["seq"]), "--most", "1") == [second]
    refused = subprocess.run(
        [*program, "--severity", "grave"], capture_output=True, text=True, check=False, timeout=120
    )
    assert refused.returncode == 1
    assert "422" in refused.stderr


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        (types.Alert, answers.AlertAnswer),
        (types.Reason, answers.ReasonAnswer),
        (types.Opinion, answers.OpinionAnswer),
        (types.Job, answers.JobAnswer),
        (types.ScoredRecord, answers.ScoredRecord),
        (types.Rejected, answers.RejectedRecord),
        (types.Predictions, answers.PredictAnswer),
        (types.Analysis, answers.AnalyzeAnswer),
    ],
)
def test_types_name_every_field_of_their_answer(shape: type, answer: Any) -> None:
    assert get_type_hints(shape).keys() == answer.model_fields.keys()
