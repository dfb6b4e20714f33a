"""What the register of devices tells, as messages of ``/ws/events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from api.serve.routes.device_answers import device_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.state.devices.grouping import Regrouped, What
    from api.state.devices.rows import Device

Change = Literal["merged", "split", "undone"]

CHANGED: Final[Mapping[What, Change]] = {"merge": "merged", "split": "split", "undo": "undone"}
"""What is asked for, and what was done."""


def new_device(device: Device, more: int) -> dict[str, Any]:
    """Return the fields of the message that tells of a new device, and of so many more that are not told."""
    return {"change": "new", "more": more, "device": device_answer(device).model_dump(), "other": None, "by": None}


def regrouped_devices(done: Regrouped, devices: Sequence[Device], author: str) -> dict[str, Any]:
    """Return the fields of the message that tells of devices that were merged, split or put back, and by whom."""
    told = device_answer(devices[0]).model_dump()
    return {"change": CHANGED[done.what], "more": 0, "device": told, "other": done.other, "by": author}
