"""One polars schema per decoded log kind: Zeek's own column names, whatever the file's format was.

Sources: Zeek's ``scripts/base/protocols/*/main.zeek``, ``scripts/base/frameworks/notice/main.zeek`` and
``scripts/policy/misc/capture-loss.zeek``. Columns that differ between Zeek's versions are all here (``cert_chain_fps``
of today and ``cert_chain_fuids`` of before); what a log does not have is null.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from ingest.decode.suricata.schemas import EVENT_SCHEMAS

_F64: Final = pl.Float64()
_I64: Final = pl.Int64()
_U16: Final = pl.UInt16()
_BOOL: Final = pl.Boolean()
_STR: Final = pl.String()
_STRINGS: Final = pl.List(pl.String())

_ID: Final[dict[str, pl.DataType]] = {
    "ts": _F64,
    "uid": _STR,
    "id.orig_h": _STR,
    "id.orig_p": _U16,
    "id.resp_h": _STR,
    "id.resp_p": _U16,
}


def _schema(**fields: pl.DataType) -> pl.Schema:
    return pl.Schema({**_ID, **fields, "community_id": _STR})


CONN: Final = _schema(
    proto=_STR,
    service=_STR,
    duration=_F64,
    orig_bytes=_I64,
    resp_bytes=_I64,
    conn_state=_STR,
    local_orig=_BOOL,
    local_resp=_BOOL,
    missed_bytes=_I64,
    history=_STR,
    orig_pkts=_I64,
    orig_ip_bytes=_I64,
    resp_pkts=_I64,
    resp_ip_bytes=_I64,
    tunnel_parents=_STRINGS,
    orig_l2_addr=_STR,
    resp_l2_addr=_STR,
)

DNS: Final = _schema(
    proto=_STR,
    trans_id=_I64,
    rtt=_F64,
    query=_STR,
    qclass=_I64,
    qclass_name=_STR,
    qtype=_I64,
    qtype_name=_STR,
    rcode=_I64,
    rcode_name=_STR,
    AA=_BOOL,
    TC=_BOOL,
    RD=_BOOL,
    RA=_BOOL,
    Z=_I64,
    answers=_STRINGS,
    TTLs=pl.List(pl.Float64()),
    rejected=_BOOL,
)

HTTP: Final = _schema(
    trans_depth=_I64,
    method=_STR,
    host=_STR,
    uri=_STR,
    referrer=_STR,
    version=_STR,
    user_agent=_STR,
    origin=_STR,
    request_body_len=_I64,
    response_body_len=_I64,
    status_code=_I64,
    status_msg=_STR,
    info_code=_I64,
    info_msg=_STR,
    tags=_STRINGS,
    username=_STR,
    password=_STR,
    proxied=_STRINGS,
    orig_fuids=_STRINGS,
    orig_filenames=_STRINGS,
    orig_mime_types=_STRINGS,
    resp_fuids=_STRINGS,
    resp_filenames=_STRINGS,
    resp_mime_types=_STRINGS,
)

SSL: Final = _schema(
    version=_STR,
    cipher=_STR,
    curve=_STR,
    server_name=_STR,
    resumed=_BOOL,
    last_alert=_STR,
    next_protocol=_STR,
    established=_BOOL,
    ssl_history=_STR,
    cert_chain_fps=_STRINGS,
    client_cert_chain_fps=_STRINGS,
    cert_chain_fuids=_STRINGS,
    client_cert_chain_fuids=_STRINGS,
    subject=_STR,
    issuer=_STR,
    sni_matches_cert=_BOOL,
    validation_status=_STR,
    ja3=_STR,
    ja3s=_STR,
    ja4=_STR,
)

X509: Final = pl.Schema(
    {
        "ts": _F64,
        "fingerprint": _STR,
        "id": _STR,
        "certificate.subject": _STR,
        "certificate.issuer": _STR,
    }
)
"""Certificates that were seen: by fingerprint (before: by the ``id`` of a file), what ssl.log may leave out."""

DHCP: Final = pl.Schema(
    {
        "ts": _F64,
        "uids": _STRINGS,
        "client_addr": _STR,
        "server_addr": _STR,
        "mac": _STR,
        "host_name": _STR,
        "client_fqdn": _STR,
        "domain": _STR,
        "requested_addr": _STR,
        "assigned_addr": _STR,
        "lease_time": _F64,
        "client_message": _STR,
        "server_message": _STR,
        "msg_types": _STRINGS,
        "duration": _F64,
    }
)

MQTT_CONNECT: Final = _schema(
    proto_name=_STR,
    proto_version=_STR,
    client_id=_STR,
    connect_status=_STR,
    will_topic=_STR,
    will_payload=_STR,
)

MQTT_PUBLISH: Final = _schema(
    from_client=_BOOL,
    retain=_BOOL,
    qos=_STR,
    status=_STR,
    topic=_STR,
    payload=_STR,
    payload_len=_I64,
)

MQTT_SUBSCRIBE: Final = _schema(
    action=_STR,
    topics=_STRINGS,
    qos_levels=pl.List(pl.Int64()),
    granted_qos_level=_I64,
    ack=_BOOL,
)

SSH: Final = _schema(
    version=_I64,
    auth_success=_BOOL,
    auth_attempts=_I64,
    direction=_STR,
    client=_STR,
    server=_STR,
    cipher_alg=_STR,
    mac_alg=_STR,
    compression_alg=_STR,
    kex_alg=_STR,
    host_key_alg=_STR,
    host_key_fingerprint=_STR,
)

WEIRD: Final = _schema(name=_STR, addl=_STR, notice=_BOOL, peer=_STR, source=_STR)

NOTICE: Final = _schema(
    fuid=_STR,
    file_mime_type=_STR,
    file_desc=_STR,
    proto=_STR,
    note=_STR,
    msg=_STR,
    sub=_STR,
    src=_STR,
    dst=_STR,
    p=_U16,
    n=_I64,
    peer_descr=_STR,
    actions=_STRINGS,
    email_dest=_STRINGS,
    suppress_for=_F64,
)

CAPTURE_LOSS: Final = pl.Schema(
    {"ts": _F64, "ts_delta": _F64, "peer": _STR, "gaps": _I64, "acks": _I64, "percent_lost": _F64}
)

REPORTER: Final = pl.Schema({"ts": _F64, "level": _STR, "message": _STR, "location": _STR})
"""What Zeek says of its own trouble: errors in scripts, interfaces that went away."""

STATS: Final = pl.Schema({"ts": _F64, "peer": _STR, "pkts_proc": _I64, "pkts_dropped": _I64, "pkts_link": _I64})
"""Zeek's own counts of each interval; dropped and link packets are unset where the interface does not count them."""

SURICATA_ALERT: Final = _schema(
    proto=_STR,
    app_proto=_STR,
    action=_STR,
    gid=_I64,
    signature_id=_I64,
    rev=_I64,
    signature=_STR,
    category=_STR,
    severity=_I64,
    tx_id=_I64,
    flow_id=_I64,
    direction=_STR,
)
"""Suricata's ``alert`` events: a rule that matched, as evidence on the device."""

SURICATA_STATS: Final = pl.Schema({"ts": _F64, "kernel_packets": _I64, "kernel_drops": _I64})
"""Suricata's ``stats`` events of live capture: packets since its start, and how many of those the kernel dropped."""

SCHEMAS: Final[dict[str, pl.Schema]] = {
    "conn": CONN,
    "conn_long": CONN,
    "dns": DNS,
    "http": HTTP,
    "ssl": SSL,
    "x509": X509,
    "dhcp": DHCP,
    "mqtt_connect": MQTT_CONNECT,
    "mqtt_publish": MQTT_PUBLISH,
    "mqtt_subscribe": MQTT_SUBSCRIBE,
    "ssh": SSH,
    "weird": WEIRD,
    "notice": NOTICE,
    "capture_loss": CAPTURE_LOSS,
    "reporter": REPORTER,
    "stats": STATS,
    "suricata_alert": SURICATA_ALERT,
    "suricata_stats": SURICATA_STATS,
}
"""Log kinds that are decoded into frames, by name."""

READ: Final[dict[str, pl.Schema]] = {**SCHEMAS, **EVENT_SCHEMAS}
"""What is read from lines, by log kind or type of event."""

DECLARED: Final[dict[str, tuple[str, str]]] = {}
"""Logs that a user declares (`ingest.declared`), with the columns of their two ends."""

OF_NO_CONNECTION: Final = frozenset({"notice", "weird", "suricata_alert"})
"""Kinds whose records can be of something else than a connection, and then have no ends."""


@cache
def required_of(kind: str) -> tuple[str, ...]:
    """Return the columns of ``READ`` without which a record of a kind is none."""
    if kind in EVENT_SCHEMAS:
        return tuple(name for name in ("flow.start", "src_ip", "dest_ip") if name in EVENT_SCHEMAS[kind])
    if kind in DECLARED:
        return ("ts", *DECLARED[kind])
    ends = ("id.orig_h", "id.resp_h") if "id.orig_h" in SCHEMAS[kind] and kind not in OF_NO_CONNECTION else ()
    return ("ts", *ends)


def spelled_as(column: str, kind: str) -> str:
    """Return the name by which a column's values are spelled: that of an end, if it is one of a declared log."""
    return "id.orig_h" if column in DECLARED.get(kind, ()) else column


TIMES: Final = frozenset({"ts", "flow.start", "flow.end"})
"""Columns of ``READ`` that hold a time, not an interval."""

TOLD_BY_BOTH: Final = ("conn", "dns", "http", "ssl", "mqtt_connect", "mqtt_publish", "mqtt_subscribe")
"""Log kinds of connections, and of what went through them, of which both Zeek and Suricata tell."""
