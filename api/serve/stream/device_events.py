"""What the register of devices tells, as messages of ``/ws/events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.serve.routes.device_answers import device_answer

if TYPE_CHECKING:
    from api.state.devices.rows import Device


def new_device(device: Device, more: int) -> dict[str, Any]:
    """Return the fields of the message that tells of a new device, and of so many more that are not told."""
    return {"change": "new", "more": more, "device": device_answer(device).model_dump()}
