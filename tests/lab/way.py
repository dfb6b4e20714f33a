"""The way of one conn record from frame to alert: the project's files whose functions it runs through.

With the compiler off, an ordinary day and a scan go through `Engine.process` until there is an alert, with its sentence
and reasons; the interpreter says what was called. Modules that are only imported do not count.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from online_models.types import Alert

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("ingest", "online_models", "prevention", "api")
_MACHINERY = PROJECT / "ingest" / "compiled"
"""Calls everything that is compiled otherwise."""
ORDINARY_H, SCAN = 20.0, 16
"""Hours of ordinary records before, and records of the scan."""


def trace() -> tuple[list[Alert], Counter[str]]:
    """Return the alerts, and the calls of each file's functions; the compiler must be off before anything is imported.

    Raises
    ------
    RuntimeError
        If loops are compiled: what compiled code calls nobody sees.
    """
    from checks.records import HOUR, START, Records  # noqa: PLC0415 - imported once the compiler is off

    from ingest.compiled import WHY_PLAIN  # noqa: PLC0415 - the same
    from ingest.records import RecordBatch  # noqa: PLC0415 - the same
    from online_models.engine import Engine  # noqa: PLC0415 - the same

    if not WHY_PLAIN:
        raise RuntimeError("loops are compiled; set NUMBA_DISABLE_JIT=1 before anything is imported")
    engine, records, calls = Engine(), Records("conn"), Counter[str]()
    engine.process(RecordBatch("conn", records.ordinary(START, ORDINARY_H)))
    scan = RecordBatch("conn", records.attack(START + ORDINARY_H * HOUR, SCAN))

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PROJECT):
            file = path.relative_to(PROJECT)
            if file.parts[0] in PACKAGES and not path.is_relative_to(_MACHINERY):
                calls[str(file)] += 1

    sys.setprofile(note)
    try:
        alerts = engine.process(scan).alerts
        for alert in alerts:
            assert alert.sentence
            assert alert.reasons
    finally:
        sys.setprofile(None)
    return list(alerts), calls


def main() -> None:
    """Print the files, and how many there are."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    warnings.simplefilter("ignore", RuntimeWarning)
    alerts, calls = trace()
    for file, count in sorted(calls.items()):
        print(f"{count:>9,}  {file}")  # noqa: T201 - a command
    print(f"{len(alerts)} alerts; {len(calls)} files from frame to alert")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
