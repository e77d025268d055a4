"""Resizing, one axis after the other.

Where the result repeats its pattern (scale 2: even and odd elements; any ratio of small numbers) each phase
of the period is a sum of evenly spaced slices of the input, times numbers: elementwise code that runs along
all other axes, interleaved by a reshape. Elsewhere each tap is a gather with constant positions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import AnyFloat, f32, f64
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.nn.resampling import Taps
from ..graph_builder import GraphBuilder

MAX_TERMS = 64
"""Slices that one axis may become."""


def decompose_resize(new: GraphBuilder, op: nn.ResizeOp) -> SSAValue:
    element = op.type.element_type
    interpolates = op.mode.data != "nearest"
    x = new.cast(op.x, f32) if interpolates and element not in (f32, f64) else op.x
    found = {axis: taps for axis in range(len(op.shape)) if (taps := op.taps(axis)) is not None}
    # What shrinks goes first: less is left to do for the others.
    for axis in sorted(found, key=lambda axis: op.shape[axis] / nn.tensor_of(op.x).get_shape()[axis]):
        x = _resized(new, x, axis, found[axis])
    x = new.cast(x, element)
    outside = [(axis, taps.outside) for axis, taps in found.items() if taps.outside is not None]
    if not any(mask.any() for _, mask in outside):
        return x
    rank = len(op.shape)
    masks = [new.along(new.constant(mask), axis, rank) for axis, mask in outside]
    beyond = reduce(lambda a, b: new.compute("or", a, b), masks)
    return new.compute("where", beyond, new.scalar(op.value_of("extrapolation"), x), x)


def _resized(new: GraphBuilder, x: SSAValue, axis: int, taps: Taps) -> SSAValue:
    extent = nn.tensor_of(x).get_shape()[axis]
    repeats = _repeats(taps, extent)
    if repeats is not None:
        return _repeated(new, x, axis, repeats)
    pattern = _pattern(taps)
    if pattern is None:
        return _gathered(new, x, axis, np.clip(taps.positions, 0, extent - 1), taps.weights)
    low = max(0, -int(taps.positions.min()))
    high = max(0, int(taps.positions.max()) - extent + 1)
    return _phases(new, _extended(new, x, axis, low, high), axis, pattern, low)


def _repeats(taps: Taps, extent: int) -> int | None:
    """How often each element comes, where the result is that: an integer scale of the nearest mode."""
    times, rest = divmod(len(taps.positions), extent)
    if taps.positions.shape[1] > 1 or rest:
        return None
    clamped = np.clip(taps.positions[:, 0], 0, extent - 1)
    return times if np.array_equal(clamped, np.arange(len(clamped)) // times) else None


def _repeated(new: GraphBuilder, x: SSAValue, axis: int, times: int) -> SSAValue:
    shape = nn.tensor_of(x).get_shape()
    column = new.reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    rows = new(nn.BroadcastOp(column, (*shape[: axis + 1], times, *shape[axis + 1 :])))
    return new.reshape(rows, (*shape[:axis], shape[axis] * times, *shape[axis + 1 :]))


class _Pattern(NamedTuple):
    """Element step * period + phase reads x at advance * step + offsets[phase], times weights[phase]."""

    steps: int
    advance: int
    offsets: np.ndarray
    weights: np.ndarray


def _pattern(taps: Taps) -> _Pattern | None:
    """The shortest period after which positions advance and weights repeat, if that is short enough."""
    count, width = taps.positions.shape
    for period in range(1, min(count // 2, MAX_TERMS // width) + 1):
        if count % period:
            continue
        positions = taps.positions.reshape(-1, period, width)
        weights = taps.weights.reshape(-1, period, width)
        advance = int(positions[1, 0, 0] - positions[0, 0, 0])
        steps = np.arange(len(positions))[:, None, None] * advance
        regular = (positions == positions[0] + steps).all() and np.allclose(weights, weights[0], 0, 1e-7)
        if advance >= 1 and regular:
            return _Pattern(len(positions), advance, positions[0], weights[0])
    return None


def _extended(new: GraphBuilder, x: SSAValue, axis: int, low: int, high: int) -> SSAValue:
    """x with its first element `low` times before it and its last one `high` times after."""
    shape = nn.tensor_of(x).get_shape()
    if not low and not high:
        return x
    first, last = (_part(new, x, axis, at, 1, 1) for at in (0, shape[axis] - 1))

    def edge(value: SSAValue, count: int) -> list[SSAValue]:
        shape = list(nn.tensor_of(value).get_shape())
        shape[axis] = count
        return [value if count == 1 else new(nn.BroadcastOp(value, shape))] if count else []

    return new(nn.ConcatOp([*edge(first, low), x, *edge(last, high)], axis))


def _part(new: GraphBuilder, x: SSAValue, axis: int, start: int, size: int, stride: int) -> SSAValue:
    shape = nn.tensor_of(x).get_shape()
    starts, sizes, strides = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], sizes[axis], strides[axis] = start, size, stride
    return new(nn.SliceOp(x, starts, sizes, strides))


def _phases(new: GraphBuilder, x: SSAValue, axis: int, pattern: _Pattern, low: int) -> SSAValue:
    """The phases along a new axis behind `axis`, then merged with it."""
    made: list[SSAValue] = []
    for offsets, weights in zip(pattern.offsets, pattern.weights, strict=True):
        starts, spacing = offsets + low, (pattern.steps, pattern.advance)
        part = _weighted(new, weights, lambda n, s=starts, p=spacing: _part(new, x, axis, int(s[n]), *p))
        shape = nn.tensor_of(part).get_shape()
        made.append(new.reshape(part, (*shape[: axis + 1], 1, *shape[axis + 1 :])))
    whole = made[0] if len(made) == 1 else new(nn.ConcatOp(made, axis + 1))
    shape = nn.tensor_of(whole).get_shape()
    return new.reshape(whole, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))


def _weighted(new: GraphBuilder, weights: np.ndarray, value: Callable[[int], SSAValue]) -> SSAValue:
    """The sum of value(n) times weights[n], numbers or columns; what has weight 0 everywhere is left out."""
    kept = [n for n, weight in enumerate(weights) if np.any(weight)] or [0]
    terms: list[SSAValue] = []
    for n in kept:
        x, weight = value(n), np.asarray(weights[n])
        if not (weight == 1).all():
            dtype = nn.numpy_dtype(nn.tensor_of(x).element_type)
            x = new.compute("mul", x, new.constant(weight.astype(dtype)))
        terms.append(x)
    return reduce(lambda a, b: new.compute("add", a, b), terms)


def _gathered(
    new: GraphBuilder, x: SSAValue, axis: int, positions: np.ndarray, weights: np.ndarray
) -> SSAValue:
    rank = nn.tensor_of(x).get_num_dims()
    columns = weights.T.reshape(weights.shape[1], -1, *(1,) * (rank - 1 - axis))
    if not isinstance(nn.tensor_of(x).element_type, AnyFloat):
        columns = np.ones_like(columns)  # the nearest mode: the only weight is 1
    return _weighted(
        new, columns, lambda n: new(nn.GatherOp(x, [new.constant(positions[:, n].copy())], axis))
    )
