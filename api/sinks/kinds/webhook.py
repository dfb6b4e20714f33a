"""Webhook: an HTTP POST for each notice, signed as Standard Webhooks has it (https://www.standardwebhooks.com).

What is not answered with 2xx is sent again with the same ``webhook-id``, so that the receiver can tell it from news.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
import orjson
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook

from api.sinks.protocol import EVENTS, RefusedError, SinkError, SinkSetupError
from api.sinks.times import iso_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.sinks.protocol import Notice

_NEVER: Final = frozenset({400, 413, 422})
"""Answers that say that this very message is wrong; all others may pass: a proxy, a token, a route yet to come."""


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://")
    secret_file: Path | None = Field(default=None, description="file with the secret, as whsec_ and base64")
    headers: dict[str, str] = Field(default_factory=dict, description="more headers, such as Authorization")
    timeout_s: float = Field(default=10.0, gt=0, le=25)


def make(settings: Mapping[str, Any], name: str) -> WebhookSink:
    """Return the sink that a table of the configuration describes."""
    given = Settings.model_validate(dict(settings))
    try:
        signer = Webhook(given.secret_file.read_text(encoding="utf-8").strip()) if given.secret_file else None
    except (OSError, ValueError, RuntimeError) as error:
        raise SinkSetupError(f"[sinks.{name}]: secret_file {given.secret_file}: {error}") from error
    return WebhookSink(given, signer)


class WebhookSink:
    """Posts ``{"type": "alert.raised", "timestamp": …, "data": {the alert's fields}}``."""

    events = frozenset(EVENTS)
    for_people = False
    confirms = True

    def __init__(self, settings: Settings, signer: Webhook | None, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._signer = signer
        self._clock = clock
        self._client = httpx2.AsyncClient(timeout=settings.timeout_s)

    async def send(self, notice: Notice) -> None:
        """Return once it was answered with 2xx."""
        subject = "drift.raised" if notice.event == "drift" else f"alert.{notice.event}"
        message = orjson.dumps({"type": subject, "timestamp": iso_utc(notice.at), "data": notice.fields()})
        url = self._settings.url
        try:
            answer = await self._client.post(url, content=message, headers=self._headers(notice.key, message))
        except httpx2.HTTPError as error:
            raise SinkError(f"{url}: {error or type(error).__name__}") from error
        if answer.status_code in _NEVER:
            raise RefusedError(f"{url} answered {answer.status_code}")
        if not answer.is_success:
            raise SinkError(f"{url} answered {answer.status_code}")

    def _headers(self, key: str, message: bytes) -> dict[str, str]:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        headers = self._settings.headers | {
            "content-type": "application/json",
            "webhook-id": f"msg_{key}",
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._signer is not None:
            headers["webhook-signature"] = self._signer.sign(f"msg_{key}", now, message.decode())
        return headers

    async def flush(self) -> None:
        """Nothing to do: each was answered."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
