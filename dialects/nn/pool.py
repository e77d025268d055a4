"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, StringAttr, TensorType, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, tensor_of
from .fields import FLAG, INTEGERS
from .window import Window, check_window, output_extents

POOLS = ("max", "average", "sum", "argmax")


@irdl_op_definition
class PoolOp(NNOperation):
    """Maximum, average or sum over sliding windows of [N, C, spatial], or where the maximum is.

    ```mlir
    %y = nn.pool max(%x) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode false
      count_include_pad false : (tensor<1x64x112x112xf32>) -> tensor<1x64x56x56xf32>
    ```
    The maximum of a window without elements is -inf; a NaN in a window makes its result NaN. The average
    divides by the elements of the input in the window, or with `count_include_pad` by those of the padded
    input. argmax is, in i64, the position of the maximum in its image: row-major over the spatial dimensions
    of x, the first where several are equal, that of some element where there is a NaN. With `ceil_mode` the
    last window may reach past the padding.
    """

    name = "nn.pool"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    kernel = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    ceil_mode = prop_def(IntegerAttr)
    count_include_pad = prop_def(IntegerAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {
        "kernel": INTEGERS,
        "strides": INTEGERS,
        "pads": INTEGERS,
        "dilations": INTEGERS,
        "ceil_mode": FLAG,
        "count_include_pad": FLAG,
    }

    def __init__(
        self,
        kind: str,
        x: SSAValue | Operation,
        *,
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
        ceil_mode: bool = False,
        count_include_pad: bool = False,
    ):
        window = Window(tuple(kernel), tuple(strides), tuple(pads), tuple(dilations))
        super().__init__(
            operands=[x],
            properties=self.properties_of(
                kind=kind,
                **window._asdict(),
                ceil_mode=ceil_mode,
                count_include_pad=count_include_pad,
            ),
            result_types=[pool_type(kind, tensor_of(x), window, ceil_mode)],
        )

    @property
    def window(self) -> Window:
        return Window(*(self.value_of(name) for name in Window._fields))

    def infer_type(self) -> TensorType:
        return pool_type(self.kind.data, tensor_of(self.x), self.window, self.value_of("ceil_mode"))


def pool_type(kind: str, x: TensorType, window: Window, ceil_mode: bool) -> TensorType:
    if kind not in POOLS:
        raise TenonError(f"pool '{kind}' is unknown, expected one of {', '.join(POOLS)}")
    shape = x.get_shape()
    check_window(f"pool {kind}", window, shape[2:])
    extents = output_extents(f"pool {kind}", window, shape[2:], ceil_mode)
    return TensorType(i64 if kind == "argmax" else x.element_type, (*shape[:2], *extents))
