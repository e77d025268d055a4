"""Matrix products."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .elementwise import broadcast_shape


@irdl_op_definition
class MatmulOp(NNOperation):
    """Product of matrices in the last two dimensions; the dimensions before broadcast as in numpy.matmul.

    ```mlir
    %y = nn.matmul(%a, %b) : (tensor<8x128x64xf32>, tensor<64x32xf32>) -> tensor<8x128x32xf32>
    ```
    Both operands have rank 2 or more; the accumulation order is open.
    """

    name = "nn.matmul"
    a = operand_def(TensorType)
    b = operand_def(TensorType)

    def __init__(self, a: SSAValue | Operation, b: SSAValue | Operation):
        super().__init__(operands=[a, b], result_types=[_matmul_type(tensor_of(a), tensor_of(b))])

    def infer_type(self) -> TensorType:
        return _matmul_type(tensor_of(self.a), tensor_of(self.b))


def _matmul_type(a: TensorType, b: TensorType) -> TensorType:
    return TensorType(same_element("matmul", a, b), matmul_shape("matmul", a.get_shape(), b.get_shape()))


def matmul_shape(op: str, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a product; TenonError where there is none."""
    text = f"{op}: shapes {shape_text(left)} and {shape_text(right)}"
    if len(left) < 2 or len(right) < 2:
        raise TenonError(f"{text}, expected rank 2 or more")
    if left[-1] != right[-2]:
        raise TenonError(f"{text} do not agree on the inner extent")
    return (*broadcast_shape(op, [left[:-2], right[:-2]]), left[-2], right[-1])
