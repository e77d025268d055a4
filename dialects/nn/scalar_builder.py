"""Builds scalar code (arith and math ops) for the bodies of loop nests, from float or integer operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AnyFloat, FloatAttr, IntegerAttr, IntegerType
from xdsl.ir import Attribute, Operation, SSAValue


def is_float(type_: Attribute) -> bool:
    return isinstance(type_, AnyFloat)


_BY_KIND: dict[str, tuple[type[Operation], type[Operation]]] = {
    "add": (arith.AddfOp, arith.AddiOp),
    "sub": (arith.SubfOp, arith.SubiOp),
    "mul": (arith.MulfOp, arith.MuliOp),
    "div": (arith.DivfOp, arith.DivSIOp),
    "max": (arith.MaximumfOp, arith.MaxSIOp),
    "min": (arith.MinimumfOp, arith.MinSIOp),
}
"""Arithmetic -> the op for floats and the one for signless (signed) integers."""


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
        attribute = FloatAttr(value, type_) if isinstance(type_, AnyFloat) else _integer(int(value), type_)
        if attribute not in self._constants:
            self._constants[attribute] = self(arith.ConstantOp, attribute)
        return self._constants[attribute]

    def like(self, x: SSAValue, value: float) -> SSAValue:
        """The constant `value` of the type of `x`."""
        return self.constant(value, x.type)

    def _binary(self, name: str, x: SSAValue, y: SSAValue) -> SSAValue:
        return self(_BY_KIND[name][0 if is_float(x.type) else 1], x, y)

    def add(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("add", x, y)

    def sub(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("sub", x, y)

    def mul(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("mul", x, y)

    def div(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("div", x, y)

    def max(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("max", x, y)

    def min(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return self._binary("min", x, y)

    def neg(self, x: SSAValue) -> SSAValue:
        return self(arith.NegfOp, x) if is_float(x.type) else self.sub(self.like(x, 0), x)

    def abs(self, x: SSAValue) -> SSAValue:
        return self(math.AbsFOp, x) if is_float(x.type) else self.max(x, self.neg(x))

    def compare(self, predicate: str, x: SSAValue, y: SSAValue) -> SSAValue:
        """`predicate`: eq, ne, lt, le, gt, ge. On a NaN all are false but ne; i1 compares as unsigned."""
        if is_float(x.type):
            return self(arith.CmpfOp, x, y, ("u" if predicate == "ne" else "o") + predicate)
        sign = "" if predicate in ("eq", "ne") else "u" if x.type == IntegerType(1) else "s"
        return self(arith.CmpiOp, x, y, sign + predicate)

    def select(self, condition: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
        return self(arith.SelectOp, condition, x, y)

    def cast(self, x: SSAValue, to: Attribute) -> SSAValue:
        """Numeric conversion as ONNX Cast: float to integer truncates, anything to i1 asks for non-zero."""
        if x.type == to:
            return x
        if to == IntegerType(1):
            return self.compare("ne", x, self.like(x, 0))
        return self(_cast_op(x.type, to), x, to)


def _integer(value: int, type_: Attribute) -> IntegerAttr:
    assert isinstance(type_, IntegerType)
    return IntegerAttr(value, type_, truncate_bits=True)


def _cast_op(source: Attribute, to: Attribute) -> Callable[..., Operation]:
    if isinstance(source, AnyFloat) and isinstance(to, AnyFloat):
        # Between f16 and bf16 there is no single op; neither is wider.
        return arith.ExtFOp if to.bitwidth > source.bitwidth else arith.TruncFOp
    if isinstance(source, AnyFloat):
        return arith.FPToSIOp
    assert isinstance(source, IntegerType)
    if isinstance(to, AnyFloat):
        return arith.UIToFPOp if source.width.data == 1 else arith.SIToFPOp
    assert isinstance(to, IntegerType)
    if to.width.data < source.width.data:
        return arith.TruncIOp
    return arith.ExtUIOp if source.width.data == 1 else arith.ExtSIOp
