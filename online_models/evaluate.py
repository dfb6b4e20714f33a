"""Holds scores and alerts against the truth about a log.

Only rows of the truth's phase ``test`` count. The figures are those that published results on these captures use:
areas over single records; the delay from a device's first attack record to the first alert on it that was raised then
or later or still lasted then; false alerts per device-day, a device-day being a day of a private IPv4 address that
never attacks.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from online_models.metrics import average_precision, precision_at_attacks, roc_auc
from online_models.truth import TEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from online_models.types import Alert

_DAY_S: Final = 86_400.0
_SLACK_S: Final = 1.0  # an alert may carry the time at which a record began, the truth that at which it was written


@dataclass(frozen=True, slots=True)
class RecordFigures:
    """How scores order the records of the test phase; None where there are no attacks, or nothing else.

    Attributes
    ----------
    test_rows, attack_rows
        Rows of the truth, and attacks among those that were scored.
    true_attacks
        Attacks among the rows, scored or not; of a log kind or view, those with such a record.
    missing
        Share of rows without a score.
    roc_auc, average_precision, precision_at_attacks
        See `online_models.metrics`; rounded to four digits. Of a view also None where it ranks nothing: where
        all of its attacks got its lowest score, it says nothing of them.
    """

    test_rows: int
    attack_rows: int
    true_attacks: int
    missing: float
    roc_auc: float | None
    average_precision: float | None
    precision_at_attacks: float | None


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """What the alerts of the test phase are worth.

    Attributes
    ----------
    alerts
        Alerts raised in the test phase.
    detection_delay_s
        Attacking device to seconds, None if no alert told of it.
    false_alerts
        Alerts on what never attacks, or over before the attack.
    device_days, false_alerts_per_device_day
        Exposure, and the ratio; None without exposure.
    """

    alerts: int
    detection_delay_s: dict[str, float | None]
    false_alerts: int
    device_days: float
    false_alerts_per_device_day: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures: of the whole, of each log kind, of each view (``kind.view``), of each capture.

    A capture with attacks is judged by them against all other records of the test phase. Its false alerts are those on
    its devices; an alert on a device of two captures counts in both.
    """

    records: RecordFigures
    alerts: AlertFigures
    kinds: dict[str, RecordFigures]
    views: dict[str, RecordFigures]
    captures: dict[str, tuple[RecordFigures, AlertFigures]]


def evaluate(truth: pl.DataFrame, scores: Mapping[str, pl.DataFrame], alerts: Sequence[Alert]) -> Evaluation:
    """Hold what was said against what is true.

    Parameters
    ----------
    truth
        From `read_truth`.
    scores
        Log kind to one row a record: ``uid``, ``order`` (its place among the records of all kinds), ``score``, and a
        column of float64 for each view. Where several records have one uid, the last one's score counts.
    alerts
        The latest state of every alert.
    """
    test = truth.filter(pl.col("phase") == TEST)
    whole = pl.concat(frame.select("uid", "order", "score") for frame in scores.values()) if scores else _NONE
    told = _with_score(test, whole.sort("order"), "score")
    return Evaluation(
        records=_record_figures(told),
        alerts=_alert_figures(test, test, alerts),
        kinds={kind: _of_kind(test, frame, "score") for kind, frame in scores.items()},
        views={
            f"{kind}.{view}": _of_view(test, frame, view)
            for kind, frame in scores.items()
            for view in frame.columns
            if view not in _NONE.columns
        },
        captures={
            name: (_record_figures(_of_capture(told, name)), _alert_figures(test, rows, alerts))
            for (name,), rows in test.group_by("capture", maintain_order=True)
        },
    )


_NONE: Final = pl.DataFrame(schema={"uid": pl.String, "order": pl.Int64, "score": pl.Float64})


def _with_score(test: pl.DataFrame, scores: pl.DataFrame, column: str) -> pl.DataFrame:
    last = scores.select("uid", pl.col(column).alias("score")).unique("uid", keep="last")
    return test.join(last, on="uid", how="left", maintain_order="left")


def _of_capture(told: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return a capture's rows; if there are attacks among them, with all other records that are none."""
    rows = told.filter(pl.col("capture") == name)
    return (
        pl.concat([rows, told.filter(pl.col("capture") != name, ~pl.col("attack"))]) if rows["attack"].any() else rows
    )


def _of_kind(test: pl.DataFrame, scores: pl.DataFrame, column: str) -> RecordFigures:
    """Judge one log kind, or one view of it, by those rows that have a record of that kind."""
    return _record_figures(_with_score(test, scores, column).drop_nulls("score"))


def _of_view(test: pl.DataFrame, scores: pl.DataFrame, view: str) -> RecordFigures:
    """Judge one view as `_of_kind` does, without areas if it says nothing of the attacks."""
    told = _with_score(test, scores, view).drop_nulls("score")
    figures = _record_figures(told)
    return (
        figures if _ranks(told) else replace(figures, roc_auc=None, average_precision=None, precision_at_attacks=None)
    )


def _ranks(told: pl.DataFrame) -> bool:
    """Whether some attack got more than the lowest score."""
    return bool(told.select((pl.col("attack") & (pl.col("score") > pl.col("score").min())).any()).item())


def _record_figures(told: pl.DataFrame) -> RecordFigures:
    scored = told.drop_nulls("score")
    scores, attacks = scored["score"].to_numpy(), scored["attack"].to_numpy()
    return RecordFigures(
        test_rows=len(told),
        attack_rows=int(attacks.sum()),
        true_attacks=int(told["attack"].sum()),
        missing=round(1 - len(scored) / len(told), 6) if len(told) else 0.0,
        roc_auc=_rounded(roc_auc(scores, attacks)),
        average_precision=_rounded(average_precision(scores, attacks)),
        precision_at_attacks=_rounded(precision_at_attacks(scores, attacks)),
    )


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 4)


def _first_attacks(rows: pl.DataFrame) -> dict[str, float]:
    return dict(rows.filter("attack").group_by("device", maintain_order=True).agg(pl.col("written").min()).iter_rows())


def _alert_figures(test: pl.DataFrame, rows: pl.DataFrame, alerts: Iterable[Alert]) -> AlertFigures:
    """Judge the alerts on the devices of some rows; on all devices, known or not, if these are all rows."""
    begin, end = test.select(pl.col("written").min(), pl.col("written").max().alias("end")).row(0)
    attackers, devices = _first_attacks(test), set(rows["device"])
    mine = [a for a in alerts if a.ts >= begin - _SLACK_S and (rows is test or a.device in devices)]
    false = sum(a.device not in attackers or _until(a) < attackers[a.device] - _SLACK_S for a in mine)
    quiet = {device for device in devices if _is_private_ipv4(device)} - set(attackers)
    days = len(quiet) * (end - begin) / _DAY_S
    return AlertFigures(
        alerts=len(mine),
        detection_delay_s={device: _delay(mine, device, first) for device, first in _first_attacks(rows).items()},
        false_alerts=false,
        device_days=round(days, 2),
        false_alerts_per_device_day=_rounded(false / days) if days else None,
    )


def _delay(alerts: Iterable[Alert], device: str, first: float) -> float | None:
    raised = [alert.ts for alert in alerts if alert.device == device and _until(alert) >= first - _SLACK_S]
    return round(max(0.0, min(raised) - first), 1) if raised else None


def _until(alert: Alert) -> float:
    return max(alert.ts, alert.last_ts)


def _is_private_ipv4(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == 4 and address.is_private and text != "0.0.0.0"  # noqa: S104 - it is what a log says
