"""The byte loops over a column of numbers or truth values, from where they stand to an array of values.

For null, 0 is written. A row whose value is not plain is taken out of ``column.plain``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.compile import kernel
from ingest.scan_values import parse_float, parse_int

if TYPE_CHECKING:
    from ingest.scan_values import Bytes, Column, Floats, Ints, Ports


@kernel
def read_floats(column: Column, floats: Floats) -> None:
    """Read numbers at microsecond resolution."""
    buffer, words, plain, begins, ends = column
    for row in range(len(floats)):
        floats[row] = 0.0
        if plain[row] and begins[row] >= 0:
            read, floats[row] = parse_float(buffer, words, begins[row], ends[row])
            plain[row] = read


@kernel
def read_ints(column: Column, limit: int, ints: Ints | Ports) -> None:
    """Read whole numbers, which must be from 0 to ``limit`` unless that is 0."""
    buffer, words, plain, begins, ends = column
    for row in range(len(ints)):
        ints[row] = 0
        if plain[row] and begins[row] >= 0:
            read, number = parse_int(buffer, words, begins[row], ends[row])
            plain[row] = read and (limit == 0 or 0 <= number <= limit)
            if plain[row]:
                ints[row] = number


@kernel
def read_bools(column: Column, true: int, false: int, bools: Bytes) -> None:
    """Read truth values of one byte each, ``true`` or ``false``."""
    buffer, _, plain, begins, ends = column
    for row in range(len(bools)):
        bools[row] = 0
        if plain[row] and begins[row] >= 0:
            byte = buffer[begins[row]]
            single = ends[row] - begins[row] == 1
            plain[row] = single and byte in (true, false)
            bools[row] = byte == true
