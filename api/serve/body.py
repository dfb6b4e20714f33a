"""The JSON object in a request's body, with its lists of records still unparsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio.to_thread
import orjson
from anyio import CapacityLimiter

from api.serve.json_array import JsonArray, JsonShapeError, TooManyError, search
from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request

T = TypeVar("T")

MOST_ATTACKS: Final = 500_000
"""Uids of attacks in one request: 50 MB as a set."""
_AT_ONE_TIME: Final = 1  # bodies that are parsed; more would only take turns, each with its memory


@dataclass(frozen=True, slots=True)
class RecordsBody:
    """The records, unparsed, and what else the body's object holds."""

    records: JsonArray
    rest: dict[str, Any]
    lists: dict[str, JsonArray]


async def read_object(request: Request, keys: Sequence[str], most: int, beside: int = 0) -> RecordsBody:
    """Return the list under one of `keys` of the body's JSON object, which may hold `most` records.

    All other lists may hold `beside` elements more, together.

    Raises
    ------
    ProblemError
        If the body holds too many records (413), is not JSON (400), or is JSON of another shape (422).
    """
    body = await request.body()
    return await parsed(request, keys[0], lambda: _search(body, keys, most, beside))


async def parsed(request: Request, key: str, parse: Callable[[], T]) -> T:
    """Have a body parsed in a thread, after those of other requests; what is no JSON is a problem (400)."""
    state = request.app.state
    if not hasattr(state, "parsing"):
        state.parsing = CapacityLimiter(_AT_ONE_TIME)
    try:
        return await anyio.to_thread.run_sync(parse, limiter=state.parsing)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "not_json", f"The body is not JSON: {error}; {_expected(key)}") from error


def _search(body: bytes, keys: Sequence[str], most: int, beside: int) -> RecordsBody:
    try:
        found = search(body, most + beside)
    except TooManyError as error:
        raise _too_many(str(error), most) from error
    except JsonShapeError as error:
        raise _wrong_shape(str(error), keys[0]) from error
    records = next((found.arrays[key] for key in keys if key in found.rest and key in found.arrays), None)
    if records is None:
        raise _wrong_shape(f"it has no list {keys[0]!r}", keys[0])
    if len(records) > most:
        raise _too_many(f"{len(records)} records", most)
    return RecordsBody(records, found.rest, found.arrays)


def _expected(key: str) -> str:
    return f'expected {{"{key}": [record, …]}} with one JSON object for each record'


def _wrong_shape(what: str, key: str) -> ProblemError:
    return ProblemError(422, "wrong_shape", f"The body is JSON of another shape: {what}; {_expected(key)}")


def _too_many(what: str, most: int) -> ProblemError:
    return ProblemError(413, "too_many_records", f"{what}; send at most {most} in one request")
