"""Processes of the real command that need not import it anew: copies of one process that has.

What a start costs is for the most part imports, the same for each. A process that has done them, and nothing else,
waits here for what to run, and forks: the copy has its own output, settings and folder, runs `python -m api` from its
first line, and is a child of the process that asked, which waits for it and ends it as any other. Whatever must be
read before an import (numba's folder, the home directory) needs a start of its own: `subprocess.Popen`.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[1]
_LONGEST: Final = 1 << 17
_CHILD_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_EVERY_COMMAND: Final = """
import pkgutil, sys
import api.cli, api.cli.serving, api.offline
for package in (api.cli, api.offline):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        __import__(module.name)
from tests.preloaded import fork_on_request
fork_on_request(int(sys.argv[1]))
"""


class Preloaded(subprocess.Popen[Any]):
    """Run the command with these arguments, as `subprocess.Popen` would run `python -m api` with them.

    Of the options of `Popen`, those are known that say what becomes of the streams, how text is read, and ``env``.
    A subclass may name another ``module`` to run.
    """

    module = "api"

    def _execute_child(self, args: Any, *options: Any) -> None:  # the one method of CPython's class that starts
        """Have a copy made, in place of a fork and an exec; the positions are those of CPython 3.11 to 3.14."""
        env, streams = options[5], options[9:15]
        request = json.dumps([self.module, [*map(str, args)], dict(os.environ if env is None else env)]).encode()
        theirs = (streams[0], streams[3], streams[5])
        usual = [number if stream == -1 else stream for number, stream in enumerate(theirs)]
        self.pid = _adopted(_loaded(), request, usual)
        self._child_created = True
        self._close_pipe_fds(*streams)


def _adopted(loaded: socket.socket, request: bytes, streams: list[int]) -> int:
    """Have a copy made that becomes a child of this process, as its parent ends at once; return its number."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_CHILD_SUBREAPER, 1)
    try:
        socket.send_fds(loaded, [request], streams)
        answer = loaded.recv(16)
    finally:
        prctl(_CHILD_SUBREAPER, 0)
    assert answer, "the process that has imported the command has ended"
    return int(answer)


@functools.cache
def _loaded() -> socket.socket:
    """Start the process that has imported the command, once; it ends with the one that asked for it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _EVERY_COMMAND, str(theirs.fileno())], cwd=PROJECT, pass_fds=[theirs.fileno()]
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def fork_on_request(number: int) -> None:
    """Make a copy for each request, which runs the command, until the other end is closed."""
    assert not _has_asked_polars(), "asked while imported, polars has threads that no copy has"
    requests = socket.socket(fileno=number)
    gc.freeze()  # what is imported stays; copies that looked through it would write to it, and have it copied
    while True:
        request, streams, _, _ = socket.recv_fds(requests, _LONGEST, 3)
        if not request:
            return
        copy = _forked()
        if copy is None:
            requests.close()
            _run(*json.loads(request), streams)
            return
        for stream in streams:
            os.close(stream)
        requests.send(copy)


def _has_asked_polars() -> bool:
    threads = (task.joinpath("comm").read_text() for task in Path("/proc/self/task").iterdir())
    return any(name.startswith("tokio") for name in threads)


def _forked() -> bytes | None:
    """Return the number of a copy of this process whose parent is gone, or None in the copy."""
    read, write = os.pipe()
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        number = os.read(read, 16)
    elif copy := os.fork():
        os.write(write, str(copy).encode())
        os._exit(0)
    else:
        number = None
    os.close(read)
    os.close(write)
    return number


def _run(module: str, arguments: list[str], environment: dict[str, str], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["nslabs", *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
