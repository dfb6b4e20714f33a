"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The name of a check, how it came out, and in words what was found and what to change."""

    name: str
    level: Literal["ok", "warn", "fail"]
    text: str


def ok(name: str, text: str) -> CheckResult:
    """Return that nothing need be changed."""
    return CheckResult(name, "ok", text)


def warn(name: str, text: str) -> CheckResult:
    """Return that something is missing or worse than it could be."""
    return CheckResult(name, "warn", text)


def fail(name: str, text: str) -> CheckResult:
    """Return that the service cannot work, or sees nothing."""
    return CheckResult(name, "fail", text)
