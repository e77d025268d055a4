"""Between floats and integers: quantize, dequantize, requantize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, StringAttr, TensorType, bf16, f16, f32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..nn import tensor_of
from .base import QnnOperation, Value, fields
from .parameters import QUANTIZED, check_element, check_pair

FLOATS = (f32, f16, bf16)


@irdl_op_definition
class QuantizeOp(QnnOperation):
    """round(x / s) + zp, clamped to `range`.

    ```mlir
    %q = qnn.quantize(%x, %s, %zp) axis 1 block 0 rounding half_even nan lowest range [0, 255]
      : (tensor<1x64x56x56xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x56x56xui8>
    ```
    s and zp are scalars, or [C] along `axis`; with `block` b > 0 they have the rank of x, and one value for b
    neighbours along `axis`. A division in f32, clamped to [lo - zp, hi - zp] before it is rounded. A NaN
    becomes lo, or with `nan zero` the zero point. zp has the element type of the result.
    """

    name = "qnn.quantize"
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    block = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    nan = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    FIELDS: ClassVar = fields("axis", "block", "rounding", "nan", "range")

    def __init__(
        self,
        x: Value,
        s: Value,
        zp: Value,
        *,
        axis: int = 1,
        block: int = 0,
        rounding: str = "half_even",
        nan: str = "lowest",
        range: Sequence[int] | None = None,
    ):
        super().__init__([x, s, zp], axis=axis, block=block, rounding=rounding, nan=nan, range=range)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        x, s, zp = types
        check_element(cls.name, "x", x, FLOATS)
        check_element(cls.name, "the zero point", zp, QUANTIZED)
        check_pair(cls.name, x, s, zp, zp.element_type, values["axis"], values["block"])
        return TensorType(zp.element_type, x.get_shape())


@irdl_op_definition
class DequantizeOp(QnnOperation):
    """(q - zp) * s, in f32.

    ```mlir
    %x = qnn.dequantize(%q, %s, %zp) axis 1 block 0
      : (tensor<1x64x56x56xi8>, tensor<64xf32>, tensor<64xi8>) -> tensor<1x64x56x56xf32>
    ```
    s and zp are as in qnn.quantize; both integers become f32 before they are subtracted. The result may be a
    16-bit float, to which the product is rounded.
    """

    name = "qnn.dequantize"
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    block = prop_def(IntegerAttr)
    FIELDS: ClassVar = fields("axis", "block")

    def __init__(
        self, x: Value, s: Value, zp: Value, *, axis: int = 1, block: int = 0, element: Attribute = f32
    ):
        super().__init__([x, s, zp], axis=axis, block=block)
        result = TensorType(element, tensor_of(x).get_shape())
        check_element(self.name, "the result", result, FLOATS)
        self.result._type = result  # noqa: SLF001

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        x, s, zp = types
        check_element(cls.name, "x", x, QUANTIZED)
        check_pair(cls.name, x, s, zp, x.element_type, values["axis"], values["block"])
        return TensorType(f32, x.get_shape())

    def infer_type(self) -> TensorType:
        check_element(self.name, "the result", self.type, FLOATS)
        return TensorType(self.type.element_type, super().infer_type().get_shape())


@irdl_op_definition
class RequantizeOp(QnnOperation):
    """round((x - zp_in) * (s_in / s_out)) + zp_out, clamped to `range`: integers under other parameters.

    ```mlir
    %y = qnn.requantize(%x, %s_in, %zp_in, %s_out, %zp_out) axis 1 rounding half_even arithmetic f32
      range [0, 255] : (tensor<1x64x56x56xi32>, tensor<64xf32>, tensor<i32>, tensor<f32>, tensor<ui8>)
      -> tensor<1x64x56x56xui8>
    ```
    Parameters are scalars, or [C] along `axis`. `arithmetic f32`: the quotient of the scales, the
    conversion of x and of zp_in, their difference and the product are each rounded to f32; the product is
    clamped to [lo - zp_out, hi - zp_out], where a NaN becomes the low end, and then rounded to an integer
    (for a result of i32 these two steps are made in f64, which has all of them). `arithmetic exact`: the
    quotient in f64 becomes a significand of 31 bits and a shift; the product is exact in i64 and rounded
    once. A quotient of 2^31 or more counts as 2^31 - 1.
    """

    name = "qnn.requantize"
    x = operand_def(TensorType)
    s_in = operand_def(TensorType)
    zp_in = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    arithmetic = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    FIELDS: ClassVar = fields("axis", "rounding", "arithmetic", "range")
    SCALES: ClassVar = ("s_in", "s_out")

    def __init__(
        self,
        x: Value,
        s_in: Value,
        zp_in: Value,
        s_out: Value,
        zp_out: Value,
        *,
        axis: int = 1,
        rounding: str = "half_even",
        arithmetic: str = "f32",
        range: Sequence[int] | None = None,
    ):
        operands = [x, s_in, zp_in, s_out, zp_out]
        super().__init__(operands, axis=axis, rounding=rounding, arithmetic=arithmetic, range=range)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        x, s_in, zp_in, s_out, zp_out = types
        check_element(cls.name, "x", x, QUANTIZED)
        check_element(cls.name, "the zero point of the result", zp_out, QUANTIZED)
        check_pair(cls.name, x, s_in, zp_in, x.element_type, values["axis"])
        check_pair(cls.name, x, s_out, zp_out, zp_out.element_type, values["axis"])
        return TensorType(zp_out.element_type, x.get_shape())
