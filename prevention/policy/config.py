"""The policy's file: its tables, their keys, defaults and limits."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from prevention import addresses
from prevention.decisions import Mode
from prevention.errors import PolicyError, TargetError
from prevention.policy.case import Severity
from prevention.policy.hours import Duration, Hours, in_words
from prevention.targets import Action, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _checked(text: str, read: Any) -> str:
    try:
        return str(read(text))
    except TargetError as error:
        raise ValueError(str(error)) from None


TAG: Final = r"^[a-z0-9][a-z0-9_.-]{0,31}$"
"""What a device's tag looks like; one in a rule that looks otherwise would never fit."""


def _tag(text: str) -> str:
    if not re.fullmatch(TAG, text):
        raise ValueError(f"{text[:40]!r} is no tag: up to 32 of a-z, 0-9, _ . -, as in guest")
    return text


Tag = Annotated[str, AfterValidator(_tag)]
Prefix = Annotated[str, AfterValidator(lambda text: _checked(text, addresses.network))]
Mac = Annotated[str, AfterValidator(lambda text: _checked(text, addresses.mac))]
Device = Annotated[str, AfterValidator(lambda text: _checked(text, addresses.device))]


def _narrow(text: str) -> str:
    if text.endswith("/0"):
        raise ValueError(f"{text} is everything: quarantine would keep nothing away")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PolicyRule(_Table):
    """One line of the policy: which alerts it is for, and what is to be done. The first that fits is taken."""

    name: str = Field(default="", max_length=80, description="what it is called in reasons; its number if empty")
    behaviours: tuple[str, ...] = Field(default=("*",), min_length=1, description="behaviours; * is any")
    min_severity: Severity = Field(default="high", description="at least this grave")
    min_views: int = Field(default=1, ge=1, description="at least so many views agree")
    tags: tuple[Tag, ...] = Field(default=(), description="the device has one of these tags; none given is any device")
    hours: str | None = Field(default=None, description="only within these working hours")
    outside: str | None = Field(default=None, description="only outside of these working hours")
    action: Action | Literal["none"] = Field(default="block", description="what is done; none is nothing")
    target: Kind | Literal["smallest"] = Field(default="smallest", description="to whom; smallest is what stops it")
    ttl: Duration | None = Field(default=None, description="how long, instead of the ladder")
    mode: Mode | None = Field(default=None, description="instead of the behaviour's and the site's")

    @model_validator(mode="after")
    def _is_for_a_device(self) -> PolicyRule:
        if self.action not in {"block", "none"} and self.target not in {"device", "smallest"}:
            raise ValueError(f"only a device can be put under {self.action}, not a {self.target}")
        return self


class Limits(_Table):
    """What keeps a wrong policy, model or caller from blocking the network."""

    new_blocks_per_minute: int = Field(default=10, ge=0, le=10_000, description="new blocks a minute")
    max_device_percent: float = Field(default=5.0, ge=0, le=100, description="of today's devices, blocked at a time")
    pause: Duration = Field(default=600.0, description="how long all is suggested once a limit was reached")
    max_ttl: Duration = Field(default=30 * 86_400.0, description="longest block that may be asked for")
    max_pairs: int = Field(default=4, ge=1, le=64, description="pairs of one alert, before its device is meant")
    peer_after_devices: int = Field(default=3, ge=2, description="devices paired with a peer, before the peer is meant")
    hold: Duration = Field(default=86_400.0, description="how long what a person revoked is not decided again")
    max_alert_age: Duration = Field(default=600.0, description="what happened longer ago is observed only")


class Escalation(_Table):
    """How long a block lasts for who comes back."""

    ladder: tuple[Duration, ...] = Field(default=(600.0, 3600.0, 86_400.0, 604_800.0), min_length=1)
    memory: Duration = Field(default=30 * 86_400.0, description="how long an earlier block counts")


class Protect(_Table):
    """What must never be blocked, beside what is found by itself."""

    devices: tuple[Device, ...] = Field(default=(), description="critical devices: MACs or addresses")
    networks: tuple[Prefix, ...] = Field(default=(), description="addresses or prefixes")
    macs: tuple[Mac, ...] = Field(default=(), description="MAC addresses")


class Quarantine(_Table):
    """What a device in quarantine may still reach."""

    allow: tuple[Annotated[Prefix, AfterValidator(_narrow)], ...] = Field(
        default=(), description="addresses or prefixes, such as an update server"
    )


class Policy(_Table):
    """The whole policy. Without a file nothing is done, and what `RULES` say is recorded."""

    mode: Mode = Field(default="observe", description="of the site")
    modes: dict[str, Mode] = Field(default_factory=dict, description="of behaviours, before the site's")
    limits: Limits = Limits()
    escalation: Escalation = Escalation()
    working_hours: dict[str, Hours] = Field(default_factory=dict)
    rules: tuple[PolicyRule, ...] = Field(default=(), description="none given: those that come with the program")
    protect: Protect = Protect()
    quarantine: Quarantine = Quarantine()

    @model_validator(mode="after")
    def _hours_are_known(self) -> Policy:
        for number, rule in enumerate(self.rules, 1):
            for name in (rule.hours, rule.outside):
                if name is not None and name not in self.working_hours:
                    raise ValueError(f"rule {number} names working hours {name!r}, which [working_hours] does not have")
        return self

    @model_validator(mode="after")
    def _nothing_lasts_too_long(self) -> Policy:
        most = self.limits.max_ttl
        named = [(f"rules.{number}.ttl", rule.ttl) for number, rule in enumerate(self.rules) if rule.ttl is not None]
        if "ladder" in self.escalation.model_fields_set:
            named += [(f"escalation.ladder.{number}", ttl) for number, ttl in enumerate(self.escalation.ladder)]
        for place, ttl in named:
            if ttl > most:
                raise ValueError(f"{place} is {in_words(ttl)}, and limits.max_ttl {in_words(most)}")
        return self

    def behaviours(self) -> dict[str, str]:
        """Return every behaviour that is named, with the key that names it first."""
        named = {name: f"modes.{name}" for name in self.modes}
        for number, rule in enumerate(self.rules):
            for name in rule.behaviours:
                if name != "*":
                    named.setdefault(name, f"rules.{number}.behaviours")
        return named

    def ttl_of(self, asked: float | None, step: int) -> float:
        """Return how long a block lasts: as its rule asks for, else by the ladder, but never longer than all may."""
        ladder = self.escalation.ladder
        return min(asked or ladder[min(step, len(ladder) - 1)], self.limits.max_ttl)

    def mode_of(self, behaviour: str, rule: PolicyRule | None = None) -> Mode:
        """Return the mode in force: the rule's, else the behaviour's, else the site's."""
        return (rule.mode if rule else None) or self.modes.get(behaviour, self.mode)


def policy_from(document: Mapping[str, Any], source: str = "policy") -> Policy:
    """Return the policy that a decoded TOML document describes.

    Raises
    ------
    PolicyError
        With one line that names the table, the key, and what was expected.
    """
    try:
        return Policy.model_validate(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise PolicyError(f"{source}: {place + ': ' if place else ''}{message[:1].lower()}{message[1:]}") from error


def load_policy(path: Path) -> Policy:
    """Read a policy's file.

    Raises
    ------
    PolicyError
        If it cannot be read, is no TOML, or has a wrong value.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PolicyError(f"policy {path}: {error.strerror}") from error
    except ValueError as error:
        raise PolicyError(f"policy {path}: expected TOML, but {error}") from error
    return policy_from(document, f"policy {path}")
