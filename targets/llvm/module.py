"""A lowered module as LLVM text.

Expects: `tensorized.kernel`s on memrefs (`lower-kernels`), the instructions they apply, and functions on
memrefs that call them on views of arguments (`plan-memory`, `materialize-weights`). Memory is row-major.
Leaves: one LLVM module. Kernels are internal and never inlined; `func.func @main(memrefs)` is
`void @main(ptr, ..., ptr pool)`, the pool being what its parallel loops run on (null: the caller alone). The
target attributes come from the module's `tenon.target`, if it has one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from xdsl.dialects import func, scf
from xdsl.dialects.builtin import DictionaryAttr, MemRefType, ModuleOp, StringAttr
from xdsl.ir import Block, Operation

from ...dialects.errors import TenonError
from ...dialects.tensorized import CallOp, InstructionOp, KernelOp
from .aliasing import argument_facts, extent_of
from .body import Rules, emit_ops
from .function import FunctionText, symbol
from .instruction import is_specific, no_rule
from .names import POOL, kernel_name, kernel_symbol
from .parallel import around
from .rules import FUNCTION_RULES, KERNEL_RULES
from .tiles import tile_values


def emit_llvm(module: ModuleOp, function_rules: Rules = FUNCTION_RULES) -> str:
    """The LLVM text of `module`, its functions by `function_rules`. Raises `TenonError` for an op without
    a rule."""
    return _ModuleText(module, function_rules).text()


class _ModuleText:
    def __init__(self, module: ModuleOp, function_rules: Rules):
        self.module, self.function_rules = module, function_rules
        self.target = _target(module)
        self.declarations: dict[str, str] = {}
        self.features = {f[1:] for f in self.target.get("features", "").split(",") if f.startswith("+")}
        self.calls: dict[str, list[CallOp]] = {}
        self.pooled: set[str] = set()
        for op in module.walk():
            if isinstance(op, CallOp):
                self.calls.setdefault(op.kernel.root_reference.data, []).append(op)
            elif isinstance(op, InstructionOp):
                self._check_feature(op)
            elif isinstance(op, scf.ParallelOp):
                self.pooled.update(k.sym_name.data for k in around(op) if isinstance(k, KernelOp))

    def _check_feature(self, op: InstructionOp) -> None:
        """LLVM ends the process over an intrinsic the CPU lacks, unless it is a generic one."""
        lacking = sorted(op.features - self.features - set(self.target.get("emulates", "").split(",")))
        if is_specific(op) and lacking:
            name = self.target.get("name", "the module's")
            raise TenonError(
                f"instruction @{op.sym_name.data} needs {', '.join(lacking)}, which target {name} lacks"
            )

    def text(self) -> str:
        functions = [text for op in self.module.body.block.ops if (text := self._top(op))]
        header = [f'target triple = "{self.target["triple"]}"'] if "triple" in self.target else []
        parts = ["\n".join([*header, *self.declarations.values()]), *functions, self._attributes()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _top(self, op: Operation) -> str | None:
        if isinstance(op, KernelOp):
            return self._kernel(op)
        if isinstance(op, func.FuncOp) and not op.is_declaration and "tenon.weights" not in op.attributes:
            return self._function(op)
        if isinstance(op, InstructionOp | func.FuncOp):  # what fills the weights runs at compile time
            return None
        raise no_rule(op)

    def _kernel(self, op: KernelOp) -> str:
        name = op.sym_name.data
        if op.function_type.outputs.data:
            raise TenonError(f"kernel @{name} returns values: run lower-kernels first")
        facts = argument_facts(op, self.calls.get(name, []))
        function = FunctionText(self.declarations, self.features, self.pooled, kernel_name(name))
        words = [f.attributes() for f in facts]
        _name_arguments(function, op.body.block, words, [f.alignment for f in facts])
        function.unwritten |= {a for a, f in zip(op.body.block.args, facts) if f.apart and not f.written}
        function.tiles = tile_values(op.body.block, self.features)
        head = f"internal void {kernel_symbol(name)}"
        return _define(head, function, op.body.block, name in self.pooled, KERNEL_RULES)

    def _function(self, op: func.FuncOp) -> str:
        block, name = op.body.block, op.sym_name.data
        if op.function_type.outputs.data or not all(isinstance(a.type, MemRefType) for a in block.args):
            raise TenonError(f"function @{name} is not on memrefs: run plan-memory first")
        function = FunctionText(self.declarations, self.features, self.pooled)
        alignment = [extent_of(a).alignment for a in block.args]
        _name_arguments(function, block, ["nonnull"] * len(alignment), alignment)
        return _define(f"void {symbol(name)}", function, block, True, self.function_rules)

    def _attributes(self) -> str:
        words = ["noinline", "nounwind"]
        words += [f'"target-{k}"="{self.target[k]}"' for k in ("cpu", "features") if k in self.target]
        return f"attributes #0 = {{ {' '.join(words)} }}"


def _target(module: ModuleOp) -> dict[str, str]:
    """The texts of the target's record."""
    record = module.attributes.get("tenon.target")
    if not isinstance(record, DictionaryAttr):
        return {}
    return {k: v.data for k, v in record.data.items() if isinstance(v, StringAttr)}


def _name_arguments(
    function: FunctionText, block: Block, words: Sequence[str], alignment: Sequence[int]
) -> None:
    """Names the arguments, by their hints where those are unique."""
    for i, argument in enumerate(block.args):
        name = "%" + re.sub(r"\W", "_", argument.name_hint or f"arg{i}")
        name = f"{name}_arg{i}" if name in function.parameters else name
        function.parameters[name] = f"ptr {words[i]} {name}"
        function.values[argument] = [name]
        function.alignment[argument] = alignment[i]


def _define(head: str, function: FunctionText, block: Block, pooled: bool, rules: Rules) -> str:
    emit_ops(function, block, rules)
    function.line("ret void")
    parameters = [*function.parameters.values(), *([f"ptr {POOL}"] if pooled else [])]
    text = "\n".join([f"define {head}({', '.join(parameters)}) #0 {{", *function.body(), "}"])
    return "\n\n".join([text, *function.outlined])
