"""Ops that repeat, mask or reorder elements by positions known at compile time."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .constant import check_size
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .shape import picked
from .tensors import element_type


@onnx_op("Tile")
def tile(ctx: Context, node: Node) -> SSAValue:
    """Each dimension n repeated r times is 1xn broadcast to rxn."""
    x, repeats = node[0], ctx.integers(node[1], "repeats")
    if len(repeats) != rank_of(x) or min(repeats, default=0) < 0:
        raise TenonError(f"repeats are {repeats}, expected {rank_of(x)} numbers of at least 0")
    shape = shape_of(x)
    split = ctx.reshape(x, [extent for n in shape for extent in (1, n)])
    grown = [extent for n, r in zip(shape, repeats, strict=True) for extent in (r, n)]
    return ctx.reshape(
        ctx.emit(nn.BroadcastOp(split, grown)), [n * r for n, r in zip(shape, repeats, strict=True)]
    )


@onnx_op("Trilu")
def trilu(ctx: Context, node: Node) -> SSAValue:
    """The upper or lower triangle of matrices; 0 elsewhere, also for NaN."""
    x, shift = node[0], node.get(1)
    k = 0 if shift is None else ctx.integer(shift, "k")
    if rank_of(x) < 2:
        raise TenonError(f"input has rank {rank_of(x)}, expected at least 2")
    rows, columns = ctx.sized(*shape_of(x)[-2:])
    everywhere, k = np.ones((rows, columns), bool), max(-rows, min(k, columns))
    mask = ctx.constant(np.triu(everywhere, k) if node.attr("upper") else np.tril(everywhere, k))
    return ctx.elementwise("where", mask, x, ctx.scalar_like(0, x))


@onnx_op("EyeLike")
def eye_like(ctx: Context, node: Node) -> SSAValue:
    x, to = node[0], node.attr("dtype")
    if rank_of(x) != 2:
        raise TenonError(f"input has rank {rank_of(x)}, expected 2")
    dtype = dtype_of(x) if to is None else element_type(to, "dtype")
    rows, columns = ctx.sized(*shape_of(x))
    k = max(-rows, min(node.attr("k"), columns))
    return ctx.constant(np.eye(rows, columns, k, np.int8).astype(dtype))


@onnx_op("ReverseSequence")
def reverse_sequence(ctx: Context, node: Node) -> SSAValue:
    """The first elements of each sequence backwards, as many as its length says."""
    x, lengths = node[0], node[1]
    batch, time = (normalized_axis(node.attr(name), rank_of(x)) for name in ("batch_axis", "time_axis"))
    if {batch, time} != {0, 1}:
        raise TenonError(f"batch_axis {batch} and time_axis {time} must be 0 and 1")
    count, steps = shape_of(x)[batch], shape_of(x)[time]
    line = ctx.constant(np.arange(*ctx.sized(steps)).reshape(1, steps))
    length = ctx.reshape(ctx.cast(lengths, line), (count, 1))
    mirrored = ctx.elementwise("sub", ctx.elementwise("sub", length, line), ctx.scalar_like(1, line))
    positions = ctx.elementwise("where", ctx.elementwise("less", line, length), mirrored, line)
    order = [1, 0, *range(2, rank_of(x))]
    source = x if batch == 0 else ctx.emit(nn.TransposeOp(x, order))
    made = ctx.emit(nn.GatherOp(source, [positions], 1, 1))
    return made if batch == 0 else ctx.emit(nn.TransposeOp(made, order))


@onnx_op("Compress")
def compress(ctx: Context, node: Node) -> SSAValue:
    """The elements where a condition known at compile time holds: how many they are is the result's shape."""
    x, condition = node[0], ctx.known(node[1], "the condition").astype(bool).reshape(-1)
    axis = node.attr("axis")
    if axis is None:
        x, axis = ctx.reshape(x, (int(np.prod(shape_of(x))),)), 0
    axis = normalized_axis(axis, rank_of(x))
    if len(condition) > shape_of(x)[axis]:
        raise TenonError(f"the condition has {len(condition)} elements, axis {axis} {shape_of(x)[axis]}")
    return picked(ctx, x, axis, np.flatnonzero(condition))


@onnx_op("NonZero")
def non_zero(ctx: Context, node: Node) -> SSAValue:
    x = ctx.known(node[0], "the input of NonZero, which decides its output's shape,")
    return ctx.constant(np.argwhere(x).T.astype(np.int64))


@onnx_op("Unique")
def unique(ctx: Context, node: Node) -> list[SSAValue]:
    x, axis = ctx.known(node[0], "the input of Unique, which decides its outputs' shapes,"), node.attr("axis")
    check_size(x.size)
    axis = None if axis is None else normalized_axis(axis, x.ndim)
    values, first, inverse, counts = np.unique(x, True, True, True, axis=axis)
    if not node.attr("sorted"):
        order = np.argsort(first)
        values, first, counts = np.take(values, order, axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    found = [values, first, inverse.reshape(-1), counts]
    results = [ctx.constant(a if i == 0 else a.astype(np.int64)) for i, a in enumerate(found)]
    return results[: len(node.outputs)]
