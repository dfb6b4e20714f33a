"""What TLS and MQTT tell of an attack is told by the first record that shows it, and ordinary weeks tell nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models.engine import Engine

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

    from online_models.types import Alert

LOGS = ("ssl", "mqtt_connect", "mqtt_publish", "mqtt_subscribe")
HUB = "192.168.7.3"
MINUTES = 60.0 * np.arange(6.0)


def hub(traffic: Traffic, begin: float, days: float) -> dict[str, pl.DataFrame]:
    """Return what a hub says to the broker: it hears everything by habit, and commands all devices."""
    hourly = begin + np.arange(0.0, days * traffic.DAY, traffic.HOUR)
    topics = [f"home/192.168.7.{10 + k % 6}/set" for k in range(hourly.size)]
    return {
        "mqtt_publish": traffic.messages("mqtt_publish", hourly, HUB, topic=topics),
        "mqtt_subscribe": traffic.messages("mqtt_subscribe", hourly, HUB, topics=[["#"]] * hourly.size),
    }


@pytest.fixture(scope="module")
def learned(traffic: Traffic) -> bytes:
    """Return the models after two ordinary days of six devices, a hub and a broker, which told of nothing."""
    engine, frames = Engine(), traffic.Site(hours=48.0).frames()
    commands = hub(traffic, traffic.START + 30.0, 2.0)
    for log in LOGS:
        parts = [frames[log], *([commands[log]] if log in commands else [])]
        scored = engine.process(RecordBatch(log, traffic.in_order(log, parts)))
        assert scored.alerts == ()
    return engine.to_bytes()


def told(learned: bytes, frame: pl.DataFrame, log: str) -> list[Alert]:
    """Return the alerts that records raise after two days."""
    return list({a.id: a for a in Engine.from_bytes(learned).process(RecordBatch(log, frame)).alerts}.values())


def after(traffic: Traffic) -> Any:
    """Return six times, a minute apart, after the two days."""
    return traffic.START + 2 * traffic.DAY + MINUTES


@pytest.mark.parametrize(
    "certificate",
    [
        {"validation_status": ["self signed certificate"] * 6},
        {"validation_status": ["self-signed certificate"] * 6},
        {"validation_status": [None] * 6},
        {
            "validation_status": [None] * 6,
            "subject": ["CN=a"] * 6,
            "issuer": ["CN=a"] * 6,
            "cert_chain_fps": [None] * 6,
        },
    ],
)
@pytest.mark.parametrize("name", [None, "api1.cloud.example"])
def test_a_control_server_in_the_own_cloud_is_told_by_its_certificate(
    traffic: Traffic, learned: bytes, certificate: dict[str, Any], name: str | None
) -> None:
    more = {"cert_chain_fps": [["made today"]] * 6, "id.resp_h": ["203.0.113.201"] * 6, **certificate}
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, [name] * 6, **more)
    (alert,) = told(learned, frame, "ssl")
    assert (alert.behaviour, alert.technique, alert.device) == ("untrusted-server", "T1573.002", traffic.VICTIM)
    assert alert.ts == frame["ts"][0]
    assert alert.peers == ("203.0.113.201",)
    assert "signed by itself" in alert.sentence


def test_a_certificate_of_the_own_network_may_be_signed_by_itself(traffic: Traffic, learned: bytes) -> None:
    more = {"cert_chain_fps": [["printer"]] * 6, "validation_status": ["self signed certificate"] * 6}
    frame = traffic.handshakes(
        after(traffic), traffic.VICTIM, [None] * 6, **more, **{"id.resp_h": ["192.168.7.77"] * 6}
    )
    assert "untrusted-server" not in {alert.behaviour for alert in told(learned, frame, "ssl")}


@pytest.mark.parametrize("chain", [["made today"], ["leaf", "authority"]])
def test_names_that_come_from_another_log_clear_a_certificate_and_make_no_news(
    traffic: Traffic, learned: bytes, chain: list[str]
) -> None:
    """Of one that stands alone and an authority signed; and of a chain that the device has always met."""
    names = {"subject": ["CN=api1.cloud.example"] * 6, "issuer": ["CN=authority"] * 6}
    more = {"cert_chain_fps": [chain] * 6, "validation_status": [None] * 6, **names}
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, ["api1.cloud.example"] * 6, **more)
    found = {alert.behaviour for alert in told(learned, frame, "ssl")}
    assert "untrusted-server" not in found
    assert not found or len(chain) == 1


def test_another_program_is_told_by_its_greeting(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, ["api1.cloud.example"] * 6, ja4=["t13i4906h1"] * 6)
    (alert,) = told(learned, frame, "ssl")
    assert alert.behaviour == "odd-tls-client"


def test_no_name_where_there_always_was_one_is_told(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, [None] * 6)
    (alert,) = told(learned, frame, "ssl")
    assert "without naming a server" in alert.sentence
    assert "novelty.unnamed" in {reason.feature for reason in alert.reasons}


def test_a_new_name_at_an_old_address_is_told(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, ["cdn.evil.example"] * 6)
    (alert,) = told(learned, frame, "ssl")
    assert alert.behaviour == "new-tls-server"
    assert "cdn.evil.example at 203.0.113.200" in alert.sentence
    driven = traffic.Driven("ssl")
    driven.run(traffic.Site(hours=48.0).frames()["ssl"], trusted=True)
    elsewhere = traffic.handshakes(after(traffic)[:1], traffic.VICTIM, ["a.example"], **{"id.resp_h": ["45.66.77.88"]})
    moved = [driven.measure(one)["novelty.moved"] for one in (frame[:1], elsewhere)]
    assert moved[0] > 0.3 > moved[1] == 0.0


@pytest.mark.parametrize("topic", ["#", "$SYS/#", "$SYS/broker/clients/connected", "+/#", "$share/a/#"])
def test_one_subscription_to_everything_is_told(traffic: Traffic, learned: bytes, topic: str) -> None:
    frame = traffic.messages("mqtt_subscribe", after(traffic)[:1], traffic.VICTIM, topics=[["home/a", topic]])
    (alert,) = told(learned, frame, "mqtt_subscribe")
    assert alert.behaviour == "mqtt-eavesdropping"
    assert topic in alert.sentence


def test_who_hears_everything_by_habit_may_go_on(traffic: Traffic, learned: bytes) -> None:
    assert told(learned, hub(traffic, traffic.START + 2 * traffic.DAY, 1.0)["mqtt_subscribe"], "mqtt_subscribe") == []


def test_a_command_to_a_lock_by_a_known_client_is_told_at_once(traffic: Traffic, learned: bytes) -> None:
    lock = [f"home/{traffic.NEIGHBOUR}/set"]
    frame = traffic.messages("mqtt_publish", after(traffic)[:1], traffic.VICTIM, topic=lock)
    (alert,) = told(learned, frame, "mqtt_publish")
    assert alert.behaviour == "mqtt-command"
    assert lock[0] in alert.sentence
    delivered = traffic.messages("mqtt_publish", after(traffic)[:1], traffic.VICTIM, topic=lock, from_client=[False])
    assert told(learned, delivered, "mqtt_publish") == []


@pytest.mark.parametrize("every", [2.0, 120.0])
def test_guessed_passwords_are_told_by_the_fifth(traffic: Traffic, learned: bytes, every: float) -> None:
    times = after(traffic)[0] + every * np.arange(20.0)
    refused = {"connect_status": ["Refused: bad user name or password"] * 20}
    frame = traffic.messages("mqtt_connect", times, traffic.VICTIM, **refused)
    (alert,) = told(learned, frame, "mqtt_connect")
    assert (alert.behaviour, alert.technique) == ("mqtt-guessing", "T1110")
    assert alert.ts <= times[4]
    assert told(learned, frame[:2], "mqtt_connect") == []


def test_a_second_client_on_one_device_is_told(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.messages("mqtt_connect", after(traffic), traffic.VICTIM, client_id=["mosq-4711"] * 6)
    (alert,) = told(learned, frame, "mqtt_connect")
    assert alert.behaviour == "new-mqtt-client"


def test_a_flood_of_messages_is_told(traffic: Traffic, learned: bytes) -> None:
    times = after(traffic)[0] + 0.05 * np.arange(2000.0)
    (alert,) = told(learned, traffic.messages("mqtt_publish", times, traffic.VICTIM), "mqtt_publish")
    assert alert.behaviour == "mqtt-publish-flood"


def test_data_on_an_old_topic_is_told(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.messages("mqtt_publish", after(traffic), traffic.VICTIM, payload_len=[400_000] * 6)
    (alert,) = told(learned, frame, "mqtt_publish")
    assert alert.behaviour == "mqtt-transfer"


NEWCOMER = "192.168.7.66"


def test_who_only_ever_published_is_told_of_when_it_subscribes_to_everything(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.messages("mqtt_subscribe", after(traffic)[:1], NEWCOMER, topics=[["#"]])
    (alert,) = told(learned, frame, "mqtt_subscribe")
    assert alert.behaviour == "mqtt-eavesdropping"


def test_a_command_by_who_never_published_is_told(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.messages("mqtt_publish", after(traffic)[:1], NEWCOMER, topic=[f"home/{traffic.NEIGHBOUR}/set"])
    (alert,) = told(learned, frame, "mqtt_publish")
    assert alert.behaviour == "mqtt-command"


def test_who_commands_several_by_habit_may_command_another(traffic: Traffic, learned: bytes) -> None:
    """An app that switches two lamps by the hour and now a third; who never did commands it all the same."""
    engine, app = Engine.from_bytes(learned), "192.168.7.70"
    hourly = traffic.START + 2 * traffic.DAY + traffic.HOUR * np.arange(48.0)
    topics = [f"home/192.168.7.{10 + k % 2}/set" for k in range(48)]
    engine.learn(RecordBatch("mqtt_publish", traffic.messages("mqtt_publish", hourly, app, topic=topics)))
    third = {"topic": ["home/192.168.7.13/set"]}
    now = hourly[-1:] + 60.0
    for who, expected in ((app, set()), (traffic.VICTIM, {"mqtt-command"})):
        frame = traffic.messages("mqtt_publish", now, who, **third)
        alerts = engine.process(RecordBatch("mqtt_publish", frame)).alerts
        assert {alert.behaviour for alert in alerts} == expected


def test_what_is_delivered_is_no_news_of_who_hears_it(traffic: Traffic, learned: bytes) -> None:
    topics = {"topic": [f"home/new sensor {k % 3}/state" for k in range(6)], "from_client": [False] * 6}
    assert told(learned, traffic.messages("mqtt_publish", after(traffic), HUB, **topics), "mqtt_publish") == []


def test_less_than_usual_is_no_transfer(traffic: Traffic, learned: bytes) -> None:
    frame = traffic.messages("mqtt_publish", after(traffic), traffic.VICTIM, payload_len=[0] * 6)
    assert told(learned, frame, "mqtt_publish") == []


def test_another_broker_is_told_by_its_first_message(traffic: Traffic, learned: bytes) -> None:
    elsewhere = {"topic": ["beacon/1"], "id.resp_h": ["45.66.77.88"]}
    (alert,) = told(
        learned, traffic.messages("mqtt_publish", after(traffic)[:1], traffic.VICTIM, **elsewhere), "mqtt_publish"
    )
    assert alert.behaviour == "new-mqtt-topic"


@pytest.mark.parametrize("status", ["ok", "unable to get local issuer certificate"])
def test_a_known_server_may_have_another_authority_that_is_trusted(
    traffic: Traffic, learned: bytes, status: str
) -> None:
    renewed = {"cert_chain_fps": [["renewed", "another authority"]] * 6, "validation_status": [status] * 6}
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, ["api1.cloud.example"] * 6, **renewed)
    assert {alert.behaviour for alert in told(learned, frame, "ssl")} == (
        {"untrusted-server"} if status != "ok" else set()
    )


def test_where_nothing_is_validated_another_issuer_is_what_is_told(traffic: Traffic, learned: bytes) -> None:
    renewed = {"cert_chain_fps": [["renewed", "another authority"]] * 6, "validation_status": [None] * 6}
    frame = traffic.handshakes(after(traffic), traffic.VICTIM, ["api1.cloud.example"] * 6, **renewed)
    (alert,) = told(learned, frame, "ssl")
    assert "met a certificate of another issuer at api1.cloud.example" in alert.sentence


def test_who_never_spoke_tls_is_told_of_by_a_certificate_that_signs_itself(traffic: Traffic, learned: bytes) -> None:
    own = {"cert_chain_fps": [["own"]], "validation_status": ["self signed certificate"], "id.resp_h": ["203.0.113.9"]}
    (alert,) = told(learned, traffic.handshakes(after(traffic)[:1], NEWCOMER, [None], **own), "ssl")
    assert alert.behaviour == "untrusted-server"


def test_the_certificate_is_told_of_where_all_else_is_new_as_well(traffic: Traffic, learned: bytes) -> None:
    own = {"cert_chain_fps": [["own"]] * 6, "validation_status": ["self signed certificate"] * 6}
    own |= {"id.resp_h": ["45.66.77.88"] * 6, "ja4": ["t13i4906h1"] * 6}
    (alert,) = told(learned, traffic.handshakes(after(traffic), traffic.VICTIM, [None] * 6, **own), "ssl")
    assert alert.behaviour == "untrusted-server"


def test_new_firmware_stays_mild_news_however_long_it_greets(traffic: Traffic, learned: bytes) -> None:
    """Elsewhere it would be a program that calls home."""
    times = traffic.START + 2 * traffic.DAY + 300.0 * np.arange(576.0)
    frame = traffic.handshakes(times, traffic.VICTIM, ["api1.cloud.example"] * 576, ja4=["t13i4906h1"] * 576)
    (alert,) = told(learned, frame, "ssl")
    assert (alert.behaviour, alert.severity) == ("odd-tls-client", "low")
    far = {"ja4": ["t13i4906h1"] * 576, "id.resp_h": ["45.66.77.88"] * 576}
    (alert,) = told(learned, traffic.handshakes(times, traffic.VICTIM, ["cdn.evil.example"] * 576, **far), "ssl")
    assert alert.behaviour == "new-tls-server"
    assert alert.severity != "low"


@pytest.mark.parametrize("log", LOGS)
def test_an_ordinary_week_after_that_tells_nothing(traffic: Traffic, learned: bytes, log: str) -> None:
    begin = traffic.START + 2 * traffic.DAY
    parts = [traffic.Site(hours=168.0, seed=9, begin=begin).frames()[log]]
    parts += [frame for kind, frame in hub(traffic, begin + 30.0, 7.0).items() if kind == log]
    assert told(learned, traffic.in_order(log, parts), log) == []
