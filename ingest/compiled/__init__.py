"""What rests on numba: how byte loops and kernels are compiled, cached, and handed their arguments.

Where nothing can be compiled (`WHY_PLAIN` then says why), the same functions run as plain Python.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

from ingest.compiled import plain
from ingest.compiled.supported import NotCompiled, message, why_missing, why_not

__all__ = ["NUMBA_VERSION", "WHY_PLAIN", "by_reference", "kernel", "numba_config", "part", "trailing_zeros"]

kernel, part, by_reference, trailing_zeros = plain.kernel, plain.part, plain.by_reference, plain.trailing_zeros
NUMBA_VERSION, numba_config, _why = "none", dict[str, Any](), ""
try:
    import numba

    NUMBA_VERSION, numba_config = numba.__version__, vars(numba.config)
    _why = why_not(NUMBA_VERSION, numba_config)
    if not _why:
        from numba.cpython.unsafe import numbers as _numbers

        from ingest.compiled import by_reference as _by_reference
        from ingest.compiled.parts import kernel as _kernel
        from ingest.compiled.parts import part as _part

        kernel, part, by_reference = _kernel, _part, _by_reference
        trailing_zeros = vars(_numbers)["trailing_zeros"]  # an intrinsic, which has another type than what it makes
except (ImportError, AttributeError, KeyError) as _error:  # numba, or a part of its inside, is not there
    _why = why_missing(NUMBA_VERSION, _error)

WHY_PLAIN: Final = _why
"""Why loops run as plain Python; "" where they are compiled."""
if WHY_PLAIN:
    warnings.warn(message(WHY_PLAIN), NotCompiled, stacklevel=1)
