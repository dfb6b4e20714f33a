"""How the loops of this package are compiled: see `ingest.compiled.compiler`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest.compiled.compiler import Compiler

_compiler: Final = Compiler(Path(__file__).resolve().parent)
CACHE_DIR: Final = _compiler.cache_dir
kernel, entry = _compiler.kernel, _compiler.entry
inner, inlined, common = _compiler.inner, _compiler.inlined, _compiler.common
