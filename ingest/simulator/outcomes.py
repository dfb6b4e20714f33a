"""The ways in which a TCP connection can go, packet by packet, and Zeek's words for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.simulator.tables import STATES

SYN_SIZE: Final = 60  # IP 20, TCP 20, options 20
RST_SIZE: Final = 40  # IP 20, TCP 20
HEADER: Final = 52  # IP 20, TCP 20, timestamps 12
SEGMENT: Final = 1448


@dataclass(frozen=True, slots=True)
class ConnectionOutcome:
    """One way in which a connection can go.

    Packets are written as letters like in Zeek's history: S SYN, h SYN and ACK, A pure ACK, F FIN and ACK, R RST;
    capitals are the originator's.

    Attributes
    ----------
    history, state
        What Zeek calls it.
    weight
        How often it happens where nothing else is asked for, in thousandths or so.
    opening, closing
        The packets before and after the payload.
    carries
        Payload goes through.
    resent
        Who sends one segment again: "T" the originator, "t" the responder.
    """

    history: str
    state: str
    weight: float
    opening: str = "ShA"
    closing: str = "FfA"
    carries: bool = True
    resent: str = ""


OUTCOMES: Final = (
    ConnectionOutcome("ShADadFf", "SF", 520),
    ConnectionOutcome("ShADadfF", "SF", 300, closing="fFa"),
    ConnectionOutcome("ShADadtFf", "SF", 14, resent="t"),
    ConnectionOutcome("ShADadTFf", "SF", 12, resent="T"),
    ConnectionOutcome("ShADadFfR", "SF", 30, closing="FfR"),
    ConnectionOutcome("ShADadR", "RSTO", 40, closing="R"),
    ConnectionOutcome("ShADadTR", "RSTO", 4, closing="R", resent="T"),
    ConnectionOutcome("ShADadr", "RSTR", 12, closing="r"),
    ConnectionOutcome("ShADadtr", "RSTR", 2, closing="r", resent="t"),
    ConnectionOutcome("ShADadf", "S3", 5, closing="fA"),
    ConnectionOutcome("ShADadF", "S2", 4, closing="Fa"),
    ConnectionOutcome("ShAFf", "SF", 1, carries=False),
    ConnectionOutcome("S", "S0", 4, opening="SSS", closing="", carries=False),
    ConnectionOutcome("Sr", "REJ", 2, opening="Sr", closing="", carries=False),
    ConnectionOutcome("ShR", "RSTO", 1, opening="ShR", closing="", carries=False),
    # Ways that only special habits and attacks choose:
    ConnectionOutcome("ShADad", "S1", 0, closing=""),
    ConnectionOutcome("S", "S0", 0, opening="S", closing="", carries=False),
)
CLOSED: Final = 0
RESET: Final = 5
NO_REPLY: Final = 12
REJECTED: Final = 13
CUT_OFF: Final = 15
"""The outcome of a connection that is still open when Zeek stops."""
SINGLE_SYN: Final = 16

UDP_BOTH: Final = len(OUTCOMES)
UDP_ONE_WAY: Final = len(OUTCOMES) + 1
HISTORIES: Final = (*(outcome.history for outcome in OUTCOMES), "Dd", "D")
"""Zeek's history by the number that rows hold; TCP outcomes have the same number."""


def _packets(outcome: ConnectionOutcome, *, by_orig: bool) -> str:
    return "".join(letter for letter in outcome.opening + outcome.closing if letter.isupper() == by_orig)


def _sizes(letters: str) -> int:
    return sum(SYN_SIZE if x in "Sh" else RST_SIZE if x in "Rr" else HEADER for x in letters)


WEIGHTS: Final = [outcome.weight for outcome in OUTCOMES]
STATE: Final = np.array([STATES.index(outcome.state) for outcome in OUTCOMES], dtype=np.uint8)
CARRIES: Final = np.array([outcome.carries for outcome in OUTCOMES])
ORIG_PACKETS: Final = np.array([len(_packets(outcome, by_orig=True)) for outcome in OUTCOMES])
RESP_PACKETS: Final = np.array([len(_packets(outcome, by_orig=False)) for outcome in OUTCOMES])
ORIG_SIZES: Final = np.array([_sizes(_packets(outcome, by_orig=True)) for outcome in OUTCOMES])
RESP_SIZES: Final = np.array([_sizes(_packets(outcome, by_orig=False)) for outcome in OUTCOMES])
ORIG_RESENDS: Final = np.array([outcome.resent == "T" for outcome in OUTCOMES])
RESP_RESENDS: Final = np.array([outcome.resent == "t" for outcome in OUTCOMES])
