"""An http frame as flat arrays: what the http kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from ingest.compiled import by_reference
from online_models.compile import inner, kernel
from online_models.features.text import GLOBAL, ends_of, hashes, owned, text_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.features.text import Text

SUCCESS, REDIRECT, CLIENT_ERROR, SERVER_ERROR, NO_STATUS = range(5)
_LITERAL_ADDRESS = r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(:\d+)?$"
_DOT = 0x2E
_COMMON = tuple(b"./?-_=&")


@by_reference
class HttpColumns(NamedTuple):
    """n http records; hashes are uint64, codes int64, the rest float64.

    ``device`` is the client if it is local or nobody is, else the server. ``site_name`` is the Host header, or the
    server's address without one; ``strange`` the share of a URI's bytes that are neither letters, digits nor common.
    """

    ts: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    device: npt.NDArray[np.uint64]
    inbound: npt.NDArray[np.bool_]
    peer: npt.NDArray[np.uint64]
    site_name: npt.NDArray[np.uint64]
    agent: npt.NDArray[np.uint64]
    resource: npt.NDArray[np.uint64]
    method: npt.NDArray[np.uint64]
    status: npt.NDArray[np.int64]
    sent: npt.NDArray[np.float64]
    received: npt.NDArray[np.float64]
    uri_length: npt.NDArray[np.float64]
    strange: npt.NDArray[np.float64]
    literal: npt.NDArray[np.float64]


@inner
def _is_common(byte: int) -> bool:
    is_common = 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122
    for common in _COMMON:  # a set takes seconds to compile
        is_common = is_common or byte == common
    return is_common


@kernel
def _strangeness(text: Text, out: npt.NDArray[np.float64]) -> None:
    for i in range(out.size):
        begin, end, strange = text.ends[i], text.ends[i + 1], 0
        for k in range(begin, end):
            climbs = text.data[k] == _DOT and k > begin and text.data[k - 1] == _DOT
            strange += 1 if climbs or not _is_common(text.data[k]) else 0
        out[i] = strange / (end - begin) if end > begin else 0.0


def _statuses(column: pl.Series) -> npt.NDArray[np.int64]:
    """Classes of status codes; 1xx counts as success, since a final status would have replaced it."""
    classes = pl.Series(column // 100).fill_null(0).clip(0, 5).cast(pl.Int64)
    by_class = np.array([NO_STATUS, SUCCESS, SUCCESS, REDIRECT, CLIENT_ERROR, SERVER_ERROR], np.int64)
    return by_class.take(classes.to_numpy())


def _sizes(column: pl.Series) -> npt.NDArray[np.float64]:
    return owned(column.cast(pl.Float64).fill_null(0.0).clip(0.0).to_numpy())


def http_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> HttpColumns:
    """Return the arrays of an http batch; ``ranges`` from `local_ranges`."""
    frame = batch.frame
    client, server = ends_of(frame, "orig", ranges), ends_of(frame, "resp", ranges)
    inbound = (client.scope == GLOBAL) & (server.scope != GLOBAL)
    strange = np.empty(len(batch))
    _strangeness(text_of(frame["uri"]), strange)
    ts = owned(frame["ts"].fill_null(0.0).to_numpy())
    path = frame["uri"].fill_null("").str.split("?").list.first()
    return HttpColumns(
        ts=ts,
        end=ts,
        device=np.where(inbound, server.key, client.key),
        inbound=inbound,
        peer=np.where(inbound, client.key, server.key),
        site_name=hashes(frame.select(pl.coalesce("host", "id.resp_h")).to_series()),
        agent=hashes(frame["user_agent"]),
        resource=hashes(path),
        method=hashes(frame["method"]),
        status=_statuses(frame["status_code"]),
        sent=_sizes(frame["request_body_len"]),
        received=_sizes(frame["response_body_len"]),
        uri_length=owned(frame["uri"].str.len_bytes().fill_null(0).cast(pl.Float64).to_numpy()),
        strange=strange,
        literal=owned(frame["host"].str.contains(_LITERAL_ADDRESS).fill_null(value=True).cast(pl.Float64).to_numpy()),
    )
