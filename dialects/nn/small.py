"""Scalar code between f32 and floats of 4 and 8 bits, and between integers and those of 2 and 4 bits.

In nn such an element has its own type; in scalar code it is the byte that holds it in its low bits, as
ml_dtypes has it. The bitcasts between the two are gone below nn: lower-nn makes bytes of all small types."""

from __future__ import annotations

from typing import NamedTuple

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerType, Signedness, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from .dtypes import SMALL_FLOATS
from .scalar_builder import ScalarBuilder, is_unsigned, reinterpret

F32_MANTISSA, F32_BIAS, F32_INFINITY = 23, 127, 0x7F800000
UI8 = IntegerType(8, Signedness.UNSIGNED)


class Format(NamedTuple):
    """A float of `bits` bits. `largest` is the code of the largest finite number; of what is beyond, the code
    is `overflow`, of a NaN `nan`. `negative_zero`: whether there is one; else its code is the NaN."""

    bits: int
    mantissa: int
    bias: int
    largest: int
    overflow: int
    nan: int
    negative_zero: bool = True

    @property
    def sign(self) -> int:
        return 1 << self.bits - 1


FORMATS: dict[Attribute, Format] = {
    SMALL_FLOATS["float8_e4m3fn"]: Format(8, 3, 7, 0x7E, 0x7F, 0x7F),
    SMALL_FLOATS["float8_e5m2"]: Format(8, 2, 15, 0x7B, 0x7C, 0x7E),
    SMALL_FLOATS["float8_e4m3fnuz"]: Format(8, 3, 8, 0x7F, 0x80, 0x80, False),
    SMALL_FLOATS["float8_e5m2fnuz"]: Format(8, 2, 16, 0x7F, 0x80, 0x80, False),
    SMALL_FLOATS["float4_e2m1fn"]: Format(4, 1, 1, 0x7, 0x7, 0x8),
}


def widened(b: ScalarBuilder, x: SSAValue) -> SSAValue:
    """An element of a small type as f32, or as an integer of 8 bits."""
    if isinstance(x.type, IntegerType):
        byte = b(reinterpret, x, UI8 if is_unsigned(x.type) else i8)
        shift = b.like(byte, 8 - x.type.width.data)
        return b.shift_right(b(arith.ShLIOp, byte, shift), shift)
    form = FORMATS[x.type]
    code = b.cast(b(reinterpret, x, UI8), i32)
    magnitude = b(arith.AndIOp, code, b.like(code, form.sign - 1))
    # The exponent's field of f32 takes over the code's, denormals included; the factor makes up for the bias.
    shift = b.like(code, F32_MANTISSA - form.mantissa)
    near = b(arith.BitcastOp, b(arith.ShLIOp, magnitude, shift), f32)
    scaled = b.mul(near, b.constant(2.0 ** (F32_BIAS - form.bias), f32))
    bits = _with_specials(b, form, code, magnitude, b(arith.BitcastOp, scaled, i32))
    sign = b(arith.AndIOp, code, b.like(code, form.sign))
    sign = b(arith.ShLIOp, sign, b.like(code, 32 - form.bits))
    return b(arith.BitcastOp, b(arith.OrIOp, bits, sign), f32)


def _with_specials(
    b: ScalarBuilder, form: Format, code: SSAValue, magnitude: SSAValue, bits: SSAValue
) -> SSAValue:
    """`bits` of an f32 where the code is a number, else those of an infinity or a NaN."""
    nan = b.like(bits, F32_INFINITY | 1 << F32_MANTISSA - 1)
    if form.largest == form.sign - 1:
        is_nan = b.compare("eq", code, b.like(code, form.nan))
        return bits if form.negative_zero else b.select(is_nan, nan, bits)
    first = b.like(code, form.overflow)
    if form.overflow != form.nan:
        infinite = b.compare("eq", magnitude, first)
        nan = b.select(infinite, b.like(bits, F32_INFINITY), nan)
    return b.select(b.compare("ge", magnitude, first), nan, bits)


def narrowed(b: ScalarBuilder, x: SSAValue, to: Attribute) -> SSAValue:
    """An f32 rounded to a small float, halves to even, or an integer of 8 bits wrapped to a small one."""
    if isinstance(to, IntegerType):
        return b(reinterpret, b(arith.AndIOp, x, b.like(x, (1 << to.width.data) - 1)), to)
    form = FORMATS[to]
    bits = b(arith.BitcastOp, x, i32)
    magnitude = b(arith.AndIOp, bits, b.like(bits, 0x7FFFFFFF))
    code = b.select(
        b.compare("lt", magnitude, b.like(bits, F32_BIAS + 1 - form.bias << F32_MANTISSA)),
        _denormal(b, form, magnitude),
        _normal(b, form, magnitude),
    )
    code = b.select(b.compare("gt", code, b.like(code, form.largest)), b.like(code, form.overflow), code)
    code = b.select(b.compare("gt", magnitude, b.like(bits, F32_INFINITY)), b.like(code, form.nan), code)
    code = _signed(b, form, bits, code)
    return b(reinterpret, b.cast(code, UI8), to)


def _normal(b: ScalarBuilder, form: Format, magnitude: SSAValue) -> SSAValue:
    """The upper bits, rounded by a sum that carries into the exponent; its bias is changed at the end."""
    dropped = F32_MANTISSA - form.mantissa
    last = b(arith.AndIOp, b(arith.ShRUIOp, magnitude, b.like(magnitude, dropped)), b.like(magnitude, 1))
    up = b.add(last, b.like(magnitude, (1 << dropped - 1) - 1))
    rounded = b(arith.ShRUIOp, b.add(magnitude, up), b.like(magnitude, dropped))
    return b.sub(rounded, b.like(magnitude, F32_BIAS - form.bias << form.mantissa))


def _denormal(b: ScalarBuilder, form: Format, magnitude: SSAValue) -> SSAValue:
    """Added to a number whose last bit is worth the smallest code, the hardware rounds."""
    anchor = b.constant(2.0 ** (F32_MANTISSA + 1 - form.bias - form.mantissa), f32)
    total = b.add(b(arith.BitcastOp, magnitude, f32), anchor)
    return b.sub(b(arith.BitcastOp, total, i32), b(arith.BitcastOp, anchor, i32))


def _signed(b: ScalarBuilder, form: Format, bits: SSAValue, code: SSAValue) -> SSAValue:
    """`code` with the sign of the f32 `bits`. Without a negative zero there is one NaN, and one zero."""
    sign = b(arith.ShRUIOp, bits, b.like(bits, 32 - form.bits))
    sign = b(arith.AndIOp, sign, b.like(bits, form.sign))
    if form.negative_zero:
        return b(arith.XOrIOp, code, sign)
    unsigned = b.compare("eq", b(arith.AndIOp, code, b.like(code, form.sign - 1)), b.like(code, 0))
    return b.select(unsigned, code, b(arith.OrIOp, code, sign))
