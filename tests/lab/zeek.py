"""Writes a site's logs as Zeek does: TSV, or JSON without the fields that are not set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

    from lab.traffic import Traffic

_TYPES: Final = {pl.Float64(): "time", pl.Int64(): "count", pl.Boolean(): "bool", pl.String(): "string"}
_BY_NAME: Final = {
    **dict.fromkeys(
        ("id.orig_h", "id.resp_h", "client_addr", "server_addr", "requested_addr", "assigned_addr"), "addr"
    ),
    **dict.fromkeys(("id.orig_p", "id.resp_p"), "port"),
    **dict.fromkeys(("duration", "rtt", "lease_time"), "interval"),
    **dict.fromkeys(
        ("answers", "msg_types", "resp_mime_types", "cert_chain_fps", "topics"),
        "vector[string]",
    ),
    "qos_levels": "vector[count]",
    "qos": "enum",
    "action": "enum",
    "TTLs": "vector[interval]",
    "uids": "set[string]",
    "proto": "enum",
}
_OURS: Final = ("written", "attack")
_LISTS: Final = ("answers", "TTLs", "msg_types", "resp_mime_types", "cert_chain_fps", "topics", "qos_levels")
_NUMBERS: Final = {"TTLs": float, "qos_levels": int}


def write_tsv(traffic: Traffic, folder: Path) -> dict[str, str]:
    """Write one file a kind that has records; return uids that are written otherwise, here none."""
    for kind, frame in traffic.logs.items():
        if not len(frame):
            continue
        plain = frame.drop(_OURS)
        texts = plain.with_columns(
            pl.when(pl.col(name)).then(pl.lit("T")).when(~pl.col(name)).then(pl.lit("F")).alias(name)
            for name, dtype in plain.schema.items()
            if dtype == pl.Boolean
        )
        with (folder / f"{kind}.log").open("wb") as file:
            file.write(_header(kind, plain.schema))
            texts.write_csv(
                file, include_header=False, separator="\t", quote_style="never", float_precision=6, null_value="-"
            )
            file.write(b"#close\t2026-02-01-00-00-00\n")
    return {}


def _header(kind: str, schema: pl.Schema) -> bytes:
    types = (_BY_NAME.get(name, _TYPES[dtype]) for name, dtype in schema.items())
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        f"#path\t{kind}\n#open\t2026-01-05-08-00-00\n#fields\t"
        + "\t".join(schema)
        + "\n#types\t"
        + "\t".join(types)
        + "\n"
    ).encode()


def write_json(traffic: Traffic, folder: Path) -> dict[str, str]:
    """Write one file a kind that has records; return uids that are written otherwise, here none."""
    for kind, frame in traffic.logs.items():
        if len(frame):
            with (folder / f"{kind}.log").open("w", encoding="utf-8") as file:
                for row in frame.drop(_OURS).iter_rows(named=True):
                    file.write(json.dumps(_set(row)) + "\n")
    return {}


def _set(row: dict[str, object]) -> dict[str, object]:
    out = {name: value for name, value in row.items() if value is not None}
    for name in _LISTS:
        if name in out:
            out[name] = [_NUMBERS.get(name, str)(v) for v in str(out[name]).split(",")]
    return out
