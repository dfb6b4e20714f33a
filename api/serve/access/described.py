"""What OpenAPI says of refusals that come from in front of the routes, and of the login."""

from __future__ import annotations

from copy import deepcopy
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from api.serve.unchanged import describe as describe_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from api.serve.access.login import Login

_ANY: Final = {
    "401": "who does not say who they are where a login is needed, or shows a token that does not count",
    "403": "who may do other things only, or comes from a page or to a name that is not this service's",
    "422": "a parameter or body that is not as described",
    "429": "who has shown too many wrong tokens",
    "503": "the service is starting, stopping or busy, or its store cannot be used",
}
"""Also of routes that need no login: a wrong token is refused everywhere, and a first token may be made at any time."""
_WITH_BODY: Final = {
    "400": "a body that is no JSON",
    "408": "a body that came too slowly",
    "413": "a body that is too large",
}
_VALIDATION: Final = "#/components/schemas/HTTPValidationError"


def describe_refusals(app: FastAPI, login: Login) -> None:
    """Have the description say what holds at the time: with the first token every route needs one.

    It is made when it is first asked for, which takes longer than all else that an application is made of.
    """
    plain = app.openapi
    made: dict[bool, dict[str, Any]] = {}
    making = Lock()  # FastAPI makes it at first use, but not for two requests at once

    def described() -> dict[str, Any]:
        is_needed = login.is_needed()
        with making:
            if is_needed not in made:
                document = _with_refusals(plain())
                made[is_needed] = document if is_needed else _without_login(document)
            return made[is_needed]

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to change the description


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _with_refusals(document: dict[str, Any]) -> dict[str, Any]:
    document = deepcopy(document)
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in _operations(document):
        said = {**_ANY, **(_WITH_BODY if "requestBody" in operation else {})}
        for status, who in said.items():
            if status not in operation["responses"] or _is_frameworks(operation["responses"][status]):
                operation["responses"][status] = {"description": who, "content": content}
    for path in document["paths"].values():
        if "get" in path:
            describe_unchanged(path["get"])
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def _is_frameworks(response: dict[str, Any]) -> bool:
    """Whether this is the shape of errors that FastAPI describes, and we never answer."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref") == _VALIDATION)


def _without_login(document: dict[str, Any]) -> dict[str, Any]:
    for operation in _operations(document):
        operation.pop("security", None)
    return document
