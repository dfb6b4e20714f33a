"""Health, page and terminal say what can be told already, and from when on the rest."""

from __future__ import annotations

from api.moments import shown_time
from api.serve.told import later_answers, told_in_words
from online_models.young import TOLD_FROM, Watched

HOUR, NOW = 3600.0, 1_767_600_000.0


def test_what_is_told_later_has_a_time_once_there_is_a_log() -> None:
    assert [one.from_ts for one in later_answers(Watched())] == [None, None, None, None]
    later = later_answers(Watched(2.0 * HOUR, NOW))
    assert [(one.from_ts, one.in_s) for one in later] == [
        (NOW + hours * HOUR, hours * HOUR) for hours in (1.0, 10.0, 22.0)
    ]
    assert later_answers(Watched(24.0 * HOUR, NOW)) == []


def test_the_terminal_says_it_in_one_line() -> None:
    nothing = told_in_words(Watched())
    assert nothing.startswith("can be told already: fast scans, floods and guesses; later: ")
    assert nothing.endswith("new peers outside and amounts after 24 h of traffic")
    assert f"slow scans and guesses from {shown_time(NOW + HOUR)} on" in told_in_words(Watched(2.0 * HOUR, NOW))
    everything = told_in_words(Watched(24.0 * HOUR, NOW))
    assert everything == "can be told already: " + ", ".join(what for _, what in TOLD_FROM)
