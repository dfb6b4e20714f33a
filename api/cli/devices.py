"""`nslabs devices`: what a running service knows of devices, and what people call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from api.cli.asking import HERE, JsonOption, ServiceOption, TokenOption, ask, tell
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

devices = typer.Typer(
    name="devices", help="List, show, label, merge and split the devices that were seen.", no_args_is_help=True
)

_MOST = 1000
DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Its identifier, an address of it, or its MAC.")]


@devices.command("list")
def list_devices(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Part of a name, an address or a MAC.")] = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Only devices with this tag.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only what is probably a camera, printer, ...")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only what was first seen since, such as 24h.")] = None,
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """List devices, those first seen last first."""
    named = {"q": text or None, "tag": tag, "kind": kind, "since": since, "limit": _MOST}
    wanted = {name: value for name, value in named.items() if value is not None}
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask(service, token_file, "GET", "/devices", params={**wanted, **cursor})
        found += answer["devices"]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    tell({"devices": found}, json, "".join(map(_line, found)) or "no such device was seen\n")


@devices.command()
def show(
    device: DeviceArgument, service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False
) -> None:
    """Show one device: its names, addresses and open alerts."""
    answer = ask(service, token_file, "GET", _path(device, service, token_file))
    tell(answer, json, _line(answer) + _details(answer))


@devices.command()
def label(
    device: DeviceArgument,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="What to call it; empty for its own.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="All its tags; may be repeated.")] = None,
    critical: Annotated[
        bool | None, typer.Option("--critical/--not-critical", help="Whether it is never blocked.")
    ] = None,
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a device is called, its tags, and whether it is critical; what is left out stays."""
    said = {"label": name, "tags": tag or None, "critical": critical}
    body = {key: value for key, value in said.items() if value is not None}
    if not body:
        raise SettingsError("nothing to say: expected a name, --tag, --critical or --not-critical")
    tell(
        answer := ask(service, token_file, "PATCH", _path(device, service, token_file), json=body), json, _line(answer)
    )


@devices.command()
def merge(
    device: DeviceArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The other one, named in the same way.")],
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Say that two devices are one: the older stays, and nothing is learned anew."""
    body = {"device": _identifier(other, service, token_file)}
    _regroup(f"{_path(device, service, token_file)}/merge", body, service, token_file, json=json)


@devices.command()
def split(
    device: DeviceArgument,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="One of its addresses.")],
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Say that what has one of its addresses is another device."""
    _regroup(f"{_path(device, service, token_file)}/split", {"address": address}, service, token_file, json=json)


@devices.command()
def undo(
    device: DeviceArgument, service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False
) -> None:
    """Take back the last merge or split of a device."""
    _regroup(f"{_path(device, service, token_file)}/undo", None, service, token_file, json=json)


def _regroup(path: str, body: dict[str, str] | None, service: str, token_file: Path | None, *, json: bool) -> None:
    """Ask for it, and show the devices that there are now."""
    answer = ask(service, token_file, "POST", path, json=body)
    tell(answer, json, "".join(map(_line, answer["devices"])))


def _identifier(device: str, service: str, token_file: Path | None) -> str:
    return _path(device, service, token_file).removeprefix("/devices/")


def _path(device: str, service: str, token_file: Path | None) -> str:
    """Return the path of a device; the one that was seen last if several had its address."""
    if device.startswith("d-"):
        return f"/devices/{quote(device, safe='')}"
    from api.device_names import is_mac, spelled

    device = spelled(device)
    by = "mac" if is_mac(device) else "address"
    found = ask(service, token_file, "GET", "/devices", params={by: device})["devices"]
    if not found:
        raise SettingsError(f"no device with {device} was seen; `nslabs devices list` shows those that there are")
    return f"/devices/{max(found, key=lambda one: _last_at(one, device))['id']}"


def _last_at(device: Mapping[str, Any], named: str) -> float:
    seen: float = max(
        (at["last_seen"] for at in device["addresses"] if at["address"] == named), default=device["last_seen"]
    )
    return seen


def _line(device: Mapping[str, Any]) -> str:
    from api.moments import shown_time

    marks = [f"#{tag}" for tag in device["tags"]] + (["critical"] if device["critical"] else [])
    what = [device["addresses"][0]["address"], device["mac"] or "", device["kind"] or "", *marks]
    told = "  ".join(text for text in what if text)
    return _on_one_line(f"{device['id']}  {device['name']}", f"{told}  since {shown_time(device['first_seen'])}")


def _details(device: Mapping[str, Any]) -> str:
    from api.moments import shown_time

    lines = [f"name {one['name']} ({one['source']})" for one in device["names"]]
    lines += [
        f"{one['address']} {one['mac'] or ''} until {shown_time(one['last_seen'])}" for one in device["addresses"]
    ]
    lines += [f"{device['kind']}: {device['kind_reason']}"] if device["kind"] else []
    lines += [f"made by {device['vendor']}"] if device["vendor"] else []
    lines += ["random MAC"] if device["random_mac"] else []
    lines += [f"answers on {', '.join(device['services'])}"] if device["services"] else []
    lines += [f"merged with {', '.join(device['merged'])}"] if device["merged"] else []
    lines += [f"young until {shown_time(device['trusted_from'])}"] if device["young"] else []
    lines += [f"can be told already: {', '.join(device['told'])}"] if device["young"] else []
    lines += [device["notes"]] if device["notes"] else []
    lines += [f"alert {alert['severity']}: {alert['sentence']}" for alert in device["alerts"]]
    return "".join(_on_one_line("", line) for line in lines)


def _on_one_line(*parts: str) -> str:
    """Return texts in one line: what devices call themselves may hold line breaks."""
    return "  ".join(" ".join(part.split()) for part in parts) + "\n"
