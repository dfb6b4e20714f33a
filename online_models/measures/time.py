"""Spans of log time, seconds."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
SPANS = "minute", "hour"
"""Of the running windows, by number."""
LONGEST = 366 * DAY
"""A duration beyond this is a broken number, and must not carry a device's log time away."""
SETTLING = 12 * HOUR
"""Age of a device, or of a thing, that is trusted in full."""
HABITS = 7 * DAY
"""What people do weekly has come again: nothing is new any more, what was a habit has faded by half, and what comes
back within them, and is known by what it is about, was told."""
