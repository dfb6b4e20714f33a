"""What can be set about the models. Settings come in at the top and travel down as this frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes, seed and the alert budget.

    Attributes
    ----------
    seed
        Seed of every forest; same logs and same seed give the same scores.
    alert_budget_per_day
        False alerts that the site accepts a day, all devices together; the threshold follows from it.
    local_networks
        Networks in CIDR form whose addresses are devices; private, link-local and unique-local ranges always are.
    max_devices, max_pairs
        Capacity of the per-device and per-pair tables; the entries unused for longest leave first.
    """

    seed: int = 1
    alert_budget_per_day: float = 2.0
    local_networks: tuple[str, ...] = ()
    max_devices: int = 100_000
    max_pairs: int = 1_000_000
