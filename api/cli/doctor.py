"""`nslabs doctor`: what to change so that the service sees all it could."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.harmless import harmless
from api.cli.options import ConfigOption, StateOption


def doctor(
    logs: Annotated[Path | None, typer.Option("--logs", metavar="DIR", help="Folder in which Zeek writes.")] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON line for each check instead of text.")] = False,
) -> None:
    """Check logs, sensor and host: a line each, ok, warn or fail and what to change; status 1 if any fails."""
    from dataclasses import asdict

    import orjson

    from api.doctor import look_at_host, look_at_logs
    from api.settings import default_state_directory, load_settings, state_base

    settings = load_settings(config, {"TrafficAnalyzerConfig": {"logs": logs, "state": state}})
    traffic = settings.traffic
    folder = traffic.state or (default_state_directory(traffic.logs) if traffic.logs else state_base())
    is_failed = False
    for found in (
        *look_at_logs(traffic.logs, traffic.local_networks, traffic.stale_after_min * 60),
        *look_at_host(folder, settings.store.max_size_mb * (1 << 20)),
    ):
        is_failed |= found.level == "fail"
        text = (
            orjson.dumps(asdict(found)).decode() if json else harmless(f"{found.level:<4}  {found.name}: {found.text}")
        )
        sys.stdout.write(text + "\n")
    raise typer.Exit(1 if is_failed else 0)
