"""The table of emission rules: what may stand in a lowered kernel or in a function that calls kernels."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import IndexType

from ...dialects.errors import TenonError
from ...dialects.tensorized import (
    ApplyOp,
    CallOp,
    CombineOp,
    GatherOp,
    LinearOp,
    LoadOp,
    MapOp,
    PrefetchOp,
    SpreadOp,
    StoreOp,
    YieldOp,
)
from .aliasing import byte_size, extent_of
from .body import Rules, emit_apply, emit_constant, emit_map, emit_nothing
from .combine import emit_combine, emit_spread
from .function import STACK_ALIGNMENT, FunctionText
from .gather import emit_gather
from .instruction import location
from .linear import emit_linear
from .loop import emit_for
from .names import POOL, kernel_symbol
from .parallel import emit_if, emit_parallel
from .prefetch import emit_prefetch
from .registers import emit_load
from .scalar import order_of
from .stores import emit_store


def _view(function: FunctionText, op: memref.ViewOp) -> None:
    (source,), (offset,) = function.values[op.source], function.values[op.byte_shift]
    inside = f"getelementptr inbounds i8, ptr {source}, i64 {offset}"
    function.values[op.result] = [source if offset == "0" else function.let(inside)]


def _alloca(function: FunctionText, op: memref.AllocaOp) -> None:
    function.values[op.memref] = [function.on_stack(f"[{byte_size(op.memref)} x i8]")]
    function.alignment[op.memref] = STACK_ALIGNMENT


def _index(instruction: str) -> Callable[[FunctionText, arith.AddiOp | arith.MuliOp], None]:
    """Arithmetic on offsets."""

    def emit(function: FunctionText, op: arith.AddiOp | arith.MuliOp) -> None:
        (a,), (b,) = (function.values[operand] for operand in op.operands)
        function.values[op.result] = [function.let(f"{instruction} i64 {a}, {b}")]

    return emit


def _call(function: FunctionText, op: CallOp) -> None:
    name = op.kernel.root_reference.data
    arguments = [f"ptr {function.values[a][0]}" for a in op.arguments]
    if name in function.pooled:
        arguments.append(f"ptr {POOL}")
    function.line(f"call void {kernel_symbol(name)}({', '.join(arguments)})")


def _compare(function: FunctionText, op: arith.CmpiOp) -> None:
    """Of an index, which is never negative."""
    if not isinstance(op.lhs.type, IndexType):
        raise TenonError(f"arith.cmpi{location(op)}: compares {op.lhs.type} outside of a map, expected index")
    (a,), (b,) = (function.values[operand] for operand in op.operands)
    function.values[op.result] = [function.let(f"icmp {order_of(op)} i64 {a}, {b}")]


def _copy(function: FunctionText, op: memref.CopyOp) -> None:
    source, target = extent_of(op.source), extent_of(op.destination)
    name = "llvm.memmove.p0.p0.i64" if source.overlaps(target) else "llvm.memcpy.p0.p0.i64"
    function.declare("void", name, ["ptr", "ptr", "i64", "i1"])
    to, start = (function.values[v][0] for v in (op.destination, op.source))
    function.line(f"call void @{name}(ptr {to}, ptr {start}, i64 {byte_size(op.source)}, i1 false)")


KERNEL_RULES: Rules = {
    arith.ConstantOp: emit_constant,
    arith.CmpiOp: _compare,
    memref.AllocaOp: _alloca,
    scf.ForOp: lambda function, op: emit_for(function, op, KERNEL_RULES),
    scf.ParallelOp: lambda function, op: emit_parallel(function, op, KERNEL_RULES),
    scf.IfOp: lambda function, op: emit_if(function, op, KERNEL_RULES),
    scf.ReduceOp: emit_nothing,
    scf.YieldOp: emit_nothing,
    YieldOp: emit_nothing,
    LoadOp: emit_load,
    GatherOp: emit_gather,
    PrefetchOp: emit_prefetch,
    StoreOp: emit_store,
    ApplyOp: emit_apply,
    MapOp: emit_map,
    LinearOp: emit_linear,
    CombineOp: emit_combine,
    SpreadOp: emit_spread,
}
"""Ops of a kernel's body."""

FUNCTION_RULES: Rules = {
    arith.ConstantOp: emit_constant,
    arith.AddiOp: _index("add"),
    arith.MuliOp: _index("mul"),
    scf.ForOp: lambda function, op: emit_for(function, op, FUNCTION_RULES),
    scf.YieldOp: emit_nothing,
    memref.ViewOp: _view,
    memref.CopyOp: _copy,
    CallOp: _call,
    func.ReturnOp: emit_nothing,
}
"""Ops of a function that calls kernels."""
