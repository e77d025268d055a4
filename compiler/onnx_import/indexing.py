"""Ops that read or write elements at given positions: Gather, Scatter and their kin."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of, tensor_type
from .node import Node
from .registry import onnx_op
from .shape import slice_axis
from .windows import entries


def check_inside(ctx: Context, indices: SSAValue, extent: int, axis: int) -> None:
    """Raise for what is no index, and where one known at compile time is outside the axis; others are
    clamped at run time."""
    if dtype_of(indices).kind not in "iu":
        raise TenonError(f"indices are {dtype_of(indices)}, expected integers")
    known = ctx.array(indices)
    if known is not None and known.size and not -extent <= known.min() <= known.max() < extent:
        outside = known[(known < -extent) | (known >= extent)][0]
        raise TenonError(f"index {outside} is outside the {extent} elements of axis {axis}")


@onnx_op("Gather")
def gather(ctx: Context, node: Node) -> SSAValue:
    """One known scalar index is a slice."""
    x, indices = node[0], node[1]
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    extent = shape_of(x)[axis]
    check_inside(ctx, indices, extent, axis)
    known = ctx.array(indices)
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


SCATTERS = {"none": "replace", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _scatter_kind(node: Node) -> str:
    reduction = node.attr("reduction", "none")
    if reduction not in SCATTERS:
        raise TenonError(f"reduction '{reduction}' is unknown, expected one of {', '.join(SCATTERS)}")
    return SCATTERS[reduction]


@onnx_op("ScatterElements", "Scatter")
def scatter_elements(ctx: Context, node: Node) -> SSAValue:
    """Indices known at compile time are turned around: each element is gathered from x or the updates."""
    x, indices, updates = node[0], node[1], node[2]
    axis, kind = normalized_axis(node.attr("axis"), rank_of(x)), _scatter_kind(node)
    if shape_of(indices) != shape_of(updates) or rank_of(indices) != rank_of(x):
        shapes = f"indices {list(shape_of(indices))} and updates {list(shape_of(updates))}"
        raise TenonError(f"{shapes} do not belong to data {list(shape_of(x))}")
    extent = shape_of(x)[axis]
    check_inside(ctx, indices, extent, axis)
    if 0 in shape_of(indices):
        return x
    high = [0 if i == axis else n - k for i, (n, k) in enumerate(zip(shape_of(x), shape_of(indices)))]
    if min(high) < 0:
        raise TenonError(f"indices {list(shape_of(indices))} leave data {list(shape_of(x))}")
    if any(high):  # where there are no indices, none is any position
        none = [0] * rank_of(x)
        indices = ctx.emit(nn.PadOp(ctx.emit(nn.CastOp(indices, i64)), none, high, extent))
        updates = ctx.emit(nn.PadOp(updates, none, high, 0.0))
    known = ctx.array(indices)
    if known is not None and kind == "replace":
        both = ctx.emit(nn.ConcatOp([x, updates], axis))
        return ctx.emit(nn.GatherElementsOp(both, ctx.constant(_sources(ctx, known, extent, axis)), axis))
    return ctx.emit(nn.ScatterElementsOp(kind, x, indices, updates, axis))


def _sources(ctx: Context, indices: np.ndarray, extent: int, axis: int) -> np.ndarray:
    """For each element of the result its position in (data, updates): the last update of it wins."""
    lines = np.moveaxis(indices, axis, -1)
    lines = np.where(lines < 0, lines + extent, lines)
    table = np.tile(np.arange(extent), (*ctx.sized(*lines.shape[:-1], extent)[:-1], 1))
    for at in np.ndindex(*lines.shape[:-1]):
        inside = lines[at] < extent
        table[at][lines[at][inside]] = extent + np.flatnonzero(inside)
    return np.ascontiguousarray(np.moveaxis(table, -1, axis))


@onnx_op("ScatterND")
def scatter_nd(ctx: Context, node: Node) -> SSAValue:
    """The dimensions that a position has become the rows of a matrix."""
    x, indices, updates, kind = node[0], node[1], node[2], _scatter_kind(node)
    shape, (*outer, count) = shape_of(x), shape_of(indices) or (0,)
    if not 1 <= count <= len(shape) or shape_of(updates) != (*outer, *shape[count:]):
        shapes = f"indices {list(shape_of(indices))} and updates {list(shape_of(updates))}"
        raise TenonError(f"{shapes} do not belong to data {list(shape)}")
    if not math.prod(outer):
        return x
    rows, width = math.prod(shape[:count]), math.prod(shape[count:])
    row = flat_positions(ctx, indices, shape[:count])
    matrix = ctx.reshape(x, (rows, width))
    given = ctx.reshape(updates, (math.prod(outer), width))
    known = ctx.array(row)
    if known is not None and kind == "replace":
        table = _sources(ctx, known, rows, 0)
        made = ctx.emit(nn.GatherOp(ctx.emit(nn.ConcatOp([matrix, given], 0)), [ctx.constant(table)], 0))
    else:
        made = ctx.emit(nn.ScatterOp(kind, matrix, row, given))
    return ctx.reshape(made, shape)


def flat_positions(ctx: Context, indices: SSAValue, extents: Sequence[int]) -> SSAValue:
    """Row-major element numbers, in one dimension, of the positions in the last dimension of `indices`."""
    rank, outer = rank_of(indices), math.prod(shape_of(indices)[:-1])
    total: SSAValue | None = None
    for n, extent in enumerate(extents):
        column = ctx.reshape(slice_axis(ctx, indices, rank - 1, n, 1), (outer,))
        check_inside(ctx, column, extent, n)
        column = wrapped(ctx, column, extent)
        if total is not None:
            total = ctx.elementwise("mul", total, ctx.scalar_like(extent, total))
        total = column if total is None else ctx.elementwise("add", total, column)
    assert total is not None
    return total


def wrapped(ctx: Context, indices: SSAValue, extent: int) -> SSAValue:
    """As i64, negative ones counted from the end."""
    wide = indices if tensor_type(indices).element_type == i64 else ctx.emit(nn.CastOp(indices, i64))
    negative = ctx.elementwise("less", wide, ctx.scalar_like(0, wide))
    from_end = ctx.elementwise("add", wide, ctx.scalar_like(extent, wide))
    return ctx.elementwise("where", negative, from_end, wide)


@onnx_op("TensorScatter")
def tensor_scatter(ctx: Context, node: Node) -> SSAValue:
    """A window of a cache replaced, in each batch at a position of its own."""
    cache, update, start = node[0], node[1], node.get(2)
    axis, mode = normalized_axis(node.attr("axis"), rank_of(cache)), node.attr("mode", "linear")
    alike = rank_of(update) == rank_of(cache)
    extent, length = shape_of(cache)[axis], shape_of(update)[axis] if alike else 0
    if mode not in ("linear", "circular") or not alike or not 1 <= axis or length > extent:
        what = f"mode '{mode}', axis {axis}, update {list(shape_of(update))}"
        raise TenonError(f"{what} do not belong to a cache of {list(shape_of(cache))}")
    batch = shape_of(cache)[0]
    first = ctx.constant(np.zeros(ctx.sized(batch), np.int64)) if start is None else start
    position = ctx.constant(np.arange(*ctx.sized(extent)).reshape(1, extent))
    place = ctx.elementwise("sub", position, ctx.reshape(first, (batch, 1)))
    if mode == "circular":
        place = ctx.elementwise("mod", place, ctx.scalar_like(extent, place))
    lower = ctx.elementwise("greater_equal", place, ctx.scalar_like(0, place))
    inside = ctx.elementwise("and", lower, ctx.elementwise("less", place, ctx.scalar_like(length, place)))
    picked = ctx.elementwise("max", place, ctx.scalar_like(0, place))
    moved = ctx.emit(nn.GatherOp(update, [picked], axis, 1))
    line = [1] * rank_of(cache)
    line[0], line[axis] = batch, extent
    return ctx.elementwise("where", ctx.reshape(inside, line), moved, cache)


@onnx_op("MaxUnpool")
def max_unpool(ctx: Context, node: Node) -> SSAValue:
    """Each element at the position that its maximum had, counted through all of what was pooled; 0 elsewhere.
    An output_shape adds zeros at the end."""
    x, indices, given = node[0], node[1], node.get(2)
    rank, kernel = rank_of(x) - 2, node.attr("kernel_shape")
    strides, pads = entries(node, "strides", rank, 1, 1), entries(node, "pads", 2 * rank, 0, 0)
    if shape_of(indices) != shape_of(x) or len(kernel) != rank or min(kernel) < 1:
        what = f"indices {list(shape_of(indices))} and kernel {kernel}"
        raise TenonError(f"{what} do not fit input {list(shape_of(x))}")
    shape = [*shape_of(x)[:2]] + [
        (n - 1) * s + k - pads[i] - pads[i + rank]
        for i, (n, s, k) in enumerate(zip(shape_of(x)[2:], strides, kernel, strict=True))
    ]
    if min(shape) < 0:
        raise TenonError(f"nothing is left of the result {shape}")
    wanted = shape if given is None else ctx.integers(given, "output_shape")
    more = [w - n for w, n in zip(wanted, shape)]
    if len(wanted) != len(shape) or min(more) < 0 or any(more[:2]):
        raise TenonError(f"output_shape {wanted}, expected {shape} or more")
    planes, size, taken = math.prod(shape[:2]), math.prod(shape[2:]), math.prod(shape_of(x)[2:])
    within = ctx.elementwise("mod", indices, ctx.scalar_like(size, indices))
    zeros = ctx.emit(nn.BroadcastOp(ctx.scalar_like(0, x), (planes, size)))
    values, positions = (ctx.reshape(v, (planes, taken)) for v in (x, within))
    made = ctx.reshape(ctx.emit(nn.ScatterElementsOp("replace", zeros, positions, values, 1)), shape)
    return ctx.emit(nn.PadOp(made, [0] * len(shape), more, 0.0)) if any(more) else made
