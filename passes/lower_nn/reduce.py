"""Reductions along axes, and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from xdsl.dialects import math as math_dialect
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from .emitter import Emitter, Operand, at, dims, highest, lowest
from .views import reshaped


class Combination(NamedTuple):
    start: Callable[[Attribute], float]
    combine: Callable[[B, SSAValue, SSAValue], SSAValue]


COMBINATIONS = {
    "sum": Combination(lambda element: 0.0, B.add),
    "mean": Combination(lambda element: 0.0, B.add),
    "prod": Combination(lambda element: 1.0, B.mul),
    "max": Combination(lowest, B.max),
    "min": Combination(highest, B.min),
}
"""Kind of reduction -> the value it starts from, and how it takes in an element."""


def lower_reduce(emit: Emitter, op: nn.ReduceOp) -> SSAValue:
    axes, kind, element = op.value_of("axes"), op.kind.data, op.type.element_type
    if not axes:
        return op.x
    total = reduced(emit, op.x, axes, kind)
    if kind == "mean":
        shape = nn.tensor_of(total).get_shape()
        count = math.prod(nn.tensor_of(op.x).get_shape()[axis] for axis in axes)
        inputs = [emit.broadcast(v, shape) for v in (total, emit(nn.scalar(count, nn.tensor_of(total))))]
        total = emit.elementwise(inputs, element, shape, B.div)
    return reshaped(emit, emit.rounded(total, element), op.shape)


def reduced(
    emit: Emitter, x: SSAValue, axes: Sequence[int], kind: str, wider: Attribute | None = None
) -> SSAValue:
    """The kept dimensions in order, as parallel loops; then the axes. 16-bit floats give f32, and any type
    `wider`, to which elements are cast."""
    source = nn.tensor_of(x)
    shape = source.get_shape()
    kept = [i for i in range(len(shape)) if i not in axes]
    loop_of = {axis: loop for loop, axis in enumerate([*kept, *(i for i in range(len(shape)) if i in axes)])}
    access = at(len(shape), [AffineExpr.dimension(loop_of[i]) for i in range(len(shape))])
    start, combine = COMBINATIONS[kind]
    element = wider or nn.compute_type(source.element_type)
    init = emit.filled(element, [shape[i] for i in kept], start(element))
    return emit.generic(
        [Operand(x, access)],
        Operand(init, at(len(shape), dims(0, len(kept)))),
        len(axes),
        lambda b, value, accumulator: combine(b, accumulator, b.cast(value, element)),
    )


def lower_softmax(emit: Emitter, op: nn.SoftmaxOp) -> SSAValue:
    """Five generics: maximum, exp(x - maximum), its sum, one over it, and the product (with `log`: four, and
    a difference)."""
    axis, shape, element = op.value_of("axis"), op.shape, op.type.element_type
    wide = nn.compute_type(element)
    rank = len(shape)
    row = at(rank, [AffineExpr.dimension(i) for i in range(rank) if i != axis])

    def whole(value: SSAValue) -> Operand:
        return emit.broadcast(value, shape)

    top = Operand(reduced(emit, op.x, [axis], "max"), row)
    powers = emit.elementwise([whole(op.x), top], wide, shape, _exp_difference)
    total = reduced(emit, powers, [axis], "sum")
    if op.value_of("log"):
        return emit.elementwise([whole(op.x), top, Operand(total, row)], element, shape, _log_quotient)
    kept = nn.tensor_of(total).get_shape()
    factor = emit.elementwise(
        [emit.broadcast(total, kept)], wide, kept, lambda b, x: b.div(b.like(x, 1.0), x)
    )
    return emit.elementwise([whole(powers), Operand(factor, row)], element, shape, B.mul)


def _exp_difference(b: B, x: SSAValue, top: SSAValue) -> SSAValue:
    return b(math_dialect.ExpOp, b.sub(x, top))


def _log_quotient(b: B, x: SSAValue, top: SSAValue, total: SSAValue) -> SSAValue:
    return b.sub(b.sub(x, top), b(math_dialect.LogOp, total))
