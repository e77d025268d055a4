"""An instruction on registers of several rows as a function of its body: a loop over all its points.

Written out step by step, as narrower ones are, it would be thousands of operations on vectors that no CPU
has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from xdsl.dialects.builtin import IntegerType, VectorType
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
)

from ...dialects.tensorized import InstructionOp
from .function import FunctionText, symbol
from .types import memory_type, register_type

Emit = Callable[[FunctionText, Sequence[str]], str]
_OPS = {
    AffineBinaryOpKind.Add: "add",
    AffineBinaryOpKind.Mul: "mul",
    AffineBinaryOpKind.FloorDiv: "udiv",
    AffineBinaryOpKind.Mod: "urem",
}


def emulation(instruction: InstructionOp, body: Emit) -> Emit:
    """Calls of a function that does what the instruction says; `body` emits its body on vectors of one
    element."""
    name = symbol(f"tenon.emulated.{instruction.sym_name.data}")
    types = [register_type(r) for r in instruction.registers]
    result = types[instruction.accumulator.data]

    def apply(function: FunctionText, args: Sequence[str]) -> str:
        if name not in function.declarations:
            function.declarations[name] = _definition(function, name, instruction, body)
        passed = ", ".join(f"{t} {arg}" for t, arg in zip(types, args, strict=True))
        return function.let(f"call {result} {name}({passed})")

    return apply


def _definition(outer: FunctionText, name: str, instruction: InstructionOp, body: Emit) -> str:
    function = FunctionText(outer.declarations, outer.features)
    registers, extents = list(instruction.registers), instruction.extents
    types = [register_type(r) for r in registers]
    places = [function.let(f"alloca {t}, align 64") for t in types]
    for i, (type_, place) in enumerate(zip(types, places)):
        function.line(f"store {type_} %a{i}, ptr {place}")
    function.line("br label %loop")
    function.start_block("loop")
    function.line("%p = phi i64 [ 0, %entry ], [ %next, %loop ]")
    loops = [_digit(function, prod(extents[i + 1 :]), n) for i, n in enumerate(extents)]
    lanes = [_affine(function, access.data.results[0], loops) for access in instruction.maps]
    at = [
        function.let(f"getelementptr {_moved(r)}, ptr {place}, i64 {lane}")
        for r, place, lane in zip(registers, places, lanes)
    ]
    read = [function.let(f"load <1 x {_moved(r)}>, ptr {a}") for r, a in zip(registers, at)]
    made, place = body(function, read), instruction.accumulator.data
    function.line(f"store <1 x {_moved(registers[place])}> {made}, ptr {at[place]}")
    function.line("%next = add i64 %p, 1")
    function.line(f"%more = icmp ult i64 %next, {prod(extents)}")
    function.line("br i1 %more, label %loop, label %end")
    function.start_block("end")
    summed = function.let(f"load {types[place]}, ptr {places[place]}")
    function.line(f"ret {types[place]} {summed}")
    parameters = ", ".join(f"{t} %a{i}" for i, t in enumerate(types))
    return "\n".join([f"define internal {types[place]} {name}({parameters}) #0 {{", *function.body(), "}"])


def _moved(register: VectorType) -> str:
    """An element as it lies in the register's memory."""
    assert not isinstance(register.element_type, IntegerType) or register.element_type.width.data >= 8
    return memory_type(register.element_type)


def _digit(function: FunctionText, inside: int, extent: int) -> str:
    whole = function.let(f"udiv i64 %p, {inside}") if inside > 1 else "%p"
    return function.let(f"urem i64 {whole}, {extent}")


def _affine(function: FunctionText, expr: AffineExpr, loops: Sequence[str]) -> str:
    if isinstance(expr, AffineConstantExpr):
        return str(expr.value)
    if isinstance(expr, AffineDimExpr):
        return loops[expr.position]
    assert isinstance(expr, AffineBinaryOpExpr)
    left, right = (_affine(function, side, loops) for side in (expr.lhs, expr.rhs))
    return function.let(f"{_OPS[expr.kind]} i64 {left}, {right}")
