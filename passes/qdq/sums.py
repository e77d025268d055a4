"""Convolutions and matrix products of integers, with the bias that is added to them.

The sum of products has the scale s_x * s_w and the zero point 0; a bias is quantized with these, when the
model is compiled. It is requantized, or dequantized where the result stays float. A bias or parameters known
at run time only (`dynamic`) leave the bias float, to be added behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Affine, element_of, scalar_of

Found = Affine | str
"""What a rule makes of an op, or the reason why it makes nothing."""

MOST = (1 << 31) // (255 * 255)
"""So many products of two bytes stay within i32, whatever their values."""


def _factors(op: Any, operands: Sequence[Affine | None], terms: int, names: str) -> str:
    """Why two operands cannot be multiplied as integers; nothing where they can."""
    for index, operand in enumerate(operands[:2]):
        if operand is None:
            return f"operand {index} is not quantized"
        if not operand.is_byte:
            return f"operand {index} is {element_of(operand.q)}: a sum of its products may leave i32"
    assert operands[0] is not None
    if not operands[0].per_tensor:
        return f"operand 0 has parameters per channel, which no sum over {names} has"
    if terms > MOST:
        return f"it adds {terms} products, more than {MOST} may leave i32"
    return ""


def _product_scale(new: GraphBuilder, x: Affine, w: Affine) -> SSAValue:
    return new.compute("mul", x.scale, w.scale)


def _zero(new: GraphBuilder) -> SSAValue:
    return new.constant(np.zeros((), np.int32))


def _bias(new: GraphBuilder, bias: SSAValue, known: Affine | None, scale: SSAValue, axis: int) -> SSAValue:
    """`bias`, compile-time, as i32 with the scale of the products."""
    zero = _zero(new)
    if known is not None:
        if known.is_sum and _equal(known.scale, scale) and scalar_of(known.zero_point) == 0:
            return known.q
        parameters = (*known.parameters(), scale, zero)
        return new(qnn.RequantizeOp(known.q, *parameters, axis=axis, arithmetic="exact"))
    return new(qnn.QuantizeOp(bias, scale, zero, axis=axis))


def _equal(scale: SSAValue, product: SSAValue) -> bool:
    """Whether a bias is seen to have the scale of the products."""
    assert isinstance(product.owner, nn.ElementwiseOp)
    factors = [scalar_of(factor) for factor in product.owner.inputs]
    own = scalar_of(scale)
    if own is None or None in factors:
        return False
    return own == np.float32(factors[0]) * np.float32(factors[1])  # pyright: ignore[reportArgumentType]


def _geometry(op: nn.ConvOp | nn.ConvTransposeOp) -> dict[str, Any]:
    return {name: op.value_of(name) for name in ("strides", "pads", "dilations", "groups")}


def conv(new: GraphBuilder, op: nn.ConvOp, operands: Sequence[Affine | None], dynamic: bool) -> Found:
    shape = nn.tensor_of(op.w).get_shape()
    bias = None if dynamic else op.bias
    return _convolution(new, op, operands, bias, qnn.ConvOp, math.prod(shape[1:]), 0)


def conv_transpose(
    new: GraphBuilder, op: nn.ConvTransposeOp, operands: Sequence[Affine | None], dynamic: bool
) -> Found:
    shape, groups = nn.tensor_of(op.w).get_shape(), op.value_of("groups")
    weights = operands[1]
    if groups > 1 and weights is not None and not weights.per_tensor:
        return "the weights of several groups have parameters per channel"
    terms = shape[0] // groups * math.prod(shape[2:])
    return _convolution(new, op, operands, None if dynamic else op.bias, qnn.ConvTransposeOp, terms, 1)


def _convolution(
    new: GraphBuilder,
    op: nn.ConvOp | nn.ConvTransposeOp,
    operands: Sequence[Affine | None],
    bias: SSAValue | None,
    made: type[qnn.ConvOp] | type[qnn.ConvTransposeOp],
    terms: int,
    axis: int,
) -> Found:
    if reason := _factors(op, operands, terms, "input channels"):
        return reason
    x, w = operands[:2]
    assert x is not None and w is not None
    if not w.per_tensor and w.axis != axis:
        return f"the weights have parameters along axis {w.axis}, expected axis {axis}"
    scale = _product_scale(new, x, w)
    added = None if bias is None else _bias(new, bias, operands[2], scale, 0)
    sums = made(x.q, w.q, x.zero_point, w.zero_point, added, **_geometry(op))
    return Affine(new(sums), scale, _zero(new), 1)


def matmul(new: GraphBuilder, op: nn.MatmulOp, operands: Sequence[Affine | None], dynamic: bool) -> Found:
    a, b = operands
    if reason := _factors(op, operands, nn.tensor_of(op.a).get_shape()[-1], "the inner extent"):
        return reason
    assert a is not None and b is not None
    columns = nn.tensor_of(op.b).get_num_dims() - 1
    if not b.per_tensor and b.axis != columns:
        return f"operand 1 has parameters along axis {b.axis}, expected the columns, axis {columns}"
    sums = new(qnn.MatmulOp(a.q, b.q, a.zero_point, b.zero_point))
    return Affine(sums, _product_scale(new, a, b), _zero(new), len(op.shape) - 1)


SUMS: dict[type[Operation], Callable[[GraphBuilder, Any, Sequence[Affine | None], bool], Found]] = {
    nn.ConvOp: conv,
    nn.ConvTransposeOp: conv_transpose,
    nn.MatmulOp: matmul,
}
"""Op -> rule: the op on integers as an i32 tensor, or why it has none."""


def with_float_bias(new: GraphBuilder, op: nn.NNOperation, result: SSAValue) -> SSAValue:
    """`result`, with the bias that `op` has."""
    if not isinstance(op, nn.ConvOp | nn.ConvTransposeOp) or op.bias is None:
        return result
    return new.compute("add", result, new.along(op.bias, 1, len(op.shape)))


def with_bias(
    new: GraphBuilder, op: nn.ElementwiseOp, operands: Sequence[Affine | None], known: set[SSAValue]
) -> Affine | None:
    """The sum of `op`, an addition of a compile-time value per channel, as part of the op it is added to."""
    for position in (0, 1):
        sums, value = operands[position], op.inputs[1 - position]
        producer = sums.q.owner if sums else None
        if sums is None or not isinstance(producer, qnn.ConvOp | qnn.ConvTransposeOp | qnn.MatmulOp):
            continue
        only = len(list(op.inputs[position].uses)) == 1
        if only and producer.bias is None and value in known and op.shape == _shape(sums.q):
            return _joined(new, sums, producer, operands[1 - position], value)
    return None


def _shape(value: SSAValue) -> tuple[int, ...]:
    return nn.tensor_of(value).get_shape()


def _joined(
    new: GraphBuilder, sums: Affine, producer: Any, known: Affine | None, value: SSAValue
) -> Affine | None:
    """A convolution takes [O], a matrix product what varies along its columns alone."""
    shape = _shape(sums.q)
    axis = len(shape) - 1 if isinstance(producer, qnn.MatmulOp) else 1
    extents = (*(1,) * (len(shape) - len(_shape(value))), *_shape(value))
    if any(n != 1 for i, n in enumerate(extents) if i != axis) or not extents:
        return None
    if known is not None and not known.per_tensor and extents[axis] != shape[axis]:
        return None

    def flat(x: SSAValue) -> SSAValue:
        line = new.reshape(x, (extents[axis],))
        return line if extents[axis] == shape[axis] else new(nn.BroadcastOp(line, (shape[axis],)))

    bias = _bias(new, flat(value), known and known.moved(flat(known.q)), sums.scale, 0)
    operands = [*producer.operands[:4], bias]
    copy = type(producer).create(
        operands=operands, result_types=[producer.result.type], properties=producer.properties
    )
    copy.location = producer.location
    return sums.moved(new(copy), sums.axis)


def rescaled(new: GraphBuilder, op: nn.ElementwiseOp, operands: Sequence[Affine | None]) -> Affine | None:
    """A product with a number, or a quotient: the same integers under another scale."""
    fn = op.fn.data
    for position in (0, 1) if fn == "mul" else (0,):
        x, factor = operands[position], op.inputs[1 - position]
        number = scalar_of(factor)
        if x is None or number is None or not 0 < number < math.inf or op.shape != _shape(x.q):
            continue
        scale = new.compute(fn, x.scale, new.reshape(factor, ()))
        return Affine(x.q, scale, x.zero_point, x.axis)
    return None
