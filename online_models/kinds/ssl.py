"""ssl: which servers a device trusts by which certificates, how it greets them, and how often.

The device is the client, or the server if it is local and the client is not. A server is known by the name that the
client asks for (SNI; without one by its address), its certificate by the last fingerprint of a longer chain, which
outlives renewals, or by the issuer; if it is signed by itself, by its own. No public authority signs for private
addresses, so certificates signed by themselves are news of servers outside only. Where neither ssl.log nor x509.log
tells ``subject`` and ``issuer``, a chain of one certificate that nobody validated counts as signed by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.behaviours import (
    CONTACT,
    LOSS,
    UPDATE,
    Behaviour,
    Likeness,
    Sighting,
    counted_burst,
    plain,
    reach_clauses,
)
from online_models.features.text import GLOBAL, ends_of, hashes, owned
from online_models.kinds.contexts import context_of_ends
from online_models.kinds.dns_words import name_itself, registered_domain
from online_models.kinds.kind import (
    LEAST,
    MATTERS,
    Entries,
    Kind,
    recent_things,
    view_of,
)
from online_models.measures.excess import FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import USUAL
from online_models.measures.time import HOUR, SETTLING
from online_models.program.formulas import most, where
from online_models.program.machine import Keys
from online_models.program.registers import BOUND, COUNT, DOUBT, LEARN, MEASURE, NAME, TELL, TOLD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value
    from online_models.program.machine import Columns

CLAUSES = {
    "novelty.server": "a server name that is new to it; it meets {u} new ones a day",
    "novelty.site": "a server name that {o} devices of the site use; the site meets {u} new ones a day",
    "novelty.issuer": "an issuer of certificates that is new to it; it meets {u} new ones a day",
    "novelty.client": "a greeting (JA4, JA3) that is new to it; it shows {u} new ones a day",
    "novelty.fingerprint": "a greeting (JA4, JA3) that {o} devices of the site have",
    "novelty.moved": "a name that is new at an address that it has known for {o} h",
    "novelty.unnamed": "no server name, as in {up} of its handshakes there",
    "trust.self_signed": "a certificate signed by itself, which {u} devices of the site have met",
    "trust.invalid": "a certificate that does not hold, which {u} devices of the site have met",
    "trust.cipher": "a version and cipher that {up} of its handshakes have",
    **reach_clauses("servers: servers", "addresses: addresses", "failures: failed handshakes", "records: handshakes"),
}
_SITE, _ISSUER, _CLIENT, _CIPHER = (np.uint64(salt) for salt in (0x517E, 0x1554E4, 0xC11E47, 0xC1F4E4))
_HOW_NEW = "server.newness"
"""Note of how new a server is, by its name or its address."""
_NEW = {"server": "new_servers", "issuer": "new_issuers", "client": "new_clients"}
_COUNTERS = ((THINGS, "servers"), (OTHER_THINGS, "addresses"), (FAILURES, "failures"), (RECORDS, "records"))
_NUMBERS = ("failed", "unnamed", "has_issuer", "has_client", "has_cipher", "self_signed", "invalid", "vouched")
_SELF_SIGNED = r"^self.signed certificate$"
"""What OpenSSL says of it, with a hyphen since 3.0; one that stands above others in a chain is a private authority."""


def _read(frame: pl.DataFrame) -> pl.DataFrame:
    status, chain = pl.col("validation_status"), pl.col("cert_chain_fps")
    own_issuer = (pl.col("subject") == pl.col("issuer")).fill_null(chain.list.len() == 1)
    by_itself = status.str.contains(_SELF_SIGNED).fill_null(own_issuer).fill_null(value=False)
    issuer = pl.when(by_itself).then(pl.coalesce(chain.list.first(), "issuer"))
    authority = pl.when(chain.list.len() > 1).then(
        chain.list.last()
    )  # the same whether x509.log was read by then or not
    return frame.select(
        issuer.otherwise(pl.coalesce(authority, "issuer", chain.list.last())).alias("issuer"),
        pl.coalesce("server_name", "id.resp_h").alias("name"),
        pl.coalesce("ja4", "ja3").alias("client"),
        pl.concat_str("version", "cipher", separator=" ").alias("cipher"),
        ~pl.col("established").fill_null(value=True).alias("failed"),
        pl.col("server_name").is_null().alias("unnamed"),
        by_itself.alias("self_signed"),
        (~by_itself & (status != "ok").fill_null(value=False)).alias("invalid"),
        (status == "ok").fill_null(value=False).alias("vouched"),
    )


def _columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    frame, read = batch.frame, _read(batch.frame)
    client, server = ends_of(frame, "orig", ranges), ends_of(frame, "resp", ranges)
    inbound = (client.scope == GLOBAL) & (server.scope != GLOBAL)
    device, peer = np.where(inbound, server.key, client.key), np.where(inbound, client.key, server.key)
    name = np.where(inbound, client.key, hashes(read["name"]))
    keys, of, n = Keys(device), Keys(device), len(batch)

    def salted(salt: np.uint64) -> npt.NDArray[np.uint64]:
        return of.own(device, np.full(n, salt))

    issuer, fingerprint = hashes(read["issuer"]), hashes(read["client"])
    own_name = keys.own(device, name)
    keys.own(salted(_SITE), peer)
    keys.own(salted(_ISSUER), issuer)
    keys.own(salted(_CLIENT), fingerprint)
    keys.own(salted(_CIPHER), hashes(read["cipher"]))
    keys.plain(name)
    keys.join(np.full(n, _ISSUER), issuer)
    keys.join(np.full(n, _CLIENT), fingerprint)
    keys.plain(np.full(n, _SITE))
    keys.own(own_name, name)
    keys.own(own_name, peer)
    is_outside = ~inbound & (server.scope == GLOBAL)
    numbers = {name: read[name].to_numpy() for name in ("failed", "unnamed", "self_signed", "invalid", "vouched")}
    numbers |= {f"has_{name}": read[name].is_not_null().to_numpy() for name in ("issuer", "client", "cipher")}
    numbers |= {name: numbers[name] & is_outside for name in ("self_signed", "invalid")}
    ts = owned(frame["ts"].fill_null(0.0).to_numpy())
    return keys.with_numbers(ts, ts, [numbers[name] for name in _NUMBERS], inbound)


def _context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    return context_of_ends(frame, columns.turned, pl.col("server_name").fill_null(pl.col("id.resp_h").fill_null("")))


def _measure(f: Formulas) -> None:
    fresh = {thing: f.newness(thing) * f.rarity_of_new("device", new, "faded_at", thing) for thing, new in _NEW.items()}
    f.measure("novelty.server", fresh["server"])
    at_site = f.newness("site_server") / (1.0 + f.get("site_server", "devices"))
    f.measure("novelty.site", at_site * f.rarity_of_new("site", "new_servers", "last", "site_server"))
    # a server that the device knows may change its authority, as long as that is one that is trusted
    may_change = f.number("vouched") * (1.0 - f.newness("server"))
    f.measure("novelty.issuer", fresh["issuer"] * f.number("has_issuer") * (1.0 - may_change))
    f.measure("novelty.client", fresh["client"] * f.number("has_client"))
    alone = f.newness("site_client") / (1.0 + f.get("site_client", "devices"))
    f.measure("novelty.fingerprint", alone * f.newness("client") * f.number("has_client"))
    f.measure("novelty.moved", fresh["server"] * ~f.number("unnamed") * (1.0 - f.newness("address")))
    f.measure("novelty.unnamed", f.number("unnamed") * f.surprise(*_unnamed(f), USUAL))
    f.expect_novelty()
    unmet = f.newness("issuer") / (1.0 + f.get("site_issuer", "devices"))
    f.measure("trust.self_signed", f.number("self_signed") * unmet)
    f.measure("trust.invalid", f.number("invalid") * unmet)
    of_cipher = f.surprise(f.get("cipher", "count"), f.get("device", "count"))
    f.measure("trust.cipher", of_cipher * f.number("has_cipher"))
    f.measure_reach(_COUNTERS)


def _unnamed(f: Formulas) -> tuple[Value, Value]:
    """Return how many handshakes had no name, and how many there were: at this address, or if it is new, at any."""
    known = f.get("address", "count") > 0.0
    unnamed = where(known, f.get("address", "unnamed"), f.get("device", "unnamed"))
    return unnamed, where(known, f.get("address", "count"), f.get("device", "count"))


def _name(f: Formulas) -> None:
    """Name what the device is doing by what is worst of it.

    What nobody vouches for comes first, however new the rest is. A greeting is what it is about where the server is
    none of the news: what greets a new one is about that.
    """
    trust, reach, novelty = (f.weights[view] * f.decades(view) for view in ("trust", "reach", "novelty"))
    greeting = f.feature("novelty.client") + f.feature("novelty.fingerprint")
    is_known = most(f.newness("server"), f.newness("address")) < MATTERS
    greets = is_known * (greeting > f.feature("novelty.server") + f.feature("novelty.site"))
    untrusted = most(f.feature("trust.self_signed"), f.feature("trust.invalid"))
    distrusts = f.choose(untrusted > 0.0, "untrusted-server", "odd-tls-client")
    fresh = f.choose(greets, "odd-tls-client", "new-tls-server")
    named = where(most(trust - novelty, untrusted - MATTERS) >= 0.0, distrusts, fresh)
    is_burst = reach > most(trust, novelty)
    f.name_behaviour(where(is_burst, f.behaviour("tls-burst"), named))
    f.decide((untrusted >= MATTERS) * ~is_burst)


def _has(f: Formulas, thing: str) -> Value | float:
    return 1.0 if thing == "server" else f.number(f"has_{thing}")


def _count_new(f: Formulas) -> None:
    """Let what is new count in how often new things come, learned or not, once the first twelve hours are over."""
    settled = f.since("device") >= SETTLING
    f.fade("device", *_NEW.values(), faded_at="faded_at")
    for thing, new in _NEW.items():
        f.count_new("device", new, thing, settled * _has(f, thing))
    f.fade("site", "new_servers", faded_at="last")
    f.count_new("site", "new_servers", "site_server", f.since("site") >= SETTLING)


def _learn(f: Formulas) -> None:
    _count_new(f)
    f_new = {thing: f.touch(thing) * _has(f, thing) for thing in _NEW}
    f.touch("cipher")
    f.bump("cipher", "count")
    f.touch("address")
    f.bump("address", "count")
    for key in ("device", "address"):
        f.bump(key, "unnamed", f.number("unnamed"))
    f.touch("site")
    for thing in _NEW:
        new_to_site = f.touch(f"site_{thing}")
        f.bump(f"site_{thing}", "devices", most(new_to_site, f_new[thing]))


def _tell(f: Formulas) -> None:
    for thing, new in _NEW.items():
        f.tell(f"novelty.{thing}", 1.0, f.rate_a_day(f.faded("device", new, "faded_at"), f.since("device")))
    at_site = f.rate_a_day(f.faded("site", "new_servers", "last"), f.since("site")) * f.found("site")
    f.tell("novelty.site", f.get("site_server", "devices"), at_site)
    f.tell("novelty.fingerprint", f.get("site_client", "devices"))
    f.tell("novelty.moved", f.since("address") / HOUR)
    f.tell(_HOW_NEW, most(f.newness("server"), f.newness("address")))
    unnamed, handshakes = _unnamed(f)
    f.tell("novelty.unnamed", f.number("unnamed"), unnamed / most(1.0, handshakes))
    for name in ("self_signed", "invalid"):
        f.tell(f"trust.{name}", f.number(name), f.get("site_issuer", "devices"))
    f.tell("trust.cipher", 1.0, f.get("cipher", "count") / most(1.0, f.get("device", "count")))
    f.tell_reach(_COUNTERS)


def _formulas(f: Formulas) -> None:
    with f.section(COUNT):
        f.count_thing("recent_server", THINGS)
        f.count_thing("recent_address", OTHER_THINGS)
        f.count_record(f.number("failed"))
    with f.section(MEASURE):
        _measure(f)
    with f.section(BOUND):
        untrusted = most(f.feature("trust.self_signed"), f.feature("trust.invalid"))
        past = most(f.maturity, f.past("site") * f.number("self_signed"))
        # a site that has met few certificates cannot rank one that nobody vouches for; who comes new to a site may
        # bring its maker's own authority along, but who is signed by nobody is news of whoever calls it
        f.bound("trust", most(f.decades("trust"), LEAST * untrusted * past))
    with f.section(NAME):
        _name(f)
    with f.section(LEARN):
        _learn(f)
    with f.section(DOUBT):
        _count_new(f)
        for thing in ("address", *_NEW, *(f"site_{thing}" for thing in _NEW)):
            f.put_on_probation(thing)
    with f.section(TOLD):
        _count_new(f)
    with f.section(TELL):
        _tell(f)


def _server(s: Sighting) -> str:
    return f"{s.peer} without naming a server" if s.target == s.peer else f"{s.target} at {s.peer}"


def new_server(s: Sighting) -> str:
    """Tell of a first handshake with a server, of one without a name, or of who vouches for a server now."""
    if s.facts.get(_HOW_NEW, (1.0, 0.0))[0] < MATTERS and s.target != s.peer:
        rate = plain(s.facts["novelty.issuer"][1])
        return f"{s.device} met a certificate of another issuer at {_server(s)}; new issuers come {rate} a day"
    rate = plain(s.facts["novelty.server"][1])
    return f"{s.device} speaks TLS with {_server(s)}, which is new; new servers come {rate} a day"


def untrusted(s: Sighting) -> str:
    """Tell of a certificate that nobody vouches for."""
    is_by_itself, met = s.facts["trust.self_signed"]
    what = "signed by itself" if is_by_itself else "that does not hold"
    return f"{s.device} took a certificate {what} from {_server(s)}; {plain(met)} devices of the site have met it"


def odd_client(s: Sighting) -> str:
    """Tell of a greeting of another program."""
    have = plain(s.facts["novelty.fingerprint"][0])
    return f"{s.device} greets {_server(s)} as another TLS client than before; {have} devices of the site do so"


def burst(s: Sighting) -> str:
    """Tell of many handshakes."""
    count, usual, span, counter = counted_burst(s, "records", "addresses", "servers", "failures")
    what = {"records": "TLS handshakes", "failures": "failed TLS handshakes"}.get(counter, f"TLS {counter}")
    return f"{s.device} had {plain(count)} {what} in {span}, last with {_server(s)}; usual is {plain(usual)}"


SSL = Kind(
    name="ssl",
    device_columns=(*_NEW.values(), "faded_at", "unnamed"),
    tables={
        "server": Entries(("first",)),
        "habit": Entries(("first", "count", "unnamed"), a_device=8, adds=4),
        "site": Entries(("first", "devices", "new_servers"), of_pairs=0.5, adds=4),
        "recent": recent_things(),
    },
    keys={
        "server": "server",
        **dict.fromkeys(("address", "issuer", "client", "cipher"), "habit"),
        **dict.fromkeys(("site_server", "site_issuer", "site_client", "site"), "site"),
        **dict.fromkeys(("recent_server", "recent_address"), "recent"),
    },
    numbers=_NUMBERS,
    columns=_columns,
    context=_context,
    views=(
        view_of(CLAUSES, "novelty", weight=0.9, compares=1.0),
        view_of(CLAUSES, "trust", weight=1.0, compares=1.0, forest=(25, 6)),
        view_of(CLAUSES, "reach", weight=0.7, forest=(25, 6)),
    ),
    formulas=_formulas,
    things=("server", "issuer", "address"),
    recent_thing="recent_server",
    behaviours=(
        Behaviour("new-tls-server", "T1071.001", CONTACT, new_server, Likeness(by_name=True), drifts=True),
        Behaviour("untrusted-server", "T1573.002", LOSS, untrusted, Likeness((0,), ("new-tls-server",), by_name=True)),
        Behaviour("odd-tls-client", "T1573", UPDATE, odd_client, drifts=True, grows=False),
        Behaviour("tls-burst", "T1046", LOSS, burst),
    ),
    share=0.1,
    subject=registered_domain,
    domain=name_itself,
    notes=(_HOW_NEW,),
)
