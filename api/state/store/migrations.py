"""How older alert stores are brought up to date: one numbered step a change, forward only, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.state.devices.tables import DEVICE_TABLES, GROUP_TABLES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

STEPS: Final[Mapping[int, str]] = {
    3: "ALTER TABLE alert ADD COLUMN site TEXT NOT NULL DEFAULT 'default';",
    4: "ALTER TABLE alert ADD COLUMN muted TEXT;",
    5: (
        "ALTER TABLE alert ADD COLUMN known_as TEXT NOT NULL DEFAULT ''; UPDATE alert SET known_as = device;"
        " CREATE INDEX alert_by_known_as ON alert (known_as, first_ts);"
    ),
    6: "ALTER TABLE alert ADD COLUMN handled TEXT;",
    7: (
        "ALTER TABLE alert ADD COLUMN direction TEXT NOT NULL DEFAULT 'out';"
        " ALTER TABLE alert ADD COLUMN peer_names TEXT NOT NULL DEFAULT '{}';"
    ),
    8: f"{DEVICE_TABLES} {GROUP_TABLES}",
}
"""The version that a step starts from, to what makes it the next one."""


def migrate(connection: sqlite3.Connection, version: int, goal: int) -> bool:
    """Bring a store up to date in one transaction; return whether there are steps from its version to the goal."""
    numbers = range(version, goal)
    if not all(number in STEPS for number in numbers):
        return False
    steps = " ".join(STEPS[number] for number in numbers)
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version={goal}; COMMIT;")
    finally:
        if connection.in_transaction:
            connection.rollback()
    return True
