"""Pools: a reduction over windows; for averages a product with the reciprocal of the element count, for the
position of the maximum a second reduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder
from .emitter import Emitter, Operand, at, dims, lowest
from .linear import window_exprs


def lower_pool(emit: Emitter, op: nn.PoolOp) -> SSAValue:
    element = op.type.element_type
    wide = nn.compute_type(element)
    if op.kind.data == "max":
        return emit.rounded(_maximum(emit, op), element)
    if op.kind.data == "argmax":
        return _position(emit, op, _maximum(emit, op))
    x = emit.padded(op.x, *padding(op), 0.0)
    total = reduce_windows(emit, op, x, wide, 0.0, lambda b, x, accumulator: b.add(accumulator, x))
    if op.kind.data == "sum":
        return emit.rounded(total, element)
    factor = emit.broadcast(_reciprocal_counts(emit, op), op.shape)
    inputs = [emit.broadcast(total, op.shape), factor]
    return emit.elementwise(inputs, element, op.shape, lambda b, x, scale: b.mul(x, scale))


def _maximum(emit: Emitter, op: nn.PoolOp) -> SSAValue:
    source = nn.tensor_of(op.x).element_type
    edge, wide = lowest(source), nn.compute_type(source)
    x = emit.padded(op.x, *padding(op), edge)
    return reduce_windows(emit, op, x, wide, edge, lambda b, x, accumulator: b.max(accumulator, x))


def _position(emit: Emitter, op: nn.PoolOp, largest: SSAValue) -> SSAValue:
    """The least position of an element equal to the `largest` of its window. Each dimension adds what its
    line of positions says; the padding counts as the nearest element."""
    size, window = nn.tensor_of(op.x).get_shape()[2:], op.window
    x = emit.padded(op.x, *padding(op), lowest(nn.tensor_of(op.x).element_type))
    padded = nn.tensor_of(x).get_shape()[2:]
    rank, element = window.rank, op.type.element_type
    outer, taps = dims(0, 2 + rank), dims(2 + rank, rank)
    at_tap = window_exprs(op, outer[2:], taps)
    loops = 2 + 2 * rank
    lines: list[Operand] = []
    for i, (n, low) in enumerate(zip(size, window.low, strict=True)):
        line = np.clip(np.arange(padded[i]) - low, 0, n - 1) * int(np.prod(size[i + 1 :]))
        lines.append(Operand(emit(nn.ConstantOp(nn.dense_attribute(line))), at(loops, [at_tap[i]])))
    inputs = [
        Operand(x, at(loops, [*outer[:2], *at_tap])),
        Operand(largest, at(loops, outer)),
        Operand(emit.empty(element, window.kernel), at(loops, taps)),
        *lines,
    ]
    last = float(np.prod(size) - 1)

    def least(b: ScalarBuilder, x: SSAValue, top: SSAValue, tap: SSAValue, *lines: SSAValue) -> SSAValue:
        *parts, accumulator = lines
        position = reduce(b.add, parts)
        return b.min(accumulator, b.select(b.compare("eq", x, top), position, b.like(position, last)))

    init = Operand(emit.filled(element, op.shape, last), at(loops, outer))
    return emit.generic(inputs, init, rank, least)


def padding(op: nn.PoolOp | qnn.PoolOp) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions before and after x, along each dimension. With ceil_mode the last window may reach past the
    padding."""
    window, size = op.window, nn.tensor_of(op.x).get_shape()[2:]
    needed = [
        (count - 1) * stride + span - n - low
        for count, stride, span, n, low in zip(
            op.shape[2:], window.strides, window.spans, size, window.low, strict=True
        )
    ]
    high = [max(given, least) for given, least in zip(window.high, needed, strict=True)]
    return (0, 0, *window.low), (0, 0, *high)


def reduce_windows(
    emit: Emitter,
    op: nn.PoolOp | qnn.PoolOp,
    x: SSAValue,
    element: Attribute,
    start: float,
    combine: Callable[[ScalarBuilder, SSAValue, SSAValue], SSAValue],
) -> SSAValue:
    """Loops (n, c, spatial | kernel) that `combine` an element of x, which is padded, with an accumulator of
    type `element`. An input of the kernel's shape, never read, tells the taps' extents."""
    window = op.window
    rank = window.rank
    loops = 2 + 2 * rank
    outer, taps = dims(0, 2 + rank), dims(2 + rank, rank)
    inputs = [
        Operand(x, at(loops, [*outer[:2], *window_exprs(op, outer[2:], taps)])),
        Operand(emit.empty(element, window.kernel), at(loops, taps)),
    ]
    init = Operand(emit.filled(element, op.shape, start), at(loops, outer))
    return emit.generic(inputs, init, rank, lambda b, x, tap, accumulator: combine(b, x, accumulator))


def _reciprocal_counts(emit: Emitter, op: nn.PoolOp) -> SSAValue:
    """1 / (elements averaged), a compile-time scalar, or [spatial] where windows at the border have fewer.

    The count is the product of one count a dimension, and so is its reciprocal."""
    counts = element_counts(op, op.value_of("count_include_pad"))
    wide = TensorType(nn.compute_type(op.type.element_type), op.shape)
    if all(len(set(line)) == 1 for line in counts):
        product = float(np.prod([line[0] for line in counts]))
        return emit(nn.scalar(1.0 / product, wide))
    dtype = nn.numpy_dtype(wide.element_type)
    factors: list[SSAValue] = []
    for i, line in enumerate(counts):
        with np.errstate(divide="ignore"):
            values = (1.0 / np.array(line, np.float64)).astype(dtype)
        column = values.reshape(-1, *(1,) * (len(counts) - 1 - i))
        factors.append(emit(nn.ConstantOp(nn.dense_attribute(column))))
    return reduce(lambda a, b: emit(nn.ElementwiseOp("mul", a, b)), factors)


def element_counts(op: nn.PoolOp | qnn.PoolOp, include: bool) -> list[Sequence[int]]:
    """Per spatial dimension and window its positions in the input, or with `include` in the padded input."""
    window = op.window
    lines: list[Sequence[int]] = []
    for i, n in enumerate(nn.tensor_of(op.x).get_shape()[2:]):
        first, last = (-window.low[i], n + window.high[i]) if include else (0, n)
        starts = np.arange(op.shape[2 + i]) * window.strides[i] - window.low[i]
        taps = starts[:, None] + np.arange(window.kernel[i]) * window.dilations[i]
        lines.append(((taps >= first) & (taps < last)).sum(axis=1).tolist())
    return lines
