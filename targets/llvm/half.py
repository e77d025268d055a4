"""16-bit floats, which are i16 to LLVM, to f32 and back: by F16C, or by integer arithmetic.

Where the target has no instruction LLVM would call functions of the compiler's run-time library, which an
object file cannot count on. NaN stays NaN, halves round to even, what overflows becomes infinite.
"""

from __future__ import annotations

from collections.abc import Callable

from .function import FunctionText

_ROUNDED_AT_ONCE = (8, 16)
"""Lanes of an instruction from f32 to bf16."""

Let = Callable[[str], str]


class _Lanes:
    """Integer arithmetic on registers of `lanes` i32."""

    def __init__(self, text: FunctionText, lanes: int):
        self.text, self.lanes, self.type = text, lanes, f"<{lanes} x i32>"

    def op(self, name: str, x: str, y: str | int) -> str:
        return self.text.let(f"{name} {self.type} {x}, {self.word(y)}")

    def word(self, x: str | int) -> str:
        return x if isinstance(x, str) else f"splat (i32 {x})"

    def select(self, predicate: str, x: str, y: str | int, yes: str | int, no: str | int) -> str:
        condition = self.text.let(f"icmp {predicate} {self.type} {x}, {self.word(y)}")
        chosen = f"{self.type} {self.word(yes)}, {self.type} {self.word(no)}"
        return self.text.let(f"select <{self.lanes} x i1> {condition}, {chosen}")

    def cast(self, name: str, x: str, source: str, to: str) -> str:
        return self.text.let(f"{name} <{self.lanes} x {source}> {x} to <{self.lanes} x {to}>")

    def as_float(self, x: str) -> str:
        return self.cast("bitcast", x, "i32", "float")

    def as_bits(self, x: str) -> str:
        return self.cast("bitcast", x, "float", "i32")

    def float_op(self, name: str, x: str, constant: int) -> str:
        """`name` of the floats with the bits `x` and `constant`, as bits."""
        other = self.as_float(self.word(constant))
        return self.as_bits(self.text.let(f"{name} <{self.lanes} x float> {self.as_float(x)}, {other}"))


def bfloat_to_single(text: FunctionText, x: str, lanes: int) -> str:
    """The upper half of an f32."""
    v = _Lanes(text, lanes)
    bits = v.cast("zext", x, "i16", "i32")
    return v.as_float(v.op("shl", bits, 16))


def single_to_bfloat(text: FunctionText, x: str, lanes: int) -> str:
    """Adds what rounds the lower half away; a NaN would overflow, so it is made quiet instead. The machine's
    own instruction takes denormals as zero."""
    v = _Lanes(text, lanes)
    if lanes in _ROUNDED_AT_ONCE and {"avx512bf16", "avx512vl"} <= set(text.features):
        name = f"llvm.x86.avx512bf16.cvtneps2bf16.{32 * lanes}"
        made = text.call(f"<{lanes} x bfloat>", name, [(f"<{lanes} x float>", x)])
        return v.cast("bitcast", made, "bfloat", "i16")
    bits = v.as_bits(x)
    odd = v.op("and", v.op("lshr", bits, 16), 1)
    rounded = v.op("add", v.op("add", bits, 0x7FFF), odd)
    quiet = v.op("or", bits, 0x400000)
    chosen = v.select("ugt", v.op("and", bits, 0x7FFFFFFF), 0x7F800000, quiet, rounded)
    return v.cast("trunc", v.op("lshr", chosen, 16), "i32", "i16")


def half_to_single(text: FunctionText, x: str, lanes: int) -> str:
    """Moves the bits into place and adds the difference of the exponents' biases, twice for inf and NaN; a
    denormal becomes normal in a float subtraction (F. Giesen)."""
    v = _Lanes(text, lanes)
    if "f16c" in text.features:
        return v.cast("fpext", v.cast("bitcast", x, "i16", "half"), "half", "float")
    half = v.cast("zext", x, "i16", "i32")
    bits = v.op("shl", v.op("and", half, 0x7FFF), 13)
    exponent = v.op("and", bits, 0x7C00 << 13)
    normal = v.op("add", bits, (127 - 15) << 23)
    special = v.op("add", normal, (128 - 16) << 23)
    denormal = v.float_op("fsub", v.op("add", normal, 1 << 23), 113 << 23)
    value = v.select("eq", exponent, 0x7C00 << 13, special, v.select("eq", exponent, 0, denormal, normal))
    return v.as_float(v.op("or", value, v.op("shl", v.op("and", half, 0x8000), 16)))


def single_to_half(text: FunctionText, x: str, lanes: int) -> str:
    """Denormals are rounded by adding 0.5, whose last bit is theirs; others by adding half of their last bit
    (F. Giesen). From 2**16 on it is infinite or NaN."""
    v = _Lanes(text, lanes)
    if "f16c" in text.features:
        return v.cast("bitcast", v.cast("fptrunc", x, "float", "half"), "half", "i16")
    bits = v.as_bits(x)
    near = v.op("and", bits, 0x7FFFFFFF)
    odd = v.op("and", v.op("lshr", near, 13), 1)
    biased = v.op("add", v.op("add", near, ((15 - 127) << 23) + 0xFFF & 0xFFFFFFFF), odd)
    normal = v.op("lshr", biased, 13)
    denormal = v.op("sub", v.float_op("fadd", near, 126 << 23), 126 << 23)
    special = v.select("ugt", near, 0x7F800000, 0x7E00, 0x7C00)
    small = v.select("ult", near, 113 << 23, denormal, normal)
    value = v.select("uge", near, 143 << 23, special, small)
    signed = v.op("or", value, v.op("lshr", v.op("and", bits, -0x80000000), 16))
    return v.cast("trunc", signed, "i32", "i16")
