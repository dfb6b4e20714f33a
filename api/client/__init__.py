"""A client of the service's REST routes and streams, for programs: `Client`, and `AsyncClient` for asyncio.

It imports nothing of the service, so it costs a program what httpx2 and websockets cost.
"""

from api.client.asynchronous import AsyncClient
from api.client.errors import ApiError, ClientError
from api.client.resume import StreamName
from api.client.synchronous import Client

__all__ = ["ApiError", "AsyncClient", "Client", "ClientError", "StreamName"]
