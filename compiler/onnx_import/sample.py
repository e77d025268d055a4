"""Ops that read an image between its pixels: GridSample and RoiAlign, as gathers of the pixels around.

Coordinates are in pixels; a sample is the sum of weighted pixels, in f32 at least."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of, tensor_type
from .node import Node
from .registry import onnx_op
from .shape import slice_axis

CUBIC = -0.75
"""The coefficient of the cubic kernel."""


class Tap(NamedTuple):
    """A pixel along one dimension: its position, its weight (None is 1), and where it lies inside (None:
    everywhere)."""

    position: SSAValue
    weight: SSAValue | None
    inside: SSAValue | None


class Arithmetic:
    """Elementwise functions of values and numbers."""

    def __init__(self, ctx: Context):
        self.ctx = ctx

    def __call__(self, fn: str, *operands: SSAValue | float) -> SSAValue:
        like = next(x for x in operands if isinstance(x, SSAValue))
        values = [x if isinstance(x, SSAValue) else self.ctx.scalar_like(x, like) for x in operands]
        return self.ctx.elementwise(fn, *values)

    def cast(self, x: SSAValue, element) -> SSAValue:
        return x if tensor_type(x).element_type == element else self.ctx.emit(nn.CastOp(x, element))


def _reflected(f: Arithmetic, x: SSAValue, low: float, high: float) -> SSAValue:
    """Coordinates mirrored at both ends until they are inside."""
    span = high - low
    if span <= 0:
        return f("mul", x, 0.0)
    away = f("abs", f("sub", x, low))
    rest = f("mod", away, 2 * span)
    back = f("sub", 2 * span, rest)
    return f("add", f("min", rest, back), low)


def _pixels(f: Arithmetic, place: SSAValue, extent: int, padding: str, aligned: bool) -> tuple:
    """A whole coordinate as a position inside, and whether it was inside."""
    if padding == "reflection":
        low, high = (0.0, extent - 1.0) if aligned else (-0.5, extent - 0.5)
        place = _reflected(f, place, low, high)
    inside = None
    if padding == "zeros":
        inside = f("and", f("greater_equal", place, 0.0), f("less_equal", place, extent - 1.0))
    return f.cast(f("clip", place, 0.0, extent - 1.0), i64), inside


def _taps(f: Arithmetic, u: SSAValue, extent: int, mode: str, padding: str, aligned: bool) -> list[Tap]:
    """The pixels that a sample at `u` weighs."""
    if mode != "cubic" and padding != "zeros":
        low, high = (0.0, extent - 1.0) if aligned else (-0.5, extent - 0.5)
        u = _reflected(f, u, low, high) if padding == "reflection" else u
        u, padding = f("clip", u, 0.0, extent - 1.0), "border"
    if mode == "nearest":
        position, inside = _pixels(f, f("round", u), extent, padding, aligned)
        return [Tap(position, None, inside)]
    first = f("floor", u)
    t = f("sub", u, first)
    offsets, weights = _linear(f, t) if mode == "linear" else _cubic(f, t)
    taps: list[Tap] = []
    for offset, weight in zip(offsets, weights, strict=True):
        position, inside = _pixels(f, f("add", first, float(offset)), extent, padding, aligned)
        taps.append(Tap(position, weight, inside))
    return taps


def _linear(f: Arithmetic, t: SSAValue) -> tuple[range, list[SSAValue]]:
    return range(2), [f("sub", 1.0, t), t]


def _cubic(f: Arithmetic, t: SSAValue) -> tuple[range, list[SSAValue]]:
    """Keys' kernel at distances 1 + t, t, 1 - t, 2 - t."""

    def near(d: SSAValue) -> SSAValue:
        inner = f("sub", f("mul", d, CUBIC + 2), CUBIC + 3)
        return f("add", f("mul", f("mul", inner, d), d), 1.0)

    def far(d: SSAValue) -> SSAValue:
        inner = f("add", f("mul", f("sub", f("mul", d, CUBIC), 5 * CUBIC), d), 8 * CUBIC)
        return f("sub", f("mul", inner, d), 4 * CUBIC)

    rest = f("sub", 1.0, t)
    return range(-1, 3), [far(f("add", t, 1.0)), near(t), near(rest), far(f("add", rest, 1.0))]


MODES = {"linear": "linear", "bilinear": "linear", "nearest": "nearest", "cubic": "cubic", "bicubic": "cubic"}
PADDINGS = ("zeros", "border", "reflection")

MOST_DIMENSIONS = 3
"""Of an image: a cubic sample reads 4 pixels along each."""


@onnx_op("GridSample")
def grid_sample(ctx: Context, node: Node) -> SSAValue:
    """x [N, C, spatial] at grid [N, result's spatial, dimensions], in -1 to 1, the last dimension first."""
    x, grid, f = node[0], node[1], Arithmetic(ctx)
    mode, padding = MODES.get(node.attr("mode")), node.attr("padding_mode")
    aligned = bool(node.attr("align_corners"))
    if mode is None or padding not in PADDINGS:
        raise TenonError(f"mode '{node.attr('mode')}' or padding_mode '{padding}' is unknown")
    spatial = shape_of(x)[2:]
    count = len(spatial)
    if not 1 <= count <= MOST_DIMENSIONS:
        raise TenonError(f"input has rank {rank_of(x)}, expected 3 to {2 + MOST_DIMENSIONS}")
    if rank_of(grid) != rank_of(x) or shape_of(grid)[-1] != count or shape_of(grid)[0] != shape_of(x)[0]:
        raise TenonError(f"grid {list(shape_of(grid))} does not belong to input {list(shape_of(x))}")
    element = tensor_type(x).element_type
    wide = f.cast(grid, nn.compute_type(tensor_type(grid).element_type))
    taps: list[list[Tap]] = []
    for axis, extent in enumerate(spatial):
        g = ctx.reshape(slice_axis(ctx, wide, rank_of(grid) - 1, count - 1 - axis, 1), shape_of(grid)[:-1])
        u = f("mul", f("add", g, 1.0), (extent - aligned) / 2)
        u = u if aligned else f("sub", u, 0.5)
        taps.append(_taps(f, u, extent, mode, padding, aligned))
    line = [shape_of(grid)[0], 1, *shape_of(grid)[1:-1]]
    return f.cast(_sampled(ctx, f, x, taps, line), element)


def _sampled(
    ctx: Context, f: Arithmetic, x: SSAValue, taps: Sequence[Sequence[Tap]], line: Sequence[int]
) -> SSAValue:
    """The weighted sum over all combinations of taps; `line` is the shape of a tap beside the channels."""
    total: SSAValue | None = None
    for combination in product(*taps):
        part = ctx.emit(nn.GatherOp(x, [tap.position for tap in combination], 2, 1))
        part = f.cast(part, nn.compute_type(tensor_type(x).element_type))
        for tap in combination:
            if tap.inside is not None:
                part = f("where", ctx.reshape(tap.inside, line), part, ctx.scalar_like(0, part))
            if tap.weight is not None:
                part = f("mul", part, ctx.cast(ctx.reshape(tap.weight, line), part))
        total = part if total is None else f("add", total, part)
    assert total is not None
    return total


@onnx_op("RoiAlign")
def roi_align(ctx: Context, node: Node) -> SSAValue:
    """Averages (or maxima) of samples on a grid in each region; a region is [x1, y1, x2, y2] of one image."""
    x, regions, images, f = node[0], node[1], node[2], Arithmetic(ctx)
    ratio, mode = node.attr("sampling_ratio"), node.attr("mode")
    if ratio < 1 or mode not in ("avg", "max"):
        raise TenonError(f"sampling_ratio {ratio} and mode '{mode}', expected at least 1 and avg or max")
    if rank_of(x) != 4 or shape_of(regions)[1:] != (4,):
        shapes = f"input {list(shape_of(x))} and regions {list(shape_of(regions))}"
        raise TenonError(f"{shapes}, expected four dimensions and four columns")
    half = node.attr("coordinate_transformation_mode", "output_half_pixel") == "half_pixel"
    count, channels, bins = shape_of(regions)[0], shape_of(x)[1], []
    lines: list[tuple[list[Tap], SSAValue]] = []
    for axis, size in ((1, node.attr("output_height")), (0, node.attr("output_width"))):
        ends = [slice_axis(ctx, regions, 1, axis + 2 * i, 1) for i in range(2)]
        start, end = (f("sub", f("mul", e, node.attr("spatial_scale")), 0.5 * half) for e in ends)
        length = f("sub", end, start)
        length = length if half else f("max", length, 1.0)
        places = (np.arange(*ctx.sized(size * ratio), dtype=np.float32) + 0.5) / (size * ratio)
        u = f("add", start, f("mul", length, ctx.cast(ctx.constant(places), length)))
        lines.append(_region_taps(f, u, shape_of(x)[3 - axis]))
        bins += [size, ratio]
    rows, columns = bins[0] * bins[1], bins[2] * bins[3]
    image = ctx.emit(nn.TransposeOp(x, [0, 2, 3, 1]))
    grid = (count, rows, columns)

    def spread(value: SSAValue, axis: int) -> SSAValue:
        shape = [count, rows if axis == 1 else 1, columns if axis == 2 else 1]
        return ctx.emit(nn.BroadcastOp(ctx.reshape(value, shape), grid))

    (vertical, inside_y), (horizontal, inside_x) = lines
    inside = ctx.reshape(f("and", spread(inside_y, 1), spread(inside_x, 2)), (*grid, 1))
    first = spread(f.cast(images, i64), 0)
    combined: SSAValue | None = None
    for above, beside in product(vertical, horizontal):
        positions = [first, spread(above.position, 1), spread(beside.position, 2)]
        taken = ctx.emit(nn.GatherOp(image, positions, 0))
        assert above.weight is not None and beside.weight is not None
        weight = f("mul", spread(above.weight, 1), spread(beside.weight, 2))
        part = f("mul", taken, ctx.cast(ctx.reshape(weight, (*grid, 1)), taken))
        part = f("where", inside, part, ctx.scalar_like(0, part))
        combine = "add" if mode == "avg" else "max"
        combined = part if combined is None else f(combine, combined, part)
    assert combined is not None
    split = ctx.reshape(combined, (count, *bins, channels))
    pooled = ctx.reduce("mean" if mode == "avg" else "max", split, [2, 4], keepdims=False)
    return ctx.emit(nn.TransposeOp(pooled, [0, 3, 1, 2]))


def _region_taps(f: Arithmetic, u: SSAValue, extent: int) -> tuple[list[Tap], SSAValue]:
    """The two pixels around each coordinate, and whether it is at most one pixel outside the image."""
    inside = f("and", f("greater_equal", u, -1.0), f("less_equal", u, float(extent)))
    near = f("clip", u, 0.0, extent - 1.0)
    low = f("floor", near)
    t = f("sub", near, low)
    high = f("min", f("add", low, 1.0), extent - 1.0)
    return [Tap(f.cast(low, i64), f("sub", 1.0, t), None), Tap(f.cast(high, i64), t, None)], inside
