"""Masks on channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from ..nn.base import NNOperation, shape_text, tensor_of
from ..nn.fields import INTEGER, INTEGERS


@irdl_op_definition
class MaskOp(NNOperation):
    """x with zeros at the positions `removed` of an axis, whatever x holds there.

    ```mlir
    %m = prune.mask(%x) axis 1 removed [0, 5] : (tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
    ```
    It stands between the last op that works on a channel by itself (batch norm, activation, sum) and what
    mixes channels. Positions are ascending.
    """

    name = "prune.mask"
    x = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    removed = prop_def(DenseArrayBase)
    FIELDS: ClassVar = {"axis": INTEGER, "removed": INTEGERS}

    def __init__(self, x: SSAValue | Operation, axis: int, removed: Sequence[int]):
        super().__init__(
            operands=[x],
            properties=self.properties_of(axis=axis, removed=removed),
            result_types=[_mask_type(tensor_of(x), axis, tuple(removed))],
        )

    def infer_type(self) -> TensorType:
        return _mask_type(tensor_of(self.x), self.value_of("axis"), self.value_of("removed"))


def _mask_type(x: TensorType, axis: int, removed: tuple[int, ...]) -> TensorType:
    shape = x.get_shape()
    if not 0 <= axis < len(shape):
        raise TenonError(f"mask: axis {axis} is not within the rank {len(shape)}")
    if list(removed) != sorted(set(removed)) or (
        removed and not 0 <= removed[0] <= removed[-1] < shape[axis]
    ):
        text = f"axis {axis} of {shape_text(shape)}"
        raise TenonError(f"mask: removed {_short(removed)} are no ascending positions of {text}")
    return TensorType(x.element_type, shape)


def _short(numbers: Sequence[int]) -> str:
    return f"[{', '.join(map(str, numbers[:8]))}{', ...' if len(numbers) > 8 else ''}]"
