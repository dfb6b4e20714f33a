"""The models and what is learned beside them: built from the settings and the last checkpoint, and back into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.warmup import warm_up
from ingest.identity import Identities
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.settings import Settings


REPLAYED: Final = "replayed"
"""The part of a checkpoint that says up to which log time `nslabs replay` has taught the models; kept for good."""

_LOG_TIME: Final = "log_time"


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
    """Return the models of a checkpoint's parts, or new ones where there are none. Takes seconds."""
    warm_up()
    config = model_config(settings)
    engine = Engine.from_bytes(found["engine"], config) if "engine" in found else Engine(config)
    known: Any = orjson.loads(found.get("identity", b"null"))
    identities = Identities() if known is None else Identities.from_state(known)
    return Models(engine, identities, orjson.loads(found.get("records", b"{}")))


def checkpoint_parts(models: Models, log_ts: float, records: Mapping[str, int]) -> dict[str, bytes]:
    """Return the models as parts of a checkpoint; `log_ts` is the log time up to which they have learned.

    `records` is how many of each log kind they have followed.
    """
    return {
        "engine": models.engine.to_bytes(),
        "identity": orjson.dumps(models.identities.state()),
        "records": orjson.dumps(records, option=orjson.OPT_SORT_KEYS),
        _LOG_TIME: orjson.dumps(log_ts),
    }


def log_time_of(parts: Mapping[str, bytes]) -> float:
    """Return the log time of a checkpoint's parts in epoch seconds, 0 if nothing was learned yet."""
    return float(orjson.loads(parts.get(_LOG_TIME, b"0")))
