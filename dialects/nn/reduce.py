"""Reductions along axes, and softmax, which is built on two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import AnyFloat, DenseArrayBase, IntegerAttr, StringAttr, TensorType, i1
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, tensor_of
from .fields import FLAG, INTEGER, INTEGERS

REDUCTIONS = ("sum", "mean", "max", "min", "prod")


@irdl_op_definition
class ReduceOp(NNOperation):
    """Sum, mean, maximum, minimum or product along `axes`.

    ```mlir
    %y = nn.reduce mean(%x) axes [2, 3] keepdims true : (tensor<1x512x7x7xf32>) -> tensor<1x512x1x1xf32>
    ```
    The order of accumulation is open. A NaN makes every result it reaches NaN. The maximum of nothing is
    -inf (for integers the smallest one), the minimum correspondingly. The mean of integers truncates towards
    zero; maximum and minimum of i1 are "any" and "all".
    """

    name = "nn.reduce"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    axes = prop_def(DenseArrayBase)
    keepdims = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axes": INTEGERS, "keepdims": FLAG}

    def __init__(self, kind: str, x: SSAValue | Operation, *, axes: Sequence[int], keepdims: bool):
        super().__init__(
            operands=[x],
            properties=self.properties_of(kind=kind, axes=axes, keepdims=keepdims),
            result_types=[reduce_type(kind, tensor_of(x), tuple(axes), keepdims)],
        )

    def infer_type(self) -> TensorType:
        axes, keepdims = self.value_of("axes"), self.value_of("keepdims")
        return reduce_type(self.kind.data, tensor_of(self.x), axes, keepdims)


def reduce_type(kind: str, x: TensorType, axes: tuple[int, ...], keepdims: bool) -> TensorType:
    if kind not in REDUCTIONS:
        raise TenonError(f"reduction '{kind}' is unknown, expected one of {', '.join(REDUCTIONS)}")
    shape = x.get_shape()
    if len(set(axes)) != len(axes) or any(not 0 <= axis < len(shape) for axis in axes):
        raise TenonError(f"reduce {kind}: axes {list(axes)} are no distinct axes of rank {len(shape)}")
    if kind not in ("max", "min") and x.element_type == i1:
        raise TenonError(f"reduce {kind}: element type i1 is not a number")
    if keepdims:
        return TensorType(x.element_type, [1 if i in axes else n for i, n in enumerate(shape)])
    return TensorType(x.element_type, [n for i, n in enumerate(shape) if i not in axes])


@irdl_op_definition
class SoftmaxOp(NNOperation):
    """exp(x - m) / sum exp(x - m) along `axis` with m the maximum; with `log`: x - m - log(sum exp(x - m)).

    ```mlir
    %y = nn.softmax(%x) axis 1 log false : (tensor<8x10xf32>) -> tensor<8x10xf32>
    ```
    A row with a NaN or +inf is all NaN, and so is one of -inf only.
    """

    name = "nn.softmax"
    x = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    log = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"axis": INTEGER, "log": FLAG}

    def __init__(self, x: SSAValue | Operation, axis: int, log: bool = False):
        super().__init__(
            operands=[x],
            properties=self.properties_of(axis=axis, log=log),
            result_types=[_softmax_type(tensor_of(x), axis)],
        )

    def infer_type(self) -> TensorType:
        return _softmax_type(tensor_of(self.x), self.value_of("axis"))


def _softmax_type(x: TensorType, axis: int) -> TensorType:
    if not isinstance(x.element_type, AnyFloat):
        raise TenonError(f"softmax: element type {x.element_type} is not a float type")
    if not 0 <= axis < x.get_num_dims():
        raise TenonError(f"softmax: axis {axis} is not within the rank {x.get_num_dims()}")
    return TensorType(x.element_type, x.get_shape())
