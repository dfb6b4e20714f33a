"""Which notices a sink wants: by event, severity, behaviour and device."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from api.alert import BehaviourName
from api.device_names import spelled
from api.state.store.changes import Event
from api.state.store.rows import SEVERITIES
from online_models.types import Severity

if TYPE_CHECKING:
    from api.sinks.protocol import Notice, Sink


class CommonSettings(BaseModel):
    """What every table of a sink may have, whatever its type."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str | None = Field(default=None, description="which sink; the table's name, if left out")
    enabled: bool = Field(default=True, description="false keeps the table and sends nothing")
    events: tuple[Event, ...] | None = Field(default=None, description="which changes are sent")
    min_severity: Severity = Field(default="low", description="the least severity that is sent")
    behaviours: tuple[BehaviourName, ...] = Field(default=(), description="only these; empty for all")
    devices: tuple[str, ...] = Field(
        default=(),
        description="only these: addresses, networks (CIDR), MACs, host names (* for any part); of a device that was"
        " merged any of these",
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """Says of each notice whether it is sent."""

    settings: CommonSettings
    events: frozenset[Event]
    for_people: bool = False

    @classmethod
    def of(cls, settings: CommonSettings, sink: Sink) -> Selection:
        """Return what a table asks for, and else what the sink has by itself."""
        events = sink.events if settings.events is None else frozenset(settings.events)
        return cls(settings, events, sink.for_people)

    def wants(self, notice: Notice) -> bool:
        """Whether the notice is sent."""
        wanted, alert = self.settings, notice.alert
        return (
            notice.event in self.events
            and (notice.is_told or not self.for_people)
            and SEVERITIES.index(alert.severity) >= SEVERITIES.index(wanted.min_severity)
            and (not wanted.behaviours or alert.behaviour in wanted.behaviours)
            and (not wanted.devices or any(_is_named(notice, named) for named in wanted.devices))
        )


def _is_named(notice: Notice, named: str) -> bool:
    """Whether an address, a network, a MAC or a pattern of host names is that of the notice's device."""
    owner, wanted = notice.owner, spelled(named)
    known_by = {notice.alert.device, *((owner.mac, owner.host_name, owner.label, *owner.also) if owner else ())}
    texts = [spelled(text) for text in known_by if text]
    return any(fnmatchcase(text, wanted) or _is_within(text, wanted) for text in texts)


def _is_within(device: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(device) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
