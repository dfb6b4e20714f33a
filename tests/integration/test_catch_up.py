"""`run --catch-up`: what was rotated and archived while the service was down is read, each record once."""

from __future__ import annotations

import gzip
import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server, Zeek

    Command = Callable[..., tuple[int, str, str]]
    Serve = Callable[..., AbstractContextManager[Server]]

HOUR_S = 3600.0
ROWS = 60


def write(path: Path, lines: list[str], age_h: float) -> None:
    """Write a log, packed if its name says so, as if so many hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    written = time.time() - age_h * HOUR_S
    os.utime(path, (written, written))


@pytest.fixture
def site(tmp_path: Path, zeek: type[Zeek]) -> Path:
    """Return a folder as zeekctl leaves it; parts of 60 records each, numbered from the newest of the archive back.

    The live log begins with the lines that its archived copy also holds.
    """
    site = tmp_path / "site"
    parts = [[zeek.line(zeek.conn(ROWS * part + n)) for n in range(ROWS)] for part in range(5)]
    write(site / "2026-01-27/conn.22:00:00-23:00:00.log.gz", parts[0], 50)
    write(site / "2026-01-28/conn.22:00:00-23:00:00.log.gz", parts[1], 26)
    write(site / "2026-01-29/conn.00:00:00-01:00:00.log.gz", parts[2], 4)
    write(site / "2026-01-29/conn.01:00:00-02:00:00.log.gz", parts[3], 1)
    write(site / "logs/conn.log", parts[3] + parts[4], 0)
    return site


def read(server: Server, records: int, zeek: type[Zeek]) -> None:
    """Wait until so many records are read; check that no more came before a last one in another log."""
    server.until(lambda: count(server, "conn") >= records)
    before = count(server, "dns")
    server.append("dns.log", zeek.line(zeek.dns(2000 + before)))
    server.until(lambda: count(server, "dns") > before)
    assert count(server, "conn") == records


def count(server: Server, kind: str) -> int:
    """Return how many records of a kind were read, also before a restart."""
    return int(server.health()["stages"]["source"]["records"].get(kind, 0))


@pytest.mark.parametrize(("since", "parts"), [(None, 2), ("2h", 2), ("5h", 3), ("2d", 4), ("2026-01-01", 5)])
def test_records_since_then_are_read_once(
    serve: Serve, site: Path, zeek: type[Zeek], since: str | None, parts: int
) -> None:
    options = () if since is None else ("--catch-up", since)
    with serve(*options) as server:
        read(server, parts * ROWS, zeek)
        assert server.scored() == parts * ROWS + 1
        said = [line for line in server.lines if line.startswith("catching up")]
        assert [str(site) in line for line in said] == ([] if since is None else [True])


@pytest.mark.slow
def test_catching_up_again_after_a_stop_reads_only_what_came_meanwhile(
    serve: Serve, site: Path, zeek: type[Zeek]
) -> None:
    with serve("--catch-up", "5h") as server:
        read(server, 3 * ROWS, zeek)
        assert server.stop()[0] == 0
    new = [zeek.line(zeek.conn(1000 + n)) for n in range(ROWS)]
    live = site / "logs/conn.log"
    archived = live.read_text().splitlines() + new
    live.unlink()
    write(site / "2026-01-29/conn.02:00:00-03:00:00.log.gz", archived, 0)
    with serve("--catch-up", "5h") as server:
        read(server, 4 * ROWS, zeek)
        assert server.scored() == ROWS + 1


@pytest.mark.slow
def test_what_a_replay_has_taught_is_not_learned_again(command: Command, site: Path, tmp_path: Path) -> None:
    """Also after the service has run in between. The records are of January 2026: from now on there are others."""
    state = tmp_path / "taught"
    status, _, err = command("replay", site / "2026-01-28", "--state", state)
    assert status == 0, err
    run = ("run", "--logs", site / "logs", "--state", state, "--listen", "127.0.0.1:0")
    for _ in range(2):
        status, out, err = command(*run, "--catch-up", "2026-01-01")
        assert (status, out) == (2, "")
        assert err.startswith(f"nslabs: state directory {state}: replay has taught these models what was logged until ")
        assert command(*run, "--for", "0")[0] == 0
    assert command(*run, "--catch-up", "2h", "--for", "0")[0] == 0


@pytest.mark.parametrize(
    ("since", "told"), [("yesterday", "expected a span such as 2h"), ("2999-01-01", "is in the future"), ("", "2h")]
)
def test_a_wrong_time_is_refused(command: Command, site: Path, since: str, told: str) -> None:
    status, out, err = command("run", "--logs", site / "logs", "--state", site / "state", "--catch-up", since)
    assert (status, out) == (2, "")
    assert err.startswith("nslabs: --catch-up: ")
    assert told in err
    assert not (site / "state").exists()
