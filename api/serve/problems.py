"""Every error that a client can get, as one JSON shape: a code for programs and a sentence for people."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError, ValidationException, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocket

from api.errors import (
    AnsweredError,
    BusyError,
    ClosedError,
    CursorError,
    NoAlertError,
    NoDeviceError,
    NoJobError,
    NoRuleError,
    NoTokenError,
    NoWindowError,
    RegroupError,
    RuleError,
    RuleInFileError,
    TokenError,
    TokenTakenError,
    TooManyRulesError,
    TooManyWindowsError,
    WindowError,
    WindowTimeError,
)
from api.serve.access.refusal import refuse
from api.state.store.cursor import CURSOR
from prevention.errors import NoDecisionError, RefusedError, TargetError, TransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fastapi import FastAPI, Request
    from starlette.requests import HTTPConnection

_log = logging.getLogger(__name__)
_AT_THE_TOP: Final = 2
"""Parts of the place of a name that is in no other: "query" or "body", and the name."""
_MEANT: Final[dict[type[Exception], tuple[int, str]]] = {
    NoDeviceError: (404, "not_found"),
    NoJobError: (404, "not_found"),
    ClosedError: (409, "closed"),
    NoRuleError: (404, "not_found"),
    RuleInFileError: (409, "in_file"),
    RuleError: (422, "wrong_parameter"),
    TooManyRulesError: (409, "too_many_rules"),
    NoWindowError: (404, "not_found"),
    WindowError: (422, "wrong_parameter"),
    WindowTimeError: (409, "wrong_time"),
    TooManyWindowsError: (409, "too_many_windows"),
    NoDecisionError: (404, "not_found"),
    RefusedError: (409, "refused"),
    TransitionError: (409, "wrong_state"),
    TargetError: (422, "wrong_target"),
}
_NOT_ALLOWED: Final = 405
_CODES = {403: "forbidden", 404: "not_found", 405: "method_not_allowed"}


class Problem(BaseModel):
    """What went wrong."""

    code: str = Field(description="for programs", examples=["not_json"])
    detail: str = Field(description="for people: what was found, and what was expected", examples=["The body is …"])


class ProblemError(HTTPException):
    """Raised by a route, or while its body is read, to answer with a `Problem`."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.status, self.code = status, code

    def response(self) -> JSONResponse:
        """Return the answer."""
        content = {"code": self.code, "detail": self.detail}
        return JSONResponse(content, self.status, dict(self.headers) if self.headers else None)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these error answers."""
    return {status: {"model": Problem} for status in statuses}


def handle_problems(app: FastAPI) -> None:
    """Answer every kind of error in the one shape."""

    @app.exception_handler(ProblemError)
    async def _problem(connection: HTTPConnection, error: ProblemError) -> JSONResponse | None:
        if isinstance(connection, WebSocket):
            await refuse(error, connection.scope, connection.receive, connection.send)
            return None
        return error.response()

    @app.exception_handler(BusyError)
    async def _busy(_: Request, error: BusyError) -> JSONResponse:
        return ProblemError(503, "busy", str(error), {"Retry-After": str(error.retry_after_s)}).response()

    @app.exception_handler(sqlite3.Error)
    async def _store(_: Request, error: Exception) -> JSONResponse:
        return ProblemError(503, "store_unavailable", f"the store cannot be read or written: {error}").response()

    @app.exception_handler(RegroupError)
    async def _regroup(_: Request, error: RegroupError) -> JSONResponse:
        return ProblemError(409, error.code, str(error)).response()

    @app.exception_handler(NoAlertError)
    async def _no_alert(_: Request, error: NoAlertError) -> JSONResponse:
        return ProblemError(404, "not_found", str(error)).response()

    @app.exception_handler(AnsweredError)
    async def _answered(_: Request, error: AnsweredError) -> JSONResponse:
        return ProblemError(409, "answered", str(error)).response()

    @app.exception_handler(CursorError)
    async def _cursor(_: Request, error: CursorError) -> JSONResponse:
        return ProblemError(422, "wrong_parameter", str(error)).response()

    for kind, (status, code) in _MEANT.items():
        app.add_exception_handler(kind, _meaning(status, code))

    _handle_tokens(app)
    _handle_the_frameworks(app)


def _handle_tokens(app: FastAPI) -> None:
    @app.exception_handler(NoTokenError)
    async def _no_token(_: Request, error: NoTokenError) -> JSONResponse:
        return ProblemError(404, "not_found", str(error)).response()

    @app.exception_handler(TokenTakenError)
    async def _taken(_: Request, error: TokenTakenError) -> JSONResponse:
        return ProblemError(409, "name_taken", str(error)).response()

    @app.exception_handler(TokenError)
    async def _token(_: Request, error: TokenError) -> JSONResponse:
        return ProblemError(422, "wrong_parameter", str(error)).response()


def _meaning(status: int, code: str) -> Callable[[Request, Exception], Coroutine[Any, Any, JSONResponse]]:
    async def answer(_: Request, error: Exception) -> JSONResponse:
        return ProblemError(status, code, str(error)).response()

    return answer


def _handle_the_frameworks(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def _parameter(request: Request, error: RequestValidationError) -> JSONResponse:
        return _wrong_parameter(error, _known(request)).response()

    @app.exception_handler(WebSocketRequestValidationError)
    async def _stream_parameter(socket: WebSocket, error: WebSocketRequestValidationError) -> None:
        await refuse(_wrong_parameter(error), socket.scope, socket.receive, socket.send)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http_error")
        headers = {"Allow": _allowed(request, error)} if error.status_code == _NOT_ALLOWED else error.headers
        return ProblemError(error.status_code, code, str(error.detail), headers).response()

    @app.exception_handler(ClientDisconnect)
    async def _gone(_: Request, _error: ClientDisconnect) -> JSONResponse:
        return ProblemError(400, "cut_off", "the connection ended within the request").response()

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return ProblemError(500, "internal", "the request failed; the service's log says why").response()


def _allowed(request: Request, error: HTTPException) -> str:
    """Return what a path allows (RFC 9110, 10.2.1): each of its methods has a route that knows of itself alone."""
    told = (error.headers or {}).get("Allow", "GET")  # files of the page's folders are only looked at
    methods = {method.strip() for method in told.split(",")}
    described = request.app.openapi()["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
    methods |= {method.upper() for method in described}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _known(request: Request) -> dict[str, list[str]]:
    """Return the names that a request may have, by where they stand: "query", and "body" if that is an object."""
    described = request.app.openapi()
    path = described["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
    method = path.get(request.method.lower(), {})
    body = method.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = described["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    return {
        "query": [one["name"] for one in method.get("parameters", []) if one["in"] == "query"],
        "body": list(fields.get("properties", {})),
    }


def _wrong_parameter(error: ValidationException, known: Mapping[str, list[str]] | None = None) -> ProblemError:
    """Return the first thing that is wrong, with the name that it has after "query", "path" or "body"."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        where = f"at byte {first['loc'][-1]}: {first['ctx']['error']}"
        return ProblemError(400, "not_json", f"The body is not JSON, {where}; expected an object")
    name = str(first["loc"][1] if len(first["loc"]) > 1 else first["loc"][0])
    about = [one for one in error.errors() if one["loc"][:2] == first["loc"][:2]]  # each form that it may have
    said = " or ".join(dict.fromkeys(_told(one, known or {}) for one in about))
    return ProblemError(422, "wrong_parameter", f"{name}: {said}")


def _told(error: Mapping[str, Any], known: Mapping[str, list[str]]) -> str:
    """Return what is wrong, in words."""
    if error["type"] == "extra_forbidden":
        where = error["loc"][0]
        what = "query parameter" if where == "query" else "field"
        names = known.get(where, []) if len(error["loc"]) == _AT_THE_TOP else []
        return f"unknown {what}; expected any of {', '.join(names)}" if names else f"unknown {what}"
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == CURSOR:
        return "expected the value of next_cursor from an earlier answer"
    return str(error["msg"]).removeprefix("Value error, ")
