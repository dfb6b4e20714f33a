"""Functions that become parts of compiled loops: typed and lowered once, optimised and translated only with a loop.

numba gives every compiled function machine code of its own and a way into it from Python, and inlines it into its
callers all the same. Most functions here are called by other compiled functions only, so nearly half of that work
would be thrown away. A part's LLVM code is kept as it is lowered; the kernel that calls it, however deep, links each
part once, before LLVM optimises the whole.

Built on numba's pipelines of passes (`numba.core.compiler.CompilerBase`, "Customizing the Compiler" in its manual) and
on its code libraries (`numba.core.codegen`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite.binding import Linkage
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.runtime.nrt import rtsys
from numba.core.typed_passes import NativeLowering, NoPythonSupportedFeatureValidation

F = TypeVar("F", bound=Callable[..., Any])

_COMMON: Final = {"nogil": True, "error_model": "numpy", "fastmath": False, "no_cfunc_wrapper": True}
_EXTERNAL: Final = Linkage.external
_WAY_IN: Final = "_ZN7cpython"
"""How the names of the functions begin that numba writes for calls from Python."""
_numbers = count()


class _Library(JITCodeLibrary):
    """The code of one function; ``parts`` are those of all functions that it calls, and that these call."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self.parts: dict[_Part, None] = {}

    def add_linking_library(self, library: Any) -> None:
        if isinstance(library, _Part):
            self.parts |= {library: None, **library.parts}
            for other in library.others():
                self._link_once(other)
        else:
            self._link_once(library)

    def _link_once(self, library: Any) -> None:
        if library not in self._linking_libraries:
            super().add_linking_library(library)

    def others(self) -> tuple[Any, ...]:
        """Return the libraries that are no parts, such as numba's own: each is complete."""
        return tuple(self._linking_libraries)

    def link_parts(self) -> None:
        """Take in all parts; LLVM drops what nothing calls yet, so callers come before what they call."""
        for part in sorted(self.parts, key=lambda part: part.number, reverse=True):
            self._final_module.link_in(part.own_module(), preserve=True)


class _Kernel(_Library):
    """Code that Python can run."""

    def _optimize_functions(self, ll_module: Any) -> None:
        """Optimise all but the way in from Python: it is long, runs once a batch, and would be a tenth of all work."""
        ways_in = [f for f in ll_module.functions if f.name.startswith(_WAY_IN) and not f.is_declaration]
        for function in ways_in:
            for attribute in ("noinline", "optnone"):
                function.add_function_attribute(attribute)
        if not ways_in:  # each has a module of its own
            super()._optimize_functions(ll_module)

    def finalize(self) -> None:
        self.link_parts()
        super().finalize()


class _Part(_Library):
    """Code that has its place in kernels only."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self.number = next(_numbers)  # what it calls was compiled before, and has a lower one
        self.stands_once = False

    def _link_once(self, library: Any) -> None:
        if library is not rtsys.library:  # every kernel brings it
            super()._link_once(library)

    def own_module(self) -> Any:
        """Return its own functions, without those that it calls, so that they may be linked many times."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == _EXTERNAL:
                function.linkage = "linkonce_odr"
                if self.stands_once:
                    function.add_function_attribute("noinline")
        return self._final_module

    def finalize(self) -> None:
        """Nothing is to be made of it: only a caller that numba compiles without knowing of parts asks for this."""
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Return it with all that it calls, for such a caller."""
        if self._shared_module is None:
            own, self._final_module = self._final_module, self.own_module().clone()
            self.link_parts()
            for library in self.others():
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)  # noqa: SLF001 - as numba's
            own, self._final_module = self._final_module, own
            self._shared_module = own
        return self._shared_module


class _Pass(LoweringPass):
    def __init__(self) -> None:
        LoweringPass.__init__(self)


@register_pass(mutates_CFG=False, analysis_only=False)
class _BeginKernel(_Pass):
    _name = "nslabs_begin_kernel"

    def run_pass(self, state: Any) -> bool:
        state.library = _Kernel(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _BeginPart(_Pass):
    _name = "nslabs_begin_part"

    def run_pass(self, state: Any) -> bool:
        state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _BeginCommonPart(_BeginPart):
    _name = "nslabs_begin_common_part"

    def run_pass(self, state: Any) -> bool:
        super().run_pass(state)
        state.library.stands_once = True
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _EndPart(_Pass):
    """Has callers find the part, which numba does itself only for what it has made machine code of."""

    _name = "nslabs_end_part"

    def run_pass(self, state: Any) -> bool:
        place = object()  # stands for the machine code by which callers are told what to call
        state.targetctx.insert_user_function(place, state.cr.fndesc, [state.library])
        state["cr"] = state.cr._replace(cfunc=place)
        return True


class _KernelCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_BeginKernel, NoPythonSupportedFeatureValidation)
        passes.finalize()
        return [passes]


class _PartCompiler(CompilerBase):
    begins: Any = _BeginPart

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(self.begins, NoPythonSupportedFeatureValidation)
        passes.add_pass_after(_EndPart, NativeLowering)
        passes.finalize()
        return [passes]


class _CommonPartCompiler(_PartCompiler):
    begins = _BeginCommonPart


def kernel(function: F, **options: Any) -> F:
    """Compile a function that Python calls; its machine code is cached on disk in numba's cache folder of now.

    Parameters
    ----------
    function
        A function of numbers, arrays and named tuples of arrays. It runs without the GIL; division by zero gives
        infinity or NaN as in numpy, and floating-point operations keep their order (no fast-math).
    options
        More options of `numba.njit`.
    """
    return _jit(function, cache=True, pipeline_class=_KernelCompiler, **options)


def part(function: F, *, stands_once: bool = False, **options: Any) -> F:
    """Compile a function as a part of the kernels that call it.

    Python may call it, too: it is then compiled once more, as a kernel that is not cached. Options as for `kernel`.
    What ``stands_once`` is called, and copied into none of its callers: a long function that is called from many places
    would not fit into the processor's cache.
    """
    compiler = _CommonPartCompiler if stands_once else _PartCompiler
    compiled = _jit(function, pipeline_class=compiler, no_cpython_wrapper=True, **options)
    dispatcher: Any = compiled
    own: list[Any] = []

    def keep(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result  # and not where a call from Python would look

    def callable_of(*_args: Any, **_kwargs: Any) -> Any:
        if not own:
            own.append(_jit(function, pipeline_class=_KernelCompiler, **options))
        return own[0]

    dispatcher.add_overload, dispatcher._compile_for_args = keep, callable_of  # noqa: SLF001 - what Python's calls come to
    return compiled


def _jit(function: F, **options: Any) -> F:
    njit: Any = vars(numba)["njit"]  # its stubs do not know all of its options
    dispatcher = njit(**_COMMON, **options)(function)
    get_call_template = dispatcher.get_call_template

    def of_types(args: Any, kws: Any) -> Any:
        """Compile for the type of a constant, not once more for each value that calls have in their text."""
        plain = tuple(types.unliteral(kind) for kind in args)
        return get_call_template(plain, {name: types.unliteral(kind) for name, kind in kws.items()})

    dispatcher.get_call_template = of_types
    return cast("F", dispatcher)
