"""The events that our script in Zeek declares, and whether a message of Zeek's WebSocket API is one of them."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

SCRIPT: Final = Path(__file__).resolve().parents[2] / "zeek-scripts" / "nslabs-verdict.zeek"
_EVENT: Final = re.compile(r"global (\w+): event\(([^)]*)\)", re.DOTALL)
_UNITS: Final = ("ns", "us", "ms", "s", "min", "h", "d")
NAMES: Final = {
    "string": "string",
    "bool": "boolean",
    "count": "count",
    "double": "real",
    "interval": "timespan",
    "addr": "address",
    "subnet": "subnet",
}
"""Zeek's types, as the JSON of the API calls them."""


def declared() -> dict[str, list[str]]:
    """Return the types of each event's parameters, in Zeek's words."""
    text = SCRIPT.read_text(encoding="utf-8")
    found = {}
    for name, parameters in _EVENT.findall(text):
        types = [" ".join(one.split(":", 1)[1].split()) for one in parameters.split(",")]
        found[f"NSLabs::{name}"] = types
    return found


def check_value(value: Any, zeek_type: str) -> Any:
    """Return a value's plain content; fail if it is not of a type, or not written as the API has it."""
    assert isinstance(value, dict), value
    assert set(value) == {"@data-type", "data"}, value
    kind, data = value["@data-type"], value["data"]
    if zeek_type.startswith("vector of "):
        assert kind == "vector", value
        return [check_value(one, zeek_type.removeprefix("vector of ")) for one in data]
    assert kind == NAMES[zeek_type], f"{value} is no {zeek_type}"
    _check_scalar(kind, data)
    return data


def _check_scalar(kind: str, data: Any) -> None:
    if kind == "boolean":
        assert isinstance(data, bool)
    elif kind == "count":
        assert isinstance(data, int)
        assert not isinstance(data, bool)
        assert data >= 0
    elif kind == "real":
        assert isinstance(data, float)
    else:
        assert isinstance(data, str), data
        if kind == "timespan":
            assert re.fullmatch(rf"-?\d+(\.\d+)?({'|'.join(_UNITS)})", data), data
        elif kind == "address":
            assert str(ip_address(data)) == data
        elif kind == "subnet":
            assert str(ip_network(data)) == data, "bits behind the prefix, or another spelling"


def check_event(message: Any, topic: str) -> tuple[str, list[Any]]:
    """Return an event's name and plain arguments; fail if it is not one that our script declares."""
    assert isinstance(message, dict)
    assert set(message) == {"type", "topic", "@data-type", "data"}, message
    assert (message["type"], message["topic"], message["@data-type"]) == ("data-message", topic, "vector")
    form, kind, inner = message["data"]
    assert [form, kind] == [{"@data-type": "count", "data": 1}] * 2
    assert inner["@data-type"] == "vector"
    name, arguments = inner["data"][:2]
    assert name["@data-type"] == "string"
    types = declared()[name["data"]]
    assert arguments["@data-type"] == "vector"
    return name["data"], [check_value(one, kind) for one, kind in zip(arguments["data"], types, strict=True)]


def value_of(data: Any, zeek_type: str) -> dict[str, Any]:
    """Return a plain content as a value of a type."""
    if zeek_type.startswith("vector of "):
        return {
            "@data-type": "vector",
            "data": [value_of(one, zeek_type.removeprefix("vector of ")) for one in data],
        }
    return {"@data-type": NAMES[zeek_type], "data": data}
