"""Run a simulation: make the traffic, render it, and write each line when it is due."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.simulator.addresses import text
from ingest.simulator.attacks import Campaign, victim_of
from ingest.simulator.config import FIXED_START, SimulationSummary, SimulatorConfig
from ingest.simulator.dns_frame import dns_frame
from ingest.simulator.folder import TRUTH, prepare
from ingest.simulator.formats import json_lines, tsv_lines
from ingest.simulator.frames import Scene, conn_frame
from ingest.simulator.handshakes import Sighted
from ingest.simulator.http_frame import http_frame
from ingest.simulator.logfile import LogChunk, LogFile
from ingest.simulator.mqtt_frame import MQTT_FRAMES
from ingest.simulator.network import Network
from ingest.simulator.pace import Pace
from ingest.simulator.site import make_site
from ingest.simulator.ssl_frame import ssl_frame, x509_frame
from ingest.simulator.truth import TruthFile, truth_block

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.simulator.tables import Traffic

_FRAMES = {
    "conn": conn_frame,
    "dns": dns_frame,
    "http": http_frame,
    "ssl": ssl_frame,
    "x509": x509_frame,
    **MQTT_FRAMES,
}
_LINES = {"tsv": tsv_lines, "json": json_lines}


@dataclass(frozen=True, slots=True)
class SimulatorClocks:
    """The clocks that a simulation reads: epoch seconds, and seconds that never jump."""

    epoch: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def simulate(
    config: SimulatorConfig, stop: threading.Event | None = None, clocks: SimulatorClocks | None = None
) -> SimulationSummary:
    """Write the logs of a simulated network into ``config.out``, until its end or until `stop` is set.

    Returns
    -------
    SimulationSummary
        What was written. The files are closed, as Zeek closes them when it stops.

    Raises
    ------
    SimulatorConfigError
        The folder cannot be written.
    """
    return Simulation(config, stop or threading.Event(), clocks or SimulatorClocks()).run()


class Simulation:
    """One run. It owns the files in its folder while it lasts."""

    def __init__(self, config: SimulatorConfig, stop: threading.Event, clocks: SimulatorClocks) -> None:
        self._config, self._stop, self._clocks = config, stop, clocks
        self._begun = clocks.monotonic()
        self._start = _start(config, clocks)
        self._pace = Pace(self._start, config.speed, self._begun, clocks.monotonic)
        self._site = make_site(config.devices, config.seed)
        self._scene = Scene.of(self._site, self._start)
        headed = config.format == "tsv"
        self._logs = {k: LogFile(config.out, k, headed=headed, rotate_s=config.rotate_s) for k in config.logs}
        self._sighted = Sighted(self._site)
        prepare(config.out)
        self._truth = TruthFile(config.out / TRUTH)
        self._reached = self._start
        self._ended = False

    def run(self) -> SimulationSummary:
        """Write everything; see `simulate`."""
        config = self._config
        network = Network(
            self._site,
            Campaign(config.attack, config.attack_begin_s, config.intensity),
            config.seconds,
            config.has_broker,
        )
        try:
            for traffic in network.slices():
                self._write(self._render(traffic))
                if self._stop.is_set():
                    break
            else:
                self._ended = True
        finally:
            self._close()
        return self._summary()

    def _render(self, traffic: Traffic) -> list[tuple[LogFile | TruthFile, LogChunk]]:
        lines = _LINES[self._config.format]
        out: list[tuple[LogFile | TruthFile, LogChunk]] = []
        logs = traffic.logs() | {"x509": self._sighted.logged(traffic.ssl)}
        for kind, rows in logs.items():
            if kind not in self._logs:
                continue
            data = lines(kind, _FRAMES[kind](rows, self._scene))
            out.append((self._logs[kind], LogChunk.of(data, rows["written"] + self._start)))
        begin = self._start + self._config.attack_begin_s
        out.append((self._truth, truth_block(traffic.flows, self._start, begin)))
        return out

    def _write(self, blocks: list[tuple[LogFile | TruthFile, LogChunk]]) -> None:
        """Write the blocks' lines as they come due."""
        done = [0] * len(blocks)
        while not self._stop.is_set():
            now = self._pace.now()
            for i, (file, block) in enumerate(blocks):
                end = block.before(now)
                file.write(block, done[i], end)
                done[i] = end
            following = [float(block.due[n]) for n, (_, block) in zip(done, blocks, strict=True) if n < len(block)]
            if not following:
                break
            self._pace.wait(min(following), self._stop)

    def _close(self) -> None:
        end = self._start + self._config.seconds
        now = min(self._pace.now(), end)
        self._reached = now
        for log in self._logs.values():
            log.close(now)
        self._truth.close()

    def _summary(self) -> SimulationSummary:
        config, begin = self._config, self._start + self._config.attack_begin_s
        attacked = config.attack != "none"
        return SimulationSummary(
            records={kind: log.written for kind, log in self._logs.items() if log.written},
            seconds=self._clocks.monotonic() - self._begun,
            victim=text(self._site.first + victim_of(self._site, config.attack)) if attacked else None,
            attack_window=(begin, self._reached) if attacked and self._reached > begin else None,
            attack_records=self._truth.attacks,
            truth=self._truth.path,
            stopped=not self._ended,
        )


def _start(config: SimulatorConfig, clocks: SimulatorClocks) -> float:
    if config.start is not None:
        return config.start
    return FIXED_START if config.speed == 0 else clocks.epoch()
