"""Quantization as floats: what integers of a type would be that only the run time knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from xdsl.dialects.builtin import IntegerAttr, TensorType, f32, i32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import QnnOperation, Value, fields
from .parameters import check_element, check_pair


class Code(NamedTuple):
    """A type that values can be simulated in, and its limits."""

    name: str
    low: int
    high: int


def _integers(bits: int) -> list[Code]:
    return [
        Code(f"i{bits}", -(1 << bits - 1), (1 << bits - 1) - 1),
        Code(f"ui{bits}", 0, (1 << bits) - 1),
    ]


CODES = (
    Code("float", 0, 0),
    *_integers(8),
    *_integers(16),
    _integers(32)[0],
    *_integers(4),
    *_integers(2),
)
"""What the run-time code n stands for; 0 lets values pass."""


class _Simulated(QnnOperation):
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    code = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    FIELDS: ClassVar = fields("axis")

    def __init__(self, x: Value, s: Value, zp: Value, code: Value, *, axis: int = 1):
        super().__init__([x, s, zp, code], axis=axis)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        x, s, zp, code = types
        check_element(cls.name, "x", x, (f32,))
        check_pair(cls.name, x, s, zp, i32, values["axis"])
        if code != TensorType(i32, []):
            raise TenonError(f"{cls.name}: the code is {code}, expected tensor<i32>")
        return x


@irdl_op_definition
class SimulatedQuantizeOp(_Simulated):
    """qnn.quantize to the type with the number `code`, half to even, the integers as f32.

    ```mlir
    %q = qnn.simulated_quantize(%x, %s, %zp, %code) axis 1
      : (tensor<1x64x8x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<1x64x8x8xf32>
    ```
    Codes: 0 leaves x as it is, 1 i8, 2 ui8, 3 i16, 4 ui16, 5 i32, 6 i4, 7 ui4, 8 i2, 9 ui2; one outside
    counts as the nearest. The quotient x / s is clamped to the type's limits less zp and rounded, then zp is
    added, all in f32. A NaN becomes the low limit.
    """

    name = "qnn.simulated_quantize"


@irdl_op_definition
class SimulatedDequantizeOp(_Simulated):
    """(x - zp) * s in f32 of what qnn.simulated_quantize made with the same `code`; x itself for code 0.

    ```mlir
    %x = qnn.simulated_dequantize(%q, %s, %zp, %code) axis 1
      : (tensor<1x64x8x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<1x64x8x8xf32>
    ```
    """

    name = "qnn.simulated_dequantize"
