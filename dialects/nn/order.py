"""Ops on the order of elements along an axis: positions of extrema, the largest few, running totals."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, i1, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, tensor_of
from .fields import FLAG, INTEGER

EXTREMA = ("max", "min")
CUMULATIONS = ("sum", "prod")


def _check_axis(op: str, x: TensorType, axis: int) -> None:
    if not 0 <= axis < x.get_num_dims():
        raise TenonError(f"{op}: axis {axis} is not within the rank {x.get_num_dims()}")


@irdl_op_definition
class ArgReduceOp(NNOperation):
    """The position of the maximum or minimum along `axis`, which keeps extent 1: the first of several, or
    with `last` the last. A NaN is beyond every number.

    ```mlir
    %y = nn.arg_reduce max(%x) axis 1 last false : (tensor<8x10xf32>) -> tensor<8x1xi64>
    ```
    """

    name = "nn.arg_reduce"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    last = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axis": INTEGER, "last": FLAG}

    def __init__(self, kind: str, x: SSAValue | Operation, axis: int, last: bool = False):
        super().__init__(
            operands=[x],
            properties=self.properties_of(kind=kind, axis=axis, last=last),
            result_types=[_arg_type(kind, tensor_of(x), axis)],
        )

    def infer_type(self) -> TensorType:
        return _arg_type(self.kind.data, tensor_of(self.x), self.value_of("axis"))


def _arg_type(kind: str, x: TensorType, axis: int) -> TensorType:
    if kind not in EXTREMA:
        raise TenonError(f"arg_reduce: '{kind}' is unknown, expected one of {', '.join(EXTREMA)}")
    _check_axis("arg_reduce", x, axis)
    if not x.get_shape()[axis]:
        raise TenonError(f"arg_reduce: axis {axis} has no elements")
    return TensorType(i64, [1 if i == axis else n for i, n in enumerate(x.get_shape())])


@irdl_op_definition
class TopKOp(NNOperation):
    """Positions of the k largest (or smallest) elements along `axis`, in order; of equal ones the first comes
    first. A NaN is larger than every number.

    ```mlir
    %i = nn.top_k(%x) axis 1 k 5 largest true : (tensor<8x1000xf32>) -> tensor<8x5xi64>
    ```
    Every element is compared with every other of its line: n * n comparisons for an axis of n.
    """

    name = "nn.top_k"
    x = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    k = prop_def(IntegerAttr)
    largest = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"axis": INTEGER, "k": INTEGER, "largest": FLAG}

    def __init__(self, x: SSAValue | Operation, axis: int, k: int, largest: bool = True):
        super().__init__(
            operands=[x],
            properties=self.properties_of(axis=axis, k=k, largest=largest),
            result_types=[_top_k_type(tensor_of(x), axis, k)],
        )

    def infer_type(self) -> TensorType:
        return _top_k_type(tensor_of(self.x), self.value_of("axis"), self.value_of("k"))


def _top_k_type(x: TensorType, axis: int, k: int) -> TensorType:
    _check_axis("top_k", x, axis)
    extent = x.get_shape()[axis]
    if not 0 <= k <= extent:
        raise TenonError(f"top_k: {k} of the {extent} elements of axis {axis}")
    return TensorType(i64, [k if i == axis else n for i, n in enumerate(x.get_shape())])


@irdl_op_definition
class CumulateOp(NNOperation):
    """Running sums or products along `axis`: of the elements up to each one, with `exclusive` without itself;
    with `reverse` from the last element on. Float totals may be reassociated.

    ```mlir
    %y = nn.cumulate sum(%x) axis 1 exclusive false reverse false : (tensor<8x10xf32>) -> tensor<8x10xf32>
    ```
    """

    name = "nn.cumulate"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    exclusive = prop_def(IntegerAttr)
    reverse = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axis": INTEGER, "exclusive": FLAG, "reverse": FLAG}

    def __init__(
        self, kind: str, x: SSAValue | Operation, axis: int, exclusive: bool = False, reverse: bool = False
    ):
        super().__init__(
            operands=[x],
            properties=self.properties_of(kind=kind, axis=axis, exclusive=exclusive, reverse=reverse),
            result_types=[_cumulate_type(kind, tensor_of(x), axis)],
        )

    def infer_type(self) -> TensorType:
        return _cumulate_type(self.kind.data, tensor_of(self.x), self.value_of("axis"))


def _cumulate_type(kind: str, x: TensorType, axis: int) -> TensorType:
    if kind not in CUMULATIONS:
        raise TenonError(f"cumulate: '{kind}' is unknown, expected one of {', '.join(CUMULATIONS)}")
    _check_axis("cumulate", x, axis)
    if x.element_type == i1:
        raise TenonError("cumulate: element type i1 is not a number")
    return TensorType(x.element_type, x.get_shape())
