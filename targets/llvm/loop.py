"""scf.for in LLVM text: one block of phis and a test at its end."""

from __future__ import annotations

from xdsl.dialects import scf

from ...dialects.errors import TenonError
from .body import Rules, emit_ops
from .function import FunctionText, Scope
from .instruction import location
from .scalar import constant_of
from .tiles import TILE
from .types import register_count, register_type


def emit_for(function: FunctionText, op: scf.ForOp, rules: Rules) -> None:
    """A loop with constant bounds; one that never runs is left out, so that the test may come last."""
    low, high, step = _bounds(op)
    initial = [function.values[v] for v in op.iter_args]
    if low >= high:
        function.values |= dict(zip(op.results, initial, strict=True))
        return
    label, before = function.fresh("loop"), function.block
    function.line(f"br label %{label}")
    scope, after = _body(function, op, label, rules)
    function.line(f"{label}:")
    function.line(f"%{label}.i = phi i64 [ {low}, %{before} ], [ %{label}.next, %{function.block} ]")
    for value, first, last in zip(op.body.block.args[1:], initial, after, strict=True):
        type_ = TILE if value in function.tiles else register_type(value.type)
        for name, a, b in zip(function.values[value], first, last, strict=True):
            function.line(f"{name} = phi {type_} [ {a}, %{before} ], [ {b}, %{function.block} ]")
    function.scopes[-1].lines += scope.hoisted + scope.lines
    function.line(f"%{label}.next = add nuw nsw i64 %{label}.i, {step}")
    function.line(f"%{label}.more = icmp ult i64 %{label}.next, {high}")
    function.line(f"br i1 %{label}.more, label %{label}, label %{label}.end")
    function.start_block(f"{label}.end")
    function.values |= dict(zip(op.results, after, strict=True))


def _bounds(op: scf.ForOp) -> tuple[int, int, int]:
    low, high, step = (constant_of(v) for v in (op.lb, op.ub, op.step))
    if not (isinstance(low, int) and isinstance(high, int) and isinstance(step, int)):
        raise TenonError(f"scf.for{location(op)}: its bounds are not constants")
    if low < 0 or step < 1:
        raise TenonError(
            f"scf.for{location(op)}: it runs from {low} by {step}, expected from 0 or more upwards"
        )
    return low, high, step


def _body(function: FunctionText, op: scf.ForOp, label: str, rules: Rules) -> tuple[Scope, list[list[str]]]:
    """The lines of the body in a scope of their own, and what the loop carries to its next iteration."""
    index, *carried = op.body.block.args
    function.values[index] = [f"%{label}.i"]
    function.depth[index] = len(function.scopes)
    for n, value in enumerate(carried):
        function.values[value] = [f"%{label}.{n}.{r}" for r in range(register_count(value.type))]
    function.scopes.append(Scope())
    function.block = label
    emit_ops(function, op.body.block, rules)
    end = op.body.block.last_op
    assert isinstance(end, scf.YieldOp)
    return function.scopes.pop(), [function.values[v] for v in end.operands]
