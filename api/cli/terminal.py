"""What a person at the terminal sees of a running service: where it is, and each alert when it comes or gets graver."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from api.cli.harmless import harmless
from api.cli.since import shown_time
from api.serve.stream.messages import AlertMessage
from api.state.store import AlertChange
from api.state.store.rows import SEVERITIES

if TYPE_CHECKING:
    from api.serve.stream import Hub
    from api.serve.stream.messages import Message
    from api.state.store.groups import Drift
    from online_models.types import Severity

COMPILING: Final = "compiling the models for this machine (once)"
"""Said where the first use of the models would look like standing still."""

_STYLES: Final = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}
_WAITING: Final = 1000
_REMEMBERED: Final = 10_000
"""Alerts and drifts whose severity is remembered, so that a rise is told; those that changed last."""


def say(text: str) -> None:
    """Write a line to standard output, at once; a reader that has gone, or a full disk, is no trouble."""
    with contextlib.suppress(OSError):
        sys.stdout.write(harmless(text) + "\n")
        sys.stdout.flush()


class _Terminal(Console):
    """Standard output; rich ends the program when its reader has gone, as a command does and a service must not."""

    def on_broken_pipe(self) -> None:
        """Leave it to who writes."""
        raise  # noqa: PLE0704 - rich calls this where it handles the error


async def show_alerts(hub: Hub) -> None:
    """Write a line for each alert that is raised or gets graver. A terminal that does not scroll holds up only this."""
    console, told = _Terminal(soft_wrap=True, highlight=False), ToldBefore()
    with contextlib.suppress(OSError), hub.alerts.subscribed(_WAITING) as subscriber:
        while True:
            for message in await subscriber.next_messages():
                text = told.line(message)
                if text is not None:
                    await asyncio.to_thread(console.print, text)


class ToldBefore:
    """The gravest severity that was told of each alert and drift, so that a rise is told, too, and nothing else."""

    def __init__(self) -> None:
        self._severities: OrderedDict[str, Severity] = OrderedDict()

    def line(self, message: Message) -> Text | None:
        """Return what to say of a message: of an alert or drift that is new or graver than before, or of a gap."""
        if not isinstance(message, AlertMessage):
            return Text(f"({message.seq}: some alerts came faster than they could be shown; the page has them)")
        change = message.change
        subject = change.alert if isinstance(change, AlertChange) else change.drift
        before = self._remember(subject.id, subject.severity)
        has_risen = before is not None and SEVERITIES.index(subject.severity) > SEVERITIES.index(before)
        if change.change in {"closed", "muted"} or not (change.change == "raised" or has_risen):
            return None
        rose_from = before if change.change != "raised" else None
        return alert_line(change, rose_from) if isinstance(change, AlertChange) else drift_line(change.drift, rose_from)

    def _remember(self, identifier: str, severity: Severity) -> Severity | None:
        """Return the severity of before; None if nothing was told of this alert, which an earlier run may have been."""
        before = self._severities.pop(identifier, None)
        self._severities[identifier] = max(before or severity, severity, key=SEVERITIES.index)
        if len(self._severities) > _REMEMBERED:
            self._severities.popitem(last=False)
        return before


def alert_line(change: AlertChange, rose_from: Severity | None = None) -> Text:
    """Return when, how severe, which device and its name, and the sentence; of a rise, when that was and from what."""
    alert, name = change.alert, change.owner.name if change.owner else None
    device = f"{alert.device} ({name})" if name else alert.device
    when = shown_time(alert.ts if rose_from is None else alert.last_ts)
    return _told(when, alert.severity, harmless(device), rose_from, alert.sentence or alert.behaviour)


def drift_line(drift: Drift, rose_from: Severity | None = None) -> Text:
    """Return when, how severe, how many devices, and the sentence; of a rise, when that was and from what."""
    when = shown_time(drift.first_ts if rose_from is None else drift.last_ts)
    return _told(when, drift.severity, f"{len(drift.devices)} devices", rose_from, drift.sentence)


def _told(when: str, severity: Severity, who: str, rose_from: Severity | None, sentence: str) -> Text:
    rise = f"rose from {rose_from}: " if rose_from else ""
    return Text.assemble(
        when, "  ", (f"{severity:<8}", _STYLES[severity]), "  ", f"{who:<15}  ", rise, harmless(sentence)
    )
