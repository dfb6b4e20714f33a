"""`nslabs run`: the service on growing logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import ConfigOption, ForOption, ListenOption, StateOption, listen_settings


def run(
    logs: Annotated[Path | None, typer.Option("--logs", metavar="DIR", help="Folder in which Zeek writes.")] = None,
    state: StateOption = None,
    listen: ListenOption = None,
    config: ConfigOption = None,
    stop_after: ForOption = None,
) -> None:
    """Follow the logs of a folder, and serve scores and alerts over HTTP and WebSocket."""
    from api.cli.serving import serve_until_stopped
    from api.settings import load_settings

    overrides = {"TrafficAnalyzerConfig": {"logs": logs, "state": state}, "SocketIOConfig": listen_settings(listen)}
    raise typer.Exit(serve_until_stopped(load_settings(config, overrides), stop_after))
