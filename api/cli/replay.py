"""`nslabs replay`: finished logs, as fast as it goes."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from api.cli.options import ConfigOption, KindOption, StateOption, model_settings
from api.cli.progress import progress_bar
from api.errors import ServiceError

if TYPE_CHECKING:
    from api.offline.replaying import ReplaySummary

_WRITE_BUFFER = 1 << 20


def replay(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Zeek logs (also .gz), or folders of them.")],
    state: StateOption = None,
    scores: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the score of every record.")] = None,
    alerts: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every alert.")] = None,
    config: ConfigOption = None,
    kind: KindOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of a summary.")] = False,
) -> None:
    """Score and learn finished logs, then end. Without --state the models are new, and forgotten afterwards.

    Ends with status 2 if there was nothing to score.
    """
    from api.cli.harmless import harmless
    from api.cli.terminal import COMPILING
    from api.offline.replaying import ReplayReaders, write_alerts
    from api.offline.replaying import replay as replay_logs
    from api.pipeline.warmup import needs_compiling
    from api.settings import load_settings

    settings = load_settings(config, {"TrafficAnalyzerConfig": {"state": state}, **model_settings(kind)})
    with ExitStack() as stack:
        scores_file = _open(scores, stack)
        alerts_file = _open(alerts, stack)
        readers = ReplayReaders(scores_file)
        if needs_compiling():
            sys.stderr.write(f"nslabs: {COMPILING}\n")
            sys.stderr.flush()
        with progress_bar() as on_progress:
            summary = replay_logs(paths, settings, readers, on_progress)
        if alerts_file is not None:
            write_alerts(alerts_file, readers)
    for oddity in summary.oddities:
        sys.stderr.write(f"nslabs: {harmless(oddity)}\n")
    sys.stdout.write(_as_json(summary) if json else _as_text(summary))
    if summary.nothing is not None:
        sys.stdout.flush()
        raise ServiceError(summary.nothing)


def _open(path: Path | None, stack: ExitStack) -> IO[bytes] | None:
    if path is None:
        return None
    try:
        return stack.enter_context(path.open("wb", buffering=_WRITE_BUFFER))
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error


def _as_json(summary: ReplaySummary) -> str:
    from dataclasses import asdict
    from json import dumps

    figures = asdict(summary)
    del figures["oddities"], figures["nothing"]
    return dumps(figures) + "\n"


def _as_text(summary: ReplaySummary) -> str:
    return (
        f"{summary.records:,} records in {summary.seconds:.1f} s ({summary.records_per_s:,.0f}/s), "
        f"{summary.malformed:,} malformed lines\n{summary.anomalies:,} anomalies, {summary.alerts:,} alerts\n"
    )
