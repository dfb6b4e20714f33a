"""What stands before every block, whatever the policy says: what must never be blocked, and how fast it goes."""

from prevention.safeguards.protected import ALWAYS, Protected, Protection, configured
from prevention.safeguards.rate import Limited, Rate

__all__ = ["ALWAYS", "Limited", "Protected", "Protection", "Rate", "configured"]
