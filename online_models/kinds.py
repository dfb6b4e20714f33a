"""The log kinds that have a model, and what the engine needs to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from online_models import behaviours, clauses, conn_model, dns_model, http_model, relearning
from online_models.features import conn, conn_state, dns, dns_state, http, http_state
from online_models.features.conn_columns import INBOUND, conn_columns
from online_models.features.dns_columns import dns_columns
from online_models.features.http_columns import http_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.outcome import Outcome
    from online_models.views import Views
    from online_models.withheld import Records


@dataclass(frozen=True, slots=True)
class Kind:
    """One log kind's model.

    Attributes
    ----------
    features, views, edges, weights, compares, forests
        Names of the features and views, and the arguments of `views.new_views`.
    new_state, with_room
        Make the per-entity tables; make room in them.
    columns
        Turn a batch into the kernel's arrays.
    run
        The kernel: ``run(state, views, columns, start, trusted, outcome) -> next``.
    relearn
        The kernel for what was withheld: ``relearn(state, views, records, start, scratch) -> next``.
    suspicion
        Column of the suspicion in the rows of recent things.
    clauses
        Feature, in the order of ``features``, to what it says of a record (`online_models.clauses`).
    share
        Of the site's alert budget.
    behaviours
        By number.
    context
        Device, peer and target of every row, as three string columns.
    """

    features: tuple[str, ...]
    views: tuple[str, ...]
    edges: npt.NDArray[np.int64]
    weights: tuple[float, ...]
    compares: tuple[float, ...]
    forests: tuple[tuple[int, int], ...]
    new_state: Callable[[int, int], Any]
    with_room: Callable[[Any], Any]
    columns: Callable[[RecordBatch, npt.NDArray[np.uint64]], Any]
    run: Callable[[Any, Views, Any, int, bool, Outcome], int]
    relearn: Callable[[Any, Views, Records, int, Outcome], int]
    suspicion: int
    clauses: Mapping[str, str]
    share: float
    behaviours: tuple[behaviours.Behaviour, ...]
    context: Callable[[pl.DataFrame, Any], pl.DataFrame]


def _conn_context(frame: pl.DataFrame, columns: Any) -> pl.DataFrame:
    turned = pl.lit(pl.Series(columns.turned))
    is_target = pl.lit(pl.Series((columns.direction == INBOUND) != columns.turned))
    origin, target = pl.col("id.orig_h").fill_null(""), pl.col("id.resp_h").fill_null("")
    port = pl.when(turned).then(pl.col("id.orig_p")).otherwise(pl.col("id.resp_p")).fill_null(0)
    return frame.select(
        pl.when(is_target).then(target).otherwise(origin).alias("device"),
        pl.when(is_target).then(origin).otherwise(target).alias("peer"),
        pl.format("{}/{}", pl.col("proto").fill_null("?"), port).alias("target"),
    )


def _dns_context(frame: pl.DataFrame, _columns: Any) -> pl.DataFrame:
    return frame.select(
        pl.col("id.orig_h").fill_null("").alias("device"),
        pl.col("id.resp_h").fill_null("").alias("peer"),
        pl.col("query").fill_null("").alias("target"),
    )


def _http_context(frame: pl.DataFrame, columns: Any) -> pl.DataFrame:
    inbound = pl.lit(pl.Series(columns.inbound))
    client, server = pl.col("id.orig_h").fill_null(""), pl.col("id.resp_h").fill_null("")
    return frame.select(
        pl.when(inbound).then(server).otherwise(client).alias("device"),
        pl.when(inbound).then(client).otherwise(server).alias("peer"),
        pl.format(
            "{} {}{}", pl.col("method").fill_null("?"), pl.col("host").fill_null(server), pl.col("uri").fill_null("")
        ).alias("target"),
    )


KINDS: Mapping[str, Kind] = {
    "conn": Kind(
        features=conn.FEATURES,
        views=conn.VIEWS,
        edges=conn.EDGES,
        weights=conn_model.WEIGHTS,
        compares=conn_model.COMPARES,
        forests=conn_model.FORESTS,
        new_state=conn_state.new_conn_state,
        with_room=conn_state.with_room,
        columns=conn_columns,
        run=conn_model.run_conn,
        relearn=relearning.relearn_conn,
        suspicion=conn_state.RECENT_SUSPICION,
        clauses=clauses.CONN,
        share=0.5,
        behaviours=behaviours.CONN,
        context=_conn_context,
    ),
    "dns": Kind(
        features=dns.FEATURES,
        views=dns.VIEWS,
        edges=dns.EDGES,
        weights=dns_model.WEIGHTS,
        compares=dns_model.COMPARES,
        forests=dns_model.FORESTS,
        new_state=dns_state.new_dns_state,
        with_room=dns_state.with_room,
        columns=dns_columns,
        run=dns_model.run_dns,
        relearn=relearning.relearn_dns,
        suspicion=dns_state.RECENT_SUSPICION,
        clauses=clauses.DNS,
        share=0.25,
        behaviours=behaviours.DNS,
        context=_dns_context,
    ),
    "http": Kind(
        features=http.FEATURES,
        views=http.VIEWS,
        edges=http.EDGES,
        weights=http_model.WEIGHTS,
        compares=http_model.COMPARES,
        forests=http_model.FORESTS,
        new_state=http_state.new_http_state,
        with_room=http_state.with_room,
        columns=http_columns,
        run=http_model.run_http,
        relearn=relearning.relearn_http,
        suspicion=http_state.RECENT_SUSPICION,
        clauses=clauses.HTTP,
        share=0.25,
        behaviours=behaviours.HTTP,
        context=_http_context,
    ),
}
