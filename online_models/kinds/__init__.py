"""The log kinds that have a model: one declaration a file, and this list of them; and those that the user declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest import declared as logs
from online_models import service
from online_models.errors import DeclarationError
from online_models.kinds.conn import CONN
from online_models.kinds.dns import DNS
from online_models.kinds.http import HTTP
from online_models.kinds.mqtt import MQTT
from online_models.kinds.ssl import SSL
from online_models.kinds.user.build import kind_of
from online_models.kinds.user.reading import problems_of_names, read_declaration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from online_models.behaviours import Behaviour
    from online_models.kinds.kind import Kind
    from online_models.kinds.user.declaration import Declaration

_BUILT_IN: Final = (CONN, DNS, HTTP, SSL, *MQTT)
BUILT_IN: Final = tuple(kind.name for kind in _BUILT_IN)
"""Names of the kinds that every service has."""
KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _BUILT_IN}
"""By the log's name, in the order in which they are told of; `declare` adds to it before anything starts."""

_OF_NO_TRAFFIC: Final = frozenset(
    {"conn_long", "dhcp", "x509", "capture_loss", "reporter", "stats"}
    | {"suricata_alert", "suricata_stats", "suricata_flow", service.LOG}
)
_HERE: Final = Path(__file__).parent
EXAMPLES: Final = tuple(sorted(path.stem for path in _HERE.glob("*.toml")))
"""Declarations that come with the package, by name."""


def behaviours() -> tuple[Behaviour, ...]:
    """Return the behaviours of all kinds."""
    return tuple(behaviour for kind in KINDS.values() for behaviour in kind.behaviours)


def declare(files: Iterable[str]) -> None:
    """Have the kinds of these declarations, and no others, beside the built-in ones.

    Call it before an engine or a source of logs is made. A name without a slash and ``.toml`` is that of one of
    `EXAMPLES`.

    Raises
    ------
    DeclarationError
        If anything is wrong with any of them; the message has a line for each thing, and nothing was declared.
    """
    read = [(name, _read(name)) for name in files]
    problems = [line for _, found in read if isinstance(found, list) for line in found]
    right = [(name, found) for name, found in read if not isinstance(found, list)]
    problems += problems_of_names(right)
    if problems:
        raise DeclarationError("\n".join(problems))
    _install([found for _, found in right])


def _read(name: str) -> Declaration | list[str]:
    is_path = "/" in name or name.endswith(".toml")
    if not is_path and name not in EXAMPLES:
        return [f"{name}: no such declaration; expected a file such as ./{name}.toml, or one of {', '.join(EXAMPLES)}"]
    path = Path(name).expanduser() if is_path else _HERE / f"{name}.toml"
    told_elsewhere = {behaviour.name for kind in _BUILT_IN for behaviour in kind.behaviours}
    told_elsewhere |= {behaviour.name for behaviour in service.BEHAVIOURS}
    return read_declaration(path, name, {*BUILT_IN, *_OF_NO_TRAFFIC}, told_elsewhere)


def _install(found: Sequence[Declaration]) -> None:
    made = [kind_of(one) for one in found]
    logs.declare({one.log: logs.Log(one.schema, (one.client, one.server)) for one in found})
    for name in [name for name, kind in KINDS.items() if kind.declaration]:
        del KINDS[name]
    KINDS.update((kind.name, kind) for kind in made)
