"""Finds out who is behind a connection: by token, session, ticket, or the word of a proxy."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers

from api.serve.access.failures import Failures
from api.serve.access.principal import ANYBODY, NOBODY, Principal
from api.serve.access.proxies import IS_PROXIED
from api.serve.access.tickets import Tickets
from api.serve.problems import ProblemError
from api.state.access import AuditLog, SessionStore, TokenStore
from api.state.access.audit import KEPT_S

if TYPE_CHECKING:
    from starlette.types import Scope

    from api.pipeline.clock import Clock
    from api.state.access import AccessDatabase, Token
    from api.state.access import Scope as Permission

COOKIE: Final = "nslabs_session"
_CHALLENGE: Final = 'Bearer realm="nslabs"'
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class ProxyLogin:
    """The header in which a proxy names whom it has logged in, and what those may do; no header, no such login."""

    header: str = ""
    scopes: tuple[Permission, ...] = ("read",)


class Login:
    """Belongs to the asyncio loop, but for the stores, which any thread may use."""

    def __init__(
        self, database: AccessDatabase, clock: Clock, proxy: ProxyLogin | None = None, audit_s: float = KEPT_S
    ) -> None:
        self.tokens = TokenStore(database, clock.wall)
        self.sessions = SessionStore(database, clock.wall)
        self.audit = AuditLog(database, clock.wall, kept_s=audit_s)
        self.tickets = Tickets(clock.monotonic)
        self.failures = Failures(clock.monotonic)
        self.failed_sessions = Failures(clock.monotonic)
        self.used: dict[str, float] = {}
        self._proxy = proxy or ProxyLogin()
        self._wall = clock.wall

    def is_needed(self) -> bool:
        """Whether there are tokens, or a proxy that logs people in."""
        return bool(self._proxy.header) or self.tokens.exist()

    def principal_of(self, scope: Scope) -> Principal | None:
        """Return who is behind a connection, None if it does not say.

        Raises
        ------
        ProblemError
            If it shows what does not count: a wrong, revoked or expired token (401).
        """
        if not self.is_needed():
            return ANYBODY
        headers = Headers(scope=scope)
        named = self._named_by_proxy(scope, headers)
        if named is not None:
            return named
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.bearer(credentials.strip())
        if scope["type"] == "websocket" and (tickets := _query(scope, "ticket")):
            return self._ticket(tickets)
        return self._session(headers)

    def bearer(self, text: str) -> Principal:
        """Return whose token this is.

        Raises
        ------
        ProblemError
            If it is none that counts.
        """
        token = self.tokens.find(text)
        if token is None:
            raise wrong_token()
        return self.bearer_of(token)

    def bearer_of(self, token: Token, session: str | None = None) -> Principal:
        """Return who has shown a token, or has a session of it."""
        self.used[token.id] = self._wall()
        return Principal(token.name, frozenset(token.scopes), token.id, session)

    def still_counts(self, principal: Principal) -> bool:
        """Whether somebody who was let in would be let in now."""
        if not principal.is_named:
            return principal == NOBODY or not self.is_needed()
        if principal.session is not None and self.sessions.token_of(principal.session) is None:
            return False
        if principal.token is None:
            return True
        token = self.tokens.get(principal.token)
        return token is not None and token.counts(self._wall())

    def note_uses(self) -> None:
        """Keep when tokens were used since the last call."""
        used, self.used = self.used, {}
        if used:
            self.tokens.note_uses(used)

    def _named_by_proxy(self, scope: Scope, headers: Headers) -> Principal | None:
        if not self._proxy.header or not scope.get(IS_PROXIED):
            return None
        names = headers.getlist(self._proxy.header)
        name = names[0].strip() if len(names) == 1 else ""
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            return None
        return Principal(name, frozenset(self._proxy.scopes))

    def _session(self, headers: Headers) -> Principal | None:
        secret = session_in(headers)
        token = self.tokens.get(self.sessions.token_of(secret) or "") if secret else None
        if token is None or not token.counts(self._wall()):
            return None  # a cookie that has expired is no attempt at anything
        return self.bearer_of(token, secret)

    def _ticket(self, tickets: list[str]) -> Principal:
        principal = self.tickets.redeem(tickets[0]) if len(tickets) == 1 else None
        if principal is None or not self.still_counts(principal):
            raise ProblemError(
                401,
                "wrong_ticket",
                "this ticket was used, or is over; ask for another",
                {"WWW-Authenticate": _CHALLENGE},
            )
        return principal


def session_in(headers: Headers) -> str:
    """Return the session's secret of a cookie, empty if there is none."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def login_required() -> ProblemError:
    """Return the problem of whoever shows nothing."""
    return ProblemError(
        401,
        "login_required",
        "this needs a token: send it as Authorization: Bearer TOKEN, or log in at /login;"
        " nslabs token create NAME --scope read makes one",
        {"WWW-Authenticate": _CHALLENGE},
    )


def wrong_token() -> ProblemError:
    """Return the problem of a token that does not count."""
    return ProblemError(
        401,
        "wrong_token",
        "this token is unknown, revoked or expired; `nslabs token list` shows those that count",
        {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
    )


def _query(scope: Scope, name: str) -> list[str]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True).get(name, [])
