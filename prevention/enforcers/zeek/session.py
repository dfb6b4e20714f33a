"""A conversation with our script in Zeek: each request is an event, and one of its events answers it."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from prevention.enforcers.zeek.values import event, read_event, string
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from prevention.enforcers.zeek.values import Value

REQUESTS: Final = "zeek.nslabs.request"
REPLIES: Final = "zeek.nslabs.reply"
_TIMEOUT_S: Final = 3.0


class Session:
    """Connects when it is asked something, and again after a failure."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = ExitStack()
        self._connection: ClientConnection | None = None
        self._number = 0

    def ask(self, name: str, reply: str, *arguments: Value) -> list[Any]:
        """Send an event, and return the arguments of the one that answers it, but for the number of the request.

        Raises
        ------
        EnforcerError
            If Zeek is not there, does not answer in time, or could not read the event.
        """
        self._number += 1
        number = f"{time.time_ns():x}-{self._number}"
        try:
            connection = self._connected()
            connection.send(json.dumps(event(REQUESTS, name, string(number), *arguments)))
            return self._answer(connection, reply, number)
        except (OSError, WebSocketException) as error:  # a timeout is an OSError
            self.close()
            problem = str(error) or type(error).__name__
            raise EnforcerError(f"zeek: {self._url}: {problem}; is it running, with our package loaded?") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._connection = None
        with suppress(WebSocketException, OSError):
            self._open.close()

    def _answer(self, connection: ClientConnection, reply: str, number: str) -> list[Any]:
        deadline = time.monotonic() + _TIMEOUT_S
        while (left := deadline - time.monotonic()) > 0:
            found = read_event(_decoded(connection.recv(timeout=left)))
            if found is not None and found[0] == reply and found[1][:1] == [number]:
                return found[1][1:]
        raise TimeoutError(f"no {reply} within {_TIMEOUT_S:g} s")

    def _connected(self) -> ClientConnection:
        if self._connection is None:
            headers = {"X-Application-Name": "nslabs"}
            made = connect(self._url, open_timeout=_TIMEOUT_S, close_timeout=1, additional_headers=headers, proxy=None)
            self._connection = self._open.enter_context(made)
            self._connection.send(json.dumps([REPLIES]))
            first = _decoded(self._connection.recv(timeout=_TIMEOUT_S))
            if not isinstance(first, dict) or first.get("type") != "ack":
                self.close()
                raise EnforcerError(f"zeek: {self._url}: expected an ack, found {str(first)[:200]}")
        return self._connection


def _decoded(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise EnforcerError(f"zeek: it sent what is no JSON: {text[:80]!r}") from error
