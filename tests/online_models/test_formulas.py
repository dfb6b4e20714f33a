"""The formulas of docs/features.md give the features that the kernels measure, record by record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pytest

from ingest.records import MODELLED_KINDS, RecordBatch
from online_models.features import (
    conn,
    conn_columns,
    conn_learn,
    conn_state,
    dns,
    dns_columns,
    dns_learn,
    dns_state,
    http,
    http_columns,
    http_learn,
    http_state,
    past,
    windows,
)
from online_models.features.address import local_ranges
from online_models.features.table import Table, claim, find
from online_models.guard import FIRST, FROZEN, LAST, RELEASED
from online_models.kinds import KINDS
from online_models.outcome import new_outcome
from online_models.views import new_views

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from conftest import FeaturesPage, Frames, Traffic

Row = npt.NDArray[np.float64]
RANGES = local_ranges()
STRANGER = "192.168.7.99"
FEW = {"minute": (1, 1, 3, 3, 10), "hour": (2, 2, 4, 4, 10)}


class Seen(NamedTuple):
    """A record (the only one in ``columns``) that was counted and not yet learned, with its keys and its device."""

    state: Any
    columns: Any
    keys: Any
    device: Row

    @property
    def now(self) -> float:
        """Log time."""
        return float(self.device[LAST])

    @property
    def known(self) -> float:
        """Seconds since the device was first learned."""
        return max(0.0, self.now - self.device[FIRST]) if self.device[FIRST] > 0.0 else 0.0

    def row(self, table: Table, key: int) -> Row:
        """Return a table's row, of zeros if there is none."""
        place = find(table, self.keys[key])
        return table.rows[place] if place >= 0 else np.zeros(table.rows.shape[1])

    def age(self, table: Table, key: int) -> float:
        """Return for how long an entry is known."""
        return past.trusted_age(self.row(table, key)[1], self.now, self.device[FROZEN], self.device[RELEASED])

    def faded(self, row: Row, count: int, at: int) -> float:
        """Return a faded count."""
        return past.decayed(row[count], row[at], self.now)

    def others(self, row: Row, count: int, at: int, own: Row, since: float = 0.0) -> float:
        """Return a faded count of things new since a time, without what the thing of a row has added to it."""
        added = past.decayed(1.0, own[1], self.now) if own[1] > 0.0 and own[1] >= since else 0.0
        return max(0.0, self.faded(row, count, at) - added)

    def counters(self, base: int, *names: str) -> dict[str, SimpleNamespace]:
        """Return the counters of both windows by name."""
        places, found = vars(windows), {}
        for window, span in enumerate(("minute", "hour")):
            for k, name in enumerate(names):
                at = base + window * windows.WINDOWS_WIDTH // 2
                usual = at + places["_USUAL"] + 2 * k
                found[f"{name}_{span}"] = SimpleNamespace(
                    count=windows.observed(self.device, base, window, k, self.now),
                    mean=self.device[usual],
                    sd=np.sqrt(self.device[usual + 1]),
                    windows=self.device[at + places["_SEEN"]],
                    few=FEW[span][k],
                )
        return found


def usual(row: Row, at: int, count: float | None = None) -> SimpleNamespace:
    """Return mean and standard deviation, in two columns of a row, and number of values (default: all records)."""
    return SimpleNamespace(mean=row[at], sd=np.sqrt(row[at + 1]), n=row[2] if count is None else count)


def of_conn(seen: Seen) -> dict[str, Any]:
    """Return what the formulas of conn speak of."""
    s, state, columns = conn_state, seen.state, seen.columns
    service, endpoint = seen.row(state.service, s.SERVICE), seen.row(state.endpoint, s.ENDPOINT)
    own, network = seen.row(state.network, s.NETWORK), seen.row(state.site, s.SITE_NETWORK)
    site, outcome = seen.row(state.site, s.SITE_SERVICE), columns.outcome[0]
    is_counted = network[s.SITE_DEVICES] > 0.0 and own[s.FIRST] >= network[s.FIRST] and own.any()
    return {
        "endpoint": seen.age(state.endpoint, s.ENDPOINT),
        "network": seen.age(state.network, s.NETWORK),
        "service": seen.age(state.service, s.SERVICE),
        "lateral": columns.direction[0] == conn_columns.LATERAL,
        "known": seen.known,
        "records": service[s.COUNT],
        "other_records": service[s.COUNT] - endpoint[s.COUNT],
        "new_services": seen.others(seen.device, s.NEW_SERVICES, s.FADED_AT, service),
        "new_networks": seen.others(seen.device, s.NEW_NETWORKS, s.FADED_AT, own),
        "new_peers": seen.others(service, s.NEW_PEERS, s.PEERS_FADED_AT, endpoint),
        "service_known": seen.now - service[s.FIRST] if service[s.FIRST] > 0.0 else 0.0,
        "site_network": seen.age(state.site, s.SITE_NETWORK),
        "devices": network[s.SITE_DEVICES] - (1.0 if is_counted else 0.0),
        "site_new_networks": seen.others(site, s.SITE_NEW_NETWORKS, s.LAST, network),
        "site_known": seen.now - site[s.FIRST] if site[s.FIRST] else 0.0,
        "same_outcome": service[s.OUTCOMES + outcome],
        "outbound": columns.direction[0] == conn_columns.OUTBOUND,
        "login": columns.login[0],
        "answered_itself": outcome == conn_columns.ANSWERED,
        "exchanged": outcome == conn_columns.ANSWERED
        or (outcome == conn_columns.BROKEN and columns.up[0] > 0.0 and columns.down[0] > 0.0),
        "up": columns.up[0],
        "down": columns.down[0],
        "duration": columns.duration[0],
        "gap": max(0.0, seen.now - service[s.LAST]),
        "usual_up": usual(service, s.UP, service[s.SENT]),
        "usual_down": usual(service, s.DOWN, service[s.EXCHANGED]),
        "usual_duration": usual(service, s.DURATION, service[s.EXCHANGED]),
        "usual_gap": usual(service, s.GAP),
        "calls": endpoint[s.COUNT],
        "gap_mean": endpoint[s.ENDPOINT_GAP],
        "gap_sd": np.sqrt(endpoint[s.ENDPOINT_GAP + 1]),
        **seen.counters(s.WINDOWS, "peers", "services", "failures", "records", "sent"),
    }


def of_dns(seen: Seen) -> dict[str, Any]:
    """Return what the formulas of dns speak of."""
    s, state, columns = dns_state, seen.state, seen.columns
    device, site, domain = seen.device, seen.row(state.site, s.SITE), seen.row(state.domain, s.DOMAIN)
    return {
        "length": columns.names.sub_length[0],
        "label": columns.names.longest_label[0],
        "entropy": columns.names.entropy[0],
        "digits": columns.names.digits[0],
        "answer": columns.answer_length[0],
        "site_type": seen.row(state.site, s.SITE_TYPE)[s.SITE_COUNT],
        "site_records": site[s.SITE_COUNT],
        "names": dns.last_hour(domain, s.NAMES, seen.now),
        "queries": dns.last_hour(domain, s.QUERIES, seen.now),
        "carried": dns.last_hour(domain, s.BYTES, seen.now),
        "domain": seen.age(state.domain, s.DOMAIN),
        "resolver": seen.age(state.resolver, s.RESOLVER),
        "known": max(0.0, seen.known - 12 * 3600.0),
        "new_domains": seen.others(device, s.NEW_DOMAINS, s.FADED_AT, domain, device[s.FIRST] + 12 * 3600.0),
        "new_resolvers": seen.others(
            device, s.NEW_RESOLVERS, s.FADED_AT, seen.row(state.resolver, s.RESOLVER), device[s.FIRST] + 12 * 3600.0
        ),
        "site_domain": seen.age(state.site, s.SITE_DOMAIN),
        "devices": seen.row(state.site, s.SITE_DOMAIN)[s.SITE_DEVICES],
        "site_new_domains": seen.others(
            site, s.SITE_NEW, s.LAST, seen.row(state.site, s.SITE_DOMAIN), site[s.FIRST] + 12 * 3600.0
        ),
        "site_known": max(0.0, seen.now - site[s.FIRST] - 12 * 3600.0),
        "same_type": seen.row(state.resolver, s.TYPE)[s.COUNT],
        "same_result": device[s.RESULTS + columns.result[0]],
        "records": device[s.COUNT],
        "noerror": columns.result[0] == dns_columns.NOERROR,
        **seen.counters(s.WINDOWS, "domains", "names", "failures", "records"),
    }


def of_http(seen: Seen) -> dict[str, Any]:
    """Return what the formulas of http speak of."""
    s, state, columns = http_state, seen.state, seen.columns
    device, site, host = seen.device, seen.row(state.site, s.SITE), seen.row(state.host, s.HOST)
    return {
        "host": seen.age(state.host, s.HOST),
        "agent": seen.age(state.habit, s.AGENT),
        "known": seen.known,
        "new_hosts": seen.faded(device, s.NEW_HOSTS, s.FADED_AT),
        "new_agents": seen.faded(device, s.NEW_AGENTS, s.FADED_AT),
        "same_method": seen.row(state.habit, s.METHOD)[s.COUNT],
        "same_status": device[s.STATUSES + columns.status[0]],
        "success": columns.status[0] == http_columns.SUCCESS,
        "records": device[s.COUNT],
        "site_host": seen.age(state.site, s.SITE_HOST),
        "devices": seen.row(state.site, s.SITE_HOST)[s.SITE_DEVICES],
        "site_new_hosts": seen.faded(site, s.SITE_NEW, s.LAST),
        "site_known": seen.now - site[s.FIRST],
        "uri": columns.uri_length[0],
        "strange": columns.strange[0],
        "literal": columns.literal[0],
        "sent": columns.sent[0],
        "received": columns.received[0],
        "usual_sent": usual(host, s.SENT),
        "usual_received": usual(host, s.RECEIVED),
        "usual_uri": usual(host, s.LENGTH),
        **seen.counters(s.WINDOWS, "hosts", "resources", "failures", "records"),
    }


PARTS = {
    "conn": (conn, conn_state, conn_learn, of_conn),
    "dns": (dns, dns_state, dns_learn, of_dns),
    "http": (http, http_state, http_learn, of_http),
}


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
    scans = [upload, traffic.scan(begin, 40), traffic.beacon(begin + 60.0), traffic.beacon(begin, device=STRANGER)]
    tunnels = [traffic.tunnel(begin + 60.0, 40), traffic.tunnel(begin, 5, device=STRANGER)]
    return {
        "conn": traffic.in_order("conn", [site["conn"], outage, *scans]),
        "dns": traffic.in_order("dns", [site["dns"], unknown, *tunnels]),
        "http": traffic.in_order("http", [site["http"], oddly, traffic.requests(times, STRANGER, hosts, ["/"] * 40)]),
    }


def called(part: Any) -> Any:
    """Return what Python can call in place of a part of kernels."""

    @numba.njit  # type: ignore[untyped-decorator]
    def call(*arguments: Any) -> Any:
        return part(*arguments)

    return call


def differences(
    name: str, learned: pl.DataFrame, frame: pl.DataFrame, formulas: Mapping[str, str], functions: Mapping[str, Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Learn one frame; return what formulas and kernel give for each record of another, each learned after it."""
    kind, (features, state_of, learning, words) = KINDS[name], PARTS[name]
    state, views = kind.new_state(1000, 10_000), new_views(kind.edges, kind.weights, kind.compares, kind.forests, 1)
    columns, outcome, at = kind.columns(RecordBatch(name, learned), RANGES), new_outcome(1, len(kind.features)), 0
    while at < learned.height:
        at = kind.run(state, views, columns, at, True, outcome)
        state = kind.with_room(state)
    keys_of, count, measure, learn = map(called, (state_of.keys_of, features.count, features.measure, learning.learn))
    said, measured = np.zeros((frame.height, len(kind.features))), np.zeros((frame.height, len(kind.features)))
    for i in range(frame.height):
        state = kind.with_room(state)
        one = kind.columns(RecordBatch(name, frame[i : i + 1]), RANGES)
        keys_of(one, 0, outcome.keys)
        device = state.device.rows[claim(state.device, outcome.keys[state_of.DEVICE])]
        count(state, one, 0, outcome.keys, device)
        measure(state, one, 0, outcome.keys, device, measured[i])
        names = {**functions, **words(Seen(state, one, outcome.keys, device))}
        said[i] = [eval(formula, names) for formula in formulas.values()]  # noqa: S307 - our own page
        learn(state, one, 0, outcome.keys, device)
    return said, measured


@pytest.mark.parametrize("name", MODELLED_KINDS)
def test_formulas_give_what_is_measured(name: str, features_page: FeaturesPage, traffic: Traffic) -> None:
    learned = traffic.Site(hours=24.0).frames()[name]
    frame = after(traffic, traffic.START + traffic.DAY)[name]
    formulas = {row[0].strip("`"): row[1].strip("`") for row in features_page.table(name, "feature")}
    said, measured = differences(name, learned, frame, formulas, features_page.functions)
    wrong = np.abs(said - measured).max(axis=0)
    assert {feature: w for feature, w in zip(formulas, wrong, strict=True) if not w < 1e-9} == {}
    assert {feature for feature, values in zip(formulas, measured.T, strict=True) if not np.ptp(values) > 0.0} == set()
