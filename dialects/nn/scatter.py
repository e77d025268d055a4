"""Ops that put elements where other elements say."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, i1
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .fields import INTEGER
from .index import check_indices

SCATTERS = ("replace", "add", "mul", "max", "min")


def _check_kind(op: str, kind: str, x: TensorType, updates: TensorType) -> None:
    if kind not in SCATTERS:
        raise TenonError(f"{op}: '{kind}' is unknown, expected one of {', '.join(SCATTERS)}")
    if same_element(op, x, updates) == i1 and kind in ("add", "mul"):
        raise TenonError(f"{op} {kind}: element type i1 is not a number")


@irdl_op_definition
class ScatterOp(NNOperation):
    """Rows of `updates` combined into the rows of `x` that `indices` name, one after another; an index from
    -rows on counts from the end, and one outside names no row.

    ```mlir
    %y = nn.scatter add(%x, %i, %u)
      : (tensor<100x64xf32>, tensor<5xi64>, tensor<5x64xf32>) -> tensor<100x64xf32>
    ```
    Every row looks at every index: rows(x) * rows(updates) * elements of a row.
    """

    name = "nn.scatter"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    indices = operand_def(TensorType)
    updates = operand_def(TensorType)
    KIND: ClassVar = "kind"

    def __init__(
        self,
        kind: str,
        x: SSAValue | Operation,
        indices: SSAValue | Operation,
        updates: SSAValue | Operation,
    ):
        super().__init__(
            operands=[x, indices, updates],
            properties=self.properties_of(kind=kind),
            result_types=[_scatter_type(kind, *map(tensor_of, (x, indices, updates)))],
        )

    def infer_type(self) -> TensorType:
        return _scatter_type(self.kind.data, *map(tensor_of, (self.x, self.indices, self.updates)))


def _scatter_type(kind: str, x: TensorType, indices: TensorType, updates: TensorType) -> TensorType:
    _check_kind("scatter", kind, x, updates)
    check_indices("scatter", indices)
    shape, rows, given = x.get_shape(), indices.get_shape(), updates.get_shape()
    if not shape or len(rows) != 1 or given != (*rows, *shape[1:]):
        what = f"x {shape_text(shape)}, indices {shape_text(rows)} and updates {shape_text(given)}"
        raise TenonError(f"scatter: {what} do not belong together")
    return TensorType(x.element_type, shape)


@irdl_op_definition
class ScatterElementsOp(NNOperation):
    """y = x, then for every position p of the indices, in order along `axis`: y[p with indices[p] at `axis`]
    combined with updates[p]. Indices are as in nn.scatter.

    ```mlir
    %y = nn.scatter_elements replace(%x, %i, %u) axis 1
      : (tensor<4x9xf32>, tensor<4x3xi64>, tensor<4x3xf32>) -> tensor<4x9xf32>
    ```
    Dimensions other than the axis are x's. Every element looks at the indices of its line.
    """

    name = "nn.scatter_elements"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    indices = operand_def(TensorType)
    updates = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axis": INTEGER}

    def __init__(
        self,
        kind: str,
        x: SSAValue | Operation,
        indices: SSAValue | Operation,
        updates: SSAValue | Operation,
        axis: int,
    ):
        super().__init__(
            operands=[x, indices, updates],
            properties=self.properties_of(kind=kind, axis=axis),
            result_types=[_elements_type(kind, tensor_of(x), tensor_of(indices), tensor_of(updates), axis)],
        )

    def infer_type(self) -> TensorType:
        x, indices, updates = tensor_of(self.x), tensor_of(self.indices), tensor_of(self.updates)
        return _elements_type(self.kind.data, x, indices, updates, self.value_of("axis"))


def _elements_type(
    kind: str, x: TensorType, indices: TensorType, updates: TensorType, axis: int
) -> TensorType:
    _check_kind("scatter_elements", kind, x, updates)
    check_indices("scatter_elements", indices)
    shape, taken, given = x.get_shape(), indices.get_shape(), updates.get_shape()
    fits = len(shape) == len(taken) and 0 <= axis < len(shape)
    if not fits or given != taken or any(i != axis and n != shape[i] for i, n in enumerate(taken)):
        what = f"x {shape_text(shape)}, indices {shape_text(taken)} and updates {shape_text(given)}"
        raise TenonError(f"scatter_elements: {what} do not belong together along axis {axis}")
    return TensorType(x.element_type, shape)
