"""uvicorn's WebSocket connection, with what many readers of the same messages need.

It rests on uvicorn's ``WebSocketsSansIOProtocol`` beyond its documented use, hence the upper bound in pyproject.toml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode

if TYPE_CHECKING:
    from websockets.http11 import Request

FRAMES: Final = "nslabs.frames"
"""ASGI extension: ``websocket.send`` takes whole frames under the key ``frames``, any number of them in one write."""

_FLUSH_S: Final = 0.5  # a reader that has stopped does not hold up the end of the service


def text_frame(text: bytes) -> bytes:
    """Return one unmasked text frame (RFC 6455, 5.2), the same for every reader."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class StreamProtocol(WebSocketsSansIOProtocol):
    """One connection: shares frames, answers what is no handshake, and ends though its reader does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._early = b""

    def handle_connect(self, event: Request) -> None:
        """Offer the extension to the application, which has not begun yet."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[FRAMES] = {}

    def data_received(self, data: bytes) -> None:
        """Take in what came; an address or a header that is too long gets the answer that websockets has for it.

        Frames of a reader that did not wait for the answer to its handshake are looked at once it has it: no frame can
        be answered before that.
        """
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            self.transport.pause_reading()
            return
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.handshake_complete = self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    async def send(self, message: Any) -> None:
        """Send one ASGI message; where the connection has been closed for what its reader sent, it counts as gone."""
        if self.close_sent and self.initial_response is None:
            raise ClientDisconnected
        frames = message.get("frames")
        if frames is None:
            await super().send(message)
            if message["type"] == "websocket.accept":
                self._take_early()
            elif message["type"] == "websocket.http.response.body":
                self.handshake_complete = True  # by a refusal, which is no failure to be logged
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frames)

    def _take_early(self) -> None:
        early, self._early = self._early, b""
        if early and not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(early)

    def send_receive_event_to_app(self) -> None:
        """Pass on a message; text that is none ends the connection, and is not logged: readers could fill the log."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        """Drop a reader that answers no ping: what waits for it would else be kept for as long as it holds on."""
        super().keepalive_timeout()
        self.transport.abort()

    def shutdown(self) -> None:
        """Say goodbye, and give the reader a moment to take what waits."""
        super().shutdown()
        self.loop.call_later(_FLUSH_S, self.transport.abort)
