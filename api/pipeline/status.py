"""What the pipeline thread tells of itself: a snapshot that others may read at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from api.delays import Delays
from online_models.young import Watched

if TYPE_CHECKING:
    from ingest.context.health import SourceHealth

PipelineState = Literal["starting", "running", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One moment of the pipeline. Wall-clock times are epoch seconds; None until there is one.

    Attributes
    ----------
    state, reason
        What it does, and why, where that needs a reason.
    started_at
        Wall-clock time of the start.
    problems
        What does not work at the moment, in sentences; empty while all is well.
    store_problem
        That of them which keeps alerts from being stored.
    records, anomalies
        Records scored since the start, and how many of them were over the threshold.
    maintained
        Of the records those that were in maintenance windows.
    not_modelled
        Records of kinds that have no model, by kind.
    alerts
        Changes of alerts since the start: raised, updated, closed.
    unstored
        Alerts that wait for the store.
    last_ts
        Latest log time among the scored records.
    source
        What the source tells of itself.
    checkpoint_at
        Wall-clock time of the last checkpoint.
    evicted
        Entries that bounded tables have forgotten, by ``owner.table``: ``conn.device``.
    raised
        Alerts raised since the start, by severity and behaviour.
    scored_delays, stored_delays
        Seconds from when a line was read until it was scored, and from when an alert was raised until it was stored.
    pruned
        Rows that left the store since the start, as too old or too much, by table: ``alert``.
    thresholds
        Log kind to the threshold in force, decades of evidence.
    watched
        For how long the site was watched, which says what can be told already.
    """

    state: PipelineState
    reason: str | None = None
    started_at: float = 0.0
    problems: tuple[str, ...] = ()
    store_problem: str | None = None
    records: int = 0
    anomalies: int = 0
    maintained: int = 0
    not_modelled: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    raised: dict[tuple[str, str], int] = field(default_factory=dict)
    scored_delays: Delays = field(default_factory=Delays)
    stored_delays: Delays = field(default_factory=Delays)
    unstored: int = 0
    last_ts: float | None = None
    source: SourceHealth | None = None
    checkpoint_at: float | None = None
    evicted: dict[str, int] = field(default_factory=dict)
    pruned: dict[str, int] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)
