"""`nslabs run`: the service on growing logs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import (
    CatchUpOption,
    ConfigOption,
    ForOption,
    InsecureOption,
    KindOption,
    ListenOption,
    LogFormat,
    LogFormatOption,
    RootPathOption,
    StateOption,
    TlsCertOption,
    TlsKeyOption,
    WarmStartOption,
    model_settings,
    server_settings,
)


def run(
    logs: Annotated[Path | None, typer.Option("--logs", metavar="DIR", help="Folder in which Zeek writes.")] = None,
    state: StateOption = None,
    listen: ListenOption = None,
    config: ConfigOption = None,
    kind: KindOption = None,
    catch_up: CatchUpOption = None,
    warm_start: WarmStartOption = None,
    root_path: RootPathOption = None,
    insecure: InsecureOption = False,
    tls_cert: TlsCertOption = None,
    tls_key: TlsKeyOption = None,
    stop_after: ForOption = None,
    log_format: LogFormatOption = LogFormat.console,
) -> None:
    """Follow the logs of a folder, and serve scores and alerts over HTTP and WebSocket."""
    from api.cli.serving import serve_until_stopped
    from api.cli.since import parse_since
    from api.settings import load_settings

    overrides = {
        "TrafficAnalyzerConfig": {"logs": logs, "state": state},
        **model_settings(kind),
        "SocketIOConfig": server_settings(
            listen, insecure=insecure, root_path=root_path, tls_cert=tls_cert, tls_key=tls_key
        ),
    }
    since = None if catch_up is None else parse_since(catch_up, "--catch-up", time.time())
    settings = load_settings(config, overrides)
    raise typer.Exit(
        serve_until_stopped(settings, stop_after, catch_up_since=since, warm_start=warm_start, log_format=log_format)
    )
