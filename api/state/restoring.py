"""Changes the models in a state directory while no service uses it; the positions in the logs stay where they are."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from api.errors import StateError
from api.pipeline.models import log_time_of, model_config
from api.state.directory import StateDirectory, fingerprint, state_directory
from api.state.snapshots import Snapshot, SnapshotStore, read_snapshot
from ingest.context.identity import Identities
from ingest.follow.checkpoints import CheckpointStore
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from api.settings import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """What was done: the snapshot that was put back (None: a device was forgotten), and the one of what was before."""

    restored: Snapshot | None
    before: Snapshot
    entries: int = 0


def existing_state(path: Path) -> StateDirectory:
    """Return the state directory, which must hold a checkpoint.

    Raises
    ------
    StateError
        If there is none.
    """
    state = StateDirectory(path)
    if not any(state.checkpoints.glob("checkpoint-*.bin")):
        raise StateError(f"state directory {path}: there are no models in it; name the --state of a service or replay")
    return state


def current_engine(path: Path, settings: Settings) -> Engine:
    """Return the models of the newest checkpoint; a service may be writing the next one."""
    found = _checkpoints(existing_state(path), settings).load() or {}
    return Engine.from_bytes(found["engine"])


def restore(path: Path, settings: Settings, candidates: Sequence[Snapshot], tell: Callable[[str], object]) -> Change:
    """Put the models back to the first of the snapshots that is whole; the others are told.

    Raises
    ------
    StateError
        If none is whole, or the state is in use.
    """
    with _opened(path, settings) as opened:
        chosen, engine = _first_whole(candidates, settings, tell)
        return opened.change(engine, chosen)


def forget_device(path: Path, settings: Settings, device: str) -> Change:
    """Have the models forget a device and its pairs.

    Raises
    ------
    StateError
        If the models know no such device, or the state is in use.
    """
    with _opened(path, settings) as opened:
        engine = Engine.from_bytes(opened.found["engine"], model_config(settings))
        entries = engine.forget(_name_of(device, opened.found))
        if not entries:
            raise StateError(f"the models know no device {device!r}; give its address as alerts show it, or its MAC")
        return opened.change(engine, None, entries)


def _name_of(device: str, parts: Mapping[str, bytes]) -> str:
    """Return by what name the models know the device that has an address or a MAC."""
    return Identities.from_state(orjson.loads(parts["identity"])).name_of(device) if "identity" in parts else device


def begin_from(snapshot: Path, state: StateDirectory, settings: Settings) -> None:
    """Let a new state begin with what another site's models know of traffic, and with nothing of its devices.

    Raises
    ------
    StateError
        If the state is not new, or the snapshot cannot be used.
    """
    checkpoints = _checkpoints(state, settings)
    if state.alerts.exists() or checkpoints.load() is not None:
        raise StateError(
            f"state directory {state.path}: --warm-start begins a new state, and there is one already;"
            " leave --warm-start out, or name another folder with --state"
        )
    engine = read_snapshot(snapshot, model_config(settings))
    engine.forget_devices()
    checkpoints.save({"engine": engine.to_pieces()})


@dataclass(frozen=True, slots=True)
class _Opened:
    """A state directory that is ours, and the checkpoint in it."""

    snapshots: SnapshotStore
    checkpoints: CheckpointStore
    found: dict[str, bytes]

    def change(self, engine: Engine, restored: Snapshot | None, entries: int = 0) -> Change:
        """Keep what was as a snapshot, then put these models into a new checkpoint."""
        before = self.snapshots.keep([self.found["engine"]], log_time_of(self.found))
        self.checkpoints.save({**self.found, "engine": engine.to_pieces()})
        return Change(restored, before, entries)


@contextmanager
def _opened(path: Path, settings: Settings) -> Iterator[_Opened]:
    existing_state(path)
    with state_directory(path) as state:
        checkpoints = _checkpoints(state, settings)
        yield _Opened(SnapshotStore(state.snapshots), checkpoints, checkpoints.load() or {})


def _checkpoints(state: StateDirectory, settings: Settings) -> CheckpointStore:
    return CheckpointStore(state.checkpoints, fingerprint=fingerprint(model_config(settings)))


def _first_whole(
    candidates: Sequence[Snapshot], settings: Settings, tell: Callable[[str], object]
) -> tuple[Snapshot, Engine]:
    problems = []
    for snapshot in candidates:
        try:
            return snapshot, read_snapshot(snapshot.path, model_config(settings))
        except StateError as error:
            problems.append(str(error))
            if snapshot is not candidates[-1]:
                tell(f"{error}; the one before it is tried")
    raise StateError(f"nothing was changed: {'; '.join(problems) or 'there is no such snapshot'}")
