"""The shapes of what is told of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from api.device_names import spelled
from api.devices.naming import Kind, is_random, names_of, vendor_of
from api.serve.routes.answers import AlertAnswer
from api.serve.told import LaterAnswer, later_answers
from online_models.measures.time import SETTLING
from online_models.young import Watched
from prevention.policy import TAG

if TYPE_CHECKING:
    from api.state.devices.rows import Device

MOST_TAGS = 16
_ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$"
_LINES = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$"
"""No control characters, nor those that turn the direction of text: names are shown on terminals."""


def _stripped(text: str | None) -> str | None:
    """Return a text without spaces around it, None for one of nothing else."""
    return (text or "").strip() or None


class DeviceNameAnswer(BaseModel):
    """One name of a device."""

    name: str = Field(examples=["porch-camera"])
    source: Literal["label", "dhcp", "vendor", "mac", "address"]


class DeviceAddressAnswer(BaseModel):
    """An address that a device had. Times are log time, epoch seconds."""

    address: str = Field(examples=["192.168.1.23"])
    mac: str | None = Field(description="the MAC behind it, if that is known", examples=["02:00:00:00:00:17"])
    first_seen: float
    last_seen: float


class DeviceAnswer(BaseModel):
    """One device. Times are log time, epoch seconds."""

    id: str = Field(description="stays, whatever its addresses are", examples=["d-0123456789ab"])
    name: str = Field(description="the best of its names", examples=["porch-camera"])
    names: list[DeviceNameAnswer] = Field(description="the best first")
    label: str | None = Field(description="what people call it", examples=["camera at the door"])
    tags: list[str] = Field(examples=[["outdoors"]])
    notes: str | None
    critical: bool = Field(description="it is never blocked")
    kind: Kind | None = Field(description="what it probably is")
    kind_reason: str | None = Field(description="what says so", examples=["host name porch-camera"])
    mac: str | None = Field(description="its last", examples=["02:00:00:00:00:17"])
    random_mac: bool = Field(description="made up by the device itself: it tells no vendor, and may change")
    vendor: str | None = Field(description="whom the IEEE has given the MAC's first bytes")
    host_name: str | None = Field(description="what it calls itself in DHCP", examples=["porch-camera"])
    addresses: list[DeviceAddressAnswer] = Field(description="those that it had, the last seen first")
    logs: list[str] = Field(description="log kinds with records of it", examples=[["conn", "dns"]])
    services: list[str] = Field(description="what it was seen to answer on; a sample", examples=[["tcp/554"]])
    first_seen: float
    last_seen: float
    trusted_from: float = Field(
        description="log time from which it has been watched long enough to be judged in full; young before that"
    )
    young: bool = Field(description="it was first seen so lately that little can be told of it")
    merged: list[str] = Field(description="identifiers of the devices that people have merged into it")
    told: list[str] = Field(description="what can be told of it", examples=[["fast scans, floods and guesses"]])
    later: list[LaterAnswer] = Field(description="what cannot yet, and from when on it can")


class DeviceDetailAnswer(DeviceAnswer):
    """One device with its open alerts."""

    alerts: list[AlertAnswer] = Field(description="open ones that no rule hides, those raised last first")


class DevicesAnswer(BaseModel):
    """One page of devices, those first seen last first."""

    devices: list[DeviceAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")


class DeviceBody(BaseModel):
    """What people say of a device; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"label": "camera at the door"}]})

    label: Annotated[str | None, AfterValidator(_stripped)] = Field(
        default=None,
        max_length=100,
        pattern=_ONE_LINE,
        description="what to call it; null for its own name",
        examples=["camera at the door"],
    )
    notes: Annotated[str | None, AfterValidator(_stripped)] = Field(default=None, max_length=4000, pattern=_LINES)
    tags: list[Annotated[str, Field(pattern=TAG)]] = Field(
        default_factory=list, max_length=MOST_TAGS, examples=[["outdoors"]]
    )
    critical: StrictBool = Field(default=False, description="whether it is never blocked")


class MergeBody(BaseModel):
    """Which device is the same as this one."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(max_length=64, description="identifier of the other one", examples=["d-0123456789ab"])


class SplitBody(BaseModel):
    """What is a device of its own."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[str, AfterValidator(spelled)] = Field(
        max_length=64, description="an address of this device", examples=["192.168.1.23"]
    )


class RegroupedAnswer(BaseModel):
    """What was done to devices."""

    change: Literal["merged", "split", "undone"]
    undone: Literal["merged", "split"] | None = Field(description="what was taken back")
    devices: list[DeviceAnswer] = Field(
        description="those that there are now: what stays first, then what is a device of its own again"
    )


def device_answer(device: Device) -> DeviceAnswer:
    """Return what is told of a device."""
    watched = Watched(max(0.0, device.last_seen - device.first_seen), device.last_seen)
    names = names_of(device.label, device.host_name, device.mac, device.addresses[0].address)
    return DeviceAnswer(
        id=device.id,
        name=names[0][0],
        names=[DeviceNameAnswer.model_validate({"name": name, "source": source}) for name, source in names],
        label=device.label,
        tags=list(device.tags),
        notes=device.notes,
        critical=device.critical,
        kind=cast("Kind | None", device.kind),
        kind_reason=device.kind_reason,
        mac=device.mac,
        random_mac=device.mac is not None and is_random(device.mac),
        vendor=vendor_of(device.mac) if device.mac else None,
        host_name=device.host_name,
        addresses=[
            DeviceAddressAnswer(
                address=at.address, mac=at.mac or None, first_seen=at.first_seen, last_seen=at.last_seen
            )
            for at in device.addresses
        ],
        logs=list(device.logs),
        services=list(device.services),
        first_seen=device.first_seen,
        last_seen=device.last_seen,
        trusted_from=device.first_seen + SETTLING,
        merged=list(device.merged),
        young=device.last_seen < device.first_seen + SETTLING,
        told=watched.told(),
        later=later_answers(watched),
    )
