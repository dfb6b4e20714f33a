"""A real Suricata that is shown the simulated network's packets writes what the simulator says happened.

It checks things against each other that know nothing of each other: the simulated logs, the packets made from them, and
the product's reading of Suricata's events.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.decode.decoder import LogDecoder
from ingest.simulator import SimulatorConfig
from ingest.simulator.packets import PacketSummary, write_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = Path(__file__).with_name("suricata.yaml")
ETHERNET = 14
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was simulated, and Suricata's events about it."""

    simulated: PacketSummary
    eve: Path
    events: list[Event]

    def of_type(self, name: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event["event_type"] == name]

    def rows(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the simulated rows of a log."""
        return self.simulated.logs[kind].iter_rows(named=True)


@pytest.fixture(
    scope="module", params=[("dns-exfil", "single"), ("mirai", "single"), ("dns-exfil", "autofp")], ids=" ".join
)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    if shutil.which("suricata") is None:
        pytest.skip("suricata is not on PATH (Debian: bookworm-backports)")
    attack, mode = request.param
    out = tmp_path_factory.mktemp(attack)
    config = SimulatorConfig(out, devices=6, hours=0.25, attack=attack, attack_at_s=600.0, intensity=0.2)
    simulated = write_packets(config, out / "sim.pcap")
    # With autofp, threads race through the file: what they write at the same time is minutes apart in log time.
    command = ["suricata", "-c", CONFIGURATION, f"--runmode={mode}", "-r", out / "sim.pcap", "-l", out, "-k", "none"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    events = [json.loads(line) for line in (out / "eve.json").read_text().splitlines()]
    return Seen(simulated, out / "eve.json", events)


def test_packets_and_bytes_of_every_connection_agree(seen: Seen) -> None:
    """By community ID; where several connections share one, as with mDNS, their sums."""
    ours: dict[str, Counter[str]] = defaultdict(Counter)
    theirs: dict[str, Counter[str]] = defaultdict(Counter)
    for row in seen.rows("conn"):
        for side, name in (("orig", "toserver"), ("resp", "toclient")):
            packets = row[f"{side}_pkts"]
            sizes = {f"pkts_{name}": packets, f"bytes_{name}": row[f"{side}_ip_bytes"] + ETHERNET * packets}
            ours[row["community_id"]].update(sizes)
    for event in seen.of_type("flow"):
        sizes = {name: n for name, n in event["flow"].items() if name.startswith(("pkts", "bytes"))}
        theirs[event["community_id"]].update(sizes)
    assert len(ours) > 100
    assert ours == theirs


def test_times_of_every_connection_agree(seen: Seen) -> None:
    """Within a millisecond, where a community ID names one connection only."""
    count = Counter(row["community_id"] for row in seen.rows("conn"))
    flows = {event["community_id"]: event["flow"] for event in seen.of_type("flow")}
    for row in seen.rows("conn"):
        if count[row["community_id"]] == 1:
            flow = flows[row["community_id"]]
            assert seconds(flow["start"]) == pytest.approx(row["ts"], abs=1e-3)
            assert seconds(flow["end"]) == pytest.approx(row["ts"] + (row["duration"] or 0.0), abs=1e-3)


def seconds(timestamp: str) -> float:
    micros: int = pl.Series([timestamp]).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us").dt.epoch("us")[0]
    return micros / 1e6


def test_lookups_agree(seen: Seen) -> None:
    """Question and answer of every query to the resolver; mDNS has its own port, which Suricata 7 does not decode."""
    rows = [row for row in seen.rows("dns") if row["id.resp_p"] == 53]
    asked = Counter((row["community_id"], row["query"]) for row in with_ids(seen, rows))
    events = seen.of_type("dns")
    queries = [event for event in events if event["dns"]["type"] == "query"]
    assert asked == Counter((event["community_id"], event["dns"]["rrname"]) for event in queries)
    answered = Counter((row["query"], row["rcode_name"], addresses(row)) for row in rows if row["rcode"] is not None)
    replies = [event["dns"] for event in events if event["dns"]["type"] == "answer"]
    assert answered == Counter((dns["rrname"], dns["rcode"], told(dns)) for dns in replies)


def with_ids(seen: Seen, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {row["uid"]: row["community_id"] for row in seen.rows("conn")}
    return [row | {"community_id": ids[row["uid"]]} for row in rows]


def addresses(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row's answers that are addresses."""
    parts = (row["answers"] or "").split("\x1f") if row["qtype_name"] == "A" else []
    return tuple(part for part in parts if part[:1].isdigit())


def told(dns: dict[str, Any]) -> tuple[str, ...]:
    return tuple(answer["rdata"] for answer in dns.get("answers", []) if answer["rrtype"] == "A")


def test_requests_agree(seen: Seen) -> None:
    names = ("host", "uri", "user_agent", "method", "status_code", "response_body_len")
    theirs = ("hostname", "url", "http_user_agent", "http_method", "status", "length")
    ours = Counter(tuple(row[name] for name in names) for row in seen.rows("http"))
    assert ours
    assert ours == Counter(tuple(event["http"].get(name) for name in theirs) for event in seen.of_type("http"))


def test_nothing_is_odd_but_what_was_meant_to_be(seen: Seen) -> None:
    """The only anomalies are the segments that the simulator sent twice."""
    anomalies = Counter(event["anomaly"]["event"] for event in seen.of_type("anomaly"))
    twice = sum("t" in row["history"].lower() for row in seen.rows("conn"))
    assert anomalies == Counter({"stream.pkt_spurious_retransmission": twice} if twice else {})


def test_protocols_are_what_the_logs_call_them(seen: Seen) -> None:
    names = {"ssl": "tls", "http": "http", "dns": "dns", "dhcp": "dhcp", "mqtt": "mqtt", "ntp": "ntp"}
    found = {event["community_id"]: event.get("app_proto") for event in seen.of_type("flow")}
    services = [row for row in seen.rows("conn") if row["service"] in names and row["id.resp_p"] != 5353]
    assert len(services) > 100
    for row in services:
        assert found[row["community_id"]] == names[row["service"]], row


def product_reads(seen: Seen) -> dict[str, pl.DataFrame]:
    """Return the product's frame of each log kind; no event may be malformed."""
    decoder = LogDecoder(str(seen.eve))
    batches = [*decoder.feed(seen.eve.read_bytes()), *decoder.finish()]
    assert decoder.counts.malformed == 0, list(decoder.malformed)
    kinds = {batch.kind for batch in batches}
    return {kind: pl.concat([batch.frame for batch in batches if batch.kind == kind]) for kind in kinds}


def test_the_product_reads_the_simulated_connections(seen: Seen) -> None:
    """From Suricata's flows come the numbers that the simulated conn.log has."""
    numbers = ["orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes"]
    ids = ["community_id", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"]

    def summed(conn: pl.DataFrame) -> pl.DataFrame:
        return conn.group_by(ids).agg(pl.col(numbers).cast(pl.Int64).sum()).sort(ids)

    conn = product_reads(seen)["conn"]
    assert conn.height == len(seen.of_type("flow"))
    ours = seen.simulated.logs["conn"].with_columns(pl.col(name).cast(conn.schema[name]) for name in ids)
    assert_frame_equal(summed(conn), summed(ours))


def test_the_product_reads_the_simulated_states(seen: Seen) -> None:
    """Closed, reset, refused and unanswered connections keep Zeek's names for them."""
    conn = product_reads(seen)["conn"]
    once = conn.filter(pl.col("community_id").is_unique())
    states = once.join(seen.simulated.logs["conn"], on="community_id", suffix="_ours")
    told = Counter(states.select("conn_state_ours", "conn_state").iter_rows())
    assert told.total() > 100
    assert {pair: n for pair, n in told.items() if pair[0] != pair[1]} == {}


def test_the_product_reads_the_simulated_lookups(seen: Seen) -> None:
    """One record a query, answered or not."""
    dns = product_reads(seen)["dns"].filter(pl.col("id.resp_p") == 53)
    ours = Counter(
        (row["query"], row["qtype_name"], row["rcode"]) for row in seen.rows("dns") if row["id.resp_p"] == 53
    )
    assert Counter(dns.select("query", "qtype_name", "rcode").iter_rows()) == ours


def test_the_product_reads_the_simulated_requests(seen: Seen) -> None:
    names = ["host", "uri", "method", "user_agent", "status_code"]
    assert sorted(product_reads(seen)["http"].select(names).rows()) == sorted(
        seen.simulated.logs["http"].select(names).rows()
    )
