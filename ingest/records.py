"""What a decoded log looks like: one polars schema per log kind, whatever the file's format was.

Column names are Zeek's own (``id.orig_h``). Times are epoch seconds and intervals are seconds, both float64; byte and
packet counts are int64. A field that the log did not set is null; a field that was set to nothing is an empty string
or an empty list. Source: Zeek's ``scripts/base/protocols/*/main.zeek``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

_ID: Final[dict[str, pl.DataType]] = {
    "ts": pl.Float64(),
    "uid": pl.String(),
    "id.orig_h": pl.String(),
    "id.orig_p": pl.UInt16(),
    "id.resp_h": pl.String(),
    "id.resp_p": pl.UInt16(),
}
_STRINGS: Final = pl.List(pl.String())


def _schema(**fields: pl.DataType) -> pl.Schema:
    return pl.Schema({**_ID, **fields})


CONN: Final = _schema(
    proto=pl.String(),
    service=pl.String(),
    duration=pl.Float64(),
    orig_bytes=pl.Int64(),
    resp_bytes=pl.Int64(),
    conn_state=pl.String(),
    local_orig=pl.Boolean(),
    local_resp=pl.Boolean(),
    missed_bytes=pl.Int64(),
    history=pl.String(),
    orig_pkts=pl.Int64(),
    orig_ip_bytes=pl.Int64(),
    resp_pkts=pl.Int64(),
    resp_ip_bytes=pl.Int64(),
    tunnel_parents=_STRINGS,
    orig_l2_addr=pl.String(),
    resp_l2_addr=pl.String(),
    community_id=pl.String(),
)

DNS: Final = _schema(
    proto=pl.String(),
    trans_id=pl.Int64(),
    rtt=pl.Float64(),
    query=pl.String(),
    qclass=pl.Int64(),
    qclass_name=pl.String(),
    qtype=pl.Int64(),
    qtype_name=pl.String(),
    rcode=pl.Int64(),
    rcode_name=pl.String(),
    AA=pl.Boolean(),
    TC=pl.Boolean(),
    RD=pl.Boolean(),
    RA=pl.Boolean(),
    Z=pl.Int64(),
    answers=_STRINGS,
    TTLs=pl.List(pl.Float64()),
    rejected=pl.Boolean(),
    community_id=pl.String(),
)

HTTP: Final = _schema(
    trans_depth=pl.Int64(),
    method=pl.String(),
    host=pl.String(),
    uri=pl.String(),
    referrer=pl.String(),
    version=pl.String(),
    user_agent=pl.String(),
    origin=pl.String(),
    request_body_len=pl.Int64(),
    response_body_len=pl.Int64(),
    status_code=pl.Int64(),
    status_msg=pl.String(),
    info_code=pl.Int64(),
    info_msg=pl.String(),
    tags=_STRINGS,
    username=pl.String(),
    password=pl.String(),
    proxied=_STRINGS,
    orig_fuids=_STRINGS,
    orig_filenames=_STRINGS,
    orig_mime_types=_STRINGS,
    resp_fuids=_STRINGS,
    resp_filenames=_STRINGS,
    resp_mime_types=_STRINGS,
    community_id=pl.String(),
)

SCHEMAS: Final[dict[str, pl.Schema]] = {"conn": CONN, "dns": DNS, "http": HTTP}
"""Log kinds that are decoded into frames, by name."""

MODELLED_KINDS: Final = ("conn", "dns", "http")
"""Log kinds that have a model; the other decoded kinds give context."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Some consecutive records of one log kind, in the order in which the log holds them.

    Where a log is cut into batches never changes what the batches mean together.

    Attributes
    ----------
    kind
        Log kind, a key of `SCHEMAS`.
    frame
        One row a record, with exactly the columns of ``SCHEMAS[kind]``, in that order.
    source
        Path of the file that the records come from, for messages.
    """

    kind: str
    frame: pl.DataFrame
    source: str = ""

    def __len__(self) -> int:
        return self.frame.height


@dataclass(frozen=True, slots=True)
class Malformed:
    """One line that could not be decoded: where it stands and why."""

    source: str
    offset: int
    reason: str
    sample: str
