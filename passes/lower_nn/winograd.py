"""Winograd's transforms: a reduction each, over a tile, with a constant matrix along rows and along columns.

They stay loops whose indices say what a tile is; `tensorize-match` sees that two of the operands are small
matrices and keeps the tile in registers. The output's loops are those of the image, so that what reads it
becomes part of its kernel as with any convolution.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import tensor
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.nn.cook_toom import TAPS, transforms
from ...dialects.nn.scalar_builder import ScalarBuilder
from .emitter import Emitter, Operand, at, dims
from .views import reshaped


def _transformed(b: ScalarBuilder, x: SSAValue, row: SSAValue, column: SSAValue, accumulator: SSAValue):
    return b.add(accumulator, b.mul(x, b.mul(row, column)))


def _matrix(emit: Emitter, values: np.ndarray, like: SSAValue) -> SSAValue:
    element = nn.tensor_of(like).element_type
    return emit(nn.ConstantOp(nn.dense_attribute(values.astype(nn.numpy_dtype(element)), element)))


def lower_winograd_input(emit: Emitter, op: nn.WinogradInputOp) -> SSAValue:
    """Loops (a, b, n, row of tiles, column of tiles, c | i, j) over the padded image."""
    tile, (images, channels, *size) = op.value_of("tile"), nn.tensor_of(op.x).get_shape()
    element, pads = op.type.element_type, op.value_of("pads")
    reach = [count * tile + TAPS - 1 for count in op.tiles]
    high = [n - low - extent for n, low, extent in zip(reach, pads[:2], size, strict=True)]
    x = emit.padded(op.x, (0, 0, *pads[:2]), (0, 0, *high), 0.0)
    values = transforms(tile).input
    shape = (*values.shape[:1] * 2, images, *op.tiles, channels)
    a, b, n, row, column, c, i, j = dims(0, 8)
    matrix = _matrix(emit, values, op.x)
    total = emit.generic(
        [
            Operand(x, at(8, [n, c, row * tile + i, column * tile + j])),
            Operand(matrix, at(8, [a, i])),
            Operand(matrix, at(8, [b, j])),
        ],
        Operand(emit.filled(element, shape, 0.0), at(8, [a, b, n, row, column, c])),
        2,
        _transformed,
    )
    return reshaped(emit, total, op.shape)


def lower_winograd_output(emit: Emitter, op: nn.WinogradOutputOp) -> SSAValue:
    """Loops (n, o, h, w | a, b): pixel h is number h mod tile of tile h floordiv tile. A line of pixels is
    cut out of two: a loop that runs once would vanish, and with it what says where the tile is."""
    tile, images = op.value_of("tile"), op.value_of("extents")[0]
    values = transforms(tile).output
    m = reshaped(emit, op.m, (*values.shape[1:] * 2, images, *op.tiles, op.shape[1]))
    n, o, h, w, a, b = dims(0, 6)
    matrix, element = _matrix(emit, values, op.m), op.type.element_type
    shape = (*op.shape[:2], *(max(extent, 2) for extent in op.shape[2:]))
    if op.bias is None:
        start = emit.filled(element, shape, 0.0)
    else:
        start = emit.elementwise([Operand(op.bias, at(4, [o]))], element, shape, lambda b, x: x)
    made = emit.generic(
        [
            Operand(m, at(6, [a, b, n, h // tile, w // tile, o])),
            Operand(matrix, at(6, [h % tile, a])),
            Operand(matrix, at(6, [w % tile, b])),
        ],
        Operand(start, at(6, [n, o, h, w])),
        2,
        _transformed,
    )
    if shape == op.shape:
        return made
    return emit(tensor.ExtractSliceOp(made, [0] * 4, list(op.shape), [1] * 4, op.type))
