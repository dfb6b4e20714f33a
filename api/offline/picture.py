"""Draws an evaluation: scores over time above, and below them, device by device, truth and alerts."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import polars as pl
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from api.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from api.offline.evaluating import Evaluated
    from online_models.types import Alert

_COLUMNS: Final = 1200  # as many distinct times as the picture has room for
_LEVELS: Final = 200
_MOST_DEVICES: Final = 20
_ATTACK, _OTHER, _ALERT, _TEST = "#c62828", "#90a4ae", "#ef6c00", "#eceff1"
_DAY_S: Final = 86_400.0  # matplotlib's dates are days since 1970


def draw(path: Path, truth: pl.DataFrame, evaluated: Evaluated) -> None:
    """Write the picture; the ending of the name says whether as PNG or SVG. Equal inputs give equal files.

    Raises
    ------
    ServiceError
        If the file cannot be written.
    """
    with mpl.rc_context({"svg.hashsalt": "nslabs"}):
        figure = _figure(truth, evaluated)
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise ServiceError(f"{path} cannot be written: {error.strerror}") from error


def _figure(truth: pl.DataFrame, evaluated: Evaluated) -> Figure:
    figure = Figure(figsize=(12, 7), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    _draw_scores(above, _with_truth(evaluated, truth))
    _draw_devices(below, truth, evaluated.alerts)
    first, last = _span(truth.filter(pl.col("phase") == "test"), "written")
    for axes in (above, below):
        axes.axvspan(first / _DAY_S, last / _DAY_S, color=_TEST, zorder=0)
    locator = AutoDateLocator(tz=UTC)
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))
    below.set_xlabel("log time (UTC); shaded: the test phase")
    return figure


def _with_truth(evaluated: Evaluated, truth: pl.DataFrame) -> pl.DataFrame:
    """Return time, score and whether it is an attack, a row a record."""
    scores = pl.concat([frame.select("uid", "ts", "score") for frame in evaluated.scores.values()] or [_NONE])
    known = truth.select("uid", "attack").unique("uid", keep="last")
    return scores.join(known, on="uid", how="left").with_columns(pl.col("attack").fill_null(value=False))


_NONE: Final = pl.DataFrame(schema={"uid": pl.String, "ts": pl.Float64, "score": pl.Float64})


def _span(rows: pl.DataFrame, column: str) -> tuple[float, float]:
    first, last = rows.select(pl.col(column).min().fill_null(0.0), pl.col(column).max().fill_null(0.0).alias("")).row(0)
    return float(first), float(last)


def _draw_scores(axes: Axes, records: pl.DataFrame) -> None:
    """Draw one dot for all records that would fall on it, attacks over the others."""
    first, last = _span(records, "ts")
    width = max(last - first, 1.0) / _COLUMNS
    dots = records.select(
        (((pl.col("ts") - first) / width).floor() * width + first) / _DAY_S,
        (pl.col("score") * _LEVELS).round() / _LEVELS,
        "attack",
    ).unique(maintain_order=True)
    for attack, colour, name in ((False, _OTHER, "other records"), (True, _ATTACK, "attack records")):
        some = dots.filter(pl.col("attack") == attack)
        axes.scatter(some["ts"].to_numpy(), some["score"].to_numpy(), s=4, color=colour, label=name, rasterized=True)
    axes.axhline(0.5, color="black", linewidth=0.8, linestyle="--", label="threshold")
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("score")
    axes.legend(loc="upper left", fontsize="small", framealpha=0.9)


def _draw_devices(axes: Axes, truth: pl.DataFrame, alerts: Sequence[Alert]) -> None:
    """Draw a line for each attacker, then for each other device with an alert, as far as there is room."""
    attacks = truth.filter("attack")
    devices = list(dict.fromkeys([*attacks["device"], *(alert.device for alert in alerts)]))[:_MOST_DEVICES]
    for place, device in enumerate(devices):
        mine = attacks.filter(pl.col("device") == device)
        if len(mine):
            _bar(axes, place - 0.2, *_span(mine, "written"), _ATTACK)
        for alert in alerts:
            if alert.device == device:
                _bar(axes, place + 0.2, alert.ts, max(alert.ts, alert.last_ts), _ALERT)
    axes.set_yticks(range(len(devices)), devices, parse_math=False)
    axes.invert_yaxis()
    axes.set_title("attacks (red, from the first record to the last) and alerts (orange)", fontsize="medium")


def _bar(axes: Axes, place: float, first: float, last: float, colour: str) -> None:
    """Draw a span of time, with a dot at its beginning, so that a moment is seen, too."""
    axes.barh(place, (last - first) / _DAY_S, 0.35, first / _DAY_S, color=colour)
    axes.scatter([first / _DAY_S], [place], s=14, color=colour)
