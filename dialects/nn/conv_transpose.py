"""Transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .fields import INTEGER, INTEGERS
from .window import Window


@irdl_op_definition
class ConvTransposeOp(NNOperation):
    """Transposed convolution: every element of x adds the kernel, scaled by it, to the result.

    ```mlir
    %y = nn.conv_transpose(%x, %w, %b) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1
      : (tensor<1x64x16x16xf32>, tensor<64x32x4x4xf32>, tensor<32xf32>) -> tensor<1x32x32x32xf32>
    ```
    x [N, C, spatial], w [C, O / groups, kernel], bias [O]. Element i and tap k of a dimension reach position
    i * stride + k * dilation - pad; `pads` cut from the begins and ends (all begins, then all ends), negative
    ones add positions that hold the bias. The accumulation order is open.
    """

    name = "nn.conv_transpose"
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
            result_types=[transpose_type(tensor_of(x), tensor_of(w), offset, window, groups)],
        )

    @property
    def window(self) -> Window:
        kernel = tensor_of(self.w).get_shape()[2:]
        return Window(kernel, self.value_of("strides"), self.value_of("pads"), self.value_of("dilations"))

    def infer_type(self) -> TensorType:
        bias = tensor_of(self.bias) if self.bias else None
        groups = self.value_of("groups")
        return transpose_type(tensor_of(self.x), tensor_of(self.w), bias, self.window, groups)


def transpose_type(
    x: TensorType, w: TensorType, bias: TensorType | None, window: Window, groups: int
) -> TensorType:
    image, weight = x.get_shape(), w.get_shape()
    rank = len(image) - 2
    if len(image) != len(weight) or not 1 <= rank <= 3:
        ranks = f"input has rank {len(image)}, weight {len(weight)}"
        raise TenonError(f"conv_transpose: {ranks}, expected equal ranks 3 to 5")
    element = same_element("conv_transpose", x, w, *((bias,) if bias else ()))
    for name, values in (("strides", window.strides), ("dilations", window.dilations)):
        if len(values) != rank or min(values) < 1:
            raise TenonError(f"conv_transpose: {name} is {list(values)}, expected {rank} positive numbers")
    if len(window.pads) != 2 * rank or min(window.kernel) < 1:
        what = f"pads {list(window.pads)} and kernel {shape_text(window.kernel)}"
        raise TenonError(f"conv_transpose: {what} do not fit {rank} spatial dimensions")
    if groups < 1 or image[1] % groups or weight[0] != image[1]:
        shapes = f"input {shape_text(image)}, weight {shape_text(weight)}"
        raise TenonError(f"conv_transpose: {shapes} and groups {groups} do not agree on the channels")
    channels = weight[1] * groups
    if bias is not None and bias.get_shape() != (channels,):
        text = shape_text(bias.get_shape())
        raise TenonError(f"conv_transpose: bias has shape {text}, expected {channels}")
    extents = [
        stride * (n - 1) + span - low - high
        for n, stride, span, low, high in zip(
            image[2:], window.strides, window.spans, window.low, window.high, strict=True
        )
    ]
    if min(extents) < 1 or 0 in image:
        raise TenonError(f"conv_transpose: nothing is left of the result {shape_text(extents)}")
    return TensorType(element, (image[0], channels, *extents))
