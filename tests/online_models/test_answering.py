"""A device that only answers: what calls it makes it older, so that a first call of its own is news."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    from conftest import Frames, Traffic

HOURS = 48.0
CONTROLLER, CAMERA = "192.168.7.50", "192.168.7.51"


def site(traffic: Traffic, *called: str, state: str = "SF") -> Frames:
    """Return two days of a device that calls its cloud every half hour, and the named neighbours every ten minutes."""
    calls = np.arange(traffic.START, traffic.START + HOURS * traffic.HOUR, 600.0)
    parts = [traffic.flows(calls[::3], traffic.VICTIM, ["203.0.113.2"] * calls[::3].size, 8883)]
    for n, device in enumerate(called):
        states = [state] * calls.size
        sizes = {"resp_bytes": np.zeros(calls.size)} if state == "S0" else {}
        parts.append(
            traffic.flows(calls + n + 1.0, traffic.VICTIM, [device] * calls.size, 502, conn_state=states, **sizes)
        )
    return {"conn": traffic.in_order("conn", parts)}


def first_calls(traffic: Traffic, frames: Frames) -> set[str]:
    """Return of which devices something is told, once the controller calls a stranger."""
    engine = Engine()
    assert not traffic.alerts_in(traffic.run(engine, frames).values())
    beacon = traffic.beacon(traffic.START + HOURS * traffic.HOUR + 600.0, device=CONTROLLER)
    return {alert.device for alert in engine.process(RecordBatch("conn", beacon)).alerts}


@pytest.mark.parametrize("called", [(CONTROLLER,), (CONTROLLER, CAMERA)])
def test_a_first_call_of_a_device_that_answered_for_two_days_is_told(traffic: Traffic, called: tuple[str, ...]) -> None:
    assert first_calls(traffic, site(traffic, *called)) == {CONTROLLER}


def test_a_device_that_just_came_is_given_time(traffic: Traffic) -> None:
    assert first_calls(traffic, site(traffic, CAMERA)) == set()


def test_who_is_called_and_does_not_answer_is_not_there(traffic: Traffic) -> None:
    assert first_calls(traffic, site(traffic, CONTROLLER, state="S0")) == set()


def test_a_router_may_ask_whether_who_uses_it_is_there_and_nobody_else(traffic: Traffic) -> None:
    frames = site(traffic, CONTROLLER, CAMERA)
    begin = traffic.START + HOURS * traffic.HOUR + 600.0

    def told(asked: str) -> bool:
        engine = Engine()
        traffic.run(engine, frames)
        echo = {"proto": ["icmp"], "conn_state": ["OTH"], "id.orig_p": [8]}
        parts = [traffic.flows(begin + np.array([30.0 * n]), CONTROLLER, [asked], 0, **echo) for n in range(3)]
        return bool(engine.process(RecordBatch("conn", traffic.in_order("conn", parts))).alerts)

    assert told(CAMERA)
    assert not told(traffic.VICTIM)
