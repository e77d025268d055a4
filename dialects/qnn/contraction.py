"""Sums of products of integers: convolutions and matrix products, into i32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType, i32
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from ..errors import TenonError
from ..nn import tensor_of
from ..nn.base import shape_text
from ..nn.conv import conv_type
from ..nn.conv_transpose import transpose_type
from ..nn.elementwise import broadcast_shape
from ..nn.fields import INTEGER, INTEGERS
from ..nn.linear import matmul_shape
from ..nn.window import Window
from .base import QnnOperation, Value
from .parameters import NARROW, check_element, check_shape

_GEOMETRY = {"strides": INTEGERS, "pads": INTEGERS, "dilations": INTEGERS, "groups": INTEGER}


class _Convolution(QnnOperation):
    """What conv and conv_transpose share."""

    x = operand_def(TensorType)
    w = operand_def(TensorType)
    zp_x = operand_def(TensorType)
    zp_w = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    groups = prop_def(IntegerAttr)
    FIELDS: ClassVar = _GEOMETRY
    SCALES: ClassVar = ()

    def __init__(
        self,
        x: Value,
        w: Value,
        zp_x: Value,
        zp_w: Value,
        bias: Value | None = None,
        *,
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
        groups: int = 1,
    ):
        geometry = {"strides": strides, "pads": pads, "dilations": dilations, "groups": groups}
        super().__init__([x, w, zp_x, zp_w, bias], **geometry)

    @property
    def window(self) -> Window:
        kernel = tensor_of(self.w).get_shape()[2:]
        return Window(kernel, self.value_of("strides"), self.value_of("pads"), self.value_of("dilations"))

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        x, w, zp_x, zp_w, *bias = types
        _check_factors(cls.name, ("x", x, zp_x), ("w", w, zp_w))
        strides, pads, dilations = (tuple(values[name]) for name in ("strides", "pads", "dilations"))
        window = Window(w.get_shape()[2:], strides, pads, dilations)
        image, weight = (TensorType(i32, t.get_shape()) for t in (x, w))
        infer = conv_type if cls is ConvOp else transpose_type
        result = infer(image, weight, bias[0] if bias else None, window, values["groups"])
        check_shape(cls.name, "zero point of x", zp_x, x.get_shape(), None)
        check_shape(cls.name, "zero point of w", zp_w, result.get_shape(), 1)
        return result


def _check_factors(op: str, *factors: tuple[str, TensorType, TensorType]) -> None:
    for name, tensor, zero in factors:
        check_element(op, name, tensor, NARROW)
        if zero.element_type != tensor.element_type:
            what = f"{op}: the zero point of {name} has element type {zero.element_type}"
            raise TenonError(f"{what}, expected {tensor.element_type}")


@irdl_op_definition
class ConvOp(_Convolution):
    """Convolution of x - zp_x with w - zp_w, plus bias, in i32: the accumulator, to be requantized.

    ```mlir
    %c = qnn.conv(%x, %w, %zp_x, %zp_w, %b) strides [2, 2] pads [3, 3, 3, 3] dilations [1, 1] groups 1
      : (tensor<1x3x224x224xui8>, tensor<64x3x7x7xi8>, tensor<ui8>, tensor<i8>, tensor<64xi32>)
      -> tensor<1x64x112x112xi32>
    ```
    Shapes are those of nn.conv; padding has the value zp_x. zp_w is a scalar or [O], bias is i32 [O]. Sums
    wrap around in i32.
    """

    name = "qnn.conv"


@irdl_op_definition
class ConvTransposeOp(_Convolution):
    """Transposed convolution of x - zp_x with w - zp_w, plus bias, in i32.

    ```mlir
    %c = qnn.conv_transpose(%x, %w, %zp_x, %zp_w) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1
      : (tensor<1x64x16x16xi8>, tensor<64x32x4x4xi8>, tensor<i8>, tensor<32xi8>) -> tensor<1x32x32x32xi32>
    ```
    Shapes and pads are those of nn.conv_transpose (a negative end pad is output padding). zp_w is a scalar
    or [O], bias is i32 [O]. Sums wrap around in i32.
    """

    name = "qnn.conv_transpose"


@irdl_op_definition
class MatmulOp(QnnOperation):
    """Product of matrices a - zp_a and b - zp_b, plus bias, in i32; batches as in nn.matmul.

    ```mlir
    %c = qnn.matmul(%a, %b, %zp_a, %zp_b, %bias) : (tensor<8x128x64xui8>, tensor<64x32xi8>, tensor<ui8>,
      tensor<32xi8>, tensor<32xi32>) -> tensor<8x128x32xi32>
    ```
    zp_a is a scalar or [M], one a row; zp_b a scalar or [N], one a column. The bias is i32 and broadcasts to
    the result. Sums wrap around in i32.
    """

    name = "qnn.matmul"
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    zp_a = operand_def(TensorType)
    zp_b = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    SCALES: ClassVar = ()

    def __init__(self, a: Value, b: Value, zp_a: Value, zp_b: Value, bias: Value | None = None):
        super().__init__([a, b, zp_a, zp_b, bias])

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        a, b, zp_a, zp_b, *bias = types
        _check_factors(cls.name, ("a", a, zp_a), ("b", b, zp_b))
        shape = matmul_shape(cls.name, a.get_shape(), b.get_shape())
        check_shape(cls.name, "zero point of a", zp_a, shape, len(shape) - 2)
        check_shape(cls.name, "zero point of b", zp_b, shape, len(shape) - 1)
        for tensor in bias:
            check_element(cls.name, "the bias", tensor, (i32,))
            if broadcast_shape(cls.name, [tensor.get_shape(), shape]) != shape:
                text = f"bias of shape {shape_text(tensor.get_shape())}"
                raise TenonError(f"{cls.name}: {text} does not broadcast to {shape_text(shape)}")
        return TensorType(i32, shape)
