"""The demo's network: a simulation whose past is written at once, and whose present goes on in real time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from api.cli.terminal import say
from ingest.simulator import SimulatorClocks, SimulatorConfig, simulate

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.simulator import Attack, SimulationSummary

_LONGEST_S: Final = 7 * 86_400.0


class Rehearsal:
    """Runs the simulation in a thread from `start` to `stop`. The folder is made at once, and is empty until then."""

    def __init__(
        self, out: Path, devices: int, attack: Attack, attack_in_s: float, history_s: float, seed: int
    ) -> None:
        out.mkdir(parents=True)
        self._history_s = history_s
        self._attack_in_s = attack_in_s
        self._config = SimulatorConfig(
            out=out,
            devices=devices,
            hours=(history_s + _LONGEST_S) / 3600,
            speed=1.0,
            attack=attack,
            seed=seed,
            start=float(int(time.time() - history_s)),
            attack_at_s=history_s + attack_in_s,
        )
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simulator")
        self._running: Future[SimulationSummary] | None = None

    def start(self) -> None:
        """Begin: the simulator's clock stands at the end of the past already, so all of the past is due."""
        begun: list[float] = []

        def clock() -> float:
            now = time.monotonic()
            if not begun:
                begun.append(now)
                return now
            return now + self._history_s

        past_h, attack = self._history_s / 3600, self._config.attack
        say(f"simulated network: {past_h:g} h of past at once, then live, {attack} in {self._attack_in_s:g} s")
        self._running = self._thread.submit(simulate, self._config, self._stop, SimulatorClocks(monotonic=clock))

    def stop(self) -> None:
        """End the simulation, and raise what went wrong in it."""
        self._stop.set()
        self._thread.shutdown()
        if self._running is not None:
            self._running.result()
