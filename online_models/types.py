"""What scoring gives: reasons, alerts and scored batches. Plain data, frozen, free of libraries' types but numpy's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

Severity = Literal["low", "medium", "high", "critical"]
AlertStatus = Literal["open", "closed"]
Verdict = Literal["expected", "attack"]
Direction = Literal["out", "in", "lateral"]
"""Who acts: the device towards the world; a stranger who calls the device; or the device towards a neighbour."""
HandlingState = Literal["snoozed", "acknowledged"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature that made a record anomalous.

    Attributes
    ----------
    feature
        The feature's name, as the documentation lists it.
    observed, usual
        What the record showed, and what this device's reference holds, in the feature's unit.
    weight
        The part of the score that the feature accounts for.
    text
        One short clause that a person understands.
    """

    feature: str
    observed: float
    usual: float
    weight: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model that learns from people's verdicts thinks of an alert.

    Attributes
    ----------
    probability
        That a person would call it an attack, 0 to 1.
    accuracy
        How well the model guessed verdicts before it learned them: mean share of both that it got right, 0 to 1.
    labels
        Verdicts that it has learned.
    """

    probability: float
    accuracy: float
    labels: int


@dataclass(frozen=True, slots=True)
class Handling:
    """That somebody has put an alert off, or takes care of it.

    Attributes
    ----------
    state
        Which of both.
    until
        Until when nobody is told that it goes on, wall clock, epoch seconds.
    by, comment
        Who said so, and what else.
    """

    state: HandlingState
    until: float
    by: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person is told: one per device and behaviour, updated while it lasts. Times are log time, epoch seconds.

    ``id`` is deterministic: the same log gives the same identifiers. ``device`` is its address at the strangest record,
    and ``known_as`` the name by which the models know it, whatever its address: the first one that it had, or its MAC.
    ``ts`` is the log time at which the alert was raised, that is the end of the record that raised it. ``peers`` are
    sample peers, that of which the sentence tells before all others, ``direction`` is who acts in that record, and
    ``targets`` are samples of what the records were about, and ``things`` the keys of all that makes others like it,
    see `online_models.alerts.case`. ``subjects`` say in words, the same for every device, what was new, and
    ``site_devices`` how many devices were seen within the day. The models leave ``verdict`` and ``comment``, what a
    person said of the alert, to those who keep alerts, and ``incident`` and ``drift``, which say with what other alerts
    it belongs together, ``site``, which network it is about, ``muted``, the rule that hides it, ``handled``, until when
    nobody is told that it goes on, and ``peer_names``, by what names the device asked for peers, as far as that was
    seen.
    """

    id: str
    device: str
    behaviour: str
    log: str
    severity: Severity
    score: float
    ts: float
    first_ts: float
    last_ts: float
    count: int
    sentence: str
    status: AlertStatus = "open"
    technique: str | None = None
    reasons: tuple[Reason, ...] = ()
    uids: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    things: tuple[tuple[str, ...], ...] = ()
    subjects: tuple[str, ...] = ()
    site_devices: int = 0
    second_opinion: Opinion | None = None
    verdict: Verdict | None = None
    comment: str | None = None
    incident: str = ""
    drift: str | None = None
    site: str = "default"
    muted: str | None = None
    handled: Handling | None = None
    known_as: str = ""
    direction: Direction = "out"
    peer_names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Have a device that is known by no other name be known by its address."""
        if not self.known_as:
            object.__setattr__(self, "known_as", self.device)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of an alert, as the models take it; ``number`` orders all feedback that was ever given."""

    number: int
    alert: Alert
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """The scores of one `RecordBatch`, row for row (n rows).

    Attributes
    ----------
    kind
        Log kind.
    uid, device
        One string a row; device is the local endpoint's address.
    ts
        float64 ``(n,)``, epoch seconds, as logged.
    score
        float64 ``(n,)`` in [0, 1]; higher is more anomalous.
    anomaly
        bool ``(n,)``; the score is over the threshold in force when the record came.
    reasons
        Row number to reasons, for anomalies only.
    alerts
        The latest state of every alert that this batch raised or changed.
    views
        View to float64 ``(n,)``: its part of the evidence, weighted decades; empty unless the engine ``tells_views``.
    """

    kind: str
    uid: list[str]
    device: list[str]
    ts: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    anomaly: npt.NDArray[np.bool_]
    reasons: Mapping[int, tuple[Reason, ...]] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    views: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.uid)
