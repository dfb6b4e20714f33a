"""Reads request bodies within their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message, Receive

_MIB: Final = 1 << 20
_DRAINED_TIMES_LIMIT: Final = 4


def limited(request: Request, limit: int) -> Request:
    """Return the request with a body of at most `limit` bytes; reading more raises a typed 413.

    A longer body is read to its end, within reason, and thrown away: a client that is still sending would otherwise
    see a broken connection instead of the answer.
    """
    left = limit

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            await _drain(request.receive, message, limit * _DRAINED_TIMES_LIMIT)
            raise _too_large(limit)
        return message

    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit and "expect" in request.headers:
        raise _too_large(limit)
    return Request(request.scope, receive)


async def _drain(receive: Receive, message: Message, most: int) -> None:
    while message.get("more_body", False) and most > 0:
        message = await receive()
        most -= len(message.get("body", b""))


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413, "body_too_large", f"The body is larger than {limit / _MIB:.3g} MiB; send it in parts, or raise the limit"
    )


async def read_records(request: Request, keys: Sequence[str], limit: int) -> list[Any]:
    """Return the list under one of `keys` of the body's JSON object; errors are those of `read_object`."""
    return (await read_object(request, keys, limit))[0]


async def read_object(request: Request, keys: Sequence[str], limit: int) -> tuple[list[Any], dict[str, Any]]:
    """Return the list under one of `keys` of the body's JSON object, and the whole object.

    Raises
    ------
    ProblemError
        If the body is too large (413), is not JSON (400), or is JSON of another shape (422).
    """
    body = await limited(request, limit).body()
    try:
        document = await run_in_threadpool(orjson.loads, body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "not_json", f"The body is not JSON: {error}; {_expected(keys[0])}") from error
    records = next((document[key] for key in keys if key in document), None) if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise ProblemError(422, "wrong_shape", f"The body is JSON of another shape; {_expected(keys[0])}")
    return records, document


def _expected(key: str) -> str:
    return f'expected {{"{key}": [record, …]}} with one JSON object for each record'
