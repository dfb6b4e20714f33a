"""Checks of the folder of logs: is it there, does it grow, what is in it, and what the sensor could say more of."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from api.doctor.content import look_at_content
from api.doctor.finding import fail, ok, warn
from api.doctor.sample import take_sample
from ingest.errors import IngestError
from ingest.follow.listing import check_folder, list_logs
from ingest.follow.surroundings import nothing_found, survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from api.doctor.finding import CheckResult
    from ingest.follow.listing import ListedFile

_LARGE_BYTES: Final = 4 << 30
"""Of a log that is never rotated; a folder that Zeek rotates by the hour seldom has a tenth of it."""
_DAY_S: Final = 86_400.0
_LOADS_PACKAGES: Final = re.compile(r"^\s*@load\s+packages\b", re.MULTILINE)
_SITE_SCRIPTS: Final = ("share/zeek/site/local.zeek", "etc/zeek/site/local.zeek", "zeek/site/local.zeek")


def look_at_logs(
    directory: Path | None, local_networks: Sequence[str], stale_s: float, now: float | None = None
) -> Iterator[CheckResult]:
    """Yield a finding for each check of a folder of logs; no log is read as a whole."""
    now = time.time() if now is None else now
    if directory is None:
        yield fail("logs", "no folder of logs was named; give --logs, or set logs in [traffic_analyzer_config]")
        return
    try:
        check_folder(directory)
        entries, around = list_logs(directory), survey(directory)
    except (IngestError, OSError) as error:
        yield fail("logs", str(error))
        return
    if not entries:
        yield fail("logs", nothing_found(directory, around))
        return
    yield ok("logs", f"{directory} can be read: {len(entries)} logs")
    yield _growing(entries, stale_s, now)
    yield _rotation(entries)
    yield from _shadows(directory, now)
    yield from _scripts(directory)
    yield from look_at_content(take_sample(entries), local_networks, now)


def _growing(entries: Sequence[ListedFile], stale_s: float, now: float) -> CheckResult:
    newest = max(entries, key=lambda entry: entry.modified_ns)
    age_s = now - newest.modified_ns / 1e9
    if age_s <= stale_s:
        return ok("growing", f"{newest.file_name} was written {max(0.0, age_s):.0f} s ago")
    return warn(
        "growing",
        f"nothing was written for {age_s / 60:.0f} min ({newest.file_name} last); is the sensor running, writing here?",
    )


def _rotation(entries: Sequence[ListedFile]) -> CheckResult:
    rotated = [entry for entry in entries if not entry.name.live]
    largest = max(entries, key=lambda entry: entry.size)
    if not largest.name.live or largest.size < _LARGE_BYTES:
        return ok("rotation", f"{len(rotated)} rotated parts beside {len(entries) - len(rotated)} live logs")
    return warn(
        "rotation",
        f"{largest.file_name} has {largest.size / (1 << 30):.0f} GiB; have the sensor rotate it (zeek.conf:"
        " Log::default_rotation_interval = 1 hr; suricata.yaml: rotate-interval)",
    )


def _shadows(directory: Path, now: float) -> Iterator[CheckResult]:
    """Tell of `.shadow.` files, which a Zeek that renames its logs at rotation leaves behind if it is killed."""
    left = []
    for path in directory.glob(".shadow.*"):
        log = directory / path.name.removeprefix(".shadow.")
        if not log.exists() or now - log.stat().st_mtime > _DAY_S:
            left.append(path.name)
    if left:
        yield warn(
            "shadow files",
            f"{', '.join(sorted(left)[:5])}: left by a Zeek that was killed; its next start rotates them",
        )


def _scripts(directory: Path) -> Iterator[CheckResult]:
    """Say whether Zeek loads packages, ours among them, if its site script is where installations have it."""
    above = [directory, *directory.absolute().parents]
    found = [folder / name for folder in above for name in _SITE_SCRIPTS if (folder / name).is_file()]
    for path in found[:1]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        if _LOADS_PACKAGES.search(text):
            yield ok("packages", f"{path} loads packages")
        else:
            yield warn("packages", f"{path} has no line '@load packages': scripts that zkg installed do not run")
