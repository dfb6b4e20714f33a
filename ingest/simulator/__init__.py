"""A simulated IoT network that writes Zeek logs: the demo's input, the benchmarks' generator, and users' fire drill.

Read it in the order of the flow: `population` (what devices do) and `attacks`, `network` (all of it, in order of
writing), `frames` and `formats` (rows to Zeek's lines), `run` (lines into files when they are due).
"""

from ingest.simulator.config import Attack, LogFormat, SimulationSummary, SimulatorConfig, SimulatorConfigError
from ingest.simulator.run import SimulatorClocks, simulate

__all__ = [
    "Attack",
    "LogFormat",
    "SimulationSummary",
    "SimulatorClocks",
    "SimulatorConfig",
    "SimulatorConfigError",
    "simulate",
]
