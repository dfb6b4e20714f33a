"""How ``flow`` events look, for the loops over JSON lines."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from ingest.decode.scan.words import OBJECT, PATH
from ingest.decode.schemas import required_of
from ingest.decode.suricata.schemas import FLOW
from ingest.decode.zeek.json_loops import LineForm

if TYPE_CHECKING:
    from collections.abc import Collection

_OBJECTS: Final = ("flow", "ether", "tcp")
_ALWAYS: Final = frozenset({"timestamp", "event_type", "flow_id", *required_of("suricata_flow")})
_OTHERS: Final = {"flow_id": ("timestamp",), "src_ip": ("in_iface", "event_type", "vlan"), "icmp_type": ("ip_v",)}
"""Keys that are not read or tell the type, by the key that they stand before or after in events of Suricata 6 to 8."""


@cache
def flow_form() -> LineForm:
    """Return the form of flow events."""
    names = [name for column in FLOW if column != "uid" for name in (*_OTHERS.get(column, ()), column)]
    for outer in _OBJECTS:
        names.insert(next(place for place, name in enumerate(names) if name.startswith(f"{outer}.")), outer)
    spelled = {name: tuple(name.split(".")) for name in FLOW if "." in name}
    return LineForm(
        "suricata_flow", "flow", names, _accepts, spelled, {"event_type": PATH, **dict.fromkeys(_OBJECTS, OBJECT)}
    )


def _accepts(found: Collection[str]) -> bool:
    return _ALWAYS.issubset(found)
