"""Syslog, against a real rsyslog: one framed line each, none lost while it is down; log content controls nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.sinks.conftest import first_of_each, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.sinks.conftest import Desk

RSYSLOGD = shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")
HOSTILE = "evil\n<11>1 - forged - - - -\r\x00\x1b[2J\x7f\x85\u2028 a|b\\c=d \"]'"

pytestmark = pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd not on PATH: apt install rsyslog rsyslog-gnutls")

CONFIGURATION = """
global(workDirectory="{folder}" parser.escapeControlCharactersOnReceive="off" maxMessageSize="64k"
       defaultNetstreamDriverCAFile="{folder}/cert.pem" defaultNetstreamDriverCertFile="{folder}/cert.pem"
       defaultNetstreamDriverKeyFile="{folder}/key.pem")
module(load="imudp")
module(load="imtcp")
template(name="all" type="string"
         string="%pri%|%app-name%|%msgid%|%structured-data%|%timestamp:::date-rfc3339%|%msg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{folder}/out" template="all" asyncWriting="off") }}
input(type="imudp" port="{udp}" address="127.0.0.1" ruleset="keep")
input(type="imtcp" port="{tcp}" address="127.0.0.1" ruleset="keep")
{tls}
"""
TLS = """input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="keep" streamDriver.name="gtls"
      streamDriver.mode="1" streamDriver.authMode="anon")"""


class Rsyslog:
    """A real rsyslogd on ports of its own, which writes what it gets into a file."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.out = folder / "out"
        self.ports = {"udp": free_port(socket.SOCK_DGRAM), "tcp": free_port(), "tls": free_port()}
        self._log = folder / "log"
        if tls:
            self._certificate(folder)
        more = TLS.format(port=self.ports["tls"]) if tls else ""
        text = CONFIGURATION.format(folder=folder, tls=more, **{name: self.ports[name] for name in ("udp", "tcp")})
        if not tls:
            text = "\n".join(line for line in text.splitlines() if "NetstreamDriver" not in line).replace(
                'maxMessageSize="64k"', 'maxMessageSize="64k")'
            )
        (folder / "conf").write_text(text, encoding="utf-8")
        self._command = [str(RSYSLOGD), "-n", "-f", str(folder / "conf"), "-i", str(folder / "pid")]
        self.start()

    @staticmethod
    def _certificate(folder: Path) -> None:
        files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
        names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names],
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start it; return once it listens on TCP."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)

        async def listens() -> None:
            await until(lambda: self.process.poll() is not None or self._answers())

        asyncio.run(listens())
        assert self.process.poll() is None, self._log.read_text()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports["tcp"])) == 0

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def lines(self) -> list[list[str]]:
        """Return what it wrote: priority, application, message identifier, structured data, time, message."""
        text = self.out.read_text(encoding="utf-8") if self.out.exists() else ""
        return [line.split("|", 5) for line in text.split("\n")[:-1]]


@pytest.fixture(scope="module")
def rsyslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rsyslog]:
    made = Rsyslog(tmp_path_factory.mktemp("rsyslog"), tls=True)
    yield made
    made.kill()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("form", ["cef", "json"])
def test_log_content_is_one_line_and_forges_nothing(rsyslog: Rsyslog, desk: Desk, transport: str, form: str) -> None:
    table: dict[str, Any] = {"host": "127.0.0.1", "port": rsyslog.ports[transport], "transport": transport}
    if transport == "tls":
        table["ca_file"] = str(rsyslog.out.with_name("cert.pem"))
    sinks = desk.prepare(syslog=table | {"format": form, "facility": "local3"})
    before = len(rsyslog.lines())
    fields = {"sentence": HOSTILE, "device": HOSTILE, "peers": (HOSTILE,), "behaviour": "scan"}
    desk.raise_alerts(3, severity="critical", comment=HOSTILE, **fields)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: len(rsyslog.lines()) >= before + 3)
            await until(lambda: sinks.statuses()[0].delivered == 3)

    asyncio.run(scenario())
    lines = rsyslog.lines()[before:]
    assert len(lines) == 3
    for number, (priority, application, event, data, _, message) in enumerate(lines, 1):
        assert (priority, application, event) == (str(19 * 8 + 2), "nslabs", "raised")
        assert data == f'[meta sequenceId="{number}"]'
        assert message.isprintable()
        if form == "json":
            assert json.loads(message)["sentence"] == HOSTILE
        else:
            assert message.lstrip().startswith("CEF:0|NetworksecurityLabs|nslabs|")
            assert "a|b\\\\c\\=d" in message


def test_a_receiver_that_nobody_vouches_for_is_not_sent_to(rsyslog: Rsyslog, desk: Desk) -> None:
    sinks = desk.prepare(syslog={"host": "127.0.0.1", "port": rsyslog.ports["tls"], "transport": "tls"})
    desk.raise_alerts(1)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: sinks.statuses()[0].error)

    asyncio.run(scenario())
    assert "certificate" in str(sinks.statuses()[0].error).lower()
    assert sinks.statuses()[0].delivered == 0


@pytest.mark.slow
def test_killed_for_five_thousand_alerts_it_gets_each_in_order(tmp_path: Path, desk: Desk) -> None:
    (tmp_path / "rsyslog").mkdir()
    rsyslog = Rsyslog(tmp_path / "rsyslog")
    sinks = desk.prepare(
        syslog={"host": "127.0.0.1", "port": rsyslog.ports["tcp"], "transport": "tcp", "format": "json"}
    )

    def ids() -> list[str]:
        return [json.loads(line[5])["id"] for line in rsyslog.lines()]

    async def scenario() -> list[str]:
        async with desk.running():
            names = desk.raise_alerts(300)
            await until(lambda: sinks.statuses()[0].delivered >= 100)
            rsyslog.kill()  # in the midst of what it is sent
            names += await asyncio.to_thread(desk.raise_alerts, 5000, 300)
            await until(lambda: sinks.statuses()[0].error)
            await asyncio.to_thread(rsyslog.start)
            await until(lambda: len(set(ids())) == 5300)
        return names

    try:
        assert first_of_each(asyncio.run(scenario())) == first_of_each(ids())
    finally:
        rsyslog.kill()


def test_a_message_that_fits_into_no_datagram_is_refused_and_told(desk: Desk) -> None:
    sinks = desk.prepare(syslog={"host": "127.0.0.1", "port": free_port(socket.SOCK_DGRAM), "format": "json"})
    desk.raise_alerts(1, sentence="x" * 70_000)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: sinks.statuses()[0].refused)

    asyncio.run(scenario())
    assert "fit into no datagram" in str(sinks.statuses()[0].last_error)
