"""What was said in TLS and MQTT joins the connections on which it was said, and attacks show there."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ingest.simulator import SimulatorConfig, SimulatorConfigError, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Log, Row, Simulated

SAID = ("ssl", "mqtt_connect", "mqtt_publish", "mqtt_subscribe")
ENDS = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
Logs = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, read_log: Callable[[Path], Log]) -> Logs:
    """Return four days with a broker at home, which is started anew in them."""
    return logs_of(SimulatorConfig(tmp_path_factory.mktemp("home"), hours=80.0, broker=True), read_log)


def logs_of(config: SimulatorConfig, read_log: Callable[[Path], Log]) -> Logs:
    return {kind: read_log(config.out / f"{kind}.log").rows for kind in simulate(config).records}


def attacked(folder: Path, attack: str, read_log: Callable[[Path], Log]) -> tuple[Logs, Logs]:
    """Return a short simulation's records that are the attack's, and all others."""
    config = SimulatorConfig(folder, hours=6.0, attack=attack, attack_at_s=4 * 3600.0)  # type: ignore[arg-type]  # a name of one
    logs = logs_of(config, read_log)
    lines = [line.split("\t") for line in (folder / "truth.tsv").read_text().splitlines()[1:]]
    hostile = {line[0] for line in lines if line[1] == "1"}
    found = {kind: [row for row in rows if row.get("uid") in hostile] for kind, rows in logs.items()}
    return found, {kind: [row for row in rows if row.get("uid") not in hostile] for kind, rows in logs.items()}


@pytest.mark.parametrize("kind", SAID)
def test_records_join_connections_that_were_open(home: Logs, kind: str) -> None:
    conn = {row["uid"]: row for row in home["conn"]}
    assert len(home[kind]) > 20
    for row in home[kind]:
        flow = conn[row["uid"]]
        assert [row[end] for end in ENDS] == [flow[end] for end in ENDS]
        assert flow["service"] == kind.partition("_")[0]
        assert 0.0 <= float(row["ts"]) - float(flow["ts"]) <= float(flow["duration"]) + 1e-3


def test_every_tls_connection_has_its_handshake(home: Logs) -> None:
    greeted = Counter(row["uid"] for row in home["ssl"])
    spoken = {row["uid"] for row in home["conn"] if row["service"] == "ssl"}
    assert set(greeted) == spoken
    assert set(greeted.values()) == {1}


def test_names_were_asked_for_before(home: Logs) -> None:
    asked: dict[str, float] = {}
    for row in home["dns"]:
        asked.setdefault(row["query"], float(row["ts"]))
    named = [row for row in home["ssl"] if float(row["ts"]) > float(home["conn"][0]["ts"]) + 7200.0]
    assert all(asked[row["server_name"]] < float(row["ts"]) for row in named)


def test_certificates_are_seen_where_they_can_be(home: Logs) -> None:
    """Not in TLS 1.3 nor in what is resumed; and every one that is seen is in x509.log within a day before."""
    logged: dict[str, list[float]] = {}
    for row in home["x509"]:
        logged.setdefault(row["fingerprint"], []).append(float(row["ts"]))
    shown = [row for row in home["ssl"] if row["cert_chain_fps"] != "-"]
    assert {(row["version"], row["resumed"]) for row in shown} == {("TLSv12", "F")}
    assert {row["version"] for row in home["ssl"]} == {"TLSv12", "TLSv13"}
    for row in shown:
        leaf = row["cert_chain_fps"].split(",")[0]
        assert any(-1.0 <= float(row["ts"]) - at <= 86_401.0 for at in logged[leaf])
    gaps = [b - a for times in logged.values() for a, b in pairwise(sorted(times))]
    assert min(gaps) >= 86_399.0


def test_devices_of_a_class_greet_alike_and_browsers_shuffle(home: Logs) -> None:
    ja4, ja3 = ({(row["id.orig_h"], row[name]) for row in home["ssl"]} for name in ("ja4", "ja3"))
    devices = {row["id.orig_h"] for row in home["ssl"]}
    assert len(ja4) == len(devices)
    shows = Counter(who for who, _ in ja3)
    assert {number > 50 for number in shows.values()} == {True, False}


def test_a_certificate_is_renewed(tmp_path: Path, read_log: Callable[[Path], Log]) -> None:
    """Within sixty days each of that lifetime is; nearly nothing else is simulated."""
    logs = logs_of(SimulatorConfig(tmp_path, devices=2, hours=61 * 24.0, logs=("x509",)), read_log)
    seen: dict[str, set[str]] = {}
    for row in logs["x509"]:
        seen.setdefault(row["certificate.subject"], set()).add(row["fingerprint"])
    assert len(seen["CN=a2.plugwell.example"]) == 2
    assert {row["certificate.issuer"] for row in logs["x509"] if "plugwell" in row["certificate.subject"]} == {
        "CN=Open Signing X3,O=Open Signing,C=US"
    }


def test_clients_come_back_when_the_broker_was_started_anew(home: Logs) -> None:
    refused = [row for row in home["conn"] if row["id.resp_p"] == "1883" and row["conn_state"] == "REJ"]
    assert len({row["id.orig_h"] for row in refused}) > 4
    at = min(float(row["ts"]) for row in refused)
    back = {row["id.orig_h"] for row in home["mqtt_connect"] if at < float(row["ts"]) < at + 60.0}
    assert {row["id.orig_h"] for row in refused} <= back


def test_apps_call_themselves_anew_and_devices_do_not(home: Logs) -> None:
    clients: dict[str, set[str]] = {}
    for row in home["mqtt_connect"]:
        clients.setdefault(row["id.orig_h"], set()).add(row["client_id"])
    assert {len(names) for who, names in clients.items() if not any("fonix" in name for name in names)} == {1}
    assert max(map(len, clients.values())) > 3


def test_a_command_server_in_the_own_cloud_signs_for_itself(tmp_path: Path, read_log: Callable[[Path], Log]) -> None:
    hostile, rest = attacked(tmp_path, "tls-c2", read_log)
    assert {row["validation_status"] for row in hostile["ssl"]} == {"self signed certificate"}
    assert {row["server_name"] for row in hostile["ssl"]} == {"-"}
    assert {row["ja4"] for row in hostile["ssl"]}.isdisjoint(row["ja4"] for row in rest["ssl"])
    (home,) = {row["id.resp_h"] for row in hostile["conn"]}
    victim = hostile["conn"][0]["id.orig_h"]
    near = {row["id.resp_h"].rsplit(".", 2)[0] for row in rest["ssl"] if row["id.orig_h"] == victim}
    assert home.rsplit(".", 2)[0] in near
    assert home not in {row["id.resp_h"] for row in rest["conn"]}


def test_an_impostor_has_the_name_and_another_certificate(tmp_path: Path, read_log: Callable[[Path], Log]) -> None:
    hostile, rest = attacked(tmp_path, "tls-mimic", read_log)
    (name,) = {row["server_name"] for row in hostile["ssl"]}
    real = [row for row in rest["ssl"] if row["server_name"] == name]
    chains = {row["cert_chain_fps"] for row in real}
    assert {row["validation_status"] for row in hostile["ssl"]} == {"self signed certificate"}
    assert {row["cert_chain_fps"] for row in hostile["ssl"]}.isdisjoint(chains)
    assert {row["ja4"] for row in hostile["ssl"]} <= {row["ja4"] for row in real}


def test_a_broker_is_abused_by_guesses_ears_and_commands(tmp_path: Path, read_log: Callable[[Path], Log]) -> None:
    hostile, rest = attacked(tmp_path, "mqtt-abuse", read_log)
    refused = [row for row in hostile["mqtt_connect"] if row["connect_status"].startswith("Refused")]
    assert len(refused) > 20
    assert "#,$SYS/#" in {row["topics"] for row in hostile["mqtt_subscribe"]}
    topics = {row["topic"] for row in hostile["mqtt_publish"] if row["from_client"] == "T"}
    assert topics
    assert all(topic.startswith("lock/") and topic.endswith("/set") for topic in topics)
    victim = hostile["conn"][0]["id.orig_h"]
    mine = [row for row in rest["mqtt_publish"] if row["id.orig_h"] == victim and row["from_client"] == "T"]
    assert topics.isdisjoint(row["topic"] for row in mine)


def test_only_the_logs_that_are_wanted_are_written(tmp_path: Path) -> None:
    simulate(SimulatorConfig(tmp_path, hours=1.0, logs=("conn", "mqtt_publish")))
    assert {path.name for path in tmp_path.iterdir()} <= {"conn.log", "mqtt_publish.log", "truth.tsv"}


@pytest.mark.parametrize("wrong", [{"logs": ("weird",)}, {"logs": ()}, {"broker": True, "devices": 4}])
def test_what_cannot_be_written_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(SimulatorConfigError, match=next(iter(wrong))):
        SimulatorConfig(tmp_path, **wrong)  # type: ignore[arg-type]  # what is wrong is the point


def test_an_ordinary_day_speaks_tls_and_mqtt_without_a_broker_at_home(day: Simulated) -> None:
    rows: list[Row] = day.logs["mqtt_publish"]
    assert {row["id.resp_p"] for row in rows} == {"1883"}
    assert not {row["id.resp_h"] for row in rows if row["id.resp_h"].startswith("192.168.")}
    assert len(day.logs["ssl"]) > 5000
