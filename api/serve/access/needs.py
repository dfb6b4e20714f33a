"""What a route needs: each declares its scope, and one that declares none is for admins only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Security
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.params import Security as SecurityParameter
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection  # noqa: TC002 - FastAPI reads the annotation

from api.serve.access.login import COOKIE
from api.serve.access.principal import PUBLIC, visit_of

if TYPE_CHECKING:
    from fastapi.openapi.models import SecurityBase as Model

    from api.serve.access.principal import Needed


# All of these are coroutines, though they wait for nothing: others would go through a thread each, at every request.


class _Described(SecurityBase):
    """A way to log in, as OpenAPI describes it; the gate has looked at it before."""

    def __init__(self, name: str, model: Model) -> None:
        self.scheme_name, self.model = name, model

    async def __call__(self) -> None:
        """Do nothing."""


_TOKEN: Final = _Described("token", BearerModel(description="a token that `nslabs token create` or POST /tokens made"))
_SESSION: Final = _Described(
    "session", APIKey.model_validate({"in": APIKeyIn.cookie, "name": COOKIE, "description": "set by POST /session"})
)


async def _either(_: Annotated[None, Security(_TOKEN)], __: Annotated[None, Security(_SESSION)]) -> None:
    """Stand for both in a route's description."""


async def _nothing() -> None:
    """Stand for a route that needs no login."""


def needs(scope: Needed) -> Any:
    """Return the dependency by which a route or a stream declares what whoever uses it must be allowed."""
    return Security(_nothing if scope == PUBLIC else _either, scopes=[scope])


async def _is_routine(connection: HTTPConnection) -> None:
    visit_of(connection.scope).is_audited = False


ROUTINE: Final = Depends(_is_routine)
"""Dependency of a route that programs use every few seconds: the audit log would hold nothing else."""


async def has_what_it_needs(connection: HTTPConnection) -> None:
    """Raise a 403 unless the visit may do what the route declares. A dependency of every route and stream."""
    route, visit = connection.scope["route"], visit_of(connection.scope)
    visit.action = f"{connection.scope.get('method', 'GET')} {route.path}"
    visit.use(declared(route))


def declared(route: Any) -> Needed:
    """Return the scope that a route has declared; who has forgotten to has not opened it to anybody."""
    securities = [dependency for dependency in route.dependencies if isinstance(dependency, SecurityParameter)]
    found: list[Any] = [scope for security in securities for scope in security.scopes or ()]
    if len(found) != 1:
        return "admin"
    scope: Needed = found[0]
    return scope
