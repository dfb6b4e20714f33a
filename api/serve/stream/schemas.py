"""The shapes of the streams' messages, as ``/asyncapi.json`` describes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from api.maintenance.window import Phase
from api.serve.health import Status
from api.serve.routes.answers import AlertAnswer, JobAnswer, ReasonAnswer
from api.serve.routes.decision_answers import DecisionAnswer
from api.serve.routes.device_answers import DeviceAnswer
from api.serve.routes.maintenance import WindowAnswer
from api.serve.stream.messages import GapReason
from online_models.types import AlertStatus, Severity

Site = Annotated[str, Field(description="the network that this is about", examples=["default"])]
Seq = Annotated[
    int, Field(ge=0, description="rises by one with each message of a stream, over all runs of the service")
]
Change = Literal["raised", "updated", "closed"]
DecisionChangeName = Literal[
    "created", "suggested", "confirmed", "extended", "applied", "uncovered", "revoked", "expired", "refused"
]
AlertChangeName = Literal["raised", "updated", "closed", "muted"]


class HelloMessage(BaseModel):
    """The first of a connection."""

    type: Literal["hello"]
    seq: Seq = Field(description="number of the last message before this connection")
    stream: str = Field(description="which run of the service counts")
    site: Site
    state: str = Field(description="in which state numbers are worth something: hand both back")


class StreamedAlert(BaseModel):
    """One change of one alert."""

    type: Literal["alert"]
    seq: Seq
    site: Site
    change: AlertChangeName = Field(
        description="muted: a rule hides the alert from now on, and nothing more is told of it; raised again: no"
        " rule does any more, and it is still open"
    )
    alert: AlertAnswer


class DriftSummary(BaseModel):
    """Many devices that began to use the same. Times are log time."""

    id: str
    subject: str
    sentence: str
    severity: Severity
    status: AlertStatus
    first_ts: float
    last_ts: float
    devices: list[str]
    behaviours: list[str]
    alerts: list[str] = Field(description="identifiers of its alerts")


class DriftMessage(BaseModel):
    """One change of one drift, in place of its alerts."""

    type: Literal["drift"]
    seq: Seq
    site: Site
    change: Change
    drift: DriftSummary


class GapMessage(BaseModel):
    """Stands for messages that did not get through."""

    type: Literal["gap"]
    seq: Seq = Field(description="number of the last of them")
    dropped: int = Field(ge=1, description="how many, at least")
    reason: GapReason = Field(
        description="slow: the reader was; old: they are no longer kept; lost: they were before they could be kept;"
        " other_state: the number is not one of this state"
    )


class PositionMessage(BaseModel):
    """How far a reader is who was not sent what it does not want: it goes on from here when it comes back."""

    type: Literal["position"]
    seq: Seq = Field(description="number of the last message that it does not want")


class ScoreRow(BaseModel):
    """One scored record."""

    log: str
    uid: str
    ts: float
    device: str
    score: float = Field(ge=0, le=1)
    anomaly: bool
    reasons: list[ReasonAnswer]


class ScoresMessage(BaseModel):
    """Scored records of one log kind."""

    type: Literal["scores"]
    seq: Seq
    site: Site
    log: str
    scores: list[ScoreRow]


class DecisionMessage(BaseModel):
    """One change of one decision."""

    type: Literal["decision"]
    seq: Seq
    site: Site
    at: float = Field(description="wall-clock time, epoch seconds")
    change: DecisionChangeName = Field(
        description="created: observed or active, as its state says; applied: an enforcer process carries it out;"
        " uncovered: none can"
    )
    by_whom: str = Field(description="policy, clock, safeguard, an enforcer process, or the name of a token")
    reason: str
    decision: DecisionAnswer


class PreventionMessage(BaseModel):
    """What happens to prevention as a whole."""

    type: Literal["prevention"]
    seq: Seq
    site: Site
    at: float
    change: Literal["limit", "handover", "flush", "resume", "policy"] = Field(
        description="limit: beyond it all is only suggested for a while; handover: an address went to another device;"
        " flush, resume: the kill switch and its end; policy: it was read again, or is refused"
    )
    text: str


class JobMessage(BaseModel):
    """How far a training job is: each state at once, and progress now and then."""

    type: Literal["job"]
    seq: Seq
    site: Site
    job: JobAnswer


class DeviceMessage(BaseModel):
    """A device that was never seen before, or that people have merged with another, split, or put back."""

    type: Literal["device"]
    seq: Seq
    site: Site
    change: Literal["new", "merged", "split", "undone"]
    more: int = Field(ge=0, description="further new devices of this moment, that are not told one by one")
    device: DeviceAnswer = Field(description="the one that is new, or that stays")
    other: str | None = Field(
        default=None, description="identifier of the one that was merged into it, or that is another than it now"
    )
    by: str | None = Field(default=None, description="who has said so; null for a new device")


class HealthMessage(BaseModel):
    """The service's health has changed: its status, or what is wrong."""

    type: Literal["health"]
    seq: Seq
    site: Site
    at: float
    status: Status
    reasons: list[str]


class MaintenanceMessage(BaseModel):
    """A maintenance window has begun or ended."""

    type: Literal["maintenance"]
    seq: Seq
    site: Site
    at: float
    change: Phase
    window: WindowAnswer


class BatchMessage(BaseModel):
    """What came within `batch_ms`, in its order."""

    type: Literal["batch"]
    seq: Seq = Field(description="number of the last of them, or of what was left out behind it")
    messages: list[
        Annotated[
            StreamedAlert
            | DriftMessage
            | ScoresMessage
            | DecisionMessage
            | PreventionMessage
            | JobMessage
            | HealthMessage
            | DeviceMessage
            | MaintenanceMessage
            | PositionMessage
            | GapMessage,
            Field(discriminator="type"),
        ]
    ]


STREAMS: dict[str, tuple[type[BaseModel], ...]] = {
    "/ws/alerts": (HelloMessage, StreamedAlert, DriftMessage, PositionMessage, GapMessage, BatchMessage),
    "/ws/scores": (HelloMessage, ScoresMessage, GapMessage, BatchMessage),
    "/ws/events": (
        HelloMessage,
        DecisionMessage,
        PreventionMessage,
        JobMessage,
        HealthMessage,
        DeviceMessage,
        MaintenanceMessage,
        PositionMessage,
        GapMessage,
        BatchMessage,
    ),
}
"""Which messages each stream sends."""

EVERYTHING_SENT = tuple(dict.fromkeys((*STREAMS["/ws/alerts"], *STREAMS["/ws/events"])))
"""What server-sent events carry: the messages of either."""

_ALL = ("alert", "score", "event")
SOCKETIO: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "hello": (HelloMessage, _ALL),
    "alert": (StreamedAlert, ()),
    "drift": (DriftMessage, ()),
    "score": (ScoresMessage, ()),
    "decision": (DecisionMessage, ()),
    "prevention": (PreventionMessage, ()),
    "job": (JobMessage, ()),
    "health": (HealthMessage, ()),
    "device": (DeviceMessage, ()),
    "maintenance": (MaintenanceMessage, ()),
    "position": (PositionMessage, ("alert", "event")),
    "gap": (GapMessage, _ALL),
}
"""Events of Socket.IO by name: their message, and the streams of which one is named beside it, if several have such."""

MESSAGES = tuple(dict.fromkeys(model for models in STREAMS.values() for model in models))


def message_schemas(where: str) -> dict[str, dict[str, object]]:
    """Return the JSON Schemas of all messages and their parts by name; `where` is how they refer to each other."""
    _, document = TypeAdapter.json_schemas(
        [(model, "serialization", TypeAdapter(model)) for model in MESSAGES], ref_template=where + "{model}"
    )
    found: dict[str, dict[str, object]] = document["$defs"]
    return found
