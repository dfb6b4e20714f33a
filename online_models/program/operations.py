"""The operations of a program, one whole measure each, and the interpreter that carries them out.

An operation is a row of int64: its number, the register that it writes, and up to five operands, which are registers,
keys or columns. A key stands for an entry of one of the kind's tables: `Machine.places` says where it lies, -1 if
there is none yet; what an entry that does not exist holds counts as 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from online_models.compile import common, inlined, inner
from online_models.guard import FIRST, LAST
from online_models.guard import OBSERVED as OBSERVED_FOR
from online_models.measures.excess import (
    add,
    answered,
    count_record,
    count_thing,
    excess,
    is_beyond_habit,
    observed,
    scattered,
    usual,
)
from online_models.measures.past import (
    FAR,
    age_of,
    deviation,
    faded,
    is_known,
    learn_moments,
    newness,
    others,
    put_on_probation,
    rarity,
    rate_of,
    surprise,
    touch,
    unfaded,
)
from online_models.measures.share import SUMS, add_to_hour, habit_of, is_excused, learn_habit
from online_models.measures.time import DAY
from online_models.program.machine import entry_of
from online_models.program.registers import (
    HOUR_NUMBER,
    HOUR_SHARE,
    MINUTE_NUMBER,
    MINUTE_SHARE,
    NOW,
    RECENT_BEFORE,
    RECENT_RECORDS,
    RECENT_WINDOW,
    WINDOWS,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from online_models.program.machine import Machine

(MOVE, ADD, SUB, MUL, DIV, MIN, MAX, LOG2, EXP2, SQRT, AT_LEAST, ABOVE, EQUAL, CHOOSE) = range(14)
SKIP = 14  # the number after those
(GET, FOUND, SINCE, GAP, AGE, NEWNESS, KNOWN, OTHERS, FADED, RARITY, RATE, SURPRISE, UNFADED, DEVIATION) = range(15, 29)
(EXCESS, OBSERVED, USUAL, ANSWERED, SCATTERED, BEYOND_HABIT, HABIT, GET_NTH, DISTANCE) = range(29, 38)
(COUNT_THING, COUNT_RECORD, AMOUNT) = range(38, 41)
(SET, BUMP, BUMP_NTH, TOUCH, PROBATION, FADE, MOMENTS, ADD_TO_HOUR, EXCUSED, LEARN_HABIT) = range(41, 51)
WIDTH = 7
"""Numbers of an operation."""


@inner
def number_of(machine: Machine, key: int, column: int) -> float:
    """Return what a key's entry holds, 0 if there is none."""
    entry = machine.entries[key]
    return float(machine.rows[entry + column]) if entry >= 0 else 0.0


@inner
def _row_of(machine: Machine, key: int) -> tuple[int, int]:
    """Return where a key's entry begins and ends, which is made if it is new."""
    begin = entry_of(machine, key)
    return begin, int(begin + machine.widths[machine.table_of[key]])


@inlined
def _computed(r: npt.NDArray[np.float64], op: int, a: int, b: int, c: int) -> float:
    """Return the result of an operation on registers alone."""
    x, y, result = r[a], r[b], 0.0
    if op == MOVE:
        result = x
    elif op == ADD:
        result = x + y
    elif op == SUB:
        result = x - y
    elif op == MUL:
        result = x * y
    elif op == DIV:
        result = x / y
    elif op == MIN:
        result = min(x, y)
    elif op == MAX:
        result = max(x, y)
    elif op == LOG2:
        result = math.log2(x)
    elif op == EXP2:
        result = 2.0**x
    elif op == SQRT:
        result = math.sqrt(max(0.0, x))
    elif op == AT_LEAST:
        result = 1.0 if x >= y else 0.0
    elif op == ABOVE:
        result = 1.0 if x > y else 0.0
    elif op == EQUAL:
        result = 1.0 if x == y else 0.0
    elif op == CHOOSE:
        result = y if x != 0.0 else r[c]
    return float(result)


@inlined
def _of_entry(
    machine: Machine, device: npt.NDArray[np.float64], op: int, a: int, b: int, c: int, e: int, f: int
) -> float:
    """Return what an operation says of key a's entry."""
    r, now, result = machine.registers, machine.registers[NOW], 0.0
    if op == GET:
        result = number_of(machine, a, b)
    elif op == GET_NTH:
        result = number_of(machine, a, b + int(r[c]))
    elif op == FOUND:
        result = 1.0 if machine.entries[a] >= 0 else 0.0
    elif op == SINCE:
        first = number_of(machine, a, FIRST)
        result = max(0.0, now - first) if first > 0.0 else 0.0
        result = min(result, device[OBSERVED_FOR]) if a == 0 else result
    elif op == GAP:
        result = max(0.0, now - number_of(machine, a, LAST)) if machine.entries[a] >= 0 else 0.0
    elif op == AGE:
        result = age_of(number_of(machine, a, FIRST), device)
    elif op == NEWNESS:
        result = newness(age_of(number_of(machine, a, FIRST), device))
    elif op == KNOWN:
        result = 1.0 if is_known(age_of(number_of(machine, a, FIRST), device), device) else 0.0
    elif op == OTHERS:
        first, last = number_of(machine, e, FIRST), number_of(machine, e, LAST)
        result = others(number_of(machine, a, b), number_of(machine, a, c), first, last, r[f], now)
    elif op == FADED:
        result = faded(number_of(machine, a, b), number_of(machine, a, c), now)
    elif machine.entries[a] >= 0:
        begin, end = _row_of(machine, a)
        entry = machine.rows[begin:end]
        result = habit_of(entry, b, now) if op == HABIT else deviation(entry, b, r[c], r[e], 1.0)
        result = min(1.0, max(result, -result) / FAR) if op == DISTANCE else result
    return float(result)


@inlined
def _of_device(machine: Machine, device: npt.NDArray[np.float64], op: int, a: int, b: int, c: int) -> float:
    """Return what an operation says of rates, shares and the device's windows."""
    r, result = machine.registers, 0.0
    if op == EXCESS:
        result = excess(device, WINDOWS, a, b, r[MINUTE_SHARE + a])
    elif op == OBSERVED:
        result = observed(device, WINDOWS, a, b, r[MINUTE_SHARE + a])
    elif op == USUAL:
        result = usual(device, WINDOWS, a, b)
    elif op == ANSWERED:
        result = answered(device, WINDOWS, a, r[MINUTE_SHARE + a])
    elif op == SCATTERED:
        result = scattered(device, WINDOWS, a, r[MINUTE_SHARE + a])
    elif op == BEYOND_HABIT:
        result = 1.0 if is_beyond_habit(device, WINDOWS, r[MINUTE_SHARE], r[HOUR_SHARE]) else 0.0
    elif op == RARITY:
        result = rarity(r[a], r[b])
    elif op == RATE:
        result = rate_of(r[a], r[b]) * DAY
    elif op == SURPRISE:
        result = surprise(r[a], r[b], r[c])
    elif op == UNFADED:
        result = unfaded(r[a], r[b])
    return float(result)


@inner
def _count_thing(machine: Machine, device: npt.NDArray[np.float64], counter: int, key: int) -> float:
    """Count a thing in the windows; return 1 if it is new in this hour."""
    begin, end = _row_of(machine, key)
    recent = machine.rows[begin:end]
    minute, hour = machine.registers[MINUTE_NUMBER], machine.registers[HOUR_NUMBER]
    recent[LAST] = machine.registers[NOW]
    adjacent = recent[RECENT_WINDOW + 1] == hour - 1.0
    new = count_thing(device, WINDOWS, counter, recent, RECENT_WINDOW, minute, hour)
    if new:
        recent[RECENT_BEFORE] = recent[RECENT_RECORDS] if adjacent else 0.0
        recent[RECENT_RECORDS] = 0.0
    return 1.0 if new else 0.0


@inlined
def _count(machine: Machine, device: npt.NDArray[np.float64], op: int, d: int, a: int, b: int, c: int) -> None:
    """Carry out an operation that counts in the device's windows."""
    r = machine.registers
    if op == COUNT_THING:
        r[c] = 1.0 if number_of(machine, a, LAST) > 0.0 else 0.0
        r[d] = _count_thing(machine, device, b, a)
    elif op == COUNT_RECORD:
        count_record(device, WINDOWS, r[a] != 0.0)
    else:
        add(device, WINDOWS, a, b, r[c])


@inlined
def _change(
    machine: Machine, device: npt.NDArray[np.float64], op: int, d: int, a: int, b: int, c: int, e: int, f: int
) -> None:
    """Carry out an operation that changes key a's entry, which is made if it is new."""
    r, now = machine.registers, machine.registers[NOW]
    begin, end = _row_of(machine, a)
    entry = machine.rows[begin:end]
    if op == SET:
        entry[b] = r[c]
    elif op == BUMP:
        entry[b] += r[c]
    elif op == BUMP_NTH:
        entry[b + int(r[c])] += 1.0
    elif op == TOUCH:
        r[d] = 1.0 if touch(entry, now, r[b]) else 0.0
    elif op == PROBATION:
        put_on_probation(entry, device)
    elif op == FADE:
        entry[b] = faded(entry[b], entry[c], now)
    elif op == MOMENTS:
        learn_moments(entry, b, r[c], r[e], r[f])
    elif op == ADD_TO_HOUR:
        add_to_hour(entry, b, r[HOUR_NUMBER], r[c : c + SUMS])
    elif op == EXCUSED:
        r[d] = 1.0 if is_excused(entry, b, now, r[c] != 0.0) else 0.0
    elif op == LEARN_HABIT:
        learn_habit(entry, b, now, r[c])


@common
def execute(machine: Machine, device: npt.NDArray[np.float64], section: int) -> None:
    """Carry out a section of the program for the record in hand, whose device's row is given."""
    code, r = machine.code, machine.registers
    at, end = machine.sections[section], machine.sections[section + 1]
    while at < end:
        here = np.uint64(at)  # numba looks for negative indices at every use of others
        op, d, a, b = code[here, 0], code[here, 1], code[here, 2], code[here, 3]
        c, e, f = code[here, 4], code[here, 5], code[here, 6]
        at += 1
        if op < SKIP:
            r[d] = _computed(r, op, a, b, c)
        elif op == SKIP:
            if r[d] == 0.0:
                at += a
                machine.kept[0] = r[d]  # has it be a jump: what follows would wait for the condition to be worked out
        elif op >= SET:
            _change(machine, device, op, d, a, b, c, e, f)
        elif op >= COUNT_THING:
            _count(machine, device, op, d, a, b, c)
        elif op <= FADED or op == DEVIATION or op >= HABIT:
            r[d] = _of_entry(machine, device, op, a, b, c, e, f)
        else:
            r[d] = _of_device(machine, device, op, a, b, c)
