"""How what the service and its libraries log stands on standard error: a line an event, for people or for programs."""

from __future__ import annotations

import logging
import sys

import structlog

from api.cli.harmless import harmless
from api.cli.options import LogFormat


class HarmlessFormatter(logging.Formatter):
    """Formats what a library logs for a terminal: what came from logs or requests in it cannot control that."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record and its traceback, each without control characters."""
        return "\n".join(map(harmless, super().format(record).splitlines()))


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats an event as one line of JSON in ASCII: ``ts`` (ISO 8601, UTC), ``level``, ``logger``, ``event``."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; JSON lets DEL stand, which a terminal need not."""
        return harmless(super().format(record))


def log_to_standard_error(form: LogFormat) -> None:
    """Have warnings and errors of all libraries, uvicorn's among them, come as lines of this form."""
    handler = logging.StreamHandler(sys.stderr)
    is_json = form is LogFormat.json
    handler.setFormatter(
        JsonFormatter() if is_json else HarmlessFormatter("nslabs: %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of each bad request, which is answered
