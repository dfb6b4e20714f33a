"""The parts of a running service, put together from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api.pipeline.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from api.decisions import Prevention
    from api.pipeline import Pipeline
    from api.serve.stream import Hub
    from api.serve.tls import Certificate
    from api.sinks.runner import Sinks
    from api.state.access import Scope
    from api.state.devices.register import DeviceRegister
    from api.state.directory import StateDirectory
    from api.state.rules import RuleStore
    from api.state.store import AlertReader, EvidenceReader
    from api.state.windows import WindowStore

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How large requests may be."""

    body_bytes: int = 32 * _MIB
    upload_bytes: int = 1024 * _MIB
    records: int = 50_000
    train_records: int = 200_000
    unpacked_bytes: int = 8192 * _MIB
    train_chunk: int = 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Under which names the service answers, to pages of which other origins, which proxies it believes, and whom.

    Attributes
    ----------
    login_header, login_scopes
        Header in which a trusted proxy names whom it has logged in, and what those may do; no header, no such login.
    audit_s
        How long the audit log keeps what was done, seconds.
    session_s
        How long a session of the page lasts, seconds.
    teaching
        Whether requests may teach the models: training, learning and feedback.
    certificate
        With which the service speaks TLS; None for plain HTTP.
    socketio
        Whether it speaks Socket.IO, which needs the extra of that name.
    """

    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""
    login_header: str = ""
    login_scopes: tuple[Scope, ...] = ("read",)
    audit_s: float = 400 * 86_400.0
    session_s: float = 7 * 86_400.0
    teaching: bool = True
    certificate: Certificate | None = None
    socketio: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need. The pipeline owns the models; everything here may be used from the asyncio loop."""

    pipeline: Pipeline
    hub: Hub
    alerts: AlertReader
    evidence: EvidenceReader
    state: StateDirectory
    limits: RequestLimits = field(default_factory=RequestLimits)
    access: Access = field(default_factory=Access)
    clock: Clock = field(default_factory=Clock)
    sinks: Sinks | None = None
    prevention: Prevention | None = None
    rules: RuleStore | None = None
    rules_file: Path | None = None
    windows: WindowStore | None = None
    policy: Path | None = None
    devices: DeviceRegister | None = None
