"""Looks at a sensor's logs and at this host, and says of each thing whether it is well and else what to change."""

from api.doctor.finding import Finding
from api.doctor.host import look_at_host
from api.doctor.logs import look_at_logs

__all__ = ["Finding", "look_at_host", "look_at_logs"]
