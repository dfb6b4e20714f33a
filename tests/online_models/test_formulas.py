"""The formulas of docs/features.md give the features that the kernels measure, record by record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from online_models.guard import FROZEN, LAST, OBSERVED, RELEASED
from online_models.kinds import KINDS
from online_models.measures import excess
from online_models.measures.past import faded, is_known, trusted_age
from online_models.program.registers import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from conftest import Driven, FeaturesPage, Frames, Traffic

STRANGER = "192.168.7.99"
HALF_A_DAY = 12 * 3600.0
FEW = {"minute": (1, 1, 3, 3, 10), "hour": (2, 2, 4, 4, 10)}


class Seen:
    """A record that was counted and not yet learned, with what its keys lead to."""

    def __init__(self, driven: Driven) -> None:
        self.get, self.number, self.device = driven.get, driven.number, driven.row("device")
        self.now = float(self.device[LAST])
        self.known = self.since("device")

    def since(self, key: str) -> float:
        """Return the seconds since an entry was learned first."""
        first = self.get(key, "first")
        since = max(0.0, self.now - first) if first > 0.0 else 0.0
        return min(since, float(self.device[OBSERVED])) if key == "device" else since

    def age(self, key: str) -> float:
        """Return for how long an entry is known."""
        return trusted_age(self.get(key, "first"), self.now, self.device[FROZEN], self.device[RELEASED])

    def is_known(self, key: str) -> bool:
        """Whether the device takes an entry of this age for known for long."""
        return bool(is_known(self.age(key), self.device))

    def faded(self, key: str, column: str, at: str = "faded_at") -> float:
        """Return a faded count."""
        return faded(self.get(key, column), self.get(key, at), self.now)

    def others(self, key: str, column: str, but: str, at: str = "faded_at", since: float = 0.0) -> float:
        """Return a faded count of things new since a time, without what one of them has added to it."""
        first, last = self.get(but, "first"), self.get(but, "last")
        came = abs(first) if first else last
        own = faded(1.0, came, self.now) if came > 0.0 and came >= since else 0.0
        return max(0.0, self.faded(key, column, at) - own)

    def last_hour(self, key: str, column: str) -> float:
        """Return what came in the last hour."""
        return self.get(key, column) + excess.share_before(self.now, 1) * self.get(key, f"{column}_before")

    def usual(self, key: str, column: str, count: str = "count") -> SimpleNamespace:
        """Return mean and standard deviation of an entry's numbers, and how many there were."""
        sd = np.sqrt(self.get(key, f"{column}_variance"))
        return SimpleNamespace(mean=self.get(key, column), sd=sd, n=self.get(key, count))

    def counters(self, *names: str) -> dict[str, SimpleNamespace]:
        """Return the counters of both windows by name."""
        places, found = vars(excess), {}
        for window, span in enumerate(("minute", "hour")):
            for k, name in enumerate(names):
                at = WINDOWS + window * excess.WINDOWS_WIDTH // 2
                usual = at + places["_USUAL"] + 2 * k
                found[f"{name}_{span}"] = SimpleNamespace(
                    count=excess.observed(self.device, WINDOWS, window, k, excess.share_before(self.now, window)),
                    mean=self.device[usual],
                    sd=np.sqrt(self.device[usual + 1]),
                    windows=self.device[at + places["_SEEN"]],
                    few=FEW[span][k],
                )
        return found


def of_conn(s: Seen) -> dict[str, Any]:
    """Return what the formulas of conn speak of."""
    devices, first = s.get("site_network", "devices"), s.get("network", "first")
    is_counted = devices > 0.0 and first != 0.0 and first >= s.get("site_network", "first")
    numbers = ("lateral", "outbound", "login", "exchanged", "up", "down")
    return {
        **{name: s.number(name) for name in numbers},
        **{name: s.age(name) for name in ("endpoint", "network", "service", "site_network")},
        "known": s.known,
        "records": s.get("service", "count"),
        "other_records": s.get("service", "count") - s.get("endpoint", "count"),
        "new_services": s.others("device", "new_services", "service"),
        "new_networks": s.others("device", "new_networks", "network"),
        "new_peers": s.others("service", "new_peers", "endpoint", "peers_faded_at"),
        "service_known": s.since("service"),
        "devices": devices - (1.0 if is_counted else 0.0),
        "site_new_networks": s.others("site_service", "new_networks", "site_network", "last"),
        "site_known": s.since("site_service"),
        "site_endpoint": s.age("site_endpoint"),
        "met": bool(s.number("outbound")) and s.is_known("site_endpoint"),
        "site_most": s.get("site_endpoint", "most"),
        "same_outcome": s.get("service", "answered", int(s.number("outcome"))),
        "answered_itself": s.number("answered"),
        "duration": s.number("duration") if s.number("has_duration") else np.nan,
        "gap": max(0.0, s.now - s.get("service", "last")),
        "usual_up": s.usual("service", "up", "sent"),
        "usual_down": s.usual("service", "down", "exchanged"),
        "usual_duration": s.usual("service", "duration", "exchanged"),
        "usual_gap": s.usual("service", "gap"),
        "calls": s.get("endpoint", "count"),
        "gap_mean": s.get("endpoint", "gap"),
        "gap_sd": np.sqrt(s.get("endpoint", "gap_variance")),
        **s.counters("peers", "services", "failures", "records", "sent"),
    }


def of_dns(s: Seen) -> dict[str, Any]:
    """Return what the formulas of dns speak of."""
    settled = s.get("device", "first") + HALF_A_DAY
    site_settled = s.get("site", "first") + HALF_A_DAY
    return {
        **{name: s.number(name) for name in ("label", "entropy", "digits", "answer")},
        "length": s.number("bytes"),
        "site_type": s.get("site_type", "count"),
        "site_records": s.get("site", "count"),
        "names": s.last_hour("domain", "names"),
        "queries": s.last_hour("domain", "queries"),
        "carried": s.last_hour("domain", "bytes"),
        "domain": s.age("domain"),
        "resolver": s.age("resolver"),
        "known": max(0.0, s.known - HALF_A_DAY),
        "new_domains": s.others("device", "new_domains", "domain", since=settled),
        "new_resolvers": s.others("device", "new_resolvers", "resolver", since=settled),
        "site_domain": s.age("site_domain"),
        "devices": s.get("site_domain", "count"),
        "site_new_domains": s.others("site", "new_domains", "site_domain", "last", site_settled),
        "site_known": max(0.0, s.now - site_settled),
        "same_type": s.get("type", "count"),
        "same_result": s.get("device", "no_error", int(s.number("result"))),
        "records": s.get("device", "count"),
        "noerror": s.number("no_error"),
        **s.counters("domains", "names", "failures", "records"),
    }


def of_http(s: Seen) -> dict[str, Any]:
    """Return what the formulas of http speak of."""
    return {
        "host": s.age("host"),
        "agent": s.age("agent"),
        "known": s.known,
        "new_hosts": s.others("device", "new_hosts", "host"),
        "new_agents": s.others("device", "new_agents", "agent"),
        "same_method": s.get("method", "count"),
        "same_status": s.get("device", "success", int(s.number("status"))),
        "success": s.number("success"),
        "records": s.get("device", "count"),
        "site_host": s.age("site_host"),
        "devices": s.get("site_host", "devices"),
        "site_new_hosts": s.others("site", "new_hosts", "site_host", "last"),
        "site_known": s.now - s.get("site", "first"),
        "uri": s.number("uri_bytes"),
        "strange": s.number("strange"),
        "literal": s.number("literal"),
        "sent": s.number("sent_bytes"),
        "received": s.number("received_bytes"),
        "usual_sent": s.usual("host", "sent"),
        "usual_received": s.usual("host", "received"),
        "usual_uri": s.usual("host", "uri"),
        **s.counters("hosts", "resources", "failures", "records"),
    }


def _settled(s: Seen, things: Mapping[str, str], of_site: str) -> dict[str, Any]:
    """Return counts of new things after the first half day, of the device and of the site."""
    settled, site_settled = (s.get(owner, "first") + HALF_A_DAY for owner in ("device", "site"))
    return {
        **{thing: s.age(thing) for thing in things},
        **{new: s.others("device", new, thing, since=settled) for thing, new in things.items()},
        "known": max(0.0, s.known - HALF_A_DAY),
        f"site_{of_site}": s.others("site", of_site, f"site_{of_site[4:-1]}", "last", site_settled),
        "site_known": max(0.0, s.now - site_settled),
    }


def of_ssl(s: Seen) -> dict[str, Any]:
    """Return what the formulas of ssl speak of."""
    own = "address" if s.get("address", "count") > 0.0 else "device"
    return {
        **_settled(s, {"server": "new_servers", "issuer": "new_issuers", "client": "new_clients"}, "new_servers"),
        **{
            name: s.number(name)
            for name in ("unnamed", "has_issuer", "has_client", "self_signed", "invalid", "vouched")
        },
        **{name: s.age(name) for name in ("address", "site_server", "site_client")},
        **{f"devices_of_{name}": s.get(f"site_{name}", "devices") for name in ("server", "issuer", "client")},
        "unnamed_there": s.get(own, "unnamed"),
        "handshakes_there": s.get(own, "count"),
        "has_cipher": s.number("has_cipher"),
        "same_cipher": s.get("cipher", "count"),
        "records": s.get("device", "count"),
        **s.counters("servers", "addresses", "failures", "records"),
    }


def of_mqtt(s: Seen) -> dict[str, Any]:
    """Return what the formulas of the logs of MQTT speak of."""
    counters = s.counters("names", "brokers", "failures", "records")
    failures = counters["failures_hour"]
    return {
        **_settled(s, {"name": "new_names", "broker": "new_brokers"}, "new_names"),
        **{name: s.number(name) for name in ("failed", "news", "broad", "sent", "payload")},
        "site_name": s.age("site_name"),
        "since_first": s.known,
        "devices": s.get("site_name", "devices"),
        "usual_payload": s.usual("name", "payload"),
        "alike": s.get("family", "count"),
        "refused": failures.count,
        "usual_refused": 2.0 ** (failures.mean + failures.sd) - 1.0,
        **counters,
    }


WORDS = {"conn": of_conn, "dns": of_dns, "http": of_http, "ssl": of_ssl} | dict.fromkeys(
    ("mqtt_connect", "mqtt_publish", "mqtt_subscribe"), of_mqtt
)


def after(traffic: Traffic, begin: float) -> Frames:
    """Return an ordinary quarter of an hour after a day, what is odd in it, what fails, and a device that is new."""
    site = traffic.Site(hours=0.2, begin=begin).frames()
    many, times = range(40), begin + 2.0 * np.arange(40.0)
    hosts = [("api1.cloud.example", "45.66.77.88", f"host{k}.example")[k % 3] for k in many]
    oddly = traffic.requests(
        times, traffic.VICTIM, hosts, ["/../../etc/passwd?%20;" + "a" * 40 * (k % 8) for k in many],
        method=["GET", "POST"] * 20, user_agent=["curl/8"] * 40, status_code=[200, 404, None, 500] * 10,
        request_body_len=[10 ** (k % 8) for k in many], response_body_len=[7 ** (k % 8) for k in many],
    )  # fmt: skip
    outage = traffic.flows(times, traffic.VICTIM, ["203.0.113.2"] * 40, 443, conn_state=["S0", "REJ", "OTH", "SF"] * 10)
    names = [f"n{k}.none{k}.example" if k % 2 else f"n{k}.none.example" for k in many]
    unknown = traffic.lookups(times, traffic.VICTIM, names, rcode=[3, 2, None, 0] * 10)
    upload = traffic.flows(times, traffic.VICTIM, ["62.1.2.3"] * 40, 8443, orig_bytes=[2 ** (k % 30) for k in many])
    closely = traffic.flows(times + 0.1, traffic.VICTIM, ["62.1.2.4"] * 40, 443)
    scans = [
        upload,
        closely,
        traffic.scan(begin, 40),
        traffic.beacon(begin + 60.0),
        traffic.beacon(begin, device=STRANGER),
    ]
    tunnels = [traffic.tunnel(begin + 60.0, 40), traffic.tunnel(begin, 5, device=STRANGER)]
    return {
        "conn": traffic.in_order("conn", [site["conn"], outage, *scans]),
        "dns": traffic.in_order("dns", [site["dns"], unknown, *tunnels]),
        "http": traffic.in_order("http", [site["http"], oddly, traffic.requests(times, STRANGER, hosts, ["/"] * 40)]),
        "ssl": traffic.in_order("ssl", [site["ssl"], *odd_handshakes(traffic, times, [f"h{k}.example" for k in many])]),
        **{log: traffic.in_order(log, [site[log], *parts]) for log, parts in odd_messages(traffic, times).items()},
    }


def odd_handshakes(traffic: Traffic, times: Any, names: list[str]) -> list[pl.DataFrame]:
    """Return handshakes with other servers, greetings, versions and certificates, without names, and that fail."""
    statuses = ["self signed certificate", "certificate has expired", None, "ok"] * 10
    chains = [[f"leaf {k % 9}"] if k % 3 else None for k in range(40)]
    more = {
        "ja4": ["other", None] * 20, "cipher": ["RC4", None] * 20, "validation_status": statuses,
        "cert_chain_fps": chains, "established": [True, False] * 20,
        "id.resp_h": [f"45.66.77.{k}" for k in range(40)],
    }  # fmt: skip
    return [
        traffic.handshakes(times, traffic.VICTIM, names, **more),
        traffic.handshakes(times, traffic.VICTIM, ["new.example", None] * 20),
        traffic.handshakes(times, STRANGER, names),
    ]


def odd_messages(traffic: Traffic, times: Any) -> dict[str, list[pl.DataFrame]]:
    """Return messages with other names, of others, at other brokers, refused, large, and to everything."""
    elsewhere = {"id.resp_h": [f"192.168.8.{k}" for k in range(40)]}
    numbered = [f"n{k}" for k in range(40)]
    foreign = [f"home/{traffic.NEIGHBOUR}/state"] * 40
    own = traffic.messages("mqtt_publish", times, traffic.VICTIM, payload_len=[2**k % 65_536 for k in range(40)])
    return {
        "mqtt_connect": [
            traffic.messages("mqtt_connect", times, traffic.VICTIM, client_id=numbered, **elsewhere),
            traffic.messages("mqtt_connect", times, traffic.VICTIM, connect_status=["Refused"] * 40),
        ],
        "mqtt_publish": [
            own,
            traffic.messages("mqtt_publish", times, traffic.VICTIM, topic=foreign, **elsewhere),
            traffic.messages("mqtt_publish", times, STRANGER, topic=numbered),
        ],
        "mqtt_subscribe": [
            traffic.messages(
                "mqtt_subscribe",
                times,
                traffic.VICTIM,
                topics=[[n, "#" if k % 2 else n] for k, n in enumerate(numbered)],
                **elsewhere,
            ),
        ],
    }


def differences(
    driven: Driven,
    learned: pl.DataFrame,
    frame: pl.DataFrame,
    formulas: Mapping[str, str],
    functions: Mapping[str, Any],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Learn one frame; return what formulas and loop give for each record of another, each learned after it."""
    driven.run(learned, trusted=True)
    said, measured = np.zeros((frame.height, len(formulas))), np.zeros((frame.height, len(formulas)))
    for i in range(frame.height):
        measured[i] = list(driven.measure(frame[i : i + 1]).values())
        names = {**functions, **WORDS[driven.kind.name](Seen(driven))}
        said[i] = [eval(formula, names) for formula in formulas.values()]  # noqa: S307 - our own page
        driven.learn()
    return said, measured


@pytest.mark.parametrize("name", KINDS)
def test_formulas_give_what_is_measured(name: str, features_page: FeaturesPage, traffic: Traffic) -> None:
    learned = traffic.Site(hours=24.0).frames()[name]
    frame = after(traffic, traffic.START + traffic.DAY)[name]
    formulas = {row[0].strip("`"): row[1].strip("`") for row in features_page.table(name, "feature")}
    said, measured = differences(traffic.Driven(name), learned, frame, formulas, features_page.functions)
    wrong = np.abs(said - measured).max(axis=0)
    assert {feature: w for feature, w in zip(formulas, wrong, strict=True) if not w < 1e-9} == {}
    assert {feature for feature, values in zip(formulas, measured.T, strict=True) if not np.ptp(values) > 0.0} == set()
