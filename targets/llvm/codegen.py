"""Machine code from LLVM text: assembly, object files, code in this process.

No middle-end passes run: the emitter leaves nothing for them to do. Every call out of the code must be in
`EXTERNAL_FUNCTIONS`: to LLVM a misspelled intrinsic is just another external function.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Collection, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...dialects.errors import TenonError
from ..attach_target import FOLDERS
from ..record import TargetRecord, host
from .elf import undefined_symbols
from .scalar import LIBRARY_FUNCTIONS

if TYPE_CHECKING:
    import llvmlite.binding as llvm

EXTERNAL_FUNCTIONS = LIBRARY_FUNCTIONS | {
    *("memcpy", "memset", "memmove"),
    # What LLVM calls where the CPU lacks the instruction.
    *(
        name + width
        for name in ("fma", "fmod", "floor", "ceil", "trunc", "roundeven", "round", "fmax", "fmin")
        for width in ("", "f")
    ),
}
"""What generated code may call: libc and libm."""


@cache
def _llvm() -> Any:
    import llvmlite.binding as llvm

    # Sums run in the order of the loops: adding products up before the accumulator, as LLVM would, shortens
    # no chain that anything waits for, and takes more registers than the tile has been given.
    llvm.set_option("tenonc", "--x86-machine-combiner=false")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.initialize_native_asmparser()  # for `module asm`
    llvm.load_library_permanently("libm.so.6")
    return llvm


def parse(text: str) -> llvm.ModuleRef:
    """A verified LLVM module; text that LLVM refuses is a `TenonError`."""
    llvm = _llvm()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        raise TenonError(f"llvm refuses the emitted text: {' '.join(str(error).split())}") from error
    return module


@cache
def _machine(record: TargetRecord, reloc: str) -> llvm.TargetMachine:
    target = _llvm().Target.from_triple(record.triple)
    # llvmlite's default code model, `large`, makes every call and constant indirect.
    return target.create_target_machine(
        cpu=record.cpu, features=record.features, opt=3, reloc=reloc, codemodel="default"
    )


def emit_assembly(text: str, record: TargetRecord) -> str:
    return _machine(record, "pic").emit_assembly(parse(text))


def loadable(text: str) -> str:
    """LLVM text whose object `CompiledModule` can load. The addresses of library functions go behind an
    object's data, and nobody counts them when the memory is allocated: aligned to a page, the data ends with
    most of one to spare."""
    return text + "\n@tenon.slack = internal global i8 1, align 4096\n"


def emit_object(text: str, record: TargetRecord, defined_elsewhere: Collection[str] = ()) -> bytes:
    """An ELF object file, position independent. It may only call `EXTERNAL_FUNCTIONS` and use
    `defined_elsewhere`; anything else is a `TenonError`."""
    data: bytes = _machine(record, "pic").emit_object(parse(text))
    if unknown := _unknown(data, defined_elsewhere):
        raise TenonError(f"target {record.name} has no function {', '.join(unknown)}")
    return data


def unknown_calls(text: str, record: TargetRecord) -> list[str]:
    """What LLVM text calls that neither LLVM nor the C library has."""
    return _unknown(_machine(record, "pic").emit_object(parse(text)))


def _unknown(data: bytes, defined_elsewhere: Collection[str] = ()) -> list[str]:
    linker_names = {"_GLOBAL_OFFSET_TABLE_"}
    return sorted(set(undefined_symbols(data)) - EXTERNAL_FUNCTIONS - set(defined_elsewhere) - linker_names)


def add_symbol(name: str, address: int) -> None:
    """Lets code that is loaded from now on use something in this process by name."""
    _llvm().add_symbol(name, address)


def check_runs_here(record: TargetRecord) -> None:
    """Raises `TenonError` for a target whose code this machine cannot run."""
    missing = record.enabled - host().enabled
    if missing:
        raise TenonError(
            f"code for target {record.name} cannot run here: this cpu has no {', '.join(sorted(missing))}"
        )
    family = import_module(f"...{FOLDERS[record.triple.split('-')[0]]}.features", __name__)
    if not family.permit(record.enabled):
        raise TenonError(
            f"code for target {record.name} cannot run here: the system gives this process no amx tiles"
        )


ENTRY = "tenon.call"
"""The function that `entered` text has."""


def entered(text: str, arguments: int) -> str:
    """LLVM text with a `@main` of that many pointers, and a function that calls it with those in an array:
    a call from Python takes a thousand arguments at most."""
    lines = [f"define void @{ENTRY}(ptr %all) {{"]
    for i in range(arguments):
        lines += [
            f"  %place{i} = getelementptr ptr, ptr %all, i64 {i}",
            f"  %a{i} = load ptr, ptr %place{i}",
        ]
    names = ", ".join(f"ptr %a{i}" for i in range(arguments))
    return "\n".join([text, *lines, f"  call void @main({names})", "  ret void", "}", ""])


class CompiledModule:
    """Machine code in this process, as long as the object lives, from the object file of `loadable` text."""

    def __init__(self, data: bytes, record: TargetRecord):
        check_runs_here(record)
        llvm = _llvm()
        # MCJIT starts from a module; the code itself comes as an object file, compiled once. Its sections
        # must lie within 2 GiB of each other, so they are allocated as one piece (`use_lmm`): LLVM's own
        # manager puts each where there is room, and where that is too far, ends the process.
        self._engine = llvm.create_mcjit_compiler(parse(""), _new_machine(record), use_lmm=True)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()

    def address(self, symbol: str) -> int:
        """Where a defined symbol is."""
        address = self._engine.get_function_address(symbol) or self._engine.get_global_value_address(symbol)
        if not address:
            raise TenonError(f"the compiled module has no symbol {symbol}")
        return address

    def entry(self) -> Callable[[Sequence[int]], None]:
        """`@main` of `entered` text, on the addresses of its arguments."""
        call = self.function(ENTRY, 1)

        def run(addresses: Sequence[int]) -> None:
            pointers = array("Q", addresses)  # a name keeps it alive during the call
            call(pointers.buffer_info()[0])

        return run

    def function(self, symbol: str, arguments: int) -> Any:
        """A symbol as a C function of pointers that returns nothing; calls release the GIL."""
        function: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(self.address(symbol))
        function.module = self  # the code must live as long as what calls it
        return function


def _new_machine(record: TargetRecord) -> llvm.TargetMachine:
    # An engine owns its machine: a shared one would be freed with the first engine.
    return _machine.__wrapped__(record, "pic")


def compile_text(text: str, record: TargetRecord, defined_elsewhere: Collection[str] = ()) -> CompiledModule:
    """Machine code of LLVM text, loaded into this process; see `emit_object`."""
    return CompiledModule(emit_object(loadable(text), record, defined_elsewhere), record)
