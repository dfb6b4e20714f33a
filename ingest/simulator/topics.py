"""What is named in MQTT: clients, topics, and the filters of subscriptions."""

from __future__ import annotations

from typing import Final

from ingest.simulator.frames import JOINT
from ingest.simulator.names import Name

CLIENTS: Final = {
    "plug": Name("WP3_", "serial"),
    "lock": Name("boltly-", "serial"),
    "speaker": Name("tonearc-", "serial"),
    "app": Name("fonix-home-"),
    "guest": Name("mqttx_"),
}
"""Identifiers by who takes them; an app and a guest take another one at each start, which follows the name."""
CHANGING: Final = ("app", "guest")
TOPICS: Final = {
    "cloud state": Name("plugwell/v3/", "serial", "/state"),
    "cloud command": Name("plugwell/v3/", "serial", "/cmd"),
    "state": Name("tele/", "serial", "/STATE"),
    "power": Name("cmnd/", "serial", "/POWER"),
    "bolt": Name("lock/", "serial", "/state"),
    "unlock": Name("lock/", "serial", "/set"),
}
FILTERS: Final = {
    "cloud": Name("plugwell/v3/", "serial", "/cmd"),
    "plug": Name("cmnd/", "serial", f"/+{JOINT}cmnd/all/+"),
    "lock": Name("lock/", "serial", "/set"),
    "home": Name(f"homeassistant/#{JOINT}tele/+/STATE{JOINT}lock/+/state"),
    "app": Name("homeassistant/#"),
    "everything": Name(f"#{JOINT}$SYS/#"),
}
STATUSES: Final = ("Connection Accepted", "Refused: bad user name or password", "Refused: server unavailable")
ACCEPTED, BAD_PASSWORD, UNAVAILABLE = range(3)
QOS: Final = ("at most once", "at least once", "exactly once")


def place(table: dict[str, Name], name: str) -> int:
    """Return the number of an entry of one of the tables."""
    return list(table).index(name)
