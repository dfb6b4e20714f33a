"""What enforcer processes said last, and what follows from it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SILENCE_S: Final = 15.0
"""After which an enforcer process that reported counts as gone: some missed reports."""
_MOST: Final = 32


@dataclass(slots=True)
class Report:
    """What an enforcer process said last, and when; see `api.serve.routes.enforcers`."""

    at: float
    body: dict[str, Any] = field(default_factory=dict)


class Reports:
    """The last report of each enforcer process; may be used from several threads."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}
        self._lock = threading.Lock()

    def put(self, name: str, body: dict[str, Any], at: float) -> list[str]:
        """Keep a report; return the decisions that it carries out since. Who was silent for longest gives way."""
        with self._lock:
            before = self._reports.get(name)
            self._reports[name] = Report(at, body)
            if len(self._reports) > _MOST:
                del self._reports[min(self._reports, key=lambda one: self._reports[one].at)]
        known = set(before.body.get("carried", ())) if before else set[str]()
        return sorted(set(body.get("carried", ())) - known)

    def all(self) -> dict[str, Report]:
        """Return the last report of each process, by its name."""
        with self._lock:
            return dict(self._reports)

    def live(self, at: float) -> dict[str, dict[str, Any]]:
        """Return what each process said that is not silent."""
        return {name: one.body for name, one in self.all().items() if at - one.at <= _SILENCE_S}

    def uncovered(self, at: float) -> frozenset[str] | None:
        """Return the decisions that none of those that report can carry out; None if none reports."""
        each = [frozenset(body.get("uncovered", ())) for body in self.live(at).values()]
        return frozenset.intersection(*each) if each else None

    def problems(self, at: float) -> Iterator[str]:
        """Yield who is silent, and what each enforcer of the others has to tell, in sentences."""
        live = self.live(at)
        for name, one in self.all().items():
            if name not in live:
                yield f"enforcer process {name} has been silent for {at - one.at:.0f} s"
        for name, body in live.items():
            for enforcer in body["enforcers"]:
                if enforcer.get("problem"):
                    yield f"{name}: enforcer {enforcer['name']}: {enforcer['problem']}"
