"""Scatters: every element of the result takes in, in order, the updates whose index is its position."""

from __future__ import annotations

import math
from collections.abc import Callable

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.nn.scalar_builder import is_unsigned
from .emitter import Emitter, Operand, at, dims
from .views import reshaped

COMBINE: dict[str, Callable[[B, SSAValue, SSAValue], SSAValue]] = {
    "replace": lambda b, old, new: new,
    "add": B.add,
    "mul": B.mul,
    "max": B.max,
    "min": B.min,
}


def _body(kind: str, extent: int):
    def body(b: B, index: SSAValue, update: SSAValue, position: SSAValue, accumulator: SSAValue) -> SSAValue:
        wide = b.cast(index, i64)
        if not is_unsigned(index.type):
            wide = b.select(b.compare("lt", wide, b.like(wide, 0)), b.add(wide, b.like(wide, extent)), wide)
        hit = b.compare("eq", wide, position)
        return b.select(hit, COMBINE[kind](b, accumulator, update), accumulator)

    return body


def _copied(emit: Emitter, x: SSAValue) -> SSAValue:
    """The start of the fold: x in the type that ops compute in."""
    source = nn.tensor_of(x)
    shape = source.get_shape()
    element = nn.compute_type(source.element_type)
    return emit.elementwise([emit.broadcast(x, shape)], element, shape, lambda b, value: value)


def lower_scatter(emit: Emitter, op: nn.ScatterOp) -> SSAValue:
    """Loops (rows, elements of a row | updates)."""
    rows, count = op.shape[0], nn.tensor_of(op.indices).get_shape()[0]
    width = math.prod(op.shape[1:])
    start = _copied(emit, reshaped(emit, op.x, (rows, width)))
    row, element, update = dims(0, 3)
    inputs = [
        Operand(op.indices, at(3, [update])),
        Operand(reshaped(emit, op.updates, (count, width)), at(3, [update, element])),
        Operand(emit(nn.IotaOp(rows)), at(3, [row])),
    ]
    total = emit.generic(inputs, Operand(start, at(3, [row, element])), 1, _body(op.kind.data, rows))
    return reshaped(emit, emit.rounded(total, op.type.element_type), op.shape)


def lower_scatter_elements(emit: Emitter, op: nn.ScatterElementsOp) -> SSAValue:
    """Loops (x | the axis of the indices)."""
    axis, rank = op.value_of("axis"), len(op.shape)
    read = at(rank + 1, [AffineExpr.dimension(rank if i == axis else i) for i in range(rank)])
    inputs = [
        Operand(op.indices, read),
        Operand(op.updates, read),
        Operand(emit(nn.IotaOp(op.shape[axis])), at(rank + 1, dims(axis, 1))),
    ]
    init = Operand(_copied(emit, op.x), at(rank + 1, dims(0, rank)))
    total = emit.generic(inputs, init, 1, _body(op.kind.data, op.shape[axis]))
    return emit.rounded(total, op.type.element_type)
