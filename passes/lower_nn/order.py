"""Positions of extrema and of the largest elements: reductions that count and select positions."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.nn.scalar_builder import is_float
from .emitter import Emitter, Operand, at
from .reduce import reduced
from .views import reshaped


def _line_access(rank: int, axis: int, along: int) -> AffineMap:
    """Dimension `axis` at loop `along`, the others at loops of their own number; rank + 1 loops."""
    exprs = [AffineExpr.dimension(along if i == axis else i) for i in range(rank)]
    return at(rank + 1, exprs)


def _iota(emit: Emitter, extent: int, loops: int, along: int) -> Operand:
    """Positions along a loop, in 32 bits: twice as many fit into a register."""
    positions = emit(nn.CastOp(emit(nn.IotaOp(extent)), i32))
    return Operand(positions, at(loops, [AffineExpr.dimension(along)]))


def _as_indices(emit: Emitter, positions: SSAValue) -> SSAValue:
    shape = nn.tensor_of(positions).get_shape()
    return emit.elementwise([emit.broadcast(positions, shape)], i64, shape, lambda b, x: b.cast(x, i64))


def _start(emit: Emitter, shape: Sequence[int], value: int) -> Operand:
    start = emit.filled(i32, shape, value)
    return Operand(start, at(len(shape) + 1, [AffineExpr.dimension(i) for i in range(len(shape))]))


def lower_arg_reduce(emit: Emitter, op: nn.ArgReduceOp) -> SSAValue:
    """The extremum, then the smallest (or largest) position of an element equal to it, or of a NaN."""
    axis, last, shape = op.value_of("axis"), op.value_of("last"), nn.tensor_of(op.x).get_shape()
    rank, extent = len(shape), shape[axis]
    top = reshaped(emit, reduced(emit, op.x, [axis], op.kind.data), op.shape)
    zero = at(
        rank + 1, [AffineExpr.constant(0) if i == axis else AffineExpr.dimension(i) for i in range(rank)]
    )
    none = -1 if last else extent

    def body(b: B, x: SSAValue, best: SSAValue, position: SSAValue, accumulator: SSAValue) -> SSAValue:
        hit = b.compare("eq", x, best)
        if is_float(x.type):
            hit = b(arith.OrIOp, hit, b(arith.CmpfOp, x, x, "uno"))
        return (b.max if last else b.min)(accumulator, b.select(hit, position, b.like(position, none)))

    found = emit.generic(
        [
            Operand(op.x, _line_access(rank, axis, rank)),
            Operand(top, zero),
            _iota(emit, extent, rank + 1, rank),
        ],
        _start(emit, op.shape, none),
        1,
        body,
    )
    return _as_indices(emit, found)


def lower_top_k(emit: Emitter, op: nn.TopKOp) -> SSAValue:
    """The rank of an element is the number of those before it; place r holds the position of rank r."""
    axis, largest, shape = op.value_of("axis"), op.value_of("largest"), nn.tensor_of(op.x).get_shape()
    rank, extent = len(shape), shape[axis]
    here, there = _line_access(rank, axis, axis), _line_access(rank, axis, rank)

    def counts(b: B, x: SSAValue, y: SSAValue, i: SSAValue, j: SSAValue, accumulator: SSAValue) -> SSAValue:
        before = _comes_before(b, y, x, b.compare("lt", j, i), largest)
        return b.add(accumulator, b.select(before, b.like(accumulator, 1), b.like(accumulator, 0)))

    loops = rank + 1
    operands = [Operand(op.x, here), Operand(op.x, there), _iota(emit, extent, loops, axis)]
    ranks = emit.generic([*operands, _iota(emit, extent, loops, rank)], _start(emit, shape, 0), 1, counts)

    def picks(b: B, r: SSAValue, place: SSAValue, i: SSAValue, accumulator: SSAValue) -> SSAValue:
        hit = b.compare("eq", r, place)
        return b.add(accumulator, b.select(hit, i, b.like(i, 0)))

    places = [Operand(ranks, there), _iota(emit, op.value_of("k"), loops, axis)]
    order = [*places, _iota(emit, extent, loops, rank)]
    return _as_indices(emit, emit.generic(order, _start(emit, op.shape, 0), 1, picks))


def _comes_before(b: B, y: SSAValue, x: SSAValue, earlier: SSAValue, largest: bool) -> SSAValue:
    """Whether y, `earlier` in its line or not, goes before x. All NaN are equal, and above the numbers."""
    beyond, equal = b.compare("gt" if largest else "lt", y, x), b.compare("eq", y, x)
    if is_float(x.type):
        nan_y, nan_x = (b(arith.CmpfOp, v, v, "uno") for v in (y, x))
        number = b(arith.XOrIOp, nan_x if largest else nan_y, b.like(nan_x, 1))
        beyond = b(arith.OrIOp, beyond, b(arith.AndIOp, nan_y if largest else nan_x, number))
        equal = b(arith.OrIOp, equal, b(arith.AndIOp, nan_y, nan_x))
    return b(arith.OrIOp, beyond, b(arith.AndIOp, equal, earlier))
