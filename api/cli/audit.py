"""`nslabs audit`: who did what."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.harmless import harmless
from api.cli.options import ConfigOption, StateOption

if TYPE_CHECKING:
    from api.state.access import AuditEntry


def audit(
    state: StateOption = None,
    config: ConfigOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only from then on: 2h, Tuesday, 2026-11-20.")
    ] = None,
    who: Annotated[str | None, typer.Option(metavar="NAME", help="Only what was done in this name.")] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="At most so many, the last ones.")
    ] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON line for each entry instead of text.")] = False,
) -> None:
    """List who trained, answered, decided, logged in, and made or revoked tokens, oldest first."""
    from dataclasses import asdict

    import orjson

    from api.cli.since import parse_since
    from api.cli.token import opened
    from api.state.access import AuditLog, AuditQuery

    begin = None if since is None else parse_since(since, "--since", time.time())
    with opened(state, config) as database:
        entries, _ = AuditLog(database).page(AuditQuery(begin, who=who, limit=limit))
    for entry in reversed(entries):
        sys.stdout.write((orjson.dumps(asdict(entry)).decode() if json else _line(entry)) + "\n")


def _line(entry: AuditEntry) -> str:
    from api.moments import shown_time

    status = "-" if entry.status is None else str(entry.status)
    who = f"{entry.who or '-':<20}  {entry.address or '-':<15}"
    return harmless(f"{shown_time(entry.ts)}  {who}  {status:<3}  {entry.action}  {entry.object}")
