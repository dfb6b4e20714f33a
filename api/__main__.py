"""Entry of the `nslabs` command: errors of ours, and of disks, end it with a line for each that is wrong, status 2."""

from __future__ import annotations

import gc
import sqlite3
import sys
from typing import Final, NoReturn

from api.cli import app
from api.cli.harmless import harmless
from api.errors import ServiceError
from api.state.refusal import refusal
from ingest.errors import IngestError
from online_models.errors import ModelError
from prevention.errors import PreventionError

_COLLECT_AFTER: Final = (50_000, 20, 20)
"""Objects and rounds between two looks for garbage: a start makes a million objects that stay, and Python's own 700
have them looked through so often that it takes a fifth of the start."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        app()
    except (ServiceError, IngestError, ModelError, PreventionError) as error:
        _end(str(error))
    except (OSError, sqlite3.Error) as error:
        refused = refusal(error)
        if refused is None:
            raise
        _end(refused)


def _end(said: str) -> NoReturn:
    lines = [harmless(" ".join(line.split())) for line in said.splitlines()]
    sys.stderr.writelines(f"nslabs: {line}\n" for line in lines if line)
    sys.exit(2)


if __name__ == "__main__":
    main()
