"""Emission rules of kernel bodies, one per op: constants, register tiles, scalar code on registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, VectorType
from xdsl.ir import Block, Operation
from xdsl.utils.exceptions import VerifyException

from ...dialects.errors import TenonError
from ...dialects.tensorized import (
    ApplyOp,
    GatherOp,
    InstructionOp,
    LinearOp,
    LoadOp,
    MapOp,
    PrefetchOp,
    SpreadOp,
)
from .function import FunctionText
from .instruction import application, emit_scalar, is_specific, location, no_rule
from .narrow import emit_narrowed, final_narrowing
from .registers import valid_lanes
from .tiles import apply_tile, zero_tiles
from .types import register_count

Rules = dict[type[Operation], Callable]
"""Op -> what writes it: takes the function under construction and the op."""


_COMMUTING = (LoadOp, GatherOp, PrefetchOp, ApplyOp, MapOp, LinearOp, SpreadOp)
"""Ops that a load may be moved past; what they use of it, they ask for."""


def emit_ops(function: FunctionText, block: Block, rules: Rules) -> None:
    """The ops of `block`, in order. An op without a rule is a `TenonError`."""
    for op in block.ops:
        rule = rules.get(type(op))
        if rule is None:
            raise no_rule(op)
        if not isinstance(op, _COMMUTING):
            function.need_all()
        rule(function, op)


def emit_constant(function: FunctionText, op: arith.ConstantOp) -> None:
    if not isinstance(op.value, IntegerAttr):
        raise TenonError(f"arith.constant{location(op)}: {op.value} is not an integer")
    value = op.value.value.data
    function.values[op.result] = [str(value)]
    function.constants[op.result] = value


def emit_apply(function: FunctionText, op: ApplyOp) -> None:
    """One instruction per point of the grid, in an order that needs few registers. One that the CPU lacks is
    done as its body says; that the target wants this, the module's text has checked."""
    try:
        declared = op.declaration()
    except VerifyException as error:
        raise TenonError(f"tensorized.apply{location(op)}: {error}") from error
    if op.res in function.tiles:
        _apply_to_tiles(function, op, declared)
        return
    apply = application(declared, is_specific(declared) and not declared.features <= set(function.features))
    points = list(zip(*(function.values[a] for a in op.arguments), strict=True))
    order = _streaming_order(points)
    made = function.repeat(lambda args: apply(function, args), [points[i] for i in order])
    function.values[op.res] = [value for _, value in sorted(zip(order, made, strict=True))]


def _apply_to_tiles(function: FunctionText, op: ApplyOp, declared: InstructionOp) -> None:
    """Each point by itself: tiles at the end of a loop have fewer rows."""
    points = list(zip(*(function.values[a] for a in op.arguments), strict=True))
    order, rows, made = _streaming_order(points), _rows_of(op, declared, len(points)), {}
    for i in order:
        function.need(points[i])
        made[i] = apply_tile(function, declared, points[i], rows[i])
    function.values[op.res] = [made[i] for i in range(len(points))]


def _rows_of(op: ApplyOp, declared: InstructionOp, count: int) -> list[int]:
    """The rows of each accumulator: what is read of the operand that has these rows."""
    assert declared.tile is not None
    most = list(declared.tile)[0].data
    for value, register in zip(op.arguments, declared.registers, strict=True):
        if isinstance(value.owner, LoadOp) and (valid := valid_lanes(value.owner)) is not None:
            return [n * most // register.get_shape()[0] for n in valid]
    return [most] * count


def _streaming_order(points: Sequence[tuple[str, ...]]) -> list[int]:
    """Points sorted by the shared operand with the most registers: each of its registers is used up before
    the next is needed, so that it streams through one while the other operands stay. LLVM keeps the order."""
    shared = [column for column in zip(*points, strict=True) if len(set(column)) < len(points)]
    if not shared:
        return list(range(len(points)))
    streamed = max(shared, key=lambda column: len(set(column)))
    first = {value: i for i, value in reversed(list(enumerate(streamed)))}
    return sorted(range(len(points)), key=lambda i: first[streamed[i]])


def _yields_zero(body: Block) -> bool:
    """Whether a body is a constant 0."""
    last = body.last_op
    constant = last.operands[0].owner if last is not None and last.operands else None
    value = constant.value if isinstance(constant, arith.ConstantOp) else None
    return isinstance(value, IntegerAttr | FloatAttr) and value.value.data == 0


def emit_map(function: FunctionText, op: MapOp) -> None:
    """The body once per register."""
    assert isinstance(op.res.type, VectorType)
    lanes, body = op.res.type.get_shape()[-1], op.body.block
    points: list[tuple[str, ...]] = [()] * register_count(op.res.type)
    if op.arguments:
        points = list(zip(*(function.values[a] for a in op.arguments), strict=True))
    if op.res in function.tiles:
        if not _yields_zero(body):
            raise TenonError(f"{op.name}{location(op)} starts tiles, expected zeros alone")
        function.values[op.res] = zero_tiles(function, op.res.type)
        return
    narrowing = final_narrowing(function, body)
    if narrowing is not None:
        function.values[op.res] = emit_narrowed(function, body, narrowing, points, lanes)
        return
    function.values[op.res] = function.repeat(lambda args: emit_scalar(function, body, args, lanes), points)


def emit_nothing(function: FunctionText, op: Operation) -> None:
    """Terminators: what they yield is read by the op they end."""
