"""What stands before every block, whatever the policy says: what must never be blocked, and how fast it goes."""

from prevention.safeguards.protected import ALWAYS, Protected, Protection, configured
from prevention.safeguards.rate import Rate

__all__ = ["ALWAYS", "Protected", "Protection", "Rate", "configured"]
