"""Quantized ops of onnxruntime's domain but for products: sums, tables, means, softmax and concatenation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .context import Context, normalized_axes, normalized_axis, rank_of, shape_of
from .linear import as_matrix
from .node import Node
from .quant import Affine, Names, affine, check_elements, element_of
from .registry import onnx_op
from .windows import window_of

BINARY: dict[str, Callable[..., Operation]] = {"QLinearAdd": qnn.AddOp, "QLinearMul": qnn.MulOp}


@onnx_op(*(f"com.microsoft.{op_type}" for op_type in BINARY))
def binary(ctx: Context, node: Node) -> SSAValue:
    a, b = node[0], node[3]
    parameters = (
        affine(ctx, node, Names("A", 1, 2), element_of(a)),
        affine(ctx, node, Names("B", 4, 5), element_of(b)),
        affine(ctx, node, Names("C", 6, 7), element_of(a)),
    )
    return ctx.emit(BINARY[node.op_type](a, b, *(value for of in parameters for value in of)))


def _unary(ctx: Context, node: Node) -> tuple[SSAValue, ...]:
    """The operands of an op of one tensor: x, its parameters, those of the result."""
    x = node[0]
    of = affine(ctx, node, Names("X", 1, 2), element_of(x))
    return x, *of, *affine(ctx, node, Names("Y", 3, 4), element_of(x))


@onnx_op("com.microsoft.QLinearSigmoid")
def sigmoid(ctx: Context, node: Node) -> SSAValue:
    return ctx.emit(qnn.ElementwiseOp("sigmoid", *_unary(ctx, node)))


@onnx_op("com.microsoft.QLinearLeakyRelu")
def leaky_relu(ctx: Context, node: Node) -> SSAValue:
    """A table, as in onnxruntime: alpha times the float, not times the integer."""
    operands = _unary(ctx, node)
    return ctx.emit(
        qnn.ElementwiseOp("leaky_relu", *operands, ctx.scalar_like(node.attr("alpha"), operands[1]))
    )


@onnx_op("com.microsoft.QLinearSoftmax")
def softmax(ctx: Context, node: Node) -> SSAValue:
    """Softmax of the opset that the attribute `opset` names: before 13 x is a matrix, split at `axis`."""
    x, *parameters = _unary(ctx, node)
    old = node.attr("opset") < 13
    axis = normalized_axis(node.attr("axis", 1 if old else -1), rank_of(x))
    if not old:
        return ctx.emit(qnn.SoftmaxOp(x, *parameters, axis=axis))
    matrix = ctx.reshape(x, as_matrix(shape_of(x), axis))
    return ctx.reshape(ctx.emit(qnn.SoftmaxOp(matrix, *parameters, axis=1)), shape_of(x))


def _channels_first(ctx: Context, node: Node, x: SSAValue, make: Callable[[SSAValue], Operation]) -> SSAValue:
    """What `make` computes of x as [N, C, ...]; with `channels_last`, x and the result have C at the end."""
    rank = rank_of(x)
    if rank < 3:
        raise TenonError(f"input has rank {rank}, expected at least 3")
    if not node.attr("channels_last"):
        return ctx.emit(make(x))
    y = ctx.emit(make(ctx.emit(nn.TransposeOp(x, (0, rank - 1, *range(1, rank - 1))))))
    return ctx.emit(nn.TransposeOp(y, (0, *range(2, rank), 1)))


@onnx_op("com.microsoft.QLinearAveragePool")
def average_pool(ctx: Context, node: Node) -> SSAValue:
    x, *parameters = _unary(ctx, node)

    def pooled(image: SSAValue) -> Operation:
        window = window_of(node, shape_of(image)[2:], node.attr("kernel_shape"))
        modes: dict[str, Any] = {name: bool(node.attr(name)) for name in ("ceil_mode", "count_include_pad")}
        return qnn.PoolOp("average", image, *parameters, **window._asdict(), **modes)

    return _channels_first(ctx, node, x, pooled)


@onnx_op("com.microsoft.QLinearGlobalAveragePool")
def global_average_pool(ctx: Context, node: Node) -> SSAValue:
    x, *parameters = _unary(ctx, node)
    axes = range(2, rank_of(x))
    return _channels_first(
        ctx, node, x, lambda image: qnn.ReduceOp("mean", image, *parameters, axes=axes, keepdims=True)
    )


@onnx_op("com.microsoft.QLinearReduceMean")
def reduce_mean(ctx: Context, node: Node) -> SSAValue:
    x, *parameters = _unary(ctx, node)
    axes = normalized_axes(node.attr("axes") or range(rank_of(x)), rank_of(x))
    return ctx.emit(qnn.ReduceOp("mean", x, *parameters, axes=axes, keepdims=bool(node.attr("keepdims"))))


@onnx_op("com.microsoft.QLinearConcat")
def concat(ctx: Context, node: Node) -> SSAValue:
    """Operands: the result's parameters, then a tensor with its parameters, and again."""
    count = len(node.operands) - 2
    if count < 3 or count % 3:
        raise TenonError(f"has {count + 2} inputs, expected 2 and 3 for each tensor")
    to = affine(ctx, node, Names("Y", 0, 1), None)
    places = range(2, count + 2, 3)
    tensors = [node[i] for i in places]
    parts = [
        affine(ctx, node, Names(f"inputs[{i - 2}]", i + 1, i + 2), element_of(x))
        for i, x in zip(places, tensors, strict=True)
    ]
    axis = normalized_axis(node.attr("axis"), rank_of(tensors[0]))
    scales, zeros = [of.scale for of in parts], [of.zero for of in parts]
    return ctx.emit(qnn.ConcatOp(tensors, scales, zeros, *to, axis=axis))


@onnx_op("com.microsoft.QLinearWhere")
def where(ctx: Context, node: Node) -> SSAValue:
    """Both branches under the parameters of the result, then a choice of integers."""
    x, y = node[1], node[4]
    check_elements("X", x, qnn.BYTES)
    to = affine(ctx, node, Names("z", 7, 8), element_of(x))

    def branch(value: SSAValue, of: Affine) -> SSAValue:
        return ctx.emit(qnn.RequantizeOp(value, *of, *to, axis=0))

    return ctx.elementwise(
        "where",
        node[0],
        branch(x, affine(ctx, node, Names("x", 2, 3), element_of(x))),
        branch(y, affine(ctx, node, Names("y", 5, 6), element_of(y))),
    )
