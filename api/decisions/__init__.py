"""What the service does with its alerts: hands them to `prevention`, and answers for what becomes of them."""

from api.decisions.prevention import Prevention

__all__ = ["Prevention"]
