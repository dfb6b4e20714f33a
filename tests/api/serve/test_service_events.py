"""`/ws/events`: decisions, jobs and health as they change, numbered over restarts, bounded, as described."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.decisions import Prevention
from api.pipeline.clock import Clock
from api.pipeline.jobs import JobBoard, JobStatus, TrainingJob
from api.serve.health import HealthAnswer
from api.serve.health_watch import HealthWatch
from api.serve.stream import Hub, Kept, StreamLimits
from api.serve.stream.decision_events import message_of
from api.serve.stream.wanted import Wanted
from api.state.store import AlertWriter
from api.state.store.sequence import Archive, sequence_in
from prevention.decider import Request
from prevention.errors import RefusedError
from prevention.policy import policy_from
from prevention.targets import peer_target
from tests.api.conftest import is_described
from tests.api.mutes.test_muting import Numbers
from tests.prevention.conftest import case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.serve.conftest import Light

PEER = peer_target("203.0.113.9")


class Moving:
    """A time that the test moves."""

    at = 1_800_000_000.0


@pytest.fixture
def clock() -> Moving:
    """Return a clock of the test's own."""
    return Moving()


@pytest.fixture
def prevention(tmp_path: Path, light: Light, clock: Moving) -> Iterator[Prevention]:
    """Return prevention that tells the stream; its thread is not started: the test is it."""
    policy = policy_from({"mode": "suggest", "protect": {"networks": ["192.0.2.0/24"]}, "limits": {"pause": "1m"}})
    told_by = Clock(wall=lambda: clock.at)
    made = Prevention(tmp_path / "d", policy, told_by, lambda event: light.hub.happenings.tell(*message_of(event)))
    yield made
    made.stop()


def report(prevention: Prevention, **said: Any) -> None:
    prevention.report("router", {"enforcers": [], "uncovered": [], "refused": [], **said})


def read(light: Light, path: str, count: int) -> list[dict[str, Any]]:
    with light.socket(path) as stream:
        got = [json.loads(stream.recv(60)) for _ in range(count)]
    assert all(map(is_described, got))
    return got


def changes(messages: list[dict[str, Any]]) -> list[str]:
    return [message["change"] for message in messages if message["type"] in {"decision", "prevention"}]


def test_every_change_of_a_decision_is_told_once(light: Light, prevention: Prevention, clock: Moving) -> None:
    decider, since = prevention.decider, light.hub.events.seq
    (one,) = decider.consider(case(alert="a-9", last_ts=clock.at))
    decider.confirm(one.id, "anna")
    for _ in range(2):
        report(prevention, carried=[one.id])
    decider.extend(one.id, 60.0, "anna")
    decider.revoke(one.id, "anna", "it was nothing")
    two = decider.request(Request(PEER, "block", 30.0, "anna"))
    clock.at += 31
    decider.tick()
    with pytest.raises(RefusedError):
        decider.request(Request(peer_target("192.0.2.9"), "block", 30.0, "anna"))
    decider.flush("anna")
    decider.resume("anna")
    expected = ["suggested", "confirmed", "applied", "extended", "revoked", "created", "expired", "refused"]
    got = read(light, f"/ws/events?since_seq={since}", 1 + len(expected) + 2)
    assert changes(got) == [*expected, "flush", "resume"]
    assert [message["seq"] for message in got[1:]] == list(range(since + 1, since + 11))
    told = {message["change"]: message for message in got if message["type"] == "decision"}
    assert (told["applied"]["by_whom"], told["applied"]["decision"]["id"]) == ("enforcer router", one.id)
    assert (told["revoked"]["by_whom"], told["revoked"]["reason"]) == ("anna", "it was nothing")
    assert told["expired"]["decision"]["id"] == two.id
    assert "network of the policy" in told["refused"]["reason"]
    assert [step.by for step in decider.store.history(one.id)][:3] == ["policy", "anna", "enforcer router"]


def test_what_nobody_can_carry_out_and_a_limit_is_told(light: Light, prevention: Prevention) -> None:
    decider, since = prevention.decider, light.hub.events.seq
    decider.policy = policy_from({"limits": {"new_blocks_per_minute": 1}})
    one = decider.request(Request(PEER, "block", 30.0, "anna"))
    for _ in range(2):
        report(prevention, uncovered=[one.id])
        prevention.step()
    assert decider.request(Request(peer_target("203.0.113.8"), "block", 30.0, "anna")).state == "suggested"
    got = read(light, f"/ws/events?since_seq={since}", 5)
    assert changes(got) == ["created", "uncovered", "limit", "suggested"]
    assert (prevention.standing().not_carried_out, prevention.standing().enforcers) == (1, 1)
    assert any("nobody can carry out" in reason for reason in prevention.reasons())
    assert "1 blocks were begun within a minute" in got[3]["text"]


def test_server_sent_events_carry_the_same_stream(light: Light, prevention: Prevention) -> None:
    since = light.hub.events.seq
    prevention.decider.flush("anna")
    query = f"/events?stream=events&since_seq={since}"
    with httpx.stream("GET", light.url + query, timeout=60) as response:
        data = (json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: "))
        hello, flush = next(data), next(data)
    assert (hello["type"], flush["type"], flush["change"], flush["seq"]) == ("hello", "prevention", "flush", since + 1)
    assert light.get("/events?stream=scores").status_code == 422


@pytest.mark.slow
def test_health_is_told_when_it_changes_and_not_when_its_numbers_do(light: Light) -> None:
    """The first message of a run is what the health is as it begins."""
    first = read(light, "/ws/events?since_seq=0", 2)[1]
    assert (first["type"], first["status"], first["seq"]) == ("health", "starting", 1)
    asked = HealthAnswer.model_validate(light.get("/health").json())
    since, watch = light.hub.events.seq, HealthWatch(light.service)
    for status, reasons in (("degraded", ["12 s behind"]), ("degraded", ["13.5 s behind"]), ("ready", [])):
        watch.look(asked.model_copy(update={"status": status, "reasons": reasons}))
    got = read(light, f"/ws/events?since_seq={since}", 3)
    assert [(one["status"], one["reasons"]) for one in got[1:]] == [("degraded", ["12 s behind"]), ("ready", [])]


class Dataset:
    """A dataset of three slices without records, a third each."""

    name, attacks, read = "d", None, 0

    def batches(self) -> Iterator[None]:
        """Yield nothing three times."""
        for _ in range(3):
            self.read += 1
            yield None

    def total(self) -> None:
        """Return that it is not known."""

    def progress(self) -> float:
        """Return how much was read."""
        return self.read / 3

    def rejected(self) -> int:
        """Return none."""
        return 0

    def rejections(self) -> list[Any]:
        """Return none."""
        return []

    def close(self) -> None:
        """Do nothing."""


def test_a_job_is_told_of_in_each_state_and_as_it_goes_on(light: Light) -> None:
    since = light.hub.events.seq
    told: list[JobStatus] = []

    def tell(status: JobStatus) -> None:
        told.append(status)
        light.hub.happenings.tell("job", {"job": status})

    board = JobBoard(1, 1, tell)
    board.add(TrainingJob(Dataset(), 100, Clock()))  # type: ignore[arg-type] # all that a job asks of one
    for _ in range(4):
        board.step(None)  # type: ignore[arg-type] # no record is learned
    got = read(light, f"/ws/events?since_seq={since}", 1 + len(told))
    states = [(one["job"]["state"], round(one["job"]["progress"], 2)) for one in got[1:]]
    assert states == [("waiting", 0.0), ("running", 0.33), ("running", 0.67), ("running", 1.0), ("failed", 1.0)]


def test_numbers_and_messages_go_on_over_runs_and_a_crash(tmp_path: Path) -> None:
    AlertWriter(tmp_path / "alerts").close()

    def run(since: int | None, count: int, *, crash: bool = False) -> list[dict[str, Any]]:
        async def scenario() -> list[dict[str, Any]]:
            hub = Hub(StreamLimits(), Kept(Numbers(), numbers, events=Archive(tmp_path / "alerts", "events")))
            hub.attach(asyncio.get_running_loop())
            with hub.events.subscribed(10, since) as subscriber:
                for n in range(count):
                    hub.happenings.tell("prevention", {"text": str(n)})
                await asyncio.sleep(0)
                hub.detach()
                return [json.loads(one.encode(Wanted())) for _ in range(len(subscriber)) for one in subscriber.take()]

        got: list[dict[str, Any]] = []
        with suppress(InterruptedError), sequence_in(tmp_path / "alerts", "events") as numbers:
            got = asyncio.run(scenario())
            if crash:
                raise InterruptedError
        return got

    assert [one["seq"] for one in run(None, 3)] == [1, 2, 3]
    assert [one["seq"] for one in run(3, 2, crash=True)] == [4, 5]
    assert [(one["type"], one["seq"]) for one in run(3, 1)] == [("prevention", 4), ("prevention", 5), ("prevention", 6)]


def test_what_is_told_while_nobody_listens_is_bounded() -> None:
    async def scenario() -> list[dict[str, Any]]:
        hub = Hub(StreamLimits(history=10_000))
        for n in range(5000):
            hub.happenings.tell("prevention", {"text": str(n)})
        hub.attach(asyncio.get_running_loop())
        with hub.events.subscribed(1, 0) as subscriber:
            return [json.loads(one.encode(Wanted())) for _ in range(2) for one in subscriber.take()]

    gap, first = asyncio.run(scenario())[:2]
    assert gap == {"type": "gap", "seq": 904, "dropped": 904, "reason": "old"}
    assert (first["seq"], first["text"]) == (905, "904")


def test_a_report_about_an_unknown_decision_is_no_failure(prevention: Prevention) -> None:
    """As of a process that knew the state before it was begun anew."""
    report(prevention, carried=["d-0"], uncovered=["d-0"])
    prevention.step()
    assert prevention.counts.total() == 0


def test_a_policy_is_read_again_and_a_wrong_one_changes_nothing(
    light: Light, prevention: Prevention, tmp_path: Path
) -> None:
    decider, since, path = prevention.decider, light.hub.events.seq, tmp_path / "policy.toml"
    block = decider.request(Request(PEER, "block", 600.0, "anna"))
    before = decider.policy
    for wrong in ('mode = "enforced"', "mode = ", "[limits]\nfoo = 1", None):
        path.write_text(wrong) if wrong is not None else path.unlink()
        prevention.reload(path)
        assert decider.policy is before
        assert [reason.count("\n") for reason in prevention.reasons() if str(path) in reason] == [0]
    path.write_text('mode = "enforce"\n[protect]\nnetworks = ["203.0.113.0/24"]\n[quarantine]\nallow = ["192.0.2.7"]')
    prevention.reload(path)
    prevention.step()
    assert (decider.policy.mode, prevention.policy_problem) == ("enforce", None)
    assert decider.store.get(block.id).state == "revoked"
    assert decider.protection.refusal_of("192.0.2.9") is None
    assert prevention.wanted().allow == ("192.0.2.7/32",)
    got = read(light, f"/ws/events?since_seq={since}", 8)
    assert changes(got) == ["created", *["policy"] * 5, "revoked"]
    assert "stays in force" in got[2]["text"]


def test_the_mode_in_force_is_told_with_why_it_is_not_the_policys(prevention: Prevention, clock: Moving) -> None:
    decider = prevention.decider
    decider.policy = policy_from({"mode": "enforce", "limits": {"new_blocks_per_minute": 0, "pause": "1m"}})
    assert (prevention.standing().mode, prevention.standing().why) == ("enforce", None)
    decider.request(Request(PEER, "block", 600.0, "anna"))
    standing = prevention.standing()
    assert (standing.mode, standing.why) == ("suggest", "a limit of blocks was reached: for 60 s more")
    assert (standing.active, standing.suggested) == (0, 1)
    clock.at += 61
    assert prevention.standing().mode == "enforce"
    decider.flush("anna")
    assert (prevention.standing().mode, prevention.standing().why) == ("observe", "the kill switch was used")
    decider.resume("anna")
    assert prevention.standing().why is None
