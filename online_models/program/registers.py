"""Where a record's numbers stand while it is in hand: the places that every kind's program shares with the loop.

A register is a float64. The first ones are written by the loop (`NOW` … `SETTLED`) or read by it (`BEHAVIOUR` …), one
each; then come the views' numbers, the record's own numbers, its features, their parts and facts, and what the program
computes.
"""

from __future__ import annotations

from typing import Final

from online_models.guard import GUARD_WIDTH
from online_models.measures.excess import WINDOWS_WIDTH

MOST_VIEWS: Final = 6
"""Views that a kind may have; the loop is compiled for as many."""
MOST_TABLES: Final = 8
"""Tables that a kind may have."""

NOW, MATURITY, EVIDENCE, SETTLED = range(4)
"""Written by the loop: the device's log time; how much of its own past it has, 0 to 1; the record's evidence, decades;
and 1 once any device of the site has its own past."""
BEHAVIOUR, DECISIVE, ODD, NOBODY = range(4, 8)
"""Read by the loop: the number of the behaviour; 1 if one record raises the alert, -1 if it adds nothing to its
device's suspicion, -2 if nor to that of what it is about; 1 if the forests shall not learn it; and 1 if the record's
device cannot be told from others."""
MINUTE_NUMBER, HOUR_NUMBER = 8, 9
"""Numbers of the running minute and hour of the device's log time."""
MINUTE_SHARE, HOUR_SHARE = 10, 11
"""How much of the minute, and of the hour, before the running one lies within the last 60 and 3,600 s."""
PRIOR: Final = 12
"""Decades of each view by what is true of any site."""
RARITY: Final = PRIOR + MOST_VIEWS
"""Decades of each view."""
NUMBERS: Final = RARITY + MOST_VIEWS
"""The record's own numbers begin here."""

COUNT, MEASURE, BOUND, NAME, HOLD, LEARN, AFTER, DOUBT, TELL, CREDIT, TOLD, MEANWHILE = range(12)
"""Sections of a program: count the record in the running windows; measure its features and priors; keep the views'
decades within bounds; name the behaviour; say what the forests shall not learn; learn the record; what is learned of
live records only; put on probation; tell observed and usual; give the features their parts; count what a record that
raised an alert was the first to use; and what one was that is withheld while an incident is open."""
SECTIONS: Final = 12

WINDOWS: Final = GUARD_WIDTH
"""Where a device's windows begin in its row; a kind's own columns of the device come after them."""
DEVICE_WIDTH: Final = GUARD_WIDTH + WINDOWS_WIDTH
RECENT_WINDOW, RECENT_RECORDS, RECENT_SUSPICION, RECENT_BEFORE, RECENT_ANOMALY, RECENT_WIDTH = 1, 3, 4, 6, 7, 8
"""Columns of recent things: the minute and hour in which each was counted last, its records of that hour, its suspicion
with the time of that, its records of the hour before, and when a record about it was an anomaly last."""
