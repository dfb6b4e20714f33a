"""Puts prevention beside what the pipeline tells already: streams, and what is known of devices."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from api.alert import behaviour_names
from api.errors import SettingsError
from prevention.errors import PolicyError
from prevention.policy import Policy, load_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from api.decisions.prevention import Prevention
    from api.pipeline.scoring import Listener
    from api.settings import Settings
    from api.state.store import AlertChange, DriftChange
    from ingest.context.identity import Identities
    from ingest.records import RecordBatch
    from online_models.types import ScoredBatch


class Subscribers:
    """Several readers of scores and alerts as one."""

    def __init__(self, *readers: Listener) -> None:
        self._readers = readers

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Tell all of them."""
        for reader in self._readers:
            reader.publish_scores(batch)

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Tell all of them."""
        for reader in self._readers:
            reader.publish_alerts(changes)

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Tell all of them."""
        for reader in self._readers:
            reader.publish_drifts(changes)


class Observers:
    """Who knows devices, and who looks at every batch beside, as one."""

    def __init__(
        self, identities: Identities, observer: Prevention, others: Callable[[], Mapping[str, int]] = dict
    ) -> None:
        self._identities, self._observer, self._others = identities, observer, others

    def of(self, batch: RecordBatch) -> RecordBatch:
        """Show the batch to the observer, and return it with the devices at its ends."""
        self._observer.observe(batch)
        return self._identities.of(batch)

    def evicted(self) -> dict[str, int]:
        """Return what both, and the ``others`` around them, have forgotten."""
        return {**self._identities.evicted(), **self._observer.evicted(), **self._others()}


def read_policy(path: Path) -> Policy:
    """Return the policy of a file, which may name the behaviours that there are.

    Raises
    ------
    PolicyError
        If it cannot be read, or a value in it is wrong.
    """
    policy, known = load_policy(path), behaviour_names()
    for name, place in policy.behaviours().items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
            raise PolicyError(f"policy {path}: {place}: no behaviour is called {name[:40]!r}; {hint}")
    return policy


def policy_of(settings: Settings) -> Policy:
    """Return the policy of the settings.

    Raises
    ------
    SettingsError
        If it cannot be read, or a value in it is wrong.
    """
    path = settings.prevention.policy
    try:
        return read_policy(path) if path is not None else Policy()
    except PolicyError as error:
        raise SettingsError(str(error)) from error
