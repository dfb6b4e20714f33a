"""UDP exchanges: a question with or without its answer, and datagrams that expect none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp
from ingest.simulator.draws import uniform
from ingest.simulator.outcomes import UDP_BOTH, UDP_ONE_WAY
from ingest.simulator.tables import SERVICES, STATES, UDP

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.tables import Rows

HEADER: Final = 28  # IP 20, UDP 8


def exchange(rows: Rows, service: str, payload: tcp.Payload, packets: npt.ArrayLike = 1, loss: float = 0.004) -> Rows:
    """Fill in rows that `tcp.begin` began: `packets` each way, or none back with probability `loss`."""
    lost = uniform(rows["key"], "lost") < loss
    replies = np.where(lost, 0, packets)
    return fill(rows, service, payload, packets, replies)


def one_way(rows: Rows, service: str, payload: tcp.Payload, packets: npt.ArrayLike) -> Rows:
    """Fill in rows of datagrams to which nobody answers: `payload.orig_bytes` in all over `payload.duration`."""
    return fill(rows, service, payload, packets, 0)


def fill(rows: Rows, service: str, payload: tcp.Payload, sent: npt.ArrayLike, back: npt.ArrayLike) -> Rows:
    """Fill in rows with `sent` packets from the originator and `back` from the responder."""
    answered = np.asarray(back) > 0
    rows["proto"], rows["service"] = UDP, SERVICES.index(service)
    rows["state"] = np.where(answered, STATES.index("SF"), STATES.index("S0"))
    rows["history"] = np.where(answered, UDP_BOTH, UDP_ONE_WAY)
    rows["orig_pkts"], rows["resp_pkts"] = sent, back
    rows["orig_bytes"] = payload.orig_bytes
    rows["resp_bytes"] = np.where(answered, payload.resp_bytes, 0)
    rows["orig_ip_bytes"] = rows["orig_bytes"] + HEADER * rows["orig_pkts"]
    rows["resp_ip_bytes"] = rows["resp_bytes"] + HEADER * rows["resp_pkts"]
    rows["duration"] = np.round(payload.duration, 6)
    single = rows["orig_pkts"] + rows["resp_pkts"] == 1
    for field, unset in (("duration", np.nan), ("orig_bytes", -1), ("resp_bytes", -1)):
        rows[field][single] = unset
    rows["written"] = rows["ts"] + np.nan_to_num(rows["duration"])
    return rows


def cut(rows: Rows, end: float) -> Rows:
    """Return exchanges as Zeek has seen them by `end`, while they went on: the datagrams sent so far."""
    share = (end - rows["ts"]) / rows["duration"]
    sent = np.maximum(np.floor(rows["orig_pkts"] * share), 1)
    size = rows["orig_bytes"] // rows["orig_pkts"] * sent
    nothing = np.zeros(len(rows))
    last = np.where(rows["orig_pkts"] > 1, rows["duration"] * (sent - 1) / np.maximum(rows["orig_pkts"] - 1, 1), 0.0)
    services = rows["service"].copy()
    fill(rows, "", tcp.Payload(size, nothing, last), sent, 0)
    rows["service"] = services
    return rows
