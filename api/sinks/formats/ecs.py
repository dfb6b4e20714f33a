"""ECS, the Elastic Common Schema 9: https://www.elastic.co/docs/reference/ecs. Which field is which: docs/alert.md."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from api.sinks.times import bounded, iso_utc
from api.state.store.rows import SEVERITIES
from api.version import package_version

if TYPE_CHECKING:
    from api.sinks.protocol import Notice
    from online_models.types import Alert

_VERSION: Final = "9.4.0"
_SEVERITY: Final = dict(zip(SEVERITIES, (21, 47, 73, 99), strict=True))
"""The numbers that Elastic's detection rules have for low, medium, high and critical."""
_DIRECTION: Final = {"out": "outbound", "in": "inbound", "lateral": "internal"}
_TYPE: Final = {"closed": "end", "muted": "end", "raised": "start", "drift": "start"}


def ecs(notice: Notice) -> dict[str, Any]:
    """Return the notice as an ECS document, without empty fields."""
    alert = notice.alert
    return _without_empty({
        "@timestamp": iso_utc(alert.last_ts),
        "ecs": {"version": _VERSION},
        "message": alert.sentence,
        "tags": [f"site:{alert.site}"],
        "event": _event(notice),
        "rule": {"name": alert.behaviour, "ruleset": "nslabs", "category": alert.log},
        "threat": _threat(alert.technique),
        "observer": {"vendor": "NetworksecurityLabs", "product": "nslabs", "type": "ids", "version": package_version()},
        "host": _host(notice),
        "source": _endpoint(alert.device),
        "destination": _peer(alert),
        "network": {"direction": _DIRECTION[alert.direction]},
        "related": {"ip": _addresses(alert), "hosts": [notice.owner.host_name or ""] if notice.owner else []},
        "labels": {"incident": alert.incident, "drift": alert.drift, "verdict": alert.verdict, "site": alert.site},
    })  # fmt: skip


def _event(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "kind": "alert",
        "category": ["intrusion_detection", "network"],
        "type": [_TYPE.get(notice.event, "info")],
        "action": f"alert-{notice.event}",
        "id": alert.id,
        "sequence": notice.number,
        "module": "nslabs",
        "dataset": "nslabs.alert",
        "created": iso_utc(notice.at),
        "start": iso_utc(alert.first_ts),
        "end": iso_utc(alert.last_ts),
        "duration": int((bounded(alert.last_ts) - bounded(alert.first_ts)) * 1e9),
        "severity": _SEVERITY[alert.severity],
        "risk_score": round(alert.score * 100, 2),
        "reason": "; ".join(reason.text for reason in alert.reasons if reason.text),
        "url": notice.link,
    }


def _threat(technique: str | None) -> dict[str, Any]:
    if technique is None:
        return {}
    first, _, more = technique.partition(".")
    of = {"id": [first], "subtechnique": {"id": [technique] if more else []}}
    return {"framework": "MITRE ATT&CK", "technique": of}


def _host(notice: Notice) -> dict[str, Any]:
    owner = notice.owner
    mac = [owner.mac.upper().replace(":", "-")] if owner and owner.mac else []  # RFC 7042, as ECS asks
    name, host_name = (owner.name, owner.host_name) if owner else (None, None)
    return {"name": name or notice.alert.device, "hostname": host_name, "mac": mac, "ip": _ips([notice.alert.device])}


def _endpoint(address: str) -> dict[str, Any]:
    return {"address": address, "ip": "".join(_ips([address]))}


def _peer(alert: Alert) -> dict[str, Any]:
    peer = alert.peers[0] if alert.peers else ""
    return _endpoint(peer) | {"domain": alert.peer_names.get(peer, "")}


def _addresses(alert: Alert) -> list[str]:
    return list(dict.fromkeys(_ips([alert.device, *alert.peers])))


def _ips(names: list[str]) -> list[str]:
    """Return those that are addresses."""
    return [name for name in names if _is_address(name)]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in document.items()}
    return {key: value for key, value in kept.items() if value not in (None, "", {}, [], [""])}
