"""Who may use the service: by which name, from which page, through which proxy, and with which parameters."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fastapi.applications
import httpx
import pytest

from api.errors import ListenError
from api.serve.server import bind
from api.service import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.api.serve.conftest import Light

ROUTES = ("/", "/docs", "/openapi.json", "/health", "/metrics", "/alerts", "/incidents", "/drift", "/evidence",
          "/models/snapshots", "/static/app.js", "/static-docs/swagger-ui.css")  # fmt: skip
FEEDBACK = "/alerts/a1/feedback"


@pytest.fixture(scope="module")
def proxied(lightly: Callable[..., AbstractContextManager[Light]]) -> Iterator[Light]:
    """Return a service that believes proxies on this host."""
    access = Access(
        cors_origins=("https://grafana.example",),
        allowed_hosts=("nslabs.example",),
        trusted_proxies=("127.0.0.1/32",),
    )
    with lightly(access) as served:
        yield served


def status_of(light: Light, path: str = FEEDBACK, **headers: str) -> tuple[int, str]:
    """Return status and code of a POST whose body is wrong: 422 says that it passed the guards."""
    answer = httpx.post(light.url + path, json={}, headers={name.replace("_", "-"): v for name, v in headers.items()})
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("path", ROUTES)
def test_what_has_get_has_head_with_the_same_headers_and_no_body(light: Light, path: str) -> None:
    whole, head = light.get(path), httpx.head(light.url + path)
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    told = ("content-type", "content-security-policy")
    assert [head.headers[name] for name in told] == [whole.headers[name] for name in told]


def test_the_first_requests_may_come_together(
    lightly: Callable[..., AbstractContextManager[Light]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI, asked for the description by two threads at once, makes it twice, and can fail."""
    made = []
    plain = fastapi.applications.get_openapi
    monkeypatch.setattr(fastapi.applications, "get_openapi", lambda **of: made.append(1) or plain(**of))
    with lightly() as served, ThreadPoolExecutor(16) as clients:
        assert served.get("/health").status_code == 200
        assert made == []
        answers = list(clients.map(lambda _: served.get("/alerts?limit=1"), range(16)))
        answers += clients.map(lambda n: served.get("/alerts?limit=1" if n % 2 else "/openapi.json"), range(16))
    assert {answer.status_code for answer in answers} == {200}
    assert len(made) == 1


def test_head_of_what_is_only_posted_or_not_there_is_refused(light: Light) -> None:
    assert httpx.head(light.url + "/traffic/analyze").status_code == 405
    assert httpx.head(light.url + "/nothing").status_code == 404


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/alerts?x=1"])
def test_no_answer_can_be_framed_guessed_kept_or_bring_script(light: Light, path: str) -> None:
    headers = light.get(path).headers
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert headers["cache-control"] in {"no-cache", "no-store"}
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "localhost:x", "[::1", "10.0.0.1"]
)
def test_other_names_are_refused_on_every_route_and_stream(light: Light, host: str) -> None:
    for path in ("/alerts", "/", "/docs"):
        answer = light.get(path, host=host)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_host")
        assert "allowed_hosts" in answer.json()["detail"]
    with socket.create_connection(("127.0.0.1", light.port), timeout=60) as raw:
        raw.sendall(f"GET /ws/alerts HTTP/1.1\r\nHost: {host}\r\n{HANDSHAKE}".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 403")


HANDSHAKE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:443", "127.1.2.3", "[::1]:8000", "x.localhost."]
)
def test_names_of_this_host_are_answered(light: Light, host: str) -> None:
    assert light.get("/alerts", host=host).status_code == 200


def test_a_configured_name_is_answered(proxied: Light) -> None:
    assert proxied.get("/alerts", host="nslabs.example:443").status_code == 200
    assert proxied.get("/alerts", host="other.example").status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://[", "null", "http://", "https://evil.example", "file://", "\x7f", "http://a:99999999"]
)
def test_a_page_of_another_origin_is_a_403_that_names_the_setting(light: Light, origin: str) -> None:
    answer = httpx.post(light.url + FEEDBACK, json={}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
    assert "cors_origins" in answer.json()["detail"]
    assert "trusted_proxies" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "nslabs.example:443", "origin": "https://nslabs.example"},
        {"host": "nslabs.example", "origin": "https://nslabs.example"},
        {"host": "nslabs.example", "origin": "http://nslabs.example:80"},
        {"host": "127.0.0.1:8000", "x_forwarded_host": "home.example", "origin": "https://home.example"},
        {"host": "127.0.0.1:8000", "x_forwarded_host": "home.example:8443", "origin": "https://home.example:8443"},
        {"origin": "https://grafana.example"},
        {"origin": "https://grafana.example:443"},
    ],
)
def test_a_proxys_name_is_the_services_own(proxied: Light, headers: dict[str, str]) -> None:
    assert status_of(proxied, **headers)[0] == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "nslabs.example:8080", "origin": "https://nslabs.example"},
        {"x_forwarded_host": "home.example, other.example", "origin": "https://home.example"},
        {"x_forwarded_host": "http://[", "origin": "http://["},
    ],
)
def test_a_page_elsewhere_stays_refused_through_a_proxy(proxied: Light, headers: dict[str, str]) -> None:
    assert status_of(proxied, **headers) == (403, "wrong_origin")


def test_only_named_proxies_are_believed(light: Light) -> None:
    told = {"x_forwarded_host": "home.example", "origin": "https://home.example"}
    assert status_of(light, **told) == (403, "wrong_origin")


def test_a_prefix_is_told_by_the_proxy_or_the_setting(
    proxied: Light, lightly: Callable[..., AbstractContextManager[Light]]
) -> None:
    told = {"x-forwarded-prefix": "/nslabs/"}
    for path in ("/alerts", "/nslabs/alerts", "/static/app.js", "/nslabs/docs"):
        assert proxied.get(path, **told).status_code == 200
    assert proxied.get("/openapi.json", **told).json()["servers"] == [{"url": "/nslabs"}]
    assert proxied.get("/alerts", **{"x-forwarded-prefix": "/../x y"}).status_code == 200
    with lightly(Access(root_path="/lab")) as under:
        assert under.get("/lab/alerts").status_code == 200
        assert under.get("/alerts").status_code == 200
        assert under.get("/openapi.json", **told).json()["servers"] == [{"url": "/lab"}]
        with under.socket("/lab/ws/alerts") as stream:
            assert '"hello"' in str(stream.recv(60))


def test_every_address_in_the_pages_is_relative(light: Light) -> None:
    for page in ("/", "/docs"):
        text = light.get(page).text
        found = re.findall(r'(?:src|href)="([^"#]+)"', text)
        assert len(found) >= 4
        assert not [address for address in found if address.startswith("/") or "://" in address]
        assert all(light.get("/" + address).status_code == 200 for address in found)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", text)


@pytest.mark.parametrize("path", ["/alerts", "/incidents", "/evidence", "/drift", "/health", "/metrics", "/budget"])
def test_an_unknown_parameter_is_a_422_that_names_it(light: Light, path: str) -> None:
    answer = light.get(path + "?sevrity=high")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert answer.json()["detail"].startswith("sevrity: unknown query parameter")


@pytest.mark.parametrize("path", ["/alerts", "/incidents", "/evidence"])
@pytest.mark.parametrize(
    "since", ["1767600000.5", "2026-01-08T10:00:00+01:00", "2026-01-08T10:00:00Z", "2026-01-08", "2h", "3d", "Tuesday"]
)
def test_times_are_understood_everywhere_as_the_command_line_does(light: Light, path: str, since: str) -> None:
    assert light.get(f"{path}?since={since}&until={since}").status_code == 200


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ("1767600000000", "did you mean 1767600000.000?"),
        ("yesterday", "expected a span"),
        ("nan", "expected a span"),
        ("", "2h"),
    ],
)
def test_what_is_no_time_is_refused_with_a_hint(light: Light, since: str, told: str) -> None:
    answer = light.get(f"/alerts?since={since}")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert answer.json()["detail"].startswith("since: ")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("cursor", ["", "made-up", "7ff0000000000000.a"])
def test_what_is_no_cursor_is_refused_as_described(light: Light, cursor: str) -> None:
    assert light.get(f"/alerts?cursor={cursor}").status_code == 422
    described: list[dict[str, Any]] = light.get("/openapi.json").json()["paths"]["/alerts"]["get"]["parameters"]
    schema = next(parameter["schema"] for parameter in described if parameter["name"] == "cursor")
    assert not re.search(schema["anyOf"][0]["pattern"], cursor)


def test_a_number_is_no_answer_to_a_question(light: Light) -> None:
    body = {"verdict": "expected", "revise": 0}
    assert httpx.post(light.url + FEEDBACK, json=body).status_code == 422


@pytest.mark.parametrize("body", [b"verdict=expected", b'{"verdict":'])
def test_an_answer_that_is_no_json_is_told(light: Light, body: bytes) -> None:
    answer = httpx.post(light.url + FEEDBACK, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")
    assert answer.json()["detail"].startswith("The body is not JSON, at byte ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - refused
def test_listening_where_others_can_connect_needs_a_word(host: str) -> None:
    with pytest.raises(ListenError, match=r"--insecure"):
        bind(host, 0)
    try:
        bind(host, 0, insecure=True).close()
    except ListenError as error:  # a host without IPv6
        assert host == "::", error  # noqa: PT017 - nothing is expected to be raised
