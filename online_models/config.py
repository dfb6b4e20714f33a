"""What can be set about the models. Settings come in at the top and travel down as this frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from online_models.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEARNED_WITH: Final = ("seed", "max_devices", "max_pairs")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes, seed and the alert budget.

    Attributes
    ----------
    seed
        Seed of every forest; same logs and same seed give the same scores.
    alert_budget_per_day
        False alerts that the site accepts a day, all devices together; see `online_models.budget`.
    local_networks
        Networks in CIDR form whose addresses are devices; private, link-local and unique-local ranges always are.
    max_devices, max_pairs
        Capacity of the per-device and per-pair tables; the entries unused for longest leave first.
    """

    seed: int = 1
    alert_budget_per_day: float = 2.0
    local_networks: tuple[str, ...] = ()
    max_devices: int = 131_000
    max_pairs: int = 1_048_000


def agreed(told: Mapping[str, Any], config: ModelConfig | None) -> ModelConfig:
    """Return the configuration to go on with: ``config``, or without one what a snapshot's meta data tells.

    Raises
    ------
    SnapshotError
        If the two differ in what was learned with, or the snapshot does not say what that was.
    """
    try:
        values = dict(told["config"])
        learned_with = ModelConfig(**{**values, "local_networks": tuple(values["local_networks"])})
    except (KeyError, TypeError, ValueError) as error:
        raise SnapshotError(f"the model snapshot does not say how it was learned: {error}") from error
    wanted = config or learned_with
    for name in _LEARNED_WITH:
        was, is_now = getattr(learned_with, name), getattr(wanted, name)
        if was != is_now:
            raise SnapshotError(
                f"the model snapshot was learned with {name} = {was}, and {name} = {is_now} is configured; "
                f"configure {was}, or start with new models"
            )
    return wanted
