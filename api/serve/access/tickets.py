"""Tickets: each opens one stream, once and soon, so that no token stands in an address."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.serve.access.principal import Principal

LASTING_S: Final = 30.0
"""From the answer to the handshake; addresses get into logs, where a ticket is used up or over when it is read."""
_MOST: Final = 1000  # that wait; the oldest leave


class Tickets:
    """Kept in memory: a ticket does not outlive the service."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def issue(self, principal: Principal) -> str:
        """Return a ticket that stands for whoever asks for it."""
        ticket = secrets.token_urlsafe(32)
        self._waiting[ticket] = self._clock() + LASTING_S, replace(principal)
        if len(self._waiting) > _MOST:
            self._waiting.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> Principal | None:
        """Return whom a ticket stands for, once; None if it is none, used or over."""
        until, principal = self._waiting.pop(ticket, (0.0, None))
        return principal if self._clock() < until else None
