"""What OpenAPI says of every route, and of what bodies may hold, is what the service does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from api.serve.routes.decisions import Extension, NewDecision
from api.serve.routes.enforcers import ProcessReport
from api.serve.routes.tokens import TokenBody
from prevention.errors import TargetError
from prevention.targets import target_of

if TYPE_CHECKING:
    from tests.api.serve.conftest import Light

EVERYWHERE = {"401", "403", "422", "429", "503"}
WITH_A_BODY = {"400", "408", "413"}
PEER = {"kind": "peer", "peer": "203.0.113.7", "ttl": 60}
COUNTS = ("wanted", "held", "differences", "mended", "revision", "lag_s", "failures")
ENFORCER = {"name": "n"} | dict.fromkeys(COUNTS, 0)


def test_every_refusal_in_front_of_the_routes_is_described_in_its_one_shape(light: Light) -> None:
    document = light.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            expected = EVERYWHERE | (WITH_A_BODY if "requestBody" in operation else set())
            assert expected <= set(operation["responses"]), f"{method} {path}"
    assert "HTTPValidationError" not in str(document)
    refused = light.get("/drift", host="elsewhere.example").status_code, light.get("/drift?x=1").status_code
    assert refused == (403, 422)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/tokens", "GET, HEAD, POST"),
        ("/session", "DELETE, GET, HEAD, POST"),
        ("/traffic/analyze", "POST"),
        ("/openapi.json", "GET, HEAD"),
        ("/static/app.js", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_allowed_is_told_all_that_are(light: Light, path: str, allowed: str) -> None:
    answer = light.http.request("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def is_taken(model: type[BaseModel], body: dict[str, Any]) -> bool:
    """Whether the service takes a body."""
    try:
        found = model.model_validate(body)
        if isinstance(found, NewDecision):
            target_of(found.kind, found.device, found.peer, found.domain)
    except (ValidationError, TargetError):
        return False
    return True


@pytest.mark.parametrize(
    ("model", "body", "is_right"),
    [
        (TokenBody, {"name": "n", "scopes": ["read"], "expires_in_s": 1}, True),
        *((TokenBody, {"name": "n", "scopes": ["read"], "expires_in_s": wrong}, False) for wrong in (0, True, "60")),
        (ProcessReport, {"name": "p", "enforcers": [ENFORCER]}, True),
        (ProcessReport, {"name": "p", "enforcers": [ENFORCER | {"held": 5.0}]}, True),
        *(
            (ProcessReport, {"name": "p", "enforcers": [ENFORCER | wrong]}, False)
            for wrong in ({"failures": False}, {"wanted": "1"}, {"held": -1}, {"lag_s": True}, {"lag_s": -0.5})
        ),
        *((Extension, {"ttl": ttl}, True) for ttl in (0.5, "10m", "24h", "7d", 400 * 86_400)),
        *((Extension, {"ttl": ttl}, False) for ttl in (0, "0m", "m", "999d", True, 400 * 86_400 + 1)),
        *((NewDecision, PEER | {"peer": peer}, True) for peer in ("203.0.113.0/24", "2001:db8::/32", "2001:db8::7")),
        (NewDecision, {"kind": "device", "device": "02:00:5e:10:00:01", "ttl": "1h", "action": "quarantine"}, True),
        (NewDecision, {"kind": "pair", "device": "192.0.2.1", "peer": "203.0.113.7", "domain": "", "ttl": 1}, True),
        (NewDecision, {"kind": "domain", "domain": "bad.example.org", "ttl": 1}, True),
        *(
            (NewDecision, PEER | wrong, False)
            for wrong in ({"peer": ""}, {"peer": "x"}, {"device": "192.0.2.1"}, {"kind": "pair"}, {"domain": "a.org"})
        ),
        (NewDecision, {"kind": "domain", "domain": "org", "ttl": 1}, False),
    ],
)
def test_a_body_is_taken_if_and_only_if_it_is_as_described(
    model: type[BaseModel], body: dict[str, Any], *, is_right: bool
) -> None:
    schema = model.model_json_schema()
    described = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert (described.is_valid(body), is_taken(model, body)) == (is_right, is_right)
