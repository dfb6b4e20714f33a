"""The packets of one simulated connection, in order: who sends what, and when.

They are those that `outcomes` and `tcp` count, so a sensor that sees them writes the very numbers of the simulated log.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.simulator.outcomes import OUTCOMES, ConnectionOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.simulator.payloads import Exchange


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet before it is assembled.

    Attributes
    ----------
    time
        Epoch seconds.
    letter
        What it is, like in `outcomes`, with D and d for a segment and T and t for one that is sent again; capitals are
        the originator's. A datagram is D or d.
    payload
        What it carries.
    """

    time: float
    letter: str
    payload: bytes = b""

    @property
    def by_orig(self) -> bool:
        """The originator sends it."""
        return self.letter.isupper()


def tcp_packets(row: dict[str, Any], how: int, segments: tuple[int, int], said: Exchange) -> list[Packet]:
    """Return the packets of a TCP row of conn.log that went as outcome number `how` says."""
    outcome, lasts = OUTCOMES[how], row["duration"] or 0.0
    opening = _opening(outcome, lasts)
    gap = min(0.002, lasts / 50)
    closing = [(lasts - gap * i, x) for i, x in enumerate(reversed(outcome.closing))][::-1]
    begin, end = opening[-1][0], (closing[0][0] - gap if closing else lasts)
    data = list(_exchange(outcome, segments, said)) if outcome.carries else []
    steps = len(data) if not closing else len(data) + 1
    middle = [(begin + (end - begin) * (i + 1) / max(steps, 1), x, payload) for i, (x, payload) in enumerate(data)]
    timed = [(t, x, b"") for t, x in opening] + middle + [(t, x, b"") for t, x in closing]
    return [Packet(row["ts"] + t, x, payload) for t, x, payload in timed]


def udp_packets(row: dict[str, Any], said: Exchange) -> list[Packet]:
    """Return a UDP row's datagrams: spread evenly, and replies at the end of each one's turn."""
    lasts, sent, back = row["duration"] or 0.0, row["orig_pkts"], row["resp_pkts"]
    out = [Packet(row["ts"] + _place(i, sent, lasts, back), "D", x) for i, x in enumerate(split(said.orig, sent))]
    out += [Packet(row["ts"] + lasts * (i + 1) / back, "d", x) for i, x in enumerate(split(said.resp, back))]
    return sorted(out, key=lambda packet: packet.time)


def _place(turn: int, sent: int, lasts: float, back: int) -> float:
    return lasts * turn / (sent if back else max(sent - 1, 1))


def split(said: bytes, parts: int) -> list[bytes]:
    """Cut bytes into parts as even as can be, the longer ones first; no parts where there are no bytes."""
    size, longer = divmod(len(said), max(parts, 1))
    cuts = [i * size + min(i, longer) for i in range(parts + 1)]
    return [said[a:b] for a, b in itertools.pairwise(cuts)]


def _opening(outcome: ConnectionOutcome, lasts: float) -> list[tuple[float, str]]:
    """Return times and letters: a repeated SYN after 1 s and at the end, else a handshake in one short round trip."""
    if outcome.opening == "SSS":
        return [(0.0, "S"), (1.0, "S"), (lasts, "S")]
    if not outcome.closing and not outcome.carries:
        count = max(len(outcome.opening) - 1, 1)
        return [(lasts * i / count, x) for i, x in enumerate(outcome.opening)]
    trip = min(0.02, lasts / 10)
    return [(0.0, "S"), (trip, "h"), (trip * 1.02, "A")]


def _exchange(outcome: ConnectionOutcome, segments: tuple[int, int], said: Exchange) -> Iterator[tuple[str, bytes]]:
    """Yield segments and ACKs, each side's in turn while both have any; what is sent again comes last."""
    asked, told = split(said.orig, segments[0]), split(said.resp, segments[1])
    up = [_sent(part, i, len(asked)) for i, part in enumerate(asked)]
    down = [_received(part, i) for i, part in enumerate(told)]
    for both in itertools.zip_longest(up, down):
        for steps in both:
            yield from steps or ()
    if outcome.resent:
        yield outcome.resent, (asked if outcome.resent == "T" else told)[0]


def _sent(part: bytes, place: int, count: int) -> list[tuple[str, bytes]]:
    """Return the originator's segment, and the ACK that every second one gets, and the only one."""
    return [("D", part), ("a", b"")] if place % 2 == 0 and place // 2 < max(1, count // 2) else [("D", part)]


def _received(part: bytes, place: int) -> list[tuple[str, bytes]]:
    """Return the responder's segment, and the ACK that every second one gets."""
    return [("d", part), ("A", b"")] if place % 2 == 1 else [("d", part)]
