"""Writes a kind's formulas down as a program: what looks like arithmetic becomes operations, in the order of reading.

A formula's values are numbers of the record in hand, what its keys' entries hold, and what is computed of these. They
live as long as the record, so that one section may use what an earlier one worked out; but for `LEARN`, which is also
run alone, for records that were withheld.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from online_models.errors import DeclarationError
from online_models.program import operations as op
from online_models.program.registers import LEARN, NOW, NUMBERS, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

_ALONE: Final = {LEARN}


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the record in hand: a register, and who writes it."""

    program: Program
    register: int
    section: int | None = None

    def __add__(self, other: Value | float) -> Value:
        return self.program.operate(op.ADD, self, other)

    def __radd__(self, other: float) -> Value:
        return self.program.operate(op.ADD, other, self)

    def __sub__(self, other: Value | float) -> Value:
        return self.program.operate(op.SUB, self, other)

    def __rsub__(self, other: float) -> Value:
        return self.program.operate(op.SUB, other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.program.operate(op.MUL, self, other)

    def __rmul__(self, other: float) -> Value:
        return self.program.operate(op.MUL, other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return self.program.operate(op.DIV, self, other)

    def __ge__(self, other: Value | float) -> Value:
        return self.program.operate(op.AT_LEAST, self, other)

    def __le__(self, other: Value | float) -> Value:
        return self.program.operate(op.AT_LEAST, other, self)

    def __gt__(self, other: Value | float) -> Value:
        return self.program.operate(op.ABOVE, self, other)

    def __lt__(self, other: Value | float) -> Value:
        return self.program.operate(op.ABOVE, other, self)

    def __invert__(self) -> Value:
        return self.program.operate(op.EQUAL, self, 0.0)


class Program:
    """The operations of a kind, section by section.

    Parameters
    ----------
    numbers
        Names of the record's own numbers, in the order of the columns.
    keys
        Names of its keys, the device's first, with the columns of the table that each leads to.
    first_free
        The first register that nothing else needs.
    """

    def __init__(self, numbers: Sequence[str], keys: Mapping[str, Mapping[str, int]], first_free: int) -> None:
        self._numbers = {name: NUMBERS + k for k, name in enumerate(numbers)}
        self._keys = {name: k for k, name in enumerate(keys)}
        self._columns = keys
        self._constants: dict[float, int] = {}
        self._next = first_free
        self._sections: dict[int, list[list[int]]] = {}
        self._section = -1
        self._known: dict[tuple[int, ...], int] = {}
        self._moved: dict[int, int] = {}

    @contextmanager
    def section(self, section: int) -> Iterator[None]:
        """Write what follows into a section."""
        self._section, self._known = section, {}
        self._sections.setdefault(section, [])
        yield
        self._section = -1

    def number(self, name: str) -> Value:
        """Return one of the record's own numbers."""
        if name not in self._numbers:
            raise DeclarationError(f"no number {name!r}; there are {', '.join(self._numbers)}")
        return Value(self, self._numbers[name])

    def at(self, register: int) -> Value:
        """Return what stands in a register."""
        return Value(self, register)

    @property
    def now(self) -> Value:
        """The device's log time."""
        return Value(self, NOW)

    def key(self, name: str) -> int:
        """Return the number of a key."""
        if name not in self._keys:
            raise DeclarationError(f"no key {name!r}; there are {', '.join(self._keys)}")
        return self._keys[name]

    def column(self, key: str, name: str) -> int:
        """Return the number of a column of the table that a key leads to."""
        columns = self._columns[key]
        if name not in columns:
            raise DeclarationError(f"no column {name!r} of {key}; there are {', '.join(columns)}")
        return columns[name]

    def constant(self, number: float) -> int:
        """Return the register of a constant."""
        if number not in self._constants:
            self._constants[number] = self.new_register()
        return self._constants[number]

    def new_register(self, count: int = 1) -> int:
        """Return the first of so many registers that nothing else uses."""
        first = self._next
        self._next += count
        return first

    def register_of(self, value: Value | float) -> int:
        """Return where a value stands."""
        if not isinstance(value, Value):
            return self.constant(float(value))
        if self._section in _ALONE and value.section not in {None, self._section}:
            raise DeclarationError("what is learned must not depend on what was measured: withheld records are not")
        return self._moved.get(value.register, value.register)

    def emit(self, operation: int, register: int, *operands: int) -> None:
        """Append an operation to the section."""
        if self._section < 0:
            raise DeclarationError("a formula outside of any section")
        row = [operation, register, *operands]
        self._sections[self._section].append(row + [0] * (op.WIDTH - len(row)))
        if operation >= op.COUNT_THING:
            self._known.clear()

    def result(self, operation: int, *operands: int) -> Value:
        """Append an operation that writes a register of its own, and return that; what is known is not asked again."""
        asked = operation, *operands
        register = self._known.get(asked, -1)
        if register < 0:
            register = self.new_register()
            self.emit(operation, register, *operands)
            if operation < op.COUNT_THING and operation != op.MOVE:
                self._known[asked] = register
        return Value(self, register, self._section)

    def operate(self, operation: int, *values: Value | float) -> Value:
        """Append an operation on values."""
        return self.result(operation, *map(self.register_of, values))

    def write(self, register: int, value: Value | float) -> None:
        """Have a register hold a value."""
        self.emit(op.MOVE, register, self.register_of(value))
        self._known = {asked: known for asked, known in self._known.items() if register not in {known, *asked[1:]}}

    def write_last(self, register: int, value: Value | float) -> None:
        """Have a register hold a value for good: what was worked out last is written there at once."""
        rows = self._sections[self._section]
        if isinstance(value, Value) and rows and rows[-1][1] == self.register_of(value) and self._is_result(rows[-1]):
            self._moved[value.register] = register
            rows[-1][1] = register
            self._known = {a: k for a, k in self._known.items() if k != value.register and register not in a[1:]}
        else:
            self.write(register, value)

    def _is_result(self, row: list[int]) -> bool:
        """Whether an operation does nothing but write a register that nothing else writes."""
        return row[0] < op.COUNT_THING and row[0] not in {op.SKIP, op.MOVE}

    def same(self, value: Value | float) -> Value:
        """Return a value, also of a constant."""
        return value if isinstance(value, Value) else Value(self, self.constant(value))

    def variable(self, value: Value | float) -> Value:
        """Return a value of its own that `assign` may change."""
        return self.result(op.MOVE, self.register_of(value))

    def assign(self, variable: Value, value: Value | float) -> None:
        """Have a variable hold another value."""
        self.write(variable.register, value)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Carry out what follows only if the condition is not 0."""
        rows = self._sections[self._section]
        self.emit(op.SKIP, self.register_of(condition))
        skip, begin, before = rows[-1], len(rows), set(self._known)
        yield
        skip[2] = len(rows) - begin
        self._known = {asked: register for asked, register in self._known.items() if asked in before}

    def compiled(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return operations, where each section begins, and the registers with the constants in their places."""
        rows, begins = [], [0]
        for section in range(SECTIONS):
            rows += self._sections.get(section, [])
            begins.append(len(rows))
        registers = np.zeros(self._next)
        for number, register in self._constants.items():
            registers[register] = number
        return np.array(rows, np.uint32).reshape(-1, op.WIDTH), np.array(begins, np.int64), registers


def _program_of(*values: Value | float) -> Program:
    return next(value.program for value in values if isinstance(value, Value))


def least(*values: Value | float) -> Value:
    """Return the least of some values."""
    return _folded(op.MIN, values)


def most(*values: Value | float) -> Value:
    """Return the greatest of some values."""
    return _folded(op.MAX, values)


def _folded(operation: int, values: Sequence[Value | float]) -> Value:
    program, result = _program_of(*values), values[0]
    for value in values[1:]:
        result = program.operate(operation, result, value)
    return program.same(result)


def log2(value: Value) -> Value:
    """Return the binary logarithm."""
    return value.program.operate(op.LOG2, value)


def exp2(value: Value) -> Value:
    """Return two to the power of a value."""
    return value.program.operate(op.EXP2, value)


def root(value: Value) -> Value:
    """Return the square root, 0 of what is negative."""
    return value.program.operate(op.SQRT, value)


def where(condition: Value, yes: Value | float, no: Value | float) -> Value:
    """Return one of two values: the first if the condition is not 0."""
    return condition.program.operate(op.CHOOSE, condition, yes, no)
