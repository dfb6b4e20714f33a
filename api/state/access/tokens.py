"""Tokens: opaque texts that stand for a name and what it may do."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from api.errors import NoTokenError, TokenError, TokenTakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from api.state.access.database import AccessDatabase

Scope = Literal["read", "train", "respond", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""What may be allowed: to see; to teach the models; to answer alerts and act on devices; all, and to make tokens."""

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
"""Names are shown in terminals and in the audit log, and stand in commands."""
_TEXT: Final = re.compile(r"nsl_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_SECRET_BYTES: Final = 32
_COLUMNS: Final = "id, name, scopes, created_at, created_by, expires_at, revoked_at, used_at"
_NO_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token, which is everything but its text. Times are wall clock, epoch seconds.

    Attributes
    ----------
    id
        Part of its text that is no secret; names it in lists and in the audit log.
    name
        Unique among those that are not revoked.
    created_by
        Name of the token, or user of this host, that made it.
    expires_at, revoked_at
        When it ceases or ceased to count; None for never.
    used_at
        When it was last used, to the minute; None for never.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: float
    created_by: str
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None

    def counts(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class TokenStore:
    """Makes, finds and revokes tokens.

    What is stored of the text is its SHA-256: 32 random bytes cannot be guessed from that, however fast it is computed,
    so that a slow hash (which passwords of people need) would only make every request slow.
    """

    def __init__(self, database: AccessDatabase, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        expires_at: float | None = None,
        by: str = "",
        hand_over: Callable[[str], object] = lambda _: None,
    ) -> tuple[Token, str]:
        """Return a new token, and its text, which nobody can be told again.

        `hand_over` is called with the text before the token counts; if it fails, there is no token.

        Raises
        ------
        TokenError
            If the name is no name, a scope is unknown or none is given, or the end is past.
        TokenTakenError
            If there is another token of this name.
        """
        now = self._clock()
        token = Token(secrets.token_hex(6), _name(name), _scopes(scopes), now, by, expires_at, None, None)
        if expires_at is not None and not expires_at > now:
            raise TokenError("the token would expire before now; name a time to come")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        text = f"nsl_{token.id}_{secret}"
        try:
            self._insert(token, digest_of(secret), lambda: hand_over(text))
        except sqlite3.IntegrityError as error:
            raise TokenTakenError(
                f"there is a token of the name {name!r}; revoke it first, or name this one else"
            ) from error
        return token, text

    def _insert(self, token: Token, digest: bytes, before_it_counts: Callable[[], object]) -> None:
        row = (token.id, token.name, " ".join(token.scopes), token.created_at, token.created_by, token.expires_at)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO token (id, name, scopes, created_at, created_by, expires_at, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, digest),
            )
            before_it_counts()

    def find(self, text: str) -> Token | None:
        """Return the token that this is the text of, if it counts; compared in constant time."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        rows = self._database.read(f"SELECT digest, {_COLUMNS} FROM token WHERE id = ?", found[1])  # noqa: S608 - our own column names
        digest, *rest = rows[0] if rows else (_NO_DIGEST,)
        is_right = hmac.compare_digest(digest, digest_of(found[2]))
        token = _token(rest) if is_right and rest else None
        return token if token is not None and token.counts(self._clock()) else None

    def get(self, identifier: str) -> Token | None:
        """Return the token of this identifier, also if it no longer counts."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM token WHERE id = ?", identifier)  # noqa: S608 - our own column names
        return _token(rows[0]) if rows else None

    def all(self) -> list[Token]:
        """Return all tokens there ever were, oldest first."""
        return [_token(row) for row in self._database.read(f"SELECT {_COLUMNS} FROM token ORDER BY created_at, id")]  # noqa: S608 - our own column names

    def exist(self) -> bool:
        """Whether there ever was a token; when the last one is revoked, the service does not fall open."""
        return bool(self._database.read("SELECT EXISTS (SELECT 1 FROM token)")[0][0])

    def revoke(self, which: str) -> Token:
        """End the token of this identifier or name, and its sessions; one that is revoked already stays so.

        Raises
        ------
        NoTokenError
            If there is none.
        """
        with self._database.writing() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM token WHERE id = ?1 OR (name = ?1 AND revoked_at IS NULL) ORDER BY id != ?1",  # noqa: S608 - our own column names
                (which,),
            ).fetchone()
            if row is None:
                raise NoTokenError(f"there is no token {which!r}; `nslabs token list` shows those that there are")
            connection.execute(
                "UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (self._clock(), row[0])
            )
            connection.execute("DELETE FROM session WHERE token = ?", (row[0],))
        return self.get(row[0]) or _token(row)

    def note_uses(self, times: Mapping[str, float]) -> None:
        """Keep when tokens were last used, by their identifiers."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE token SET used_at = ? WHERE id = ?", [(at, identifier) for identifier, at in times.items()]
            )


def digest_of(secret: str) -> bytes:
    """Return what is stored of a random secret."""
    return hashlib.sha256(secret.encode()).digest()


def _name(name: str) -> str:
    if not re.fullmatch(NAME.strip("^$"), name):
        raise TokenError(
            f"{name!r} is no name of a token: expected up to 64 letters, digits, dots, dashes, underscores and @,"
            " a letter or digit first"
        )
    return name


def _scopes(scopes: Collection[str] | Iterable[str]) -> tuple[Scope, ...]:
    asked = set(scopes)
    unknown = sorted(asked - set(SCOPES))
    if unknown or not asked:
        found = f"found {unknown[0]!r}" if unknown else "found none"
        raise TokenError(f"scopes: expected one or several of {', '.join(SCOPES)}, {found}")
    return tuple(scope for scope in SCOPES if scope in asked)


def _token(row: Iterable[Any]) -> Token:
    identifier, name, scopes, *rest = row
    return Token(identifier, name, tuple(scopes.split()), *rest)
