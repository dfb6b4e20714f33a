"""An alert as everybody is told it: one set of fields for REST, streams and sinks, written down in docs/alert.md."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Literal

from online_models.types import Alert

if TYPE_CHECKING:
    from ingest.context.identity import Identity

_OURS: Final = frozenset({"things", "site_devices", "known_as"})
"""What the models and the store need of an alert, and nobody else: keys of its like, and a count for drift."""

BehaviourName = Literal[
    "brute-force", "crawl", "dns-flood", "dns-tunnel", "flood", "generated-names", "inbound-contact", "lateral-contact",
    "new-domain", "new-host", "new-peer", "odd-request", "rhythm", "scan", "transfer", "volume",
]  # fmt: skip
"""What a device may be doing: every behaviour of the models."""

TechniqueName = Literal[
    "T1021", "T1046", "T1048", "T1071", "T1071.001", "T1071.004", "T1110", "T1133", "T1190", "T1498", "T1568.002",
    "T1595",
]  # fmt: skip
"""MITRE ATT&CK techniques that behaviours are told as."""

_FIELDS: Final = tuple(field.name for field in fields(Alert) if field.name not in _OURS)


def alert_fields(alert: Alert, owner: Identity | None, link: str) -> dict[str, Any]:
    """Return the alert's fields with who is behind its device, and where the page shows it."""
    named = {name: getattr(alert, name) for name in _FIELDS}
    return named | {"mac": owner and owner.mac, "host_name": owner and owner.host_name, "link": link}


def link_to(identifier: str, public_url: str = "") -> str:
    """Return where the page shows an alert; without the page's address, relative to it."""
    return f"{public_url}#alert-{identifier}"
