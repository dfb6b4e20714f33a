"""MQTT as Zeek logs it: a client's connections to the broker, with what was subscribed to and said on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.traffic import Traffic, flows, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.stage import Stage
    from lab.traffic import Times

_ID: Final = ("uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
BROKER: Final = "mqtt-broker"
_ACCEPTED: Final = "Connection Accepted"
ONCE, ACKED = "at most once", "at least once"


@dataclass(frozen=True, slots=True)
class Said:
    """Messages of one topic on a client's connections; ``sent`` by the client, or delivered to it."""

    topic: str
    times: Times
    size: int = 24
    sent: bool = True
    retain: bool = False
    qos: str = ONCE


def broker_of(stage: Stage) -> str:
    """Return the address of the site's broker."""
    return stage.address(stage.recipe.devices.index(BROKER))


def sessions(
    stage: Stage, who: str, spans: Sequence[tuple[float, float]], client: str, filters: Sequence[Sequence[str]], said: Sequence[Said],
    *, new_client: bool = False, will: str | None = None,
) -> Traffic:  # fmt: skip
    """Return a client's connections to the broker, with what was subscribed to and said on each.

    ``filters`` are those of each SUBSCRIBE at the beginning of a connection; ``new_client`` has it take another
    identifier each time.
    """
    rng = stage.rng("session", who, client, spans[0][0] if spans else 0.0)
    begins, ends = (np.array([span[n] for span in spans], np.float64) for n in (0, 1))
    conn = flows(begins, who, broker_of(stage), 1883, service="mqtt", duration=ends - begins, sent=4000, received=3000)
    rows = conn.logs["conn"]
    names = [f"{client}-{n:06x}" if new_client else client for n in rng.integers(0, 1 << 24, len(spans)).tolist()]
    connect = _rows("mqtt_connect", rows, begins + 0.01, proto_name="MQTT", proto_version="3.1.1", client_id=names,
                    connect_status=_ACCEPTED, will_topic=will, will_payload="Offline" if will else None)  # fmt: skip
    asked = [
        _rows("mqtt_subscribe", rows, begins + 0.03 + 0.01 * n, action="MQTT::SUBSCRIBE", topics=",".join(filters_),
              qos_levels=",".join("0" for _ in filters_), granted_qos_level=0, ack=True)
        for n, filters_ in enumerate(filters)
    ]  # fmt: skip
    told = [_published(rng, rows, begins, ends, each) for each in said]
    return Traffic.of(
        conn=rows,
        mqtt_connect=connect,
        mqtt_subscribe=pl.concat([*asked, table("mqtt_subscribe", 0, {})]),
        mqtt_publish=pl.concat([*told, table("mqtt_publish", 0, {})]),
    )


def _rows(kind: str, conn: pl.DataFrame, times: Times, **columns: object) -> pl.DataFrame:
    ids = {name: conn[name].to_list() for name in _ID}
    return table(kind, len(conn), {**ids, "ts": times, "written": times, "attack": False, **columns})  # type: ignore[arg-type]  # columns


def _published(rng: np.random.Generator, rows: pl.DataFrame, begins: Times, ends: Times, said: Said) -> pl.DataFrame:
    """Return the messages that fall into a connection; the rest was never said."""
    place = np.searchsorted(begins, said.times - 0.1, side="right") - 1
    within = (place >= 0) & (said.times < ends[place.clip(0)]) if len(begins) else np.zeros(len(said.times), np.bool_)
    times, place = said.times[within], place[within]
    sizes = np.round(said.size * rng.uniform(0.9, 1.1, len(times))).astype(np.int64)
    return _rows(
        "mqtt_publish", rows[place.tolist()] if len(place) else rows[:0], times, from_client=said.sent, retain=said.retain,
        qos=said.qos, status="ok", topic=said.topic, payload="x", payload_len=sizes,
    )  # fmt: skip


def refused(stage: Stage, times: Times, who: str, client: str, status: str) -> Traffic:
    """Return connections on which the broker refused the client."""
    conn = flows(times, who, broker_of(stage), 1883, service="mqtt", duration=0.05, sent=60, received=4).logs["conn"]
    rows = _rows(
        "mqtt_connect",
        conn,
        times + 0.01,
        proto_name="MQTT",
        proto_version="3.1.1",
        client_id=client,
        connect_status=status,
    )
    return Traffic.of(conn=conn, mqtt_connect=rows)
