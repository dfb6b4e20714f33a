"""A second opinion on alerts: River's adaptive random forest, which learns from feedback and labelled datasets.

It speaks only once it has proved itself: every label was guessed before it was learned (prequential), and of both
verdicts it must have guessed well. It never silences anything. River's objects are no data, so a snapshot holds the
labels, at most the last 1,000, and the forest is grown again from them with the same seed: to the same forest.

Source: Gomes et al., Adaptive random forests for evolving data stream classification, Machine Learning 106 (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from online_models.types import Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from online_models.types import Alert, Verdict

MOST_LABELS, FEWEST_LABELS, FEWEST_OF_EACH = 1000, 20, 5
"""Labels that are kept, and that it takes, in all and of each verdict, before an opinion is told."""
LEAST_ACCURACY = 0.75
"""Mean share of both verdicts that must have been guessed rightly: halfway between a coin and a person."""
_TREES = 10
"""Of the forest: River's default."""
Features = dict[str, float]


def features_of(alert: Alert) -> Features:
    """Return what of an alert does not depend on how long it has lasted: behaviour, score and reasons."""
    features = {"score": alert.score, f"behaviour {alert.behaviour}": 1.0}
    for reason in alert.reasons:
        features[f"{reason.feature} weight"] = reason.weight
        features[f"{reason.feature} observed"] = math.log1p(max(0.0, reason.observed))
        features[f"{reason.feature} usual"] = math.log1p(max(0.0, reason.usual))
    return features


@dataclass(slots=True)
class _Tally:
    """How many labels of one verdict were guessed, and how many of them rightly."""

    guessed: int = 0
    right: int = 0


class SecondOpinion:
    """The supervised model of one log kind; the same labels in the same order give the same opinions."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._labels: dict[str, tuple[Features, bool]] = {}
        self._forest: Any = None
        self._tally = {True: _Tally(), False: _Tally()}

    def learn(self, alert: Alert, verdict: Verdict) -> None:
        """Learn what a person said of an alert; what was said of it before is forgotten."""
        example = features_of(alert), verdict == "attack"
        known = alert.id in self._labels
        self._labels.pop(alert.id, None)
        self._labels[alert.id] = example
        if known or len(self._labels) > MOST_LABELS:
            self.restore([[name, *label] for name, label in list(self._labels.items())[-MOST_LABELS:]])
        else:
            self._learn(*example)

    def _learn(self, features: Features, is_attack: bool) -> None:
        if self._forest is None:
            from river.forest import ARFClassifier  # noqa: PLC0415 - it takes seconds, and most sites give no feedback

            self._forest = ARFClassifier(n_models=_TREES, seed=self._seed, grace_period=10)
        tally = self._tally[is_attack]
        tally.guessed += 1
        tally.right += (self._probability(features) >= 0.5) == is_attack
        self._forest.learn_one(features, is_attack)

    def _probability(self, features: Features) -> float:
        return float(self._forest.predict_proba_one(features).get(True, 0.0))

    @property
    def accuracy(self) -> float:
        """Prequential balanced accuracy: the mean of the shares of both verdicts that were guessed rightly."""
        return sum(tally.right / max(1, tally.guessed) for tally in self._tally.values()) / 2.0

    def of(self, alert: Alert) -> Opinion | None:
        """Return how probable it is that a person would call the alert an attack; None before it has proved itself."""
        seldom = min(tally.guessed for tally in self._tally.values())
        if len(self._labels) < FEWEST_LABELS or seldom < FEWEST_OF_EACH or self.accuracy < LEAST_ACCURACY:
            return None
        return Opinion(self._probability(features_of(alert)), self.accuracy, len(self._labels))

    def state(self) -> list[list[Any]]:
        """Return every label as JSON-able data, in order."""
        return [[name, features, is_attack] for name, (features, is_attack) in self._labels.items()]

    def restore(self, state: Iterable[list[Any]]) -> None:
        """Take over what `state` returned, by learning it again."""
        self._forest, self._labels = None, {}
        self._tally = {True: _Tally(), False: _Tally()}
        for name, features, is_attack in state:
            self._labels[name] = features, is_attack
            self._learn(features, is_attack)
