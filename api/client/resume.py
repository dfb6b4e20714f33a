"""Where a reader of a stream is, over connections and runs of the service: each number once, or told as a gap."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.client.errors import ApiError, api_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from api.client.types import Message

StreamName = Literal["alerts", "events", "scores"]
_FIRST_S: Final = 0.25
_LONGEST_S: Final = 15.0
"""Between two tries: a service that was restarted is found soon, one that is away is not asked all the time."""
_POLICY_VIOLATION: Final = 1008
"""Close code of a stream whose login is over (RFC 6455, 7.4.1); whoever has none need not try again."""
_LATER: Final = frozenset({408, 425, 429})


class Resume:
    """Turns what comes over one connection after the other into messages whose numbers only rise.

    Attributes
    ----------
    seq
        Number of the last message that was seen, or is told as missed; None before the first connection. A program
        that keeps it, and begins with it, goes on where it was.
    state
        In which state of the service it is worth something, as far as that is known.
    """

    def __init__(self, stream: StreamName, since_seq: int | None, filters: Mapping[str, Any]) -> None:
        self.seq = since_seq
        self._stream = stream
        self._filters = filters
        self._tries = 0
        self._is_anew = False
        self.state: str | None = filters.get("since_state")

    @property
    def path(self) -> str:
        """Where to connect now."""
        asked = {name: value for name, value in self._filters.items() if value is not None}
        if self.seq is not None and self._stream != "scores":
            asked["since_seq"] = self.seq
            if self.state is not None:
                asked["since_state"] = self.state
        return f"/ws/{self._stream}?{urlencode(asked, doseq=True)}"

    def taken(self, text: str | bytes) -> Iterator[Message]:
        """Yield what is new in one message from the service; batches are taken apart."""
        message = json.loads(text)
        self._tries = 0
        if message["type"] == "hello":
            self._greeted(message["seq"], message["state"])
        else:
            for one in message["messages"] if message["type"] == "batch" else [message]:
                if self._is_new(one["seq"]):
                    self.seq = one["seq"]
                    if one["type"] != "position":
                        yield cast("Message", one)

    def _greeted(self, seq: int, state: str) -> None:
        """Begin with the number of the greeting; if ours was not reached yet, another state counts anew."""
        before, self.state = self.state, state
        if self.seq is None or self._stream == "scores":
            self.seq = seq
        else:
            self._is_anew = seq < self.seq or before not in {None, state}  # then a gap comes, with a number of its own

    def _is_new(self, seq: int) -> bool:
        if self._is_anew:
            self._is_anew = False
            return True
        return self.seq is None or seq > self.seq

    def pause_s(self) -> float:
        """Return how long to wait before the next try: longer each time, and not the same for all readers."""
        self._tries += 1
        return min(_LONGEST_S, _FIRST_S * 2.0 ** min(self._tries, 10)) * random.uniform(0.5, 1.0)


def refusal(error: Exception) -> ApiError | None:
    """Return why a stream will not be had however often it is tried, or None if another try may help."""
    if isinstance(error, InvalidStatus):
        answer = error.response
        is_final = answer.status_code < 500 and answer.status_code not in _LATER
        return api_error(answer.status_code, bytes(answer.body or b""), None) if is_final else None
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == _POLICY_VIOLATION:
        return ApiError(401, "login_ended", error.rcvd.reason or "the login is over")
    return None
