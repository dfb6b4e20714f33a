"""Syslog: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425), with CEF or JSON in it.

Syslog has no acknowledgement. Over TCP and TLS a notice counts as taken once the receiver's kernel has it, and when a
connection is lost, the last that were sent over it are sent again, since their reader may not have had them. Over UDP
what gets lost is lost.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import socket
import ssl
import struct
import termios
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.sinks.formats.cef import cef
from api.sinks.protocol import EVENTS, RefusedError, SinkError, SinkSetupError
from api.sinks.text import one_line
from api.sinks.times import iso_utc
from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.sinks.protocol import Notice

_FACILITIES: Final = {"user": 1, "daemon": 3, "auth": 4} | {f"local{number}": 16 + number for number in range(8)}
_SEVERITY: Final = dict(zip(SEVERITIES, (5, 4, 3, 2), strict=True))
"""Notice, warning, error, critical."""
_CONNECT_S: Final = 10.0
_UNREAD_BYTES: Final = 8 << 20
"""What a receiver's kernel may hold that its reader never had: Linux lets a socket's buffer grow to 6 MiB."""
_LOOK_S: Final = 0.005


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1)
    port: int = Field(default=514, ge=1, le=65_535)
    transport: Literal["udp", "tcp", "tls"] = "udp"
    format: Literal["cef", "json"] = "cef"
    facility: str = Field(default="local0", pattern=f"^({'|'.join(_FACILITIES)})$")
    ca_file: Path | None = Field(default=None, description="TLS: who signed the receiver; the system's, if left out")
    cert_file: Path | None = Field(default=None, description="TLS: our certificate, if the receiver asks for one")
    key_file: Path | None = Field(default=None, description="TLS: its key, if it is not in the same file")


def make(settings: Mapping[str, Any], name: str) -> SyslogSink:
    """Return the sink that a table of the configuration describes."""
    given = Settings.model_validate(dict(settings))
    try:
        context = _tls(given) if given.transport == "tls" else None
    except OSError as error:
        raise SinkSetupError(f"[sinks.{name}]: ca_file, cert_file or key_file: {error}") from error
    return SyslogSink(given, _Datagrams(given) if given.transport == "udp" else _Stream(given, context))


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


class SyslogSink:
    """Sends a message for each notice."""

    events = frozenset(EVENTS)
    for_people = False
    confirms = False

    def __init__(self, settings: Settings, wire: _Datagrams | _Stream) -> None:
        self._wire = wire
        self._facility = _FACILITIES[settings.facility]
        self._format = _FORMATS[settings.format]
        self._who = f"{one_line(socket.gethostname())[:255] or '-'} nslabs {os.getpid()}"

    async def send(self, notice: Notice) -> None:
        """Send one message."""
        await self._wire.send(self.message(notice))

    def message(self, notice: Notice) -> bytes:
        """Return the notice as RFC 5424 has it: one line, without control characters."""
        priority = self._facility * 8 + _SEVERITY[notice.alert.severity]
        number = (notice.number - 1) % 0x7FFFFFFF + 1  # RFC 5424, 7.3.1
        head = f"<{priority}>1 {iso_utc(notice.at)} {self._who} {notice.event}"
        return f'{head} [meta sequenceId="{number}"] {self._format(notice)}'.encode()

    async def flush(self) -> None:
        """Return once the receiver's kernel has all, as far as that can be known."""
        await self._wire.flush()

    async def close(self) -> None:
        """Close the connection."""
        self._wire.close()


def _json(notice: Notice) -> str:
    """Return the fields as JSON in ASCII, in which no control character is left."""
    fields = {"event": notice.event, "number": notice.number, **notice.fields()}
    return json.dumps(fields, default=_plain, separators=(",", ":")).replace("\x7f", "\\u007f")


def _plain(value: Any) -> dict[str, Any]:
    """Return one of the alert's parts (reasons, second opinion) as JSON knows it."""
    return {name: getattr(value, name) for name in value.__slots__}


_FORMATS: Final[dict[str, Callable[[Notice], str]]] = {"cef": cef, "json": _json}


class _Datagrams:
    """UDP: a datagram each."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.host, settings.port
        self._socket: socket.socket | None = None

    async def send(self, message: bytes) -> None:
        try:
            if self._socket is None:
                self._socket = await _udp_socket(*self._address)
            self._socket.send(message)
        except OSError as error:
            self.close()
            where = f"{self._address[0]}:{self._address[1]} (udp)"
            if error.errno == errno.EMSGSIZE:
                raise RefusedError(f"{where}: {len(message)} bytes fit into no datagram") from error
            raise SinkError(f"{where}: {error.strerror}") from error

    async def flush(self) -> None:
        """Nothing can be known."""

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


async def _udp_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is told when nobody listens there."""
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
    made = socket.socket(family, kind, protocol)
    made.connect(address)
    made.setblocking(False)
    return made


class _Stream:
    """TCP or TLS: one connection, each message after its length."""

    def __init__(self, settings: Settings, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._context = context
        self._where = f"{settings.host}:{settings.port} ({settings.transport})"
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._unsure: deque[bytes] = deque()
        self._unsure_bytes = 0

    async def send(self, message: bytes) -> None:
        frame = b"%d %s" % (len(message), message)
        try:
            await self._write(frame)
        except OSError as error:  # among them ssl.SSLError and time-outs
            self.close()
            raise SinkError(f"{self._where}: {error.strerror or error or type(error).__name__}") from error
        self._keep(frame)

    async def flush(self) -> None:
        try:
            while self._open is not None and _unsent(self._open[1]):
                self._check(self._open[0])
                await asyncio.sleep(_LOOK_S)
            if self._open is not None:
                self._check(self._open[0])
        except OSError as error:
            self.close()
            raise SinkError(f"{self._where}: {error.strerror or error}") from error

    async def _write(self, frame: bytes) -> None:
        if self._open is None:
            self._open = await self._connected()
            for sent in self._unsure:
                self._open[1].write(sent)
                await self._open[1].drain()
        self._check(self._open[0])
        self._open[1].write(frame)
        await self._open[1].drain()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        settings = self._settings
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(settings.host, settings.port, ssl=self._context)

    def _check(self, reader: asyncio.StreamReader) -> None:
        """Raise if the receiver has closed: what is written then is lost without an error."""
        if reader.at_eof():
            raise ConnectionResetError(errno.ECONNRESET, "the receiver closed the connection")

    def _keep(self, frame: bytes) -> None:
        self._unsure.append(frame)
        self._unsure_bytes += len(frame)
        while self._unsure_bytes > _UNREAD_BYTES:
            self._unsure_bytes -= len(self._unsure.popleft())

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None


def _unsent(writer: asyncio.StreamWriter) -> int:
    """Return the bytes that the receiver's kernel has not acknowledged: those of asyncio, and those of ours (Linux)."""
    waiting: int = writer.transport.get_write_buffer_size()
    plain = writer.get_extra_info("socket")
    try:
        return waiting + int(struct.unpack("i", fcntl.ioctl(plain.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
    except (OSError, ValueError):  # closed meanwhile, or a system that cannot tell
        return waiting
