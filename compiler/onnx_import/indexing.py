"""Ops that read elements at given positions: Gather and its kin."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .constant import check_size
from .context import Context, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .shape import slice_axis


def check_inside(ctx: Context, indices: SSAValue, extent: int, axis: int) -> None:
    """Raise where an index known at compile time is outside the axis; others are clamped at run time."""
    known = ctx.array(indices)
    if known is not None and known.size and not -extent <= known.min() <= known.max() < extent:
        outside = known[(known < -extent) | (known >= extent)][0]
        raise TenonError(f"index {outside} is outside the {extent} elements of axis {axis}")


@onnx_op("Gather")
def gather(ctx: Context, node: Node) -> SSAValue:
    """One known scalar index is a slice; of constants it is folded, as exporters compute shapes with it."""
    x, indices = node[0], node[1]
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    extent = shape_of(x)[axis]
    check_inside(ctx, indices, extent, axis)
    known = ctx.array(indices)
    if known is not None and ctx.array(x) is not None:
        check_size(math.prod(shape_of(x)) // max(extent, 1) * known.size)
        return ctx.fold([x, indices], lambda a, i: np.take(a, i, axis), "the data")
    if known is not None and known.ndim == 0:
        row = slice_axis(ctx, x, axis, int(known) % extent, 1)
        return ctx.reshape(row, [n for i, n in enumerate(shape_of(x)) if i != axis])
    return ctx.emit(nn.GatherOp(x, [indices], axis))


@onnx_op("GatherElements")
def gather_elements(ctx: Context, node: Node) -> SSAValue:
    x, indices = node[0], node[1]
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    check_inside(ctx, indices, shape_of(x)[axis], axis)
    return ctx.emit(nn.GatherElementsOp(x, indices, axis))


@onnx_op("GatherND")
def gather_nd(ctx: Context, node: Node) -> SSAValue:
    """The last dimension of the indices holds a position in as many dimensions of the data."""
    x, indices, batch = node[0], node[1], node.attr("batch_dims", 0)
    *outer, count = shape_of(indices) or (0,)
    if not 1 <= count <= rank_of(x) - batch or not 0 <= batch < rank_of(indices):
        shapes = f"data {list(shape_of(x))} and indices {list(shape_of(indices))}"
        raise TenonError(f"{shapes} do not agree with batch_dims {batch}")
    columns = [ctx.reshape(slice_axis(ctx, indices, rank_of(indices) - 1, n, 1), outer) for n in range(count)]
    for n, column in enumerate(columns):
        check_inside(ctx, column, shape_of(x)[batch + n], batch + n)
    return ctx.emit(nn.GatherOp(x, columns, batch, batch))
