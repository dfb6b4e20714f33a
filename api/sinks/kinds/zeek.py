"""Zeek: each alert as a notice ``NSLabs::Anomaly`` and a line of nslabs.log, through our script in it (zeek-scripts/).

With it Zeek's own means of telling people (notice.log, mail, a SIEM that reads Zeek's logs) know of alerts, whether
anything was blocked or not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.sinks.protocol import RefusedError, SinkError
from online_models.service import LOG
from prevention.enforcers.zeek.session import Session
from prevention.enforcers.zeek.values import address, real, string, strings
from prevention.errors import EnforcerError, TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.sinks.protocol import Notice
    from api.state.store.changes import Event

_NOBODY: Final = "::"
"""The address that Zeek is given for an alert about the service itself: its scripts know no device without one."""
_EVENTS: Final[frozenset[Event]] = frozenset({"raised", "graver"})


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(default="ws://127.0.0.1:27759/v1/messages/json", pattern=r"^wss?://")


def make(settings: Mapping[str, Any], name: str) -> ZeekSink:
    """Return the sink that a table of the configuration describes."""
    del name
    return ZeekSink(Settings.model_validate(dict(settings)).url)


class ZeekSink:
    """Asks our script to raise a notice, which it answers."""

    events = _EVENTS
    for_people = True
    confirms = True

    def __init__(self, url: str) -> None:
        self._session = Session(url)

    async def send(self, notice: Notice) -> None:
        """Return once the script has answered."""
        alert = notice.alert
        try:
            device = address(_NOBODY if alert.log == LOG else alert.device)
        except TargetError as error:
            raise RefusedError(f"zeek: {error}") from error
        said = (string(alert.id), device, string(alert.behaviour), string(alert.sentence), real(alert.score))
        try:
            is_done, reason = await asyncio.to_thread(
                self._session.ask, "NSLabs::note", "NSLabs::done", *said, strings(alert.uids)
            )
        except EnforcerError as error:
            raise SinkError(str(error)) from error
        if not is_done:
            raise RefusedError(f"zeek: {str(reason)[:200]}")

    async def flush(self) -> None:
        """Nothing to do: each was answered."""

    async def close(self) -> None:
        """Close the connection."""
        await asyncio.to_thread(self._session.close)
