"""Functions of one quantized tensor: table lookups, leaky relu, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, StringAttr, TensorType, f32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from ..errors import TenonError
from ..nn import ELEMENTWISE
from .base import QnnOperation, Value, fields
from .parameters import BYTES, NARROW, check_axis, check_element, check_pair


def check_unary(op: str, types: Sequence[TensorType], allowed: Sequence) -> TensorType:
    """Of operands x, s, zp, s_out, zp_out: scalars but x. The type of x with the result's elements."""
    x, s, zp, s_out, zp_out = types
    check_element(op, "x", x, allowed)
    check_element(op, "the zero point of the result", zp_out, NARROW)
    result = TensorType(zp_out.element_type, x.get_shape())
    check_pair(op, x, s, zp, x.element_type)
    check_pair(op, result, s_out, zp_out, zp_out.element_type)
    return result


@irdl_op_definition
class ElementwiseOp(QnnOperation):
    """A function of nn.elementwise on bytes: one of 256 results, each dequantize -> fn -> quantize.

    ```mlir
    %y = qnn.elementwise sigmoid(%x, %s, %zp, %s_out, %zp_out) rounding half_even nan lowest range [0, 255]
      : (tensor<1x64x8x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x64x8x8xui8>
    ```
    Further operands of the function (a slope, bounds) follow as f32 scalars, not quantized.
    """

    name = "qnn.elementwise"
    fn = prop_def(StringAttr)
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    parameters = var_operand_def(TensorType)
    rounding = prop_def(StringAttr)
    nan = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    KIND: ClassVar = "fn"
    FIELDS: ClassVar = fields("rounding", "nan", "range")
    SCALES: ClassVar = ("s", "s_out")

    def __init__(
        self,
        fn: str,
        x: Value,
        s: Value,
        zp: Value,
        s_out: Value,
        zp_out: Value,
        *parameters: Value,
        rounding: str = "half_even",
        nan: str = "lowest",
        range: Sequence[int] | None = None,
    ):
        operands = [x, s, zp, s_out, zp_out, parameters]
        super().__init__(operands, fn=fn, rounding=rounding, nan=nan, range=range)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        name, function, parameters = values["fn"], ELEMENTWISE.get(values["fn"]), types[5:]
        if function is None or function.rule not in ("number", "float"):
            raise TenonError(f"{cls.name}: '{name}' is no function of float numbers that nn.elementwise has")
        if len(parameters) != function.arity - 1:
            raise TenonError(
                f"{cls.name}: {name} got {len(parameters)} parameters, expected {function.arity - 1}"
            )
        for parameter in parameters:
            if parameter != TensorType(f32, []):
                raise TenonError(f"{cls.name}: a parameter of {name} is {parameter}, expected tensor<f32>")
        return check_unary(cls.name, types[:5], BYTES)


@irdl_op_definition
class LeakyReluOp(QnnOperation):
    """x where x >= zp, else alpha times it, under other parameters.

    ```mlir
    %y = qnn.leaky_relu(%x, %s, %zp, %s_out, %zp_out) alpha 0.1 rounding half_even arithmetic f32
      range [0, 255] : (tensor<1x64x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>)
      -> tensor<1x64x8x8xui8>
    ```
    `arithmetic f32`: y = (x - zp) * (s / s_out), below the zero point times alpha rounded to f32; clamped and
    rounded as in qnn.requantize. `exact`: below the zero point the multiplier is s / s_out * alpha in f64.
    """

    name = "qnn.leaky_relu"
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    alpha = prop_def(FloatAttr)
    rounding = prop_def(StringAttr)
    arithmetic = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    FIELDS: ClassVar = fields("alpha", "rounding", "arithmetic", "range")
    SCALES: ClassVar = ("s", "s_out")

    def __init__(
        self,
        x: Value,
        s: Value,
        zp: Value,
        s_out: Value,
        zp_out: Value,
        *,
        alpha: float,
        rounding: str = "half_even",
        arithmetic: str = "f32",
        range: Sequence[int] | None = None,
    ):
        operands = [x, s, zp, s_out, zp_out]
        super().__init__(operands, alpha=alpha, rounding=rounding, arithmetic=arithmetic, range=range)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        if not abs(values["alpha"]) <= float(np.finfo(np.float32).max):
            raise TenonError(f"{cls.name}: alpha is {values['alpha']}, expected a finite f32")
        return check_unary(cls.name, types, NARROW)


@irdl_op_definition
class SoftmaxOp(QnnOperation):
    """Softmax along `axis`, computed in f32: dequantize -> nn.softmax -> quantize.

    ```mlir
    %y = qnn.softmax(%x, %s, %zp, %s_out, %zp_out) axis 1 rounding half_even
      : (tensor<8x10xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<8x10xui8>
    ```
    The one qnn op with float inside: its result may differ by one step between machines.
    """

    name = "qnn.softmax"
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    FIELDS: ClassVar = fields("axis", "rounding")
    SCALES: ClassVar = ("s", "s_out")

    def __init__(
        self,
        x: Value,
        s: Value,
        zp: Value,
        s_out: Value,
        zp_out: Value,
        *,
        axis: int,
        rounding: str = "half_even",
    ):
        super().__init__([x, s, zp, s_out, zp_out], axis=axis, rounding=rounding)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        check_axis(cls.name, values["axis"], types[0].get_num_dims())
        return check_unary(cls.name, types, NARROW)
