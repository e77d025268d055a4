"""Gathers: parallel loops whose body reads a captured tensor at computed positions (`tensor.extract`).

The captured tensor and the index tensors are viewed with few dimensions: what is taken whole is one
dimension, so that neighbours stay neighbours. A position along a loop is an element of an `nn.iota`, from
which later passes see that the loop walks through memory. Positions are clamped: a wrong index reads a wrong
element, never other memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, IndexType, IntegerAttr, i64
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.nn.scalar_builder import is_unsigned
from ...dialects.tensorized import RangeAttr
from ...dialects.tensorized.range import WITHIN, ranges_attribute
from .emitter import Emitter, Operand, at, dims
from .views import reshaped


def clamped(b: B, index: SSAValue, extent: int) -> SSAValue:
    """An index as i64 within the extent; negative ones count from the end."""
    wide = b.cast(index, i64)
    if not is_unsigned(index.type):
        wide = b.select(b.compare("lt", wide, b.like(wide, 0)), b.add(wide, b.like(wide, extent)), wide)
    return b.min(b.max(wide, b.like(wide, 0)), b.like(wide, extent - 1))


def _extract(b: B, x: SSAValue, positions: Sequence[SSAValue | None]) -> SSAValue:
    """The element of `x` at positions of i64; None is 0."""
    indices = [
        b(arith.ConstantOp, IntegerAttr(0, IndexType()))
        if position is None
        else b(arith.IndexCastOp, position, IndexType())
        for position in positions
    ]
    return b(tensor.ExtractOp, x, indices, nn.tensor_of(x).element_type)


def within(index: SSAValue, extent: int) -> bool:
    """Whether the indices are known to lie in the extent."""
    owner = index.owner
    if not isinstance(owner, nn.ConstantOp) or not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return False
    known = nn.dense_array(owner.value)
    return not known.size or 0 <= int(known.min()) <= int(known.max()) < extent


def lower_gather(emit: Emitter, op: nn.GatherOp) -> SSAValue:
    taken = nn.tensor_of(op.indices[0]).get_shape()
    if len(op.indices) == len(taken) == 1 and op.value_of("batch") == 0 < op.value_of("axis"):
        return _lower_line(emit, op)
    return _lower_blocks(emit, op)


def _lower_line(emit: Emitter, op: nn.GatherOp) -> SSAValue:
    """Channels of an image, say: the loops are the result's dimensions, as those of its neighbours in the
    graph, so that both can be one kernel."""
    axis, shape, rank = op.value_of("axis"), nn.tensor_of(op.x).get_shape(), len(op.shape)
    whole = [i for i in range(rank) if i != axis and shape[i] > 1]
    inputs = [Operand(op.indices[0], at(rank, dims(axis, 1)))]
    inputs += [Operand(emit(nn.IotaOp(shape[i])), at(rank, dims(i, 1))) for i in whole]
    known = within(op.indices[0], shape[axis])

    def body(b: B, index: SSAValue, *values: SSAValue) -> SSAValue:
        along: dict[int, SSAValue] = dict(zip(whole, values, strict=True))
        along[axis] = b.cast(index, i64) if known else clamped(b, index, shape[axis])
        return _extract(b, op.x, [along.get(i) for i in range(rank)])

    taken = emit.elementwise(inputs, op.type.element_type, op.shape, body)
    if known:
        reach: list[RangeAttr | None] = [RangeAttr.of(0, shape[axis] - 1), *[None] * len(inputs)]
        taken.owner.attributes[WITHIN] = ranges_attribute(reach)  # pyright: ignore
    return taken


def _lower_blocks(emit: Emitter, op: nn.GatherOp) -> SSAValue:
    """Loops (batch, between batch and axis, indices, rest)."""
    axis, batch, count = op.value_of("axis"), op.value_of("batch"), len(op.indices)
    shape, taken = nn.tensor_of(op.x).get_shape(), nn.tensor_of(op.indices[0]).get_shape()
    outer, inner = [math.prod(shape[:batch]), math.prod(shape[batch:axis])], math.prod(shape[axis + count :])
    extents = [*outer, math.prod(taken[batch:]), inner]
    indexed = shape[axis : axis + count]
    table = reshaped(emit, op.x, (*outer, *indexed, inner))
    flat = [reshaped(emit, index, (extents[0], extents[2])) for index in op.indices]
    whole = [loop for loop in (0, 1, 3) if extents[loop] > 1]
    inputs = [Operand(index, at(4, [AffineExpr.dimension(0), AffineExpr.dimension(2)])) for index in flat]
    inputs += [Operand(emit(nn.IotaOp(extents[loop])), at(4, dims(loop, 1))) for loop in whole]

    def body(b: B, *values: SSAValue) -> SSAValue:
        along = dict(zip(whole, values[count:], strict=True))
        picked = [clamped(b, index, n) for index, n in zip(values[:count], indexed, strict=True)]
        return _extract(b, table, [along.get(0), along.get(1), *picked, along.get(3)])

    return reshaped(emit, emit.elementwise(inputs, op.type.element_type, extents, body), op.shape)


def lower_gather_elements(emit: Emitter, op: nn.GatherElementsOp) -> SSAValue:
    """Loops over the indices' dimensions."""
    axis, shape, extents = op.value_of("axis"), nn.tensor_of(op.x).get_shape(), op.shape
    rank = len(extents)
    whole = [i for i in range(rank) if i != axis and extents[i] > 1]
    inputs = [Operand(op.indices, at(rank, dims(0, rank)))]
    inputs += [Operand(emit(nn.IotaOp(extents[i])), at(rank, dims(i, 1))) for i in whole]

    def body(b: B, index: SSAValue, *values: SSAValue) -> SSAValue:
        along: dict[int, SSAValue] = dict(zip(whole, values, strict=True))
        along[axis] = clamped(b, index, shape[axis])
        return _extract(b, op.x, [along.get(i) for i in range(rank)])

    return emit.elementwise(inputs, op.type.element_type, extents, body)
