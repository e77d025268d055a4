"""Ops that move elements without computing: reshape, transpose, concat, slice, pad, broadcast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .fields import FLOAT, INTEGER, INTEGERS


@irdl_op_definition
class ReshapeOp(NNOperation):
    """The same elements in row-major order under another shape.

    ```mlir
    %y = nn.reshape(%x) : (tensor<1x512x1x1xf32>) -> tensor<1x512xf32>
    ```
    """

    name = "nn.reshape"
    MOVES: ClassVar = True
    x = operand_def(TensorType)

    def __init__(self, x: SSAValue | Operation, shape: Sequence[int]):
        super().__init__(operands=[x], result_types=[_reshape_type(tensor_of(x), tuple(shape))])

    def infer_type(self) -> TensorType:
        assert isinstance(self.result.type, TensorType)
        return _reshape_type(tensor_of(self.x), self.result.type.get_shape())


def _reshape_type(x: TensorType, shape: tuple[int, ...]) -> TensorType:
    if math.prod(shape) != math.prod(x.get_shape()) or any(n < 0 for n in shape):
        raise TenonError(f"reshape: shape {shape_text(x.get_shape())} cannot become {shape_text(shape)}")
    return TensorType(x.element_type, shape)


@irdl_op_definition
class TransposeOp(NNOperation):
    """Dimension i of the result is dimension perm[i] of the operand.

    ```mlir
    %y = nn.transpose(%x) perm [0, 2, 3, 1] : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
    ```
    """

    name = "nn.transpose"
    MOVES: ClassVar = True
    x = operand_def(TensorType)
    perm = prop_def(DenseArrayBase)
    FIELDS: ClassVar = {"perm": INTEGERS}

    def __init__(self, x: SSAValue | Operation, perm: Sequence[int]):
        super().__init__(
            operands=[x],
            properties=self.properties_of(perm=perm),
            result_types=[_transpose_type(tensor_of(x), tuple(perm))],
        )

    def infer_type(self) -> TensorType:
        return _transpose_type(tensor_of(self.x), self.value_of("perm"))


def _transpose_type(x: TensorType, perm: tuple[int, ...]) -> TensorType:
    shape = x.get_shape()
    if sorted(perm) != list(range(len(shape))):
        raise TenonError(f"transpose: perm {list(perm)} is no permutation of {len(shape)} dimensions")
    return TensorType(x.element_type, [shape[i] for i in perm])


@irdl_op_definition
class ConcatOp(NNOperation):
    """The operands one after the other along `axis`.

    ```mlir
    %y = nn.concat(%a, %b) axis 1 : (tensor<1x64x8x8xf32>, tensor<1x32x8x8xf32>) -> tensor<1x96x8x8xf32>
    ```
    """

    name = "nn.concat"
    MOVES: ClassVar = True
    inputs = var_operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"axis": INTEGER}

    def __init__(self, xs: Sequence[SSAValue | Operation], axis: int):
        super().__init__(
            operands=[xs],
            properties=self.properties_of(axis=axis),
            result_types=[concat_type([tensor_of(x) for x in xs], axis)],
        )

    def infer_type(self) -> TensorType:
        return concat_type([tensor_of(x) for x in self.inputs], self.value_of("axis"))


def concat_type(types: list[TensorType], axis: int) -> TensorType:
    if not types:
        raise TenonError("concat: got no operands")
    shapes = [t.get_shape() for t in types]
    if not 0 <= axis < len(shapes[0]):
        raise TenonError(f"concat: axis {axis} is not within the rank {len(shapes[0])}")
    if len({(*s[:axis], -1, *s[axis + 1 :]) for s in shapes}) > 1:
        text = ", ".join(map(shape_text, shapes))
        raise TenonError(f"concat: shapes {text} differ in more than axis {axis}")
    total = sum(s[axis] for s in shapes)
    return TensorType(same_element("concat", *types), (*shapes[0][:axis], total, *shapes[0][axis + 1 :]))


@irdl_op_definition
class SliceOp(NNOperation):
    """Along each dimension `sizes` elements, `strides` apart, from `starts`.

    ```mlir
    %y = nn.slice(%x) starts [0, 2] sizes [4, 3] strides [1, 2] : (tensor<4x8xf32>) -> tensor<4x3xf32>
    ```
    """

    name = "nn.slice"
    MOVES: ClassVar = True
    x = operand_def(TensorType)
    starts = prop_def(DenseArrayBase)
    sizes = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    FIELDS: ClassVar = {"starts": INTEGERS, "sizes": INTEGERS, "strides": INTEGERS}

    def __init__(
        self, x: SSAValue | Operation, starts: Sequence[int], sizes: Sequence[int], strides: Sequence[int]
    ):
        super().__init__(
            operands=[x],
            properties=self.properties_of(starts=starts, sizes=sizes, strides=strides),
            result_types=[_slice_type(tensor_of(x), tuple(starts), tuple(sizes), tuple(strides))],
        )

    def infer_type(self) -> TensorType:
        return _slice_type(tensor_of(self.x), *(self.value_of(name) for name in self.FIELDS))


def _slice_type(
    x: TensorType, starts: tuple[int, ...], sizes: tuple[int, ...], strides: tuple[int, ...]
) -> TensorType:
    shape = x.get_shape()
    if not len(starts) == len(sizes) == len(strides) == len(shape):
        raise TenonError(f"slice: starts, sizes and strides need {len(shape)} entries each")
    for axis, (n, start, size, stride) in enumerate(zip(shape, starts, sizes, strides, strict=True)):
        last = start + (size - 1) * stride
        if start < 0 or size < 0 or stride < 1 or (size and last >= n):
            picked = f"{size} elements from {start} by {stride}"
            raise TenonError(f"slice: {picked} leave the {n} of axis {axis}")
    return TensorType(x.element_type, sizes)


@irdl_op_definition
class PadOp(NNOperation):
    """The operand with `low` elements of `value` before it and `high` after, along each dimension.

    ```mlir
    %y = nn.pad(%x) low [0, 1] high [0, 1] value 0.0 : (tensor<4x8xf32>) -> tensor<4x10xf32>
    ```
    """

    name = "nn.pad"
    MOVES: ClassVar = True
    x = operand_def(TensorType)
    low = prop_def(DenseArrayBase)
    high = prop_def(DenseArrayBase)
    value = prop_def(FloatAttr)
    FIELDS: ClassVar = {"low": INTEGERS, "high": INTEGERS, "value": FLOAT}

    def __init__(self, x: SSAValue | Operation, low: Sequence[int], high: Sequence[int], value: float):
        super().__init__(
            operands=[x],
            properties=self.properties_of(low=low, high=high, value=value),
            result_types=[_pad_type(tensor_of(x), tuple(low), tuple(high))],
        )

    def infer_type(self) -> TensorType:
        return _pad_type(tensor_of(self.x), self.value_of("low"), self.value_of("high"))


def _pad_type(x: TensorType, low: tuple[int, ...], high: tuple[int, ...]) -> TensorType:
    shape = x.get_shape()
    if len(low) != len(shape) or len(high) != len(shape) or min((*low, *high), default=0) < 0:
        what = f"low {list(low)}, high {list(high)}"
        raise TenonError(f"pad: {what}, expected {len(shape)} numbers of at least 0 each")
    return TensorType(x.element_type, [n + a + b for n, a, b in zip(shape, low, high, strict=True)])


@irdl_op_definition
class BroadcastOp(NNOperation):
    """The operand repeated along new leading dimensions and along those of extent 1.

    ```mlir
    %y = nn.broadcast(%x) : (tensor<64x1xf32>) -> tensor<8x64x10xf32>
    ```
    """

    name = "nn.broadcast"
    MOVES: ClassVar = True
    x = operand_def(TensorType)

    def __init__(self, x: SSAValue | Operation, shape: Sequence[int]):
        super().__init__(operands=[x], result_types=[_broadcast_type(tensor_of(x), tuple(shape))])

    def infer_type(self) -> TensorType:
        assert isinstance(self.result.type, TensorType)
        return _broadcast_type(tensor_of(self.x), self.result.type.get_shape())


def _broadcast_type(x: TensorType, shape: tuple[int, ...]) -> TensorType:
    source = x.get_shape()
    aligned = shape[len(shape) - len(source) :] if len(source) <= len(shape) else ()
    if len(aligned) != len(source) or any(s not in (1, n) for s, n in zip(source, aligned, strict=True)):
        raise TenonError(f"broadcast: shape {shape_text(source)} does not broadcast to {shape_text(shape)}")
    return TensorType(x.element_type, shape)
