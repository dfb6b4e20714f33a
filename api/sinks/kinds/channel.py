"""People's channels through Apprise: mail, Slack, Teams, ntfy, Telegram and a hundred more (https://appriseit.com).

One address a table: if one of several failed, all would be sent again.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apprise
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.sinks.protocol import SinkError, SinkSetupError
from api.sinks.text import TextTemplate, filled, obeyed_by_nobody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.sinks.protocol import Notice

_KIND: Final = {
    "low": apprise.NotifyType.INFO,
    "medium": apprise.NotifyType.WARNING,
    "high": apprise.NotifyType.FAILURE,
    "critical": apprise.NotifyType.FAILURE,
}
_TITLE: Final = "[$severity] $name: $behaviour"
_BODY: Final = "$sentence\n\n$time, site $site, $behaviour ($technique), $event\n$reasons\n$link"


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(default=None, description="Apprise's address of the channel, such as ntfy://host/topic")
    url_file: Path | None = Field(default=None, description="file with that address, if it holds a secret")
    title: TextTemplate = _TITLE
    body: TextTemplate = _BODY

    @model_validator(mode="after")
    def _one_address(self) -> Settings:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("expected either url or url_file")
        return self


def make(settings: Mapping[str, Any], name: str) -> ChannelSink:
    """Return the sink that a table of the configuration describes."""
    given = Settings.model_validate(dict(settings))
    try:
        url = given.url or (given.url_file.read_text(encoding="utf-8").strip() if given.url_file else "")
    except (OSError, ValueError) as error:
        raise SinkSetupError(f"[sinks.{name}]: url_file {given.url_file}: {error}") from error
    channel = apprise.Apprise(asset=apprise.AppriseAsset(app_id="nslabs", secure_logging=True))
    if not channel.add(url):
        raise SinkSetupError(f"[sinks.{name}]: url: Apprise knows no such address; see https://appriseit.com/services")
    return ChannelSink(given, channel)


class ChannelSink:
    """Tells people what is new and what got graver, in words."""

    events = frozenset({"raised", "graver", "drift"})
    for_people = True
    confirms = True

    def __init__(self, settings: Settings, channel: apprise.Apprise) -> None:
        self._settings = settings
        self._channel = channel
        self._where = str(channel[0].url(privacy=True)).split("?")[0]  # type: ignore[no-untyped-call] # theirs

    async def send(self, notice: Notice) -> None:
        """Return once the channel's service has it."""
        taken, why = await asyncio.to_thread(
            self._notify,
            obeyed_by_nobody(filled(self._settings.title, notice)),
            filled(self._settings.body, notice),
            _KIND[notice.alert.severity],
        )
        if not taken:
            raise SinkError(f"{self._where}: {why or 'not taken'}")

    def _notify(self, title: str, body: str, kind: apprise.NotifyType) -> tuple[bool, str]:
        """Notify; return whether that worked, and what Apprise says if it did not."""
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call] # theirs
            taken = self._channel.notify(
                body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
            )
            lines = str(said.getvalue()).strip().splitlines()
        return bool(taken), lines[-1] if lines else ""

    async def flush(self) -> None:
        """Nothing to do: each was taken."""

    async def close(self) -> None:
        """Nothing to do: no connection stays open."""
