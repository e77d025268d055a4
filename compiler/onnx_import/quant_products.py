"""Products of quantized tensors: convolutions and matrices, with sums in i32."""

from __future__ import annotations

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from ...dialects import qnn
from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of
from .conv import kernel_of
from .linear import product, transposed
from .node import Node
from .quant import (
    Affine,
    Names,
    affine,
    check_elements,
    element_of,
    integer_zero,
    product_scale,
    requantized,
    zero_of,
)
from .quant_linear import quantized_dynamically
from .registry import onnx_op
from .windows import window_of


def _convolved(
    ctx: Context,
    node: Node,
    x: SSAValue,
    w: SSAValue,
    zeros: tuple[SSAValue, SSAValue],
    bias: SSAValue | None,
) -> SSAValue:
    window = window_of(node, shape_of(x)[2:], kernel_of(node, x, w))
    return ctx.emit(
        qnn.ConvOp(
            x, w, *zeros, bias, strides=window.strides, pads=window.pads, dilations=window.dilations,
            groups=node.attr("group"),
        )
    )  # fmt: skip


@onnx_op("QLinearConv")
def qlinear_conv(ctx: Context, node: Node) -> SSAValue:
    x, w, bias = node[0], node[3], node.get(8)
    check_factors(("x", x), ("w", w))
    s_x, zp_x = affine(ctx, node, Names("x", 1, 2), element_of(x))
    s_w, zp_w = affine(ctx, node, Names("w", 4, 5), element_of(w), shape_of(w)[0] if rank_of(w) else None)
    to = affine(ctx, node, Names("y", 6, 7), None)
    if bias is not None:
        check_elements("B", bias, (i32,))
    total = _convolved(ctx, node, x, w, (zp_x, zp_w), bias)
    return requantized(ctx, total, product_scale(ctx, s_x, s_w), to, axis=1)


@onnx_op("ConvInteger")
def conv_integer(ctx: Context, node: Node) -> SSAValue:
    x, w = node[0], node[1]
    check_factors(("x", x), ("w", w))
    zp_x = zero_of(ctx, node.get(2), "x_zero_point", element_of(x))
    zp_w = zero_of(ctx, node.get(3), "w_zero_point", element_of(w), shape_of(w)[0] if rank_of(w) else None)
    return _convolved(ctx, node, x, w, (zp_x, zp_w), None)


def check_factors(*factors: tuple[str, SSAValue]) -> None:
    """Raises unless both are tensors of bytes."""
    for name, value in factors:
        check_elements(name, value, qnn.BYTES)


@onnx_op("QLinearMatMul")
def qlinear_matmul(ctx: Context, node: Node) -> SSAValue:
    a, b = node[0], node[3]
    check_factors(("a", a), ("b", b))
    s_a, zp_a = affine(ctx, node, Names("a", 1, 2), element_of(a))
    s_b, zp_b = affine(ctx, node, Names("b", 4, 5), element_of(b), columns_of(b))
    to = affine(ctx, node, Names("y", 6, 7), None)
    scale = product_scale(ctx, s_a, s_b)

    def multiplied(left: SSAValue, right: SSAValue) -> SSAValue:
        total = ctx.emit(qnn.MatmulOp(left, right, zp_a, zp_b))
        return requantized(ctx, total, scale, to, axis=rank_of(total) - 1)

    return product(ctx, a, b, multiplied)


def columns_of(b: SSAValue) -> int | None:
    """How many columns the second factor has; one that is a vector is one column."""
    return shape_of(b)[-1] if rank_of(b) > 1 else None


@onnx_op("MatMulInteger")
def matmul_integer(ctx: Context, node: Node) -> SSAValue:
    a, b = node[0], node[1]
    check_factors(("A", a), ("B", b))
    rows = shape_of(a)[-2] if rank_of(a) > 1 else None
    zp_a = zero_of(ctx, node.get(2), "a_zero_point", element_of(a), rows)
    zp_b = zero_of(ctx, node.get(3), "b_zero_point", element_of(b), columns_of(b))
    return product(ctx, a, b, lambda left, right: ctx.emit(qnn.MatmulOp(left, right, zp_a, zp_b)))


@onnx_op("com.microsoft.QGemm")
def qgemm(ctx: Context, node: Node) -> SSAValue:
    """alpha * a' @ b' + c, the bias of the scale alpha * a_scale * b_scale; in floats without y_scale."""
    a, b, bias = node[0], node[3], node.get(6)
    check_factors(("A", a), ("B", b))
    if rank_of(a) != 2 or rank_of(b) != 2:
        raise TenonError(f"operands must be matrices, got shapes {list(shape_of(a))} and {list(shape_of(b))}")
    a, b = (transposed(ctx, x) if node.attr(f) else x for x, f in ((a, "transA"), (b, "transB")))
    s_a, zp_a = affine(ctx, node, Names("a", 1, 2), element_of(a))
    s_b, zp_b = affine(ctx, node, Names("b", 4, 5), element_of(b), columns_of(b))
    if bias is not None:
        check_elements("C", bias, (i32,))
    if node.attr("alpha") != 1.0:
        s_a = ctx.elementwise("mul", ctx.scalar_like(node.attr("alpha"), s_a), s_a)
    total = ctx.emit(qnn.MatmulOp(a, b, zp_a, zp_b, bias))
    scale = product_scale(ctx, s_a, s_b)
    if node.get(7) is None:
        return ctx.emit(qnn.DequantizeOp(total, scale, integer_zero(ctx), axis=1))
    return requantized(ctx, total, scale, affine(ctx, node, Names("y", 7, 8), None), axis=1)


def _to_float(
    ctx: Context, a: SSAValue, b: SSAValue, of_a: Affine, of_b: Affine, bias: SSAValue | None
) -> SSAValue:
    """(a - zero) @ (b - zero) in i32, times both scales, plus a bias of floats."""
    scale = product_scale(ctx, of_a.scale, of_b.scale)

    def multiplied(left: SSAValue, right: SSAValue) -> SSAValue:
        total = ctx.emit(qnn.MatmulOp(left, right, of_a.zero, of_b.zero))
        return ctx.emit(qnn.DequantizeOp(total, scale, integer_zero(ctx), axis=rank_of(total) - 1))

    y = product(ctx, a, b, multiplied)
    return y if bias is None else ctx.elementwise("add", y, bias)


@onnx_op("com.microsoft.MatMulIntegerToFloat")
def matmul_integer_to_float(ctx: Context, node: Node) -> SSAValue:
    a, b = node[0], node[1]
    check_factors(("A", a), ("B", b))
    of_a = affine(ctx, node, Names("a", 2, 4), element_of(a))
    of_b = affine(ctx, node, Names("b", 3, 5), element_of(b), columns_of(b))
    return _to_float(ctx, a, b, of_a, of_b, node.get(6))


@onnx_op("com.microsoft.DynamicQuantizeMatMul")
def dynamic_quantize_matmul(ctx: Context, node: Node) -> SSAValue:
    b = node[1]
    check_factors(("B", b))
    of_b = affine(ctx, node, Names("b", 2, 3), element_of(b), columns_of(b))
    a, of_a = quantized_dynamically(ctx, node[0])
    return _to_float(ctx, a, b, of_a, of_b, node.get(4))
