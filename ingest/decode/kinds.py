"""Which log kind a record is of: ``_path`` or ``#path`` says it, else its fields do; a file's name is only a hint."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from ingest.decode.schemas import DECLARED, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_ALIASES: Final = {"open_conn": "conn_long", "conn_open": "conn_long"}
_LOGGER: Final = re.compile(r"-.*|__.*|\.\d.*")

MARKS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("notice", frozenset({"note", "actions"})),
    ("weird", frozenset({"name", "notice"})),
    ("capture_loss", frozenset({"ts_delta", "gaps"})),
    ("reporter", frozenset({"level", "message"})),
    ("stats", frozenset({"mem", "pkts_proc"})),
    ("ssh", frozenset({"auth_attempts"})),
    ("ssl", frozenset({"established"})),
    ("x509", frozenset({"certificate.subject"})),
    ("x509", frozenset({"certificate.serial"})),
    ("dhcp", frozenset({"msg_types"})),
    ("mqtt_publish", frozenset({"from_client", "qos"})),
    ("mqtt_subscribe", frozenset({"action", "ack"})),
    ("mqtt_connect", frozenset({"proto_name", "proto_version"})),
    ("http", frozenset({"trans_depth", "tags"})),
    ("http", frozenset({"trans_depth", "method"})),
    ("http", frozenset({"method", "uri"})),
    ("conn", frozenset({"proto", "conn_state"})),
    ("dns", frozenset({"proto", "rejected"})),
    ("dns", frozenset({"proto", "query"})),
    ("conn", frozenset({"proto", "duration"})),
    ("conn", frozenset({"proto", "orig_bytes"})),
    ("conn", frozenset({"proto", "orig_pkts"})),
)
"""Fields that records of a kind always carry and records of other kinds never do together; the first match counts."""

_PLAIN_MARKS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("ssh", frozenset({"auth_attempts", "id.orig_h"})),
    ("ssl", frozenset({"established", "server_name", "id.orig_h"})),
    ("dhcp", frozenset({"msg_types", "mac"})),
    ("http", frozenset({"method", "host", "uri", "id.orig_h"})),
    ("dns", frozenset({"query", "qtype_name", "id.orig_h"})),
    ("conn", frozenset({"proto", "conn_state", "id.orig_h"})),
    ("conn", frozenset({"proto", "duration", "orig_bytes", "resp_bytes", "id.orig_h"})),
)
"""Fields that say of a log with a name that Zeek does not give (``conn_red``, ``conn_inbound``) that it is one of
these."""

_OTHER_LOGS: Final = """
    analyzer broker cluster config conn_summary dce_rpc dnp3 dpd files ftp intel irc kerberos known_certs known_hosts
    known_modbus known_services ldap ldap_search loaded_scripts login modbus modbus_register_change mysql netcontrol
    multicast_participants netcontrol_catch_release netcontrol_drop netcontrol_shunt notice_alarm ntlm ntp ocsp
    packet_filter pe postgresql print prof quic radius rdp redis reporter rfb signatures sip smb_cmd smb_files
    smb_mapping smtp snmp socks software stats stderr stdout syslog telemetry traceroute tunnel unknown_protocols
    weird_stats websocket
"""
"""Zeek's own logs that are not decoded: whatever their fields, they are what they are called."""


MARKING: Final = frozenset[str]().union(*(marks for _, marks in (*MARKS, *_PLAIN_MARKS)))
"""All fields that tell a kind."""


def kind_by_name(name: str) -> str:
    """Return the log kind that a ``#path``, a ``_path`` or a log's base name stands for.

    Examples
    --------
    >>> kind_by_name("json_streaming_conn"), kind_by_name("conn-logger-1"), kind_by_name("open_conn")
    ('conn', 'conn', 'conn_long')
    """
    base = _LOGGER.sub("", name.removeprefix("json_streaming_"))
    return _ALIASES.get(base, base)


def kind_by_file(source: str) -> str:
    """Return the log kind that a file's name hints at, ``""`` if none (``conn.2026-01-29-00-16-55.log.gz`` → conn)."""
    return kind_by_name(PurePosixPath(source).name.split(".", 1)[0])


def kind_by_fields(fields: Collection[str]) -> str | None:
    """Return the decoded kind whose marks are all among ``fields``, None if there is none."""
    return _first_match(MARKS, fields)


def _first_match(table: Iterable[tuple[str, frozenset[str]]], fields: Collection[str]) -> str | None:
    names = frozenset(fields)
    return next((kind for kind, marks in table if marks <= names), None)


def resolve_kind(path: str | None, fields: Collection[str], hint: str) -> str | None:
    """Return a record's log kind, which need not be a decoded one; None if nothing tells it.

    Parameters
    ----------
    path
        What the log itself says (``#path`` or ``_path``), None if it says nothing.
    fields
        Names of the record's fields.
    hint
        What `kind_by_file` made of the file's name.
    """
    if path:
        named = kind_by_name(path)
        is_known = named in SCHEMAS or named in _OTHER_LOGS.split()
        return named if is_known else _first_match(_PLAIN_MARKS, fields) or named
    if hint in DECLARED:
        return hint  # no field tells its records: their log's name has to
    found = kind_by_fields(fields)
    if found == "conn" and hint == "conn_long":
        return hint
    if found is None and hint not in SCHEMAS:
        return hint or None
    return found
