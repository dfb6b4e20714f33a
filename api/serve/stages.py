"""What ``/health`` tells of each stage: its state, and how far behind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field

from api.serve.told import LaterAnswer, later_answers
from prevention.decisions import Mode

if TYPE_CHECKING:
    from api.decisions import Prevention
    from api.pipeline.status import PipelineStatus
    from api.service import Service
    from api.sinks.runner import SinkStatus


_SAMPLES: Final = 5


class SourceStage(BaseModel):
    """Reading the logs."""

    state: str = Field(
        description="starting, running, waiting (no log is being written), or degraded: see problems (no log found)",
        examples=["running"],
    )
    lag_records: int = Field(default=0, description="records written and not read yet, estimated")
    lag_bytes: int = 0
    lag_s: float = Field(
        default=0.0, description="seconds of log time between the newest record written and the newest read"
    )
    files: int = Field(default=0, description="logs that are followed")
    records: dict[str, int] = Field(
        default_factory=dict, description="records read, also before a restart, by log kind"
    )
    joined: dict[str, int] = Field(
        default_factory=dict,
        description="how many of them were left out, as the other sensor had told of their connections, by log kind",
    )
    malformed: int = Field(default=0, description="lines that could not be read")
    malformed_by_cause: dict[str, int] = Field(default_factory=dict, description="the same, by what is wrong with them")
    nulled: dict[str, int] = Field(
        default_factory=dict,
        description="values that could not be read and are null in their records, by log and field",
    )
    malformed_samples: list[str] = Field(default_factory=list, description="the latest of them, with their reasons")
    skipped: dict[str, int] = Field(default_factory=dict, description="lines of kinds that are not analysed")
    problems: list[str] = Field(default_factory=list, description="what is wrong with sensor or files")


class ModelsStage(BaseModel):
    """Scoring and learning."""

    state: str
    lag_s: float | None = Field(description="seconds since the log time of the newest scored record")
    records: int = Field(description="records scored since the start")
    anomalies: int
    watched_s: float = Field(default=0.0, description="seconds for which the site was watched")
    told: list[str] = Field(default_factory=list, description="what can be told of a device that was there all along")
    later: list[LaterAnswer] = Field(default_factory=list, description="what cannot yet, and from when on it can")
    maintained: int = Field(description="of the records those in maintenance windows: scored, but not learned")
    not_modelled: dict[str, int] = Field(description="records of kinds that give context only")
    evicted: dict[str, int] = Field(
        description="entries that bounded tables had to forget", examples=[{"conn.pair": 7}]
    )


class StoreStage(BaseModel):
    """Keeping alerts."""

    state: str
    lag_alerts: int = Field(description="alerts that wait to be stored")
    raised: int = Field(description="since the start")
    updated: int
    closed: int
    checkpoint_age_s: float | None = Field(description="seconds since the last checkpoint")
    pruned_alerts: int = Field(description="that left since the start, as too old or too much")
    pruned_evidence: int = Field(description="the same of the sensors' findings")


class RequestsStage(BaseModel):
    """Requests that need the models."""

    state: str
    lag_requests: int = Field(description="requests that wait")
    training_jobs: int = Field(description="training jobs that wait or run")


class StreamStage(BaseModel):
    """Live messages."""

    state: str
    lag_messages: int = Field(description="messages that wait for the slowest subscriber")
    alert_subscribers: int
    score_subscribers: int
    event_subscribers: int


class SinkStage(BaseModel):
    """Sending alerts to one receiver."""

    name: str
    type: str = Field(examples=["webhook"])
    state: str = Field(description="running, or failing", examples=["running"])
    lag_alerts: int = Field(description="changes of alerts that it was not sent yet")
    lag_s: float | None = Field(description="seconds since the first of them happened; null if there are none")
    delivered: int = Field(description="since the start")
    refused: int = Field(description="notices that the receiver will never take, and that were passed over")
    gone: int = Field(description="changes of alerts that the store no longer has")
    error: str | None = Field(description="why it fails at present")
    last_error: str | None = Field(description="the last failure since the start, whatever came after it")


class PreventionStage(BaseModel):
    """What alerts have as consequences."""

    state: Mode = Field(description="the mode in force: after a limit or the kill switch less than the policy's")
    mode: Mode = Field(description="the site's, by the policy")
    why: str | None = Field(description="why the mode in force is another one")
    active: int = Field(description="decisions that enforcers are to carry out")
    suggested: int = Field(description="decisions that wait for a person")
    not_carried_out: int = Field(description="active decisions that no enforcer process can carry out")
    enforcers: int = Field(description="enforcer processes that report")


class Stages(BaseModel):
    """All stages, in the order in which a record passes them."""

    source: SourceStage
    models: ModelsStage
    store: StoreStage
    stream: StreamStage
    requests: RequestsStage
    prevention: PreventionStage | None = None
    sinks: list[SinkStage] = Field(default_factory=list, description="in the order of their tables")


def stages(service: Service, status: PipelineStatus) -> Stages:
    """Return all stages at this moment."""
    hub, pipeline = service.hub, service.pipeline
    return Stages(
        source=_source(status),
        models=_models(service, status),
        store=_store(service, status),
        stream=StreamStage(
            state="running",
            lag_messages=hub.waiting,
            alert_subscribers=len(hub.alerts.subscribers),
            score_subscribers=len(hub.scores.subscribers),
            event_subscribers=len(hub.events.subscribers),
        ),
        requests=RequestsStage(
            state=status.state, lag_requests=len(pipeline.commands), training_jobs=len(pipeline.jobs)
        ),
        prevention=None if service.prevention is None else _prevention(service.prevention),
        sinks=[_sink(service, sink) for sink in service.sinks.statuses()] if service.sinks else [],
    )


def _source(status: PipelineStatus) -> SourceStage:
    health = status.source
    if health is None or status.state != "running":
        return SourceStage(state=status.state)
    problems = [*health.troubles, *health.oddities]
    return SourceStage(
        state="degraded" if problems else "running" if health.files else "waiting",
        lag_records=health.lag_records,
        lag_bytes=health.lag_bytes,
        lag_s=health.lag_seconds,
        files=health.files,
        records=health.records,
        joined=health.joined,
        malformed=health.malformed,
        malformed_by_cause=health.malformed_by_cause,
        nulled=health.nulled,
        malformed_samples=[
            f"{line.source}, offset {line.offset}: {line.reason}" for line in health.malformed_samples[-_SAMPLES:]
        ],
        skipped=health.skipped,
        problems=problems,
    )


def _models(service: Service, status: PipelineStatus) -> ModelsStage:
    return ModelsStage(
        state=status.state,
        lag_s=_age(service, status.last_ts),
        records=status.records,
        anomalies=status.anomalies,
        watched_s=status.watched.seconds,
        told=status.watched.told(),
        later=later_answers(status.watched),
        maintained=status.maintained,
        not_modelled=status.not_modelled,
        evicted={table: entries for table, entries in status.evicted.items() if entries},
    )


def _store(service: Service, status: PipelineStatus) -> StoreStage:
    return StoreStage(
        state="degraded" if status.unstored or status.store_problem else status.state,
        lag_alerts=status.unstored,
        raised=status.alerts.get("raised", 0),
        updated=status.alerts.get("updated", 0),
        closed=status.alerts.get("closed", 0),
        checkpoint_age_s=_age(service, status.checkpoint_at),
        pruned_alerts=status.pruned.get("alert", 0),
        pruned_evidence=status.pruned.get("evidence", 0),
    )


def _sink(service: Service, sink: SinkStatus) -> SinkStage:
    return SinkStage(
        name=sink.name,
        type=sink.type,
        state="failing" if sink.error else "running",
        lag_alerts=sink.waiting,
        lag_s=_age(service, sink.since),
        delivered=sink.delivered,
        refused=sink.refused,
        gone=sink.gone,
        error=sink.error,
        last_error=sink.last_error,
    )


def _prevention(prevention: Prevention) -> PreventionStage:
    standing = prevention.standing()
    return PreventionStage(
        state=standing.mode,
        mode=prevention.decider.policy.mode,
        why=standing.why,
        active=standing.active,
        suggested=standing.suggested,
        not_carried_out=standing.not_carried_out,
        enforcers=standing.enforcers,
    )


def _age(service: Service, moment: float | None) -> float | None:
    return None if moment is None else round(service.clock.wall() - moment, 3)
