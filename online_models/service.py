"""What the service tells people of itself, in alerts that no model raised: names that no declared kind may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEVICE: Final = "nslabs"
"""Stands in such an alert where others have a device's address."""
LOG: Final = "prevention"
"""Stands in it where others have the log kind: the part of the service that tells."""


@dataclass(frozen=True, slots=True)
class ServiceBehaviour:
    """One thing that the service may have to tell of itself."""

    name: str
    meaning: str


BLOCK_LIMIT: Final = ServiceBehaviour("block-limit", "a limit of blocks was reached: all is only suggested for a while")
BLOCK_NOT_ENFORCED: Final = ServiceBehaviour(
    "block-not-enforced", "a decision is active that no enforcer process can carry out"
)
BEHAVIOURS: Final = (BLOCK_LIMIT, BLOCK_NOT_ENFORCED)
