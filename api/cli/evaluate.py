"""`nslabs evaluate`: how well the models do on logs whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import ConfigOption, KindOption, model_settings
from api.cli.progress import progress_bar
from api.errors import ServiceError

if TYPE_CHECKING:
    from rich.table import Table

    from online_models.evaluate import AlertFigures, Evaluation, RecordFigures

_FILE_WIDTH = 120
_PICTURES = (".png", ".svg")


def evaluate(
    logs: Annotated[Path, typer.Argument(metavar="LOGDIR", help="Folder of finished Zeek logs, or one log.")],
    truth: Annotated[
        Path,
        typer.Option("--truth", metavar="TSV", help="Columns uid, attack (0/1), phase (warmup/test), device, written."),
    ],
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw scores, alerts and truth over time: .png or .svg.")
    ] = None,
    config: ConfigOption = None,
    kind: KindOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of tables.")] = False,
) -> None:
    """Score finished logs with new models, and hold scores and alerts against the truth."""
    from api.cli.harmless import harmless
    from api.offline.evaluating import evaluate_logs
    from api.settings import load_settings
    from online_models.truth import read_truth

    if picture is not None:
        _check_picture(picture)
    settings, facts = load_settings(config, model_settings(kind)), read_truth(truth)
    with progress_bar() as on_progress:
        evaluated = evaluate_logs(logs, facts, settings, on_progress)
    for oddity in evaluated.summary.oddities:
        sys.stderr.write(f"nslabs: {harmless(oddity)}\n")
    if picture is not None:
        from api.offline.picture import draw

        draw(picture, facts, evaluated)
    if json:
        sys.stdout.write(_as_json(evaluated.evaluation))
    else:
        _print(evaluated.evaluation)


def _check_picture(path: Path) -> None:
    if path.suffix not in _PICTURES:
        raise ServiceError(f"--picture: expected a file name that ends in .png or .svg, found {path.name!r}")
    if not path.absolute().parent.is_dir():
        raise ServiceError(f"--picture: {path.parent} is no folder; make it, or name another file")


def _as_json(evaluation: Evaluation) -> str:
    """Return the figures of the whole at the top, as `measure.py` of the detection specification names them."""
    from dataclasses import asdict

    import orjson

    whole = asdict(evaluation.records) | asdict(evaluation.alerts)
    parts = {
        "kinds": {kind: asdict(figures) for kind, figures in evaluation.kinds.items()},
        "views": {view: asdict(figures) for view, figures in evaluation.views.items()},
        "captures": {name: asdict(of) | asdict(told) for name, (of, told) in evaluation.captures.items()},
    }
    return orjson.dumps(whole | parts).decode() + "\n"


def _print(evaluation: Evaluation) -> None:
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    records = _table("", "records", "attacks", "ROC-AUC", "AP", "no score")
    records.add_row("all", *_of_records(evaluation.records))
    for names in (evaluation.kinds, evaluation.views):
        for name, figures in names.items():
            records.add_row(name, *_of_records(figures))
    captures = _table("capture", "attacks", "ROC-AUC", "AP", "first alert after", "false alerts", "a device-day")
    for name, (of, told) in evaluation.captures.items():
        captures.add_row(_safe(name), *_of_records(of)[1:4], *_of_alerts(told))
    captures.add_row("all", *_of_records(evaluation.records)[1:4], *_of_alerts(evaluation.alerts))
    console.print(records)
    console.print(captures)


def _table(*headers: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left", no_wrap=bool(number), overflow="fold")
    return table


def _of_records(figures: RecordFigures) -> tuple[str, ...]:
    areas = (_figure(figures.roc_auc), _figure(figures.average_precision))
    return f"{figures.test_rows:,}", f"{figures.true_attacks:,}", *areas, f"{figures.missing:.2%}"


def _of_alerts(figures: AlertFigures) -> tuple[str, str, str]:
    delays = figures.detection_delay_s.items()
    told = ", ".join(f"{_safe(device)} {'never' if delay is None else f'{delay:g} s'}" for device, delay in delays)
    return told or "-", str(figures.false_alerts), _figure(figures.false_alerts_per_device_day)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _safe(text: str) -> str:
    from rich.markup import escape

    from api.cli.harmless import harmless

    return escape(harmless(text))
