"""What TLS shows of those who use it: clients by their greetings, servers by their certificates.

Nothing here is anybody's: greetings and fingerprints are drawn, in the form that the field has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.simulator.draws import as_keys, lane, name_key
from ingest.simulator.names import CLOUD
from ingest.simulator.rhythm import DAY
from ingest.simulator.site import CLASSES


@dataclass(frozen=True, slots=True)
class Greeting:
    """How one TLS client greets; browsers put their extensions in another order each time, which JA3 shows.

    Attributes
    ----------
    program
        Whose it is: a device class, or another program.
    shuffled
        Whether the order of its extensions changes.
    """

    program: str
    shuffled: bool = False

    def ja4(self) -> str:
        """Return a text of JA4's form, the same whatever the order of extensions."""
        digits = "".join(f"{int(lane(as_keys(name_key(self.program)), part)[0]):016x}"[:12] for part in ("a", "b"))
        return f"t13d{15 + len(self.program) % 9}{10 + len(self.program) % 7}h2_{digits[:12]}_{digits[12:]}"


GREETINGS: Final = (
    *(Greeting(name, shuffled=name in {"phone", "laptop"}) for name in CLASSES),
    Greeting("implant"),
)
"""A greeting for each device class, in their order, and one that no ordinary device has."""
IMPLANT: Final = len(GREETINGS) - 1

ITSELF: Final = 0
AUTHORITIES: Final = (
    ("", "self signed certificate"),
    ("CN=TrustMark TLS CA 4,O=TrustMark,C=US", "ok"),
    ("CN=Open Signing X3,O=Open Signing,C=US", "ok"),
    ("CN=Boltly Device Root,O=Boltly", "self signed certificate in certificate chain"),
)
"""Names of those who sign certificates, and what Zeek says of them: a maker's own authority is known to nobody else."""


@dataclass(frozen=True, slots=True)
class Served:
    """How the servers of a domain speak TLS.

    ``authority`` signs, a certificate lives for ``lifetime`` seconds, and a share of sessions is ``resumed``.
    """

    authority: int
    version: int = 12
    lifetime: float = 90 * DAY
    resumed: float = 0.3


_SERVED: Final = {
    "lumacam.example": Served(1, resumed=0.6),
    "plugwell.example": Served(2, lifetime=60 * DAY),
    "hearthhub.example": Served(1, version=13),
    "tonearc.example": Served(2, version=13),
    "boltly.example": Served(3, lifetime=365 * DAY, resumed=0.0),
    "fonix.example": Served(1, version=13),
    "packetlane.example": Served(2, lifetime=90 * DAY, resumed=0.0),
}
_ANYBODY: Final = Served(2, version=13, lifetime=45 * DAY)
SERVED: Final = tuple(_SERVED.get(".".join(endpoint.name.split(".")[-2:]), _ANYBODY) for endpoint in CLOUD.endpoints)
"""Of every endpoint, in their order."""
AUTHORITY: Final = np.array([served.authority for served in SERVED])
VERSION: Final = np.array([served.version for served in SERVED])
LIFETIME: Final = np.array([served.lifetime for served in SERVED])
RESUMED: Final = np.array([served.resumed for served in SERVED])
