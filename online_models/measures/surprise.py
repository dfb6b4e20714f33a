"""Surprise: how improbable a category is (an outcome, a type of query), by how often it came so far [Shannon 1948]."""

from __future__ import annotations

from online_models.compile import inner
from online_models.measures.newness import improbability

USUAL, UNUSUAL = 0.6, 0.1
"""Shares of a category before anything is known: of the result that most have, and of any other."""


@inner
def surprise(count: float, total: float, prior: float) -> float:
    """Return in [0, 1] the surprise of an outcome seen ``count`` times in ``total``; 1 is one in 10,000 or rarer."""
    probability = (count + 2.0 * prior) / (total + 2.0)
    return improbability(probability)
