"""Ops whose elements come from where other elements say: gather, gather along an axis, positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, IntegerType, TensorType, i1, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from ..errors import TenonError
from .base import NNOperation, shape_text, tensor_of
from .fields import INTEGER


def check_indices(op: str, tensor: TensorType) -> None:
    """TenonError unless the elements are integers."""
    if not isinstance(tensor.element_type, IntegerType) or tensor.element_type == i1:
        raise TenonError(f"{op}: indices have element type {tensor.element_type}, expected integers")


@irdl_op_definition
class IotaOp(NNOperation):
    """0, 1, 2, ...: the positions along a dimension, known at compile time.

    ```mlir
    %p = nn.iota() : () -> tensor<16xi64>
    ```
    """

    name = "nn.iota"

    def __init__(self, extent: int):
        super().__init__(result_types=[_iota_type(TensorType(i64, [extent]))])

    def infer_type(self) -> TensorType:
        return _iota_type(self.type)


def _iota_type(result: TensorType) -> TensorType:
    if result.get_num_dims() != 1 or result.element_type != i64:
        raise TenonError(f"iota: result is {result}, expected one dimension of i64")
    return result


@irdl_op_definition
class GatherOp(NNOperation):
    """Slices of `x` along neighbouring dimensions, picked by one index tensor for each of them.

    ```mlir
    %y = nn.gather(%x, %i) axis 1 batch 0 : (tensor<8x100x64xf32>, tensor<2x5xi64>) -> tensor<8x2x5x64xf32>
    ```
    Index tensor number n, all of one shape, indexes dimension axis + n; its elements from -extent on count
    from the end, and those outside are clamped to the nearest inside. The first `batch` dimensions of the
    index tensors run along those of `x`. The result's shape is x[:axis] + indices[batch:] + x[axis + n:].
    """

    name = "nn.gather"
    MOVES: ClassVar = True
    x = operand_def(TensorType)
    indices = var_operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    batch = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"axis": INTEGER, "batch": INTEGER}

    def __init__(
        self,
        x: SSAValue | Operation,
        indices: Sequence[SSAValue | Operation],
        axis: int,
        batch: int = 0,
    ):
        super().__init__(
            operands=[x, indices],
            properties=self.properties_of(axis=axis, batch=batch),
            result_types=[_gather_type(tensor_of(x), [tensor_of(i) for i in indices], axis, batch)],
        )

    def infer_type(self) -> TensorType:
        indices = [tensor_of(i) for i in self.indices]
        return _gather_type(tensor_of(self.x), indices, self.value_of("axis"), self.value_of("batch"))


def _gather_type(x: TensorType, indices: list[TensorType], axis: int, batch: int) -> TensorType:
    shape = x.get_shape()
    if not indices or not 0 <= axis <= len(shape) - len(indices):
        raise TenonError(f"gather: {len(indices)} indices from axis {axis} of rank {len(shape)}")
    for index in indices:
        check_indices("gather", index)
    taken = indices[0].get_shape()
    if any(index.get_shape() != taken for index in indices):
        text = ", ".join(shape_text(index.get_shape()) for index in indices)
        raise TenonError(f"gather: indices have shapes {text}, expected equal shapes")
    if not 0 <= batch <= axis or taken[:batch] != shape[:batch]:
        what = f"{batch} dimensions of {shape_text(shape)} and indices {shape_text(taken)}"
        raise TenonError(f"gather: the first {what} are no common batch before axis {axis}")
    result = (*shape[:axis], *taken[batch:], *shape[axis + len(indices) :])
    if 0 in shape[axis : axis + len(indices)] and 0 not in result:
        raise TenonError(f"gather: nothing to take from, axis {axis} of {shape_text(shape)} is empty")
    return TensorType(x.element_type, result)


@irdl_op_definition
class GatherElementsOp(NNOperation):
    """y[p] = x[p with indices[p] at `axis`], for every position p of the indices.

    ```mlir
    %y = nn.gather_elements(%x, %i) axis 1 : (tensor<4x9xf32>, tensor<4x3xi64>) -> tensor<4x3xf32>
    ```
    Negative and outside indices are as in nn.gather. No dimension but the axis may be longer than x's.
    """

    name = "nn.gather_elements"
    MOVES: ClassVar = True
    x = operand_def(TensorType)
    indices = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"axis": INTEGER}

    def __init__(self, x: SSAValue | Operation, indices: SSAValue | Operation, axis: int):
        super().__init__(
            operands=[x, indices],
            properties=self.properties_of(axis=axis),
            result_types=[_elements_type(tensor_of(x), tensor_of(indices), axis)],
        )

    def infer_type(self) -> TensorType:
        return _elements_type(tensor_of(self.x), tensor_of(self.indices), self.value_of("axis"))


def _elements_type(x: TensorType, indices: TensorType, axis: int) -> TensorType:
    check_indices("gather_elements", indices)
    shape, taken = x.get_shape(), indices.get_shape()
    if len(shape) != len(taken) or not 0 <= axis < len(shape):
        what = f"x {shape_text(shape)} and indices {shape_text(taken)}"
        raise TenonError(f"gather_elements: {what} have no common axis {axis}")
    if any(n < k for i, (n, k) in enumerate(zip(shape, taken, strict=True)) if i != axis):
        raise TenonError(f"gather_elements: indices {shape_text(taken)} leave x {shape_text(shape)}")
    if not shape[axis] and 0 not in taken:
        raise TenonError(f"gather_elements: axis {axis} of {shape_text(shape)} is empty")
    return TensorType(x.element_type, taken)
