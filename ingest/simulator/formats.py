"""The two forms in which Zeek writes a log: tab-separated text with a header, and JSON objects.

Source: Zeek's ``src/threading/formatters/Ascii.cc`` and ``JSON.cc`` and ``src/logging/writers/ascii/Ascii.cc``.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Final

import polars as pl

from ingest.simulator.frames import JOINT

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID: Final = {
    "ts": "time",
    "uid": "string",
    "id.orig_h": "addr",
    "id.orig_p": "port",
    "id.resp_h": "addr",
    "id.resp_p": "port",
}


def _named(names: str, zeek_type: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), zeek_type)


TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "conn": _ID
    | {"proto": "enum", "service": "string", "duration": "interval"}
    | _named("orig_bytes resp_bytes", "count")
    | {"conn_state": "string", "local_orig": "bool", "local_resp": "bool", "missed_bytes": "count", "history": "string"}
    | _named("orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes", "count")
    | {"tunnel_parents": "set[string]", "ip_proto": "count"}
    | _named("orig_l2_addr resp_l2_addr community_id", "string"),
    "dns": _ID
    | {"proto": "enum", "trans_id": "count", "rtt": "interval", "query": "string", "qclass": "count"}
    | {"qclass_name": "string", "qtype": "count", "qtype_name": "string", "rcode": "count", "rcode_name": "string"}
    | _named("AA TC RD RA", "bool")
    | {"Z": "count", "answers": "vector[string]", "TTLs": "vector[interval]", "rejected": "bool"}
    | {"opcode": "count", "opcode_name": "string"},
    "ssl": _ID
    | _named("version cipher curve server_name", "string")
    | {"resumed": "bool", "last_alert": "string", "next_protocol": "string", "established": "bool"}
    | {"ssl_history": "string"}
    | _named("cert_chain_fps client_cert_chain_fps", "vector[string]")
    | {"sni_matches_cert": "bool"}
    | _named("validation_status ja3 ja4", "string"),
    "x509": {"ts": "time", "fingerprint": "string", "certificate.version": "count"}
    | _named("certificate.serial certificate.subject certificate.issuer", "string")
    | _named("certificate.not_valid_before certificate.not_valid_after", "time")
    | _named("certificate.key_alg certificate.sig_alg certificate.key_type", "string")
    | {"certificate.key_length": "count", "certificate.exponent": "string", "certificate.curve": "string"}
    | _named("san.dns san.uri san.email", "vector[string]")
    | {"san.ip": "vector[addr]", "basic_constraints.ca": "bool", "basic_constraints.path_len": "count"}
    | _named("host_cert client_cert", "bool"),
    "mqtt_connect": _ID | _named("proto_name proto_version client_id connect_status will_topic will_payload", "string"),
    "mqtt_publish": _ID
    | _named("from_client retain", "bool")
    | _named("qos status topic payload", "string")
    | {"payload_len": "count"},
    "mqtt_subscribe": _ID
    | {"action": "enum", "topics": "vector[string]", "qos_levels": "vector[count]"}
    | {"granted_qos_level": "count", "ack": "bool"},
    "http": _ID
    | {"trans_depth": "count"}
    | _named("method host uri referrer version user_agent origin", "string")
    | _named("request_body_len response_body_len status_code", "count")
    | {"status_msg": "string", "info_code": "count", "info_msg": "string", "tags": "set[enum]"}
    | {"username": "string", "password": "string", "proxied": "set[string]"}
    | _named("orig_fuids orig_filenames orig_mime_types resp_fuids resp_filenames resp_mime_types", "vector[string]"),
}
"""Fields and Zeek types of each log, in the order of Zeek's defaults with the MAC and community ID policies loaded."""


def stamp(when: float) -> str:
    """Return a log time as Zeek writes it in headers and file names; the simulated sensor's zone is UTC."""
    return time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime(when))


def tsv_header(kind: str, when: float) -> bytes:
    """Return the eight lines with which a tab-separated log begins."""
    fields = "\t".join(TYPES[kind])
    types = "\t".join(TYPES[kind].values())
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        f"#path\t{kind}\n#open\t{stamp(when)}\n#fields\t{fields}\n#types\t{types}\n"
    ).encode()


def tsv_footer(when: float) -> bytes:
    """Return the line with which a closed tab-separated log ends."""
    return f"#close\t{stamp(when)}\n".encode()


def tsv_lines(kind: str, frame: pl.DataFrame) -> bytes:
    """Return one tab-separated line a row."""
    out = io.BytesIO()
    shaped = frame.select(_tsv(name, zeek_type) for name, zeek_type in TYPES[kind].items())
    shaped.write_csv(out, include_header=False, separator="\t", null_value="-", quote_style="never", float_precision=6)
    return out.getvalue()


def _tsv(name: str, zeek_type: str) -> pl.Expr:
    column = pl.col(name)
    if zeek_type == "bool":
        return pl.when(column).then(pl.lit("T")).when(~column).then(pl.lit("F")).alias(name)
    if zeek_type == "vector[interval]":
        column = column.str.replace_all(JOINT, ".000000" + JOINT, literal=True) + ".000000"
    if "[" not in zeek_type:
        return column
    joined = column.str.replace_all(",", "\\x2c", literal=True).str.replace_all(JOINT, ",", literal=True)
    return pl.when(column == "").then(pl.lit("(empty)")).otherwise(joined).alias(name)


def json_lines(kind: str, frame: pl.DataFrame) -> bytes:
    """Return one JSON object a row and line, without the keys that are unset."""
    members = [_json(name, zeek_type) for name, zeek_type in TYPES[kind].items()]
    lines = frame.select(("{" + pl.concat_str(members, separator=",", ignore_nulls=True) + "}").alias("line"))
    out = io.BytesIO()
    lines.write_csv(out, include_header=False, quote_style="never")
    return out.getvalue()


def _json(name: str, zeek_type: str) -> pl.Expr:
    return pl.concat_str([pl.lit(f'"{name}":'), _json_value(pl.col(name), zeek_type)])


def _json_value(column: pl.Expr, zeek_type: str) -> pl.Expr:
    if zeek_type in ("count", "port", "bool"):
        return column.cast(pl.String)
    if zeek_type in ("time", "interval"):
        return _decimals(column)
    if zeek_type == "vector[interval]":
        return "[" + column.str.replace_all(JOINT, ".0,", literal=True) + ".0]"
    if zeek_type == "vector[count]":
        return "[" + column.str.replace_all(JOINT, ",", literal=True) + "]"
    if "[" in zeek_type:
        joined = '["' + column.str.replace_all(JOINT, '","', literal=True) + '"]'
        return pl.when(column == "").then(pl.lit("[]")).otherwise(joined)
    return '"' + column + '"'


def _decimals(column: pl.Expr) -> pl.Expr:
    """Write seconds with six digits, exactly."""
    micros = (column * 1e6).round().cast(pl.Int64)
    fraction = (micros % 1_000_000).cast(pl.String).str.zfill(6)
    return pl.concat_str([(micros // 1_000_000).cast(pl.String), pl.lit("."), fraction])
