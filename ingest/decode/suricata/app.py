"""Suricata's http, tls, ssh, mqtt and dhcp events to the records that Zeek would have logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decode.suricata.common import address, identity, objects, section

if TYPE_CHECKING:
    Record = dict[str, Any]
    Records = list[tuple[str, Record]]

_TLS_VERSIONS: Final = {
    "TLSv1": "TLSv10",
    "TLS 1.0": "TLSv10",
    "TLS 1.1": "TLSv11",
    "TLS 1.2": "TLSv12",
    "TLS 1.3": "TLSv13",
    "UNDETERMINED": None,
}
_MQTT_VERSIONS: Final = {3: "3.1", 4: "3.1.1", 5: "5.0"}
_MQTT_CODES: Final = {
    0: "Connection Accepted",
    1: "Refused: unacceptable protocol version",
    2: "Refused: identifier rejected",
    3: "Refused: server unavailable",
    4: "Refused: bad user name or password",
    5: "Refused: not authorized",
}
"""Source: Zeek's ``base/protocols/mqtt/consts.zeek``."""
_MQTT_QOS: Final = ("at most once", "at least once", "exactly once")


def read_http(event: Record) -> Records:
    """Return one request and its response."""
    http = section(event, "http")
    host, port, protocol = http.get("hostname"), http.get("http_port"), http.get("protocol")
    number = event.get("tx_id")
    return [
        (
            "http",
            {
                **identity(event),
                "trans_depth": number + 1 if isinstance(number, int) else None,
                "method": http.get("http_method"),
                "host": f"{host}:{port}" if host and port else host,
                "uri": http.get("url"),
                "referrer": http.get("http_refer"),
                "version": protocol.removeprefix("HTTP/") if isinstance(protocol, str) else protocol,
                "user_agent": http.get("http_user_agent"),
                "response_body_len": http.get("length"),
                "status_code": http.get("status"),
                "tags": [],
            },
        )
    ]


def read_tls(event: Record) -> Records:
    """Return one handshake."""
    tls = section(event, "tls")
    version, print_of = tls.get("version"), tls.get("fingerprint")
    return [
        (
            "ssl",
            {
                **identity(event),
                "version": _TLS_VERSIONS.get(version, version) if isinstance(version, str) else version,
                "server_name": tls.get("sni"),
                "resumed": tls.get("session_resumed", False),
                "established": True,
                "subject": tls.get("subject"),
                "issuer": tls.get("issuerdn"),
                "cert_chain_fps": [print_of.replace(":", "")] if isinstance(print_of, str) else None,
                "ja3": _hash_in(tls, "ja3"),
                "ja3s": _hash_in(tls, "ja3s"),
                "ja4": tls.get("ja4"),
            },
        )
    ]


def _hash_in(tls: Record, name: str) -> object:
    part = tls.get(name)
    return part.get("hash") if isinstance(part, dict) else None


def read_ssh(event: Record) -> Records:
    """Return what the two sides called themselves; whether a log-in succeeded Suricata does not say."""
    ssh = section(event, "ssh")
    client, server = (section(ssh, name) if name in ssh else {} for name in ("client", "server"))
    version = str(client.get("proto_version") or server.get("proto_version") or "")
    number = int(version[0]) if version[:1].isdecimal() else None
    banners = {"client": _ssh_banner(client), "server": _ssh_banner(server)}
    return [("ssh", {**identity(event), **banners, "version": number})]


def _ssh_banner(side: Record) -> str | None:
    if "software_version" not in side:
        return None
    return f"SSH-{side.get('proto_version')}-{side['software_version']}"


def read_mqtt(event: Record) -> Records:
    """Return the connect, publish or subscribe message of a transaction; other messages have no records in Zeek."""
    mqtt = section(event, "mqtt")
    readers = {
        "connect": ("mqtt_connect", _mqtt_connect),
        "publish": ("mqtt_publish", _mqtt_publish),
        "subscribe": ("mqtt_subscribe", _mqtt_subscribe),
        "unsubscribe": ("mqtt_subscribe", _mqtt_unsubscribe),
    }
    return [(kind, {**identity(event), **read(mqtt)}) for name, (kind, read) in readers.items() if name in mqtt]


def _mqtt_connect(mqtt: Record) -> Record:
    connect = section(mqtt, "connect")
    will = section(connect, "will") if "will" in connect else {}
    code = section(mqtt, "connack").get("return_code") if "connack" in mqtt else None
    version = connect.get("protocol_version")
    return {
        "proto_name": connect.get("protocol_string"),
        "proto_version": _MQTT_VERSIONS.get(version, str(version)) if isinstance(version, int) else None,
        "client_id": connect.get("client_id"),
        "connect_status": _MQTT_CODES.get(code, "unknown") if isinstance(code, int) else None,
        "will_topic": will.get("topic"),
        "will_payload": will.get("message"),
    }


def _mqtt_publish(mqtt: Record) -> Record:
    publish = section(mqtt, "publish")
    message, qos = publish.get("message"), publish.get("qos")
    known = isinstance(qos, int) and 0 <= qos < len(_MQTT_QOS)
    done = qos == 0 or "puback" in mqtt or "pubcomp" in mqtt
    return {
        "retain": publish.get("retain"),
        "qos": _MQTT_QOS[qos] if known else None,  # type: ignore[index]  # known says that it is a number
        "status": "ok" if done else "incomplete_qos",
        "topic": publish.get("topic"),
        "payload": message,
        "payload_len": len(message.encode()) if isinstance(message, str) else None,
    }


def _mqtt_subscribe(mqtt: Record) -> Record:
    subscribe = section(mqtt, "subscribe")
    topics = objects(subscribe.get("topics"))
    granted = section(mqtt, "suback").get("qos_granted") if "suback" in mqtt else None
    return {
        "action": "MQTT::SUBSCRIBE",
        "topics": [topic.get("topic") for topic in topics],
        "qos_levels": [topic.get("qos") for topic in topics],
        "granted_qos_level": granted[0] if isinstance(granted, list) and granted else None,
        "ack": "suback" in mqtt,
    }


def _mqtt_unsubscribe(mqtt: Record) -> Record:
    topics = section(mqtt, "unsubscribe").get("topics")
    return {"action": "MQTT::UNSUBSCRIBE", "topics": topics, "ack": "unsuback" in mqtt}


def read_dhcp(event: Record) -> Records:
    """Return one message; Zeek would have joined the messages of an exchange."""
    dhcp = section(event, "dhcp")
    common = identity(event, turned=dhcp.get("type") == "reply")
    kind = dhcp.get("dhcp_type")
    return [
        (
            "dhcp",
            {
                "ts": common["ts"],
                "uids": [common["uid"]] if common["uid"] else None,
                "client_addr": _set_address(dhcp.get("client_ip")),
                "server_addr": common["id.resp_h"] if dhcp.get("type") == "reply" else None,
                "mac": dhcp.get("client_mac"),
                "host_name": dhcp.get("hostname"),
                "requested_addr": _set_address(dhcp.get("requested_ip")),
                "assigned_addr": _set_address(dhcp.get("assigned_ip")),
                "lease_time": dhcp.get("lease_time"),
                "msg_types": [kind.upper()] if isinstance(kind, str) else None,
            },
        )
    ]


def _set_address(text: object) -> object:
    return None if text == "0.0.0.0" else address(text)  # noqa: S104  # DHCP's word for "none", not a bind address
