"""QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, of ONNX and of onnxruntime's domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .cast import converted
from .context import Context, normalized_axis, rank_of, shape_of
from .node import Node
from .quant import FLOATS, Affine, Names, affine, blocked_affine, check_elements, element_of, is_single
from .registry import onnx_op
from .tensors import element_type


@onnx_op("QuantizeLinear", "com.microsoft.QuantizeLinear")
def quantize_linear(ctx: Context, node: Node) -> SSAValue:
    """round(x / y_scale) + y_zero_point, saturated; the division is made in f32, or in the 16-bit float that
    `precision` names. Integers of 2 and 4 bits are bytes of that range, small floats quotients rounded by a
    cast."""
    x, element = node[0], _quantized_type(node)
    check_elements("x", x, (*FLOATS, i32))
    precision = _named_type(node, "precision") or f32
    if precision not in FLOATS:
        raise TenonError(f"precision is {precision}, expected one of {', '.join(map(str, FLOATS))}")
    (scale, zero), axis, block = _parameters(ctx, node, "y", element)
    if element_of(x) == i32:
        x = ctx.emit(nn.CastOp(x, f32))
    if precision != f32 or element in nn.SMALL_FLOATS.values():
        scale = converted(ctx, spread(ctx, scale, shape_of(x), axis, block), precision)
        x = ctx.elementwise("div", converted(ctx, x, precision), scale)
        if element in nn.SMALL_FLOATS.values():
            return converted(ctx, x, element, bool(node.attr("saturate")))
        scale = ctx.constant(np.ones((), np.float32))
    stored, bounds = STORED.get(element, element), qnn.limits(element)
    zero = converted(ctx, zero, stored)
    y = ctx.emit(qnn.QuantizeOp(x, scale, zero, axis=axis, block=block, range=bounds))
    return converted(ctx, y, element)


STORED = {element: qnn.ui8 if name.startswith("u") else i8 for name, element in nn.SUB_BYTE.items()}
"""Integer of 2 or 4 bits -> the byte it is computed in."""


def _quantized_type(node: Node) -> Attribute:
    """The type of the zero point, or `output_dtype`, which must agree; else u8."""
    zero, named = node.get(2), _named_type(node, "output_dtype")
    if zero is None:
        element = named or qnn.ui8
    else:
        element = element_of(zero)
        if named not in (None, element):
            raise TenonError(f"output_dtype is {named}, y_zero_point has elements of {element}")
    if element not in (*qnn.NARROW, *STORED, *nn.SMALL_FLOATS.values()):
        raise TenonError(f"the result has elements of {element}, expected up to 16 bits, or floats up to 8")
    return element


def _named_type(node: Node, attribute: str) -> Attribute | None:
    code = node.attr(attribute)
    return nn.element_type(element_type(code, attribute)) if code else None


@onnx_op("DequantizeLinear", "com.microsoft.DequantizeLinear")
def dequantize_linear(ctx: Context, node: Node) -> SSAValue:
    """(x - x_zero_point) * x_scale, in f32; rounded to the type of the scale or `output_dtype`."""
    x, element = node[0], element_of(node[0])
    check_elements("x", x, (*qnn.QUANTIZED, *STORED, *nn.SMALL_FLOATS.values()))
    to = _named_type(node, "output_dtype") or element_of(node[1])
    (scale, zero), axis, block = _parameters(ctx, node, "x", element)
    if element in nn.SMALL_FLOATS.values():
        scale, zero = (spread(ctx, p, shape_of(x), axis, block) for p in (scale, converted(ctx, zero, f32)))
        difference = ctx.elementwise("sub", converted(ctx, x, f32), zero)
        return converted(ctx, ctx.elementwise("mul", difference, scale), to)
    stored = STORED.get(element, element)
    x, zero = converted(ctx, x, stored), converted(ctx, zero, stored)
    return ctx.emit(qnn.DequantizeOp(x, scale, zero, axis=axis, block=block, element=to))


def _parameters(ctx: Context, node: Node, stem: str, element: Attribute) -> tuple[Affine, int, int]:
    """The parameters of operand 0, the axis they lie along, and for how many neighbours each is, 0 without
    blocks. The scale's rank tells; a vector of one is a scalar."""
    shape, scale, names = shape_of(node[0]), node[1], Names(stem, 1, 2)
    block = node.attr("block_size", 0)
    if is_single(scale):
        return affine(ctx, node, names, element), 0, 0
    axis = normalized_axis(node.attr("axis", 1), len(shape))
    if rank_of(scale) == 1 and not block:
        return affine(ctx, node, names, element, shape[axis]), axis, 0
    count = shape_of(scale)[axis] if rank_of(scale) == len(shape) else 0
    if block <= 0 or count != -(-shape[axis] // block):
        where = f"block_size {block} along axis {axis} of {list(shape)}"
        raise TenonError(f"{stem}_scale has shape {list(shape_of(scale))}, which does not fit {where}")
    return blocked_affine(ctx, node, names, element), axis, block


def spread(ctx: Context, parameter: SSAValue, shape: Sequence[int], axis: int, block: int) -> SSAValue:
    """A parameter of a tensor of `shape` as operand of elementwise ops."""
    if not rank_of(parameter):
        return parameter
    if not block:
        return ctx.reshape(parameter, (shape[axis], *(1,) * (len(shape) - axis - 1)))
    blocks = shape_of(parameter)
    split = (*blocks[: axis + 1], 1, *blocks[axis + 1 :])
    wide = (*blocks[: axis + 1], block, *blocks[axis + 1 :])
    whole = (*blocks[:axis], blocks[axis] * block, *blocks[axis + 1 :])
    repeated = ctx.reshape(ctx.emit(nn.BroadcastOp(ctx.reshape(parameter, split), wide)), whole)
    rank = len(shape)
    return ctx.emit(nn.SliceOp(repeated, [0] * rank, list(shape), [1] * rank))


@onnx_op("DynamicQuantizeLinear")
def dynamic_quantize_linear(ctx: Context, node: Node) -> list[SSAValue]:
    check_elements("x", node[0], (f32,))
    y, of = quantized_dynamically(ctx, node[0])
    return [y, of.scale, of.zero]


def quantized_dynamically(ctx: Context, x: SSAValue) -> tuple[SSAValue, Affine]:
    """x in u8 under parameters that span it and zero; of zeros only, the scale is 1."""
    zero, one, steps = (ctx.constant(np.array(value, np.float32)) for value in (0, 1, 255))
    least, most = (
        ctx.elementwise(bound, ctx.reduce(bound, x, range(rank_of(x)), keepdims=False), zero)
        for bound in ("min", "max")
    )
    scale = ctx.elementwise("div", ctx.elementwise("sub", most, least), steps)
    flat = ctx.elementwise("equal", most, least)
    scale = ctx.elementwise("where", flat, one, scale)
    shift = ctx.elementwise("sub", zero, ctx.elementwise("div", least, scale))
    clipped = ctx.elementwise("clip", shift, zero, steps)
    point = ctx.emit(nn.CastOp(ctx.elementwise("round", clipped), qnn.ui8))
    return ctx.emit(qnn.QuantizeOp(x, scale, point)), Affine(scale, point)
