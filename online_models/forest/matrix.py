"""Turns what callers pass as a batch into the arrays that the kernels walk."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

NONE_MISSING: Final = np.zeros((0, 0), dtype=np.bool_)
"""Stands for "no record lacks a feature"."""


def as_matrix(x: npt.ArrayLike, n_features: int | None) -> npt.NDArray[np.float64]:
    """Return records as a contiguous float64 matrix.

    Raises
    ------
    ValueError
        If it is not a matrix of numbers with `n_features` columns (any number of them if None).
    """
    matrix = np.ascontiguousarray(x, dtype=np.float64)
    if matrix.ndim != 2 or n_features not in {None, matrix.shape[1]}:
        columns = "one column" if n_features is None else f"one of {n_features} columns"
        raise ValueError(f"expected a matrix with one row a record and {columns} a feature; got shape {matrix.shape}")
    return matrix


def as_missing(missing: npt.ArrayLike | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which values are missing, `NONE_MISSING` where none is.

    Raises
    ------
    ValueError
        If it is not of the records' shape.
    """
    if missing is None:
        return NONE_MISSING
    flags = np.ascontiguousarray(missing, dtype=np.bool_)
    if flags.shape != shape:
        raise ValueError(f"missing must have the shape of the records, {shape}; got {flags.shape}")
    return flags if flags.any() else NONE_MISSING
