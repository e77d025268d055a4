"""Vector code that an instruction declares for what it emits: one rule per op, on whole registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import arith, llvm
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, VectorType
from xdsl.ir import Operation

from ...dialects.errors import TenonError
from .function import FunctionText
from .scalar import splat
from .types import intrinsic_type, register_type

Rule = Callable[[FunctionText, Operation, Sequence[str]], str]


def _binary(instruction: str) -> Rule:
    def rule(function: FunctionText, op: Operation, args: Sequence[str]) -> str:
        return function.let(f"{instruction} {register_type(op.results[0].type)} {args[0]}, {args[1]}")

    return rule


def _intrinsic(function: FunctionText, op: Operation, args: Sequence[str]) -> str:
    assert isinstance(op, llvm.CallIntrinsicOp)
    operands = [(_register(v.type), a) for v, a in zip(op.operands, args, strict=True)]
    return function.call(_register(op.results[0].type), op.intrin.data, operands)


def _constant(function: FunctionText, op: Operation, args: Sequence[str]) -> str:
    assert isinstance(op, arith.ConstantOp)
    value, type_ = op.value, op.result.type
    if not isinstance(value, DenseIntOrFPElementsAttr) or not isinstance(type_, VectorType):
        raise TenonError(f"arith.constant: {value} is no register")
    number = value.get_values()[0]
    assert not isinstance(number, tuple)
    return splat(number, type_.element_type)


def _bitcast(function: FunctionText, op: Operation, args: Sequence[str]) -> str:
    return function.let(
        f"bitcast {_register(op.operands[0].type)} {args[0]} to {_register(op.results[0].type)}"
    )


def _register(type_) -> str:
    if not isinstance(type_, VectorType):
        raise TenonError(f"{type_} is no register")
    return intrinsic_type(type_)


VECTOR_RULES: dict[type[Operation], Rule] = {
    arith.AddiOp: _binary("add"),
    arith.SubiOp: _binary("sub"),
    arith.XOrIOp: _binary("xor"),
    arith.ConstantOp: _constant,
    llvm.CallIntrinsicOp: _intrinsic,
    llvm.BitcastOp: _bitcast,
}
"""Op -> what writes it: takes the text under construction, the op and its operands' registers; returns the
result's register."""
