"""A convolution as the steps of Winograd's algorithm, for the whole image or one stripe of it after another.

The transformed tensors of a large image would go through memory. In stripes they take the same few megabytes
again and again, which stay in the cache; the elementwise ops behind the convolution run stripe by stripe with
it, since they become part of its kernels. The stripes of the result are made in its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.nn.cook_toom import TAPS
from ...dialects.nn.winograd import tile_counts
from ..graph_builder import GraphBuilder
from ..rewriting import keep_location

F32_BYTES = 4
ROWS = 2
"""The dimension of an image that is cut."""

CACHE_BYTES = 8 << 20
"""Transformed tensors up to this stay in the last-level cache beside what else passes through."""


def decompose_winograd(conv: nn.ConvOp, tile: int) -> None:
    """Replaces `conv`, and what runs in stripes with it."""
    rows = stripe_rows(conv, tile)
    chain = _epilogue(conv)
    total = tile_counts(conv.shape[2:], tile)[0]
    if rows >= total or _leaves(chain[-1] if chain else conv):
        new = GraphBuilder(conv)
        new.finish(_steps(new, conv, conv.x, conv.window.pads, conv.shape[2:], tile))
        return
    new = GraphBuilder(chain[-1] if chain else conv)
    x = _padded(new, conv, tile)
    stripes = [
        _stripe(new, conv, chain, x, tile, first, min(rows, total - first)) for first in range(0, total, rows)
    ]
    new.finish(new(nn.ConcatOp(stripes, ROWS)))
    for op in (*reversed(chain[:-1]), conv):
        if op is not new.op:
            op.detach()
            op.erase()


def moved_bytes(conv: nn.ConvOp, tile: int) -> int:
    """Bytes of the transformed input and of the products."""
    channels = nn.tensor_of(conv.w).get_shape()
    tiles = conv.shape[0] * math.prod(tile_counts(conv.shape[2:], tile))
    return (tile + TAPS - 1) ** 2 * tiles * (channels[0] + channels[1]) * F32_BYTES


def weight_bytes(conv: nn.ConvOp, tile: int) -> int:
    """Bytes of the transformed weights."""
    return (tile + TAPS - 1) ** 2 * math.prod(nn.tensor_of(conv.w).get_shape()[:2]) * F32_BYTES


def stripe_rows(conv: nn.ConvOp, tile: int) -> int:
    """Rows of tiles in a stripe; all of them, where reading the weights again for each stripe takes more than
    it saves."""
    total, moved = tile_counts(conv.shape[2:], tile)[0], moved_bytes(conv, tile)
    rows = max(1, total * CACHE_BYTES // moved)
    stripes = -(-total // rows)
    pays = moved > CACHE_BYTES and stripes * weight_bytes(conv, tile) < moved
    return -(-total // stripes) if pays else total


def _epilogue(conv: nn.ConvOp) -> list[nn.ElementwiseOp]:
    """The elementwise ops that read the convolution, one after another and each alone."""
    chain: list[nn.ElementwiseOp] = []
    value = conv.result
    while len(users := {use.operation for use in value.uses}) == 1:
        (user,) = users
        if not isinstance(user, nn.ElementwiseOp) or user.parent is not conv.parent:
            break
        if user.shape != conv.shape:
            break
        chain.append(user)
        value = user.result
    return chain


def _leaves(op: nn.NNOperation) -> bool:
    """Whether the result leaves the function, and could not be made in stripes in its place."""
    return any(isinstance(use.operation, func.ReturnOp | nn.ScanOp) for use in op.result.uses)


def _steps(
    new: GraphBuilder, conv: nn.ConvOp, x: SSAValue, pads: Sequence[int], extents: Sequence[int], tile: int
) -> SSAValue:
    """The convolution of `x`, whose result has `extents` rows and columns."""

    def add(op: nn.NNOperation) -> SSAValue:
        return new(keep_location(op, conv))

    v = add(nn.WinogradInputOp(x, tile=tile, pads=pads))
    m = add(nn.MatmulOp(v, add(nn.WinogradWeightsOp(conv.w, tile=tile))))
    return add(nn.WinogradOutputOp(m, conv.bias, tile=tile, extents=(conv.shape[0], *extents)))


def _padded(new: GraphBuilder, conv: nn.ConvOp, tile: int) -> SSAValue:
    """The image with its padding and all that the last tiles reach."""
    size, low = nn.tensor_of(conv.x).get_shape()[2:], conv.window.low
    reach = [count * tile + TAPS - 1 for count in tile_counts(conv.shape[2:], tile)]
    high = [n - at - extent for n, at, extent in zip(reach, low, size, strict=True)]
    if not any((*low, *high)):
        return conv.x
    return new(nn.PadOp(conv.x, (0, 0, *low), (0, 0, *high), 0.0))


def _stripe(
    new: GraphBuilder,
    conv: nn.ConvOp,
    chain: Sequence[nn.ElementwiseOp],
    x: SSAValue,
    tile: int,
    first: int,
    count: int,
) -> SSAValue:
    """`count` rows of tiles from `first` on, with their epilogue."""
    start, rows = first * tile, min(count * tile, conv.shape[ROWS] - first * tile)
    image = _rows(new, x, start, count * tile + TAPS - 1)
    made = _steps(new, conv, image, (0, 0, 0, 0), (rows, conv.shape[3]), tile)
    done: dict[SSAValue, SSAValue] = {conv.result: made}
    for op in chain:
        operands = [
            done[value] if value in done else _rows_of(new, value, conv.shape, start, rows)
            for value in op.inputs
        ]
        step = nn.ElementwiseOp(op.fn.data, *operands)
        step.location = op.location
        made = done[op.result] = new(step)
    return made


def _rows_of(new: GraphBuilder, x: SSAValue, shape: Sequence[int], start: int, count: int) -> SSAValue:
    """The rows of an operand that broadcasts to `shape`."""
    own = nn.tensor_of(x).get_shape()
    axis = len(own) - (len(shape) - ROWS)
    return x if axis < 0 or own[axis] == 1 else _rows(new, x, start, count, axis)


def _rows(new: GraphBuilder, x: SSAValue, start: int, count: int, axis: int = ROWS) -> SSAValue:
    shape = nn.tensor_of(x).get_shape()
    starts, sizes = [0] * len(shape), list(shape)
    starts[axis], sizes[axis] = start, count
    return new(nn.SliceOp(x, starts, sizes, [1] * len(shape)))
