"""OpenAPI descriptions of bodies that the routes read themselves."""

from __future__ import annotations

from typing import Any, Final

RECORDS: Final = [
    {
        "_path": "conn",
        "ts": 1767600000.25,
        "uid": "CHhAvVGS1DHFjwGM9",
        "id.orig_h": "192.168.1.23",
        "id.orig_p": 49152,
        "id.resp_h": "203.0.113.7",
        "id.resp_p": 23,
        "proto": "tcp",
        "duration": 0.2,
        "orig_bytes": 0,
        "resp_bytes": 0,
        "conn_state": "S0",
        "orig_pkts": 1,
        "resp_pkts": 0,
    },
    {
        "ts": 1767600001.5,
        "uid": "CmES5u32sYpV7JYN",
        "id.orig_h": "192.168.1.23",
        "id.orig_p": 53124,
        "id.resp_h": "192.168.1.1",
        "id.resp_p": 53,
        "proto": "udp",
        "query": "time.example",
        "qtype_name": "A",
        "rcode_name": "NOERROR",
    },
]
"""Two Zeek JSON records: one says its kind in ``_path``, the other shows it by its fields."""


def records_body(key: str) -> dict[str, Any]:
    """Describe a JSON body that holds Zeek records under `key`."""
    return {"requestBody": {"required": True, "content": {"application/json": _records_content(key)}}}


def dataset_body() -> dict[str, Any]:
    """Describe the body of a training request: records, or an uploaded log."""
    upload = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "type": "string",
                "format": "binary",
                "description": "a Zeek log that has a model, TSV or JSON, as it is or compressed with gzip",
            },
            "attacks": {
                "type": "string",
                "format": "binary",
                "description": "uids of the records that are attacks, one a line; leave it out if all are normal",
            },
        },
    }
    records = _records_content("dataset")
    records["schema"]["properties"]["attacks"] = {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "description": "uids of the records that are attacks; leave it out if all are normal",
    }
    content = {"application/json": records, "multipart/form-data": {"schema": upload}}
    return {"requestBody": {"required": True, "content": content}}


def _records_content(key: str) -> dict[str, Any]:
    record = {
        "description": "one Zeek JSON record, whose kind `_path` or its fields tell; all else is listed as rejected"
    }
    schema = {"type": "object", "required": [key], "properties": {key: {"type": "array", "items": record}}}
    return {"schema": schema, "example": {key: RECORDS}}
