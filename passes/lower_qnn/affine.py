"""quantize, dequantize, requantize: one nest each."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.qnn.intervals import result_below
from ...dialects.qnn.meaning import Modes
from ..lower_nn.emitter import Emitter
from ..lower_nn.views import reshaped
from .nest import Nest, Read
from .parameters import Affine, largest
from .scalar import finished, float_difference, term, to_integer


def lower_quantize(emit: Emitter, op: qnn.QuantizeOp) -> SSAValue:
    x, wanted = _in_blocks(emit, op)
    return reshaped(emit, quantized(emit, x, wanted, Modes.of(op)), op.shape)


def quantized(emit: Emitter, x: SSAValue, wanted: Affine, modes: Modes) -> SSAValue:
    nest = Nest(emit, nn.tensor_of(x).get_shape())
    nest.tensor(x)
    scale, finish = nest.parameter(wanted.scale, wanted), to_integer(nest, wanted, modes)

    def body(b: B, read: Read) -> SSAValue:
        return finish(b, read, b.div(b.cast(read(x), f32), read(scale)))

    return nest.compute(nn.tensor_of(wanted.zero).element_type, body)


def lower_dequantize(emit: Emitter, op: qnn.DequantizeOp) -> SSAValue:
    x, given = _in_blocks(emit, op)
    return reshaped(emit, dequantized(emit, x, given, op.type.element_type), op.shape)


def _in_blocks(emit: Emitter, op: qnn.QuantizeOp | qnn.DequantizeOp) -> tuple[SSAValue, Affine]:
    """x, and parameters that broadcast to it: whole blocks become a dimension of their own; where the last
    one is not whole, every element gets its own parameters."""
    axis, block, shape = op.value_of("axis"), op.value_of("block"), op.shape
    if not block:
        return op.x, Affine(op.s, op.zp, axis)
    count, rest = divmod(shape[axis], block)

    def spread(value: SSAValue) -> SSAValue:
        found = nn.tensor_of(value).get_shape()
        if not found:
            return value
        if not rest:
            return emit(nn.ReshapeOp(value, (*found[: axis + 1], 1, *found[axis + 1 :])))
        positions = emit(nn.ConstantOp(nn.dense_attribute(np.arange(shape[axis]) // block)))
        return emit(nn.GatherOp(value, [positions], axis))

    x = op.x if rest else emit(nn.ReshapeOp(op.x, (*shape[:axis], count, block, *shape[axis + 1 :])))
    return x, Affine(spread(op.s), spread(op.zp))


def dequantized(emit: Emitter, x: SSAValue, given: Affine, element: Attribute = f32) -> SSAValue:
    nest = Nest(emit, nn.tensor_of(x).get_shape())
    difference, scale = float_difference(nest, x, given), nest.parameter(given.scale, given)
    return nest.compute(element, lambda b, read: b.mul(difference(b, read), read(scale)))


def lower_requantize(emit: Emitter, op: qnn.RequantizeOp) -> SSAValue:
    axis = op.value_of("axis")
    given, wanted = Affine(op.s_in, op.zp_in, axis), Affine(op.s_out, op.zp_out, axis)
    return requantized(emit, op.x, given, wanted, Modes.of(op), result_below(op))


def requantized(
    emit: Emitter, x: SSAValue, given: Affine, wanted: Affine, modes: Modes, most: float = float("inf")
) -> SSAValue:
    """`most`: the magnitude of results, as far as it is known."""
    nest = Nest(emit, nn.tensor_of(x).get_shape())
    value = term(nest, x, given, wanted, modes)
    finish = finished(nest, wanted, modes, min(most, largest([x], [given.scale], wanted.scale)))
    element = nn.tensor_of(wanted.zero).element_type
    return nest.compute(element, lambda b, read: finish(b, read, value(b, read)))
