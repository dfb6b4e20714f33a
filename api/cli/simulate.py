"""`nslabs simulate`: a simulated IoT network that writes Zeek logs."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ingest.simulator import SimulationSummary

AttackName = Literal["mirai", "c2", "dns-exfil", "tls-c2", "tls-mimic", "mqtt-abuse", "none"]


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the logs.")],
    devices: Annotated[int, typer.Option(help="Devices on the network, the gateway apart.")] = 12,
    hours: Annotated[float, typer.Option(help="Length in log time.")] = 24.0,
    speed: Annotated[float, typer.Option(help="0: as fast as possible; X: growing files, X times real time.")] = 0.0,
    attack: Annotated[AttackName, typer.Option(help="What one device begins to do.")] = "none",
    log_format: Annotated[Literal["tsv", "json"], typer.Option("--format", help="Zeek's form of the logs.")] = "tsv",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal logs.")] = 1,
    attack_at: Annotated[float | None, typer.Option(metavar="SECONDS", help="Log time of the attack.")] = None,
    intensity: Annotated[float, typer.Option(help="Factor on the attack's rates.")] = 1.0,
    broker: Annotated[bool, typer.Option("--broker", help="The devices have an MQTT broker at home.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of a summary.")] = False,
) -> None:
    """Write the Zeek logs of a network of cameras, plugs, hubs, speakers and locks."""
    from ingest.simulator import SimulatorConfig
    from ingest.simulator import simulate as write_logs

    config = SimulatorConfig(
        out=out,
        devices=devices,
        hours=hours,
        speed=speed,
        attack=attack,
        format=log_format,
        seed=seed,
        attack_at_s=attack_at,
        intensity=intensity,
        broker=broker,
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    summary = write_logs(config, stop)
    sys.stdout.write(_as_json(summary) if json else _as_text(summary, out))


def _as_json(summary: SimulationSummary) -> str:
    import orjson

    return orjson.dumps(summary, default=str).decode() + "\n"


def _as_text(summary: SimulationSummary, out: Path) -> str:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in summary.records.items()) or "no"
    text = f"{counts} records in {out} ({summary.seconds:.1f} s)\n"
    if summary.attack_window is not None:
        begin, end = summary.attack_window
        text += f"{summary.victim} attacks from {begin:.0f} to {end:.0f}: {summary.attack_records:,} connections\n"
    return text
