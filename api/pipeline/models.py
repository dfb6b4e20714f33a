"""The models and what is learned beside them: built from the settings and the last checkpoint, and back into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.pipeline.renaming import Renamings
from api.state.devices.model_names import renamings_in
from ingest.context.identity import Identities
from ingest.follow.staged import pieces_of
from ingest.follow.taught import Taught
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from api.settings import Settings
    from ingest.follow.staged import Pieces


REPLAYED: Final = "replayed"
"""The part of a checkpoint that says up to which log time `nslabs replay` has taught the models; kept for good."""

OPEN: Final = "open"
"""Part of a checkpoint: connections that were told of while they were open, as the last replay left them."""
TAUGHT: Final = "taught"
"""The part of a checkpoint that says which logs `nslabs replay` has taught the models, by their contents."""

_LOG_TIME: Final = "log_time"
_ENGINE: Final = "engine"
_RENAMED: Final = "renamed"


@dataclass(frozen=True, slots=True)
class Models:
    """What one thread owns and a checkpoint keeps; ``records`` is how many of each log kind the engine had followed."""

    engine: Engine
    identities: Identities
    records: Mapping[str, int]


def model_config(settings: Settings) -> ModelConfig:
    """Return the part of the settings that the models need."""
    models = settings.models
    return ModelConfig(
        seed=models.seed,
        alert_budget_per_day=models.alert_budget_per_day,
        local_networks=settings.traffic.local_networks,
        max_devices=models.max_devices,
        max_pairs=models.max_pairs,
    )


def load_models(settings: Settings, found: Mapping[str, bytes]) -> Models:
    """Return the models of a checkpoint's parts, or new ones where there are none."""
    config = model_config(settings)
    engine = Engine.from_bytes(found[_ENGINE], config) if _ENGINE in found else Engine(config)
    known: Any = orjson.loads(found.get("identity", b"null"))
    local = config.local_networks
    identities = Identities(local_networks=local) if known is None else Identities.from_state(known, local)
    return Models(engine, identities, orjson.loads(found.get("records", b"{}")))


def without_models(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the parts of a checkpoint that are small, to be held on to after `load_models`."""
    return {name: part for name, part in parts.items() if name != _ENGINE}


def taught_by(parts: Mapping[str, bytes]) -> Taught:
    """Return which logs the models of a checkpoint's parts have learned, replayed ones and followed ones."""
    positions = orjson.loads(parts.get("positions", b"null")) or {"files": [], "decoders": []}
    taught = Taught(orjson.loads(parts.get(TAUGHT, b"[]")))
    taught.add(positions["files"], positions["decoders"])
    return taught


def still_open_by(parts: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Return of which open connections the models of a checkpoint's parts know, replayed ones and followed ones."""
    followed: dict[str, Any] = orjson.loads(parts.get("positions", b"null")) or {}
    known: dict[str, Any] | None = orjson.loads(parts[OPEN]) if OPEN in parts else followed.get("open")
    return known


def renamings_of(parts: Mapping[str, bytes], alerts: Path) -> Renamings:
    """Return which devices people say are one, as far as the models of a checkpoint's parts have been through it.

    `alerts` is the store in which they have said so.
    """
    applied = int(orjson.loads(parts.get(_RENAMED, b"0"))) if _RENAMED in parts or _ENGINE in parts else None
    return Renamings(renamings_in(alerts), applied, orjson.loads(parts.get("records", b"{}")))


def checkpoint_parts(
    models: Models, log_ts: float, records: Mapping[str, int], renamed: int = 0
) -> dict[str, bytes | Pieces]:
    """Return the models as parts of a checkpoint; `log_ts` is the log time up to which they have learned.

    They are to be written before the models change.

    `records` is how many of each log kind they have followed, `renamed` the last change of devices' names that holds.
    """
    return {
        _RENAMED: orjson.dumps(renamed),
        _ENGINE: models.engine.to_pieces(),
        "identity": orjson.dumps(models.identities.state()),
        "records": orjson.dumps(records, option=orjson.OPT_SORT_KEYS),
        _LOG_TIME: orjson.dumps(log_ts),
    }


def log_time_of(parts: Mapping[str, bytes | Pieces]) -> float:
    """Return the log time of a checkpoint's parts in epoch seconds, 0 if nothing was learned yet."""
    return float(orjson.loads(b"".join(pieces_of(parts.get(_LOG_TIME, b"0")))))
