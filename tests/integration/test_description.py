"""What OpenAPI says is true: schemathesis sends what it allows and what it forbids, and checks every answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server

    Serve = Callable[..., AbstractContextManager[Server]]

CLIENTS = Path(__file__).with_name("fuzzed_clients.py")
CONFIGURATION = """
# RFC 9110, 15.6.4: a queue that is full for now is a 503, and Retry-After says when to come back. Jobs are made faster
# than they are worked off here, and this route alone has such a queue for those who come one after another.
[[operations]]
include-path = "/machinelearning/train"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
# Its fields are files, and a file may hold anything: what has another type in the tool's hands is the same on the wire.
[operations.checks.negative_data_rejection]
expected-statuses = ["202", "4xx", "503"]

# Domains are described in letters of ASCII, and understood in all that IDNA encodes.
[[operations]]
include-path = "/decisions/explain"
[operations.checks.negative_data_rejection]
expected-statuses = ["200", "4xx"]

# A body that is too large is refused as such, whatever else is wrong with it.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]

# Its answer has no end, and would be waited for.
[[operations]]
include-path = "/events"
enabled = false
"""
BEHIND_A_PROXY = json.dumps({"trusted_proxies": ["127.0.0.1/32"]})
CASES = int(os.environ.get("FUZZ_CASES", "5000"))
"""Requests of the long run at least; `make fuzz CASES=20000`."""
EXAMPLES = CASES // 64
"""Requests of each kind of a route; there are some hundred routes, of which few take as many different ones."""
RUN_S = 0.16 * CASES  # ends what hangs


@pytest.fixture(scope="module")
def server(serving_at: Serve) -> Iterator[Server]:
    """Return a service that believes in the clients of `fuzzed_clients`."""
    with serving_at(SocketIOConfig=BEHIND_A_PROXY) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Server, command: Callable[..., tuple[int, str, str]]) -> str:
    """Return the text of a token that may do all: without one, the first token that is made would end the run."""
    state = server.logs.parent / "state"
    status, out, errors = command("token", "create", "fuzzer", "--scope", "admin", "--state", state)
    assert status == 0, errors
    server.http.headers["Authorization"] = f"Bearer {out.strip()}"
    return out.strip()


def fuzzed(server: Server, token: str, folder: Path, phases: str, cases: int) -> int:
    """Run all checks with so many cases a route; return how many requests were sent. No failure is allowed."""
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    where = [f"{server.url}/openapi.json", "--url", server.url, "--header", f"Authorization: Bearer {token}"]
    how = ["--checks", "all", "--phases", phases, "-n", str(cases), "--seed", "1", "--no-shrink", "--warnings", "off"]
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [*program, "run", *where, *how, "--request-timeout", "60", "--continue-on-failure"],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(CLIENTS)},
        capture_output=True,
        text=True,
        timeout=max(RUN_S, 300),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout[done.stdout.find("API Operations") :])  # noqa: T201 - shown by pytest -s
    sent = re.search(r"([\d,]+) generated", done.stdout)
    assert sent is not None, done.stdout
    return int(sent[1].replace(",", ""))


@pytest.mark.slow
def test_the_description_is_true_at_first_sight(server: Server, admin: str, tmp_path: Path) -> None:
    assert fuzzed(server, admin, tmp_path, "examples,fuzzing", 3) > 20
    assert server.health()["stages"]["models"]["state"] == "running"


@pytest.mark.soak
@pytest.mark.timeout(RUN_S + 400)
def test_the_description_is_true(server: Server, admin: str, tmp_path: Path) -> None:
    """A long run: five thousand requests, or as many as are asked for."""
    assert fuzzed(server, admin, tmp_path, "examples,coverage,fuzzing", EXAMPLES) >= CASES
    assert server.health()["stages"]["models"]["state"] == "running"
