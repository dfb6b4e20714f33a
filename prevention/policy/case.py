"""What a policy is asked about: the part of an alert that decides its consequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """An alert as prevention sees it.

    Attributes
    ----------
    alert
        The alert's identifier.
    device
        The device's key: MAC where known, else address.
    addresses
        The addresses that the device has now.
    beside
        Further addresses that only this device was seen with lately, such as those of the other IP version.
    behaviour, severity, sentence, confidence, log
        As in the alert; `log` is the log kind.
    views
        How many views of the models agree.
    peers, domains
        Whom it is about, as far as the alert names them.
    is_complete
        Whether these are all, and not samples of more.
    tags
        The device's tags.
    last_ts
        Time of its last record, epoch seconds.
    """

    alert: str
    device: str
    behaviour: str
    severity: Severity
    sentence: str
    last_ts: float
    log: str = "conn"
    confidence: float = 1.0
    views: int = 1
    addresses: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    is_complete: bool = True
    tags: frozenset[str] = frozenset()
