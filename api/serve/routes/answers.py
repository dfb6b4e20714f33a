"""The shapes of the REST answers, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema

from api.alert import OneOf, behaviour_names, techniques
from online_models.types import AlertStatus, Direction, HandlingState, Severity, Verdict
from prevention.policy.hours import seconds

LONGEST_HANDLING_S = 30 * 86_400.0
"""What is put off by mistake must speak again while somebody remembers it."""


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ReasonAnswer(_Answer):
    """One feature that made a record anomalous."""

    feature: str = Field(examples=["reach_hosts"])
    observed: float = Field(description="what the record showed, in the feature's unit", examples=[214])
    usual: float = Field(description="what this device's reference holds", examples=[3])
    weight: float = Field(description="the part of the score that this feature accounts for", examples=[0.41])
    text: str = Field(description="a clause that a person understands", examples=["tried 214 hosts in a minute"])


class ScoredRecord(_Answer):
    """One record with its score."""

    index: int = Field(description="place of the record in the request", examples=[0])
    uid: str = Field(examples=["CHhAvVGS1DHFjwGM9"])
    log: str = Field(description="log kind", examples=["conn"])
    ts: float = Field(description="time of the record, epoch seconds", examples=[1767600000.25])
    device: str = Field(description="address of the local endpoint", examples=["192.168.1.23"])
    score: float = Field(description="0 to 1; higher is more anomalous", examples=[0.9987])
    anomaly: bool = Field(description="the score is over the threshold in force")
    reasons: list[ReasonAnswer] = Field(description="for anomalies: the features that moved the score")


class RejectedRecord(_Answer):
    """One record that could not be scored."""

    index: int = Field(examples=[3])
    error: str = Field(
        examples=["unknown kind of record: expected the fields of a log that has a model, such as conn, or a _path"]
    )


class AnalyzeAnswer(_Answer):
    """What the models say of some traffic."""

    analyzed: int = Field(description="number of records that were scored", examples=[2])
    anomalies: list[ScoredRecord] = Field(description="the anomalous ones, in the order of the request")
    rejected: list[RejectedRecord]


class PredictAnswer(_Answer):
    """The score of every record."""

    predictions: list[ScoredRecord] = Field(description="in the order of the request")
    rejected: list[RejectedRecord]


class RejectionAnswer(_Answer):
    """One record or line of a training dataset that could not be used."""

    error: str
    index: int | None = Field(description="place in the request's dataset")
    offset: int | None = Field(description="byte offset in the uploaded log")


class JobAnswer(_Answer):
    """How far a training job is. Times are wall clock, epoch seconds."""

    id: str
    dataset: str = Field(description="`dataset`, or the name of the uploaded file")
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    submitted_at: float
    finished_at: float | None
    records_done: int = Field(description="records learned so far")
    records_total: int | None = Field(description="null while an uploaded log is still being read")
    progress: float = Field(description="part of the dataset that has been read, 0 to 1")
    learned: dict[str, int] = Field(description="records learned, by log kind", examples=[{"conn": 1024}])
    rejected: int = Field(description="number of records or lines that could not be used")
    rejections: list[RejectionAnswer] = Field(description="at most a hundred of those, with reasons")
    error: str | None = Field(description="why the job failed")


class JobsAnswer(_Answer):
    """Training jobs, the last submitted first."""

    jobs: list[JobAnswer]


class OpinionAnswer(_Answer):
    """What a model thinks of an alert that learns from what people say of alerts; it silences nothing."""

    probability: float = Field(description="that a person would call it an attack", examples=[0.93])
    accuracy: float = Field(description="share of both verdicts that it guessed before it learned them", examples=[0.9])
    labels: int = Field(description="verdicts that it has learned", examples=[40])


class HandlingAnswer(_Answer):
    """That somebody has put an alert off, or takes care of it: until then nobody is told that it goes on."""

    state: HandlingState
    until: float = Field(description="wall clock, epoch seconds", examples=[1767600000.0])
    by: str = Field(description="name of the token, or local", examples=["local"])
    comment: str | None


class AlertAnswer(_Answer):
    """What a person is told: one per device and behaviour, updated while it lasts. Times are log time."""

    id: str = Field(description="deterministic: the same log gives the same identifier")
    device: str = Field(
        description="its address; `nslabs` in an alert about the service itself", examples=["192.168.1.23"]
    )
    behaviour: Annotated[str, OneOf(behaviour_names)] = Field(examples=["scan"])
    log: str = Field(description="log kind in which it shows; `prevention` if that shows it", examples=["conn"])
    severity: Severity
    score: float
    ts: float = Field(description="when it was raised: the end of the record that raised it")
    first_ts: float
    last_ts: float
    count: int = Field(description="anomalous records so far")
    sentence: str = Field(examples=["192.168.1.23 tried 214 hosts on port 23 in 60 s; it never used more than 3"])
    status: AlertStatus
    technique: Annotated[str | None, OneOf(lambda: (*techniques(), None))] = Field(
        description="MITRE ATT&CK technique", examples=["T1046"]
    )
    reasons: list[ReasonAnswer]
    uids: list[str] = Field(description="sample records")
    peers: list[str] = Field(description="sample peers; the sentence tells of the first", examples=[["203.0.113.9"]])
    peer_names: dict[str, str] = Field(
        default_factory=dict,
        description="peer to the name by which the device asked for it (DNS, HTTP, TLS), as far as that was seen",
        examples=[{"203.0.113.9": "updates.example.net"}],
    )
    direction: Direction = Field(
        default="out",
        description="who acts: the device (out, or lateral to a neighbour), or a stranger who calls it (in)",
    )
    targets: list[str] = Field(description="what sample records were about", examples=[["tcp/23"]])
    subjects: list[str] = Field(description="the same in words that hold for any device", examples=[["tcp/23 in …"]])
    second_opinion: OpinionAnswer | None = Field(description="null until enough was said of alerts to judge by")
    verdict: Verdict | None = Field(description="what a person said of it")
    comment: str | None = Field(description="the comment that came with it")
    incident: str = Field(description="with the device's other alerts of that time it makes this incident")
    drift: str | None = Field(description="with other devices' alerts it makes this change of the whole site")
    mac: str | None = Field(default=None, description="the device's MAC, as known then", examples=["02:00:00:00:00:17"])
    host_name: str | None = Field(default=None, description="what it calls itself in DHCP", examples=["porch-camera"])
    label: str | None = Field(default=None, description="what people call the device", examples=["camera at the door"])
    site: str = Field(description="the network that it is about", examples=["default"])
    muted: str | None = Field(description="the rule that hides it, or hid it until it closed; null if none does")
    handled: HandlingAnswer | None = Field(description="null unless somebody has put it off, or takes care of it")
    link: str = Field(
        default="", description="where the page shows it, relative to the service", examples=["#alert-2f1c9a7be0d14c55"]
    )


_Handled = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0, le=LONGEST_HANDLING_S),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_HANDLING_S, "description": "seconds"},
                {"type": "string", "pattern": "^(?:[1-9][0-9]{0,3}[sm]|[1-9][0-9]?h|(?:[1-9]|[12][0-9]|30)d)$"},
            ]
        }
    ),
]


class HandlingBody(BaseModel):
    """How an alert is handled from now on."""

    model_config = ConfigDict(extra="forbid")

    state: HandlingState = Field(description="snoozed: not now; acknowledged: somebody takes care of it")
    ttl: _Handled = Field(description="how long, in seconds or as 10m, 4h, 3d; 30 days at most", examples=["4h"])
    comment: str | None = Field(default=None, max_length=2000, examples=["looked at by the night shift"])


class FeedbackBody(BaseModel):
    """What a person says of an alert."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict = Field(description="expected: it and its like stay quiet; attack: it is never learned")
    comment: str | None = Field(default=None, max_length=2000, examples=["the new backup server"])
    revise: StrictBool = Field(
        default=False, description="replace the other verdict, given before; nothing is unlearned"
    )


class _Group(_Answer):
    severity: Severity = Field(description="that of the gravest alert")
    status: AlertStatus = Field(description="open as long as one of its alerts is")
    first_ts: float
    last_ts: float
    sentence: str
    behaviours: list[str] = Field(examples=[["new-peer", "scan"]])
    techniques: list[str] = Field(description="MITRE ATT&CK techniques", examples=[["T1046", "T1071"]])
    alerts: list[AlertAnswer] = Field(description="the earliest first")


class IncidentAnswer(_Group):
    """Alerts of one device that overlap or follow each other within half an hour. Times are log time."""

    id: str = Field(description="deterministic; two incidents that grow together keep that of the earlier one")
    device: str = Field(examples=["192.168.1.23"])


class IncidentsAnswer(_Answer):
    """One page of incidents, newest first."""

    incidents: list[IncidentAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")


class DriftAnswer(_Group):
    """Many devices that began to use the same new service, network, domain or host. Times are log time."""

    id: str = Field(description="deterministic")
    subject: str = Field(examples=["tcp/8883 in 203.0.0.0/12"])
    devices: list[str]


class DriftsAnswer(_Answer):
    """The drifts that began last, the last first."""

    drifts: list[DriftAnswer]


class AlertsAnswer(_Answer):
    """One page of alerts, newest first."""

    alerts: list[AlertAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")
