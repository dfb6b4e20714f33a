"""Asks the product for its alerts, through its command line, of this tree or another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    Alert = dict[str, Any]

PROJECT: Final = Path(__file__).resolve().parents[2]
COMPILED: Final = PROJECT / ".lab" / "compiled"
_WORKER: Final = Path(__file__).with_name("worker.py")


class DetectorError(Exception):
    """The product did not get through a site's logs."""


class CommandLine:
    """A process that replays sites with the code of one tree; leave the context to end it."""

    def __init__(self, tree: Path = PROJECT) -> None:
        # a folder of its own: the user's keeps the last few versions only, and work trees would evict each other
        environment = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(COMPILED)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def alerts(self, logs: Path, out: Path) -> list[Alert]:
        """Return the latest state of all alerts that a folder of logs raises; `out` is where the product writes them.

        Raises
        ------
        DetectorError
            The command failed, or its process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"logs": str(logs), "alerts": str(out)}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self._process.stdout.readline()
        if not answer:
            raise DetectorError(f"{logs}: the process that replays ended with status {self._process.wait()}")
        said = json.loads(answer)
        if said["status"] != 0:
            raise DetectorError(f"{logs}: nslabs replay failed: {said['status']} {said['told']}")
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
