"""TCP connections: how they end, and the packets and bytes that Zeek would count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.draws import integers, lane, lognormal, pick
from ingest.simulator.tables import FLOW, SERVICES, STATES, TCP

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Floats, Ints, Numbers
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

SEGMENT: Final = 1448
_HEADER: Final = 52  # IP 20, TCP 20, timestamps 12
_SYN: Final = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which a connection can go.

    ``carries`` tells whether payload went through; ``spare_orig``/``spare_resp`` are packets beyond the data's.
    """

    history: str
    state: str
    weight: float
    carries: bool = True
    spare_orig: int = 3
    spare_resp: int = 2


OUTCOMES: Final = (
    Outcome("ShADadFf", "SF", 520),
    Outcome("ShADadfF", "SF", 300),
    Outcome("ShADadtFf", "SF", 14),
    Outcome("ShADadTFf", "SF", 12, spare_orig=4),
    Outcome("ShADadFfR", "SF", 30, spare_orig=4),
    Outcome("ShADadR", "RSTO", 40),
    Outcome("ShADadTR", "RSTO", 4, spare_orig=4),
    Outcome("ShADadr", "RSTR", 12),
    Outcome("ShADadtr", "RSTR", 2),
    Outcome("ShADadf", "S3", 5),
    Outcome("ShADadF", "S2", 4),
    Outcome("ShAFf", "SF", 1, carries=False),
    Outcome("S", "S0", 4, carries=False, spare_orig=3, spare_resp=0),
    Outcome("Sr", "REJ", 2, carries=False, spare_orig=1, spare_resp=1),
    Outcome("ShR", "RSTO", 1, carries=False, spare_orig=2, spare_resp=1),
    # Below: ways that only special habits and attacks choose.
    Outcome("ShADad", "S1", 0, spare_orig=2, spare_resp=1),
    Outcome("S", "S0", 0, carries=False, spare_orig=1, spare_resp=0),
)
CUT_OFF: Final = len(OUTCOMES) - 2
"""Index of the outcome of a connection that is still open when Zeek stops."""
SINGLE_SYN: Final = len(OUTCOMES) - 1
NO_REPLY: Final = 12
REJECTED: Final = 13
CLOSED: Final = 0
RESET: Final = 5

HISTORIES: Final = (*(o.history for o in OUTCOMES), "Dd", "D")
UDP_BOTH: Final = len(HISTORIES) - 2
UDP_ONE_WAY: Final = len(HISTORIES) - 1

_WEIGHTS: Final = [o.weight for o in OUTCOMES]
_STATE: Final = np.array([STATES.index(o.state) for o in OUTCOMES], dtype=np.uint8)
_CARRIES: Final = np.array([o.carries for o in OUTCOMES])
_SPARE_ORIG: Final = np.array([o.spare_orig for o in OUTCOMES])
_SPARE_RESP: Final = np.array([o.spare_resp for o in OUTCOMES])


def begin(site: Site, events: Events, name: str, peer: Addresses | int, port: npt.ArrayLike) -> Rows:
    """Return connection rows with everything that is known at the first packet; TCP, without a service."""
    rows = np.zeros(len(events), FLOW)
    rows["key"] = lane(events.key, name)
    rows["ts"] = np.round(events.time, 6)
    rows["device"] = events.device
    rows["orig_h"] = site.address(events.device)
    rows["orig_p"] = integers(rows["key"], "port", 32768, 61000)
    rows["resp_h"] = peer
    rows["resp_p"] = port
    rows["proto"] = TCP
    return rows


@dataclass(frozen=True, slots=True)
class Payload:
    """What a connection carries: bytes each way and how long it takes, arrays as long as the rows."""

    orig_bytes: Numbers
    resp_bytes: Numbers
    duration: Numbers


def finish(rows: Rows, service: str, payload: Payload, outcome: Ints | None = None) -> Rows:
    """Fill in how the connections went; without `outcome` it is drawn, with failures at a low base rate."""
    how = pick(rows["key"], "outcome", _WEIGHTS) if outcome is None else outcome
    carries = _CARRIES[how]
    rows["service"] = np.where(carries, SERVICES.index(service), 0)
    rows["state"], rows["history"] = _STATE[how], how
    rows["orig_bytes"] = np.where(carries, payload.orig_bytes, 0)
    rows["resp_bytes"] = np.where(carries, payload.resp_bytes, 0)
    rows["duration"] = np.round(_duration(rows, how, payload.duration), 6)
    _count_packets(rows, how)
    _unset_single_packets(rows)
    rows["written"] = rows["ts"] + np.nan_to_num(rows["duration"])
    return rows


def _duration(rows: Rows, how: Ints, wanted: Numbers) -> Floats:
    """SYNs are repeated after 1 and 2 more seconds; a refusal takes one round trip."""
    round_trip = lognormal(rows["key"], "round trip", 0.025, 0.6)
    out = np.where(_CARRIES[how], np.maximum(wanted, 2 * round_trip), round_trip)
    return np.where(how == NO_REPLY, 3.02 + round_trip / 10, out)


def _count_packets(rows: Rows, how: Ints) -> None:
    sent, received = (-(-rows[f"{side}_bytes"] // SEGMENT) for side in ("orig", "resp"))
    rows["orig_pkts"] = _SPARE_ORIG[how] + sent + received // 2
    rows["resp_pkts"] = _SPARE_RESP[how] + received + sent // 2
    answered = (rows["resp_pkts"] > 0).astype(np.int64)
    rows["orig_ip_bytes"] = rows["orig_bytes"] + rows["orig_pkts"] * _HEADER + _SYN - _HEADER
    rows["resp_ip_bytes"] = rows["resp_bytes"] + rows["resp_pkts"] * _HEADER + (_SYN - _HEADER) * answered
    unanswered = answered == 0
    rows["orig_ip_bytes"][unanswered] = rows["orig_pkts"][unanswered] * _SYN


def _unset_single_packets(rows: Rows) -> None:
    """Zeek leaves duration and bytes unset for a connection of which it saw one packet."""
    single = rows["orig_pkts"] + rows["resp_pkts"] == 1
    rows["duration"][single] = np.nan
    rows["orig_bytes"][single] = -1
    rows["resp_bytes"][single] = -1
