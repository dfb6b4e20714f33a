"""The sections of the configuration: their keys, defaults and limits."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _network(text: str) -> str:
    """Return the network in its canonical form, or raise what pydantic reports."""
    return str(ipaddress.ip_network(text, strict=False))


def _directory(path: Path) -> Path:
    return path.expanduser()


def _not_every_origin(origin: str) -> str:
    """Refuse the wildcard: any web page could then read alerts and train the models."""
    if not origin.startswith(("http://", "https://")):
        raise ValueError("expected an origin such as http://192.0.2.5:3000")
    return origin.rstrip("/")


def _host(text: str) -> str:
    """Return a host name or address in lower case, or raise what pydantic reports."""
    host = text.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")
    if not re.fullmatch(r"[a-z0-9._:-]+", host) or (":" in host and not _is_address(host)):
        raise ValueError("expected a host name or an address without a port, such as nslabs.example")
    return host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _root_path(text: str) -> str:
    """Return the path without its final slash, or raise what pydantic reports."""
    path = text.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise ValueError("expected a path such as /nslabs")
    return path


def _public_url(text: str) -> str:
    """Return the address with its final slash, or raise what pydantic reports."""
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("expected an address such as https://nslabs.example/nslabs")
    return text and text.rstrip("/") + "/"


def _header_name(text: str) -> str:
    """Return the name in lower case, or raise what pydantic reports (RFC 9110, 5.1)."""
    if not re.fullmatch(r"[A-Za-z0-9-]{0,64}", text):
        raise ValueError("expected the name of a header such as X-Forwarded-User")
    return text.lower()


Network = Annotated[str, AfterValidator(_network)]
Directory = Annotated[Path, AfterValidator(_directory)]
Host = Annotated[str, AfterValidator(_host)]
RootPath = Annotated[str, AfterValidator(_root_path)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Origin = Annotated[str, AfterValidator(_not_every_origin)]


Scope = Literal["read", "train", "respond", "admin"]
HeaderName = Annotated[str, AfterValidator(_header_name)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TrafficAnalyzerConfig(_Section):
    """Where the logs are, where the state goes, and what counts as the local network."""

    logs: Directory | None = Field(default=None, description="folder in which Zeek writes its logs")
    state: Directory | None = Field(default=None, description="folder for alerts and checkpoints")
    rules: Directory | None = Field(
        default=None, description="TOML file of rules that mute alerts, read again at SIGHUP"
    )
    scan_interval_s: float = Field(
        default=1.0, gt=0, le=3600, description="how often the folder is listed, beside watching"
    )
    site: str = Field(
        default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description="name of this network in alerts"
    )
    local_networks: tuple[Network, ...] = Field(
        default=(), description="networks (CIDR) of devices, beside private ones"
    )
    checkpoint_interval_s: float = Field(default=5.0, gt=0, le=3600, description="seconds of load between checkpoints")
    stale_after_min: float = Field(default=15.0, gt=0, description="minutes without a record until /health says stale")


class MachineLearningModelConfig(_Section):
    """Sizes, seed and alert budget of the models, and how training is cut."""

    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of every forest")
    alert_budget_per_day: float = Field(default=2.0, gt=0, description="false alerts that the site accepts a day")
    max_devices: int = Field(default=131_000, ge=16, description="capacity of the per-device tables")
    max_pairs: int = Field(default=1_048_000, ge=16, description="capacity of the per-pair tables")
    kinds: tuple[str, ...] = Field(default=(), max_length=64, description="TOML files that declare further log kinds")
    train_chunk_records: int = Field(default=1024, ge=1, le=65_536, description="records learned between live polls")
    max_waiting_jobs: int = Field(default=8, ge=1, le=1000, description="training jobs that may wait or run")
    max_finished_jobs: int = Field(default=100, ge=1, le=100_000, description="finished jobs that are remembered")


class SocketIOConfig(_Section):
    """Where the service listens, who may connect, and how much is queued for each."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65_535, description="TCP port to listen on; 0 takes a free one")
    cors_origins: tuple[Origin, ...] = Field(default=(), description="other web origins that may use the service")
    allowed_hosts: tuple[Host, ...] = Field(default=(), description="other names by which the service is known")
    trusted_proxies: tuple[Network, ...] = Field(default=(), description="proxies (CIDR) whose X-Forwarded-* count")
    root_path: RootPath = Field(default="", description="path before every route, as a proxy shows them")
    public_url: PublicUrl = Field(default="", description="address of the page, for links in what sinks send")
    insecure: bool = Field(default=False, description="listen where others can connect, without a login")
    first_token: Directory | None = Field(
        default=None, description="file for a first admin token, made at a start without any"
    )
    login_header: HeaderName = Field(default="", description="header in which a trusted proxy names whom it logged in")
    login_scopes: tuple[Scope, ...] = Field(default=("read",), description="what those may do")
    session_hours: float = Field(default=168.0, gt=0, le=8760, description="how long a login of the page lasts")
    teaching: bool = Field(default=True, description="train, learn and take feedback over HTTP")
    tls_cert: Directory | None = Field(default=None, description="file of the certificate chain (PEM)")
    tls_key: Directory | None = Field(default=None, description="file of its private key (PEM)")
    subscriber_queue: int = Field(default=256, ge=1, le=1_000_000, description="messages held for one slow subscriber")
    history: int = Field(
        default=1000, ge=0, le=1_000_000, description="messages of a stream that are kept in memory, too"
    )
    max_subscribers: int = Field(default=256, ge=1, le=100_000, description="readers of streams at one time")
    socketio: bool = Field(default=False, description="speak Socket.IO at /socket.io, too (extra socketio)")
    command_queue: int = Field(default=64, ge=1, le=100_000, description="requests that may wait for the models")
    max_body_mb: float = Field(default=32.0, gt=0, description="largest JSON body, in MiB")
    max_upload_mb: float = Field(default=1024.0, gt=0, description="largest uploaded log, in MiB")
    max_unpacked_mb: float = Field(default=8192.0, gt=0, description="the same after unpacking, in MiB")
    max_request_records: int = Field(default=50_000, ge=1, description="records in one analyze or predict request")
    max_train_records: int = Field(
        default=200_000, ge=1, description="records in the JSON body of one training request"
    )


class StoreConfig(_Section):
    """How long alerts, evidence, ended decisions and the audit log are kept, and how large the alert store gets."""

    max_age_days: float = Field(default=400.0, ge=1, le=36_500, description="days that anything is kept")
    max_size_mb: float = Field(default=2048.0, ge=64, le=1 << 30, description="size of the alert store, in MiB")


class PreventionConfig(_Section):
    """What alerts have for consequences."""

    policy: Path | None = Field(default=None, description="TOML file of modes, rules and limits; none only observes")
