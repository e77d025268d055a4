"""A lowered module as LLVM text.

Expects: `tensorized.kernel`s on memrefs (`lower-kernels`), the instructions they apply, and functions on
memrefs that call them on views of arguments (`plan-memory`, `materialize-weights`). Memory is row-major.
Leaves: one LLVM module. Kernels are internal and never inlined; `func.func @main(memrefs)` is
`void @main(ptr, ...)`. The target attributes come from the module's `tenon.target`, if it has one.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DictionaryAttr, MemRefType, ModuleOp, StringAttr
from xdsl.ir import Operation

from ...dialects.errors import TenonError
from ...dialects.tensorized import CallOp, InstructionOp, KernelOp
from .aliasing import ArgumentFacts, argument_facts, extent_of
from .body import BODY_RULES, emit_ops, location
from .function import FunctionText


def emit_llvm(module: ModuleOp) -> str:
    """The LLVM text of `module`. Raises `TenonError` for an op without a rule."""
    return _ModuleText(module).text()


class _ModuleText:
    def __init__(self, module: ModuleOp):
        self.module = module
        self.target = _target(module)
        self.declarations: dict[str, str] = {}
        self.calls: dict[str, list[CallOp]] = {}
        for op in module.walk():
            if isinstance(op, CallOp):
                self.calls.setdefault(op.kernel.root_reference.data, []).append(op)

    def text(self) -> str:
        functions = [text for op in self.module.body.block.ops if (text := self._top(op))]
        header = [f'target triple = "{self.target["triple"]}"'] if "triple" in self.target else []
        parts = ["\n".join([*header, *self.declarations.values()]), *functions, self._attributes()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _top(self, op: Operation) -> str | None:
        if isinstance(op, InstructionOp):
            return None
        if isinstance(op, KernelOp):
            return self._kernel(op)
        if isinstance(op, func.FuncOp):
            return None if op.is_declaration else self._function(op)
        raise TenonError(f"{op.name}{location(op)} has no rule for llvm")

    def _kernel(self, op: KernelOp) -> str:
        name = op.sym_name.data
        if op.function_type.outputs.data:
            raise TenonError(f"kernel @{name} returns values: lower it with lower-kernels first")
        facts = argument_facts(op, self.calls.get(name, []))
        return self._define(
            "internal void", name, op, [f.attributes() for f in facts], [f.alignment for f in facts]
        )

    def _function(self, op: func.FuncOp) -> str:
        block = op.body.block
        if op.function_type.outputs.data or not all(isinstance(a.type, MemRefType) for a in block.args):
            raise TenonError(f"function @{op.sym_name.data} is not on memrefs: plan its memory first")
        facts = [ArgumentFacts(True, True, extent_of(a).alignment) for a in block.args]
        alignment = [f.alignment for f in facts]
        return self._define("void", op.sym_name.data, op, ["nonnull noundef"] * len(facts), alignment)

    def _define(
        self, kind: str, name: str, op: Operation, attributes: list[str], alignment: list[int]
    ) -> str:
        function = FunctionText(self.declarations)
        arguments = op.regions[0].block.args
        taken: set[str] = set()
        parameters: list[str] = []
        for i, argument in enumerate(arguments):
            hint = argument.name_hint or f"arg{i}"
            hint = f"{hint}.{i}" if hint in taken else hint
            taken.add(hint)
            function.values[argument] = [f"%{hint}"]
            function.alignment[argument] = alignment[i]
            parameters.append(f"ptr {attributes[i]} %{hint}")
        emit_ops(function, op.regions[0].block)
        function.line("ret void")
        head = f"define {kind} {symbol(name)}({', '.join(parameters)}) #0 {{"
        return "\n".join([head, *function.body(), "}"])

    def _attributes(self) -> str:
        words = ["noinline", "nounwind"]
        words += [f'"target-{k}"="{self.target[k]}"' for k in ("cpu", "features") if k in self.target]
        return f"attributes #0 = {{ {' '.join(words)} }}"


def symbol(name: str) -> str:
    """A symbol as LLVM writes it."""
    plain = name.replace("_", "").replace(".", "").isalnum() and name.isascii() and not name[0].isdigit()
    return f"@{name}" if plain else f'@"{name}"'


def _target(module: ModuleOp) -> dict[str, str]:
    record = module.attributes.get("tenon.target")
    if not isinstance(record, DictionaryAttr):
        return {}
    return {k: v.data for k, v in record.data.items() if isinstance(v, StringAttr)}


def _view(function: FunctionText, op: memref.ViewOp) -> None:
    extent = extent_of(op.result)
    (root,) = function.values[extent.root]
    function.values[op.result] = [
        function.let(f"getelementptr inbounds i8, ptr {root}, i64 {extent.low}") if extent.low else root
    ]


def _call(function: FunctionText, op: CallOp) -> None:
    arguments = ", ".join(f"ptr {function.values[a][0]}" for a in op.arguments)
    function.line(f"call void {symbol(op.kernel.root_reference.data)}({arguments})")


def _copy(function: FunctionText, op: memref.CopyOp) -> None:
    source, target = extent_of(op.source), extent_of(op.destination)
    name = "llvm.memmove.p0.p0.i64" if source.overlaps(target) else "llvm.memcpy.p0.p0.i64"
    function.declare("void", name, ["ptr", "ptr", "i64", "i1"])
    to, start = (function.values[v][0] for v in (op.destination, op.source))
    function.line(f"call void @{name}(ptr {to}, ptr {start}, i64 {source.high - source.low}, i1 false)")


def _return(function: FunctionText, op: func.ReturnOp) -> None:
    """Nothing is returned: results are written to arguments."""


FUNCTION_RULES: dict[type[Operation], Callable] = {
    memref.ViewOp: _view,
    memref.CopyOp: _copy,
    CallOp: _call,
    func.ReturnOp: _return,
}
"""Op of a function that calls kernels -> its rule."""

BODY_RULES.update(FUNCTION_RULES)
