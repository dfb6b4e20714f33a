"""How the byte loops of the decoders are compiled. None creates arrays, so none counts references to them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest.compiled.compiler import Compiler

_INGEST: Final = Path(__file__).resolve().parents[1]
_compiler: Final = Compiler(_INGEST, ("decode/scan/*.py", "context/scan_*.py"), below="decoders")
CACHE_DIR: Final = _compiler.cache_dir
entry, inner, inlined = _compiler.entry, _compiler.inner, _compiler.inlined
