"""TLS: the certificate that the service shows, and a new one without a restart."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate chain and its private key lie (PEM); the chain's file may hold both."""

    chain: Path
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what the server shows the certificate with: TLS 1.2 or newer.

        Raises
        ------
        SettingsError
            If a file cannot be read, or the key is not that of the certificate.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def reload(self, context: ssl.SSLContext) -> None:
        """Have new connections see what the files hold now; what cannot be read is told, and the old one stays."""
        try:
            self.context()  # a wrong pair would leave a context with half of it
            self._load(context)
        except SettingsError as error:
            _log.error("%s; the certificate of before is still shown", error)
        else:
            _log.warning("the certificate was read again: %s", self.chain)

    def _load(self, context: ssl.SSLContext) -> None:
        files = f"{self.chain}{'' if self.key is None else f', {self.key}'}"
        try:
            context.load_cert_chain(self.chain, self.key)
        except ssl.SSLError as error:
            raise SettingsError(
                f"tls_cert, tls_key: {files}: expected a certificate chain and its key, unencrypted, as PEM: {error}"
            ) from error
        except OSError as error:
            raise SettingsError(f"tls_cert, tls_key: {files}: {error.strerror}") from error


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return the certificate that settings name, None if they name none.

    Raises
    ------
    SettingsError
        If only a key is named.
    """
    if chain is None and key is not None:
        raise SettingsError("tls_key: names the key of no certificate; name it with tls_cert (--tls-cert), too")
    return None if chain is None else Certificate(chain, key)
