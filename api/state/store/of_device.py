"""Finds the alerts of a device by whatever people and programs call it.

An alert is found by what it was told of at the time, and by what its device is known by now: all its names, its MACs,
and the addresses that it had last, with those of devices that people have merged into it.
"""

from __future__ import annotations

from typing import Any, Final

from api.device_names import is_address, is_mac, spelled

_OF_DEVICES: Final = "known_as IN (SELECT known_as FROM device_known WHERE device IN ({}))"
_HOLDERS: Final = (
    "SELECT device FROM device_at held WHERE address = ? AND NOT EXISTS (SELECT 1 FROM device_at other"
    " WHERE other.address = held.address AND other.device != held.device AND other.last_seen > held.last_seen)"
)
_WITH_MAC: Final = (
    "SELECT device FROM device_at WHERE mac = ?"
    " UNION SELECT coalesce(root, id) FROM device LEFT JOIN device_part ON part = id WHERE mac = ?"
)
_CALLED: Final = (
    "SELECT coalesce(root, id) FROM device LEFT JOIN device_part ON part = id"
    " WHERE instr(lower(label), ?) OR instr(lower(host_name), ?)"
)
_ADDRESS: Final = f"(device = ? OR {_OF_DEVICES.format(_HOLDERS)})"
_MAC: Final = f"(id IN (SELECT alert FROM owner WHERE mac = ?) OR {_OF_DEVICES.format(_WITH_MAC)})"  # noqa: S608 - our own text
_PART: Final = (
    "(instr(device, ?) OR id IN (SELECT alert FROM owner WHERE instr(lower(host_name), ?))"  # noqa: S608 - our own text
    f" OR {_OF_DEVICES.format(_CALLED)})"
)


def of_device(device: str) -> tuple[str, tuple[Any, ...]]:
    """Return the condition on alerts for an address, a MAC, or a part of either or of a name, and its bound values."""
    wanted = spelled(device)
    sql = _ADDRESS if is_address(wanted) else _MAC if is_mac(wanted) else _PART
    return sql, (wanted,) * sql.count("?")
