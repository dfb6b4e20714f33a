"""A dns frame as flat arrays: what the dns kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from ingest.compiled import by_reference
from online_models.features.names import DomainNames, names_of
from online_models.features.text import GLOBAL, GROUP, device_at, ends_of, hashes, owned
from online_models.measures.time import LONGEST

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch

NOERROR, NXDOMAIN, OTHER_ERROR, NO_ANSWER = 0, 1, 2, 3


@by_reference
class DnsColumns(NamedTuple):
    """n dns records; hashes are uint64, codes int64, the rest float64.

    ``device`` asked ``resolver`` for the names, which may be a stranger's (``outside``, bool); or its link, which no
    name leaves, if that is a group (``to_group``, bool; RFC 6762, 4795). ``answer_length`` is the bytes of all answers
    together and ``end`` when the answer came (epoch seconds).
    """

    ts: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    device: npt.NDArray[np.uint64]
    resolver: npt.NDArray[np.uint64]
    to_group: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    names: DomainNames
    qtype: npt.NDArray[np.int64]
    result: npt.NDArray[np.int64]
    answer_length: npt.NDArray[np.float64]


def _results(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    rcode = pl.col("rcode")
    code = (
        pl.when(rcode.is_null())
        .then(NO_ANSWER)
        .when(rcode == 0)
        .then(NOERROR)
        .when(rcode == 3)
        .then(NXDOMAIN)
        .otherwise(OTHER_ERROR)
    )
    return owned(frame.select(code.cast(pl.Int64)).to_series().to_numpy())


def _answer_lengths(frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    lengths = pl.col("answers").list.eval(pl.element().str.len_bytes()).list.sum().cast(pl.Float64).fill_null(0.0)
    return owned(frame.select(lengths).to_series().to_numpy())


def dns_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> DnsColumns:
    """Return the arrays of a dns batch; the client is the device, whatever its address."""
    frame = batch.frame
    ts = owned(frame["ts"].fill_null(0.0).to_numpy())
    rtt = owned(frame["rtt"].fill_null(0.0).to_numpy())
    resolver = ends_of(frame, "resp", ranges)
    return DnsColumns(
        ts=ts,
        end=ts + np.clip(rtt, 0.0, LONGEST),
        device=hashes(frame.select(device_at(frame, "orig")).to_series()),
        resolver=resolver.key,
        to_group=resolver.scope == GROUP,
        outside=resolver.scope == GLOBAL,
        names=names_of(frame["query"]),
        qtype=owned(frame["qtype"].fill_null(-1).to_numpy()),
        result=_results(frame),
        answer_length=_answer_lengths(frame),
    )
