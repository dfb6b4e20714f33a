"""An alert as everybody is told it: one set of fields for REST, streams and sinks, written down in docs/alert.md."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator

from online_models.kinds import behaviours
from online_models.service import BEHAVIOURS
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from ingest.context.identity import Identity

_OURS: Final = frozenset({"things", "site_devices", "known_as"})
"""What the models and the store need of an alert, and nobody else: keys of its like, and a count for drift."""


def behaviour_names() -> tuple[str, ...]:
    """Return what an alert may tell of: every behaviour of the models, also of declared kinds, and of the service."""
    of_service = {behaviour.name for behaviour in BEHAVIOURS}
    return tuple(sorted({behaviour.name for behaviour in behaviours()} | of_service))


def techniques() -> tuple[str, ...]:
    """Return the MITRE ATT&CK techniques that behaviours are told as."""
    return tuple(sorted({behaviour.technique for behaviour in behaviours() if behaviour.technique}))


def drifts(name: str) -> bool:
    """Whether many devices may begin with a behaviour at once for an ordinary reason."""
    return any(behaviour.drifts for behaviour in behaviours() if behaviour.name == name)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Lists names in a JSON Schema as they are when it is made: kinds are declared after modules are loaded."""

    names: Callable[[], Sequence[str | None]]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the text with the names as its enumeration."""
        return {**handler(schema), "enum": list(self.names())}


def _known(name: str) -> str:
    if name not in behaviour_names():
        raise ValueError(f"expected one of {', '.join(behaviour_names())}, found {name[:40]!r}")
    return name


BehaviourName = Annotated[str, AfterValidator(_known), OneOf(behaviour_names)]
"""A behaviour that there is."""

_FIELDS: Final = tuple(field.name for field in fields(Alert) if field.name not in _OURS)


def alert_fields(alert: Alert, owner: Identity | None, link: str) -> dict[str, Any]:
    """Return the alert's fields with who is behind its device, and where the page shows it."""
    named = {name: getattr(alert, name) for name in _FIELDS}
    known = {name: owner and getattr(owner, name) for name in ("mac", "host_name", "label")}
    return named | known | {"link": link}


def link_to(identifier: str, public_url: str = "") -> str:
    """Return where the page shows an alert; without the page's address, relative to it."""
    return f"{public_url}#alert-{identifier}"
