"""Matrix products and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op


@onnx_op("MatMul")
def matmul(ctx: Context, node: Node) -> SSAValue:
    return product(ctx, node[0], node[1], lambda a, b: ctx.emit(nn.MatmulOp(a, b)))


def product(
    ctx: Context, a: SSAValue, b: SSAValue, multiplied: Callable[[SSAValue, SSAValue], SSAValue]
) -> SSAValue:
    """What `multiplied` makes of two matrices, or batches of them, as numpy.matmul: a vector operand gets a
    dimension of 1 that the result drops."""
    if not rank_of(a) or not rank_of(b):
        raise TenonError("operands must have rank 1 or more, got a scalar")
    row, column = rank_of(a) == 1, rank_of(b) == 1
    if row:
        a = ctx.reshape(a, (1, *shape_of(a)))
    if column:
        b = ctx.reshape(b, (*shape_of(b), 1))
    result = multiplied(a, b)
    shape = list(shape_of(result))
    kept = shape[:-2] + ([] if row else shape[-2:-1]) + ([] if column else shape[-1:])
    return ctx.reshape(result, kept)


@onnx_op("Gemm")
def gemm(ctx: Context, node: Node) -> SSAValue:
    """alpha * a' @ b' + beta * c; scaling by 1 is left out."""
    a, b, c = node[0], node[1], node.get(2)
    if rank_of(a) != 2 or rank_of(b) != 2:
        raise TenonError(f"operands must be matrices, got shapes {list(shape_of(a))} and {list(shape_of(b))}")
    a, b = (transposed(ctx, x) if node.attr(f) else x for x, f in ((a, "transA"), (b, "transB")))
    result = _scaled(ctx, ctx.emit(nn.MatmulOp(a, b)), node.attr("alpha"))
    if c is None:
        return result
    total = ctx.elementwise("add", result, _scaled(ctx, c, node.attr("beta")))
    if shape_of(total) != shape_of(result):
        raise TenonError(f"c of shape {list(shape_of(c))} does not broadcast to {list(shape_of(result))}")
    return total


def transposed(ctx: Context, x: SSAValue) -> SSAValue:
    return ctx.emit(nn.TransposeOp(x, (1, 0)))


def _scaled(ctx: Context, x: SSAValue, factor: float) -> SSAValue:
    return x if factor == 1.0 else ctx.elementwise("mul", x, ctx.scalar_like(factor, x))


@onnx_op("Softmax", "LogSoftmax")
def softmax(ctx: Context, node: Node) -> SSAValue:
    """Before opset 13 the op sees a matrix: the dimensions before `axis` times those from it."""
    x, log = node[0], node.op_type == "LogSoftmax"
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    if ctx.opset >= 13:
        return ctx.emit(nn.SoftmaxOp(x, axis, log=log))
    matrix = ctx.reshape(x, as_matrix(shape_of(x), axis))
    return ctx.reshape(ctx.emit(nn.SoftmaxOp(matrix, 1, log=log)), shape_of(x))


def as_matrix(shape: Sequence[int], axis: int) -> tuple[int, int]:
    """`shape` with the dimensions before `axis` merged and those from it merged."""
    return math.prod(shape[:axis]), math.prod(shape[axis:])


@onnx_op("Flatten")
def flatten(ctx: Context, node: Node) -> SSAValue:
    x, axis = node[0], node.attr("axis")
    if not -rank_of(x) <= axis <= rank_of(x):
        raise TenonError(f"axis {axis} is outside the rank {rank_of(x)}")
    return ctx.reshape(x, as_matrix(shape_of(x), axis if axis >= 0 else axis + rank_of(x)))
