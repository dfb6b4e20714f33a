"""How each transport writes a message: from its event's name, its number and its JSON text, once for all readers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi.sse import format_sse_event

from api.serve.stream.protocol import FRAMES, text_frame

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

Shape = Callable[[str, int, bytes], bytes]
_OF_ITS_STREAM: Final = {"hello", "gap", "position"}
"""Events that a connection with several streams gets of each of them."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """One connection: the shape of its messages, and what writes some of them, which waits for a slow reader."""

    shape: Shape
    write: Callable[[list[bytes]], Awaitable[Any]]


def as_json(_name: str, _seq: int, text: bytes) -> bytes:
    """Return the text itself."""
    return text


def websocket_frame(_name: str, _seq: int, text: bytes) -> bytes:
    """Return a WebSocket frame."""
    return text_frame(text)


def server_sent_event(_name: str, seq: int, text: bytes) -> bytes:
    """Return a server-sent event, with the number as its id; the text has no line breaks."""
    return format_sse_event(data_str=text.decode(), id=str(seq))


def _socketio_packets(stream: str) -> Shape:
    """Return the shape of the Socket.IO events of one stream."""

    def packet(name: str, _seq: int, text: bytes) -> bytes:
        of = b',"%b"' % stream.encode() if name in _OF_ITS_STREAM else b""
        return b'2["%b",%b%b]' % (name.encode(), text, of)  # Socket.IO protocol 5: packet type 2 is an event

    return packet


socketio_alerts: Final = _socketio_packets("alert")
socketio_scores: Final = _socketio_packets("score")
socketio_events: Final = _socketio_packets("event")


def websocket_outlet(socket: WebSocket) -> Outlet:
    """Return the outlet of a WebSocket: all that waits in one write, if the server takes whole frames."""

    async def write_frames(parts: list[bytes]) -> None:
        await socket.send({"type": "websocket.send", "frames": b"".join(parts)})

    async def write_texts(parts: list[bytes]) -> None:
        for part in parts:
            await socket.send_text(part.decode())

    takes_frames = FRAMES in socket.scope.get("extensions", {})
    return Outlet(websocket_frame, write_frames) if takes_frames else Outlet(as_json, write_texts)
