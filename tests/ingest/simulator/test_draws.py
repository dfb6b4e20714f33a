"""Draws depend on what they are for and on nothing else."""

from __future__ import annotations

import numpy as np

from ingest.simulator.draws import combine, integers, lognormal, mix, normal, pick, uniform

KEYS = combine("test", np.arange(200_000))


def test_mix_is_splitmix64() -> None:
    """The first outputs of SplitMix64 seeded with 0, as its authors publish them."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    states = np.arange(1, 4, dtype=np.uint64) * golden
    assert [hex(v) for v in mix(states).tolist()] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


def test_draws_do_not_depend_on_company() -> None:
    part = KEYS[1234:1300]
    assert np.array_equal(uniform(part, "x"), uniform(KEYS, "x")[1234:1300])
    assert np.array_equal(normal(part, "x"), normal(KEYS, "x")[1234:1300])


def test_lanes_and_parts_are_independent() -> None:
    assert abs(np.corrcoef(uniform(KEYS, "a"), uniform(KEYS, "b"))[0, 1]) < 0.01
    assert len(np.intersect1d(combine("n", 1, np.arange(1000)), combine("n", 2, np.arange(1000)))) == 0
    assert not np.array_equal(combine("n", 1, 2), combine("n", 2, 1))


def test_distributions_have_their_moments() -> None:
    u, z = uniform(KEYS, "u"), normal(KEYS, "z")
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert abs(u.mean() - 0.5) < 0.005
    assert abs(u.var() - 1 / 12) < 0.002
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1.0) < 0.01
    assert abs(np.median(lognormal(KEYS, "l", 40.0, 0.7)) - 40.0) < 0.5


def test_picks_follow_their_weights() -> None:
    share = np.bincount(pick(KEYS, "p", (1.0, 0.0, 3.0)), minlength=3) / len(KEYS)
    assert np.allclose(share, (0.25, 0.0, 0.75), atol=0.01)
    whole = integers(KEYS, "i", 3, 7)
    assert set(whole.tolist()) == {3, 4, 5, 6}
