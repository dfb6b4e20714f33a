"""Peers in words: an alert with the names by which its device asked for the addresses that it tells of."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.types import Alert


def with_peer_names(alert: Alert, names: Mapping[str, str]) -> Alert:
    """Return the alert with these names of its peers; the peer of which its sentence tells is named there, too."""
    if not names:
        return alert
    peer = alert.peers[0]
    sentence = _named(alert.sentence, peer, names[peer]) if peer in names else alert.sentence
    return replace(alert, peer_names=dict(names), sentence=sentence)


def _named(sentence: str, address: str, name: str) -> str:
    """Return a sentence with a name before its address, unless it has the name already.

    >>> _named("10.0.0.7 talks to 10.0.0.70 on tcp/443", "10.0.0.7", "cam.example")
    'cam.example (10.0.0.7) talks to 10.0.0.70 on tcp/443'
    """
    if name in sentence:
        return sentence
    whole = rf"(?<![0-9A-Za-z.:]){re.escape(address)}(?![0-9A-Za-z]|[.:][0-9A-Za-z])"
    return re.sub(whole, lambda _: f"{name} ({address})", sentence, count=1)
