"""Sessions of people who have shown a token once in their browser."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

from api.state.access.tokens import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.state.access.database import AccessDatabase

_PER_TOKEN: Final = 64
"""Sessions of one token at a time: browsers of a household or a shift; the oldest leave."""
_FORGET: Final = """
DELETE FROM session WHERE expires_at <= ? OR (token = ? AND digest IN
    (SELECT digest FROM session WHERE token = ? ORDER BY created_at DESC, digest LIMIT -1 OFFSET ?))
"""


class SessionStore:
    """Begins, finds and ends sessions; they outlive a restart of the service, and end with their token."""

    def __init__(self, database: AccessDatabase, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def begin(self, token: str, lasting_s: float) -> str:
        """Return the secret of a new session of the token of this identifier; only its SHA-256 is kept."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        with self._database.writing() as connection:
            connection.execute(_FORGET, (now, token, token, _PER_TOKEN - 1))
            connection.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?)", (digest_of(secret), token, now, now + lasting_s)
            )
        return secret

    def token_of(self, secret: str) -> str | None:
        """Return the identifier of the token whose session this is; None if it is none, or over."""
        rows = self._database.read("SELECT token, expires_at FROM session WHERE digest = ?", digest_of(secret))
        return str(rows[0][0]) if rows and self._clock() < rows[0][1] else None

    def end(self, secret: str) -> None:
        """End a session; it may have ended already."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM session WHERE digest = ?", (digest_of(secret),))
