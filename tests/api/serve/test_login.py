"""How people and streams come in, what ends with a login, and what the audit log says of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.serve.access.failures import MOST, PER_S, Failures
from api.serve.access.principal import NOBODY
from api.serve.access.tickets import LASTING_S, Tickets
from api.service import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.api.serve.conftest import Light

    Serve = Callable[..., AbstractContextManager[Light]]


@pytest.fixture(scope="module")
def locked(lightly: Serve) -> Iterator[Light]:
    """Return a service with tokens, behind a proxy on this host that may say from where and over what one comes."""
    with lightly(Access(trusted_proxies=("127.0.0.1/32",))) as light:
        light.tokens = {scope: light.token(scope, [scope]) for scope in ("read", "respond", "admin")}
        yield light


def as_admin(light: Light, method: str, path: str) -> Any:
    return light.http.request(method, path, headers={"Authorization": f"Bearer {light.tokens['admin']}"}).json()


def logged_in(light: Light, scope: str = "read", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{light.url}/session", json={"token": f"  {light.tokens[scope]}\n"}, headers=sent, timeout=60)


def closed_with(stream: ClientConnection) -> tuple[int, str]:
    """Read a stream to its end, and return why it ended."""
    with suppress(ConnectionClosed):
        while True:
            stream.recv(60)
    return stream.close_code or 0, stream.close_reason or ""


def test_a_person_logs_in_looks_listens_and_logs_out(locked: Light) -> None:
    answer = logged_in(locked)
    assert answer.json() == {"name": "read", "scopes": ["read"], "login": True, "session": True}
    cookie = answer.headers["set-cookie"]
    assert re.search(r"HttpOnly", cookie)
    assert re.search(r"SameSite=strict", cookie, re.IGNORECASE)
    assert "Secure" not in cookie
    assert locked.tokens["read"] not in cookie
    session = {"cookie": cookie.partition(";")[0]}
    assert locked.get("/alerts", **session).status_code == 200
    assert locked.get("/", **session).status_code == 200
    assert locked.get("/tokens", **session).status_code == 403
    with locked.socket("/ws/alerts", additional_headers=session) as stream:
        assert '"hello"' in str(stream.recv(60))
        assert httpx.delete(f"{locked.url}/session", headers=session).status_code == 204
        assert closed_with(stream) == (1008, "login_over")
    assert locked.get("/alerts", **session).json()["code"] == "login_required"


def test_the_cookie_is_for_tls_only_where_there_is_tls_and_for_our_path_only(locked: Light) -> None:
    cookie = logged_in(locked, x_forwarded_proto="https", x_forwarded_prefix="/lab").headers["set-cookie"]
    assert "Secure" in cookie
    assert "Path=/lab;" in cookie


def test_a_page_of_another_origin_can_neither_log_in_nor_out(locked: Light) -> None:
    assert logged_in(locked, origin="https://evil.example").json()["code"] == "wrong_origin"
    refused = httpx.delete(f"{locked.url}/session", headers={"origin": "https://evil.example"})
    assert refused.status_code == 403


def test_a_browser_is_sent_to_the_login_and_a_program_is_told(locked: Light) -> None:
    for path in ("/", "/docs"):
        sent = locked.get(path, accept="text/html,*/*", x_forwarded_prefix="/lab")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login")
        under = httpx.get(locked.url + path, headers={"accept": "text/html", "x-forwarded-prefix": "/lab"})
        assert under.headers["location"] == "/lab/login"
        assert locked.get(path, accept="application/json").status_code == 401
    assert locked.get("/alerts", accept="text/html").status_code == 401
    page = locked.get("/login")
    assert page.status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|(?:src|href)=\"/", page.text)


def test_wrong_logins_are_told_to_wait_by_address(locked: Light) -> None:
    def attempt(address: str, token: str) -> tuple[int, str]:
        answer = httpx.post(f"{locked.url}/session", json={"token": token}, headers={"x-forwarded-for": address})
        return answer.status_code, answer.json().get("code", "")

    found = [attempt("192.0.2.66", f"guess {number}") for number in range(MOST + 3)]
    assert found == [(401, "wrong_token")] * MOST + [(429, "too_many_failures")] * 3
    assert attempt("192.0.2.66", locked.tokens["read"])[0] == 429
    assert attempt("192.0.2.67", locked.tokens["read"])[0] == 200
    entries = as_admin(locked, "GET", "/audit?limit=1000")["entries"]
    failed = [entry for entry in entries if entry["address"] == "192.0.2.66"]
    assert [(entry["status"], entry["who"]) for entry in failed] == [(401, "")] * MOST


def test_wrong_tokens_are_told_to_wait_and_right_ones_are_not(locked: Light) -> None:
    def ask(token: str) -> int:
        headers = {"authorization": f"Bearer {token}", "x-forwarded-for": "192.0.2.77"}
        return locked.http.get("/alerts", headers=headers).status_code

    assert [ask("guess") for _ in range(MOST + 1)] == [401] * MOST + [429]
    assert ask(locked.tokens["read"]) == 200


@given(st.lists(st.floats(0, 10), max_size=60))
def test_failures_never_come_faster_than_allowed(pauses: list[float]) -> None:
    now, taken = [0.0], []
    failures = Failures(lambda: now[0])
    for pause in pauses:
        now[0] += pause
        if not failures.wait_s("2001:db8::1"):
            failures.add("2001:db8::2")  # of the same subscriber
            taken.append(now[0])
    for first, at in enumerate(taken):
        assert sum(at <= later < at + PER_S for later in taken[first:]) <= 2 * MOST
    assert failures.wait_s("2001:db8:1::1") == 0


def test_a_ticket_opens_one_stream_once(locked: Light) -> None:
    made = locked.http.post("/tickets", headers={"Authorization": f"Bearer {locked.tokens['read']}"})
    ticket = made.json()["ticket"]
    with locked.socket(f"/ws/alerts?since_seq=0&ticket={ticket}") as stream:
        assert '"hello"' in str(stream.recv(60))
    for path in (f"/ws/alerts?ticket={ticket}", "/ws/alerts?ticket=", "/ws/scores?ticket=a&ticket=b"):
        with pytest.raises(InvalidStatus) as refused, locked.socket(path):
            pass
        assert refused.value.response.status_code == 401
    assert locked.get(f"/alerts?ticket={ticket}").status_code == 401


def test_a_ticket_is_soon_over() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])
    early, late = tickets.issue(NOBODY), tickets.issue(NOBODY)
    now[0] = LASTING_S - 0.1
    assert tickets.redeem(early) == NOBODY
    now[0] = LASTING_S
    assert [tickets.redeem(early), tickets.redeem(late)] == [None, None]


def test_a_stream_logs_in_by_its_first_message(locked: Light) -> None:
    with locked.socket("/ws/alerts") as stream:
        stream.send(json.dumps({"token": locked.tokens["read"]}))
        assert '"hello"' in str(stream.recv(60))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("hello", "wrong_token"),
        ("[]", "wrong_token"),
        ('{"token": 5}', "wrong_token"),
        ('{"token": "nsl_guess"}', "wrong_token"),
        ('{"token": "RESPOND"}', "wrong_scope"),
    ],
)
def test_a_first_message_that_does_not_count_ends_the_stream(locked: Light, said: str, reason: str) -> None:
    with locked.socket("/ws/alerts", additional_headers={"x-forwarded-for": "192.0.2.88"}) as stream:
        stream.send(said.replace("RESPOND", locked.tokens["respond"]))
        assert closed_with(stream) == (1008, reason)


def test_a_wrong_token_is_refused_by_the_handshake(locked: Light) -> None:
    headers = {"Authorization": "Bearer nsl_guess", "x-forwarded-for": "192.0.2.99"}
    with pytest.raises(InvalidStatus) as refused, locked.socket("/ws/alerts", additional_headers=headers):
        pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("how", ["REST", "command line"])
def test_a_revoked_token_ends_its_streams_at_once_and_no_others(locked: Light, how: str) -> None:
    token, other = locked.token("leaving", ["read"]), locked.tokens["read"]
    with (
        locked.socket("/ws/alerts", additional_headers={"Authorization": f"Bearer {token}"}) as leaving,
        locked.socket("/ws/alerts", additional_headers={"Authorization": f"Bearer {other}"}) as staying,
    ):
        assert '"hello"' in str(leaving.recv(60))
        assert '"hello"' in str(staying.recv(60))
        if how == "REST":
            as_admin(locked, "DELETE", "/tokens/leaving")
        else:
            locked.revoke("leaving")
        assert closed_with(leaving) == (1008, "login_over")
        with pytest.raises(TimeoutError):
            staying.recv(0.5)


def test_open_streams_end_when_the_first_token_is_made(lightly: Serve) -> None:
    with lightly() as light, light.socket("/ws/scores") as stream:
        assert '"hello"' in str(stream.recv(60))
        light.token("first", ["admin"])
        assert closed_with(stream) == (1008, "login_over")


def test_the_audit_log_says_who_did_what_and_no_secret(locked: Light) -> None:
    made = locked.http.post(
        "/tokens",
        json={"name": "robot", "scopes": ["respond"]},
        headers={"Authorization": f"Bearer {locked.tokens['admin']}"},
    ).json()
    headers = {"Authorization": f"Bearer {made['token']}", "x-forwarded-for": "192.0.2.10"}
    wrong = locked.http.post("/alerts/a1/feedback", json={}, headers=headers)
    refused = locked.http.post("/machinelearning/train", json={}, headers=headers)
    assert (wrong.status_code, refused.status_code) == (422, 403)
    secret = logged_in(locked).cookies["nslabs_session"]
    entries = as_admin(locked, "GET", "/audit?limit=4")["entries"]
    assert [(e["who"], e["token"], e["address"], e["action"], e["object"], e["status"]) for e in entries[:3]] == [
        ("read", entries[0]["token"], "127.0.0.1", "POST /session", "session", 200),
        ("robot", made["id"], "192.0.2.10", "POST /machinelearning/train", "/machinelearning/train", 403),
        ("robot", made["id"], "192.0.2.10", "POST /alerts/{alert_id}/feedback", "/alerts/a1/feedback", 422),
    ]
    assert (entries[3]["who"], entries[3]["object"]) == ("admin", f"robot ({made['id']}): respond")
    whole = json.dumps(as_admin(locked, "GET", "/audit?limit=1000"))
    assert not [text for text in (made["token"], secret, *locked.tokens.values()) if text in whole]


def test_a_proxy_that_logs_people_in_is_believed_and_nobody_else(lightly: Serve) -> None:
    access = Access(trusted_proxies=("127.0.0.1/32",), login_header="x-user", login_scopes=("read", "respond"))
    with lightly(access) as light:
        assert light.get("/session", **{"x-user": "anna"}).json()["name"] == "anna"
        assert light.get("/alerts", **{"x-user": "anna"}).status_code == 200
        assert light.get("/tokens", **{"x-user": "anna"}).status_code == 403
        assert light.get("/alerts").status_code == 401
        assert light.http.get("/alerts", headers=[("x-user", "anna"), ("x-user", "eve")]).status_code == 401
    with lightly(Access(login_header="x-user")) as light:
        assert light.get("/alerts", **{"x-user": "anna"}).status_code == 401


def test_one_switch_turns_teaching_off(lightly: Serve) -> None:
    with lightly(Access(teaching=False)) as light:
        for path in (
            "/machinelearning/train",
            "/alerts/a1/feedback",
            "/drift/d1/accept",
            "/traffic/analyze?learn=true",
        ):
            answer = light.http.post(path, json={"verdict": "attack"})
            assert (answer.status_code, answer.json()["code"]) == (403, "teaching_off"), path
        assert light.http.post("/traffic/analyze", json={}).status_code == 422


def test_nobody_is_let_in_while_the_tokens_cannot_be_read_and_the_log_stays_empty(
    lightly: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    with lightly() as light:
        light.token("soar", ["read"])
        for file in light.folder.glob("access.sqlite3*"):
            file.write_bytes(b"\xff" * file.stat().st_size)
        for path in ("/health", "/alerts", "/nothing"):
            answer = light.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert "access.sqlite3" in answer.json()["detail"]
        with pytest.raises(InvalidStatus) as refused, light.socket("/ws/alerts"):
            pass
        assert refused.value.response.status_code == 503
        assert light.get("/livez").status_code == 200
        assert not [record for record in caplog.records if record.exc_info]
