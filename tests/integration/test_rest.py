"""The REST routes of a real service: answers, order, and one clear message for whatever is wrong."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.integration.conftest import Server, Zeek

TSV = """#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tcount\tcount\tstring
"""


def tsv(rows: int) -> str:
    return TSV + "".join(
        f"{1767600000 + n}.5\tC{n}\t192.168.1.9\t{40000 + n}\t203.0.113.9\t443\ttcp\t0.5\t100\t200\tSF\n"
        for n in range(rows)
    )


def analyze(server: Server, *records: Any, **parameters: Any) -> dict[str, Any]:
    answer = server.http.post("/traffic/analyze", json={"traffic": list(records)}, params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def predict(server: Server, *records: Any) -> dict[str, Any]:
    answer = server.http.post("/machinelearning/predict", json={"traffic": list(records)})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def job_after(server: Server, answer: httpx.Response) -> dict[str, Any]:
    """Wait for the job that this answer announces."""
    assert answer.status_code == 202, answer.text
    address = f"/machinelearning/jobs/{answer.json()['id']}"
    assert answer.headers["location"] == address

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = server.http.get(address).json()
        return job if job["finished_at"] else None

    job: dict[str, Any] = server.until(ended)
    return job


def test_predictions_keep_the_order_of_the_request(server: Server, zeek: type[Zeek]) -> None:
    records = [zeek.conn(1), {"what": "ever"}, zeek.dns(2), 7, zeek.conn(3), zeek.dns(4) | {"_path": "dns"}]
    answer = predict(server, *records)
    assert [(row["index"], row["log"]) for row in answer["predictions"]] == [
        (0, "conn"), (2, "dns"), (4, "conn"), (5, "dns")
    ]  # fmt: skip
    assert [row["uid"] for row in answer["predictions"]] == [records[n]["uid"] for n in (0, 2, 4, 5)]
    assert all(0 <= row["score"] <= 1 for row in answer["predictions"])
    assert [row["index"] for row in answer["rejected"]] == [1, 3]


def test_a_record_of_an_unknown_kind_is_rejected_with_what_was_expected(server: Server, zeek: type[Zeek]) -> None:
    answer = analyze(server, zeek.conn(1), {"_path": "quantum", "ts": 1.0}, {"colour": "red"})
    assert answer["analyzed"] == 1
    assert [row["index"] for row in answer["rejected"]] == [1, 2]
    assert all("expected a Zeek record of conn, dns, http" in row["error"] for row in answer["rejected"])


def test_a_kind_without_a_model_is_rejected_with_the_reason(server: Server) -> None:
    ssh = {"_path": "ssh", "ts": 1.0, "uid": "C1", "id.orig_h": "192.168.1.2", "id.resp_h": "192.0.2.1"}
    answer = analyze(server, ssh)
    assert (answer["analyzed"], answer["anomalies"]) == (0, [])
    assert "ssh" in answer["rejected"][0]["error"]


def test_analyzing_without_learning_leaves_no_trace(server: Server, zeek: type[Zeek]) -> None:
    records = [zeek.conn(n, **{"id.resp_h": f"198.51.100.{n % 250}", "id.resp_p": 23}) for n in range(200)]
    first = predict(server, *records)
    scored = server.scored()
    analyze(server, *records)
    assert predict(server, *records) == first
    assert server.scored() == scored


def test_analyzing_with_learning_changes_what_comes_after(server: Server, zeek: type[Zeek]) -> None:
    records = [zeek.conn(n, **{"id.orig_h": "192.168.1.77"}) for n in range(100)]
    before = predict(server, *records[:1])
    assert analyze(server, *records, learn=True)["analyzed"] == 100
    after = predict(server, zeek.conn(100, **{"id.orig_h": "192.168.1.77"}))
    assert before["predictions"][0]["score"] != after["predictions"][0]["score"]


def test_no_records_are_an_answer_too(server: Server) -> None:
    assert analyze(server) == {"analyzed": 0, "anomalies": [], "rejected": []}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "part"),
    [
        ("/traffic/analyze", b"{traffic", 400, "not_json", '{"traffic": [record'),
        ("/traffic/analyze", b"", 400, "not_json", '{"traffic": [record'),
        ("/traffic/analyze", b"\xff\xfe", 400, "not_json", "not JSON"),
        ("/traffic/analyze", b"[" * 100_000, 422, "wrong_shape", "nested deeper than 64"),
        ("/traffic/analyze", b"[1]", 422, "wrong_shape", '{"traffic": [record'),
        ("/traffic/analyze", b'{"traffic": 1}', 422, "wrong_shape", '{"traffic": [record'),
        ("/traffic/analyze", b'{"records": []}', 422, "wrong_shape", '{"traffic": [record'),
        ("/traffic/analyze?learn=perhaps", b'{"traffic": []}', 422, "wrong_parameter", "learn"),
        ("/machinelearning/predict", b"nope", 400, "not_json", "not JSON"),
        ("/machinelearning/train", b"nope", 400, "not_json", '{"dataset": [record'),
        ("/machinelearning/train", b'{"dataset": [], "attacks": [1]}', 422, "wrong_shape", "list of uids"),
    ],
)
def test_wrong_bodies_get_one_clear_message(  # noqa: PLR0917 - one argument for each column above
    server: Server, path: str, body: bytes, status: int, code: str, part: str
) -> None:
    answer = server.http.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert part in answer.json()["detail"]
    assert list(answer.json()) == ["code", "detail"]


def test_training_on_records_is_a_job(server: Server, zeek: type[Zeek]) -> None:
    records = [*(zeek.conn(n) for n in range(3000)), {"what": "ever"}, *(zeek.dns(n) for n in range(10))]
    job = job_after(server, server.http.post("/machinelearning/train", json={"dataset": records}))
    assert job["state"] == "done"
    assert (job["records_done"], job["records_total"], job["progress"]) == (3010, 3010, 1.0)
    assert job["learned"] == {"conn": 3000, "dns": 10}
    assert (job["rejected"], job["rejections"][0]["index"]) == (1, 3000)


@pytest.mark.parametrize("packed", [False, True])
def test_training_on_an_uploaded_log(server: Server, packed: bool) -> None:  # noqa: FBT001 - pytest passes it
    content = tsv(2500).encode() + b"half a line\n"
    name, content = ("conn.log.gz", gzip.compress(content)) if packed else ("conn.log", content)
    job = job_after(server, server.http.post("/machinelearning/train", files={"file": (name, content)}))
    assert (job["state"], job["dataset"], job["learned"]) == ("done", name, {"conn": 2500})
    assert (job["records_done"], job["records_total"], job["progress"]) == (2500, 2500, 1.0)
    assert job["rejected"] == 1
    assert job["rejections"][0]["error"]


def test_the_attacks_of_a_labelled_dataset_are_not_learned_as_normal(server: Server, zeek: type[Zeek]) -> None:
    records = [zeek.conn(n) for n in range(50)]
    attacks = [record["uid"] for record in records[:8]]
    body = {"dataset": records, "attacks": attacks}
    job = job_after(server, server.http.post("/machinelearning/train", json=body))
    assert (job["state"], job["records_done"], job["learned"]) == ("done", 50, {"conn": 42})
    log = "".join(zeek.line(record) + "\n" for record in records)
    files = {"attacks": ("uids.txt", "\n".join(attacks)), "dataset": ("conn.log", log)}
    job = job_after(server, server.http.post("/machinelearning/train", files=files))
    assert (job["state"], job["dataset"], job["learned"]) == ("done", "conn.log", {"conn": 42})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("conn.log", bytes(range(256)) * 400),
        ("conn.log.gz", gzip.compress(tsv(10).encode(), mtime=0)[:100]),
        ("../../evil/.log", b"\x00\x01\x02\n"),
    ],
)
def test_an_upload_that_is_no_log_is_a_failed_job_that_says_why(server: Server, name: str, content: bytes) -> None:
    job = job_after(server, server.http.post("/machinelearning/train", files={"file": (name, content)}))
    assert (job["state"], job["learned"]) == ("failed", {})
    assert "no record could be used" in job["error"]
    assert server.health()["stages"]["models"]["state"] == "running"


def test_a_form_without_a_file_is_told(server: Server) -> None:
    answer = server.http.post("/machinelearning/train", data={"x": "1"}, files={})
    assert answer.status_code == 400  # an ordinary form is not multipart, so it is read as JSON
    boundary = {"content-type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'
    answer = server.http.post("/machinelearning/train", content=part, headers=boundary)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_file")
    broken = {"content-type": "multipart/form-data"}
    answer = server.http.post("/machinelearning/train", content=part, headers=broken)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_multipart")


def test_unknown_jobs_and_alerts_are_not_found(server: Server) -> None:
    for path in ("/machinelearning/jobs/none", "/alerts/none", "/incidents/none", "/drift/none", "/nothing/here"):
        answer = server.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "parameters",
    [
        {"severity": "terrible"},
        {"limit": 0},
        {"limit": 5000},
        {"since": "yesterday"},
        {"cursor": "made-up"},
        {"devices": "1"},
    ],
)
def test_wrong_filters_are_named(server: Server, parameters: dict[str, Any]) -> None:
    answer = server.http.get("/alerts", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert answer.json()["detail"].startswith(next(iter(parameters)))


def test_times_may_be_epoch_or_iso(server: Server) -> None:
    answer = server.http.get("/alerts", params={"since": "2026-01-05T08:00:00Z", "until": 1767609999.5})
    assert (answer.status_code, answer.json()["next_cursor"]) == (200, None)


def test_pages_of_other_origins_are_refused(server: Server, zeek: type[Zeek]) -> None:
    body = {"traffic": [zeek.conn(1)]}
    answer = server.http.post("/traffic/analyze", json=body, headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
    own = server.http.post("/traffic/analyze", json=body, headers={"origin": server.url})
    assert own.status_code == 200


def test_the_page_and_the_description_are_served(server: Server) -> None:
    page = server.http.get("/")
    assert page.status_code == 200
    assert "html" in page.headers["content-type"]
    paths = server.http.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/traffic/analyze",
        "/machinelearning/train",
        "/machinelearning/jobs",
        "/machinelearning/jobs/{job_id}",
        "/machinelearning/predict",
        "/alerts",
        "/alerts/export",
        "/alerts/feedback",
        "/alerts/{alert_id}",
        "/blocklist.txt",
        "/devices",
        "/devices/{device_id}",
        "/devices/{device_id}/merge",
        "/devices/{device_id}/split",
        "/devices/{device_id}/undo",
        "/decisions",
        "/decisions/enforcers",
        "/decisions/explain",
        "/decisions/flush",
        "/decisions/protected",
        "/decisions/resume",
        "/decisions/state",
        "/decisions/wanted",
        "/decisions/{decision_id}",
        "/decisions/{decision_id}/confirm",
        "/decisions/{decision_id}/extend",
        "/decisions/{decision_id}/revoke",
        "/events",
        "/evidence",
        "/alerts/{alert_id}/feedback",
        "/alerts/{alert_id}/handling",
        "/incidents",
        "/incidents/{incident_id}",
        "/drift",
        "/drift/{drift_id}",
        "/drift/{drift_id}/accept",
        "/health",
        "/metrics",
        "/models/snapshots",
        "/budget",
        "/rules",
        "/rules/{rule_id}",
        "/maintenance",
        "/maintenance/{window_id}",
        "/livez",
        "/readyz",
        "/tokens",
        "/tokens/{token}",
        "/session",
        "/tickets",
        "/audit",
    }


def test_the_page_of_all_routes_needs_nothing_from_the_internet(server: Server) -> None:
    page = server.http.get("/docs").text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 3
    assert all(server.http.get(file).status_code == 200 for file in files)


def test_the_examples_in_the_description_work(server: Server) -> None:
    description = server.http.get("/openapi.json").json()
    for path, key in (("/traffic/analyze", "traffic"), ("/machinelearning/predict", "traffic")):
        content = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        answer = server.http.post(path, json=content["example"])
        assert answer.status_code == 200
        assert answer.json()["rejected"] == []
        jsonschema.validate(content["example"], content["schema"])
        assert key in content["example"]


def test_answers_are_as_described(server: Server, zeek: type[Zeek]) -> None:
    description = server.http.get("/openapi.json").json()
    body = {"traffic": [zeek.conn(1), {"what": "ever"}]}
    for path in ("/traffic/analyze", "/machinelearning/predict"):
        schema = description["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        resolved = {**schema, "components": description["components"]}
        jsonschema.validate(json.loads(server.http.post(path, json=body).content), resolved)
