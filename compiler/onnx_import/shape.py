"""Ops that move elements: reshape and its kin, transpose, concat, split, slice, pad, expand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, normalized_axes, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op


@onnx_op("Reshape")
def reshape(ctx: Context, node: Node) -> SSAValue:
    x, shape = node[0], ctx.integers(node[1], "the shape")
    return ctx.reshape(x, resolved_shape(shape_of(x), shape, bool(node.attr("allowzero"))))


def resolved_shape(source: Sequence[int], target: Sequence[int], allow_zero: bool) -> list[int]:
    """`target` with ONNX's 0 (keep the source's extent) and -1 (whatever is left) filled in."""
    shape = list(target)
    if not allow_zero:
        if any(n == 0 and axis >= len(source) for axis, n in enumerate(shape)):
            raise TenonError(f"shape {shape} keeps a dimension that {list(source)} does not have")
        shape = [source[axis] if n == 0 else n for axis, n in enumerate(shape)]
    if any(n < -1 for n in shape) or shape.count(-1) > 1:
        raise TenonError(f"shape {list(target)} has a negative dimension other than one -1")
    total, rest = math.prod(source), math.prod(n for n in shape if n != -1)
    fits = bool(rest) and total % rest == 0 if -1 in shape else total == rest
    if not fits:
        raise TenonError(f"cannot reshape {list(source)} to {list(target)}: {total} elements do not fit")
    return [total // rest if n == -1 else n for n in shape]


def _axes(ctx: Context, node: Node) -> list[int] | None:
    """Axes: an input in newer opsets, an attribute in older ones, None where left out."""
    given = node.get(1)
    return ctx.integers(given, "axes") if given is not None else node.attr("axes")


@onnx_op("Squeeze")
def squeeze(ctx: Context, node: Node) -> SSAValue:
    x, given = node[0], _axes(ctx, node)
    shape = shape_of(x)
    axes = [i for i, n in enumerate(shape) if n == 1] if given is None else normalized_axes(given, len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise TenonError(f"cannot squeeze axes {axes} of shape {list(shape)}: an extent is not 1")
    return ctx.reshape(x, [n for i, n in enumerate(shape) if i not in axes])


@onnx_op("Unsqueeze")
def unsqueeze(ctx: Context, node: Node) -> SSAValue:
    x, given = node[0], _axes(ctx, node) or []
    rest = iter(shape_of(x))
    rank = rank_of(x) + len(given)
    axes = normalized_axes(given, rank)
    return ctx.reshape(x, [1 if axis in axes else next(rest) for axis in range(rank)])


@onnx_op("Transpose")
def transpose(ctx: Context, node: Node) -> SSAValue:
    x, rank = node[0], rank_of(node[0])
    perm = node.attr("perm", list(reversed(range(rank))))
    if sorted(perm) != list(range(rank)):
        raise TenonError(f"perm {perm} is no permutation of the {rank} dimensions")
    return x if perm == sorted(perm) else ctx.emit(nn.TransposeOp(x, perm))


@onnx_op("Concat")
def concat(ctx: Context, node: Node) -> SSAValue:
    parts = [node[i] for i in range(len(node.operands))]
    ranks = sorted({rank_of(part) for part in parts})
    if len(ranks) > 1:
        raise TenonError(f"operands have ranks {ranks}, expected equal ranks")
    axis = normalized_axis(node.attr("axis"), rank_of(parts[0]))
    return parts[0] if len(parts) == 1 else ctx.emit(nn.ConcatOp(parts, axis))


@onnx_op("Split")
def split(ctx: Context, node: Node) -> list[SSAValue]:
    """Into the given sizes, else into equal parts of which the last may be smaller (opset 18)."""
    x, count = node[0], node.declared
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    extent, given = shape_of(x)[axis], node.get(1)
    sizes = ctx.integers(given, "split") if given is not None else node.attr("split")
    if sizes is None:
        part = -(-extent // count)
        sizes = [part] * (count - 1) + [extent - part * (count - 1)]
    if len(sizes) != count or sum(sizes) != extent or min(sizes) < 0:
        raise TenonError(
            f"cannot split the {extent} elements of axis {axis} into {sizes} for {count} outputs"
        )
    starts = accumulate(sizes, initial=0)
    return [slice_axis(ctx, x, axis, start, size) for start, size in zip(starts, sizes)]


def slice_axis(ctx: Context, x: SSAValue, axis: int, start: int, size: int) -> SSAValue:
    """`size` neighbours from `start` along one axis."""
    starts, sizes = [0] * rank_of(x), list(shape_of(x))
    starts[axis], sizes[axis] = start, size
    return ctx.emit(nn.SliceOp(x, starts, sizes, [1] * rank_of(x)))


def picked(ctx: Context, x: SSAValue, axis: int, positions: Sequence[int] | np.ndarray) -> SSAValue:
    """The elements at known positions along one axis."""
    table = ctx.constant(np.asarray(positions, np.int64))
    return ctx.emit(nn.GatherOp(x, [table], axis))


@onnx_op("Slice")
def slice_(ctx: Context, node: Node) -> SSAValue:
    """starts, ends, axes and steps are attributes before opset 10; bounds clamp as in Python."""
    x = node[0]
    given = [
        _bounds(ctx, node, i, name) for i, name in enumerate(("starts", "ends", "axes", "steps"), start=1)
    ]
    starts, ends = given[0] or [], given[1] or []
    axes = [normalized_axis(axis, rank_of(x)) for axis in given[2] or range(len(starts))]
    steps = given[3] or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) == len(set(axes)):
        raise TenonError(
            f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not belong together"
        )
    first, sizes, strides = [0] * rank_of(x), list(shape_of(x)), [1] * rank_of(x)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if not step:
            raise TenonError(f"the step along axis {axis} is 0")
        span = range(shape_of(x)[axis])[start:end:step]
        if step < 0:
            x = picked(ctx, x, axis, span)
            sizes[axis] = len(span)
        else:
            first[axis], sizes[axis], strides[axis] = span.start, len(span), step
    return x if sizes == list(shape_of(x)) else ctx.emit(nn.SliceOp(x, first, sizes, strides))


def _bounds(ctx: Context, node: Node, index: int, name: str) -> list[int] | None:
    if ctx.opset < 10:
        return node.attr(name)
    value = node.get(index)
    return None if value is None else ctx.integers(value, name)


@onnx_op("Pad")
def pad(ctx: Context, node: Node) -> SSAValue:
    """Negative amounts cut. Amounts are attributes before opset 11."""
    x, rank = node[0], rank_of(node[0])
    if ctx.opset < 11:
        amounts, fill = node.attr("pads"), node.attr("value")
    else:
        amounts, value = ctx.integers(node[1], "pads"), node.get(2)
        fill = 0.0 if value is None else value
    given_axes = node.get(3)
    axes = [normalized_axis(a, rank) for a in ctx.integers(given_axes, "axes")] if given_axes else range(rank)
    if len(set(axes)) != len(axes):
        raise TenonError(f"axes {list(axes)} name one axis twice")
    if len(amounts) != 2 * len(axes):
        raise TenonError(f"pads is {amounts}, expected {2 * len(axes)} numbers")
    low, high = [0] * rank, [0] * rank
    for position, axis in enumerate(axes):
        low[axis], high[axis] = amounts[position], amounts[position + len(axes)]
    if node.attr("mode") != "constant":
        return _padded_by_itself(ctx, x, low, high, node.attr("mode"))
    number = ctx.number(fill, "the fill") if isinstance(fill, SSAValue) else fill
    if isinstance(number, int) and int(float(number)) != number:
        raise TenonError(f"the fill {number} is not exact in f64")
    return _padded(ctx, x, low, high, float(number))


def _padded_by_itself(ctx: Context, x: SSAValue, low: list[int], high: list[int], mode: str) -> SSAValue:
    if mode not in ("reflect", "edge", "wrap"):
        raise TenonError(f"mode '{mode}' is unknown, expected constant, reflect, edge or wrap")
    for axis, (before, after) in enumerate(zip(low, high, strict=True)):
        if before or after:
            extent = shape_of(x)[axis]
            positions = _padding_positions(ctx, mode, extent, before, after)
            first, last = max(before, 0), len(positions) - max(after, 0)
            parts = [slice_axis(ctx, x, axis, max(-before, 0), last - first)]
            if first:
                parts.insert(0, picked(ctx, x, axis, positions[:first]))
            if last < len(positions):
                parts.append(picked(ctx, x, axis, positions[last:]))
            x = ctx.emit(nn.ConcatOp(parts, axis)) if len(parts) > 1 else parts[0]
    return x


def _padding_positions(ctx: Context, mode: str, extent: int, low: int, high: int) -> np.ndarray:
    """Where the elements of a padded dimension come from."""
    ctx.sized(max(extent, extent + low + high))
    inner = np.arange(extent)[max(-low, 0) : extent - max(-high, 0)]
    grown = (max(low, 0), max(high, 0))
    if not len(inner) or mode == "reflect" and len(inner) == 1 and any(grown):
        raise TenonError(f"mode '{mode}' cannot pad {len(inner)} of {extent} elements by {grown}")
    return np.pad(inner, grown, mode=mode)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _padded(ctx: Context, x: SSAValue, low: list[int], high: list[int], fill: float) -> SSAValue:
    if min((*low, *high), default=0) < 0:
        starts = [max(-n, 0) for n in low]
        sizes = [n - start - max(-h, 0) for n, start, h in zip(shape_of(x), starts, high, strict=True)]
        if min(sizes) < 0:
            raise TenonError(f"pads {low + high} cut more than shape {list(shape_of(x))} has")
        x = ctx.emit(nn.SliceOp(x, starts, sizes, [1] * rank_of(x)))
    grown = [max(n, 0) for n in low], [max(n, 0) for n in high]
    return ctx.emit(nn.PadOp(x, *grown, fill)) if any(map(any, grown)) else x


@onnx_op("Expand")
def expand(ctx: Context, node: Node) -> SSAValue:
    """Broadcast both ways: an extent of 1 in the shape keeps the input's."""
    x, wanted = node[0], ctx.integers(node[1], "the shape")
    rank = max(len(wanted), rank_of(x))
    source = [1] * (rank - rank_of(x)) + list(shape_of(x))
    target = [1] * (rank - len(wanted)) + wanted
    if any(n < 0 or 1 not in (s, n) and s != n for s, n in zip(source, target, strict=True)):
        raise TenonError(f"shape {list(shape_of(x))} does not broadcast to {wanted}")
    shape = [n if s == 1 else s for s, n in zip(source, target, strict=True)]
    return x if tuple(shape) == shape_of(x) else ctx.emit(nn.BroadcastOp(x, shape))
