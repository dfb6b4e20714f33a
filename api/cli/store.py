"""`nslabs store`: what a state folder holds of alerts, and copies of it."""

from __future__ import annotations

import math
import re
import sys
import time
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.harmless import harmless
from api.cli.options import ConfigOption, StateOption, settings_and_state
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

store = typer.Typer(
    name="store",
    help="What the store of a service or a replay holds; prune, export and back it up. The service may be running.",
    no_args_is_help=True,
)


class What(StrEnum):
    """What can be exported."""

    alerts = "alerts"
    evidence = "evidence"
    audit = "audit"


class Form(StrEnum):
    """How it is written."""

    ndjson = "ndjson"
    csv = "csv"


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")]
_MIB = 1 << 20
_AGE = re.compile(r"([0-9]{1,6})(d|w)")


@store.command()
def info(state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say how many alerts and findings there are, since when, and how large the store is."""
    from dataclasses import asdict

    from api.moments import shown_time
    from api.state.pruning import existing_store, facts_of

    settings, path = settings_and_state(config, state)
    facts = facts_of(existing_store(path))
    if json:
        _write_json(asdict(facts))
        return
    span = "none" if facts.first_ts is None else f"{shown_time(facts.first_ts)} to {shown_time(facts.last_ts or 0)}"
    size, most, free = facts.size / _MIB, settings.store.max_size_mb, facts.free / _MIB
    lines = [
        f"store      {facts.path}, version {facts.schema}",
        f"size       {size:.1f} of {most:g} MiB, {free:.1f} MiB of it free",
        f"alerts     {span}, kept for {settings.store.max_age_days:g} days",
        *(f"{name:<14}{count:>12,}" for name, count in facts.rows.items()),
    ]
    sys.stdout.write("".join(harmless(line) + "\n" for line in lines))


@store.command()
def prune(
    state: StateOption = None,
    config: ConfigOption = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Other than the configured age: 90d, 12w.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would leave.")] = False,
    json: JsonOption = False,
) -> None:
    """Take out now what is older or more than the settings allow, or older than asked; feedback stays."""
    from dataclasses import replace

    from api.assembly import keep_limits
    from api.state import pruning

    settings, path = settings_and_state(config, state)
    limits = keep_limits(settings.store)
    if older_than is not None:
        limits = replace(limits, max_age_s=_age(older_than))
    folder = pruning.existing_store(path)
    left = pruning.would_leave(folder, limits) if dry_run else pruning.prune(folder, limits)
    is_compact = None if dry_run else pruning.compact(folder)
    if json:
        _write_json({"dry_run": dry_run, "pruned": left, "compacted": is_compact})
        return
    verb = "would leave" if dry_run else "left"
    told = ", ".join(f"{count} {name.replace('_', ' ')} rows" for name, count in left.items()) or "nothing"
    sys.stdout.write(f"{told} {verb}\n")
    if is_compact is False:
        sys.stdout.write("a service uses the store: free space is given back by it, or by this command once it ended\n")


@store.command()
def export(
    what: Annotated[What, typer.Argument(help="alerts, evidence or audit.")] = What.alerts,
    state: StateOption = None,
    config: ConfigOption = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Raised then or later: 3d.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Raised before then.")] = None,
    form: Annotated[Form, typer.Option("--format", help="JSON lines, or a table.")] = Form.ndjson,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Not standard output.")] = None,
) -> None:
    """Write alerts, findings or audit entries of a span of log time, oldest first, what rules hide among them."""
    from api.state.store.export import csv_lines, json_lines

    _, path = settings_and_state(config, state)
    columns, rows = _rows(what, path, _moment(since, "--from", -math.inf), _moment(until, "--to", math.inf))
    lines = json_lines(rows) if form is Form.ndjson else csv_lines(rows, columns)
    with _opened(output) as file:
        file.writelines(lines)


@store.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy models, snapshots, alerts, decisions, rules and tokens, while the service runs; start on it with --state."""
    from api.state.copying import back_up
    from api.state.directory import StateDirectory

    _, path = settings_and_state(config, state)
    copied = back_up(StateDirectory(path), folder)
    sys.stdout.write(harmless(f"copied {', '.join(copied)} to {folder}") + "\n")


def _rows(what: What, path: Path, since: float, until: float) -> tuple[list[str], Iterable[dict[str, Any]]]:
    from dataclasses import asdict, fields

    from api.serve.routes.alerts import alert_answer
    from api.serve.routes.answers import AlertAnswer
    from api.state.access import AccessDatabase, AuditEntry, AuditLog
    from api.state.pruning import existing_store
    from api.state.store.export import stored_alerts, stored_evidence
    from ingest.context.evidence import Evidence

    state = existing_store(path)
    if what is What.alerts:
        found = stored_alerts(state.alerts, since, until)
        return list(AlertAnswer.model_fields), (alert_answer(*each).model_dump(mode="json") for each in found)
    if what is What.evidence:
        names = [field.name for field in fields(Evidence)]
        return names, (asdict(each) for each in stored_evidence(state.alerts, since, until))
    entries = AuditLog(AccessDatabase(state.access)).between(since, until)
    return [field.name for field in fields(AuditEntry)], (asdict(entry) for entry in entries)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("xb") as file:
            yield file
    except OSError as error:
        raise SettingsError(f"--output {output}: {error.strerror}; name another file") from error


def _moment(text: str | None, option: str, otherwise: float) -> float:
    from api.moments import parse_moment

    if text is None:
        return otherwise
    try:
        return parse_moment(text, time.time())
    except ValueError as error:
        raise SettingsError(f"{option}: {error}") from error


def _age(text: str) -> float:
    match = _AGE.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise SettingsError(f"--older-than: expected days or weeks such as 90d or 12w, found {text!r}")
    return int(match[1]) * {"d": 86_400.0, "w": 604_800.0}[match[2]]


def _write_json(value: Any) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")
