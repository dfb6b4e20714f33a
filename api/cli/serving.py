"""Runs the service in this process, as `run` and `demo` do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from api.assembly import assembled
from api.cli.harmless import harmless
from api.cli.log_lines import log_to_standard_error
from api.cli.options import LogFormat
from api.cli.reasons import show_reasons
from api.cli.since import shown_time
from api.cli.terminal import COMPILING, say, show_alerts
from api.logins import has_login
from api.pipeline.warmup import needs_compiling
from api.serve.server import bind, serve, url_of
from api.serve.supervisor import Supervisor, keep_told
from api.serve.told import told_in_words
from api.settings import supervisor
from api.version import package_version
from ingest.follow.archive import DayFolders

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from api.service import Service
    from api.settings import Settings


_LONGEST_END_S: Final = 4.8
"""Whoever stops a service, systemd or a person, waits five seconds without asking why."""
_TURN_S: Final = 0.001
"""After so long a thread that computes lets another have its turn: requests wait for the pipeline's often."""


def serve_until_stopped(
    settings: Settings,
    stop_after_s: float | None = None,
    on_started: Callable[[], None] = lambda: None,
    *,
    catch_up_since: float | None = None,
    warm_start: Path | None = None,
    log_format: LogFormat = LogFormat.console,
) -> int:
    """Run the service and return the exit status: 0 if it was stopped, 1 if it failed.

    `on_started` is called once the server listens and all settings have proved right. Archived logs that were written
    since `catch_up_since`, epoch seconds, are read first. A new state begins from the snapshot `warm_start`.
    """
    log_to_standard_error(log_format)
    sys.setswitchinterval(_TURN_S)
    with (
        _listening(settings) as listener,
        assembled(settings, catch_up_since, warm_start) as service,
    ):
        if catch_up_since is not None and settings.traffic.logs is not None:
            say(_catching_up(settings.traffic.logs, catch_up_since))
        tempfile.tempdir = str(service.state.uploads)  # /tmp may be small, or be memory
        beside = partial(_tell, service, settings, listener, on_started)
        if not asyncio.run(serve(service, listener, beside, stop_after_s, _leave_in_time)):
            _leave()
        return _outcome(service)


def _listening(settings: Settings) -> socket.socket:
    server = settings.server
    return bind(server.host, server.port, insecure=server.insecure, has_login=has_login(settings))


def _leave_in_time() -> None:
    """End the process in a few seconds, whatever holds it up then."""
    last = threading.Timer(_LONGEST_END_S, _leave)
    last.daemon = True
    last.start()


def _leave() -> None:
    """End the process now: what came since the last checkpoint is read again at the next start, and nothing twice."""
    with contextlib.suppress(OSError):  # the process ends also when nobody reads any more what it says
        sys.stderr.write("nslabs: stopped without a last checkpoint; the next start goes on from the one before\n")
        sys.stderr.flush()
    os._exit(0)


async def _tell(
    service: Service,
    settings: Settings,
    listener: socket.socket,
    on_started: Callable[[], None],
    ready: asyncio.Event,
) -> None:
    page = url_of(listener, "http" if service.access.certificate is None else "https")
    say(f"nslabs {package_version()}  page {page}")
    say(f"logs {settings.traffic.logs}, state {service.state.path}")
    if needs_compiling():
        say(COMPILING)
    on_started()
    async with asyncio.TaskGroup() as group:
        group.create_task(show_alerts(service.hub))
        group.create_task(keep_told(Supervisor(*supervisor()), ready, service.pipeline.blocked))
        await ready.wait()
        say("ready")
        say(told_in_words(service.pipeline.status.watched))
        group.create_task(show_reasons(service))


def _catching_up(logs: Path, since: float) -> str:
    archive = DayFolders.beside(logs).folder
    days = f"and {archive}/YYYY-MM-DD" if archive else f"only; no YYYY-MM-DD folders in {logs} or beside it"
    return f"catching up on logs written since {shown_time(since)}: rotated files {days}"


def _outcome(service: Service) -> int:
    status = service.pipeline.status
    if status.state != "failed":
        say("stopped; what was learned is kept in the state folder")
        return 0
    sys.stderr.write(harmless(f"nslabs: stopped after a failure: {status.reason}") + "\n")
    return 1
