"""One application of a declared instruction to registers: its intrinsic, or its body on whole registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Block, Operation, SSAValue

from ...dialects.errors import TenonError
from ...dialects.nn.dtypes import is_half
from ...dialects.tensorized import InstructionOp, YieldOp
from .function import FunctionText
from .scalar import SCALAR_RULES, STORAGE
from .types import intrinsic_type, register_type

Application = Callable[[FunctionText, Sequence[str]], str]
"""Takes the operands' registers in the declared order, returns the result's."""


def application(instruction: InstructionOp) -> Application:
    """How to apply `instruction` to one register of each operand."""
    return _call(instruction) if instruction.intrinsic is not None else _inlined(instruction)


def _call(instruction: InstructionOp) -> Application:
    assert instruction.intrinsic is not None
    name, result = instruction.intrinsic.data, register_type(instruction.accumulator_register)
    types = [(register_type(r), intrinsic_type(r)) for r in instruction.registers]

    def apply(function: FunctionText, args: Sequence[str]) -> str:
        passed = [
            arg if held == taken else function.let(f"bitcast {held} {arg} to {taken}")
            for (held, taken), arg in zip(types, args, strict=True)
        ]
        return function.call(result, name, [(taken, arg) for (_, taken), arg in zip(types, passed)])

    return apply


def _inlined(instruction: InstructionOp) -> Application:
    lanes = {r.get_shape()[0] for r in instruction.registers}
    if len(lanes) > 1 or len({m.data for m in instruction.maps}) > 1:
        name = instruction.sym_name.data
        raise TenonError(f"instruction @{name} has no intrinsic, and its operands differ in lanes")
    return lambda function, args: emit_scalar(function, instruction.body.block, args, *lanes)


def emit_scalar(function: FunctionText, block: Block, arguments: Sequence[str], lanes: int) -> str:
    """A scalar body on registers of `lanes` elements; returns what it yields."""
    values: dict[SSAValue, str] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        if isinstance(op, YieldOp):
            return values[op.operands[0]]
        rule = SCALAR_RULES.get(type(op))
        if rule is None:
            raise no_rule(op)
        if is_half(op.results[0].type) and not isinstance(op, STORAGE):
            raise TenonError(f"{op.name}{location(op)} computes in {op.results[0].type}, expected f32")
        values[op.results[0]] = rule(function, op, [values[v] for v in op.operands], lanes)
    raise TenonError("a scalar body yields nothing")


def no_rule(op: Operation) -> TenonError:
    """For an op that has no emission rule."""
    return TenonError(f"{op.name}{location(op)} has no rule for llvm")


def location(op: Operation) -> str:
    """` at 'name'`, where the op's location has one."""
    return f" at '{op.location.desc.data}'" if isinstance(op.location, NameLoc) else ""
