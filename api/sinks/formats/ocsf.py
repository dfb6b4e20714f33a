"""OCSF 1.8, class 2004 "Detection Finding": https://schema.ocsf.io/1.8.0/classes/detection_finding (docs/alert.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from api.sinks.formats.ecs import _is_address, _without_empty
from api.sinks.times import epoch_ms
from api.state.store.rows import SEVERITIES
from api.version import package_version
from online_models.service import LOG

if TYPE_CHECKING:
    from api.sinks.protocol import Notice
    from online_models.types import Alert

_VERSION: Final = "1.8.0"
_CLASS: Final = 2004
_ACTIVITY: Final = {"raised": 1, "drift": 1, "graver": 2, "updated": 2, "muted": 2, "closed": 3}
_ACTIVITY_NAME: Final = {1: "Create", 2: "Update", 3: "Close"}
_SEVERITY: Final = dict(zip(SEVERITIES, (2, 3, 4, 5), strict=True))
_SEVERITY_NAME: Final = {2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
_STATUS: Final = {1: "New", 3: "Suppressed", 4: "Resolved"}
_DIRECTION: Final = {"in": 1, "out": 2, "lateral": 3}
_DEVICE_IOT: Final = {"type_id": 7, "type": "IOT"}
_DEVICE_SERVER: Final = {"type_id": 1, "type": "Server"}
"""The service itself, where an alert is about that."""
_ATTACK_VERSION: Final = "17.0"


def ocsf(notice: Notice) -> dict[str, Any]:
    """Return the notice as an OCSF event, without empty fields."""
    alert, activity, severity = notice.alert, _ACTIVITY[notice.event], _SEVERITY[notice.alert.severity]
    status = 3 if alert.muted else 4 if alert.status == "closed" else 1
    return _without_empty({
        "activity_id": activity,
        "activity_name": _ACTIVITY_NAME[activity],
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {_ACTIVITY_NAME[activity]}",
        "time": epoch_ms(alert.last_ts),
        "start_time": epoch_ms(alert.first_ts),
        "end_time": epoch_ms(alert.last_ts),
        "severity_id": severity,
        "severity": _SEVERITY_NAME[severity],
        "status_id": status,
        "status": _STATUS[status],
        "is_alert": True,
        "confidence_score": round(alert.score * 100),
        "count": alert.count,
        "message": alert.sentence,
        "comment": alert.comment,
        "metadata": _metadata(notice),
        "finding_info": _finding(notice),
        "evidences": _evidences(notice),
        "unmapped": {"site": alert.site, "incident": alert.incident, "drift": alert.drift, "verdict": alert.verdict},
    })  # fmt: skip


def _metadata(notice: Notice) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "uid": notice.key,
        "sequence": notice.number,
        "logged_time": epoch_ms(notice.at),
        "log_name": notice.alert.log,
        "product": {"name": "nslabs", "vendor_name": "NetworksecurityLabs", "version": package_version()},
    }


def _finding(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "uid": alert.id,
        "title": alert.sentence,
        "desc": "; ".join(reason.text for reason in alert.reasons if reason.text),
        "types": [alert.behaviour],
        "created_time": epoch_ms(alert.ts),
        "first_seen_time": epoch_ms(alert.first_ts),
        "last_seen_time": epoch_ms(alert.last_ts),
        "analytic": {"name": alert.behaviour, "type_id": 2, "type": "Behavioral"},
        "attacks": _attacks(alert.technique),
        "src_url": notice.link if "://" in notice.link else "",
    }


def _attacks(technique: str | None) -> list[dict[str, Any]]:
    if technique is None:
        return []
    first, _, more = technique.partition(".")
    sub = {"sub_technique": {"uid": technique}} if more else {}
    return [{"technique": {"uid": first}, "version": _ATTACK_VERSION, **sub}]


def _evidences(notice: Notice) -> list[dict[str, Any]]:
    """Return the device with each of its peers, or by itself."""
    device = _device(notice)
    alert, way = notice.alert, {"connection_info": {"direction_id": _DIRECTION[notice.alert.direction]}}
    return [{"src_endpoint": device, "dst_endpoint": _peer(alert, peer), **way} for peer in _peers(alert)] or [
        {"src_endpoint": device, **way}
    ]


def _peer(alert: Alert, peer: str) -> dict[str, Any]:
    return _without_empty(_endpoint(peer) | {"hostname": alert.peer_names.get(peer, "")})


def _peers(alert: Alert) -> list[str]:
    return [peer for peer in alert.peers if peer]


def _device(notice: Notice) -> dict[str, Any]:
    owner = notice.owner
    known = {"mac": (owner.mac or "").upper(), "hostname": owner.host_name, "name": owner.label} if owner else {}
    kind = _DEVICE_SERVER if notice.alert.log == LOG else _DEVICE_IOT
    return _without_empty(_endpoint(notice.alert.device) | kind | known)


def _endpoint(name: str) -> dict[str, Any]:
    return {"ip": name} if _is_address(name) else {"name": name}
