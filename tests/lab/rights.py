"""What a person would call right about each kind of attack, before any detector is asked.

Behaviours are the product's words for what a device does; a person accepts each that describes the deed. Techniques are
MITRE ATT&CK's; naming a technique accepts its sub-techniques.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab.recipe import Right


def _right(behaviours: str, techniques: str, **rest: object) -> Right:
    return replace(Right(frozenset(behaviours.split()), frozenset(techniques.split())), **rest)  # type: ignore[arg-type]


COMMAND: Final = _right("new-peer rhythm new-domain new-host", "T1071 T1571 T1095 T1573 T1568")
"""A command channel is a new peer, and a steady one; its ports and names may be what is odd."""
GUESS_OUT: Final = _right("brute-force new-peer", "T1110 T1071")
GUESS_NEAR: Final = _right("brute-force lateral-contact", "T1110 T1021", direction="lateral")
SCAN_OUT: Final = _right("scan", "T1046 T1595", names_peer=False)
SCAN_NEAR: Final = _right("scan lateral-contact", "T1046 T1018 T1021", direction="lateral", names_peer=False)
PORTS_NEAR: Final = _right("scan lateral-contact", "T1046 T1021", direction="lateral")
PORTS_OUT: Final = _right("scan", "T1046 T1595")
PINGS: Final = _right("scan lateral-contact", "T1018 T1046 T1021", direction="lateral", names_peer=False)
FLOOD: Final = _right("flood", "T1498 T1499")
TUNNEL: Final = _right("dns-tunnel", "T1071.004 T1048 T1572 T1041", names_peer=False)
GENERATED: Final = _right("generated-names", "T1568", names_peer=False)
UPLOAD: Final = _right("volume transfer new-peer", "T1048 T1041 T1567 T1071")
COPY_NEAR: Final = _right("volume lateral-contact", "T1048 T1021 T1570 T1039", direction="lateral")
FETCH: Final = _right("new-host new-peer transfer volume odd-request", "T1105 T1071 T1048")
INTRUDER: Final = _right("inbound-contact brute-force scan", "T1133 T1190 T1110 T1046 T1078", direction="in")
MISUSE: Final = _right(
    "lateral-contact brute-force scan flood volume",
    "T1021 T1110 T1046 T1498 T1499 T1048 T1570 T0886",
    direction="lateral",
)
"""A neighbour does to a device what nobody did before; how it is called depends on how much of it there is."""
_CALL: Final = "untrusted-server new-tls-server odd-tls-client new-peer rhythm new-domain"
TLS_COMMAND: Final = _right(_CALL, "T1573 T1071 T1571 T1095 T1568")
"""A command channel inside TLS is a server that is new, greeted by a program that is new, or vouched for by nobody."""
TLS_UNTRUSTED: Final = _right("untrusted-server", "T1573 T1071")
"""Where the certificate is all that is wrong, it must be what is said."""
MQTT_LISTEN: Final = _right("mqtt-eavesdropping", "T1213 T1040", direction="lateral")
MQTT_COMMAND: Final = _right("mqtt-command new-mqtt-topic", "T1565 T1071 T0855", direction="lateral")
MQTT_GUESS: Final = _right("mqtt-guessing brute-force", "T1110", direction="lateral")
MQTT_STRANGER: Final = _right(
    "new-mqtt-client new-mqtt-topic lateral-contact", "T1071 T1021 T1078", direction="lateral"
)
MQTT_FLOOD: Final = _right("mqtt-publish-flood", "T1499 T1498", direction="lateral")
