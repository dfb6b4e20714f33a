"""The broker of compose.yaml, run as its container runs it: one user with the secret's password, and nobody else."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
NOBODY = 1883
GIVEN = "a secret of thirty characters"

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("mosquitto_passwd") is None, reason="mosquitto not on PATH: apt install mosquitto"
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run the container's command with its files elsewhere, as its user where that can be; return where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        found = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as name:  # pytest's folders are closed to that user
        folder = Path(name)
        given = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))["services"]["mosquitto"]
        config = (COMPOSE / "mosquitto.conf").read_text(encoding="utf-8")
        (folder / "conf").write_text(
            config.replace("/tmp/passwords", f"{folder}/passwords")  # noqa: S108 - the container's own
            .replace("/mosquitto/data/", f"{folder}/")
            .replace("listener 1883", f"listener {found} 127.0.0.1")
        )
        (folder / "secret").write_text(f"{GIVEN}\n")
        script = (
            given["command"][0]
            .replace("$$", "$")
            .replace("/run/secrets/mqtt_password", f"{folder}/secret")
            .replace("/tmp/passwords", f"{folder}/passwords")  # noqa: S108 - the container's own
            .replace("/mosquitto/config/mosquitto.conf", f"{folder}/conf")
            .replace("exec mosquitto", f"exec {MOSQUITTO}")
        )
        user = {}
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            user = {"user": NOBODY, "group": NOBODY}
        process = subprocess.Popen([*given["entrypoint"], script], stderr=subprocess.DEVNULL, **user)
        try:
            listening(process, found)
            yield found
        finally:
            process.kill()
            process.wait()


def listening(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, "the broker has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end
        select.select([], [], [], 0.05)


async def publish(port: int, **login: str) -> None:
    async with aiomqtt.Client("127.0.0.1", port, **login) as client:  # type: ignore[arg-type] # its names are given
        await client.publish("nslabs/default/alerts", "{}", qos=1)


def test_the_service_may_publish(port: int) -> None:
    asyncio.run(publish(port, username="nslabs", password=GIVEN))


@pytest.mark.parametrize("login", [{}, {"username": "nslabs", "password": "guess"}], ids=["nobody", "guess"])
def test_others_may_not(port: int, login: dict[str, str]) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed"):
        asyncio.run(publish(port, **login))
