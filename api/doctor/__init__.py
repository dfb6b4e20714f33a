"""Looks at a sensor's logs and at this host, and says of each thing whether it is well and else what to change."""

from api.doctor.finding import CheckResult
from api.doctor.host import look_at_host
from api.doctor.logs import look_at_logs

__all__ = ["CheckResult", "look_at_host", "look_at_logs"]
