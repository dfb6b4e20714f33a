"""The query parameters of streams: from where on, which messages, and how many together."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.alert import BehaviourName
from api.device_names import is_address, spelled
from api.serve.stream.wanted import Wanted, rank
from online_models.types import Severity

EventName = Literal["decision", "prevention", "job", "health", "device", "maintenance"]
_MOST: Final = 64
"""Devices in one filter: each is compared with every message."""
_TICKET: Final = "what POST /tickets gave; used up before it comes here"


def _is_address(device: str) -> str:
    if not is_address(device):
        raise ValueError("scores know devices by their addresses only")
    return device


Device = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[ -~]*[!-~][ -~]*$"), AfterValidator(spelled)
]
Devices = Annotated[
    list[Device],
    Field(
        default_factory=list,
        max_length=_MOST,
        description="only what is about one of these: an address, a MAC, a part of an address or name; may be repeated",
        examples=[["192.168.1.23"]],
    ),
]
Addresses = Annotated[
    list[Annotated[Device, AfterValidator(_is_address)]],
    Field(
        default_factory=list,
        max_length=_MOST,
        description="only records of these devices, by their addresses; may be repeated",
        examples=[["192.168.1.23"]],
    ),
]
Behaviours = Annotated[
    list[BehaviourName], Field(default_factory=list, description="only one of these; may be repeated")
]
MinScore = Annotated[float, Field(ge=0, le=1, description="only what has at least this score")]
BatchMs = Annotated[
    int | None,
    Field(ge=10, le=5000, description="let messages wait so many milliseconds, and send them in one `batch`"),
]


class StreamQuery(BaseModel):
    """What every stream takes."""

    model_config = ConfigDict(extra="forbid")

    batch_ms: BatchMs = None

    @property
    def batch_s(self) -> float | None:
        """The period of batches in seconds, or None."""
        return None if self.batch_ms is None else self.batch_ms / 1000


class _Since(StreamQuery):
    since_seq: int | None = Field(
        default=None, ge=0, description="number of the last message that is known; those after it come first"
    )
    since_state: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="`state` of the greeting that came with it: a number of another state is told as a gap",
    )


class AlertFilters(_Since):
    """Which alerts and drifts are wanted."""

    device: Devices
    severity: Severity | None = Field(default=None, description="only what is at least so grave", examples=["high"])
    behaviour: Behaviours
    min_score: MinScore = 0.0

    def wanted(self) -> Wanted:
        """Return the filter."""
        return Wanted(self.min_score, tuple(self.device), rank(self.severity), frozenset(self.behaviour))


class AlertStreamQuery(AlertFilters):
    """Which alerts are wanted over a WebSocket."""

    ticket: str | None = Field(default=None, description=_TICKET)


class EventStreamQuery(_Since):
    """Which events are wanted: a device or a behaviour leaves those that are about none."""

    device: Devices
    behaviour: Behaviours
    type: list[EventName] = Field(default_factory=list, description="only these; may be repeated")
    ticket: str | None = Field(default=None, description=_TICKET)

    def wanted(self) -> Wanted:
        """Return the filter."""
        kinds = frozenset[str](self.type)
        return Wanted(devices=tuple(self.device), behaviours=frozenset(self.behaviour), kinds=kinds)


class ScoreStreamQuery(StreamQuery):
    """Which rows are wanted."""

    device: Addresses
    min_score: MinScore = 0.0
    ticket: str | None = Field(default=None, description=_TICKET)

    def wanted(self) -> Wanted:
        """Return the filter."""
        return Wanted(self.min_score, tuple(self.device))


class ServerSentQuery(AlertFilters):
    """Which alerts, or which events, are wanted as server-sent events."""

    stream: Literal["alerts", "events"] = Field(
        default="alerts", description="events: what /ws/events sends; each counts for itself"
    )
    type: list[EventName] = Field(default_factory=list, description="of events only these; may be repeated")

    def wanted(self) -> Wanted:
        """Return the filter.

        Raises
        ------
        ValueError
            The stream knows nothing of what is asked for; the message names the parameter.
        """
        if self.stream == "alerts":
            if self.type:
                raise ValueError("type: only for stream=events")
            return super().wanted()
        if self.severity is not None or self.min_score:
            raise ValueError("severity, min_score: events have neither; filter them by device, behaviour or type")
        return Wanted(devices=tuple(self.device), behaviours=frozenset(self.behaviour), kinds=frozenset[str](self.type))
