"""Readers of streams as nobody should write them, the same ones for the same seed: handshakes, frames and ends."""

from __future__ import annotations

import json
import secrets
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from websockets.frames import Close, Opcode

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PATHS: Final = ("/ws/alerts", "/ws/scores", "/ws/events")
LIMIT: Final = 4096
"""Bytes that a reader may send in one message."""
_FIN: Final = 0x80
_WAIT_S: Final = 60.0
_VIOLATION: Final = frozenset({1002, 1007, 1009})  # RFC 6455, 7.4.1: protocol, encoding, size


@dataclass
class Strange:
    """One reader: what it sends, and how it goes.

    `is_wrong` once a frame of it breaks the protocol, `is_over` once the service must end the stream.
    """

    handshake: bytes
    is_let_in: bool
    frames: list[bytes] = field(default_factory=list)
    is_wrong: bool = False
    is_over: bool = False
    ending: str = "look"


def frame(first: int, payload: bytes, *, mask: bytes | None = b"mask", length: int | None = None) -> bytes:
    """Return a frame (RFC 6455, 5.2) of this first byte, masked or not, that may say a length that is not its own."""
    said = len(payload) if length is None else length
    bit = 0x80 if mask is not None else 0
    if said < 126:
        head = struct.pack("!BB", first, bit | said)
    elif said < 65536:
        head = struct.pack("!BBH", first, bit | 126, said)
    else:
        head = struct.pack("!BBQ", first, bit | 127, said)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


class Makers:
    """Makes readers. `ticket` gives one that is good for one handshake."""

    def __init__(self, rng: random.Random, host: str, token: str, ticket: Callable[[], str]) -> None:
        self._rng, self._host, self._token, self._ticket = rng, host, token, ticket
        self._number = 0

    def reader(self, most_frames: int) -> Strange:
        """Return the next reader, with so many frames at most."""
        self._number += 1
        made = self._rng.choice((self._let_in, self._let_in, self._let_in, self._refused))()
        for _ in range(self._rng.randint(1, most_frames)):
            if made.is_over:
                break
            made.frames.append(self._frame(made))
        made.ending = self._rng.choice(("look", "look", "leave", "reset", "half", "cut"))
        return made

    def _head(self, path: str, *more: str, version: str = "13") -> bytes:
        client = f"198.18.{self._number // 250 % 250}.{self._number % 250}"  # RFC 2544: each a client of its own
        lines = (
            f"GET {path} HTTP/1.1", f"Host: {self._host}", "Connection: Upgrade", "Upgrade: websocket",
            f"Sec-WebSocket-Version: {version}", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            f"X-Forwarded-For: {client}", *more,
        )  # fmt: skip
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _let_in(self) -> Strange:
        """Return one who shows a token: in a header, by a ticket, or as the first message."""
        path = self._rng.choice(PATHS) + self._rng.choice(("", "?batch_ms=50", "?device=192.168.1.23"))
        how = self._rng.randrange(3)
        if how == 0:
            return Strange(self._head(path, f"Authorization: Bearer {self._token}"), is_let_in=True)
        if how == 1:
            return Strange(self._head(f"{path}{'&' if '?' in path else '?'}ticket={self._ticket()}"), is_let_in=True)
        said = json.dumps({"token": self._token}).encode()
        return Strange(self._head(path), is_let_in=True, frames=[frame(_FIN | self._rng.choice((1, 2)), said)])

    def _refused(self) -> Strange:
        """Return one that is not let in, by its handshake or by what it says first."""
        path, bearer = self._rng.choice(PATHS), f"Authorization: Bearer {self._token}"
        whole = self._head(path, bearer)
        heads: tuple[Callable[[], bytes], ...] = (
            lambda: self._head(path, "Authorization: Bearer nsl_" + "x" * 40),
            lambda: self._head(f"{path}?ticket={'x' * self._rng.randrange(1, 3000)}"),
            lambda: self._head(f"{path}?since_seq={self._noise(8).hex()}", bearer),
            lambda: self._head(f"{path}?%ff%00={'%zz' * self._rng.randrange(5)}", bearer),
            lambda: self._head(f"/ws/{self._noise(6).hex()}", bearer),
            lambda: self._head(path, bearer, "Origin: https://evil.example"),
            lambda: self._head(path, bearer, version=str(self._rng.randrange(13))),
            lambda: self._head(path, bearer, "X-Long: " + "y" * self._rng.choice((10, 9_000, 40_000))).replace(
                b"Host:", b"Most:"
            ),
            lambda: whole[: self._rng.randrange(1, len(whole) - 4)],
            lambda: whole.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", self._noise(12).hex().encode()),
            lambda: whole.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
            lambda: self._noise(200),
        )
        if self._rng.random() < 0.3:
            said = self._rng.choice(
                (b"", b"{}", b"[]", b"null", b'{"token": 1}', b'{"token": "nsl_x"}', b"\xff", b"[" * 500)
            )
            return Strange(self._head(path), is_let_in=False, frames=[frame(_FIN | 2, said)], is_over=True)
        return Strange(self._rng.choice(heads)(), is_let_in=False)

    def _frame(self, reader: Strange) -> bytes:
        """Return one more frame, or frames that belong together; note what becomes of the reader."""
        right = (self._message, self._message, self._fragments, self._control)
        wrong = (self._unknown, self._misfit, self._not_text, self._too_long, self._unmasked, self._wrong_close)
        drawn = self._rng.random()
        if drawn < 0.9:
            return self._rng.choice(right)()
        reader.is_over = True
        if drawn < 0.92:
            return frame(_FIN | 8, Close(self._rng.choice((1000, 1001, 3000, 4999)), "bye").serialize())
        reader.is_wrong = True
        return self._rng.choice(wrong)()

    def _message(self) -> bytes:
        text = self._rng.choice(("", "{}", "x" * LIMIT, '{"token": null}', "\u2603" * 900, "\x00\x1b[2J"))
        return frame(_FIN | 1, text.encode()) if self._rng.random() < 0.5 else frame(_FIN | 2, self._noise(LIMIT))

    def _fragments(self) -> bytes:
        parts = ["\u2603".encode()[:2], "\u2603".encode()[2:], *[b"y" * self._rng.randrange(200) for _ in range(4)]]
        made = [frame(1, parts[0]), *(frame(0, part) for part in parts[1:])]
        made.insert(self._rng.randrange(1, len(made)), frame(_FIN | 9, b"between"))
        return b"".join([*made, frame(_FIN, b"")])

    def _control(self) -> bytes:
        return frame(_FIN | self._rng.choice((9, 10)), self._noise(125))

    def _unknown(self) -> bytes:
        return frame(_FIN | self._rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), self._noise(20))

    def _misfit(self) -> bytes:
        """Return a frame that is none at this place: reserved bits, a rest of nothing, a control frame in parts."""
        odd = (frame(_FIN | 0x40 | 1, b"x"), frame(_FIN | 0x20 | 2, b"x"), frame(_FIN, b"rest"), frame(9, b"part"))
        return self._rng.choice((*odd, frame(1, b"a") + frame(_FIN | 1, b"b"), frame(_FIN | 9, b"z" * 126)))

    def _not_text(self) -> bytes:
        return frame(_FIN | 1, self._rng.choice((b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", "\u2603".encode()[:2])))

    def _too_long(self) -> bytes:
        said = self._rng.choice((LIMIT + 1, 65_536, 1 << 20, 1 << 40, (1 << 63) - 1))
        if self._rng.random() < 0.3:
            return frame(2, b"x" * LIMIT) + frame(_FIN, b"x")
        return frame(_FIN | self._rng.choice((1, 2)), b"x" * min(said, 9_000), length=said)

    def _unmasked(self) -> bytes:
        return frame(_FIN | 1, b"x", mask=None)

    def _wrong_close(self) -> bytes:
        codes = (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
        odd = (b"x", struct.pack("!H", self._rng.choice(codes)), struct.pack("!H", 1000) + b"\xff")
        return frame(_FIN | 8, self._rng.choice(odd))

    def _noise(self, most: int) -> bytes:
        return self._rng.randbytes(self._rng.randrange(1, most))


def visit(address: tuple[str, int], reader: Strange) -> None:
    """Connect, send all, and go; one who looks at its end must find the one that RFC 6455 has for it."""
    with socket.create_connection(address, timeout=_WAIT_S) as raw:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have been sent away before all was said
            raw.sendall(reader.handshake)
            for sent in reader.frames[:-1]:
                raw.sendall(sent)
            last = reader.frames[-1]
            raw.sendall(last[: len(last) // 2] if reader.ending == "cut" else last)
        if reader.ending == "look" and reader.is_let_in:
            _look(raw, reader)
        elif reader.ending == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif reader.ending == "half":
            with suppress(OSError):
                raw.shutdown(socket.SHUT_WR)


def _look(raw: socket.socket, reader: Strange) -> None:
    stream = raw.makefile("rb")
    status = stream.readline()
    assert b" 101 " in status, (status, reader)
    while stream.readline().strip():
        pass
    asked = secrets.token_bytes(8)
    if not reader.is_over:
        raw.sendall(frame(_FIN | Opcode.PING, asked))
    while True:
        opcode, payload = _next(stream.read)
        if opcode == Opcode.CLOSE:
            code = Close.parse(payload).code
            assert reader.is_over, (code, reader)
            assert code in _VIOLATION if reader.is_wrong else code not in _VIOLATION, (code, reader)
            return
        if opcode == Opcode.PONG and payload == asked:
            return


def _next(read: Callable[[int], bytes]) -> tuple[int, bytes]:
    first, length = read(2)
    if length >= 126:
        length = int.from_bytes(read(2 if length == 126 else 8), "big")
    return first & 15, read(length)
