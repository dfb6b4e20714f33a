"""Who is behind a connection, and what of it may be done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from api.serve.problems import ProblemError
from api.state.access import SCOPES, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC: Final = "public"
Needed = Scope | Literal["public"]
VISIT: Final = "nslabs.visit"
"""Key of the `Visit` in a connection's ASGI scope."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever has shown a token, a session, a ticket, or has been named by a proxy.

    Attributes
    ----------
    name
        As the audit log shows it; empty for nobody in particular.
    scopes
        What it may do.
    token
        Identifier of the token, if there is one.
    session
        Secret of the session, if it came with one.
    is_named
        Whether it has logged in at all: where no login is needed, nobody has.
    """

    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    token: str | None = None
    session: str | None = field(default=None, repr=False)
    is_named: bool = True

    def may(self, scope: Needed) -> bool:
        """Whether the scope is one of its own; admin stands for all."""
        return scope == PUBLIC or scope in self.scopes or "admin" in self.scopes


NOBODY: Final = Principal(is_named=False)
ANYBODY: Final = Principal(scopes=frozenset(SCOPES), is_named=False)
"""Where no login is needed: whoever reaches the service may use it."""


@dataclass(slots=True, eq=False)
class Visit:
    """One request or stream, from its head to its end. Belongs to the asyncio loop.

    Attributes
    ----------
    address
        Where it comes from.
    action, object
        What the audit log shows of it.
    is_change
        Whether its method is one that changes something (RFC 9110, 9.2.1).
    is_audited
        Whether it is shown in the audit log: it changes what looking on does not, or was refused what does.
    ended
        Set once the principal may no longer be here.
    """

    principal: Principal
    address: str
    action: str
    object: str
    is_change: bool = True
    is_audited: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def use(self, scope: Needed) -> None:
        """Make use of a scope.

        Raises
        ------
        ProblemError
            If the principal may not (403).
        """
        is_more = scope not in {"read", PUBLIC}
        self.is_audited = self.is_audited or (is_more and self.is_change)
        if not self.principal.may(scope):
            self.is_audited = is_more
            raise _wrong_scope(scope, self.principal)


def visit_of(connection: Mapping[str, Any]) -> Visit:
    """Return the visit that the gate has put into an ASGI scope."""
    visit: Visit = connection[VISIT]
    return visit


def _wrong_scope(scope: Needed, principal: Principal) -> ProblemError:
    """Return the problem of a principal that may do something else."""
    has = ", ".join(name for name in SCOPES if name in principal.scopes) or "none"
    return ProblemError(
        403,
        "wrong_scope",
        f"this needs the scope {scope}, and {principal.name or 'this login'} has {has}; make a token that has it:"
        f" nslabs token create NAME --scope {scope}",
        {"WWW-Authenticate": f'Bearer realm="nslabs", error="insufficient_scope", scope="{scope}"'},
    )
