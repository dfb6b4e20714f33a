"""Options that several commands share."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.harmless import harmless
from api.errors import SettingsError

if TYPE_CHECKING:
    from api.settings import Settings

ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with settings.")]
StateOption = Annotated[Path | None, typer.Option("--state", metavar="DIR", help="Folder of alerts and checkpoints.")]
KindOption = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="FILE", help="TOML file that declares a further log kind; may be repeated."),
]
ListenOption = Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help="Address of the service.")]
ForOption = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", min=0, help="Stop so long after it was ready.")
]
CatchUpOption = Annotated[
    str | None,
    typer.Option(
        "--catch-up",
        metavar="SINCE",
        help="Read rotated and archived logs, too, that were written since then: 2h, 3d, Tuesday, 2026-01-29T06:00:00.",
    ),
]
WarmStartOption = Annotated[
    Path | None,
    typer.Option("--warm-start", metavar="SNAPSHOT", help="Begin a new state from another site's snapshot file."),
]


InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Listen where others can connect: whoever reaches the service may use it.")
]
RootPathOption = Annotated[
    str | None, typer.Option("--root-path", metavar="PATH", help="Path before every route, as a proxy shows them.")
]


TlsCertOption = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate chain (PEM): HTTPS instead of HTTP.")
]
TlsKeyOption = Annotated[
    Path | None,
    typer.Option("--tls-key", metavar="FILE", help="Its private key, if the chain has none."),
]


class LogFormat(StrEnum):
    """For whom the lines on standard error are."""

    console = "console"
    json = "json"


LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", help="Lines on standard error: for people, or a JSON object each.")
]


def model_settings(kind: list[str] | None) -> dict[str, Any]:
    """Return the settings that ``--kind`` stands for; keys with value None count as not given."""
    return {"MachineLearningModelConfig": {"kinds": kind or None}}


def server_settings(listen: str | None, *, insecure: bool = False, **others: str | Path | None) -> dict[str, Any]:
    """Return the settings that these options stand for; keys with value None count as not given."""
    return {**_listen_settings(listen), "insecure": insecure or None, **others}


def _listen_settings(listen: str | None) -> dict[str, Any]:
    """Return what ``--listen HOST:PORT`` stands for; the host may be an IPv6 address in brackets."""
    if listen is None:
        return {}
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise SettingsError(f"--listen: expected HOST:PORT, for example 127.0.0.1:8000, found {listen!r}")
    return {"host": host.removeprefix("[").removesuffix("]"), "port": int(port)}


def settings_and_state(config: Path | None, state: Path | None) -> tuple[Settings, Path]:
    """Return the settings, and the state directory: what ``--state`` or a setting names, or what `run` chose.

    Raises
    ------
    SettingsError
        If a setting is wrong, or no state directory is named and `run` has chosen none or several.
    """
    from api.settings import default_state_directory, load_settings

    settings = load_settings(config, {"TrafficAnalyzerConfig": {"state": state}})
    logs, path = settings.traffic.logs, settings.traffic.state
    if path is None:
        path = _only_state() if logs is None else default_state_directory(logs)
    return settings, path


def _only_state() -> Path:
    """Return the state directory that `run` chose for the one folder of logs that it has followed so far."""
    from api.settings import setting_names, state_base

    base = state_base()
    found = sorted(path.parent for path in base.glob("*/checkpoints"))
    if len(found) == 1:
        sys.stderr.write(harmless(f"nslabs: state {found[0]}") + "\n")
        return found[0]
    how = setting_names("TrafficAnalyzerConfig", "state")
    if not found:
        raise SettingsError(f"no state directory was named, and {base} holds none; {how}")
    raise SettingsError(f"{base} holds {len(found)} states: {', '.join(path.name for path in found)}; {how}")
