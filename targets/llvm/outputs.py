"""What `tenon-opt -t` writes of a lowered module: LLVM text, or assembly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr
from xdsl.utils.target import Target

from ..record import find_target
from .module import emit_llvm


@dataclass(frozen=True)
class LLVMTarget(Target):
    """LLVM text."""

    name = "llvm"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(emit_llvm(module))


@dataclass(frozen=True)
class AssemblyTarget(Target):
    """Assembly for the module's target, or for this machine if it has none."""

    name = "asm"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from .codegen import emit_assembly

        record = module.attributes.get("tenon.target")
        name = record.data.get("name") if isinstance(record, DictionaryAttr) else None
        target = find_target(name.data if isinstance(name, StringAttr) else "host")
        output.write(emit_assembly(emit_llvm(module), target))
