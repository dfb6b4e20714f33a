"""Has every compiled loop ready before the first live record: the first start after an installation compiles them.

They are compiled in processes of their own, side by side: what compilers need is not kept by a service that runs for
months. What was compiled is marked beside the machine code, so that a start that was cut short is made up for.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, cast

import polars as pl

from ingest.compiled import WHY_PLAIN
from ingest.compiled import compile as decoders
from ingest.context.identity import Identities
from ingest.decode.decoder import LogDecoder
from ingest.records import SCHEMAS, RecordBatch
from online_models.compile import CACHE_DIR
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)
_TSV_HEADER: Final = b"""#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tdns
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tqtype\tAA\tanswers\tTTLs
#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tcount\tbool\tvector[string]\tvector[interval]
"""
_TSV_ROWS: Final = b"""1.5\tC1\t192.168.1.2\t1\t192.0.2.1\t2\ta\\x09b\t1\tT\t192.0.2.1,192.0.2.2\t1.0,2.0
1.5\tC2\t192.168.1.2\t1\t192.0.2.1\t2\t\xc3\xa4\t-\t-\t(empty)\t-
"""
_PLAIN_JSON: Final = (
    b'{"_path":"dns","ts":1.5,"uid":"C1","id.orig_h":"192.168.1.2","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":2,'
    b'"query":"a","qtype":1,"AA":true,"answers":["192.0.2.1","192.0.2.2"],"TTLs":[1.0,2.0]}\n'
)
_ODD_JSON: Final = b'{"_path":"dns","ts":"2026-01-05T08:00:00.000001Z","id.orig_h":"192.168.1.2","query":"a\\u0009b"}\n'
_LINES: Final = 200  # a handful would be read one by one, without the loops
_DEVICES: Final = 500  # more than fit into the tables as they are made: growing and evicting are compiled, too
_SMALL: Final = ModelConfig(max_devices=256, max_pairs=256)


_DECODERS: Final = {"tsv": _TSV_HEADER + _LINES * _TSV_ROWS, "json": _LINES * _PLAIN_JSON + _ODD_JSON}
_MACS: Final = "macs"
_LOOP: Final = "loop"
_ANY: Final = BUILT_IN[0]
"""The loop is one for all kinds: whichever is used has it compiled."""
_LIVE: Final = (_LOOP, "tsv", "json", *BUILT_IN, _MACS)
"""What the first live record may need, what takes longest first: the one loop, a decoder each, how a log kind's records
are read, and who has a MAC. Declared kinds need nothing else."""
_FEEDBACK: Final = ("feedback",)
"""What nothing needs before a person has said something of an alert."""
_LONGEST_TASK_S: Final = 600.0
"""The longest takes half a minute on an idle core."""
_BESIDE_LIVE: Final = 19
"""How nice a process is that compiles while the service runs."""
_COMPILE: Final = """
import ctypes, gc, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM: not to go on compiling for a service that is gone
gc.disable()
os.nice(int(sys.argv[2]))
os.environ["NUMBA_CACHE_DIR"] = sys.argv[1]
from api.pipeline.warmup import use
for line in sys.stdin:
    use(line.strip())
    print(flush=True)
"""


def warm_up(*, with_feedback: bool = False) -> None:
    """Have what live records need compiled and loaded, so that no record waits for it.

    What feedback needs is compiled after that, out of the way of live records; or before this returns, if asked for.
    """
    have_compiled(with_feedback=with_feedback)
    for task in () if WHY_PLAIN else _LIVE:
        use(task)
        _mark_compiled(task)
    if later := _missing(_FEEDBACK):
        _start(iter(later), threading.Semaphore(0), _BESIDE_LIVE)


def have_compiled(*, with_feedback: bool = False) -> None:
    """Have what records need compiled, and loaded nowhere: finished logs of one kind need no memory for the others'."""
    missing = _missing(_LIVE + _FEEDBACK if with_feedback else _LIVE)
    waiting, done = iter(missing), threading.Semaphore(0)  # a list's iterator may be shared by threads
    for _ in range(min(len(os.sched_getaffinity(0)), len(missing))):
        _start(waiting, done)
    for _ in missing:
        done.acquire()


def needs_compiling() -> bool:
    """Tell whether the next `have_compiled` will take many seconds."""
    return bool(_missing(_LIVE))


def _missing(tasks: tuple[str, ...]) -> list[str]:
    return [task for task in tasks if not (WHY_PLAIN or _compiled_mark(task).exists())]


def _compiled_mark(task: str) -> Path:
    return (decoders.CACHE_DIR if task in {*_DECODERS, _MACS} else CACHE_DIR) / f"{task}.compiled"


def _mark_compiled(task: str) -> None:
    with suppress(FileNotFoundError):  # other versions that started since have taken the folder for an old one
        _compiled_mark(task).touch()


def _start(waiting: Iterator[str], done: threading.Semaphore, niceness: int = 0) -> None:
    threading.Thread(target=_drive, args=(waiting, done, niceness), name="nslabs-compile", daemon=True).start()


def _drive(waiting: Iterator[str], done: threading.Semaphore, niceness: int) -> None:
    """Have a process beside this one do waiting tasks until none is left; it ends with this one, or with its pipe.

    What fails is compiled where it is needed first.
    """
    command = [sys.executable, "-c", _COMPILE, str(CACHE_DIR.parent), str(niceness)]
    silent, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and words of this module
            command, stdin=pipe, stdout=pipe, stderr=silent, bufsize=0
        )
    except OSError as error:
        _log.warning("no process can be started to compile in (%s); this one compiles, which takes longer", error)
        for _ in waiting:
            done.release()
        return
    with process:
        for task in waiting:
            if _ask(process, task):
                _mark_compiled(task)
            done.release()


def _ask(process: subprocess.Popen[bytes], task: str) -> bool:
    """Have a task done; return whether it was. A process that does not answer is ended."""
    requests, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    patience = threading.Timer(_LONGEST_TASK_S, process.kill)
    patience.daemon = True
    patience.start()
    try:
        with suppress(OSError):  # it has ended
            requests.write(f"{task}\n".encode())
        return bool(answers.readline())
    finally:
        patience.cancel()


def use(task: str) -> None:
    """Decode some lines, or score and learn some records of a kind, with models that are thrown away."""
    if task in _DECODERS:
        LogDecoder("warm-up").feed(_DECODERS[task])
        return
    if task == _MACS:
        Identities(_SMALL.max_devices).of(_records_with_macs())
        return
    engine = Engine(_SMALL)
    if task in _FEEDBACK:
        engine.rehearse_feedback(_ANY)
    elif task == _LOOP:
        engine.process(_records(_ANY))
    else:
        engine.rehearse_reading(_records(task))
        engine.rehearse_reading(RecordBatch(task, pl.DataFrame([{"ts": 1.0}], schema=SCHEMAS[task])))


def _records(kind: str) -> RecordBatch:
    """Return records of many devices; the first has every field, so that arrays are made as they are for a real log."""
    schema = SCHEMAS[kind]
    first = {name: _value(kind_of) for name, kind_of in schema.items()}
    rows = [(first if number == 0 else {}) | _addresses(number) for number in range(_DEVICES)]
    return RecordBatch(kind, pl.DataFrame(rows, schema=schema))


def _records_with_macs() -> RecordBatch:
    """Return connections of more devices than `_SMALL` holds, each with a MAC of its own."""
    rows = [
        _addresses(number) | {"orig_l2_addr": f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"}
        for number in range(_DEVICES)
    ]
    return RecordBatch("conn", pl.DataFrame(rows, schema=SCHEMAS["conn"]))


def _addresses(number: int) -> dict[str, Any]:
    device = f"10.0.{number // 250}.{1 + number % 250}"
    return {"ts": 1.0 + number, "uid": f"C{number}", "id.orig_h": device, "id.resp_h": f"192.0.2.{1 + number % 250}"}


def _value(kind: pl.DataType) -> Any:
    if isinstance(kind, pl.List):
        return []
    return "x" if kind == pl.String else kind == pl.Boolean or 1
