"""`nslabs models`: the snapshots of a service's models, and what can be done with them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.harmless import harmless
from api.cli.options import ConfigOption, StateOption, settings_and_state
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from api.settings import Settings
    from api.state.snapshots import SnapshotInfo
    from online_models.facts import KindFacts

models = typer.Typer(
    name="models",
    help="List, compare and restore the snapshots of the models that a service or a replay keeps in its --state.",
    no_args_is_help=True,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Number of a snapshot, or 'now' for the models in use.")]


@models.command("list")
def list_snapshots(state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the snapshots, oldest first."""
    from dataclasses import asdict

    from api.state.restoring import existing_state
    from api.state.snapshots import SnapshotStore, info_of

    _, path = settings_and_state(config, state)
    infos = [info_of(snapshot) for snapshot in SnapshotStore(existing_state(path).snapshots).stored()]
    if json:
        _write_json([asdict(info) for info in infos])
    else:
        sys.stdout.write("".join(_line(info) for info in infos) or "no snapshots yet\n")


@models.command()
def show(number: IdArgument, state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check a snapshot as a whole, and say what the models in it have learned."""
    facts = _facts(number, *settings_and_state(config, state))
    if json:
        _write_json({kind: _plain(told) for kind, told in facts.items()})
        return
    for kind, told in facts.items():
        sys.stdout.write(f"{kind}\n" + "".join(f"  {name:<22}{value:>14,}\n" for name, value in _plain(told).items()))


@models.command()
def diff(
    one: IdArgument,
    other: IdArgument,
    state: StateOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say what changed in each log kind's models from one snapshot to another."""
    where = settings_and_state(config, state)
    before, after = _facts(one, *where), _facts(other, *where)
    changes = {kind: _changes(before[kind], after[kind]) for kind in after}
    if json:
        _write_json(changes)
        return
    for kind, changed in changes.items():
        lines = [f"  {name:<22}{a:>14,} -> {b:>14,}  {b - a:+,}\n" for name, (a, b) in changed.items() if a != b]
        sys.stdout.write(f"{kind}\n" + ("".join(lines) or "  nothing changed\n"))


@models.command()
def restore(
    number: Annotated[int | None, typer.Argument(metavar="[ID]", help="Number of a snapshot.")] = None,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The newest snapshot before 2026-11-20, 2026-11-20T06:00, Tuesday, 2d or 6h."
        ),
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Put the models back to a snapshot. Logs are not read again; the service must be stopped meanwhile."""
    from api.cli.since import parse_since, shown_time
    from api.state.restoring import existing_state
    from api.state.restoring import restore as restore_models
    from api.state.snapshots import SnapshotStore

    if (number is None) == (before is None):
        raise SettingsError("restore: name either the number of a snapshot or --before TIME")
    settings, path = settings_and_state(config, state)
    store = SnapshotStore(existing_state(path).snapshots)
    if before is not None:
        limit = parse_since(before, "--before", time.time())
        candidates = [snapshot for snapshot in reversed(store.stored()) if snapshot.ts < limit]
        if not candidates:
            raise SettingsError(f"--before: there is no snapshot from before {shown_time(limit)}")
    else:
        candidates = [store.get(int(number or 0))]
    change = restore_models(path, settings, candidates, lambda text: sys.stderr.write(f"nslabs: {harmless(text)}\n"))
    if change.restored is not None:
        sys.stdout.write(
            f"the models are those of snapshot {change.restored.id}, log time {shown_time(change.restored.ts)}; "
            f"what they were is snapshot {change.before.id}\n"
        )


@models.command()
def reset(
    device: Annotated[str, typer.Option("--device", metavar="ADDR", help="Address of the device, as alerts show it.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Forget what the models know of one device; it starts anew as a stranger. Alerts that were told stay."""
    from api.state.restoring import forget_device

    settings, path = settings_and_state(config, state)
    change = forget_device(path, settings, device)
    sys.stdout.write(f"{change.entries:,} entries forgotten; what the models were is snapshot {change.before.id}\n")


def _facts(number: str, settings: Settings, path: Path) -> Mapping[str, KindFacts]:
    from api.state.restoring import current_engine, existing_state
    from api.state.snapshots import SnapshotStore, read_snapshot

    if number == "now":
        return current_engine(path, settings).facts()
    if not number.isascii() or not number.isdigit():
        raise SettingsError(f"expected the number of a snapshot or 'now', found {number!r}")
    return read_snapshot(SnapshotStore(existing_state(path).snapshots).get(int(number)).path).facts()


def _plain(facts: KindFacts) -> dict[str, float]:
    """Return the facts as names and numbers."""
    tables = {f"entries: {name}": count for name, count in facts.entries.items()}
    rest = {"entries evicted": facts.evicted, "watched behaviours": facts.cases, "threshold": facts.threshold}
    return {"records learned": facts.learned, **tables, **rest}


def _changes(before: KindFacts, after: KindFacts) -> dict[str, tuple[float, float]]:
    told, tells = _plain(before), _plain(after)
    gone, new = len(before.devices - after.devices), len(after.devices - before.devices)
    return {name: (told.get(name, 0), tells[name]) for name in tells} | {
        "devices gone": (0, gone),
        "devices new": (0, new),
    }


def _line(info: SnapshotInfo) -> str:
    from api.cli.since import shown_time

    learned = sum(info.learned.values())
    told = harmless(info.problem or "") or f"{info.size:>12,} bytes  {learned:>12,} records learned  {info.digest}"
    return f"{info.id:>6}  {shown_time(info.ts)}  {told}\n"


def _write_json(value: Any) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")
