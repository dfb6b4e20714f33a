"""The shapes of answers and messages, as ``/openapi.json`` and ``/asyncapi.json`` describe them."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Severity = Literal["low", "medium", "high", "critical"]
Verdict = Literal["expected", "attack"]
Record = dict[str, Any]
"""One Zeek record as JSON."""


class Reason(TypedDict):
    """One feature that made a record anomalous."""

    feature: str
    observed: float
    usual: float
    weight: float
    text: str


class Opinion(TypedDict):
    """What a model that learns from verdicts thinks of an alert."""

    probability: float
    accuracy: float
    labels: int


class Handling(TypedDict):
    """That somebody has put an alert off, or takes care of it, until a time (epoch seconds)."""

    state: Literal["snoozed", "acknowledged"]
    until: float
    by: str
    comment: str | None


class Alert(TypedDict):
    """What a person is told (docs/alert.md). Times are log time, epoch seconds."""

    id: str
    device: str
    behaviour: str
    log: str
    severity: Severity
    score: float
    ts: float
    first_ts: float
    last_ts: float
    count: int
    sentence: str
    status: Literal["open", "closed"]
    technique: str | None
    reasons: list[Reason]
    uids: list[str]
    peers: list[str]
    peer_names: dict[str, str]
    direction: Literal["out", "in", "lateral"]
    targets: list[str]
    subjects: list[str]
    second_opinion: Opinion | None
    verdict: Verdict | None
    comment: str | None
    incident: str
    drift: str | None
    mac: str | None
    host_name: str | None
    label: str | None
    site: str
    muted: str | None
    handled: Handling | None
    link: str


class BulkResult(TypedDict):
    """What became of one alert of several on which the same was said."""

    id: str
    code: Literal["done", "not_found", "answered", "busy"]
    detail: str | None


class ScoredRecord(TypedDict):
    """One record with its score; `index` is its place in the request."""

    index: int
    uid: str
    log: str
    ts: float
    device: str
    score: float
    anomaly: bool
    reasons: list[Reason]


class Rejected(TypedDict):
    """One record that could not be scored."""

    index: int
    error: str


class Predictions(TypedDict):
    """The score of every record."""

    predictions: list[ScoredRecord]
    rejected: list[Rejected]


class Analysis(TypedDict):
    """What the models say of some traffic."""

    analyzed: int
    anomalies: list[ScoredRecord]
    rejected: list[Rejected]


class Job(TypedDict):
    """How far a training job is. Times are wall clock, epoch seconds."""

    id: str
    dataset: str
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    submitted_at: float
    finished_at: float | None
    records_done: int
    records_total: int | None
    progress: float
    learned: dict[str, int]
    rejected: int
    rejections: list[dict[str, Any]]
    error: str | None


class Message(TypedDict):
    """One message of a stream; its `type` says which of the other fields there are."""

    type: Literal["alert", "drift", "scores", "decision", "prevention", "job", "health", "device", "maintenance", "gap"]
    seq: int
    site: NotRequired[str]
    change: NotRequired[str]
    alert: NotRequired[Alert]
    drift: NotRequired[dict[str, Any]]
    log: NotRequired[str]
    scores: NotRequired[list[dict[str, Any]]]
    decision: NotRequired[dict[str, Any]]
    job: NotRequired[Job]
    device: NotRequired[dict[str, Any]]
    more: NotRequired[int]
    at: NotRequired[float]
    by_whom: NotRequired[str]
    reason: NotRequired[str]
    text: NotRequired[str]
    status: NotRequired[str]
    reasons: NotRequired[list[str]]
    dropped: NotRequired[int]
