"""Who acted, with whom, and about what: the context of records that tell of a client and a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from online_models.features.text import device_at

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SIDES: Final = {"id.orig_h": "orig", "id.resp_h": "resp"}
"""Columns of ends of which the names are known by which they are told, whatever their addresses are now."""


def context_of_ends(
    frame: pl.DataFrame,
    inbound: npt.NDArray[np.bool_],
    target: pl.Expr,
    client: str = "id.orig_h",
    server: str = "id.resp_h",
) -> pl.DataFrame:
    """Return what `Kind.context` does; ``inbound`` tells where a stranger, the client, called the device."""
    its_call = pl.lit(pl.Series(inbound))
    caller, called = pl.col(client).fill_null(""), pl.col(server).fill_null("")
    return frame.select(
        pl.when(its_call).then(_known_as(frame, server)).otherwise(_known_as(frame, client)).alias("known_as"),
        pl.when(its_call).then(called).otherwise(caller).alias("device"),
        pl.when(its_call).then(caller).otherwise(called).alias("peer"),
        target.alias("target"),
        its_call.alias("inbound"),
    )


def _known_as(frame: pl.DataFrame, column: str) -> pl.Expr:
    return device_at(frame, SIDES[column]) if column in SIDES else pl.col(column).fill_null("")
