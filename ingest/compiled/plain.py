"""The functions of compiled loops as plain Python, with the results that their compiled forms give.

Where Python's numbers differ from numba's, they are made to agree as a call comes in: numba counts in 64 bits whatever
an array holds, and divides by zero as numpy does. So arrays of smaller integers are read as int64 and truth values as
bool, floats are numpy's, and numpy says nothing of overflows.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type[Any])

_WIDTH: Final = 8
"""Bytes of the numbers that numba counts in."""


class _Wide(np.ndarray[Any, np.dtype[Any]]):
    """An array whose single numbers are read as numba reads them."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if isinstance(found, np.integer):
            return np.int64(found)
        return bool(found) if isinstance(found, np.bool_) else found


class _Running(threading.local):
    inside = False


_running: Final = _Running()


def _read_as_compiled(value: Any) -> Any:
    """Return an argument as compiled functions read it: the same memory, other numbers where it is read."""
    if isinstance(value, np.ndarray):
        narrow = value.dtype.kind in "iub" and value.dtype.itemsize < _WIDTH
        return value.view(_Wide) if narrow else value
    if isinstance(value, tuple):
        parts = map(_read_as_compiled, value)
        return type(value)._make(parts) if hasattr(value, "_make") else tuple(parts)
    return np.float64(value) if isinstance(value, float) else value


def _as_given(result: Any) -> Any:
    if isinstance(result, _Wide):
        return result.view(np.ndarray)
    if isinstance(result, tuple):
        return tuple(map(_as_given, result))
    return result.item() if isinstance(result, np.generic) else result


def kernel(function: F, **_options: Any) -> F:
    """Return a function that Python calls, and that calls others of its kind."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        if _running.inside:
            result = function(*arguments)
            return np.float64(result) if isinstance(result, float) else result
        _running.inside = True
        try:
            with np.errstate(all="ignore"):
                return _as_given(function(*map(_read_as_compiled, arguments)))
        finally:
            _running.inside = False

    return cast("F", call)


part = kernel
"""A function that others call, and Python may call, too."""


def by_reference(named_tuple: C) -> C:
    """Leave a named tuple as it is: Python hands everything over by reference."""
    return named_tuple


def trailing_zeros(bits: Any) -> int:
    """Return the number of the lowest bit that is set."""
    return (int(bits) & -int(bits)).bit_length() - 1
