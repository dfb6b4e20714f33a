"""Tells switches, controllers and scripts of other people what to block, signed as Standard Webhooks has it.

A message each: ``block.apply`` with the block and its end, ``block.revoke`` with the block. What was not answered with
2xx is sent again with the same identifier, so that the receiver can tell it from a new one.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook

from prevention.decisions import decision_id
from prevention.enforcers.ledger import BlockLedger, LedgerEntry
from prevention.enforcers.protocol import Abilities, Standing
from prevention.errors import EnforcerError, EnforcerSetupError
from prevention.targets import ACTIONS, KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prevention.blocks import BlockKey
    from prevention.enforcers.protocol import Order

_TIMEOUT_S: Final = 3.0


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://")
    secret_file: Path = Field(description="file with the secret, as whsec_ and base64")
    kinds: tuple[Kind, ...] = Field(default=KINDS, description="what the receiver can block")


def make(settings: Mapping[str, Any], state: Path) -> WebhookEnforcer:
    """Return the enforcer that a table of the configuration describes."""
    given = Settings.model_validate(dict(settings))
    try:
        signer = Webhook(given.secret_file.read_text(encoding="utf-8").strip())
    except (OSError, ValueError, RuntimeError) as error:
        raise EnforcerSetupError(f"enforcer [webhook]: secret_file {given.secret_file}: {error}") from error
    return WebhookEnforcer(given, signer, BlockLedger(state / "webhook.json"))


class WebhookEnforcer:
    """Sends one message for each block that begins, changes its end or is lifted.

    The receiver cannot be asked what it holds: what it acknowledged counts as held, until it acknowledged that it is
    lifted.
    """

    name = "webhook"

    def __init__(
        self, settings: Settings, signer: Webhook, ledger: BlockLedger, clock: Callable[[], float] = time.time
    ) -> None:
        self.abilities = Abilities(frozenset(settings.kinds), frozenset(ACTIONS), expires=False, prefixes=True)
        self._settings = settings
        self._signer = signer
        self._ledger = ledger
        self._clock = clock
        self._client = httpx2.Client(timeout=_TIMEOUT_S)
        self._ends: dict[BlockKey, float] = {}

    def apply(self, orders: Sequence[Order]) -> None:
        """Send each block, with its end."""
        for order in orders:
            block = order.block
            body = {
                **_what(block.key, block.decision),
                "mac": block.mac or None,
                "expires_at": block.until,
                "expires_in_s": round(order.left_s, 1),
                "allow": order.allow,
                "alert": block.alert or None,
                "behaviour": block.behaviour or None,
                "reason": block.sentence or None,
                "confidence": block.confidence,
            }
            self._send("block.apply", block.decision, block.until, body)
            self._ledger.keep([LedgerEntry(block.key, block.decision, block.until)])

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Send that each is lifted."""
        known = {entry.key: entry for entry in self._ledger.entries()}
        for key in keys:
            if key in known:
                self._send("block.revoke", known[key].decision, known[key].until, _what(key, known[key].decision))
                self._ledger.drop([key])

    def list(self) -> Sequence[Standing]:
        """Return what was acknowledged."""
        return [Standing(entry.key) for entry in self._ledger.entries()]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _send(self, kind: str, decision: str, until: float, body: Mapping[str, Any]) -> None:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        message = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": body}, separators=(",", ":"))
        identifier = f"msg_{decision_id(kind, decision, str(body.get('target')), repr(until))[2:]}"
        headers = {
            "content-type": "application/json",
            "webhook-id": identifier,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identifier, now, message),
        }
        try:
            answer = self._client.post(self._settings.url, content=message, headers=headers)
        except httpx2.HTTPError as error:
            raise EnforcerError(f"webhook: {self._settings.url}: {error or type(error).__name__}") from error
        if not answer.is_success:
            raise EnforcerError(f"webhook: {self._settings.url} answered {answer.status_code}")


def _what(key: BlockKey, decision: str) -> dict[str, Any]:
    parts = {
        name: value for name, value in (("device", key.device), ("peer", key.peer), ("domain", key.domain)) if value
    }
    return {"decision": decision, "action": key.action, "target": {"kind": key.kind, **parts}}
