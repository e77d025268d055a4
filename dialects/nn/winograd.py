"""Winograd's convolution: three ops around a batched matrix product, as `select-winograd` composes them.

    v = winograd_input(x)      [n * n, tiles, C]
    u = winograd_weights(w)    [n * n, C, O]
    y = winograd_output(v @ u) [N, O, H, W]

n = tile + 2. The tiles are N images of ceil(H / tile) x ceil(W / tile), row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, shape_text, tensor_of
from .cook_toom import POINTS, TAPS
from .fields import INTEGER, INTEGERS


def tile_counts(extents: Sequence[int], tile: int) -> tuple[int, ...]:
    """Tiles along each spatial dimension; the last one may reach past the end."""
    return tuple(-(-n // tile) for n in extents)


def window_extents(image: Sequence[int], pads: Sequence[int]) -> tuple[int, ...]:
    """[H, W] of the convolution of [H, W] padded by [top, left, bottom, right]."""
    return tuple(n + low + high - TAPS + 1 for n, low, high in zip(image, pads[:2], pads[2:], strict=True))


@irdl_op_definition
class WinogradInputOp(NNOperation):
    """B^T d B of every input tile d: (tile + 2) x (tile + 2) elements of the padded image, `tile` apart.

    ```mlir
    %v = nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1]
      : (tensor<1x64x56x56xf32>) -> tensor<36x196x64xf32>
    ```
    x [N, C, H, W]; the padding is zero, and so is what the last tiles reach beyond it.
    """

    name = "nn.winograd_input"
    x = operand_def(TensorType)
    tile = prop_def(IntegerAttr)
    pads = prop_def(DenseArrayBase)
    FIELDS: ClassVar = {"tile": INTEGER, "pads": INTEGERS}

    def __init__(self, x: SSAValue | Operation, *, tile: int, pads: Sequence[int]):
        super().__init__(
            operands=[x],
            properties=self.properties_of(tile=tile, pads=pads),
            result_types=[_input_type(tensor_of(x), tile, pads)],
        )

    @property
    def tiles(self) -> tuple[int, ...]:
        """Tiles along the rows and columns of an image."""
        image = tensor_of(self.x).get_shape()[2:]
        return tile_counts(window_extents(image, self.value_of("pads")), self.value_of("tile"))

    def infer_type(self) -> TensorType:
        return _input_type(tensor_of(self.x), self.value_of("tile"), self.value_of("pads"))


@irdl_op_definition
class WinogradWeightsOp(NNOperation):
    """G w G^T of every 3x3 filter, computed in f64 and rounded once.

    ```mlir
    %u = nn.winograd_weights(%w) tile 4 : (tensor<128x64x3x3xf32>) -> tensor<36x64x128xf32>
    ```
    w [O, C, 3, 3].
    """

    name = "nn.winograd_weights"
    w = operand_def(TensorType)
    tile = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"tile": INTEGER}

    def __init__(self, w: SSAValue | Operation, *, tile: int):
        super().__init__(
            operands=[w],
            properties=self.properties_of(tile=tile),
            result_types=[_weights_type(tensor_of(w), tile)],
        )

    def infer_type(self) -> TensorType:
        return _weights_type(tensor_of(self.w), self.value_of("tile"))


@irdl_op_definition
class WinogradOutputOp(NNOperation):
    """A^T m A of every tile, plus the bias: the result of the convolution, without what the last tiles reach
    beyond it.

    ```mlir
    %y = nn.winograd_output(%m, %b) tile 4 extents [1, 56, 56]
      : (tensor<36x196x128xf32>, tensor<128xf32>) -> tensor<1x128x56x56xf32>
    ```
    m [(tile + 2)^2, tiles, O], bias [O], `extents` are N, H and W.
    """

    name = "nn.winograd_output"
    m = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    tile = prop_def(IntegerAttr)
    extents = prop_def(DenseArrayBase)
    FIELDS: ClassVar = {"tile": INTEGER, "extents": INTEGERS}

    def __init__(
        self,
        m: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
        *,
        tile: int,
        extents: Sequence[int],
    ):
        offset = tensor_of(bias) if bias else None
        super().__init__(
            operands=[m, bias],
            properties=self.properties_of(tile=tile, extents=extents),
            result_types=[_output_type(tensor_of(m), offset, tile, extents)],
        )

    @property
    def tiles(self) -> tuple[int, ...]:
        """Tiles along the rows and columns of an image."""
        return tile_counts(self.value_of("extents")[1:], self.value_of("tile"))

    def infer_type(self) -> TensorType:
        bias = tensor_of(self.bias) if self.bias else None
        return _output_type(tensor_of(self.m), bias, self.value_of("tile"), self.value_of("extents"))


def _positions(op: str, tile: int) -> int:
    if tile not in POINTS:
        raise TenonError(f"{op}: tile is {tile}, expected {' or '.join(map(str, POINTS))}")
    return (tile + TAPS - 1) ** 2


def _input_type(x: TensorType, tile: int, pads: Sequence[int]) -> TensorType:
    shape, positions = x.get_shape(), _positions("winograd_input", tile)
    if len(shape) != 4:
        raise TenonError(f"winograd_input: input is {shape_text(shape)}, expected rank 4")
    if len(pads) != 4 or min(pads) < 0:
        raise TenonError(f"winograd_input: pads is {list(pads)}, expected 4 numbers of at least 0")
    extents = window_extents(shape[2:], pads)
    if min(extents) < 1:
        raise TenonError(f"winograd_input: the padded image of {shape_text(shape[2:])} is smaller than 3x3")
    rows, columns = tile_counts(extents, tile)
    return TensorType(x.element_type, (positions, shape[0] * rows * columns, shape[1]))


def _weights_type(w: TensorType, tile: int) -> TensorType:
    shape, positions = w.get_shape(), _positions("winograd_weights", tile)
    if len(shape) != 4 or shape[2:] != (TAPS, TAPS):
        raise TenonError(f"winograd_weights: weight is {shape_text(shape)}, expected OxCx3x3")
    return TensorType(w.element_type, (positions, shape[1], shape[0]))


def _output_type(m: TensorType, bias: TensorType | None, tile: int, extents: Sequence[int]) -> TensorType:
    shape, positions = m.get_shape(), _positions("winograd_output", tile)
    if len(extents) != 3 or min(extents) < 1:
        raise TenonError(f"winograd_output: extents is {list(extents)}, expected N, H and W of at least 1")
    rows, columns = tile_counts(extents[1:], tile)
    tiles = extents[0] * rows * columns
    if len(shape) != 3 or shape[:2] != (positions, tiles):
        raise TenonError(f"winograd_output: input is {shape_text(shape)}, expected {positions}x{tiles}xO")
    if bias is not None and (bias.get_shape() != shape[2:] or bias.element_type != m.element_type):
        raise TenonError(f"winograd_output: bias is {bias}, expected {shape[2]} of {m.element_type}")
    return TensorType(m.element_type, (extents[0], shape[2], *extents[1:]))
