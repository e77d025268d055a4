"""Convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .fields import INTEGER, INTEGERS
from .window import Window, check_window, output_extents


@irdl_op_definition
class ConvOp(NNOperation):
    """Convolution (correlation) over 1 to 3 spatial dimensions, with groups.

    ```mlir
    %y = nn.conv(%x, %w, %b) strides [2, 2] pads [3, 3, 3, 3] dilations [1, 1] groups 1
      : (tensor<1x3x224x224xf32>, tensor<64x3x7x7xf32>, tensor<64xf32>) -> tensor<1x64x112x112xf32>
    ```
    x [N, C, spatial], w [O, C / groups, kernel], bias [O]; padding is zero; the accumulation order is open.
    """

    name = "nn.conv"
    x = operand_def(TensorType)
    w = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    groups = prop_def(IntegerAttr)
    FIELDS: ClassVar = {"strides": INTEGERS, "pads": INTEGERS, "dilations": INTEGERS, "groups": INTEGER}

    def __init__(
        self,
        x: SSAValue | Operation,
        w: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
        *,
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
        groups: int = 1,
    ):
        window = Window(tensor_of(w).get_shape()[2:], tuple(strides), tuple(pads), tuple(dilations))
        offset = tensor_of(bias) if bias else None
        super().__init__(
            operands=[x, w, bias],
            properties=self.properties_of(strides=strides, pads=pads, dilations=dilations, groups=groups),
            result_types=[conv_type(tensor_of(x), tensor_of(w), offset, window, groups)],
        )

    @property
    def window(self) -> Window:
        kernel = tensor_of(self.w).get_shape()[2:]
        return Window(kernel, self.value_of("strides"), self.value_of("pads"), self.value_of("dilations"))

    def infer_type(self) -> TensorType:
        bias = tensor_of(self.bias) if self.bias else None
        return conv_type(tensor_of(self.x), tensor_of(self.w), bias, self.window, self.value_of("groups"))


def conv_type(
    x: TensorType, w: TensorType, bias: TensorType | None, window: Window, groups: int
) -> TensorType:
    image, weight = x.get_shape(), w.get_shape()
    if len(image) != len(weight) or len(image) < 3:
        ranks = f"input has rank {len(image)}, weight {len(weight)}"
        raise TenonError(f"conv: {ranks}, expected equal ranks 3 to 5")
    element = same_element("conv", x, w, *((bias,) if bias else ()))
    check_window("conv", window, image[2:])
    if groups < 1 or weight[0] % groups or weight[1] * groups != image[1]:
        shapes = f"input {shape_text(image)}, weight {shape_text(weight)}"
        raise TenonError(f"conv: {shapes} and groups {groups} do not agree on the channels")
    if bias is not None and bias.get_shape() != weight[:1]:
        raise TenonError(f"conv: bias has shape {shape_text(bias.get_shape())}, expected {weight[0]}")
    return TensorType(element, (image[0], weight[0], *output_extents("conv", window, image[2:])))
