"""One application of a declared instruction to registers: its intrinsic, the vector code it declares, or its
body on whole registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Block, Operation, SSAValue

from ...dialects.errors import TenonError
from ...dialects.nn.dtypes import is_half
from ...dialects.tensorized import ComputeOp, InstructionOp, YieldOp
from ...dialects.tensorized.interpretation_registers import instruction_steps
from .emulated import emulation
from .function import FunctionText
from .registers import shuffle
from .scalar import SCALAR_RULES, STORAGE, is_absorbed, rule_of
from .tiles import apply_to_vectors
from .types import intrinsic_type, register_type, scalar_type
from .vectors import VECTOR_RULES

Application = Callable[[FunctionText, Sequence[str]], str]
"""Takes the operands' registers in the declared order, returns the result's."""


def is_specific(instruction: InstructionOp) -> bool:
    """Whether it calls what only CPUs with its features have; other intrinsics LLVM splits or expands."""
    return any(name.startswith("llvm.x86.") for name in instruction.intrinsics)


def application(instruction: InstructionOp, emulated: bool = False) -> Application:
    """How to apply `instruction` to one register of each operand: `emulated` by its body, whatever else it
    declares."""
    if emulated or (instruction.intrinsic is None and instruction.emission is None):
        return _inlined(instruction)
    return _call(instruction) if instruction.emission is None else _chain(instruction)


def _call(instruction: InstructionOp) -> Application:
    assert instruction.intrinsic is not None
    name, result = instruction.intrinsic.data, register_type(instruction.accumulator_register)
    read = len(instruction.registers) - (instruction.writes is not None)
    types = [(register_type(r), intrinsic_type(r)) for r in instruction.registers.data[:read]]
    if instruction.tile is not None:
        return lambda function, args: apply_to_vectors(function, instruction, args)

    def apply(function: FunctionText, args: Sequence[str]) -> str:
        passed = [
            arg if held == taken else function.let(f"bitcast {held} {arg} to {taken}")
            for (held, taken), arg in zip(types, args[:read], strict=True)
        ]
        return function.call(result, name, [(taken, arg) for (_, taken), arg in zip(types, passed)])

    return apply


def _chain(instruction: InstructionOp) -> Application:
    assert instruction.emission is not None
    block = instruction.emission.block
    return lambda function, args: emit_vectors(function, block, args)


def _inlined(instruction: InstructionOp) -> Application:
    """The body on whole registers, once for every step of a reduction, of which each operand gives the lanes
    that take part."""
    if len(instruction.lane_loops) > 1:
        block = instruction.body.block
        return emulation(instruction, lambda function, args: emit_scalar(function, block, args, 1))
    steps = instruction_steps(instruction)
    place, lanes = instruction.accumulator.data, instruction.accumulator_register.get_shape()[0]
    if any(taken[place].tolist() != list(range(lanes)) for taken in steps):
        name = instruction.sym_name.data
        raise TenonError(f"instruction @{name}: a body that moves the lanes of its accumulator has no code")
    types = [register_type(register) for register in instruction.registers]

    def apply(function: FunctionText, args: Sequence[str]) -> str:
        registers = list(args)
        for taken in steps:
            operands = [
                register
                if len(at) == r.get_shape()[0] and (np.diff(at) == 1).all()
                else shuffle(function, type_, register, "poison", at.tolist())
                for register, r, type_, at in zip(registers, instruction.registers, types, taken, strict=True)
            ]
            registers[place] = emit_scalar(function, instruction.body.block, operands, lanes)
        return registers[place]

    return apply


def emit_scalar(
    function: FunctionText, block: Block, arguments: Sequence[str], lanes: int, last: SSAValue | None = None
) -> str:
    """A scalar body on registers of `lanes` elements; returns what it yields, or the value `last` before."""
    values: dict[SSAValue, str] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        if last in values or isinstance(op, YieldOp):
            return values[last or op.operands[0]]
        if is_absorbed(op):
            continue
        rule, operands = rule_of(op)
        if rule is None:
            raise no_rule(op)
        if is_half(op.results[0].type) and not isinstance(op, STORAGE):
            raise TenonError(f"{op.name}{location(op)} computes in {op.results[0].type}, expected f32")
        values[op.results[0]] = rule(function, op, [values[v] for v in operands], lanes)
    raise TenonError("a scalar body yields nothing")


def _compute(text: FunctionText, op: Operation, args: Sequence[str], lanes: int) -> str:
    """An elementwise instruction on a register, part by part where it is wider; its body where the parts do
    not fill it. An element for which the body has no value is some value, the same at each use."""
    assert isinstance(op, ComputeOp)
    declared = op.declaration()
    width, result = declared.accumulator_register.get_shape()[0], declared.accumulator_register
    if lanes % width or not (declared.features <= set(text.features) or not is_specific(declared)):
        return emit_scalar(text, declared.body.block, [*args, "poison"], lanes)
    apply = application(declared)
    sources = [scalar_type(v.type) for v in op.operands]
    parts: list[str] = []
    for first in range(0, lanes, width):
        taken = [_part(text, f"<{lanes} x {s}>", a, first, width, lanes) for s, a in zip(sources, args)]
        made = apply(text, [*taken, "poison"])
        parts.append(text.let(f"freeze {register_type(result)} {made}"))
    element, size = scalar_type(result.element_type), width
    while len(parts) > 1:
        type_ = f"<{size} x {element}>"
        parts = [shuffle(text, type_, a, b, range(2 * size)) for a, b in zip(parts[::2], parts[1::2])]
        size *= 2
    return parts[0]


def _part(text: FunctionText, type_: str, register: str, first: int, width: int, lanes: int) -> str:
    whole = width == lanes
    return register if whole else shuffle(text, type_, register, "poison", range(first, first + width))


SCALAR_RULES[ComputeOp] = _compute


def emit_vectors(function: FunctionText, block: Block, arguments: Sequence[str]) -> str:
    """Code on whole registers, as an instruction gives it; returns what it yields."""
    values: dict[SSAValue, str] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        if isinstance(op, YieldOp):
            return values[op.operands[0]]
        rule = VECTOR_RULES.get(type(op))
        if rule is None:
            raise no_rule(op)
        values[op.results[0]] = rule(function, op, [values[v] for v in op.operands])
    raise TenonError("what an instruction emits yields nothing")


def no_rule(op: Operation) -> TenonError:
    """For an op that has no emission rule."""
    return TenonError(f"{op.name}{location(op)} has no rule for llvm")


def location(op: Operation) -> str:
    """` at 'name'`, where the op's location has one."""
    return f" at '{op.location.desc.data}'" if isinstance(op.location, NameLoc) else ""
