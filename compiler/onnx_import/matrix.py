"""Ops that are products with known matrices, or are of small matrices: Det, DFT, STFT, Col2Im."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .shape import picked, slice_axis
from .windows import entries

MAX_DETERMINANT = 4
MAX_TRANSFORM = 2**12
"""Longest Fourier transform: it is a product with a matrix of that many rows."""


@onnx_op("Det")
def determinant(ctx: Context, node: Node) -> SSAValue:
    x = node[0]
    if rank_of(x) < 2 or shape_of(x)[-1] != shape_of(x)[-2]:
        raise TenonError(f"input has shape {list(shape_of(x))}, expected square matrices")
    n = shape_of(x)[-1]
    if not 1 <= n <= MAX_DETERMINANT:
        raise TenonError(f"matrices of {n} rows are not supported, expected 1 to {MAX_DETERMINANT}")
    return ctx.reshape(_expanded(ctx, x), shape_of(x)[:-2])


def _expanded(ctx: Context, x: SSAValue) -> SSAValue:
    """Laplace's expansion along the first row; the last two dimensions become 1."""
    n, rank = shape_of(x)[-1], rank_of(x)
    if n == 1:
        return x
    first, rest = slice_axis(ctx, x, rank - 2, 0, 1), slice_axis(ctx, x, rank - 2, 1, n - 1)
    total: SSAValue | None = None
    for column in range(n):
        minor = picked(ctx, rest, rank - 1, [i for i in range(n) if i != column])
        part = ctx.elementwise("mul", slice_axis(ctx, first, rank - 1, column, 1), _expanded(ctx, minor))
        if total is None:
            total = part
        else:
            total = ctx.elementwise("sub" if column % 2 else "add", total, part)
    assert total is not None
    return total


@onnx_op("DFT")
def fourier(ctx: Context, node: Node) -> SSAValue:
    """A product with the matrix of roots of unity; the last dimension holds real (and imaginary) parts."""
    x, length = node[0], node.get(1)
    if ctx.opset < 20:
        axis = node.attr("axis")
    else:
        axis = ctx.integer(node[2], "the axis") if node.get(2) is not None else -2
    axis = normalized_axis(axis, rank_of(x))
    if axis == rank_of(x) - 1 or shape_of(x)[-1] not in (1, 2):
        raise TenonError(f"axis {axis} of shape {list(shape_of(x))}, expected one before the last of 1 or 2")
    inverse, onesided = bool(node.attr("inverse")), bool(node.attr("onesided"))
    if inverse and not onesided:
        raise TenonError("an inverse transform to a complex signal is not supported")
    points = 2 * (shape_of(x)[axis] - 1) if inverse else shape_of(x)[axis]
    points = points if length is None else ctx.integer(length, "dft_length")
    if not 1 <= points <= MAX_TRANSFORM:
        raise TenonError(f"a Fourier transform of {points} points, expected 1 to {MAX_TRANSFORM}")
    return (_real_signal if inverse else transformed)(ctx, x, axis, points, onesided)


def transformed(ctx: Context, x: SSAValue, axis: int, points: int, onesided: bool) -> SSAValue:
    """[..., 2]: the spectrum along an axis; `onesided` without what conjugates of it are."""
    count = points // 2 + 1 if onesided else points
    given = min(shape_of(x)[axis], points)
    x = slice_axis(ctx, x, axis, 0, given)
    angles = np.outer(*map(np.arange, ctx.sized(given, count))) % points * (2 * np.pi / points)
    cosine, sine = np.cos(angles), -np.sin(angles)
    parts = [_along(ctx, _part(ctx, x, 0), axis, matrix) for matrix in (cosine, sine)]
    if shape_of(x)[-1] == 2:
        other = [_along(ctx, _part(ctx, x, 1), axis, matrix) for matrix in (sine, cosine)]
        parts = [ctx.elementwise(fn, *pair) for fn, *pair in zip(("sub", "add"), parts, other, strict=True)]
    parts = [ctx.reshape(part, (*shape_of(part), 1)) for part in parts]
    return ctx.emit(nn.ConcatOp(parts, rank_of(x) - 1))


def _real_signal(ctx: Context, x: SSAValue, axis: int, points: int, onesided: bool) -> SSAValue:
    """The real signal whose first half of a spectrum is given: the others are its conjugates."""
    given = min(shape_of(x)[axis], points // 2 + 1)
    x = slice_axis(ctx, x, axis, 0, given)
    bins = np.arange(given)
    weight = np.where((bins == 0) | (2 * bins == points), 1.0, 2.0)[:, None] / points
    angles = np.outer(bins, np.arange(ctx.sized(given, points)[1])) % points * (2 * np.pi / points)
    total = _along(ctx, _part(ctx, x, 0), axis, np.cos(angles) * weight)
    if shape_of(x)[-1] == 2:
        total = ctx.elementwise("sub", total, _along(ctx, _part(ctx, x, 1), axis, np.sin(angles) * weight))
    return ctx.reshape(total, (*shape_of(total), 1))


def _part(ctx: Context, x: SSAValue, part: int) -> SSAValue:
    return ctx.reshape(slice_axis(ctx, x, rank_of(x) - 1, part, 1), shape_of(x)[:-1])


def _along(ctx: Context, x: SSAValue, axis: int, matrix: np.ndarray) -> SSAValue:
    """x times a matrix, along an axis."""
    rank = rank_of(x)
    order = [i for i in range(rank) if i != axis] + [axis]
    moved = x if axis == rank - 1 else ctx.emit(nn.TransposeOp(x, order))
    rows = ctx.reshape(moved, (math.prod(shape_of(moved)[:-1]), shape_of(moved)[-1]))
    made = ctx.emit(nn.MatmulOp(rows, ctx.constant(matrix.astype(dtype_of(x)))))
    made = ctx.reshape(made, (*shape_of(moved)[:-1], matrix.shape[1]))
    return made if axis == rank - 1 else ctx.emit(nn.TransposeOp(made, list(np.argsort(order))))


@onnx_op("STFT")
def short_fourier(ctx: Context, node: Node) -> SSAValue:
    """Transforms of frames of the signal [batch, length, 1], each times a window."""
    x, window = node[0], node.get(2)
    step = ctx.integer(node[1], "frame_step")
    given = node.get(3)
    if given is not None:
        length = ctx.integer(given, "frame_length")
    elif window is not None:
        length = math.prod(shape_of(window))
    else:
        raise TenonError("neither a window nor frame_length is given")
    if rank_of(x) != 3 or step < 1 or not 1 <= length <= shape_of(x)[1]:
        raise TenonError(f"frames of {length} by {step} do not fit a signal {list(shape_of(x))}")
    count, _ = ctx.sized((shape_of(x)[1] - length) // step + 1, length)
    frames = picked(ctx, x, 1, step * np.arange(count)[:, None] + np.arange(length))
    if window is not None:
        frames = ctx.elementwise("mul", frames, ctx.reshape(ctx.cast(window, x), (length, 1)))
    return transformed(ctx, frames, 2, length, bool(node.attr("onesided")))


@onnx_op("Col2Im")
def columns_to_image(ctx: Context, node: Node) -> SSAValue:
    """Blocks added up where they overlap: a transposed convolution that puts each column at its place."""
    x = node[0]
    image, block = ctx.integers(node[1], "image_shape"), ctx.integers(node[2], "block_shape")
    rank = len(image)
    strides, dilations = entries(node, "strides", rank, 1, 1), entries(node, "dilations", rank, 1, 1)
    pads = entries(node, "pads", 2 * rank, 0, 0)
    taps = math.prod(block)
    fits = len(block) == rank and min((*image, *block), default=0) > 0
    if rank_of(x) != 3 or not fits or shape_of(x)[1] % taps:
        raise TenonError(f"blocks {block} of image {image} do not fit input {list(shape_of(x))}")
    spans = [(b - 1) * d + 1 for b, d in zip(block, dilations, strict=True)]
    counts = [
        (n + pads[i] + pads[i + rank] - span) // s + 1
        for i, (n, span, s) in enumerate(zip(image, spans, strides, strict=True))
    ]
    batch, channels = shape_of(x)[0], shape_of(x)[1] // taps
    if math.prod(counts) != shape_of(x)[2]:
        raise TenonError(f"{shape_of(x)[2]} blocks, expected {math.prod(counts)} for image {image}")
    columns = ctx.reshape(x, (batch * channels, taps, *counts))
    unit = np.eye(*ctx.sized(taps, taps), dtype=dtype_of(x))
    places = ctx.constant(unit.reshape(taps, 1, *block))
    ends = [
        (count - 1) * s + span - pads[i] - n
        for i, (count, s, span, n) in enumerate(zip(counts, strides, spans, image, strict=True))
    ]
    made = ctx.emit(
        nn.ConvTransposeOp(
            columns, places, strides=strides, pads=[*pads[:rank], *ends], dilations=dilations, groups=1
        )
    )
    return ctx.reshape(made, (batch, channels, *image))
