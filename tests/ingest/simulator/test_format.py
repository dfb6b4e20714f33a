"""What is written is what Zeek would write: headers, types, escapes, order of writing, joins between logs."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import communityid
import pytest

from ingest.simulator import SimulatorConfig, simulate
from ingest.simulator.names import NAMES
from ingest.simulator.population import HABITS
from ingest.simulator.requests import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Log, Simulated

ROUNDING = 2e-6
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what a device without a lease sends from, nothing is bound to it


def written(row: dict[str, str], wait: str) -> float:
    return float(row["ts"]) + (float(row[wait]) if row[wait] != "-" else 0.0)


@pytest.mark.parametrize(
    ("kind", "capture"),
    [
        ("conn", "philips-hue-lan"),
        ("dns", "philips-hue-lan"),
        ("http", "philips-hue-lan"),
        ("x509", "philips-hue-lan"),
        ("mqtt_connect", "coap_mqtt"),
        ("mqtt_publish", "coap_mqtt"),
        ("mqtt_subscribe", "coap_mqtt"),
    ],
)
def test_columns_are_those_of_a_real_zeek(day: Simulated, shared_data: Path, kind: str, capture: str) -> None:
    real = (shared_data / "zeek_pcaps" / capture / "tsv" / f"{kind}.log").read_text(encoding="latin-1").splitlines()
    ours = (day.config.out / f"{kind}.log").read_text().splitlines()
    same = [0, 1, 2, 3, 4, 6, 7]  # all of the header but #open
    assert [ours[i] for i in same] == [real[i] for i in same]


def test_strict_reader_accepts_every_attack(attacked: Simulated) -> None:
    """The fixture has read all logs strictly; here they must not be empty either."""
    assert all(len(rows) > 0 for rows in attacked.logs.values())


@pytest.mark.parametrize(
    "kind", ["conn", "dns", "http", "ssl", "x509", "mqtt_connect", "mqtt_publish", "mqtt_subscribe"]
)
def test_json_says_the_same(tmp_path: Path, read_log: Callable[[Path], Log], kind: str) -> None:
    """Field for field; what is unset has no key."""
    for form in ("tsv", "json"):
        simulate(SimulatorConfig(tmp_path / form, hours=2.0, attack="mqtt-abuse", format=form))
    log = read_log(tmp_path / "tsv" / f"{kind}.log")
    objects = [json.loads(line) for line in (tmp_path / "json" / f"{kind}.log").read_text().splitlines()]
    assert objects == [{k: value(log.types[k], v) for k, v in row.items() if v != "-"} for row in log.rows]


def value(zeek_type: str, cell: str) -> object:
    if "[" in zeek_type:
        element = float if "interval" in zeek_type else int if "count" in zeek_type else str
        return [] if cell == "(empty)" else [element(part.replace("\\x2c", ",")) for part in cell.split(",")]
    if zeek_type in ("time", "interval"):
        return float(cell)
    if zeek_type in ("count", "port"):
        return int(cell)
    return cell == "T" if zeek_type == "bool" else cell


def test_words_need_no_escape_in_either_form() -> None:
    """Rendering does not escape these, as none needs it."""
    words = [name.prefix + name.suffix for name in NAMES]
    words += [text for r in REQUESTS for text in (r.uri, r.user_agent, r.request_mime, r.response_mime)]
    assert not [word for word in words if set(word) & set('\\"\t\n\x1f') or word in ("-", "(empty)")]


def test_conn_is_in_order_of_writing(day: Simulated) -> None:
    ends = [written(row, "duration") for row in day.logs["conn"]]
    assert all(later >= earlier - ROUNDING for earlier, later in itertools.pairwise(ends))


def test_start_times_go_back(day: Simulated) -> None:
    """By hours where a session was long, as in real logs."""
    starts = [float(row["ts"]) for row in day.logs["conn"]]
    back = [earlier - later for earlier, later in itertools.pairwise(starts) if later < earlier]
    assert 0.05 < len(back) / len(starts) < 0.35
    assert max(back) > 3600.0


def test_answered_dns_is_in_order_of_the_answers(day: Simulated) -> None:
    ends = [written(row, "rtt") for row in day.logs["dns"] if row["rtt"] != "-"]
    assert all(later >= earlier - ROUNDING for earlier, later in itertools.pairwise(ends))


def test_uids_are_unique_and_join(attacked: Simulated) -> None:
    conn = {row["uid"]: row for row in attacked.logs["conn"]}
    assert len(conn) == len(attacked.logs["conn"])
    assert all(len(uid) == 18 and uid.startswith("C") for uid in conn)
    for kind in ("dns", "http"):
        for row in attacked.logs[kind]:
            flow = conn[row["uid"]]
            ends = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
            assert [row[end] for end in ends] == [flow[end] for end in ends]
            assert flow["service"] == kind
            assert float(flow["ts"]) <= float(row["ts"])


def test_community_ids_are_right(day: Simulated) -> None:
    for row in day.logs["conn"][::50]:
        ports = int(row["id.orig_p"]), int(row["id.resp_p"])
        flow = communityid.FlowTuple(int(row["ip_proto"]), row["id.orig_h"], row["id.resp_h"], *ports)
        assert row["community_id"] == communityid.CommunityID().calc(flow)


def test_single_packets_leave_duration_and_bytes_unset(attacked: Simulated) -> None:
    for row in attacked.logs["conn"]:
        unset = [row[field] == "-" for field in ("duration", "orig_bytes", "resp_bytes")]
        single = int(row["orig_pkts"]) + int(row["resp_pkts"]) == 1
        assert unset == [single] * 3, row


def test_packets_bytes_and_states_agree(attacked: Simulated) -> None:
    """No payload without packets, headers in the IP bytes, and no reply in states that say so."""
    for row in attacked.logs["conn"]:
        for side in ("orig", "resp"):
            payload = 0 if row[f"{side}_bytes"] == "-" else int(row[f"{side}_bytes"])
            packets, on_wire = int(row[f"{side}_pkts"]), int(row[f"{side}_ip_bytes"])
            header = 28 if row["proto"] == "udp" else 40
            assert on_wire >= payload * (row["orig_bytes"] != "-") + header * packets, row
            assert packets > 0 or payload == 0, row
        assert (row["conn_state"] == "S0") == (int(row["resp_pkts"]) == 0), row


def test_mac_addresses_belong_to_devices(day: Simulated) -> None:
    owners: dict[str, set[str]] = {}
    for row in day.logs["conn"]:
        owners.setdefault(row["id.orig_h"], set()).add(row["orig_l2_addr"])
    devices = {host: macs for host, macs in owners.items() if host not in (NO_ADDRESS, "192.168.1.1")}
    assert all(len(macs) == 1 for macs in devices.values())
    assert len(set.union(*devices.values())) == day.config.devices
    groups = {row["id.resp_h"]: row["resp_l2_addr"] for row in day.logs["conn"]}
    assert groups["224.0.0.251"] == "01:00:5e:00:00:fb"
    assert groups["239.255.255.250"] == "01:00:5e:7f:ff:fa"
    assert groups["255.255.255.255"] == "ff:ff:ff:ff:ff:ff"


def test_every_class_is_on_the_network(day: Simulated) -> None:
    assert len({row["id.orig_h"] for row in day.logs["conn"]} - {NO_ADDRESS}) == day.config.devices + 1
    assert set(HABITS) == {"camera", "plug", "hub", "speaker", "lock", "phone", "laptop"}


def test_ssl_has_a_real_zeeks_columns_and_two_of_packages(day: Simulated, shared_data: Path) -> None:
    real = (shared_data / "zeek_pcaps/philips-hue-lan/tsv/ssl.log").read_text().splitlines()
    ours = (day.config.out / "ssl.log").read_text().splitlines()
    for line in (6, 7):
        assert ours[line].split("\t")[:-2] == real[line].split("\t")
    assert ours[6].split("\t")[-2:] == ["ja3", "ja4"]
