"""ssl.log's and x509.log's columns, as Zeek 8 and 9 write them: subject and issuer are in x509.log only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.columns import from_letters, letters_from, words
from ingest.simulator.dns_frame import optional_words
from ingest.simulator.draws import combine, name_key
from ingest.simulator.frames import JOINT, Scene, head, same
from ingest.simulator.greetings import AUTHORITIES, GREETINGS, ITSELF, LIFETIME
from ingest.simulator.handshakes import certificate_keys, shows_chain
from ingest.simulator.names import CLOUD

if TYPE_CHECKING:
    from ingest.simulator.draws import Keys
    from ingest.simulator.tables import Rows

_HOSTS: Final = [endpoint.name for endpoint in CLOUD.endpoints]
_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_SHUFFLED: Final = np.array([greeting.shuffled for greeting in GREETINGS])
_PROGRAMS: Final = np.array([name_key(greeting.program) for greeting in GREETINGS])
_JA4: Final = [greeting.ja4() for greeting in GREETINGS]
_HISTORIES: Final = ("CsiI", "CsxknGIi")
_CIPHERS: Final = ("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")


def ssl_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return ssl.log's columns, with those of the policies for validation and of the packages for JA3 and JA4."""
    count, unset = len(rows), same(None, len(rows))
    shown, is_old = shows_chain(rows), rows["version"] == 12
    by_itself = rows["authority"] == ITSELF
    order = np.where(_SHUFFLED[rows["greeting"]], rows["key"] % np.uint64(1 << 30), 0)
    return pl.DataFrame(
        {
            **head(rows, scene),
            "version": words(("TLSv13", "TLSv12"), is_old),
            "cipher": words(_CIPHERS, is_old),
            "curve": same("x25519", count),
            "server_name": words(_HOSTS, rows["name"]),
            "resumed": pl.Series(rows["resumed"] > 0),
            "last_alert": unset,
            "next_protocol": unset,
            "established": same(value=True, count=count),
            "ssl_history": words(_HISTORIES, is_old),
            "cert_chain_fps": optional_words(_chains(rows, scene), shown),
            "client_cert_chain_fps": optional_words(same("", count), shown),
            "sni_matches_cert": pl.Series(~by_itself).set(pl.Series(~shown | (rows["name"] < 0)), None),
            "validation_status": words(
                [status for _, status in AUTHORITIES], np.where(shown, rows["authority"].astype(np.int64), -1)
            ),
            "ja3": _hexadecimal(combine("ja3", _PROGRAMS[rows["greeting"]], order) if count else rows["key"], 32),
            "ja4": words(_JA4, rows["greeting"]),
        }
    )


def x509_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return x509.log's columns of certificates."""
    count, unset = len(rows), same(None, len(rows))
    by_itself = rows["authority"] == ITSELF
    name = words(_HOSTS, rows["endpoint"])
    subject = "CN=" + name.zip_with(pl.Series(~by_itself), same("localhost", count))
    issuer = words([authority for authority, _ in AUTHORITIES], rows["authority"])
    began = np.floor(scene.start + (rows["generation"] - 1) * LIFETIME[rows["endpoint"]])
    return pl.DataFrame(
        {
            "ts": pl.Series(np.round(rows["ts"] + scene.start, 6)),
            "fingerprint": _hexadecimal(rows["key"], 64),
            "certificate.version": same(3, count),
            "certificate.serial": _hexadecimal(rows["key"] ^ np.uint64(1), 16).str.to_uppercase(),
            "certificate.subject": subject,
            "certificate.issuer": issuer.zip_with(pl.Series(~by_itself), subject),
            "certificate.not_valid_before": pl.Series(began.clip(0.0)),
            "certificate.not_valid_after": pl.Series(began.clip(0.0) + 2.0 * LIFETIME[rows["endpoint"]]),
            "certificate.key_alg": same("rsaEncryption", count),
            "certificate.sig_alg": same("sha256WithRSAEncryption", count),
            "certificate.key_type": same("rsa", count),
            "certificate.key_length": same(2048, count),
            "certificate.exponent": same("65537", count),
            "certificate.curve": unset,
            "san.dns": optional_words(name, ~by_itself),
            "san.uri": unset,
            "san.email": unset,
            "san.ip": unset,
            "basic_constraints.ca": pl.Series(by_itself),
            "basic_constraints.path_len": pl.Series([None] * count, dtype=pl.Int64),
            "host_cert": same(value=True, count=count),
            "client_cert": same(value=False, count=count),
        }
    )


def _chains(rows: Rows, scene: Scene) -> pl.Series:
    """Return fingerprints of the server's certificate and, unless it signs for itself, its authority's."""
    leaves = _hexadecimal(certificate_keys(scene.site, rows), 64)
    authorities = [None, *(_hexadecimal(combine("authority", [n]), 64)[0] for n in range(1, len(AUTHORITIES)))]
    parts = [pl.lit(leaves), pl.lit(words(authorities, rows["authority"]))]
    return pl.select(pl.concat_str(parts, separator=JOINT, ignore_nulls=True)).to_series()


def _hexadecimal(keys: Keys, digits: int) -> pl.Series:
    """Draw hexadecimal digits of each key."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    return from_letters(letters_from(distinct, "hex", digits, _HEX)).gather(inverse.astype(np.uint32))
