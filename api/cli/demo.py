"""`nslabs demo`: a simulated network and the service on its logs, in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import ForOption, InsecureOption, ListenOption, StateOption, server_settings
from api.cli.simulate import AttackName

if TYPE_CHECKING:
    from api.cli.rehearsal import Rehearsal
    from api.settings import Settings


def demo(
    state: StateOption = None,
    listen: ListenOption = None,
    devices: Annotated[int, typer.Option(help="Devices on the simulated network.")] = 12,
    attack: Annotated[AttackName, typer.Option(help="What one device begins to do.")] = "mirai",
    attack_in: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Wall time until it begins.")] = 15.0,
    history: Annotated[float, typer.Option(metavar="HOURS", min=0, help="Quiet past that is learned first.")] = 24.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal networks.")] = 1,
    insecure: InsecureOption = False,
    stop_after: ForOption = None,
) -> None:
    """Watch a simulated network: its past is learned at once, then it goes on live, and soon a device is attacked."""
    from api.cli.rehearsal import Rehearsal

    with tempfile.TemporaryDirectory(prefix="nslabs-demo-") as folder:
        place = Path(folder)
        rehearsal = Rehearsal(place / "logs", devices, attack, attack_in, history * 3600, seed)
        raise typer.Exit(
            _serve(rehearsal, _settings(place, state, server_settings(listen, insecure=insecure)), stop_after)
        )


def _settings(place: Path, state: Path | None, server: dict[str, Any]) -> Settings:
    from api.settings import load_settings

    traffic = {"logs": place / "logs", "state": state or place / "state"}
    return load_settings(None, {"TrafficAnalyzerConfig": traffic, "SocketIOConfig": server})


def _serve(rehearsal: Rehearsal, settings: Settings, stop_after: float | None) -> int:
    from api.cli.serving import serve_until_stopped

    try:
        return serve_until_stopped(settings, stop_after, on_started=rehearsal.start)
    finally:
        rehearsal.stop()
