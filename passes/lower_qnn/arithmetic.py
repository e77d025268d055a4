"""Sums, differences, products and concatenation of quantized tensors."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.qnn.meaning import Modes
from ...dialects.qnn.parameters import visible
from ..lower_nn.emitter import Emitter
from .affine import requantized
from .nest import Nest, Read
from .parameters import Affine, largest
from .scalar import finished, float_difference, integer_difference, scaled, term, times


def lower_add(emit: Emitter, op: qnn.AddOp) -> SSAValue:
    return _sum(emit, op, B.add)


def lower_subtract(emit: Emitter, op: qnn.SubtractOp) -> SSAValue:
    return _sum(emit, op, B.sub)


def _sum(
    emit: Emitter, op: qnn.AddOp | qnn.SubtractOp, combine: Callable[[B, SSAValue, SSAValue], SSAValue]
) -> SSAValue:
    nest, modes = Nest(emit, op.shape), Modes.of(op)
    wanted = Affine(op.s_out, op.zp_out)
    left = term(nest, op.l, Affine(op.s_l, op.zp_l), wanted, modes)
    right = term(nest, op.r, Affine(op.s_r, op.zp_r), wanted, modes)
    most = largest([op.l], [op.s_l], op.s_out) + largest([op.r], [op.s_r], op.s_out)
    finish = finished(nest, wanted, modes, most)

    def body(b: B, read: Read) -> SSAValue:
        return finish(b, read, combine(b, left(b, read), right(b, read)))

    return nest.compute(op.type.element_type, body)


def lower_mul(emit: Emitter, op: qnn.MulOp) -> SSAValue:
    nest, modes = Nest(emit, op.shape), Modes.of(op)
    wanted, make = Affine(op.s_out, op.zp_out), nest.make
    exact = modes.arithmetic == "exact"
    difference = integer_difference if exact else float_difference
    left = difference(nest, op.l, Affine(op.s_l, op.zp_l))
    right = difference(nest, op.r, Affine(op.s_r, op.zp_r))
    finish = finished(nest, wanted, modes, largest([op.l, op.r], [op.s_l, op.s_r], op.s_out))
    if exact:
        scale = scaled(nest, make.fixed_point(op.s_l, op.s_r, over=op.s_out), wanted, modes.rounding)
    else:
        scale = times(nest, make.compute("div", make.compute("mul", op.s_l, op.s_r), op.s_out), wanted)

    def body(b: B, read: Read) -> SSAValue:
        return finish(b, read, scale(b, read, b.mul(left(b, read), right(b, read))))

    return nest.compute(op.type.element_type, body)


def lower_concat(emit: Emitter, op: qnn.ConcatOp) -> SSAValue:
    """What has the parameters of the result is taken as it is; lower-nn places the parts."""
    wanted, modes = Affine(op.s_out, op.zp_out), Modes.of(op)
    parts: list[SSAValue] = []
    for x, s, zero in zip(op.inputs, op.scales, op.zero_points, strict=True):
        same = _equal(s, op.s_out) and _equal(zero, op.zp_out)
        parts.append(x if same else requantized(emit, x, Affine(s, zero), wanted, modes))
    return emit(nn.ConcatOp(parts, op.value_of("axis")))


def _equal(a: SSAValue, b: SSAValue) -> bool:
    """One value, or equal constants of one type."""
    x, y = visible(a), visible(b)
    return a is b or (a.type == b.type and x is not None and y is not None and bool((x == y).all()))
