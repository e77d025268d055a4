"""Sequences and optional values, as far as they are known at import: a sequence is a list of values."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, normalized_axis, rank_of, shape_of
from .node import Node, Value
from .registry import onnx_op
from .shape import slice_axis

MAX_PARTS = 4096
"""Elements of a sequence that a tensor is split into."""


@onnx_op("SequenceEmpty")
def sequence_empty(ctx: Context, node: Node) -> list[Value]:
    return [[]]


@onnx_op("SequenceConstruct")
def sequence_construct(ctx: Context, node: Node) -> list[Value]:
    return [[node[i] for i in range(len(node.operands))]]


@onnx_op("SequenceLength")
def sequence_length(ctx: Context, node: Node) -> SSAValue:
    return ctx.constant(np.asarray(len(node.sequence(0)), np.int64))


@onnx_op("SequenceAt")
def sequence_at(ctx: Context, node: Node) -> list[Value]:
    items = node.sequence(0)
    return [items[_position(ctx, node[1], len(items))]]


@onnx_op("SequenceInsert")
def sequence_insert(ctx: Context, node: Node) -> list[Value]:
    items, new = node.sequence(0), node[1]
    at = len(items) if node.get(2) is None else _position(ctx, node[2], len(items), len(items))
    return [[*items[:at], new, *items[at:]]]


@onnx_op("SequenceErase")
def sequence_erase(ctx: Context, node: Node) -> list[Value]:
    items = node.sequence(0)
    at = len(items) - 1 if node.get(1) is None else _position(ctx, node[1], len(items))
    return [[item for i, item in enumerate(items) if i != at]]


def _position(ctx: Context, value: SSAValue, count: int, last: int | None = None) -> int:
    """A position in a sequence of `count`, at most `last`. Negative ones count from the end: an insertion at
    -1 is before the last element, one at `count` after it."""
    last = count - 1 if last is None else last
    at = ctx.integer(value, "the position")
    if not -count <= at <= last:
        raise TenonError(f"position {at} is outside of a sequence, expected {-count} to {last}")
    return at if at >= 0 else at + count


@onnx_op("ConcatFromSequence")
def concat_from_sequence(ctx: Context, node: Node) -> SSAValue:
    parts = [item for item in node.sequence(0) if isinstance(item, SSAValue)]
    if not parts:
        raise TenonError("the sequence holds no tensors")
    rank, new = rank_of(parts[0]), bool(node.attr("new_axis"))
    if any(rank_of(part) != rank for part in parts):
        raise TenonError("the tensors of the sequence differ in rank")
    axis = normalized_axis(node.attr("axis"), rank + new)
    if new:
        shape = shape_of(parts[0])
        parts = [ctx.reshape(part, [*shape[:axis], 1, *shape[axis:]]) for part in parts]
    return parts[0] if len(parts) == 1 else ctx.emit(nn.ConcatOp(parts, axis))


@onnx_op("SplitToSequence")
def split_to_sequence(ctx: Context, node: Node) -> list[Value]:
    """Into the given sizes, into parts of one given size, or into parts of 1, which lose the dimension
    unless `keepdims`."""
    x, given = node[0], node.get(1)
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    extent = shape_of(x)[axis]
    sizes = [1] if given is None else ctx.integers(given, "the sizes")
    if given is None or not rank_of(given):
        if sizes[0] < 1 or extent // sizes[0] > MAX_PARTS:
            raise TenonError(f"cannot split {extent} elements into parts of {sizes[0]}")
        sizes = [min(sizes[0], extent - start) for start in range(0, extent, sizes[0])]
    if sum(sizes) != extent or min(sizes, default=0) < 0:
        raise TenonError(f"cannot split the {extent} elements of axis {axis} into {sizes}")
    starts = accumulate(sizes, initial=0)
    parts = [slice_axis(ctx, x, axis, start, size) for start, size in zip(starts, sizes)]
    if given is None and not node.attr("keepdims"):
        shape = [n for i, n in enumerate(shape_of(x)) if i != axis]
        parts = [ctx.reshape(part, shape) for part in parts]
    return [[*parts]]


@onnx_op("Optional")
def optional(ctx: Context, node: Node) -> list[Value | None]:
    """A value as it is; None stands for an optional without one."""
    return [node.operands[0] if node.operands else None]


@onnx_op("OptionalHasElement")
def optional_has_element(ctx: Context, node: Node) -> SSAValue:
    return ctx.constant(np.asarray(bool(node.operands) and node.operands[0] is not None))


@onnx_op("OptionalGetElement")
def optional_get_element(ctx: Context, node: Node) -> list[Value]:
    value = node.operands[0]
    if value is None:
        raise TenonError("the optional value has no element")
    return [value]
