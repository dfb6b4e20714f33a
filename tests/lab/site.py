"""From a recipe to a folder of logs and the truth about them."""

from __future__ import annotations

import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.simulator import SimulatorConfig, simulate
from lab import captures
from lab.attacks import ATTACKS
from lab.devices import ordinary
from lab.disturbances import mac_of, stepped
from lab.eve import write_eve
from lab.events import EVENTS, PRIVACY_PREFIX
from lab.stage import GATEWAY_MAC, START, Stage
from lab.traffic import SCHEMAS, Traffic
from lab.zeek import write_json, write_tsv

if TYPE_CHECKING:
    from lab.recipe import Event, Recipe

TRUTH: Final = "truth.json"
CLOCK_STEP: Final = "clock-step"
"""The event that changes times, not traffic."""


def read_truth(data: dict[str, Any]) -> dict[str, Any]:
    """Return the truth that `build` left, ready to be judged by.

    ``begin``, ``end`` are the first and last time at which a record was written, epoch seconds; ``devices`` and
    ``joined`` the address of each device and when it joined; ``records`` how many there are; ``attacks`` one object an
    act: ``device``, ``actors`` (who acts), ``far`` (all other ends), ``local`` (those of them that are of the site),
    ``begin``, ``end``, ``records`` and the set of ``uids``.
    """
    attacks = [attack | {"uids": frozenset(attack["uids"])} for attack in data["attacks"]]
    return data | {"attacks": attacks}


def build(recipe: Recipe, folder: Path) -> None:
    """Write a recipe's logs into ``folder/logs`` and its truth beside them.

    Raises
    ------
    CaptureMissingError
        A capture that the recipe needs is not there.
    """
    stage = Stage(recipe)
    parts = [ordinary(name, stage, index).tagged(f"d{index}-") for index, name in enumerate(recipe.devices)]
    if recipe.simulated:
        parts.append(_simulated(recipe.simulated, recipe.hours, recipe.seed).tagged("s-"))
    traffic = _joined(parts)
    steps = [event for event in recipe.events if event.kind == CLOCK_STEP]
    for event in recipe.events:
        if event.kind != CLOCK_STEP:
            traffic = EVENTS[event.kind](stage, event, traffic)
    acts = [ATTACKS[act.kind](stage, act).as_attack().tagged(f"a{n}-") for n, act in enumerate(recipe.acts)]
    whole = _joined([traffic, *acts])
    if recipe.macs:
        whole = with_macs(stage, whole)
    logs = folder / "logs"
    logs.mkdir(parents=True)
    shifted = whole.map(lambda frame: _in_log_time(frame, steps))
    named = {"tsv": write_tsv, "json": write_json, "eve": write_eve}[recipe.format](shifted, logs)
    truth = _truth(stage, shifted, [act.map(lambda frame: _in_log_time(frame, steps)) for act in acts], named)
    (folder / TRUTH).write_text(json.dumps(truth))


def _joined(parts: list[Traffic]) -> Traffic:
    return Traffic({kind: pl.concat([part.logs[kind] for part in parts]) for kind in SCHEMAS}) if parts else Traffic()


def _in_log_time(frame: pl.DataFrame, steps: list[Event]) -> pl.DataFrame:
    """Return records in the order of writing, in epoch seconds, as the sensor's clock went."""
    ordered = frame.sort("written", maintain_order=True)
    for step in steps:
        ordered = stepped(step, ordered)
    return ordered.with_columns((pl.col("ts") + START).round(6), (pl.col("written") + START).round(6))


@lru_cache(maxsize=2)
def _simulated(devices: int, hours: float, seed: int) -> Traffic:
    with tempfile.TemporaryDirectory(prefix="lab-simulated-") as folder:
        simulate(SimulatorConfig(out=Path(folder), devices=devices, hours=hours, seed=seed, start=START))
        logs = {}
        for kind in ("conn", "dns", "http"):
            frame = captures.read_plain(Path(folder) / f"{kind}.log", kind)
            length = (
                frame["duration"]
                if kind == "conn"
                else frame["rtt"]
                if kind == "dns"
                else pl.Series([0.0] * len(frame))
            )
            own = frame.with_columns(pl.col("ts") - START)
            logs[kind] = own.with_columns(written=own["ts"] + length.fill_null(0.0), attack=pl.lit(value=False)).select(
                name if name in (*own.columns, "written", "attack") else pl.lit(None, dtype).alias(name)
                for name, dtype in SCHEMAS[kind].items()
            )
    return Traffic.of(**logs)


def with_macs(stage: Stage, traffic: Traffic) -> Traffic:
    """Return the traffic with MAC addresses: each device's own, and the gateway's for all that is not of the site."""
    macs = {stage.address(n): mac_of(stage, n) for n in range(stage.devices())}
    seen = traffic.logs["conn"]["id.orig_h"].unique().to_list()
    macs |= {a: mac_of(stage, int(a.rsplit(":", 1)[1], 16) - 1) for a in seen if a.startswith(PRIVACY_PREFIX)}
    swaps = [event for event in stage.recipe.events if event.kind == "swap"]

    def column(end: str) -> pl.Expr:
        address = pl.col(end)
        out = address.replace_strict(macs, default=GATEWAY_MAC, return_dtype=pl.String)
        for event in swaps:
            one, other = (stage.address(n) for n in event.devices[:2])
            swapped = macs | {one: macs[other], other: macs[one]}
            later = address.replace_strict(swapped, default=GATEWAY_MAC, return_dtype=pl.String)
            out = pl.when(pl.col("ts") >= event.at_h * 3600.0).then(later).otherwise(out)
        group = address.str.contains(r"^(22[4-9]\.|23\d\.|ff)")
        everyone = address == "255.255.255.255"
        return (
            pl.when(group | everyone)
            .then(pl.lit("ff:ff:ff:ff:ff:ff"))
            .when(address == "0.0.0.0")
            .then(None)
            .otherwise(out)
        )

    conn = traffic.logs["conn"].with_columns(orig_l2_addr=column("id.orig_h"), resp_l2_addr=column("id.resp_h"))
    return Traffic({**traffic.logs, "conn": conn})


def _truth(stage: Stage, whole: Traffic, acts: list[Traffic], named: dict[str, str]) -> dict[str, object]:
    conn = whole.logs["conn"] if len(whole.logs["conn"]) else whole.logs["dns"]
    begin, end = float(conn["written"].min()), float(conn["written"].max())  # type: ignore[arg-type]  # floats
    return {
        "begin": begin,
        "end": end,
        "devices": [stage.address(n) for n in range(stage.devices())],
        "joined": [START + stage.joined_s(n) for n in range(stage.devices())],
        "records": len(whole),
        "attacks": [_attack(stage, n, part, named) for n, part in enumerate(acts)],
    }


def _addresses(stage: Stage) -> list[str]:
    return [stage.address(n) for n in range(stage.devices())]


def _attack(stage: Stage, number: int, part: Traffic, named: dict[str, str]) -> dict[str, object]:
    act = stage.recipe.acts[number]
    frames = [frame for kind, frame in part.logs.items() if kind != "dhcp" and len(frame)]
    uids = sorted({named.get(uid, uid) for frame in frames for uid in frame["uid"].to_list()})
    origs, resps = (
        [a for frame in frames for a in frame[end].unique().to_list()] for end in ("id.orig_h", "id.resp_h")
    )
    victim = stage.address(act.device)
    own = [a for a in origs if a.startswith(PRIVACY_PREFIX)]  # the device's, too
    actors = sorted(set(origs)) if act.right.direction != "out" else sorted({victim, *own})
    far = (set(origs) | set(resps)) - {victim} if victim in origs or victim in resps else set(resps)
    return {
        "device": victim,
        "actors": actors,
        "far": sorted(far),
        "local": sorted((set(origs) | set(resps)) & set(_addresses(stage))),
        "begin": min((float(frame["written"].min()) for frame in frames), default=0.0),  # type: ignore[arg-type]
        "end": max((float(frame["written"].max()) for frame in frames), default=0.0),  # type: ignore[arg-type]
        "records": sum(len(frame) for frame in frames),
        "uids": uids,
    }
