"""Suricata's Unix socket: one JSON object a line, either way, since version 0.2 of its protocol."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIMEOUT_S: Final = 3.0
_MOST_BYTES: Final = 1 << 20


class Connection:
    """One conversation; what is asked in it is answered in order."""

    def __init__(self, connected: socket.socket, path: Path) -> None:
        self._socket = connected
        self._path = path
        self._unread = b""

    def ask(self, command: str, **arguments: str | int) -> tuple[bool, Any]:
        """Return whether a command was done, and what Suricata said.

        Raises
        ------
        EnforcerError
            If it does not answer.
        """
        answer = self.exchange({"command": command, "arguments": arguments})
        return answer.get("return") == "OK", answer.get("message")

    def exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one object, and return the next one."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            while b"\n" not in self._unread:
                data = self._socket.recv(65_536)
                if not data or len(self._unread) > _MOST_BYTES:
                    raise EnforcerError(f"suricata: {self._path}: the answer ended early")
                self._unread += data
            line, _, self._unread = self._unread.partition(b"\n")
            answer: dict[str, Any] = json.loads(line)
        except (OSError, ValueError) as error:
            raise EnforcerError(f"suricata: {self._path}: {error}") from error
        return answer


@contextmanager
def connected(path: Path) -> Iterator[Connection]:
    """Yield a conversation with Suricata.

    Raises
    ------
    EnforcerError
        If nobody listens there.
    """
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(_TIMEOUT_S)
        try:
            raw.connect(str(path))
        except OSError as error:
            raise EnforcerError(
                f"suricata: {path}: {error.strerror or error}; is it running, with unix-command enabled?"
            ) from error
        made = Connection(raw, path)
        if made.exchange({"version": "0.2"}).get("return") != "OK":
            raise EnforcerError(f"suricata: {path}: it does not speak version 0.2 of its protocol")
        yield made
