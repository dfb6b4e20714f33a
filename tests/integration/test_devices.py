"""The register of a running service: filled by its logs, the same device after a restart, told of when it is new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

CAMERA, PHONE = "02:00:00:00:00:17", "02:00:00:00:00:99"


def devices(server: Server, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.http.get("/devices", params=wanted).json()["devices"]
    return found


def next_device(stream: ClientConnection) -> str:
    """Return the MAC of the next new device that a stream tells of."""
    while (message := json.loads(stream.recv(60)))["type"] != "device":
        pass
    mac: str = message["device"]["mac"]
    return mac


@pytest.mark.slow
def test_the_register_is_filled_by_the_logs_and_outlives_a_restart(serve: Serve, zeek: type[Zeek]) -> None:
    def seen(number: int, address: str, mac: str) -> str:
        return zeek.line(zeek.conn(number, **{"id.orig_h": address, "orig_l2_addr": mac}))

    with serve() as server:
        with server.socket("/ws/events") as stream:
            server.append("conn.log", seen(1, "192.168.7.5", CAMERA))
            assert next_device(stream) == CAMERA
        (camera,) = devices(server, mac=CAMERA)
        assert (camera["random_mac"], camera["logs"]) == (True, ["conn"])
        said = server.http.patch(f"/devices/{camera['id']}", json={"label": "Door", "critical": True})
        assert said.status_code == 200
        assert server.stop()[0] == 0
    with serve() as server:
        with server.socket("/ws/events") as stream:
            server.append("conn.log", seen(2, "192.168.7.5", CAMERA), seen(3, "192.168.7.8", CAMERA))
            server.append("conn.log", seen(4, "192.168.7.5", PHONE))
            assert next_device(stream) == PHONE
        assert server.stop()[0] == 0  # what was seen last is written at the end, too
    with serve() as server:
        (again,) = devices(server, mac=CAMERA)
        assert (again["id"], again["name"]) == (camera["id"], "Door")
        assert {at["address"] for at in again["addresses"]} == {"192.168.7.5", "192.168.7.8"}
        assert {one["mac"] for one in devices(server, address="192.168.7.5")} == {CAMERA, PHONE}
