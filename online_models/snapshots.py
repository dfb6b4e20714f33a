"""Model state as bytes: arrays and JSON with a version and a digest, never code.

Layout: magic, length of the header (8 bytes, little-endian), header (JSON: arrays' names, dtypes and shapes, and the
meta data), the arrays' bytes one after the other, and a BLAKE2b digest of all that. A table is written as its entries
in their order and the size of its index, from which it comes back exactly as it was.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from io import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from online_models.errors import SnapshotError
from online_models.features.table import Table, entries, filled_table

if TYPE_CHECKING:
    from collections.abc import Collection

MAGIC = b"NSLMODELC\n"
_DIGEST = 32
"""Bytes of BLAKE2b at the end."""
_NUMBERS = re.compile("[<|][biuf][1248]")
_TOLD_DIGITS = 16
"""Of the digest, hexadecimal, by which people tell snapshots apart."""

Arrays = dict[str, npt.NDArray[Any]]


def _flatten(tree: Any, path: str, out: Arrays) -> None:
    if isinstance(tree, Table):
        out[f"{path}/size"] = np.array([tree.slots.size], np.int64)
        out[f"{path}/keys"], out[f"{path}/rows"] = entries(tree)
        out[f"{path}/counters"] = tree.counters
    elif isinstance(tree, np.ndarray):
        out[path] = tree
    elif isinstance(tree, dict):
        for name, part in tree.items():
            _flatten(part, f"{path}/{name}", out)
    else:
        for k, part in enumerate(tree):
            _flatten(part, f"{path}/{k}", out)


def _table(template: Table, path: str, arrays: Arrays) -> Table:
    size, *parts = (arrays[f"{path}/{name}"] for name in ("size", "keys", "rows", "counters"))
    try:
        return filled_table(template, int(size[0]), *parts)
    except ValueError as error:
        raise SnapshotError(f"table {path} is not as expected: {error}") from error


def _rebuild(template: Any, path: str, arrays: Arrays) -> Any:
    if isinstance(template, Table):
        return _table(template, path, arrays)
    if isinstance(template, np.ndarray):
        found = arrays[path]
        expected = found.shape[:1] + template.shape[1:] if template.shape[:1] == (0,) else template.shape
        if found.shape != expected or found.dtype != template.dtype:
            raise SnapshotError(
                f"array {path} is {found.dtype}{found.shape}, expected {template.dtype}{template.shape}"
            )
        return found.copy()
    if isinstance(template, dict):
        return {name: _rebuild(part, f"{path}/{name}", arrays) for name, part in template.items()}
    parts = [_rebuild(part, f"{path}/{k}", arrays) for k, part in enumerate(template)]
    return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)


def encode(tree: Any, meta: dict[str, Any]) -> bytes:
    """Write nested dicts, tuples and named tuples of arrays, and JSON-able meta data."""
    return b"".join(encode_pieces(tree, meta))


def encode_pieces(tree: Any, meta: dict[str, Any], kept: Arrays | None = None) -> list[bytes | memoryview]:
    """Return what `encode` does, in pieces: views of the arrays, to be used before they change.

    ``kept`` are arrays beside the tree, as `arrays_below` gave them.
    """
    arrays: Arrays = dict(kept or {})
    _flatten(tree, "", arrays)
    index = [[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()]
    header = json.dumps({"arrays": index, "meta": meta}, separators=(",", ":")).encode()
    content: list[bytes | memoryview] = [
        MAGIC + len(header).to_bytes(8, "little") + header,
        *map(_view, arrays.values()),
    ]
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for piece in content:
        digest.update(piece)
    return [*content, digest.digest()]


def _view(array: npt.NDArray[Any]) -> memoryview:
    flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return memoryview(flat)


def decode(data: bytes, template: Any) -> tuple[Any, dict[str, Any]]:
    """Read what `encode` wrote, in the form of a template made by the same models.

    Where the template's array has no rows, any number of them is right.

    Raises
    ------
    SnapshotError
        If the bytes are damaged, or of another version or other models.
    """
    content, digest = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
    if content[: len(MAGIC)] != MAGIC:
        raise SnapshotError("not a model snapshot of this version; start with a new --state folder, or restore another")
    if hashlib.blake2b(content, digest_size=_DIGEST).digest() != digest:
        raise SnapshotError("the model snapshot is damaged (its digest differs); restore an earlier one")
    begin = len(MAGIC) + 8
    end = begin + int.from_bytes(content[len(MAGIC) : begin], "little")
    try:
        header = json.loads(bytes(content[begin:end]))
        arrays = _read_arrays(header["arrays"], content[end:])
        return _rebuild(template, "", arrays), header["meta"]
    except KeyError as missing:
        raise SnapshotError(f"the model snapshot lacks {missing}: it was written by other models") from missing
    except (ValueError, TypeError, IndexError) as error:
        raise SnapshotError(f"the model snapshot was not written by these models: {error}") from error


def arrays_below(data: bytes, names: Collection[str]) -> Arrays:
    """Return the arrays of some parts of the tree, by path, of bytes that `decode` found right."""
    begin = len(MAGIC) + 8
    end = begin + int.from_bytes(data[len(MAGIC) : begin], "little")
    arrays = _read_arrays(json.loads(data[begin:end])["arrays"], memoryview(data)[end:-_DIGEST])
    return {path: array.copy() for path, array in arrays.items() if path.split("/")[1] in names}


def read_meta(file: BinaryIO) -> dict[str, Any]:
    """Read no more than the meta data of a snapshot; whether it is damaged further on only `decode` tells.

    Raises
    ------
    SnapshotError
        If there is no snapshot of this version, or it ends too early.
    """
    length = file.seek(0, SEEK_END)
    file.seek(0)
    first = file.read(len(MAGIC) + 8)
    if not first.startswith(MAGIC):
        raise SnapshotError("not a model snapshot of this version; start with a new --state folder, or restore another")
    text = file.read(min(length, int.from_bytes(first[len(MAGIC) :], "little")))
    try:
        header = json.loads(text)
        meta: dict[str, Any] = header["meta"]
        size = sum(math.prod(shape) * _dtype_of(dtype).itemsize for _, dtype, shape in header["arrays"])
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"the model snapshot is damaged (its header cannot be read: {error})") from error
    if length != len(first) + len(text) + size + _DIGEST:
        raise SnapshotError("the model snapshot is damaged (its length is wrong); restore an earlier one")
    return meta


def digest_in(file: BinaryIO) -> str:
    """Return the first digits of the digest that a snapshot carries."""
    file.seek(-_DIGEST, SEEK_END)
    return file.read().hex()[:_TOLD_DIGITS]


def _dtype_of(text: Any) -> np.dtype[Any]:
    """Return the type that `encode` wrote; numpy would run a parser over any other text."""
    if not isinstance(text, str) or _NUMBERS.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no type of numbers")
    return np.dtype(text)


def _read_arrays(index: list[Any], body: memoryview) -> Arrays:
    arrays, at = {}, 0
    for name, text, shape in index:
        count, dtype = int(np.prod(shape, dtype=np.int64)), _dtype_of(text)
        arrays[name] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    return arrays
