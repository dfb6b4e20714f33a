"""`nslabs sink`: which receivers are configured, and whether one takes a message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.harmless import harmless
from api.cli.options import ConfigOption

if TYPE_CHECKING:
    from api.sinks.protocol import Notice
    from api.sinks.registry import NamedSink

sink = typer.Typer(name="sink", help="List the sinks, and send one of them a test.", no_args_is_help=True)


@sink.command("list")
def list_sinks(config: ConfigOption = None) -> None:
    """List the sinks of the configuration, and the types that are installed."""
    from api.settings import load_settings
    from api.sinks.registry import known_types, make_sink

    for name, table in load_settings(config).sinks.items():
        made = make_sink(name, table)
        sys.stdout.write(harmless(f"{name:<20} {_described(made)}") + "\n")
    sys.stdout.write(harmless(f"types: {', '.join(known_types())}") + "\n")


@sink.command("test")
def try_sink(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the table [sinks.NAME] in the configuration.")],
    config: ConfigOption = None,
) -> None:
    """Send a test to one sink, whatever its filter says, and say whether it was taken."""
    import asyncio

    from api.errors import SettingsError
    from api.settings import load_settings
    from api.sinks.registry import make_sink

    tables = load_settings(config).sinks
    if name not in tables:
        known = ", ".join(tables) or "none: name a file with --config"
        raise SettingsError(f"no table [sinks.{name[:40]}]; there are {known}")
    made = make_sink(name, tables[name] | {"enabled": True})
    if made is not None:
        asyncio.run(_send(made))
        sys.stdout.write(harmless(f"sink {name}: the test was taken") + "\n")


async def _send(made: NamedSink) -> None:
    from api.errors import ServiceError
    from api.sinks.protocol import RefusedError, SinkError

    try:
        await made.sink.send(_test(made.name))
        await made.sink.flush()
    except (SinkError, RefusedError) as error:
        raise ServiceError(f"sink {made.name}: {error}") from error
    finally:
        await made.sink.close()


def _test(name: str) -> Notice:
    """Return a notice that says that it is a test; its device is an address for documents (RFC 5737)."""
    import time

    from api.sinks.protocol import Notice
    from online_models.types import Alert

    now = time.time()
    sentence = f"This is a test of the sink {name}: nothing has happened"
    alert = Alert(f"test-{int(now)}", "192.0.2.1", "scan", "conn", "low", 0.0, now, now, now, 0, sentence)
    return Notice(1, "raised", alert, at=now)


def _described(made: NamedSink | None) -> str:
    if made is None:
        return "not enabled"
    events = ", ".join(sorted(made.selection.events))
    return f"{made.type}: {events}, severity {made.selection.settings.min_severity} or more"
