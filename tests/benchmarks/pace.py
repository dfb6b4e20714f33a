"""Numbers that come at a rate, for what writes as a sensor does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def paced(rate: int, seconds: float) -> Iterator[int]:
    """Yield 0, 1, 2, ... at so many a second; what was held up is made up for."""
    begin = time.time()
    for n in range(round(rate * seconds)):
        wait = begin + n / rate - time.time()
        if wait > 0:
            time.sleep(wait)
        yield n
