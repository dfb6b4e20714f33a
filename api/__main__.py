"""Entry of the `nslabs` command: errors of ours end it with one line and status 2."""

from __future__ import annotations

import sys

from api.cli import app
from api.errors import ServiceError
from ingest.errors import IngestError
from online_models.errors import ModelError


def main() -> None:
    """Run the command line."""
    try:
        app()
    except (ServiceError, IngestError, ModelError) as error:
        message = " ".join(str(error).split())
        sys.stderr.write(f"nslabs: {message}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
