"""Named tuples that compiled functions are handed as one pointer.

numba hands a named tuple over as all the numbers that it is made of, half a dozen for every array: states of a hundred
arrays made most of what there was to type, translate and optimise in functions of a few lines. A named tuple that is
marked `by_reference` is written to memory once, where Python calls a kernel; from there on its address is handed
over, and a field is read where it is used. Compiled functions may read its fields and write to its arrays, but neither
make one nor return one; where it is not marked, or made by compiled code, it is as numba has it.

Built on numba's way to add types ("Low-level extension API" in its manual).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.boxing import unbox_tuple
from numba.core.datamodel.models import PrimitiveModel
from numba.core.datamodel.registry import register_default
from numba.core.imputils import impl_ret_borrowed
from numba.core.pythonapi import NativeValue
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_getattr_generic, typeof_impl, unbox

if TYPE_CHECKING:
    from collections.abc import Iterable

C = TypeVar("C", bound=type[Any])

_DIGITS = 12


class Reference(types.Type):
    """The type of a named tuple whose address is handed over.

    Attributes
    ----------
    instance_class
        The class of the named tuple.
    types, fields
        Types and names of its fields, in order.
    """

    def __init__(self, field_types: Iterable[types.Type], instance_class: type[Any]) -> None:
        self.instance_class, self.types = instance_class, tuple(field_types)
        self.fields: tuple[str, ...] = instance_class._fields
        # A name of all types, which numba would put into every symbol, would be thousands of letters long.
        digest = hashlib.sha256(", ".join(map(str, self.types)).encode()).hexdigest()[:_DIGITS]
        super().__init__(f"{instance_class.__name__}.{digest}")

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two of them the same type."""
        return self.instance_class, self.types

    @property
    def by_value(self) -> types.Type:
        """The type that numba has for such a named tuple."""
        return cast("types.Type", types.BaseTuple.from_types(self.types, self.instance_class))


def by_reference(named_tuple: C) -> C:
    """Have compiled functions take this class's named tuples by reference; mark it where it is defined."""

    def type_of(value: tuple[Any, ...], context: Any) -> Reference:
        return Reference([typeof_impl(field, context) for field in value], named_tuple)

    typeof_impl.register(named_tuple)(type_of)
    return named_tuple


@register_default(Reference)
class _Model(PrimitiveModel):
    def __init__(self, models: Any, reference: Reference) -> None:
        fields = [models.lookup(field).get_value_type() for field in reference.types]
        super().__init__(models, reference, ir.LiteralStructType(fields).as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(  # type: ignore[override]  # numba declares it as a value
        self, reference: Reference, name: str
    ) -> types.Type | None:
        return reference.types[reference.fields.index(name)] if name in reference.fields else None


@lower_getattr_generic(Reference)
def _read_field(context: Any, builder: Any, reference: Reference, address: Any, name: str) -> Any:
    at = reference.fields.index(name)
    value = builder.load(cgutils.gep_inbounds(builder, address, 0, at))
    value.set_metadata("invariant.load", builder.module.add_metadata([]))  # nothing writes to it while the kernel runs
    return impl_ret_borrowed(context, builder, reference.types[at], value)


@unbox(Reference)
def _write_down(reference: Reference, named_tuple: Any, call: Any) -> NativeValue:
    """Write the fields to memory that lasts as long as the call from Python."""
    native, builder, by_value = unbox_tuple(reference.by_value, named_tuple, call), call.builder, reference.by_value
    address = cgutils.alloca_once(builder, call.context.get_value_type(reference).pointee)
    for at in range(len(reference.types)):
        builder.store(builder.extract_value(native.value, at), cgutils.gep_inbounds(builder, address, 0, at))

    def clean_up() -> None:
        """Give the arrays back: numba does so by what the type of an argument holds, and an address holds nothing."""
        if native.cleanup is not None:
            native.cleanup()
        if call.context.enable_nrt:
            call.context.nrt.decref(builder, by_value, native.value)

    return NativeValue(address, cleanup=clean_up, is_error=native.is_error)
