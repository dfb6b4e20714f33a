"""Zeek's values in the JSON of its WebSocket API (docs.zeek.org, "Broker JSON data representation")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prevention import addresses
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = dict[str, Any]
_EVENT: Final = 1
_FORMAT: Final = 1


def string(text: str) -> Value:
    """Return a string."""
    return {"@data-type": "string", "data": text}


def real(number: float) -> Value:
    """Return a double."""
    return {"@data-type": "real", "data": float(number)}


def count(number: int) -> Value:
    """Return an unsigned number."""
    return {"@data-type": "count", "data": number}


def timespan(seconds: float) -> Value:
    """Return an interval, to the millisecond."""
    return {"@data-type": "timespan", "data": f"{max(1, round(seconds * 1000))}ms"}


def subnet(text: str) -> Value:
    """Return a subnet; an empty text is the whole of IPv6, which stands for none in our events."""
    return {"@data-type": "subnet", "data": str(addresses.network(text)) if text else "::/0"}


def address(text: str) -> Value:
    """Return an address; raises `TargetError` if it is none."""
    return {"@data-type": "address", "data": addresses.address(text)}


def strings(texts: Iterable[str]) -> Value:
    """Return a vector of strings."""
    return {"@data-type": "vector", "data": [string(text) for text in texts]}


def event(topic: str, name: str, *arguments: Value) -> dict[str, Any]:
    """Return the message that is an event."""
    inner = [string(name), {"@data-type": "vector", "data": list(arguments)}]
    data = [count(_FORMAT), count(_EVENT), {"@data-type": "vector", "data": inner}]
    return {"type": "data-message", "topic": topic, "@data-type": "vector", "data": data}


def read_event(message: Any) -> tuple[str, list[Any]] | None:
    """Return an event's name and its arguments as plain values; None if the message is none.

    Raises
    ------
    EnforcerError
        If Zeek says that it could not read what was sent.
    """
    if not isinstance(message, dict):
        return None
    if message.get("type") == "error":
        raise EnforcerError(f"zeek: {message.get('code')}: {str(message.get('context'))[:200]}")
    try:
        if message["type"] != "data-message" or message["data"][1]["data"] != _EVENT:
            return None
        name, arguments = (one["data"] for one in message["data"][2]["data"][:2])
        return str(name), [plain(argument) for argument in arguments]
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def plain(value: Any) -> Any:
    """Return a value as Python has it: intervals in seconds, vectors as lists, all else as it is written."""
    kind, data = value["@data-type"], value.get("data")
    if kind == "vector":
        return [plain(one) for one in data]
    return seconds(str(data)) if kind == "timespan" else data


_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "min": 60.0, "s": 1.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float:
    """Return an interval as Broker writes it, in seconds.

    >>> seconds("1500ms")
    1.5
    """
    unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
    return float(text.removesuffix(unit)) * _UNITS.get(unit, 1.0)
