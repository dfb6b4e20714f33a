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


@pytest.mark.slow
def test_two_interfaces_are_made_one_device_and_two_again(
    serve: Serve, zeek: type[Zeek], command: Callable[..., tuple[int, str, str]]
) -> None:
    def seen(number: int, address: str, mac: str) -> str:
        return zeek.line(zeek.conn(number, **{"id.orig_h": address, "orig_l2_addr": mac}))

    def told(stream: ClientConnection) -> tuple[Any, ...]:
        while (message := json.loads(stream.recv(60)))["type"] != "device" or message["change"] == "new":
            pass
        return message["change"], message["device"]["id"], message["other"], message["by"]

    with serve() as server:
        with server.socket("/ws/events") as stream:
            server.append("conn.log", seen(1, "192.168.7.5", CAMERA), seen(90, "192.168.7.8", PHONE))
            assert {next_device(stream), next_device(stream)} == {CAMERA, PHONE}
            (older,), (younger,) = devices(server, mac=CAMERA), devices(server, mac=PHONE)
            assert server.http.patch(f"/devices/{younger['id']}", json={"tags": ["door"]}).status_code == 200
            asked = server.http.post(f"/devices/{younger['id']}/merge", json={"device": older["id"]})
            assert asked.status_code == 200, asked.text
            (one,) = asked.json()["devices"]
            assert (one["id"], one["merged"], one["tags"]) == (older["id"], [younger["id"]], ["door"])
            assert told(stream) == ("merged", older["id"], younger["id"], "local")
        for code, path, body in (
            ("same_device", f"{older['id']}/merge", {"device": younger["id"]}),
            ("not_its_address", f"{older['id']}/split", {"address": "192.168.7.99"}),
            ("own_address", f"{older['id']}/split", {"address": "192.168.7.5"}),
        ):
            refused = server.http.post(f"/devices/{path}", json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert server.http.post("/devices/d-none/undo").status_code == 404
        assert server.http.get(f"/devices/{younger['id']}").json()["id"] == older["id"]
        assert server.http.get("/audit").json()["entries"][0]["object"] == "d-none"
        assert server.stop()[0] == 0
    with serve() as server:
        (one,) = devices(server)
        assert one["merged"] == [younger["id"]]
        with server.socket("/ws/events") as stream:
            status, out, errors = command("devices", "undo", "192.168.7.8", "--service", server.url)
            assert (status, len(out.splitlines())) == (0, 2), errors
            assert told(stream) == ("undone", older["id"], younger["id"], "local")
        (again,) = devices(server, mac=PHONE)
        assert (again["id"], again["tags"], again["merged"]) == (younger["id"], ["door"], [])
        status, out, _ = command("devices", "merge", CAMERA, "192.168.7.8", "--service", server.url, "--json")
        assert (status, json.loads(out)["change"]) == (0, "merged")
        status, out, _ = command("devices", "split", CAMERA, "192.168.7.8", "--service", server.url)
        assert (status, len(out.splitlines())) == (0, 2)
        assert {one["id"] for one in devices(server)} == {older["id"], younger["id"]}
