"""Peers in words: an alert with the names by which its device asked for the addresses that it tells of."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from online_models.types import Alert

_MOST: Final = 256
"""Alerts that wait for names of their peers; beyond, the one that changed longest ago waits no longer."""


class PeerNaming:
    """Names the peers of alerts, also of those that were told before the log was read that tells the names.

    conn.log is read before dns.log of the same moment, since it tells whose the addresses are. ``names_of`` returns by
    what names a device asked for peers.
    """

    def __init__(self, names_of: Callable[[str, Sequence[str]], Mapping[str, str]]) -> None:
        self._names_of = names_of
        self._waiting: OrderedDict[str, tuple[Alert, int]] = OrderedDict()

    def named(self, alert: Alert) -> Alert:
        """Return the alert with its peers' names; if not all have one, it waits for them."""
        names = self._names_of(alert.known_as, alert.peers)
        self._waiting.pop(alert.id, None)
        if len(names) < len(alert.peers):
            self._waiting[alert.id] = alert, len(names)
            if len(self._waiting) > _MOST:
                self._waiting.popitem(last=False)
        return with_peer_names(alert, names)

    def named_since(self) -> Iterator[Alert]:
        """Yield those that have waited and for which there are more names now."""
        for alert, known in list(self._waiting.values()):
            if len(self._names_of(alert.known_as, alert.peers)) > known:
                yield self.named(alert)


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
