"""The server ends: what it serves ends with it, however often it is told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from fastapi import FastAPI

from api.serve.server import _Server, bind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize("times", [1, 2])
def test_the_application_ends_however_often_the_server_is_told_to(times: int) -> None:
    ended = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        ended.append(True)

    async def served() -> None:
        server = _Server(uvicorn.Config(FastAPI(lifespan=lifespan), log_config=None))
        with bind("127.0.0.1", 0) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
                await asyncio.sleep(0.01)
            for _ in range(times):
                server.stop()
            await asyncio.wait_for(serving, 60)

    asyncio.run(served())
    assert ended == [True]
