"""Cast and CastLike; out of range, floats of 8 bits saturate where the node says so.

FLOAT8E8M0 is the exponent of an f32 and nothing else: its casts are shifts of bits."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import AnyFloat, f32, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .context import Context, tensor_type
from .node import Node
from .registry import onnx_op
from .tensors import element_type

EXPONENT = 23
"""The lowest bit of an f32's exponent."""

ROUND_MODES = {"up": (1 << EXPONENT) - 1, "down": 0, "nearest": 1 << EXPONENT - 1}
"""How an f32 becomes a power of two -> what is added to its bits before the mantissa is dropped."""


@onnx_op("Cast")
def cast(ctx: Context, node: Node) -> SSAValue:
    return _converted(ctx, node, nn.element_type(element_type(node.attr("to"), "to")))


@onnx_op("CastLike")
def cast_like(ctx: Context, node: Node) -> SSAValue:
    return _converted(ctx, node, tensor_type(node[1]).element_type)


def _converted(ctx: Context, node: Node, to: Attribute) -> SSAValue:
    return converted(ctx, node[0], to, bool(node.attr("saturate", 1)), node.attr("round_mode", "up"))


def converted(
    ctx: Context, x: SSAValue, to: Attribute, saturate: bool = True, round_mode: str = "up"
) -> SSAValue:
    """`x` with elements of `to`, as ONNX casts."""
    source = tensor_type(x).element_type
    if source == to:
        return x
    if source == nn.POWERS_OF_TWO:
        return converted(ctx, _power(ctx, x), to, saturate)
    if to == nn.POWERS_OF_TWO:
        return _rounded_power(ctx, converted(ctx, x, f32), saturate, round_mode)
    if to in nn.SMALL_FLOATS.values() and saturate:
        x = x if isinstance(source, AnyFloat) else ctx.emit(nn.CastOp(x, f32))
        if tensor_type(x).element_type not in nn.SMALL_FLOATS.values():
            x = _clipped(ctx, x, float(ml_dtypes.finfo(nn.numpy_dtype(to)).max))
    return ctx.emit(nn.CastOp(x, to))


def _clipped(ctx: Context, x: SSAValue, most: float) -> SSAValue:
    return ctx.elementwise("clip", x, ctx.scalar_like(-most, x), ctx.scalar_like(most, x))


def _power(ctx: Context, x: SSAValue) -> SSAValue:
    """2^(code - 127) as f32, which has the same bias. Code 0 is below its normal numbers, 255 is NaN."""
    code = ctx.emit(nn.CastOp(ctx.emit(nn.BitcastOp(x, qnn.ui8)), i32))
    bits = ctx.elementwise("shift_left", code, ctx.constant(np.array(EXPONENT, np.int32)))
    for special, instead in ((0, 1 << EXPONENT - 1), (255, 0x7FC00000)):
        found = ctx.elementwise("equal", code, ctx.constant(np.array(special, np.int32)))
        bits = ctx.elementwise("where", found, ctx.constant(np.array(instead, np.int32)), bits)
    return ctx.emit(nn.BitcastOp(bits, f32))


def _rounded_power(ctx: Context, x: SSAValue, saturate: bool, round_mode: str) -> SSAValue:
    """The exponent of x rounded to a power of two. What is no positive number within 2^-127 and 2^127 is the
    nearest of them, or NaN without `saturate`; a NaN is NaN."""
    if round_mode not in ROUND_MODES:
        raise TenonError(f"round_mode must be one of {', '.join(ROUND_MODES)}, got '{round_mode}'")

    def number(value: int) -> SSAValue:
        return ctx.constant(np.array(value, np.int32))

    bits = ctx.emit(nn.BitcastOp(x, i32))
    rounded = ctx.elementwise("add", bits, number(ROUND_MODES[round_mode]))
    code = ctx.elementwise("shift_right", rounded, number(EXPONENT))
    code = ctx.elementwise("clip", code, number(0), number(254))
    if not saturate:
        least, most = (ctx.scalar_like(2.0**exponent, x) for exponent in (-127, 127))
        for outside in (ctx.elementwise("less", x, least), ctx.elementwise("greater", x, most)):
            code = ctx.elementwise("where", outside, number(255), code)
    code = ctx.elementwise("where", ctx.elementwise("not_equal", x, x), number(255), code)
    return ctx.emit(nn.BitcastOp(ctx.emit(nn.CastOp(code, qnn.ui8)), nn.POWERS_OF_TWO))
