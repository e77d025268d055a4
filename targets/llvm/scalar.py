"""Scalar code (arith and math ops) on whole registers: one rule per op, in a table.

A rule takes the text under construction, the op, its operands' registers and the lanes, and returns the
result's register. No rule allows reassociation or contraction: what is written is what rounds.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable, Sequence

from xdsl.dialects import arith, llvm, math
from xdsl.dialects.builtin import BFloat16Type, Float16Type, FloatAttr, IntegerAttr, f32, f64
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects.errors import TenonError
from . import half
from .function import FunctionText
from .types import constant_text, scalar_type, suffix, vector_type

Rule = Callable[[FunctionText, Operation, Sequence[str], int], str]


def _binary(instruction: str) -> Rule:
    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        return text.let(f"{instruction} {vector_type(op.operands[0].type, lanes)} {args[0]}, {args[1]}")

    return rule


def _float(instruction: str) -> Rule:
    """As `_binary`; an op that may be contracted says so to LLVM."""

    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        flags = op.properties.get("fastmath")
        contract = isinstance(flags, arith.FastMathFlagsAttr) and FastMathFlag.ALLOW_CONTRACT in flags.data
        words = f"{instruction} contract" if contract else instruction
        return text.let(f"{words} {vector_type(op.operands[0].type, lanes)} {args[0]}, {args[1]}")

    return rule


def _cast(instruction: str) -> Rule:
    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        source, result = (vector_type(v.type, lanes) for v in (op.operands[0], op.results[0]))
        return text.let(f"{instruction} {source} {args[0]} to {result}")

    return rule


def _extend(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    """A wider float; from 16 bits by way of f32."""
    source, result = op.operands[0].type, op.results[0].type
    if isinstance(source, BFloat16Type):
        single = half.bfloat_to_single(text, args[0], lanes)
    elif isinstance(source, Float16Type):
        single = half.half_to_single(text, args[0], lanes)
    else:
        return _cast("fpext")(text, op, args, lanes)
    return (
        single
        if result == f32
        else text.let(f"fpext <{lanes} x float> {single} to {vector_type(result, lanes)}")
    )


def _narrow(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    """A narrower float. From f64 to 16 bits LLVM would call a library, and by way of f32 round twice."""
    source, result = op.operands[0].type, op.results[0].type
    if source == f64 and isinstance(result, Float16Type | BFloat16Type):
        raise TenonError(f"arith.truncf from {source} to {result} is not supported, expected from f32")
    if isinstance(result, BFloat16Type):
        return half.single_to_bfloat(text, args[0], lanes)
    if isinstance(result, Float16Type):
        return half.single_to_half(text, args[0], lanes)
    return _cast("fptrunc")(text, op, args, lanes)


def truncation(op: arith.TruncIOp | llvm.TruncOp) -> str:
    """LLVM's instruction, with what the op says of the bits that go."""
    flags = op.overflowFlags if isinstance(op, llvm.TruncOp) else None
    words = [flag.value for flag in flags.data] if flags else []
    return " ".join(["trunc", *words])


def _truncate(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    assert isinstance(op, arith.TruncIOp | llvm.TruncOp)
    return _cast(truncation(op))(text, op, args, lanes)


def _to_integer(instruction: str) -> Rule:
    """A float as an integer; some value out of range, where LLVM's may be a different one at each use."""
    convert = _cast(instruction)

    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        converted = convert(text, op, args, lanes)
        return text.let(f"freeze {vector_type(op.results[0].type, lanes)} {converted}")

    return rule


def _to_nearest(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    """A float rounded to the nearest integer, halves to the even, and converted: one instruction."""
    source, result = op.operands[0].type, op.results[0].type
    to = vector_type(result, lanes)
    name = f"llvm.lrint.v{lanes}{suffix(result)}.v{lanes}{suffix(source)}"
    converted = text.call(to, name, [(vector_type(source, lanes), args[0])])
    return text.let(f"freeze {to} {converted}")


def _intrinsic(name: str, *flags: str) -> Rule:
    """An LLVM intrinsic overloaded on the result type; `flags` are trailing i1 arguments."""

    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        result = op.results[0].type
        typed = [(vector_type(v.type, lanes), a) for v, a in zip(op.operands, args, strict=True)]
        typed += [("i1", flag) for flag in flags]
        return text.call(vector_type(result, lanes), f"llvm.{name}.v{lanes}{suffix(result)}", typed)

    return rule


def _library(name: str) -> Rule:
    """A libm function LLVM has no intrinsic for, called lane by lane."""

    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        type_ = op.results[0].type
        scalar, whole = scalar_type(type_), vector_type(type_, lanes)
        function = name + "f" * (scalar == "float")
        result = "poison"
        for lane in range(lanes):
            elements = [text.let(f"extractelement {whole} {a}, i32 {lane}") for a in args]
            value = text.call(scalar, function, [(scalar, e) for e in elements])
            result = text.let(f"insertelement {whole} {result}, {scalar} {value}, i32 {lane}")
        return result

    return rule


def constant_of(value: SSAValue) -> float | int | None:
    """The number a value is, if an arith.constant defines it."""
    op = value.owner
    if not isinstance(op, arith.ConstantOp):
        return None
    if isinstance(op.value, FloatAttr | IntegerAttr):
        return op.value.value.data
    return None


def splat(value: float | int, type_: Attribute) -> str:
    """A register with `value` in every lane."""
    return f"splat ({scalar_type(type_)} {constant_text(value, type_)})"


def _constant(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    value = constant_of(op.results[0])
    if value is None:
        raise TenonError(f"arith.constant: {op} is no scalar constant")
    return splat(value, op.results[0].type)


def _extremum(name: str, compare: str) -> Rule:
    """maximumf and minimumf: NaN if either is, and -0 below +0.

    `select (fcmp ogt c, x), c, x` is one maxps on x86, which returns x if x is NaN or both are zeros. So
    for a constant c it is exact, except that max(-0, +0) stays -0: adding +0, which changes nothing else,
    repairs that. Relu is maxps and addps, where LLVM's expansion has a compare and a blend after the maxps.
    """
    general = _intrinsic(name)

    def rule(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
        numbers = [(c, v) for c in (1, 0) if (v := constant_of(op.operands[c])) is not None and v == v]
        if not numbers:
            return general(text, op, args, lanes)
        c, value = numbers[0]
        zero_sign = python_math.copysign(1, value) if value == 0 else 0
        if name == "minimum" and zero_sign < 0:
            return general(text, op, args, lanes)
        element = op.results[0].type
        type_, x = vector_type(element, lanes), args[1 - c]
        wins = text.let(f"fcmp {compare} {type_} {args[c]}, {x}")
        chosen = text.let(f"select <{lanes} x i1> {wins}, {type_} {args[c]}, {type_} {x}")
        if name == "maximum" and zero_sign > 0:
            return text.let(f"fadd {type_} {chosen}, {splat(0.0, element)}")
        return chosen

    return rule


def _negate(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    return text.let(f"fneg {vector_type(op.results[0].type, lanes)} {args[0]}")


def _rsqrt(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    root = _intrinsic("sqrt")(text, op, args, lanes)
    one = splat(1.0, op.results[0].type)
    return text.let(f"fdiv {vector_type(op.results[0].type, lanes)} {one}, {root}")


def _select(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    type_ = vector_type(op.results[0].type, lanes)
    return text.let(f"select <{lanes} x i1> {args[0]}, {type_} {args[1]}, {type_} {args[2]}")


_FLOAT_ORDERS = "false oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno true".split()
_INTEGER_ORDERS = "eq ne slt sle sgt sge ult ule ugt uge".split()


def _compare(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    assert isinstance(op, arith.CmpfOp | arith.CmpiOp)
    type_ = vector_type(op.operands[0].type, lanes)
    compare = "fcmp" if isinstance(op, arith.CmpfOp) else "icmp"
    return text.let(f"{compare} {order_of(op)} {type_} {args[0]}, {args[1]}")


def order_of(op: arith.CmpfOp | arith.CmpiOp) -> str:
    """LLVM's word for a comparison."""
    orders = _FLOAT_ORDERS if isinstance(op, arith.CmpfOp) else _INTEGER_ORDERS
    return orders[op.predicate.value.data]


_FLOATS = {
    arith.AddfOp: "fadd",
    arith.SubfOp: "fsub",
    arith.MulfOp: "fmul",
    arith.DivfOp: "fdiv",
}
_INSTRUCTIONS = {
    llvm.FRemOp: "frem",
    arith.AddiOp: "add",
    arith.SubiOp: "sub",
    arith.MuliOp: "mul",
    arith.AndIOp: "and",
    arith.OrIOp: "or",
    arith.XOrIOp: "xor",
    arith.ShLIOp: "shl",
    arith.ShRSIOp: "ashr",
    arith.ShRUIOp: "lshr",
    arith.DivSIOp: "sdiv",
    arith.DivUIOp: "udiv",
    arith.RemSIOp: "srem",
    arith.RemUIOp: "urem",
}
_CASTS = {
    arith.SIToFPOp: "sitofp",
    arith.UIToFPOp: "uitofp",
    arith.ExtSIOp: "sext",
    arith.ExtUIOp: "zext",
    arith.BitcastOp: "bitcast",
}
_INTRINSICS = {
    arith.MaxnumfOp: "maxnum",
    arith.MinnumfOp: "minnum",
    arith.MaxSIOp: "smax",
    arith.MinSIOp: "smin",
    arith.MaxUIOp: "umax",
    arith.MinUIOp: "umin",
    math.AbsFOp: "fabs",
    math.FloorOp: "floor",
    math.CeilOp: "ceil",
    math.TruncOp: "trunc",
    math.RoundEvenOp: "roundeven",
    math.RoundOp: "round",
    math.SqrtOp: "sqrt",
    math.CopySignOp: "copysign",
    math.FmaOp: "fma",
    # LLVM calls libm lane by lane for these.
    math.PowFOp: "pow",
    math.SinOp: "sin",
    math.CosOp: "cos",
    math.TanOp: "tan",
    math.TanhOp: "tanh",
    math.SinhOp: "sinh",
    math.CoshOp: "cosh",
    math.AsinOp: "asin",
    math.AcosOp: "acos",
    math.AtanOp: "atan",
    math.Atan2Op: "atan2",
    math.ExpOp: "exp",
    math.Exp2Op: "exp2",
    math.LogOp: "log",
    math.Log2Op: "log2",
    math.Log10Op: "log10",
}
_LIBRARY = {
    math.ErfOp: "erf",
    math.ExpM1Op: "expm1",
    math.Log1pOp: "log1p",
    math.CbrtOp: "cbrt",
    math.AsinhOp: "asinh",
    math.AcoshOp: "acosh",
    math.AtanhOp: "atanh",
}

STORAGE = (arith.ConstantOp, arith.SelectOp, arith.BitcastOp, arith.ExtFOp, arith.TruncFOp)
"""The ops that may have 16-bit floats: others compute in f32."""

SCALAR_RULES: dict[type[Operation], Rule] = {
    arith.ConstantOp: _constant,
    arith.NegfOp: _negate,
    arith.MaximumfOp: _extremum("maximum", "ogt"),
    arith.MinimumfOp: _extremum("minimum", "olt"),
    arith.CmpfOp: _compare,
    arith.CmpiOp: _compare,
    arith.SelectOp: _select,
    arith.ExtFOp: _extend,
    arith.TruncFOp: _narrow,
    arith.TruncIOp: _truncate,
    llvm.TruncOp: _truncate,
    arith.FPToSIOp: _to_integer("fptosi"),
    arith.FPToUIOp: _to_integer("fptoui"),
    math.AbsIOp: _intrinsic("abs", "false"),
    math.RsqrtOp: _rsqrt,
}
SCALAR_RULES |= {op: _float(name) for op, name in _FLOATS.items()}
SCALAR_RULES |= {op: _binary(name) for op, name in _INSTRUCTIONS.items()}
SCALAR_RULES |= {op: _cast(name) for op, name in _CASTS.items()}
SCALAR_RULES |= {op: _intrinsic(name) for op, name in _INTRINSICS.items()}
SCALAR_RULES |= {op: _library(name) for op, name in _LIBRARY.items()}


def rule_of(op: Operation) -> tuple[Rule | None, Sequence[SSAValue]]:
    """What emits an op, and the operands it wants: conversion and rounding before it go together."""
    if isinstance(op, arith.FPToSIOp) and isinstance(op.input.owner, math.RoundEvenOp):
        return _to_nearest, op.input.owner.operands
    return SCALAR_RULES.get(type(op)), op.operands


def is_absorbed(op: Operation) -> bool:
    """Whether the ops that use the result are emitted without it."""
    users = [use.operation for use in op.results[0].uses] if isinstance(op, math.RoundEvenOp) else []
    return bool(users) and all(isinstance(user, arith.FPToSIOp) for user in users)


_LIBM = [_INTRINSICS[op] for op in _INTRINSICS if op.__module__ == math.__name__] + list(_LIBRARY.values())
LIBRARY_FUNCTIONS = frozenset(name + width for name in _LIBM for width in ("", "f"))
"""What scalar code may call from libm, in f64 and f32."""
