"""Bans through CrowdSec's Local API, as a watcher, so that every bouncer of the site obeys.

Rests on version 1 of that API as Debian's 1.4.6 has it. CrowdSec counts a decision's duration from the alert's
``stop_at``, and ends it by itself.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
from pydantic import BaseModel, ConfigDict, Field

from prevention.blocks import BlockKey
from prevention.enforcers.protocol import Abilities, Standing
from prevention.errors import EnforcerError, EnforcerSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prevention.enforcers.protocol import Order

_TIMEOUT_S: Final = 3.0
_ORIGIN: Final = "nslabs"
_UNAUTHORISED: Final = 401
_DURATION: Final = re.compile(r"([\d.]+)(h|ms|m|s|us|µs|ns)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://")
    machine: str = Field(min_length=1, description="name of the watcher: cscli machines add NAME")
    password_file: Path = Field(description="file with its password")


def make(settings: Mapping[str, Any], state: Path) -> CrowdSec:
    """Return the enforcer that a table of the configuration describes."""
    del state  # CrowdSec tells what it holds
    given = Settings.model_validate(dict(settings))
    try:
        password = given.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EnforcerSetupError(
            f"enforcer [crowdsec]: password_file {given.password_file}: {error.strerror}"
        ) from error
    return CrowdSec(given, password)


class Lapi:
    """The part of the Local API that a watcher needs."""

    def __init__(self, url: str, machine: str, password: str) -> None:
        self._url, self._machine, self._password = url, machine, password
        self._client = httpx2.Client(base_url=url, timeout=_TIMEOUT_S)
        self._token = ""

    def decisions(self) -> list[dict[str, Any]]:
        """Return our decisions that last."""
        query = {"has_active_decision": "true", "origin": _ORIGIN, "limit": "0"}
        alerts = self.ask("GET", "/v1/alerts", params=query) or []
        found = [one for alert in alerts for one in alert.get("decisions") or []]
        return [one for one in found if one["origin"] == _ORIGIN and not str(one["duration"]).startswith("-")]

    def delete(self, numbers: Sequence[int]) -> None:
        """Remove decisions; what has ended meanwhile is removed already."""
        for number in numbers:
            self.ask("DELETE", f"/v1/decisions/{number}")

    def ask(self, method: str, path: str, **given: Any) -> Any:
        """Ask once, and once more with a new token if the old one has run out.

        Raises
        ------
        EnforcerError
            If CrowdSec is not there, or does not answer with success.
        """
        if not self._token:
            self._login()
        answer = self._authorised(method, path, **given)
        if answer.status_code == _UNAUTHORISED:
            self._login()
            answer = self._authorised(method, path, **given)
        if not answer.is_success:
            raise EnforcerError(f"crowdsec: {method} {path} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _authorised(self, method: str, path: str, **given: Any) -> httpx2.Response:
        return self._sent(method, path, headers={"authorization": f"Bearer {self._token}"}, **given)

    def _login(self) -> None:
        given = {"machine_id": self._machine, "password": self._password}
        answer = self._sent("POST", "/v1/watchers/login", json=given)
        if not answer.is_success:
            raise EnforcerError(
                f"crowdsec: machine {self._machine} is not let in ({answer.status_code});"
                f" cscli machines add {self._machine}"
            )
        self._token = str(answer.json()["token"])

    def _sent(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            return self._client.request(method, path, **given)
        except httpx2.HTTPError as error:
            raise EnforcerError(f"crowdsec: {self._url}: {error or type(error).__name__}") from error


class CrowdSec:
    """Holds each block as one decision of CrowdSec's, with our name as its origin; others' are left alone."""

    name = "crowdsec"
    abilities = Abilities(frozenset({"device", "peer"}), expires=True, prefixes=True)

    def __init__(self, settings: Settings, password: str, clock: Callable[[], float] = time.time) -> None:
        self._lapi = Lapi(settings.url, settings.machine, password)
        self._clock = clock

    def apply(self, orders: Sequence[Order]) -> None:
        """Add a decision for each block, then remove the ones that it had before: there is no moment without."""
        known = self._lapi.decisions()
        self._lapi.ask("POST", "/v1/alerts", json=[self._alert(order) for order in orders])
        wanted = {order.block.key for order in orders}
        self._lapi.delete([one["id"] for one in known if _key_of(one) in wanted])

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Remove our decisions about these."""
        wanted = set(keys)
        self._lapi.delete([one["id"] for one in self._lapi.decisions() if _key_of(one) in wanted])

    def list(self) -> Sequence[Standing]:
        """Return our decisions that last."""
        left: dict[BlockKey, float] = {}
        for one in self._lapi.decisions():
            key = _key_of(one)
            left[key] = max(left.get(key, 0.0), seconds(str(one["duration"])))
        return [Standing(key, value) for key, value in left.items()]

    def close(self) -> None:
        """Close the connection."""
        self._lapi.close()

    def _alert(self, order: Order) -> dict[str, Any]:
        block, now = order.block, datetime.fromtimestamp(self._clock(), UTC).isoformat()
        value = block.key.device or block.key.peer
        source = {"scope": "Range" if "/" in value else "Ip", "value": value}
        scenario = f"nslabs/{block.behaviour or 'request'}"
        decision = {
            "origin": _ORIGIN,
            "type": "ban",
            **source,
            "scenario": f"{scenario} {block.key.kind} {block.decision}",
        }
        return {
            "scenario": scenario,
            "scenario_hash": "",
            "scenario_version": "1",
            "message": block.sentence or scenario,
            "events_count": 1,
            "events": [],
            "start_at": now,
            "stop_at": now,
            "capacity": 0,
            "leakspeed": "0",
            "simulated": False,
            "source": source,
            "decisions": [{**decision, "duration": f"{order.left_s:.3f}s"}],
        }


def seconds(duration: str) -> float:
    """Return a duration as Go writes it, in seconds.

    >>> seconds("1h2m3.5s")
    3723.5
    """
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))


def _key_of(decision: Mapping[str, Any]) -> BlockKey:
    """Return the key of a decision of ours: whether a device or a peer is meant is in its scenario."""
    value, words = str(decision["value"]), str(decision["scenario"]).split()
    return (
        BlockKey("block", "device", device=value) if "device" in words[-2:-1] else BlockKey("block", "peer", peer=value)
    )
