"""The columns of MQTT's three logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import polars as pl

from ingest.simulator.columns import words
from ingest.simulator.dns_frame import serials
from ingest.simulator.frames import JOINT, Scene, head, same
from ingest.simulator.topics import CLIENTS, FILTERS, QOS, STATUSES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from ingest.simulator.names import Name
    from ingest.simulator.tables import Rows

_WILLS: Final = {"plug": TOPICS["state"], "lock": TOPICS["bolt"]}
_SHOWN: Final = 100
"""Bytes of a payload that Zeek logs (``MQTT::max_payload_size``)."""


def mqtt_connect_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return mqtt_connect.log's columns; a changing client writes what it drew after its name."""
    named = _named(CLIENTS, rows["client"], rows["about"], scene)
    drawn = pl.Series(rows["start"]).cast(pl.String)
    is_fixed = pl.Series(rows["start"] == 0)
    will = _named({name: _WILLS.get(name) for name in CLIENTS}, rows["client"], rows["about"], scene)
    return pl.DataFrame(
        {
            **head(rows, scene),
            "proto_name": same("MQTT", len(rows)),
            "proto_version": same("3.1.1", len(rows)),
            "client_id": named.zip_with(is_fixed, named + drawn),
            "connect_status": words(STATUSES, rows["status"]),
            "will_topic": will + "/LWT",
            "will_payload": same("Offline", len(rows)).zip_with(will.is_not_null(), same(None, len(rows))),
        }
    )


def mqtt_publish_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return mqtt_publish.log's columns; payloads are of their length, and mean nothing."""
    length = pl.Series(rows["payload_len"])
    payload = same("0123456789" * (_SHOWN // 10), len(rows))
    return pl.DataFrame(
        {
            **head(rows, scene),
            "from_client": pl.Series(rows["from_client"] > 0),
            "retain": pl.Series(rows["retain"] > 0),
            "qos": words(QOS, rows["qos"]),
            "status": same("ok", len(rows)),
            "topic": _named(TOPICS, rows["topic"], rows["about"], scene),
            "payload": pl.select(pl.lit(payload).str.head(pl.lit(length.clip(0, _SHOWN)))).to_series(),
            "payload_len": length,
        }
    )


def mqtt_subscribe_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return mqtt_subscribe.log's columns."""
    asked = [JOINT.join("0" for _ in (name.prefix + name.suffix).split(JOINT)) for name in FILTERS.values()]
    return pl.DataFrame(
        {
            **head(rows, scene),
            "action": same("MQTT::SUBSCRIBE", len(rows)),
            "topics": _named(FILTERS, rows["filters"], rows["about"], scene),
            "qos_levels": words(asked, rows["filters"]),
            "granted_qos_level": same(0, len(rows)),
            "ack": same(value=True, count=len(rows)),
        }
    )


def _named(
    table: Mapping[str, Name | None], codes: npt.NDArray[np.integer], about: npt.NDArray[np.int32], scene: Scene
) -> pl.Series:
    """Return names with the serial numbers that stand in them; null where the table has none."""
    names = list(table.values())
    serial = np.array([name is not None and name.middle == "serial" for name in names])[codes]
    middle = same("", len(codes)).zip_with(
        pl.Series(~serial), serials(scene.site.address(about.astype(np.int64)), scene)
    )
    prefix, suffix = (words(_parts(names, part), codes) for part in ("prefix", "suffix"))
    return pl.select(pl.concat_str([pl.lit(prefix), pl.lit(middle), pl.lit(suffix)])).to_series()


def _parts(names: list[Name | None], part: Literal["prefix", "suffix"]) -> list[str | None]:
    return [None if name is None else getattr(name, part) for name in names]


MQTT_FRAMES: Final[dict[str, Callable[[Rows, Scene], pl.DataFrame]]] = {
    "mqtt_connect": mqtt_connect_frame,
    "mqtt_publish": mqtt_publish_frame,
    "mqtt_subscribe": mqtt_subscribe_frame,
}
