"""TLS handshakes on connections, and the certificates that they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.draws import combine, lognormal, uniform
from ingest.simulator.greetings import AUTHORITY, IMPLANT, ITSELF, LIFETIME, RESUMED, VERSION
from ingest.simulator.tables import CERTIFICATE, HEAD_FIELDS, SERVICES, SSL, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.simulator.draws import Ints, Keys
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

RELOG_S: Final = 86_400.0
"""Zeek logs a certificate that it has seen before once a day (``X509::relog_known_certificates_after``)."""


@dataclass(frozen=True, slots=True)
class Impostor:
    """A server that is not who it says: it signs for itself.

    ``named`` is whether the client asks for the endpoint's name, ``as_itself`` whether it greets as the device does.
    """

    named: bool = False
    as_itself: bool = False


def handshakes(site: Site, flows: Rows, endpoint: Ints, impostor: Impostor | None = None) -> Rows:
    """Return the handshakes of finished connections to these endpoints, where payload went through."""
    heard = (flows["service"] == SERVICES.index("ssl")) & (flows["state"] != STATES.index("RSTOS0"))
    seen, where = flows[heard], endpoint[heard]
    key, rows = seen["key"], np.zeros(int(heard.sum()), SSL)
    for field in HEAD_FIELDS:
        rows[field] = seen[field]
    round_trip = lognormal(key, "round trip", 0.025, 0.6)
    rows["ts"] = np.round(seen["ts"] + round_trip, 6)
    rows["written"] = np.minimum(rows["ts"] + 1.2 * round_trip, np.maximum(seen["written"], rows["ts"]))
    rows["name"] = rows["endpoint"] = where
    rows["greeting"] = site.classes[seen["device"]]
    rows["authority"], rows["version"] = AUTHORITY[where], VERSION[where]
    rows["resumed"] = uniform(key, "resumed") < RESUMED[where]
    phase = uniform(combine("issued", site.seed, where), "phase")
    rows["generation"] = np.floor(seen["ts"] / LIFETIME[where] + phase)
    if impostor is not None:
        rows["authority"], rows["version"], rows["resumed"], rows["generation"] = ITSELF, 12, 0, 0
        rows["name"] = where if impostor.named else -1
        rows["greeting"] = rows["greeting"] if impostor.as_itself else IMPLANT
    return rows


def shows_chain(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell in which handshakes certificates are visible: not in TLS 1.3, nor where a session is resumed."""
    return np.asarray((rows["version"] == 12) & (rows["resumed"] == 0), dtype=np.bool_)


def certificate_keys(site: Site, rows: Rows) -> Keys:
    """Return the identity of each certificate; every server that signs for itself has one of its own."""
    whose = np.where(rows["authority"] == ITSELF, 1 + rows["endpoint"], 0)
    return combine("certificate", site.seed, rows["endpoint"], rows["generation"], rows["authority"], whose)


class Sighted:
    """Which certificates were logged when: every one once a day. Handshakes come in the order of writing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._logged: dict[int, float] = {}

    def logged(self, ssl: Rows) -> Rows:
        """Return the certificates of these handshakes that are logged now."""
        shown = ssl[shows_chain(ssl)]
        keys = certificate_keys(self._site, shown)
        places = np.array(sorted(self._due(keys, shown["written"])), dtype=np.int64)
        out = np.zeros(len(places), CERTIFICATE)
        for field in ("written", "ts", "endpoint", "authority", "generation"):
            out[field] = shown[field][places]
        out["key"] = keys[places]
        return out

    def _due(self, keys: Keys, written: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Iterable[int]:
        for key in np.unique(keys).tolist():
            places = np.flatnonzero(keys == np.uint64(key))
            due = self._logged.get(key, -RELOG_S) + RELOG_S
            while (first := int(np.searchsorted(written[places], due))) < len(places):
                yield int(places[first])
                self._logged[key] = float(written[places[first]])
                due = self._logged[key] + RELOG_S
