"""TCP connections: how they end, and the packets and bytes that Zeek counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingest.simulator import outcomes
from ingest.simulator.draws import integers, lane, lognormal, pick
from ingest.simulator.outcomes import CARRIES, HEADER, SEGMENT
from ingest.simulator.tables import FLOW, SERVICES, TCP

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Floats, Ints, Numbers
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows


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
    """What a connection carries, arrays as long as the rows.

    Attributes
    ----------
    orig_bytes, resp_bytes
        Bytes each way.
    duration
        Seconds from the first packet to the last.
    messages
        Segments each way, where there are more of them than the bytes need.
    """

    orig_bytes: Numbers
    resp_bytes: Numbers
    duration: Numbers
    messages: Numbers | int = 0


def finish(rows: Rows, service: str, payload: Payload, outcome: Ints | None = None) -> Rows:
    """Fill in how the connections went; without `outcome` it is drawn, with failures at a low base rate."""
    how = pick(rows["key"], "outcome", outcomes.WEIGHTS) if outcome is None else outcome
    carries = CARRIES[how]
    rows["service"] = np.where(carries, SERVICES.index(service), 0)
    _settle(rows, how, payload)
    return rows


def refill(rows: Rows, payload: Payload) -> Rows:
    """Return finished connections with another payload; they go as they went."""
    _settle(rows, rows["history"].astype(np.int64), payload)
    return rows


def cut(rows: Rows, end: float) -> Rows:
    """Return connections as Zeek has seen them by `end`, while they were open: payload in proportion to the time."""
    share = (end - rows["ts"]) / rows["duration"]
    carries = CARRIES[rows["history"]]
    messages = np.minimum(rows["orig_segments"], rows["resp_segments"])
    seen = Payload(
        np.maximum(np.floor(rows["orig_bytes"] * share), 1.0),
        np.maximum(np.floor(rows["resp_bytes"] * share), 1.0),
        end - rows["ts"],
        np.floor(messages * share),
    )
    _settle(rows, np.where(carries, outcomes.CUT_OFF, outcomes.SINGLE_SYN), seen)
    rows["duration"] = np.where(carries, np.round(end - rows["ts"], 6), np.nan)
    rows["written"] = rows["ts"] + np.nan_to_num(rows["duration"])
    return rows


def _settle(rows: Rows, how: Ints, payload: Payload) -> None:
    rows["state"], rows["history"] = outcomes.STATE[how], how
    for side, size in (("orig", payload.orig_bytes), ("resp", payload.resp_bytes)):
        rows[f"{side}_bytes"] = np.where(CARRIES[how], size, 0)
        segments = np.maximum(-(-rows[f"{side}_bytes"] // SEGMENT), payload.messages)
        rows[f"{side}_segments"] = np.where(CARRIES[how], np.minimum(segments, rows[f"{side}_bytes"]), 0)
    rows["duration"] = np.round(_duration(rows, how, payload.duration), 6)
    _count_packets(rows, how)
    _unset_single_packets(rows)
    rows["written"] = rows["ts"] + np.nan_to_num(rows["duration"])


def _duration(rows: Rows, how: Ints, wanted: Numbers) -> Floats:
    """SYNs are repeated after 1 and 2 more seconds; a refusal takes one round trip."""
    round_trip = lognormal(rows["key"], "round trip", 0.025, 0.6)
    out = np.where(CARRIES[how], np.maximum(wanted, 2 * round_trip), round_trip)
    return np.where(how == outcomes.NO_REPLY, 3.02 + round_trip / 10, out)


def _count_packets(rows: Rows, how: Ints) -> None:
    """Count the outcome's packets, the segments, an ACK for every second one, and a segment that was sent again."""
    sent, received = rows["orig_segments"].astype(np.int64), rows["resp_segments"].astype(np.int64)
    orig_acks, resp_acks = received // 2, np.maximum(sent // 2, sent > 0)
    orig_again, resp_again = outcomes.ORIG_RESENDS[how], outcomes.RESP_RESENDS[how]
    rows["orig_pkts"] = outcomes.ORIG_PACKETS[how] + sent + orig_acks + orig_again
    rows["resp_pkts"] = outcomes.RESP_PACKETS[how] + received + resp_acks + resp_again
    rows["orig_ip_bytes"] = rows["orig_bytes"] + outcomes.ORIG_SIZES[how] + HEADER * (sent + orig_acks)
    rows["resp_ip_bytes"] = rows["resp_bytes"] + outcomes.RESP_SIZES[how] + HEADER * (received + resp_acks)
    rows["orig_ip_bytes"] += orig_again * (HEADER + first_segment(rows["orig_bytes"], sent))
    rows["resp_ip_bytes"] += resp_again * (HEADER + first_segment(rows["resp_bytes"], received))


def first_segment(size: Ints, segments: Ints) -> Ints:
    """Return the bytes of the first of `segments` over which `size` bytes are spread as evenly as can be."""
    return np.asarray(-(-size // np.maximum(segments, 1)), dtype=np.int64)


def _unset_single_packets(rows: Rows) -> None:
    """Zeek leaves duration and bytes unset for a connection of which it saw one packet."""
    single = rows["orig_pkts"] + rows["resp_pkts"] == 1
    rows["duration"][single] = np.nan
    rows["orig_bytes"][single] = -1
    rows["resp_bytes"][single] = -1
