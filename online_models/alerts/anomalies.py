"""The anomalies of a batch as alerts see them: columns, and the few rows of which more is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from online_models.behaviours import Behaviour, Sighting
    from online_models.types import Direction, Reason


@dataclass(frozen=True, slots=True)
class Anomalies:
    """m records over the threshold, in log order: a list of m entries each, plain numbers and strings.

    Attributes
    ----------
    device, uid, peer, target
        Texts; the device's is its address.
    direction
        Who acts in each.
    known_as
        The names by which the devices are known, whatever their addresses.
    behaviour
        Numbers in ``behaviours``.
    things
        Three lists of keys: what each was about; none where nothing is known of that.
    is_known
        Whether the device knew the first of these things before.
    ts, end
        Start of the record, and the device's log time at its end, epoch seconds.
    score, evidence
        As scored; evidence in decades.
    foremost
        How far each is to be told of before all that are stranger; mostly 0.
    raises
        Whether the guard has its behaviour's alert raised.
    site_devices
        Devices seen within the day, for a record that raises; else 0.
    finding
        Gives what an alert shows of the k-th anomaly: called for the strangest record of a case only.
    answered
        Whether each was answered; empty for a kind that does not tell.
    """

    behaviours: tuple[Behaviour, ...]
    device: Sequence[str]
    known_as: Sequence[str]
    behaviour: Sequence[int]
    uid: Sequence[str]
    peer: Sequence[str]
    target: Sequence[str]
    direction: Sequence[Direction]
    things: Sequence[Sequence[int]]
    is_known: Sequence[bool]
    ts: Sequence[float]
    end: Sequence[float]
    score: Sequence[float]
    evidence: Sequence[float]
    foremost: Sequence[float]
    raises: Sequence[bool]
    site_devices: Sequence[int]
    finding: Callable[[int], Finding]
    answered: Sequence[bool] = ()

    def __len__(self) -> int:
        return len(self.device)

    def pattern(self, k: int) -> str:
        """Return of what pattern the k-th anomaly is one; empty for none."""
        return self.behaviours[self.behaviour[k]].likeness.pattern(self.target[k])


@dataclass(slots=True)
class Finding:
    """What an alert shows of its strangest record; nothing is put into words before somebody asks.

    Its makers give arrays of its own, not views of a batch's: a finding outlives its batch.
    """

    make_reasons: Callable[[], tuple[Reason, ...]]
    make_sighting: Callable[[], Sighting]
    behaviour: Behaviour
    _reasons: tuple[Reason, ...] | None = None
    _sentence: str | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return the reasons, the weightiest first."""
        if self._reasons is None:
            self._reasons = self.make_reasons()
        return self._reasons

    @property
    def sentence(self) -> str:
        """Return the sentence of the alert."""
        if self._sentence is None:
            self._sentence = self.behaviour.sentence(self.make_sighting())
        return self._sentence


@dataclass(frozen=True, slots=True)
class Wording:
    """A finding that was put into words, as a snapshot holds it."""

    reasons: tuple[Reason, ...]
    sentence: str
