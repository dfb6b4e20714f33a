"""What OpenAPI says of devices, peers and domains: their usual spellings. More of them are understood."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, WithJsonSchema

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4_LENGTH: Final = "(?:[12]?[0-9]|3[0-2])"
_IPV6_LENGTH: Final = "(?:[1-9]?[0-9]|1[01][0-9]|12[0-8])"
ADDRESS: Final[list[dict[str, Any]]] = [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]
PREFIX: Final[list[dict[str, Any]]] = [
    {"type": "string", "pattern": rf"^(?:{_OCTET}\.){{3}}{_OCTET}/{_IPV4_LENGTH}$", "description": "IPv4 prefix"},
    {"type": "string", "pattern": rf"^(?:[0-9a-f]{{1,4}}:){{1,6}}:/{_IPV6_LENGTH}$", "description": "IPv6 prefix"},
]
MAC: Final = {"type": "string", "pattern": "^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$", "description": "MAC"}
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
DOMAIN_PATTERN: Final = rf"^(?:{_LABEL}\.){{1,6}}[a-z](?:[a-z0-9-]{{0,30}}[a-z0-9])?$"
_DOMAIN: Final = {
    "type": "string",
    "pattern": DOMAIN_PATTERN,
    "description": "domain of two labels at least",
}
_DEVICE_FORMS: Final = {"anyOf": [*ADDRESS, MAC]}
_PEER_FORMS: Final = {"anyOf": [*ADDRESS, *PREFIX]}

_LONGEST_DEVICE: Final = 64
_LONGEST_NAME: Final = 253  # RFC 1035, without the last dot

What = Annotated[str, Field(max_length=_LONGEST_NAME), WithJsonSchema({"anyOf": [*ADDRESS, *PREFIX, MAC, _DOMAIN]})]
"""Whatever can be blocked."""
Device = Annotated[str, Field(max_length=_LONGEST_DEVICE)]
Domain = Annotated[str, Field(max_length=_LONGEST_NAME)]


def target_forms() -> dict[str, Any]:
    """Return what holds of a body between its kind and the parts that this kind needs, as JSON Schema."""
    return {
        "oneOf": [
            _target("device", device=_DEVICE_FORMS),
            _target("peer", peer=_PEER_FORMS),
            _target("pair", device=_DEVICE_FORMS, peer=_PEER_FORMS),
            _target("domain", domain=_DOMAIN),
        ]
    }


def _target(kind: str, **parts: dict[str, Any]) -> dict[str, Any]:
    empty = {name: {"const": ""} for name in ("device", "peer", "domain") if name not in parts}
    action = {} if kind == "device" else {"action": {"const": "block"}}
    return {"properties": {"kind": {"const": kind}, **action, **empty, **parts}, "required": ["kind", *parts]}
