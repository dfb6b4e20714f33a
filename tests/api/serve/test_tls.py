"""The service over TLS: its certificate, and the next one without a restart."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from api.errors import SettingsError
from api.serve.tls import Certificate, certificate_of
from api.service import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.api.serve.conftest import Light


def _pair(folder: Path, name: str) -> Certificate:
    """Make a key and a certificate for this host."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl not on PATH")
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    about = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *made, *about, "-keyout", key, "-out", chain], check=True, capture_output=True)
    return Certificate(chain, key)


@pytest.fixture(scope="module")
def secure(
    lightly: Callable[..., AbstractContextManager[Light]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Light, Certificate]]:
    certificate = _pair(tmp_path_factory.mktemp("tls"), "first")
    with lightly(Access(certificate=certificate)) as light:
        yield light, certificate


def _shown(light: Light) -> str:
    """Return the certificate that a new connection is shown, as PEM."""
    return ssl.get_server_certificate(("127.0.0.1", light.port))


def _same(pem: str, path: Path) -> bool:
    return ssl.PEM_cert_to_DER_cert(pem) == ssl.PEM_cert_to_DER_cert(path.read_text())


def test_answers_come_over_tls_and_nothing_over_plain_http(secure: tuple[Light, Certificate]) -> None:
    light, _ = secure
    assert light.http.get("/openapi.json").status_code == 200
    with socket.create_connection(("127.0.0.1", light.port), timeout=60) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert not plain.recv(1 << 16).startswith(b"HTTP/")


def test_a_session_of_a_page_over_tls_is_never_sent_in_the_clear(secure: tuple[Light, Certificate]) -> None:
    light, _ = secure
    answer = light.http.post("/session", json={"token": light.token("viewer", ["read"])})
    assert answer.is_success
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_renewed_certificate_is_shown_to_new_connections(secure: tuple[Light, Certificate], tmp_path: Path) -> None:
    light, certificate = secure
    assert certificate.key is not None
    assert light.tls is not None
    assert _same(_shown(light), certificate.chain)
    renewed = _pair(tmp_path, "renewed")
    shutil.copy(renewed.chain, certificate.chain)
    certificate.reload(light.tls)  # half of the pair was written
    assert not _same(_shown(light), renewed.chain)
    shutil.copy(str(renewed.key), certificate.key)
    certificate.reload(light.tls)
    assert _same(_shown(light), renewed.chain)


def test_what_is_wrong_with_the_files_is_said(tmp_path: Path) -> None:
    first, second = _pair(tmp_path, "first"), _pair(tmp_path, "second")
    with pytest.raises(SettingsError, match="tls_cert"):
        Certificate(tmp_path / "missing.pem").context()
    with pytest.raises(SettingsError, match="its key"):
        Certificate(first.chain, second.key).context()
    with pytest.raises(SettingsError, match="tls_key"):
        certificate_of(None, first.key)
    assert certificate_of(None, None) is None
