"""From structured rows to one frame a log kind, with the columns and words that Zeek writes.

Booleans are booleans, unset is null, and a set or vector is one string whose elements are joined by `JOINT`; the two
formats write them each in their own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.addresses import BROADCAST, is_multicast
from ingest.simulator.columns import address_texts, from_letters, optional, uids, words
from ingest.simulator.community import community_texts
from ingest.simulator.outcomes import HISTORIES
from ingest.simulator.site import GATEWAY_MAC
from ingest.simulator.tables import SERVICES, STATES, TCP

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

JOINT: Final = "\x1f"
_SERVICE_WORDS: Final = [service or None for service in SERVICES]


@dataclass(frozen=True, slots=True)
class Scene:
    """What rendering needs beside the rows: the site, its MAC addresses, and when log time begins."""

    site: Site
    macs: pl.Series
    start: float

    @classmethod
    def of(cls, site: Site, start: float) -> Scene:
        """Return the scene of a site; the last MAC address stands for the gateway."""
        return cls(site, pl.Series([*site.macs(), GATEWAY_MAC]), start)


def head(rows: Rows, scene: Scene) -> dict[str, pl.Series]:
    """Return the columns with which every log begins."""
    return {
        "ts": pl.Series(np.round(rows["ts"] + scene.start, 6)),
        "uid": uids(rows["key"]),
        "id.orig_h": address_texts(rows["orig_h"]),
        "id.orig_p": pl.Series(rows["orig_p"]),
        "id.resp_h": address_texts(rows["resp_h"]),
        "id.resp_p": pl.Series(rows["resp_p"]),
    }


def same(value: str | float | bool | None, count: int) -> pl.Series:  # noqa: FBT001 - a column of one boolean is meant
    """Return a column that holds one value throughout."""
    return pl.repeat(value, count, dtype=pl.String if value is None else None, eager=True)


def conn_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return conn.log's columns, with those of the MAC and community ID policies."""
    counts = ("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
    owner = np.where(rows["device"] < 0, len(scene.site), rows["device"])
    return pl.DataFrame(
        {
            **head(rows, scene),
            "proto": words(("udp", "tcp"), rows["proto"] == TCP),
            "service": words(_SERVICE_WORDS, rows["service"]),
            "duration": optional(rows["duration"]),
            "orig_bytes": optional(rows["orig_bytes"]),
            "resp_bytes": optional(rows["resp_bytes"]),
            "conn_state": words(STATES, rows["state"]),
            "local_orig": pl.Series(_is_local(rows["orig_h"], scene.site)),
            "local_resp": pl.Series(_is_local(rows["resp_h"], scene.site)),
            "missed_bytes": pl.Series(np.zeros(len(rows), dtype=np.int64)),
            "history": words(HISTORIES, rows["history"]),
            **{name: pl.Series(rows[name]) for name in counts},
            "tunnel_parents": same(None, len(rows)),
            "ip_proto": pl.Series(rows["proto"]),
            "orig_l2_addr": scene.macs.gather(owner.astype(np.uint32)),
            "resp_l2_addr": _macs(rows["resp_h"], scene),
            "community_id": from_letters(community_texts(rows)),
        }
    )


def _is_local(addresses: npt.NDArray[np.uint32], site: Site) -> npt.NDArray[np.bool_]:
    """Tell which addresses are local: the site's, and, as for Zeek, 0.0.0.0, groups and broadcast."""
    ours = (addresses >= site.gateway) & (addresses <= site.broadcast)
    return np.asarray(ours | is_multicast(addresses) | (addresses == 0) | (addresses == BROADCAST), dtype=np.bool_)


def _macs(addresses: npt.NDArray[np.uint32], scene: Scene) -> pl.Series:
    """Return the MAC address behind each address: the device's own, the group's, or the gateway's for all others."""
    device = addresses.astype(np.int64) - scene.site.first
    here = (device >= 0) & (device < len(scene.site))
    out = scene.macs.gather(np.where(here, device, len(scene.site)).astype(np.uint32))
    groups = np.flatnonzero(is_multicast(addresses) | (addresses == BROADCAST))
    return out if not len(groups) else out.scatter(groups, _group_macs(addresses[groups]))


def _group_macs(addresses: npt.NDArray[np.uint32]) -> pl.Series:
    """Return ``01:00:5e`` and the group's low 23 bits (RFC 1112), or the broadcast address."""
    distinct, inverse = np.unique(addresses, return_inverse=True)
    texts = [
        "ff:ff:ff:ff:ff:ff" if a == BROADCAST else f"01:00:5e:{a >> 16 & 0x7F:02x}:{a >> 8 & 0xFF:02x}:{a & 0xFF:02x}"
        for a in distinct.tolist()
    ]
    return pl.Series(texts, dtype=pl.String).gather(inverse.astype(np.uint32))
