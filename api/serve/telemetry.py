"""The service's state as Prometheus metrics: what `/health` tells, in numbers. No address is ever a label."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from api.alert import behaviour_names
from api.serve.health import Status, assess
from api.state.store.rows import SEVERITIES
from ingest.errors import CAUSES
from prevention.decisions import STATES
from prevention.events import What

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from api.decisions import Prevention
    from api.delays import Delays
    from api.pipeline.status import PipelineStatus
    from api.serve.health import HealthAnswer
    from api.service import Service

_CHANGES: Final = ("raised", "updated", "closed")
_ENFORCERS: Final = {
    "held": "Blocks of ours that the enforcer held at its last look.",
    "differences": "Blocks that were not as they should be at its last look, before they were mended.",
    "lag_s": "Seconds that the enforcer is behind what is wanted.",
    "failures": "Tries in a row that failed.",
}


class Telemetry:
    """Answers the scrapes of one service."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ServiceCollector(service))
        PlatformCollector(self._registry)
        ProcessCollector(registry=self._registry)

    def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type: OpenMetrics if `accept` asks for it, else Prometheus's text."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _ServiceCollector(Collector):
    """Reads the state at the moment of a scrape; nothing is counted twice."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        health, status = assess(self._service), self._service.pipeline.status
        yield InfoMetricFamily("nslabs_build", "Version of the service.", {"version": health.version})
        statuses = {name: float(name == health.status) for name in get_args(Status)}
        yield _by("nslabs_status", "1 for the status that /health tells, 0 for the others.", "status", statuses)
        yield _gauge("nslabs_problems", "Reasons that /health gives for not being ready.", len(health.reasons))
        yield from _source(health)
        yield from _models(health, status)
        yield from _store(health, status)
        yield from _raised(status)
        yield from _outlets(health)
        yield from _sinks(health)
        yield from _delays(self._service)
        if self._service.prevention is not None:
            yield from _prevention(self._service.prevention)


def _source(health: HealthAnswer) -> Iterator[Metric]:
    source = health.stages.source
    yield _gauge("nslabs_source_lag_bytes", "Bytes of log written and not read yet.", source.lag_bytes)
    yield _gauge(
        "nslabs_source_lag_records",
        "Records written and not read yet: estimated from the bytes and the mean length of a line.",
        source.lag_records,
    )
    yield _gauge(
        "nslabs_source_lag_seconds",
        "Log time between the newest record written and the newest one read, of the log that lags most.",
        source.lag_s,
    )
    yield _gauge("nslabs_source_files", "Logs that are followed.", source.files)
    yield _gauge("nslabs_source_problems", "What is wrong with the sensor or its files.", len(source.problems))
    yield _counted("nslabs_records", "Records read, by log kind.", "log", source.records)
    joined = "Records left out, as the other sensor had told of their connections, by log kind."
    yield _counted("nslabs_joined_records", joined, "log", source.joined)
    yield _counted("nslabs_skipped_lines", "Lines of log kinds that are not analysed.", "log", source.skipped)
    causes = dict.fromkeys(CAUSES, 0) | source.malformed_by_cause
    yield _counted("nslabs_malformed_lines", "Lines that could not be read, by cause.", "cause", causes)
    nulled = "Values that could not be read and are null in their records, by log and field."
    yield _counted("nslabs_nulled_values", nulled, "field", source.nulled)


def _models(health: HealthAnswer, status: PipelineStatus) -> Iterator[Metric]:
    models = health.stages.models
    yield _count("nslabs_scored_records", "Records scored since the start.", models.records)
    yield _count("nslabs_anomalies", "Records over the threshold since the start.", models.anomalies)
    maintained = "Records in maintenance windows since the start: scored, but not learned."
    yield _count("nslabs_maintained_records", maintained, models.maintained)
    yield _gauge("nslabs_maintenance_windows", "Maintenance windows that are open.", len(health.maintenance))
    yield from _moment("nslabs_last_scored", "Log time of the newest scored record.", status.last_ts)
    threshold = "Decades of evidence from which on records count towards an alert, by log kind."
    yield _by("nslabs_alert_threshold", threshold, "log", status.thresholds)
    evicted = CounterMetricFamily(
        "nslabs_evicted_entries", "Entries that bounded tables have forgotten.", labels=("owner", "table")
    )
    for name, entries in status.evicted.items():
        evicted.add_metric(name.split(".", 1), entries)
    yield evicted


def _store(health: HealthAnswer, status: PipelineStatus) -> Iterator[Metric]:
    changes = {name: getattr(health.stages.store, name) for name in _CHANGES}
    yield _counted("nslabs_alerts", "Alerts raised, updated and closed since the start.", "change", changes)
    yield _gauge("nslabs_unstored_alerts", "Alerts that wait to be stored.", health.stages.store.lag_alerts)
    pruned = {"alert": 0, "evidence": 0, "alert_change": 0, "stream_message": 0} | status.pruned
    yield _counted("nslabs_pruned_rows", "Rows that left the store as too old or too much, by table.", "table", pruned)
    yield from _moment("nslabs_checkpoint", "Wall-clock time of the last checkpoint.", status.checkpoint_at)


def _raised(status: PipelineStatus) -> Iterator[Metric]:
    """Yield all that there may be, so that the first of its kind is seen to rise from none."""
    text, labels = "Alerts raised since the start, by severity and behaviour.", ("severity", "behaviour")
    raised = CounterMetricFamily("nslabs_raised_alerts", text, labels=labels)
    for key in sorted(status.raised.keys() | product(SEVERITIES, behaviour_names())):
        raised.add_metric(key, status.raised.get(key, 0))
    yield raised


def _delays(service: Service) -> Iterator[Metric]:
    status = service.pipeline.status
    scored = "Seconds from when a line was read until it was scored."
    yield _histogram("nslabs_scored_delay_seconds", scored, status.scored_delays)
    stored = "Seconds from when an alert was raised until it was stored."
    yield _histogram("nslabs_alert_stored_delay_seconds", stored, status.stored_delays)
    sent = "Seconds from when an alert was raised until it was written to a subscriber."
    yield _histogram("nslabs_alert_sent_delay_seconds", sent, service.hub.sent_delays)
    delivered = "Seconds from when an alert was stored until a sink's receiver took it, by sink."
    of_sinks = HistogramMetricFamily("nslabs_sink_delay_seconds", delivered, labels=("sink",))
    for sink in service.sinks.statuses() if service.sinks else ():
        of_sinks.add_metric((sink.name,), sink.delays.buckets(), sink.delays.total)
    yield of_sinks


def _outlets(health: HealthAnswer) -> Iterator[Metric]:
    stream, requests = health.stages.stream, health.stages.requests
    subscribers = {
        "alerts": stream.alert_subscribers,
        "scores": stream.score_subscribers,
        "events": stream.event_subscribers,
    }
    yield _by("nslabs_subscribers", "WebSocket connections, by stream.", "stream", subscribers)
    yield _gauge("nslabs_waiting_messages", "Messages for the slowest subscriber.", stream.lag_messages)
    yield _gauge("nslabs_waiting_requests", "Requests that wait for the models.", requests.lag_requests)
    yield _gauge("nslabs_training_jobs", "Training jobs that wait or run.", requests.training_jobs)


def _sinks(health: HealthAnswer) -> Iterator[Metric]:
    """Yield the sinks by their names, which are those of the operator's tables."""
    sinks = health.stages.sinks
    lag = "Changes of alerts that a sink was not sent yet, by sink."
    yield _by("nslabs_sink_lag_alerts", lag, "sink", {sink.name: sink.lag_alerts for sink in sinks})
    lag_s = "Seconds since the first change that a sink was not sent yet, by sink."
    yield _by("nslabs_sink_lag_seconds", lag_s, "sink", {sink.name: sink.lag_s or 0.0 for sink in sinks})
    failing = "1 while a sink fails, else 0, by sink."
    yield _by("nslabs_sink_failing", failing, "sink", {sink.name: float(sink.state == "failing") for sink in sinks})
    delivered = "Notices that a receiver took since the start, by sink."
    yield _counted("nslabs_sink_delivered", delivered, "sink", {sink.name: sink.delivered for sink in sinks})
    refused = "Notices that a receiver will never take, and that were passed over, by sink."
    yield _counted("nslabs_sink_refused", refused, "sink", {sink.name: sink.refused for sink in sinks})


def _prevention(prevention: Prevention) -> Iterator[Metric]:
    states = dict.fromkeys(STATES, 0) | prevention.decider.store.counts()
    yield _by("nslabs_decisions", "Decisions that are kept, by state.", "state", states)
    events = dict.fromkeys(get_args(What), 0) | dict(prevention.counts)
    yield _counted("nslabs_prevention_events", "What happened to decisions since the start.", "event", events)
    enforcers = [one for report in prevention.reports.all().values() for one in report.body["enforcers"]]
    for name, text in _ENFORCERS.items():
        worst: dict[str, float] = {}
        for one in enforcers:
            worst[one["name"]] = max(worst.get(one["name"], 0.0), float(one[name]))
        told = {"lag_s": "lag_seconds"}.get(name, name)
        yield _by(f"nslabs_enforcer_{told}", text, "enforcer", worst)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _histogram(name: str, text: str, delays: Delays) -> Metric:
    return HistogramMetricFamily(name, text, buckets=delays.buckets(), sum_value=delays.total)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(GaugeMetricFamily(name, text, labels=(label,)), values)


def _count(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _counted(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(CounterMetricFamily(name, text, labels=(label,)), values)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]) -> Metric:
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _moment(name: str, text: str, epoch_s: float | None) -> Iterator[Metric]:
    """Yield a point in time; nothing as long as there is none, rather than 1970."""
    if epoch_s is not None:
        yield _gauge(f"{name}_timestamp_seconds", text, epoch_s)
