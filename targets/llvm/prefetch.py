"""Prefetches in LLVM text: a position computed by a few integer operations, then one hint a cache line."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import MemRefType
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
)

from ...dialects.errors import TenonError
from ...dialects.tensorized import PrefetchOp
from ...dialects.tensorized.attributes import element_bytes
from .function import FunctionText

LINE_BYTES = 64
# llvm.prefetch(address, read, locality, data): locality 2 is the second-level cache.
_HINT = "i32 0, i32 2, i32 1"

_OPERATIONS = {
    AffineBinaryOpKind.Add: "add nuw nsw",
    AffineBinaryOpKind.Mul: "mul nuw nsw",
    AffineBinaryOpKind.FloorDiv: "udiv",
    AffineBinaryOpKind.Mod: "urem",
}


def emit_prefetch(function: FunctionText, op: PrefetchOp) -> None:
    assert isinstance(op.ref.type, MemRefType)
    function.declare("void", "llvm.prefetch.p0", ["ptr", "i32", "i32", "i32"])
    indices = [(function.values[i][0], function.depth.get(i, 0)) for i in op.indices]
    position, depth = _integer(function, op.map.data.results[0], indices)
    size = element_bytes(op.ref.type.element_type)
    offset = function.let_at(depth, f"mul nuw nsw i64 {position}, {size}") if size > 1 else position
    (base,) = function.values[op.ref]
    pointer = function.let_at(depth, f"getelementptr i8, ptr {base}, i64 {offset}")
    for line in range(op.lines.data):
        at = pointer
        if line:
            at = function.let_at(depth, f"getelementptr i8, ptr {pointer}, i64 {line * LINE_BYTES}")
        function.line(f"call void @llvm.prefetch.p0(ptr {at}, {_HINT})")


def _integer(function: FunctionText, expr: AffineExpr, indices: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The value of an expression of the indices, each given with its depth, and the depth it is known at."""
    if isinstance(expr, AffineConstantExpr):
        return str(expr.value), 0
    if isinstance(expr, AffineDimExpr):
        return indices[expr.position]
    assert isinstance(expr, AffineBinaryOpExpr)
    if expr.kind not in _OPERATIONS:
        raise TenonError(f"tensorized.prefetch: {expr} is not made of sums, products, floordiv and mod")
    (left, left_depth), (right, right_depth) = (_integer(function, e, indices) for e in (expr.lhs, expr.rhs))
    depth = max(left_depth, right_depth)
    return function.let_at(depth, f"{_OPERATIONS[expr.kind]} i64 {left}, {right}"), depth
