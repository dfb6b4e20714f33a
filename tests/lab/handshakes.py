"""TLS as Zeek logs it: greetings, servers, and what a handshake shows of both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab.stage import Stage, by_name
from lab.traffic import Traffic, flows, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lab.traffic import Times

_ID: Final = ("uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
_CIPHERS: Final = {
    "TLSv12": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLSv13": "TLS_AES_128_GCM_SHA256",
}
OK: Final = "ok"
SELF_SIGNED: Final = "self signed certificate"
PRIVATE: Final = "self signed certificate in certificate chain"
"""What Zeek says of a maker's own authority."""


def hashed(*what: object, length: int = 64) -> str:
    """Return hexadecimal digits that stand for a certificate or a greeting."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Server:
    """Some names behind some addresses; who vouches for them (none: themselves), and how often a session is resumed."""

    names: tuple[str, ...]
    peers: tuple[str, ...]
    authority: str = "CN=R11,O=Let's Sign,C=US"
    status: str = OK
    version: str = "TLSv12"
    resumed: float = 0.0
    named: bool = True
    port: int = 443


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a TLS client shows of itself; ``shuffled`` greets with extensions in another order each time (JA3 differs)."""

    program: str
    shuffled: bool = False

    def ja3(self, rng: np.random.Generator, count: int) -> list[str]:
        """Return a JA3 a handshake."""
        orders = rng.integers(0, 1 << 30, count) if self.shuffled else np.zeros(count, np.int64)
        return [hashed("ja3", self.program, order, length=32) for order in orders.tolist()]

    def ja4(self) -> str:
        """Return the JA4, which sorts extensions."""
        return f"t13d15{hashed('ja4', self.program, length=2)}h2_{hashed('a', self.program, length=12)}_{hashed('b', self.program, length=12)}"


def greet(  # each says one thing about the handshakes
    stage: Stage,
    times: Times,
    address: str,
    server: Server,
    greeting: Greeting,
    *,
    sent: int = 900,
    received: int = 4200,
    lasts: float = 0.6,
    which: npt.NDArray[np.int64] | None = None,
) -> Traffic:
    """Return connections with TLS to one of a server's addresses each, or to the name and address of number ``which``."""
    rng, count = stage.rng("tls", address, server.names[0], len(times)), len(times)
    named, where = rng.integers(0, len(server.names), count), rng.integers(0, len(server.peers), count)
    if which is not None:
        named = where = which
    up, down = (np.round(size * rng.lognormal(0.0, 0.2, count)).astype(np.int64) for size in (sent, received))
    peers = [server.peers[n] for n in where.tolist()]
    lasting = lasts * rng.lognormal(0.0, 0.3, count) + 0.1
    conn = flows(times, address, peers, server.port, service="ssl", duration=lasting, sent=up, received=down).logs[
        "conn"
    ]
    names = [server.names[n] for n in named.tolist()]
    ssl = _handshakes(conn, names, server, greeting, rng)
    return Traffic.of(conn=conn, ssl=ssl)


def _handshakes(
    conn: pl.DataFrame, names: Sequence[str], server: Server, greeting: Greeting, rng: np.random.Generator
) -> pl.DataFrame:
    count = len(conn)
    resumed = rng.uniform(size=count) < server.resumed
    shown = ~resumed & (server.version != "TLSv13")
    by_itself = server.status == SELF_SIGNED
    keys = conn["id.resp_h"].to_list() if by_itself else [server.authority] * count
    leaves = [hashed("leaf", name, key) for name, key in zip(names, keys, strict=True)]
    chains = leaves if by_itself else [f"{leaf},{hashed('authority', server.authority)}" for leaf in leaves]
    subjects = [f"CN={name}" for name in names]

    def only(values: Sequence[str]) -> list[str | None]:
        return [value if is_shown else None for value, is_shown in zip(values, shown.tolist(), strict=True)]

    return table(
        "ssl",
        count,
        {
            **{name: conn[name].to_list() for name in _ID},
            "ts": conn["ts"].to_numpy() + 0.03,
            "version": server.version,
            "cipher": _CIPHERS[server.version],
            "curve": "x25519",
            "server_name": list(names) if server.named else None,
            "resumed": resumed,
            "established": True,
            "ssl_history": "CsiI" if server.version == "TLSv13" else "CsxknGIi",
            "cert_chain_fps": only(chains),
            "subject": only(subjects),
            "issuer": only(subjects if by_itself else [server.authority] * count),
            "validation_status": only([server.status] * count),
            "ja3": greeting.ja3(rng, count),
            "ja4": greeting.ja4(),
            "written": conn["ts"].to_numpy() + 0.07,
            "attack": False,
        },
    )


def with_certificates(stage: Stage, traffic: Traffic) -> Traffic:
    """Return the traffic as this sensor logs it: with x509.log, and ssl.log without what its Zeek leaves out.

    A certificate is logged once a day. The event ``sensor`` says what ssl.log lacks.
    """
    ssl = traffic.logs["ssl"]
    first = pl.col("cert_chain_fps").str.split(",").list.first()
    known = ssl.filter(pl.col("cert_chain_fps").is_not_null()).sort("written", maintain_order=True)
    seen = known.with_columns(fingerprint=first, day=(pl.col("ts") // 86_400.0)).unique(
        ["fingerprint", "day"], keep="first", maintain_order=True
    )
    x509 = seen.select(
        "ts",
        "fingerprint",
        pl.col("subject").alias("certificate.subject"),
        pl.col("issuer").alias("certificate.issuer"),
        "written",
        "attack",
    )
    for event in stage.recipe.events:
        if event.kind == "sensor":
            lacks = [name for name in str(by_name(event.args, lacks="")["lacks"]).split() if name]
            ssl = ssl.with_columns(pl.lit(None, pl.String).alias(name) for name in lacks)
    return Traffic({**traffic.logs, "ssl": ssl, "x509": x509})
