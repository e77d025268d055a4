"""Where a branch reads and changes a part of a residual stream."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from ..nn.base import NNOperation, shape_text, tensor_of
from ..nn.fields import INTEGER

KINDS = ("enter", "leave")


@irdl_op_definition
class BranchOp(NNOperation):
    """x itself: the channels along an axis of the result are not tied to those of x.

    ```mlir
    %b = prune.branch enter(%x) axis 1 : (tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
    %c = nn.conv(%b, %w) ...
    %d = prune.branch leave(%c) axis 1 : (tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
    %y = nn.elementwise add(%x, %d) : ...
    ```
    Residuals are a stream that branches read and add to. `enter`: what comes behind reads a part of the
    stream's channels, which stay where they are. `leave`: x is added to the stream; channels that leave it
    add nothing. So each branch loses channels of its own, and the stream none.
    """

    name = "prune.branch"
    x = operand_def(TensorType)
    kind = prop_def(StringAttr)
    axis = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axis": INTEGER}

    def __init__(self, kind: str, x: SSAValue | Operation, axis: int):
        properties = self.properties_of(kind=kind, axis=axis)
        super().__init__(operands=[x], properties=properties, result_types=[tensor_of(x)])

    def infer_type(self) -> TensorType:
        x, axis = tensor_of(self.x), self.value_of("axis")
        if self.kind.data not in KINDS:
            raise TenonError(f"branch: kind is '{self.kind.data}', expected one of {', '.join(KINDS)}")
        if not 0 <= axis < len(x.get_shape()):
            raise TenonError(f"branch: axis {axis} is not within {shape_text(x.get_shape())}")
        return x
