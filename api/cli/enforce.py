"""`nslabs enforce`: the small process that carries decisions out, and the only one that needs a capability."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.harmless import harmless


def enforce(
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with enforcers.")] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="URL", help="Where nslabs run serves.")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="File with a token of scope respond.")
    ] = None,
    state: Annotated[Path | None, typer.Option("--state", metavar="DIR", help="Folder for what is held.")] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Lift what is over, without the service, and end: for a timer.")
    ] = False,
    flush: Annotated[
        bool, typer.Option("--flush", help="Lift everything, without the service, and end: for an emergency.")
    ] = False,
) -> None:
    """Carry out what a service decides: fetch it, hold it, mend it, and lift it when it is over."""
    from prevention.agent import Agent, load_agent_config
    from prevention.agent import sweep as swept

    given = load_agent_config(config, {"service": service, "token_file": token_file, "state": state})
    if sweep or flush:
        problems = swept(given, everything=flush)
        for problem in problems:
            say(problem)
        raise typer.Exit(1 if problems else 0)
    agent = Agent(given, say)

    def on_signal(*_: Any) -> None:
        agent.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    say(f"enforcing with {', '.join(sorted(given.enforcers)) or 'nothing'} for {given.service}; state {given.state}")
    agent.run()


def say(text: str) -> None:
    """Write a line for people; the terminal's own module would bring the models' libraries with it."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()
