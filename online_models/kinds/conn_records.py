"""What is read of a conn record: the keys of its entries, its numbers, and who did what to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.features.address import device_at
from online_models.features.conn_columns import ANSWERED, BROKEN, INBOUND, LATERAL, OUTBOUND, conn_columns
from online_models.kinds.keys import Keys

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.program.machine import Columns

SMALL = 128.0
"""Bytes that are no size to speak of: what fits into a small packet is all alike."""
SHORT = 1e-3
"""Seconds that are no duration to speak of."""
RETRIES = 60.0
"""Records in a minute that one program makes that tries again after each failure: TCP and resolvers wait a second."""
_PROVIDED = (6 << 16 | 53, 17 << 16 | 53, 17 << 16 | 123)
"""Names and time, as ``protocol << 16 | port``: a network's DHCP names who on the site has them (options 6, 42)."""
NUMBERS = (
    *("answered", "failed", "exchanged", "outcome", "outbound", "lateral", "inbound", "contact", "ping"),
    *("login", "provided", "agreed", "port", "nobody", "continued"),
    *("up", "down", "duration", "size_up", "size_down", "log_duration", "has_duration", "sends"),
)


def read_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    """Return the loop's arrays of a conn batch; ``ranges`` from `local_ranges`."""
    read = conn_columns(batch, ranges)
    keys = Keys(read.device)
    service = keys.own(read.device, read.service)
    keys.own(service, read.peer)
    network = keys.own(read.device, read.network)
    keys.join(read.service, read.network)
    keys.plain(read.service)
    keys.join(read.service, read.peer)
    peer = keys.own(read.device, read.peer)
    keys.own(peer, read.service)
    lateral = read.direction == LATERAL
    called_by = Keys(read.device).own(read.peer, read.device)
    keys.plain(np.where(lateral, read.peer, read.device))  # of other records, what is looked up anyway
    keys.plain(np.where(lateral, called_by, network))
    keys.plain(np.where(lateral, peer, network))
    answered, has_duration = read.outcome == ANSWERED, read.duration >= 0.0
    exchanged = answered | ((read.outcome == BROKEN) & (np.minimum(read.up, read.down) > 0.0))
    duration = np.where(has_duration, read.duration, 0.0)
    numbers = {
        "answered": answered,
        "failed": ~answered,
        "exchanged": exchanged,
        "outcome": read.outcome,
        "outbound": read.direction == OUTBOUND,
        "lateral": lateral,
        "inbound": read.direction == INBOUND,
        "contact": read.contact,
        "ping": read.ping & lateral,
        "login": read.login,
        "provided": lateral & np.isin(read.port, _PROVIDED),
        "agreed": read.agreed,
        "port": read.port,
        "nobody": read.nobody,
        "continued": read.continued,
        "up": read.up,
        "down": read.down,
        "duration": duration,
        "size_up": np.log2(SMALL + read.up),
        "size_down": np.log2(SMALL + read.down),
        "log_duration": np.log2(SHORT + duration),
        "has_duration": has_duration,
        "sends": exchanged | (read.up > 0.0),
    }
    return keys.with_numbers(read.ts, read.end, [numbers[name] for name in NUMBERS], read.turned)


def read_context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return device, peer and target of every row, how the device is known, and whether it was called and answered."""
    turned = pl.lit(pl.Series(columns.turned))
    inbound = columns.numbers[:, NUMBERS.index("inbound")] > 0.0
    is_target = pl.lit(pl.Series(inbound != columns.turned))
    origin, target = pl.col("id.orig_h").fill_null(""), pl.col("id.resp_h").fill_null("")
    port = pl.when(turned).then(pl.col("id.orig_p")).otherwise(pl.col("id.resp_p")).fill_null(0)
    names = device_at(frame, "orig"), device_at(frame, "resp")
    return frame.select(
        pl.when(is_target).then(names[1]).otherwise(names[0]).alias("known_as"),
        pl.when(is_target).then(target).otherwise(origin).alias("device"),
        pl.when(is_target).then(origin).otherwise(target).alias("peer"),
        pl.format("{}/{}", pl.col("proto").fill_null("?"), port).alias("target"),
        pl.lit(pl.Series(inbound)).alias("inbound"),
        pl.lit(pl.Series(columns.numbers[:, NUMBERS.index("answered")] > 0.0)).alias("answered"),
    )
