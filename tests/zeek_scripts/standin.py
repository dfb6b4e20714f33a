"""Stands in for a Zeek that has our package: speaks its WebSocket API, and checks every message against the format.

What our script does is done here in short: rules with an end, safeguards, and the answers. Zeek itself is not to be had
where these tests run; where it is, `test_real_zeek` has the same said to it.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.zeek_scripts.signatures import check_event, declared, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = [ip_network(text) for text in ("127.0.0.0/8", "224.0.0.0/4", "fe80::/10", "ff00::/8")]


@dataclass
class StandIn:
    """A Zeek on a free port of this host."""

    never_block: Sequence[str] = ()
    rules: dict[tuple[str, str], float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    log: list[tuple[str, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_mute: bool = False
    port: int = 0
    _server: Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}/v1/messages/json"

    def start(self) -> None:
        """Begin to listen, on the port that it had before."""
        self._server = serve(self._converse, "127.0.0.1", self.port)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; rules are forgotten, as by a Zeek that ends."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._thread.join()
        self.rules.clear()

    def _converse(self, client: ServerConnection) -> None:
        assert client.request is not None
        try:
            assert client.request.path == "/v1/messages/json"
            assert json.loads(client.recv()) == ["zeek.nslabs.reply"]
            client.send(json.dumps({"type": "ack", "endpoint": "stand-in", "version": "8.0.9"}))
            for text in client:
                name, arguments = check_event(json.loads(text), "zeek.nslabs.request")
                if not self.is_mute:
                    self._answer(client, name, arguments)
        except ConnectionClosed:
            pass
        except (AssertionError, KeyError, ValueError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
            answer = {"type": "error", "code": "deserialization_failed", "context": str(error)}
            client.send(json.dumps(answer))

    def _answer(self, client: ServerConnection, name: str, given: list[Any]) -> None:
        self.rules = {key: end for key, end in self.rules.items() if end > time.monotonic()}
        if name == "NSLabs::list_blocks":
            left = [f"{(end - time.monotonic()) * 1e9:.0f}ns" for end in self.rules.values()]
            devices, peers = ([key[i] for key in self.rules] for i in (0, 1))
            return self._send(client, "NSLabs::standing", given[0], devices, peers, left)
        reason = ""
        if name == "NSLabs::block":
            reason = self._block(given)
        elif name == "NSLabs::unblock":
            self.rules.pop((given[1], given[2]), None)
        elif name == "NSLabs::note":
            self.notices.append(given[4])
        self.log.append((name, not reason))
        return self._send(client, "NSLabs::done", given[0], not reason, reason)

    def _block(self, given: list[Any]) -> str:
        _, _, device, peer, ttl, _, _, sentence, _ = given
        named = [ip_network(text) for text in (device, peer) if text != "::/0"]
        never = [*NOBODY, *map(ip_network, self.never_block)]
        for one in named:
            if any(one.version == other.version and one.overlaps(other) for other in never):  # type: ignore[arg-type] # equal versions
                return f"{one} is protected"
        if (device, peer) not in self.rules:
            self.notices.append(sentence)
        self.rules[device, peer] = time.monotonic() + int(ttl.removesuffix("ms")) / 1000
        return ""

    def _send(self, client: ServerConnection, name: str, *arguments: Any) -> None:
        values = [value_of(one, kind) for one, kind in zip(arguments, declared()[name], strict=True)]
        inner = [
            {"@data-type": "string", "data": name},
            {"@data-type": "vector", "data": values},
            {"@data-type": "vector", "data": []},  # metadata, which newer versions add
        ]
        one = {"@data-type": "count", "data": 1}
        data = [one, one, {"@data-type": "vector", "data": inner}]
        message = {"type": "data-message", "topic": "zeek.nslabs.reply", "@data-type": "vector", "data": data}
        client.send(json.dumps(message))
