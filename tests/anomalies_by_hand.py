"""Anomalies by hand, as an alert book takes them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from online_models.alerts.book import AlertBook
from online_models.alerts.case import Anomalies, Finding
from online_models.alerts.extent import numbers
from online_models.behaviours import Behaviour, Sighting
from online_models.kinds.conn_words import BEHAVIOURS as CONN
from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from online_models.types import Direction

SCAN = CONN[1]
FACTS = {"reach.peers_minute": (9.0, 1.0), "reach.services_minute": (9.0, 1.0)}
FACTS |= {"reach.peers_hour": (9.0, 1.0), "reach.services_hour": (9.0, 1.0)}
FACTS |= {"novelty.endpoint": (0.0, 1.0), "peer.sent_hour": (0.0, 0.0), "endpoint.records_hour": (1.0, 0.0)}
FACTS |= {"reach.records_minute": (9.0, 1.0), "reach.failures_minute": (9.0, 1.0)}
FACTS |= {"reach.records_hour": (9.0, 1.0), "reach.failures_hour": (9.0, 1.0)}
FACTS |= {"volume.up": (9.0, 1.0), "volume.down": (0.0, 1.0), "volume.sent_hour": (0.0, 1.0)}
FACTS |= {"volume.duration": (0.0, 1.0), "rhythm.gap": (9.0, 1.0), "rhythm.regularity": (0.0, 1.0)}
START = 1_767_600_000.0


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """One anomaly, as `Anomalies` has them in columns."""

    device: str
    behaviour: Behaviour
    uid: str
    peer: str
    ts: float
    end: float
    score: float
    evidence: float
    raises: bool
    things: tuple[int, ...]
    is_known: bool = False
    target: str = ""
    site_devices: int = 0
    direction: Direction = "out"
    foremost: float = 0.0


def anomaly(
    end: float,
    *,
    device: str = "192.168.7.11",
    behaviour: Behaviour = SCAN,
    raises: bool = False,
    evidence: float = 4.0,
    uid: str = "C1",
    peer: str = "198.51.100.1",
    things: tuple[int, ...] = (),
    is_known: bool = False,
    lasted_s: float = 1.0,
    target: str = "",
) -> Anomaly:
    """Return an anomaly at so many seconds after the start; its record took one second, unless told."""
    return Anomaly(
        device=device,
        behaviour=behaviour,
        uid=uid,
        peer=peer,
        ts=START + end - lasted_s,
        end=START + end,
        score=evidence / (evidence + 3.3),
        evidence=evidence,
        raises=raises,
        things=things,
        is_known=is_known,
        target=target,
    )


def columns(anomalies: Sequence[Anomaly]) -> Anomalies:
    """Return anomalies as an alert book takes them."""

    def finding(k: int) -> Finding:
        one = anomalies[k]
        return Finding(
            make_reasons=lambda: (Reason("reach.peers_minute", one.evidence, 1.0, 0.5),),
            make_sighting=lambda: Sighting(one.device, one.peer, "tcp/23", FACTS),
            behaviour=one.behaviour,
        )

    names = [field.name for field in dataclasses.fields(Anomaly) if field.name not in {"behaviour", "things"}]
    return Anomalies(
        behaviours=CONN,
        behaviour=[CONN.index(one.behaviour) for one in anomalies],
        known_as=[one.device for one in anomalies],
        things=list(zip(*(one.things for one in anomalies), strict=True)),
        finding=finding,
        keys=np.array([one.things or (0, 0, 0) for one in anomalies], np.uint64).reshape(len(anomalies), -1),
        addresses=lambda: numbers([one.peer for one in anomalies]),
        **{name: [getattr(one, name) for one in anomalies] for name in names},
    )


def observe(*anomalies: Anomaly, book: AlertBook | None = None) -> Alert:
    """Return the one alert that these anomalies give."""
    (alert,) = (AlertBook("conn", 100) if book is None else book).observe(columns(anomalies))
    return alert
