"""Who may do what: every route and stream declares a scope, and nobody gets past it."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus

from api.serve.access.needs import declared
from api.serve.access.principal import PUBLIC
from api.state.access import SCOPES, AccessDatabase, TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import httpx

    from tests.api.serve.conftest import Light

ANY_LOGIN = {"/openapi.json", "/static-docs"}
"""What whoever has logged in may see: the description of the service, and the files of its page."""
NO_LOGIN = {"/static", "/login", "/session", "/livez", "/readyz"}


@pytest.fixture(scope="module")
def locked(lightly: Callable[..., AbstractContextManager[Light]]) -> Iterator[Light]:
    """Return a service with a token for each scope, named as the scope."""
    with lightly() as light:
        light.tokens = {scope: light.token(scope, [scope]) for scope in SCOPES}
        yield light


def routes_of(light: Light) -> Iterator[tuple[str, str, Any]]:
    """Yield method, path and route of everything that the application answers; WS stands for streams."""
    contexts = (c for route in light.app.routes for c in getattr(route, "effective_route_contexts", list)())
    found = [getattr(context, "original_route", context) for context in contexts]
    for route in itertools.chain(light.app.routes, found):
        if path := getattr(route, "path", None):
            for method in sorted((getattr(route, "methods", None) or {"WS"}) - {"HEAD"}):
                yield method, path, route


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "some", path)


def asked(light: Light, method: str, path: str, token: str | None) -> int:
    """Return the status of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method != "WS":
        return light.http.request(method, path, headers=headers).status_code
    try:
        with light.socket(path, additional_headers=headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_every_route_declares_what_it_needs(locked: Light) -> None:
    walked = list(routes_of(locked))
    assert {"/alerts", "/ws/alerts", "/machinelearning/train", "/tokens", "/audit", "/docs", "/"} <= {
        p for _, p, _ in walked
    }
    for method, path, route in walked:
        if path not in ANY_LOGIN | {"/static"}:
            scopes = [scope for dependency in route.dependencies for scope in getattr(dependency, "scopes", None) or ()]
            assert len(scopes) == 1, f"{method} {path} declares {scopes}"
            assert (declared(route) == PUBLIC) == (path in NO_LOGIN), path


def test_without_a_token_nothing_is_answered(locked: Light) -> None:
    for method, path, _ in routes_of(locked):
        if path not in NO_LOGIN and method != "WS":
            assert asked(locked, method, filled(path), None) == 401, path
    answer = locked.get("/alerts")
    assert answer.json()["code"] == "login_required"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert locked.get("/nothing").status_code == 401
    assert locked.get("/readyz").status_code == 503  # its models are never loaded
    assert {locked.get(path).status_code for path in ("/login", "/session", "/livez", "/static/app.js")} == {200}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_what_its_scope_is_for_and_nothing_else(locked: Light, scope: str) -> None:
    for method, path, route in routes_of(locked):
        if path in NO_LOGIN | ANY_LOGIN | {"/tokens/{token}"}:
            continue
        allowed = scope in {"admin", declared(route)}
        # An unknown parameter is looked at next: nothing is done to whom it is allowed.
        found = asked(locked, method, filled(path) + "?wrong=1", locked.tokens[scope])
        assert (found == 403) != allowed, f"{method} {path}: {found}"


def test_learning_from_what_is_analyzed_needs_more_than_reading(locked: Light) -> None:
    def status(scope: str, query: str) -> int:
        return asked(locked, "POST", f"/traffic/analyze{query}", locked.tokens[scope])

    assert [status("read", ""), status("read", "?learn=true"), status("admin", "?learn=true")] == [400, 403, 400]


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer nsl_x", "bearer  x y", "Bearer " + "a" * 5000])
def test_what_is_no_token_is_refused(locked: Light, authorization: str) -> None:
    answer = locked.get("/alerts", authorization=authorization)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_what_a_proxy_passes_on_to_us_of_its_own_login_is_no_token(locked: Light) -> None:
    assert locked.get("/alerts", authorization="Basic dXNlcjpwYXNz").json()["code"] == "login_required"


def test_an_expired_token_no_longer_counts(locked: Light) -> None:
    database, now = AccessDatabase(locked.folder / "access.sqlite3"), [0.0]
    _, text = TokenStore(database, lambda: now[0]).create("old", ["read"], expires_at=1.0)
    database.close()
    assert locked.get("/alerts", authorization=f"Bearer {text}").json()["code"] == "wrong_token"


def test_admins_make_list_and_revoke_tokens(locked: Light) -> None:
    def admin(method: str, path: str, json: dict[str, Any] | None = None) -> httpx.Response:
        return locked.http.request(
            method, path, json=json, headers={"Authorization": f"Bearer {locked.tokens['admin']}"}
        )

    made = admin("POST", "/tokens", {"name": "grafana", "scopes": ["read"], "expires_in_s": 3600})
    assert made.status_code == 201
    token = made.json()["token"]
    assert locked.get("/alerts", authorization=f"Bearer {token}").status_code == 200
    listed = next(one for one in admin("GET", "/tokens").json()["tokens"] if one["name"] == "grafana")
    assert (listed["scopes"], listed["created_by"], listed["revoked_at"]) == (["read"], "admin", None)
    assert listed["expires_at"] - listed["created_at"] == pytest.approx(3600, abs=5)
    assert token not in admin("GET", "/tokens").text
    again = admin("POST", "/tokens", {"name": "grafana", "scopes": ["read"]})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert admin("DELETE", "/tokens/grafana").json()["revoked_at"] is not None
    assert locked.get("/alerts", authorization=f"Bearer {token}").status_code == 401
    assert admin("DELETE", "/tokens/grafana").status_code == 404


def test_the_description_says_who_may(locked: Light, light: Light) -> None:
    described = locked.get("/openapi.json", authorization=f"Bearer {locked.tokens['read']}").json()
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}
    train = described["paths"]["/machinelearning/train"]["post"]
    assert train["security"] == [{"token": ["train"]}, {"session": ["train"]}]
    assert {"401", "403", "429"} <= set(train["responses"])
    assert "security" not in described["paths"]["/livez"]["get"]
    assert "security" not in described["paths"]["/readyz"]["get"]
    assert "security" not in light.get("/openapi.json").json()["paths"]["/alerts"]["get"]


def test_without_any_token_nothing_changes_until_there_is_one(
    lightly: Callable[..., AbstractContextManager[Light]],
) -> None:
    with lightly() as light:
        assert light.get("/alerts", authorization="Bearer whatever").status_code == 200
        assert light.get("/session").json() == {"name": "", "scopes": list(SCOPES), "login": False, "session": False}
        text = light.token("first", ["read"])
        assert light.get("/alerts").status_code == 401
        assert light.get("/alerts", authorization=f"Bearer {text}").status_code == 200
        light.revoke("first")
        assert light.get("/alerts").status_code == 401


def test_who_asks_whether_it_is_ready_is_told_what_is_awaited(light: Light) -> None:
    answer = light.get("/readyz")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "not_ready", "1")
    assert "the models are being loaded" in answer.json()["detail"]
