"""What a person at the terminal is told: alerts as they come and rise, why the service is not well."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from api.cli.log_lines import HarmlessFormatter
from api.cli.reasons import Spell
from api.cli.terminal import ToldBefore, alert_line, say, show_alerts
from api.serve.stream import Hub, StreamLimits
from api.serve.stream.messages import Gap, alert_message
from api.state.store import AlertChange

if TYPE_CHECKING:
    from typing import Any

    from api.state.store.writer import Change

    Examples = Any


def told(lines: ToldBefore, change: Change, alert: Any) -> str | None:
    line = lines.line(alert_message(1, AlertChange(change, alert)))
    return None if line is None else line.plain


def test_an_alert_is_told_when_it_is_raised_and_when_it_gets_graver(examples: type[Examples]) -> None:
    lines, alert = ToldBefore(), replace(examples.alert(), severity="medium")
    assert "medium" in str(told(lines, "raised", alert))
    assert told(lines, "updated", replace(alert, count=99)) is None
    risen = replace(alert, severity="critical", last_ts=alert.last_ts + 60)
    line = str(told(lines, "updated", risen))
    assert "critical" in line
    assert "rose from medium: " in line
    assert told(lines, "updated", replace(risen, count=100)) is None
    assert told(lines, "updated", replace(alert, severity="high")) is None
    assert told(lines, "updated", risen) is None
    assert told(lines, "closed", risen) is None


def test_what_an_earlier_run_told_is_not_told_again(examples: type[Examples]) -> None:
    lines, alert = ToldBefore(), replace(examples.alert(), severity="high")
    assert told(lines, "updated", alert) is None
    assert "rose from high" in str(told(lines, "updated", replace(alert, severity="critical")))


def test_a_reader_of_standard_output_that_has_gone_ends_nothing(
    examples: type[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)

        async def shown() -> None:
            hub = Hub(StreamLimits())
            hub.attach(asyncio.get_running_loop())
            showing = asyncio.create_task(show_alerts(hub))
            await asyncio.sleep(0)
            hub.publish_alerts([AlertChange("raised", examples.alert())])
            await asyncio.wait_for(showing, 60)

        asyncio.run(shown())
        say("and so does this")


def test_what_was_missed_is_told() -> None:
    assert "the page has them" in str(ToldBefore().line(Gap(7, 3)))


def test_times_are_local_and_say_their_offset(examples: type[Examples]) -> None:
    alert = examples.alert()
    when = alert_line(AlertChange("raised", alert)).plain.split("  ")[0]
    moment = datetime.fromisoformat(when)
    assert moment.utcoffset() == datetime.fromtimestamp(alert.ts).astimezone().utcoffset()
    assert moment.timestamp() == int(alert.ts)


def test_a_reason_that_stays_is_told_once_while_it_lasts_however_its_numbers_grow() -> None:
    spell = Spell()
    looks = [[], *[["no record for 15 min"]] * 5, *[["no record for 16.5 min", "disk full"]] * 5, [], [], ["disk full"]]
    told = [line for reasons in looks for line in spell.news(reasons)]
    assert told == ["warning: no record for 15 min", "warning: disk full", "all is well again"]


def test_a_reason_that_passes_at_once_is_not_told() -> None:
    spell = Spell()
    assert not [
        line
        for reasons in [["no log found"], ["no log found"], [], [], ["no log found"]]
        for line in spell.news(reasons)
    ]


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\r", "\x9b31m", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_nothing_that_is_said_controls_the_terminal(
    hostile: str, examples: type[Examples], capsys: pytest.CaptureFixture[str]
) -> None:
    alert = replace(examples.alert(), sentence=f"a{hostile}b", device=f"c{hostile}d")
    assert hostile not in alert_line(AlertChange("raised", alert)).plain
    say(f"logs /a{hostile}b")
    assert hostile not in capsys.readouterr().out
    record = logging.makeLogRecord({"msg": "of %s", "args": (hostile,)})
    assert hostile not in HarmlessFormatter().format(record)
