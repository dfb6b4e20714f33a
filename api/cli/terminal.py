"""What a person at the terminal sees of a running service: where it is, and each alert as it is raised."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from api.serve.stream.messages import AlertMessage
from api.state.store import AlertChange

if TYPE_CHECKING:
    from api.serve.stream import Hub
    from api.serve.stream.messages import Message
    from api.state.store.groups import Drift

COMPILING: Final = "compiling the models for this machine (once)"
"""Said where the first use of the models would look like standing still."""

_STYLES: Final = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}
_WAITING: Final = 1000


def say(text: str) -> None:
    """Write a line to standard output, at once; a reader that has gone is no trouble."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


async def show_alerts(hub: Hub) -> None:
    """Write one line for each alert that is raised. A terminal that does not scroll holds up nothing but this."""
    console = Console(soft_wrap=True, highlight=False)
    with contextlib.suppress(BrokenPipeError), hub.alerts.subscribed(_WAITING) as subscriber:
        while True:
            for message in await subscriber.next_messages():
                text = _line(message)
                if text is not None:
                    await asyncio.to_thread(console.print, text)


def _line(message: Message) -> Text | None:
    if isinstance(message, AlertMessage):
        change = message.change
        if change.change != "raised":
            return None
        return alert_line(change) if isinstance(change, AlertChange) else drift_line(change.drift)
    return Text(f"({message.seq}: some alerts were raised faster than they could be shown; the page has them)")


def alert_line(change: AlertChange) -> Text:
    """Return when, how severe, which device and its name, and the sentence."""
    alert, name = change.alert, change.owner.host_name if change.owner else None
    device = f"{alert.device} ({name})" if name else alert.device
    when = datetime.fromtimestamp(alert.ts, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Text.assemble(
        when, "  ", (f"{alert.severity:<8}", _STYLES[alert.severity]), "  ", f"{harmless(device):<15}  ",
        harmless(alert.sentence or alert.behaviour),
    )  # fmt: skip


def drift_line(drift: Drift) -> Text:
    """Return when, how severe, how many devices, and the sentence."""
    when = datetime.fromtimestamp(drift.first_ts, UTC).strftime("%Y-%m-%d %H:%M:%S")
    severity = (f"{drift.severity:<8}", _STYLES[drift.severity])
    return Text.assemble(when, "  ", severity, "  ", f"{len(drift.devices)} devices       ", harmless(drift.sentence))


def harmless(text: str) -> str:
    """Replace what a terminal would obey: log contents are data."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
