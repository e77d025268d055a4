"""sink-constants: what a loop's body needs of the compile-time values moves into the body.

Expects nn ops. Leaves every nn.scan without captured operands that are known at compile time: the ops that
compute them stand in its function, where weights are packed for the kernels that read them. A function run
by several loops is copied for each that has such operands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, SymbolRefAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import nn
from .memory.compile_time import clone_expression
from .rewriting import free_name


@dataclass(frozen=True)
class SinkConstantsPass(ModulePass):
    name = "sink-constants"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        # A loop in a loop comes after the one around it: what that gets it can pass on.
        pending = [found for found in op.walk() if isinstance(found, nn.ScanOp)]
        seen: set[nn.ScanOp] = set()
        while pending:
            scan = pending.pop(0)
            if scan in seen:
                continue
            seen.add(scan)
            known = [value for value in scan.captured if nn.is_compile_time(value)]
            function = scan.function()
            if known:
                function = _sink(op, scan, function)
            pending += [inner for inner in function.walk() if isinstance(inner, nn.ScanOp)]


def _sink(module: ModuleOp, scan: nn.ScanOp, function: FuncOp) -> FuncOp:
    users = [o for o in module.walk() if isinstance(o, nn.ScanOp) and o.body == scan.body]
    if len(users) > 1:
        copy = function.clone()
        name = free_name(module, function.sym_name.data)
        copy.properties["sym_name"] = StringAttr(name)
        Rewriter.insert_op(copy, InsertPoint.after(function))
        scan.properties["body"] = SymbolRefAttr(name)
        function = copy
    block = function.body.block
    first = block.first_op
    assert first is not None
    clones: dict[SSAValue, SSAValue] = {}
    for argument, value in reversed(list(zip(block.args, scan.inputs, strict=True))):
        if argument.index >= len(scan.inputs) - len(scan.captured) and nn.is_compile_time(value):
            clone_expression(value, clones, first)
            argument.replace_all_uses_with(clones[value])
            block.erase_arg(argument)
    function.update_function_type()
    kept = [v for i, v in enumerate(scan.inputs) if not _is_sunk(scan, i)]
    scan.operands = kept
    return function


def _is_sunk(scan: nn.ScanOp, index: int) -> bool:
    first = len(scan.inputs) - len(scan.captured)
    return index >= first and nn.is_compile_time(scan.inputs[index])
