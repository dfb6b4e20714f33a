"""What rests on numba: how byte loops and kernels are compiled, cached, and handed their arguments."""

from __future__ import annotations

import numba

from ingest.compiled.supported import check_numba

check_numba(numba.__version__)  # before anything of its inside is touched
