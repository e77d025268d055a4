"""Ops on the order of elements along an axis: ArgMax, TopK, Hardmax, CumSum and their kin."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of
from .indexing import wrapped
from .linear import as_matrix
from .node import Node
from .registry import onnx_op
from .shape import slice_axis


@onnx_op("ArgMax", "ArgMin")
def arg_reduce(ctx: Context, node: Node) -> SSAValue:
    x, kind = node[0], "max" if node.op_type == "ArgMax" else "min"
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    last = bool(node.attr("select_last_index", 0))
    found = ctx.emit(nn.ArgReduceOp(kind, x, axis, last))
    return found if node.attr("keepdims") else ctx.reshape(found, _without(shape_of(x), axis))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


@onnx_op("TopK")
def top_k(ctx: Context, node: Node) -> list[SSAValue]:
    """The values are gathered at the positions. Unsorted results may have any order, also this one."""
    x, axis = node[0], normalized_axis(node.attr("axis"), rank_of(node[0]))
    k = node.attr("k") if ctx.opset < 10 else ctx.integer(node[1], "k")
    indices = ctx.emit(nn.TopKOp(x, axis, k, bool(node.attr("largest", 1))))
    results = [ctx.emit(nn.GatherElementsOp(x, indices, axis)), indices]
    return results[: len(node.outputs)]


@onnx_op("Hardmax")
def hardmax(ctx: Context, node: Node) -> SSAValue:
    """1 at the first maximum along the axis, else 0; before opset 13 of a matrix, as Softmax."""
    x = node[0]
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    source = x if ctx.opset >= 13 else ctx.reshape(x, as_matrix(shape_of(x), axis))
    at = axis if ctx.opset >= 13 else 1
    top = ctx.emit(nn.ArgReduceOp("max", source, at))
    return ctx.reshape(ctx.cast(at_position(ctx, top, source, at), x), shape_of(x))


def at_position(ctx: Context, position: SSAValue, like: SSAValue, axis: int) -> SSAValue:
    """i1: whether an element of the shape of `like` lies at `position` along `axis`."""
    extent, rank = shape_of(like)[axis], rank_of(like)
    line = ctx.constant(np.arange(*ctx.sized(extent)).reshape(-1, *[1] * (rank - 1 - axis)))
    return ctx.elementwise("equal", position, line)


@onnx_op("CumSum", "CumProd")
def cumulate(ctx: Context, node: Node) -> SSAValue:
    x, kind = node[0], "sum" if node.op_type == "CumSum" else "prod"
    axis = normalized_axis(ctx.integer(node[1], "the axis"), rank_of(x))
    exclusive, reverse = bool(node.attr("exclusive")), bool(node.attr("reverse"))
    return ctx.emit(nn.CumulateOp(kind, x, axis, exclusive, reverse))


@onnx_op("OneHot")
def one_hot(ctx: Context, node: Node) -> SSAValue:
    """`values` holds what the other places have, then what the place that an index names has."""
    indices, values = node[0], node[2]
    depth = ctx.integer(node[1], "the depth")
    if shape_of(values) != (2,) or depth < 1:
        raise TenonError(f"depth is {depth}, values have shape {list(shape_of(values))}, expected 2 values")
    axis = normalized_axis(node.attr("axis"), rank_of(indices) + 1)
    if dtype_of(indices).kind not in "iu":
        indices = ctx.emit(nn.CastOp(indices, i64))
    shape = shape_of(indices)
    places = ctx.reshape(wrapped(ctx, indices, depth), (*shape[:axis], 1, *shape[axis:]))
    line = ctx.constant(np.arange(*ctx.sized(depth)).reshape(-1, *[1] * (rank_of(indices) - axis)))
    off, on = (ctx.reshape(slice_axis(ctx, values, 0, n, 1), ()) for n in range(2))
    return ctx.elementwise("where", ctx.elementwise("equal", places, line), on, off)
