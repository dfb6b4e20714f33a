"""MQTT in the clear at a broker of the home: sensors, plugs, a lock, a hub, a phone's app, and who abuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.hosts import clock, lease
from lab.sessions import ACKED, BROKER, Said, broker_of, refused, sessions
from lab.stage import Stage, beats, by_name, paced
from lab.traffic import Traffic, flows

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.hosts import Host
    from lab.recipe import Act, Event
    from lab.traffic import Times

_REFUSED: Final = "Refused: bad user name or password"


def _spans(stage: Stage, who: str, begin: float, every: float) -> list[tuple[float, float]]:
    """Return a client's connections: anew every so often, and whenever the broker was started anew."""
    rng = stage.rng("spans", who)
    cuts = sorted(
        {
            begin,
            *(beats(rng, begin + every / 2, stage.end_s, every, 0.2) if every < stage.end_s else ()),
            *(at for at in _restarts(stage) if at > begin),
        }
    )
    late = {at: rng.uniform(2.0, 45.0) for at in _restarts(stage)}
    ends = [*cuts[1:], stage.end_s]
    return [(a + late.get(a, 0.0), b - 0.5) for a, b in zip(cuts, ends, strict=True) if b - a > 60.0]


def _restarts(stage: Stage) -> list[float]:
    """Return when the broker was started anew, in seconds."""
    return [event.at_h * 3600.0 for event in stage.recipe.events if event.kind == "broker-restart"]


def _topics(stage: Stage) -> dict[str, tuple[str, float, int]]:
    """Return topic, seconds between messages and size of what each device of the site reports."""
    kinds = {
        "mqtt-sensor": ("sensors/{}/state", 300.0, 88),
        "mqtt-plug": ("tele/{}/STATE", 300.0, 240),
        "mqtt-lock": ("lock/{}/state", 3600.0, 18),
    }
    out = {}
    for n, name in enumerate(stage.recipe.devices):
        if name in kinds:
            topic, every, size = kinds[name]
            out[stage.address(n)] = topic.format(f"{name[5:]}{n}"), every, size
    return out


def _reports(stage: Stage, who: str) -> tuple[str, Times, int]:
    topic, every, size = _topics(stage)[who]
    index = next(n for n in range(stage.devices()) if stage.address(n) == who)
    return topic, beats(stage.rng("reports", who), stage.joined_s(index) + 3.0, stage.end_s, every, 0.1), size


def _command(stage: Stage, who: str) -> tuple[str, Times]:
    """Return by which topic a device is commanded, and when somebody does so."""
    topic = _topics(stage)[who][0]
    kind, name = topic.split("/")[:2]
    at = beats(stage.rng("commands", who), 600.0, stage.end_s, 5400.0, 1.0)
    return (f"lock/{name}/set" if kind == "lock" else f"cmnd/{name}/POWER"), at[(at / 3600.0 + 8.0) % 24.0 > 6.0]


def _member(
    stage: Stage, address: str, begin: float, *, client: str, every: float, commanded: bool, changing: bool = False
) -> Traffic:
    topic, times, size = _reports(stage, address)
    filters, said = [], [Said(topic, times, size, retain=True)]
    if commanded:
        asked, at = _command(stage, address)
        filters = [[asked], ["cmnd/all/+"]]
        said += [Said(asked, at + 0.05, 3, sent=False), Said(topic.replace("tele", "stat"), at + 0.2, 12)]
    talk = sessions(
        stage,
        address,
        _spans(stage, address, begin, every),
        client,
        filters,
        said,
        new_client=changing,
        will=f"{topic}/LWT",
    )
    return Traffic.join([talk, clock(stage, address, begin, 3600.0), lease(stage, address, begin)])


def sensor(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Report every five minutes, on a connection of some hours; every second one calls itself anew at each start."""
    return _member(
        stage, address, begin, client=f"ESP_{index:02x}", every=6 * 3600.0, commanded=False, changing=index % 2 == 1
    )


def plug(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Report its state, and be switched; its connection lasts until the broker is started anew."""
    return _member(stage, address, begin, client=f"DVES_{index:06X}", every=1e9, commanded=True)


def lock(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Report by the hour and when it is turned, on a connection a day."""
    return _member(stage, address, begin, client=f"lock-{index}", every=86_400.0, commanded=True)


def hub(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Hear what all devices report, by filters with wildcards, and command plugs and locks."""
    del index
    said = []
    for who in _topics(stage):
        topic, times, size = _reports(stage, who)
        said.append(Said(topic, times + 0.01, size, sent=False))
        if not topic.startswith("sensors"):
            asked, at = _command(stage, who)
            said.append(Said(asked, at, 3, qos=ACKED))
    filters = [["homeassistant/#"], ["sensors/+/state", "tele/+/STATE", "stat/+/STATE", "lock/+/state"]]
    spans = _spans(stage, address, begin, 1e9)
    talk = sessions(stage, address, spans, "homeassistant", filters, said, will="homeassistant/status")
    return Traffic.join([talk, clock(stage, address, begin), lease(stage, address, begin)])


def app(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Hear everything for some minutes once or twice a day, as its owner likes it; calls itself anew each time."""
    del index
    rng = stage.rng("app", address)
    opened = beats(rng, begin, stage.end_s, 43_200.0, 0.6)
    spans = [(at, at + length) for at, length in zip(opened, rng.uniform(60.0, 600.0, len(opened)), strict=True)]
    said = [
        Said(topic, times + 0.02, size, sent=False)
        for topic, times, size in (_reports(stage, w) for w in _topics(stage))
    ]
    talk = sessions(stage, address, spans, "mqtt-explorer", [["#", "$SYS/#"]], said, new_client=True)
    return Traffic.join([talk, clock(stage, address, begin), lease(stage, address, begin)])


def broker(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer only."""
    del index
    return Traffic.join([clock(stage, address, begin), lease(stage, address, begin)])


def restart(stage: Stage, event: Event, traffic: Traffic) -> Traffic:
    """Start the broker anew: clients that come back are refused first, and told that the server is unavailable."""
    rng = stage.rng("restart", event.at_h)
    clients = [
        n
        for n, name in enumerate(stage.recipe.devices)
        if name.startswith("mqtt-") and name not in {BROKER, "mqtt-app"}
    ]
    parts = [traffic]
    for n in clients:
        if stage.joined_s(n) > event.at_h * 3600.0:
            continue
        at = event.at_h * 3600.0 + rng.uniform(0.2, 1.5)
        parts.append(flows(np.array([at, at + 0.4]), stage.address(n), broker_of(stage), 1883, state="REJ"))
        if n % 3 == 0:
            parts.append(
                refused(stage, np.array([at + 0.5]), stage.address(n), f"restarted-{n}", "Refused: server unavailable")
            )
    return Traffic.join(parts)


def _own_client(stage: Stage, act: Act) -> str:
    kind, n = stage.recipe.devices[act.device], act.device
    return {"mqtt-plug": f"DVES_{n:06X}", "mqtt-lock": f"lock-{n}", "mqtt-hub": "homeassistant"}.get(
        kind, f"ESP_{n:02x}"
    )


def _times(a: dict[str, object], stage: Stage, act: Act) -> Times:
    return paced(stage, act, int(str(a["count"])), float(str(a["every"])))


def listen(stage: Stage, act: Act) -> Traffic:
    """Subscribe to all topics by a known client, and hear what others say for an hour."""
    a = by_name(act.args, topics="#", client="")
    at = act.at_h * 3600.0
    said = [
        Said(topic, times + 0.02, size, sent=False)
        for topic, times, size in (_reports(stage, w) for w in _topics(stage))
    ]
    client = str(a["client"]) or _own_client(stage, act)
    heard = said if "#" in str(a["topics"]).split(",") else []
    span = (at, min(at + 3600.0, stage.end_s - 1.0))
    return sessions(stage, stage.address(act.device), [span], client, [str(a["topics"]).split(",")], heard)


def publish(stage: Stage, act: Act) -> Traffic:
    """Publish what this client never did: ``of`` is the index of the device that is commanded."""
    a = by_name(act.args, of=0, count=3, every=20.0, client="", size=3, topic="")
    times = _times(dict(a), stage, act)
    topic = str(a["topic"]) or _command(stage, stage.address(int(a["of"])))[0]
    client = str(a["client"]) or _own_client(stage, act)
    span = (float(times[0]) - 1.0, float(times[-1]) + 30.0)
    return sessions(
        stage, stage.address(act.device), [span], client, [], [Said(topic, times, int(a["size"]), qos=ACKED)]
    )


def guess(stage: Stage, act: Act) -> Traffic:
    """Guess passwords at the broker, under a new or the own client identifier."""
    a = by_name(act.args, count=60, every=2.0, client="mqtt-brute")
    return refused(stage, _times(dict(a), stage, act), stage.address(act.device), str(a["client"]), _REFUSED)


MQTT_HOSTS: Final[dict[str, Host]] = {
    BROKER: broker,
    "mqtt-sensor": sensor,
    "mqtt-plug": plug,
    "mqtt-lock": lock,
    "mqtt-hub": hub,
    "mqtt-app": app,
}
MQTT_EVENTS: Final[dict[str, Callable[[Stage, Event, Traffic], Traffic]]] = {"broker-restart": restart}
MQTT_ATTACKS: Final[dict[str, Callable[[Stage, Act], Traffic]]] = {
    "mqtt-listen": listen,
    "mqtt-publish": publish,
    "mqtt-guess": guess,
}
