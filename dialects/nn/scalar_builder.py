"""Builds scalar code (arith and math ops) for the bodies of loop nests, from float or integer operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.dialects import arith, llvm, math
from xdsl.dialects.builtin import (
    AnyFloat,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue

from .dtypes import is_half, is_small


def is_float(type_: Attribute) -> bool:
    return isinstance(type_, AnyFloat)


def is_unsigned(type_: Attribute) -> bool:
    """Whether integers of the type compare and grow without a sign; i1 does."""
    return type_ == i1 or (isinstance(type_, IntegerType) and type_.signedness.data == Signedness.UNSIGNED)


_BY_KIND: dict[str, tuple[type[Operation], type[Operation], type[Operation]]] = {
    "add": (arith.AddfOp, arith.AddiOp, arith.AddiOp),
    "sub": (arith.SubfOp, arith.SubiOp, arith.SubiOp),
    "mul": (arith.MulfOp, arith.MuliOp, arith.MuliOp),
    "div": (arith.DivfOp, arith.DivSIOp, arith.DivUIOp),
    "rem": (llvm.FRemOp, arith.RemSIOp, arith.RemUIOp),
    "max": (arith.MaximumfOp, arith.MaxSIOp, arith.MaxUIOp),
    "min": (arith.MinimumfOp, arith.MinSIOp, arith.MinUIOp),
    "shift_right": (arith.ShRSIOp, arith.ShRSIOp, arith.ShRUIOp),
}
"""Arithmetic -> the ops for floats, for signed (signless) and for unsigned integers."""


class ScalarBuilder:
    """Collects ops in order; every method returns the new op's result. Equal constants are one op."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []
        self._constants: dict[Attribute, SSAValue] = {}

    def __call__(self, make: Callable[..., Operation], *args: Any) -> SSAValue:
        """Append `make(*args)`: an op class and its operands."""
        op = make(*args)
        self.ops.append(op)
        return op.results[0]

    def constant(self, value: float, type_: Attribute) -> SSAValue:
        attribute = (
            FloatAttr(value, type_) if isinstance(type_, AnyFloat) else integer_attribute(int(value), type_)
        )
        if attribute not in self._constants:
            self._constants[attribute] = self(arith.ConstantOp, attribute)
        return self._constants[attribute]

    def like(self, x: SSAValue, value: float) -> SSAValue:
        """The constant `value` of the type of `x`."""
        return self.constant(value, x.type)

    def _binary(self, name: str, x: SSAValue, y: SSAValue) -> SSAValue:
        return self(_BY_KIND[name][0 if is_float(x.type) else 1 + is_unsigned(x.type)], x, y)

    def add(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("add", x, y)

    def sub(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("sub", x, y)

    def mul(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("mul", x, y)

    def div(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """The quotient; of integers truncated towards zero, and 0 for a divisor of 0: hardware traps on
        that, and on the smallest integer divided by -1, which is itself here."""
        if is_float(x.type):
            return self._binary("div", x, y)
        return self._without_trap("div", x, y, self.neg(x) if not is_unsigned(x.type) else None)

    def rem(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """What truncated division leaves, with the sign of x (fmod); 0 for an integer divisor of 0."""
        if is_float(x.type):
            return self._binary("rem", x, y)
        return self._without_trap("rem", x, y, self.like(x, 0) if not is_unsigned(x.type) else None)

    def _without_trap(self, name: str, x: SSAValue, y: SSAValue, by_minus_one: SSAValue | None) -> SSAValue:
        zero, one = self.like(x, 0), self.like(x, 1)
        none = self.compare("eq", y, zero)
        safe = self.select(none, one, y)
        if by_minus_one is None:
            return self.select(none, zero, self._binary(name, x, safe))
        negates = self.compare("eq", y, self.like(x, -1))
        result = self._binary(name, x, self.select(negates, one, safe))
        return self.select(none, zero, self.select(negates, by_minus_one, result))

    def shift_right(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("shift_right", x, y)

    def max(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("max", x, y)

    def min(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("min", x, y)

    def neg(self, x: SSAValue) -> SSAValue:
        return self(arith.NegfOp, x) if is_float(x.type) else self.sub(self.like(x, 0), x)

    def abs(self, x: SSAValue) -> SSAValue:
        if is_unsigned(x.type):
            return x
        return self(math.AbsFOp, x) if is_float(x.type) else self.max(x, self.neg(x))

    def compare(self, predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
        """`predicate`: eq, ne, lt, le, gt, ge. On a NaN all are false but ne; i1 compares as unsigned."""
        if is_float(x.type):
            return self(arith.CmpfOp, x, y, ("u" if predicate == "ne" else "o") + predicate)
        sign = "" if predicate in ("eq", "ne") else "u" if is_unsigned(x.type) else "s"
        return self(arith.CmpiOp, x, y, sign + predicate)

    def select(self, condition: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
        return self(arith.SelectOp, condition, x, y)

    def cast(self, x: SSAValue, to: Attribute) -> SSAValue:
        """Numeric conversion as ONNX Cast: float to integer truncates, anything to i1 asks for non-zero. The
        16-bit and smaller floats convert by way of f32, rounding once."""
        if x.type == to:
            return x
        if is_small(x.type) or is_small(to):
            return self._cast_small(x, to)
        if is_half(x.type):
            return self.cast(self(arith.ExtFOp, x, f32), to)
        if to == i1:
            return self.compare("ne", x, self.like(x, 0))
        if is_half(to):
            single = self._to_odd(x) if x.type == f64 else self.cast(x, f32)
            return self(arith.TruncFOp, single, to)
        if is_float(x.type) and isinstance(to, IntegerType):
            return self._truncated(x, to)
        if isinstance(x.type, IntegerType) and isinstance(to, IntegerType):
            return self._resized(x, to)
        if is_float(x.type):
            assert isinstance(x.type, AnyFloat) and isinstance(to, AnyFloat)
            return self(arith.ExtFOp if to.bitwidth > x.type.bitwidth else arith.TruncFOp, x, to)
        return self(arith.UIToFPOp if is_unsigned(x.type) else arith.SIToFPOp, x, to)

    def _cast_small(self, x: SSAValue, to: Attribute) -> SSAValue:
        from .small import narrowed, widened

        if is_small(x.type):
            return self.cast(widened(self, x), to)
        if not isinstance(to, IntegerType):
            return narrowed(self, self._to_odd(x) if x.type == f64 else self.cast(x, f32), to)
        return narrowed(self, self.cast(x, IntegerType(8, to.signedness)), to)

    def _truncated(self, x: SSAValue, to: IntegerType) -> SSAValue:
        """A float as an integer. Narrow ones wrap around a wider one, as C compilers do."""
        width = to.width.data
        if width == 64 and is_unsigned(to):
            return self(arith.FPToUIOp, x, to)
        wide = i64 if width + is_unsigned(to) > 32 else i32
        return self._resized(self(arith.FPToSIOp, x, wide), to)

    def _resized(self, x: SSAValue, to: IntegerType) -> SSAValue:
        assert isinstance(x.type, IntegerType)
        source, target = x.type.width.data, to.width.data
        if source == target:
            # Another sign for the same bits: it is gone below nn, where this op is erased.
            return x if x.type == to else self(reinterpret, x, to)
        if target < source:
            return self(arith.TruncIOp, x, to)
        return self(arith.ExtUIOp if is_unsigned(x.type) else arith.ExtSIOp, x, to)

    def narrowed(self, x: SSAValue, to: Attribute) -> SSAValue:
        """An integer that fits into a narrower type, which the op says: machines saturate for less than they
        cut off."""
        assert isinstance(to, IntegerType)
        fits = llvm.OverflowFlag.NO_UNSIGNED_WRAP if is_unsigned(to) else llvm.OverflowFlag.NO_SIGNED_WRAP
        small = self(llvm.TruncOp, x, IntegerType(to.width.data), {}, llvm.OverflowAttr([fits]))
        return self._resized(small, to)

    def _to_odd(self, x: SSAValue) -> SSAValue:
        """An f64 as an f32 that rounds to 16 bits as the f64 would: towards zero, and with an odd last bit
        where it is inexact."""
        near = self(arith.TruncFOp, x, f32)
        back, bits = self(arith.ExtFOp, near, f64), self(arith.BitcastOp, near, i32)
        above = self.compare("gt", self.abs(back), self.abs(x))
        below = self.select(above, self.sub(bits, self.like(bits, 1)), bits)
        inexact = self(arith.CmpfOp, back, x, "one")
        odd = self(arith.OrIOp, below, self.like(bits, 1))
        return self(arith.BitcastOp, self.select(inexact, odd, bits), f32)


def reinterpret(x: SSAValue, to: Attribute) -> Operation:
    """The same bits as a type of the same width."""
    return arith.BitcastOp(x, to)


def integer_attribute(value: int, type_: Attribute) -> IntegerAttr:
    """`value` wrapped around to the range of an integer type."""
    assert isinstance(type_, IntegerType)
    value &= (1 << type_.width.data) - 1
    if type_.signedness.data != Signedness.UNSIGNED and value >> type_.width.data - 1:
        value -= 1 << type_.width.data
    return IntegerAttr(value, type_)
