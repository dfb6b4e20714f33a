"""The byte loops over a column of numbers: from where each row's value stands in the buffer to an array of values.

``begins`` and ``ends`` tell where each row's value stands; a negative begin means null, for which 0 is written. A row
whose value is not plain is taken out of ``plain``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.compile import kernel
from ingest.scan_values import parse_float, parse_int

if TYPE_CHECKING:
    from ingest.scan_values import Bytes, Floats, Ints, Places, Ports


@kernel
def read_floats(buffer: Bytes, begins: Places, ends: Places, plain: Bytes, floats: Floats) -> None:
    """Read numbers at microsecond resolution."""
    for row in range(len(begins)):
        floats[row] = 0.0
        if plain[row] and begins[row] >= 0:
            read, floats[row] = parse_float(buffer, begins[row], ends[row])
            plain[row] = read


@kernel
def read_ints(buffer: Bytes, begins: Places, ends: Places, plain: Bytes, limit: int, ints: Ints | Ports) -> None:
    """Read whole numbers, which must be from 0 to ``limit`` unless that is 0."""
    for row in range(len(begins)):
        ints[row] = 0
        if plain[row] and begins[row] >= 0:
            read, number = parse_int(buffer, begins[row], ends[row])
            plain[row] = read and (limit == 0 or 0 <= number <= limit)
            if plain[row]:
                ints[row] = number


@kernel
def read_bools(buffer: Bytes, begins: Places, ends: Places, plain: Bytes, true: int, false: int, bools: Bytes) -> None:
    """Read truth values, told apart by their first byte; the caller has seen to the other bytes."""
    for row in range(len(begins)):
        bools[row] = 0
        if plain[row] and begins[row] >= 0:
            first = buffer[begins[row]] if ends[row] > begins[row] else 0
            plain[row] = first == true or first == false
            bools[row] = first == true
