"""A request that is cancelled because the service stops ends quietly, and is told if it can be."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from api.serve.stopping import QuietEnd

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def for_ever(*_: object) -> Any:
    await asyncio.Event().wait()


async def reads(_: Scope, receive: Receive, __: Send) -> None:
    await receive()


async def begins_to_answer(_: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await receive()


async def cancelled(app: ASGIApp, send: Send) -> None:
    """Run a request whose body never ends, as the server does, and cancel it; return if it ends by itself."""
    task = asyncio.ensure_future(QuietEnd(app)(SCOPE, for_ever, send))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait_for(asyncio.wait([task]), 60)
    task.result()


@pytest.mark.parametrize(("app", "statuses"), [(reads, [503]), (begins_to_answer, [200])])
def test_a_body_that_does_not_end_is_answered_once(app: ASGIApp, statuses: list[int]) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(cancelled(app, send))
    assert [message["status"] for message in sent if "status" in message] == statuses
    if statuses == [503]:
        assert json.loads(sent[-1]["body"])["code"] == "stopping"
        assert (b"connection", b"close") in sent[0]["headers"]


def test_nobody_waits_for_a_client_that_reads_nothing() -> None:
    asyncio.run(cancelled(reads, for_ever))
