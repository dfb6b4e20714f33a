"""MQTT: each notice as JSON, acknowledged by the broker (QoS 1), and what Home Assistant needs to find the devices.

Home Assistant (https://www.home-assistant.io/integrations/mqtt): a device that is told of gets a discovery message with
its MAC in ``connections``, so that it is the device which other integrations know, and a sensor of class ``problem``
that is on when something is told and goes off by itself after a while.
"""

from __future__ import annotations

import re
import ssl
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
import orjson
from pydantic import BaseModel, ConfigDict, Field

from api.sinks.protocol import EVENTS, SinkError, SinkSetupError
from api.sinks.text import one_line
from api.version import package_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.sinks.protocol import Notice

_TOPIC: Final = r"^[^#+\x00-\x1f\x7f/][^#+\x00-\x1f\x7f]{0,199}$"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_AT_LEAST_ONCE: Final = 1
_KNOWN: Final = 10_000
"""Devices whose discovery message was sent in this run; those told of longest ago are told of again."""


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1)
    port: int = Field(default=1883, ge=1, le=65_535)
    username: str | None = None
    password_file: Path | None = Field(default=None, description="file with the password")
    tls: bool = False
    ca_file: Path | None = Field(default=None, description="TLS: who signed the broker; the system's, if left out")
    topic: str = Field(default="nslabs", pattern=_TOPIC, description="topics are TOPIC/SITE/alerts and …/devices/…")
    discovery: str | None = Field(default="homeassistant", pattern=_TOPIC, description='prefix; "" sends none')
    off_after_s: int = Field(default=3600, ge=1, description="when a device's problem goes off by itself")


def make(settings: Mapping[str, Any], name: str) -> MqttSink:
    """Return the sink that a table of the configuration describes."""
    given = Settings.model_validate(
        {key: value for key, value in settings.items() if (key, value) != ("discovery", "")}
    )
    if settings.get("discovery") == "":
        given = given.model_copy(update={"discovery": None})
    try:
        password = given.password_file.read_text(encoding="utf-8").strip() if given.password_file else None
        context = ssl.create_default_context(cafile=given.ca_file) if given.tls else None
    except (OSError, ValueError) as error:
        raise SinkSetupError(f"[sinks.{name}]: password_file or ca_file: {error}") from error
    return MqttSink(given, password, context)


class MqttSink:
    """Publishes to TOPIC/SITE/alerts, and to TOPIC/SITE/devices/DEVICE for Home Assistant."""

    events = frozenset(EVENTS)
    for_people = False
    confirms = True

    def __init__(self, settings: Settings, password: str | None, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._password = password
        self._context = context
        self._client: aiomqtt.Client | None = None
        self._discovered: OrderedDict[str, bytes] = OrderedDict()

    async def send(self, notice: Notice) -> None:
        """Return once the broker has it."""
        try:
            client = self._client or await self._connected()
            site = f"{self._settings.topic}/{_fit(notice.alert.site)}"
            message = orjson.dumps({"event": notice.event, "number": notice.number, **notice.fields()})
            await client.publish(f"{site}/alerts", message, qos=_AT_LEAST_ONCE)
            if self._settings.discovery and notice.event != "drift":
                await self._tell_home_assistant(client, notice, f"{site}/devices/{_device_key(notice)}")
        except (aiomqtt.MqttError, OSError) as error:
            await self.close()
            raise SinkError(f"{self._settings.host}:{self._settings.port} (mqtt): {error}") from error

    async def _connected(self) -> aiomqtt.Client:
        settings = self._settings
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=self._password,
            tls_context=self._context,
            timeout=10.0,
        )
        self._client = await client.__aenter__()
        return self._client

    async def _tell_home_assistant(self, client: aiomqtt.Client, notice: Notice, topic: str) -> None:
        key, config = _device_key(notice), orjson.dumps(self._discovery(notice, topic))
        if self._discovered.get(key) != config:
            where = f"{self._settings.discovery}/device/nslabs_{_fit(notice.alert.site)}_{key}/config"
            await client.publish(where, config, qos=_AT_LEAST_ONCE, retain=True)
            self._discovered[key] = config
            if len(self._discovered) > _KNOWN:
                self._discovered.popitem(last=False)
        alert = notice.alert
        state = {
            "problem": "OFF" if alert.status == "closed" or alert.muted else "ON",
            "event_type": notice.event,
            "severity": alert.severity,
            "behaviour": alert.behaviour,
            "sentence": one_line(alert.sentence),
            "link": notice.link,
        }
        await client.publish(topic, orjson.dumps(state), qos=_AT_LEAST_ONCE)

    def _discovery(self, notice: Notice, topic: str) -> dict[str, Any]:
        """Return the discovery message of a device, with its two entities."""
        identifier, owner = f"nslabs_{_fit(notice.alert.site)}_{_device_key(notice)}", notice.owner
        device: dict[str, Any] = {
            "identifiers": [identifier],
            "name": one_line((owner and owner.name) or notice.alert.device)[:100],
        }
        if owner is not None and owner.mac:
            device["connections"] = [["mac", owner.mac]]
        return {
            "device": device,
            "origin": {"name": "nslabs", "sw_version": package_version()},
            "state_topic": topic,
            "qos": _AT_LEAST_ONCE,
            "components": {
                "problem": {
                    "platform": "binary_sensor",
                    "device_class": "problem",
                    "name": "Unusual behaviour",
                    "unique_id": f"{identifier}_problem",
                    "value_template": "{{ value_json.problem }}",
                    "json_attributes_topic": topic,
                    "off_delay": self._settings.off_after_s,
                },
                "alert": {
                    "platform": "event",
                    "name": "Alert",
                    "unique_id": f"{identifier}_alert",
                    "event_types": [event for event in EVENTS if event != "drift"],
                },
            },
        }

    async def flush(self) -> None:
        """Nothing to do: each was acknowledged."""

    async def close(self) -> None:
        """Leave the broker."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(aiomqtt.MqttError):  # it was gone already
                await client.__aexit__(None, None, None)


def _device_key(notice: Notice) -> str:
    """Return what a device is called in topics: its MAC if that is known, since its address may be another's later."""
    return _fit(notice.owner.mac.replace(":", "") if notice.owner and notice.owner.mac else notice.alert.device)


def _fit(text: str) -> str:
    """Return text without what means something in topics and discovery."""
    return _UNFIT.sub("_", text)[:100] or "_"
