"""http.log's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.columns import optional, uids, words
from ingest.simulator.dns_frame import optional_words, serials
from ingest.simulator.frames import Scene, head, same
from ingest.simulator.names import CLOUD
from ingest.simulator.requests import REQUESTS

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.tables import Rows

_HOSTS: Final = [endpoint.name for endpoint in CLOUD.endpoints]
_SERIAL: Final = np.array([request.serial for request in REQUESTS])
_STATUS: Final = {200: "OK", 204: "No Content", 304: "Not Modified", 503: "Service Unavailable"}


def http_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return http.log's columns."""
    kind, count = rows["request"], len(rows)
    sent, received = rows["request_body_len"] > 0, rows["response_body_len"] > 0
    unset = same(None, count)
    return pl.DataFrame(
        {
            **head(rows, scene),
            "trans_depth": pl.Series(np.ones(count, dtype=np.int64)),
            "method": words([request.method for request in REQUESTS], kind),
            "host": words(_HOSTS, rows["host"]),
            "uri": _uris(rows, scene),
            "referrer": unset,
            "version": same("1.1", count),
            "user_agent": words([request.user_agent for request in REQUESTS], kind),
            "origin": unset,
            "request_body_len": pl.Series(rows["request_body_len"]),
            "response_body_len": pl.Series(rows["response_body_len"]),
            "status_code": optional(rows["status"]),
            "status_msg": words(list(_STATUS.values()), _status_codes(rows["status"])),
            "info_code": unset,
            "info_msg": unset,
            "tags": same("", count),
            "username": unset,
            "password": unset,
            "proxied": unset,
            "orig_fuids": optional_words(uids(rows["key"], "F"), sent),
            "orig_filenames": unset,
            "orig_mime_types": words([r.request_mime or None for r in REQUESTS], np.where(sent, kind, -1)),
            "resp_fuids": optional_words(uids(rows["key"] ^ np.uint64(1), "F"), received),
            "resp_filenames": unset,
            "resp_mime_types": words([r.response_mime or None for r in REQUESTS], np.where(received, kind, -1)),
        }
    )


def _uris(rows: Rows, scene: Scene) -> pl.Series:
    fixed = words([request.uri for request in REQUESTS], rows["request"])
    serial = optional_words(serials(rows["orig_h"], scene), _SERIAL[rows["request"]])
    return pl.select(pl.concat_str([pl.lit(fixed), pl.lit(serial)], ignore_nulls=True)).to_series()


def _status_codes(status: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    known = np.array(list(_STATUS))
    return np.where(status < 0, -1, np.searchsorted(known, status))
