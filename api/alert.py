"""An alert as everybody is told it: one set of fields for REST, streams and sinks, written down in docs/alert.md."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Literal

from online_models.kinds import KINDS
from online_models.types import Alert

if TYPE_CHECKING:
    from ingest.context.identity import Identity

_OURS: Final = frozenset({"things", "site_devices"})
"""What the models and the store need of an alert, and nobody else: keys of its like, and a count for drift."""

_DECLARED: Final = tuple(behaviour for kind in KINDS.values() for behaviour in kind.behaviours)
BEHAVIOURS: Final = tuple(sorted({behaviour.name for behaviour in _DECLARED}))
"""What a device may be doing: every behaviour of the models."""

DRIFTING: Final = frozenset(behaviour.name for behaviour in _DECLARED if behaviour.drifts)
"""Behaviours that many devices may begin with at once for an ordinary reason."""

TECHNIQUES: Final = tuple(sorted({behaviour.technique for behaviour in _DECLARED if behaviour.technique}))
"""MITRE ATT&CK techniques that behaviours are told as."""

if TYPE_CHECKING:
    BehaviourName = str
else:  # no type checker can know what is declared, and pydantic does when it runs
    BehaviourName = Literal[BEHAVIOURS]

_FIELDS: Final = tuple(field.name for field in fields(Alert) if field.name not in _OURS)


def alert_fields(alert: Alert, owner: Identity | None, link: str) -> dict[str, Any]:
    """Return the alert's fields with who is behind its device, and where the page shows it."""
    named = {name: getattr(alert, name) for name in _FIELDS}
    return named | {"mac": owner and owner.mac, "host_name": owner and owner.host_name, "link": link}


def link_to(identifier: str, public_url: str = "") -> str:
    """Return where the page shows an alert; without the page's address, relative to it."""
    return f"{public_url}#alert-{identifier}"
