"""What OpenAPI says of the login: on every route that needs one, and nothing where the service wants none."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.serve.access.login import Login

_SAID = {
    "401": "who does not say who they are, or shows a token that does not count",
    "403": "who may do other things only",
    "429": "who has shown too many wrong tokens",
}


def describe_login(app: FastAPI, login: Login) -> None:
    """Have the description say what holds at the time: with the first token every route needs one."""
    plain = app.openapi()  # FastAPI makes it at first use, but not for two requests at once
    made: dict[bool, dict[str, Any]] = {}

    def described() -> dict[str, Any]:
        is_needed = login.is_needed()
        if is_needed not in made:
            made[is_needed] = _with_refusals(plain) if is_needed else _without_login(plain)
        return made[is_needed]

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to change the description


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def _with_refusals(document: dict[str, Any]) -> dict[str, Any]:
    document = deepcopy(document)
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in _operations(document):
        for status, who in _SAID.items() if operation.get("security") else ():
            operation["responses"].setdefault(status, {"description": who, "content": content})
    return document


def _without_login(document: dict[str, Any]) -> dict[str, Any]:
    document = deepcopy(document)
    for operation in _operations(document):
        operation.pop("security", None)
    return document
