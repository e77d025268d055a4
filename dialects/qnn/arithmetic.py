"""Sums, differences, products and concatenation of quantized tensors, into other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, StringAttr, TensorType
from xdsl.irdl import (
    SameVariadicOperandSize,
    irdl_op_definition,
    operand_def,
    prop_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from ..errors import TenonError
from ..nn.elementwise import broadcast_shape
from ..nn.shape import concat_type
from .base import QnnOperation, Value, fields
from .parameters import NARROW, check_element, check_pair


class _Binary(QnnOperation):
    """What add, subtract and mul share."""

    l = operand_def(TensorType)  # noqa: E741
    r = operand_def(TensorType)
    s_l = operand_def(TensorType)
    zp_l = operand_def(TensorType)
    s_r = operand_def(TensorType)
    zp_r = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    rounding = prop_def(StringAttr)
    arithmetic = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    FIELDS: ClassVar = fields("rounding", "arithmetic", "range")
    SCALES: ClassVar = ("s_l", "s_r", "s_out")

    def __init__(
        self,
        l: Value,  # noqa: E741
        r: Value,
        s_l: Value,
        zp_l: Value,
        s_r: Value,
        zp_r: Value,
        s_out: Value,
        zp_out: Value,
        *,
        rounding: str = "half_even",
        arithmetic: str = "f32",
        range: Sequence[int] | None = None,
    ):
        operands = [l, r, s_l, zp_l, s_r, zp_r, s_out, zp_out]
        super().__init__(operands, rounding=rounding, arithmetic=arithmetic, range=range)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        left, right, s_l, zp_l, s_r, zp_r, s_out, zp_out = types
        for name, x, s, zp in (("the left", left, s_l, zp_l), ("the right", right, s_r, zp_r)):
            check_element(cls.name, f"{name} operand", x, NARROW)
            check_pair(cls.name, x, s, zp, x.element_type)
        check_element(cls.name, "the zero point of the result", zp_out, NARROW)
        shape = broadcast_shape(cls.name, [left.get_shape(), right.get_shape()])
        result = TensorType(zp_out.element_type, shape)
        check_pair(cls.name, result, s_out, zp_out, zp_out.element_type)
        return result


@irdl_op_definition
class AddOp(_Binary):
    """The sum of two quantized tensors, with numpy broadcasting.

    ```mlir
    %y = qnn.add(%l, %r, %s_l, %zp_l, %s_r, %zp_r, %s_out, %zp_out) rounding half_even arithmetic f32
      range [0, 255] : (tensor<1x64x8x8xui8>, tensor<64x1x1xui8>, tensor<f32>, tensor<ui8>, tensor<f32>,
      tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x64x8x8xui8>
    ```
    `arithmetic f32`: (l - zp_l) * (s_l / s_out) + (r - zp_r) * (s_r / s_out), every operation rounded to f32,
    then clamped and rounded as in qnn.requantize. `exact`: both operands are requantized to integers in i64
    as qnn.requantize does it, each rounded; their sum plus zp_out is clamped.
    """

    name = "qnn.add"


@irdl_op_definition
class SubtractOp(_Binary):
    """The difference of two quantized tensors: qnn.add with a minus between its two terms.

    ```mlir
    %y = qnn.subtract(%l, %r, %s_l, %zp_l, %s_r, %zp_r, %s_out, %zp_out) rounding half_even arithmetic exact
      range [-128, 127] : (tensor<4x8xi8>, tensor<4x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>,
      tensor<f32>, tensor<i8>) -> tensor<4x8xi8>
    ```
    """

    name = "qnn.subtract"


@irdl_op_definition
class MulOp(_Binary):
    """The product of two quantized tensors, with numpy broadcasting.

    ```mlir
    %y = qnn.mul(%l, %r, %s_l, %zp_l, %s_r, %zp_r, %s_out, %zp_out) rounding half_even arithmetic f32
      range [0, 255] : (tensor<4x8xui8>, tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>,
      tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
    ```
    `arithmetic f32`: ((l - zp_l) * (r - zp_r)) * ((s_l * s_r) / s_out), every operation rounded to f32.
    `exact`: the product of the integers is requantized in i64, by the multiplier s_l * s_r / s_out in f64.
    """

    name = "qnn.mul"


@irdl_op_definition
class ConcatOp(QnnOperation):
    """The operands, each requantized to s_out and zp_out, one after the other along `axis`.

    ```mlir
    %y = qnn.concat(%a, %b, %s_a, %s_b, %zp_a, %zp_b, %s_out, %zp_out) axis 1
      rounding half_even arithmetic f32 : (tensor<1x64x8x8xui8>, tensor<1x32x8x8xui8>, tensor<f32>,
      tensor<f32>, tensor<ui8>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x96x8x8xui8>
    ```
    First come the n tensors, then their n scales and n zero points, all scalars.
    """

    name = "qnn.concat"
    inputs = var_operand_def(TensorType)
    scales = var_operand_def(TensorType)
    zero_points = var_operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    arithmetic = prop_def(StringAttr)
    traits = traits_def(Pure())
    irdl_options = (SameVariadicOperandSize(),)
    FIELDS: ClassVar = fields("axis", "rounding", "arithmetic")
    SCALES: ClassVar = ("scales", "s_out")

    def __init__(
        self,
        inputs: Sequence[Value],
        scales: Sequence[Value],
        zero_points: Sequence[Value],
        s_out: Value,
        zp_out: Value,
        *,
        axis: int,
        rounding: str = "half_even",
        arithmetic: str = "f32",
    ):
        operands = [inputs, scales, zero_points, s_out, zp_out]
        super().__init__(operands, axis=axis, rounding=rounding, arithmetic=arithmetic)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        *inputs, s_out, zp_out = types
        count = len(inputs) // 3
        if len(inputs) % 3 or not count:
            what = f"{len(types)} operands"
            raise TenonError(
                f"{cls.name}: got {what}, expected n tensors, n scales, n zero points and two more"
            )
        tensors, scales, zeros = inputs[:count], inputs[count : 2 * count], inputs[2 * count :]
        check_element(cls.name, "the zero point of the result", zp_out, NARROW)
        for x, s, zp in zip(tensors, scales, zeros, strict=True):
            check_element(cls.name, "an operand", x, NARROW)
            check_pair(cls.name, x, s, zp, x.element_type)
        element = zp_out.element_type
        result = concat_type([TensorType(element, x.get_shape()) for x in tensors], values["axis"])
        check_pair(cls.name, result, s_out, zp_out, element)
        return result
