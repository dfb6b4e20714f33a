"""What a device gives away, and whom the site has met: a download is no loss, and a neighbour's peer no stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from conftest import Traffic

CDN, OTHER = "45.66.77.88", "192.168.7.12"


@pytest.mark.parametrize(("down", "counts"), [(400_000_000, False), (4_000_000, True)], ids=["download", "upload"])
def test_what_receiving_takes_is_not_given_away(traffic: Traffic, down: int, *, counts: bool) -> None:
    """Ten megabytes sent are requests and acknowledgements of a download of forty times as much, and a loss else."""
    driven = traffic.Driven("conn")
    driven.run(traffic.Site(hours=24.0).frames()["conn"], trusted=True)
    times = traffic.START + traffic.DAY + 60.0 + np.arange(1.0)
    record = traffic.flows(times, traffic.VICTIM, [CDN], 443, orig_bytes=[10_000_000], resp_bytes=[down])
    measured = driven.measure(record)
    assert (measured["volume.sent_hour"] > 0.0) == counts
    assert (measured["volume.up"] > 0.0) == counts


@pytest.mark.parametrize("state", ["SF", "S0"])
def test_whom_a_neighbour_has_met_is_less_new_and_whom_it_called_in_vain_is_not(traffic: Traffic, state: str) -> None:
    day = traffic.Site(hours=24.0).frames()["conn"]
    news = []
    for neighbour in (False, True):
        driven = traffic.Driven("conn")
        met = traffic.flows(traffic.START + 60.0 + np.arange(3.0), OTHER, [CDN] * 3, 443, conn_state=[state] * 3)
        driven.run(traffic.in_order("conn", [day, met]) if neighbour else day, trusted=True)
        times = traffic.START + traffic.DAY + 60.0 + np.arange(1.0)
        news.append(driven.measure(traffic.flows(times, traffic.VICTIM, [CDN], 443))["novelty.endpoint"])
    alone, after = news
    assert alone > 0.0
    assert (after < 0.6 * alone) == (state == "SF")
