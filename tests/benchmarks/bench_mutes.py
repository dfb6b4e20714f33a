"""What ten thousand rules cost: a simulated network with an attack is scored with and without them, in turns."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.mutes import Conditions, Mutes, Rule
from api.mutes.rule import conditions_of
from api.offline.replaying import ReplayReaders
from api.pipeline import Scorer
from api.pipeline.warmup import have_compiled
from api.state.store import AlertWriter
from ingest.follow.replay import ReplaySource
from ingest.simulator import SimulatorConfig, simulate
from online_models.engine import Engine
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import RecordBatch

_RULES: Final = 10_000


def _rule(n: int) -> Rule:
    """Return a rule of one of the kinds that people make; none hides the attack."""
    net, host = n // 250 % 250, n % 250
    wanted = (
        Conditions(device=f"10.{net}.{host}.7"),
        Conditions(device=f"10.{net}.0.0/16", peer=f"198.51.{host}.0/24"),
        Conditions(behaviour="new-domain", domain=f"*.n{n}.example.org"),
        Conditions(device="192.168.0.0/16", service=f"udp/{n}"),
        Conditions(device=f"192.168.{net}.{host}", hours="22:00-06:00", service="udp/1"),
    )[n % 5]
    return Rule(f"r-{n}", conditions_of(wanted), "benchmark", "local", float(n), None)


def _scored(batches: Sequence[RecordBatch], rules: tuple[Rule, ...]) -> tuple[float, int, int]:
    """Return the seconds of the processor that scoring takes, the records, and the changes of alerts among them."""
    with tempfile.TemporaryDirectory() as folder:
        writer = AlertWriter(Path(folder) / "alerts.sqlite3")
        writer.mutes = Mutes(lambda: rules)
        scorer = Scorer(Engine(), writer, ReplayReaders(None))
        begin = time.process_time()
        for batch in batches:
            scorer.process(batch)
            scorer.apply_rules()
        seconds = time.process_time() - begin
        writer.close()
        return seconds, scorer.scored, sum(scorer.changes.values())


def _look_up(rules: tuple[Rule, ...]) -> float:
    """Return the seconds of the processor that one look-up takes: whatever else runs, this shows."""
    mutes = Mutes(lambda: rules)
    alerts = [
        Alert(
            f"a{n}", f"192.168.1.{n % 250}", "scan", "conn", "high", 0.99, 1000.0, 990.0, 1000.0, 3, "it scans",
            peers=(f"198.51.{n % 250}.7",), targets=("tcp/23",),
        )
        for n in range(2000)
    ]  # fmt: skip
    begin = time.process_time()
    for alert in alerts:
        mutes.find(alert, None)
    return (time.process_time() - begin) / len(alerts)


def main() -> None:
    """Print seconds with and without the rules, and by how much the one is more than the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hours", type=float, default=48.0, help="length of the simulated log")
    options = parser.parse_args()
    have_compiled()
    rules = tuple(map(_rule, range(_RULES)))
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        simulate(SimulatorConfig(logs, devices=40, hours=options.hours, attack="mirai", logs=("conn", "dns", "http")))
        batches = list(ReplaySource([logs / f"{kind}.log" for kind in ("conn", "dns", "http")]))
    turns = [(_scored(batches, ()), _scored(batches, rules)) for _ in range(options.turns)]
    (_, records, changes), _ = turns[0]
    without, within = (statistics.median(turn[which][0] for turn in turns) for which in (0, 1))
    more = statistics.median(many[0] / none[0] for none, many in turns) - 1
    print(f"{records} records, {changes} changes of alerts: {without:.2f} s of the processor without rules,")  # noqa: T201 - for a person
    print(f"{within:.2f} s with {_RULES}: {more:+.1%}")  # noqa: T201 - same
    cost = _look_up(rules)
    print(f"a look-up: {cost * 1e6:.0f} us, all of them {changes * cost / without:.2%} of scoring")  # noqa: T201 - same


if __name__ == "__main__":
    main()
