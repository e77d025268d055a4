"""Emission rules of kernel bodies, one per op: loops, register tiles, scalar code on registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr, NameLoc, VectorType
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from ...dialects.errors import TenonError
from ...dialects.tensorized import ApplyOp, InstructionOp, LoadOp, MapOp, StoreOp, YieldOp
from .function import FunctionText, Scope
from .registers import emit_load, emit_store
from .scalar import SCALAR_RULES, constant_of
from .types import register_count, register_type

Rule = Callable[[FunctionText, Operation], None]


def emit_ops(function: FunctionText, block: Block) -> None:
    """The ops of `block`, in order. An op without a rule is a `TenonError`."""
    for op in block.ops:
        rule = BODY_RULES.get(type(op))
        if rule is None:
            raise TenonError(f"{op.name}{location(op)} has no rule for llvm")
        rule(function, op)


def location(op: Operation) -> str:
    """` at 'name'`, where the op's location has one."""
    return f" at '{op.location.desc.data}'" if isinstance(op.location, NameLoc) else ""


def _constant(function: FunctionText, op: arith.ConstantOp) -> None:
    if not isinstance(op.value, IntegerAttr):
        raise TenonError(f"arith.constant{location(op)}: {op.value} is not an integer")
    value = op.value.value.data
    function.values[op.result] = [str(value)]
    function.constants[op.result] = value


def _for(function: FunctionText, op: scf.ForOp) -> None:
    """A loop that tests at its end: bounds are constants, so an empty one is left out here."""
    bounds = [constant_of(v) for v in (op.lb, op.ub, op.step)]
    if not all(isinstance(v, int) for v in bounds):
        raise TenonError(f"scf.for{location(op)}: its bounds are not constants")
    initial = [function.values[v] for v in op.iter_args]
    if bounds[0] >= bounds[1]:  # pyright: ignore[reportOptionalOperand]
        function.values |= dict(zip(op.results, initial, strict=True))
        return
    label, before = function.fresh("loop"), function.block
    variable, carried = f"%{label}.i", op.body.block.args[1:]
    _define_index(function, op.body.block.args[0], variable)
    function.values |= {
        v: [f"%{label}.{n}.{r}" for r in range(register_count(v.type))] for n, v in enumerate(carried)
    }
    function.line(f"br label %{label}")
    function.scopes.append(Scope())
    function.block = label
    emit_ops(function, op.body.block)
    end = op.body.block.last_op
    assert isinstance(end, scf.YieldOp)
    after = [function.values[v] for v in end.operands]
    latch, scope = function.block, function.scopes.pop()
    lines = function.scopes[-1].lines
    lines += [
        f"{label}:",
        f"  {variable} = phi i64 [ {bounds[0]}, %{before} ], [ {variable}.next, %{latch} ]",
    ]
    for value, first, last in zip(carried, initial, after, strict=True):
        type_ = register_type(value.type)
        for name, a, b in zip(function.values[value], first, last, strict=True):
            lines.append(f"  {name} = phi {type_} [ {a}, %{before} ], [ {b}, %{latch} ]")
    lines += chain(scope.hoisted, scope.lines)
    function.line(f"{variable}.next = add nuw nsw i64 {variable}, {bounds[2]}")
    function.line(f"{variable}.more = icmp ult i64 {variable}.next, {bounds[1]}")
    function.line(f"br i1 {variable}.more, label %{label}, label %{label}.end")
    function.start_block(f"{label}.end")
    function.values |= dict(zip(op.results, after, strict=True))


def _define_index(function: FunctionText, index: SSAValue, name: str) -> None:
    function.values[index] = [name]
    function.depth[index] = len(function.scopes)


def _apply(function: FunctionText, op: ApplyOp) -> None:
    """One instruction per point of the grid; equal points are computed once."""
    try:
        instruction = op.declaration()
    except VerifyException as error:
        raise TenonError(f"tensorized.apply{location(op)}: {error}") from error
    one = _call(instruction) if instruction.intrinsic else _inlined(instruction)
    registers = [function.values[a] for a in op.arguments]
    points = list(zip(*registers, strict=True))
    function.values[op.res] = _each_once(points, lambda args: one(function, args))


def _call(instruction: InstructionOp) -> Callable[[FunctionText, Sequence[str]], str]:
    assert instruction.intrinsic is not None
    name = instruction.intrinsic.data
    types = [register_type(r) for r in instruction.registers]
    result = register_type(instruction.accumulator_register)
    return lambda function, args: function.call(result, name, list(zip(types, args, strict=True)))


def _inlined(instruction: InstructionOp) -> Callable[[FunctionText, Sequence[str]], str]:
    """The body on registers, for an instruction whose lanes are independent."""
    (lanes, *others) = {r.get_shape()[0] for r in instruction.registers}
    if others or len({m.data for m in instruction.maps}) > 1:
        raise TenonError(f"instruction @{instruction.sym_name.data} has no intrinsic, and its lanes differ")
    return lambda function, args: emit_scalar(function, instruction.body.block, args, lanes)


def _map(function: FunctionText, op: MapOp) -> None:
    assert isinstance(op.res.type, VectorType)
    lanes = op.res.type.get_shape()[-1]
    count = register_count(op.res.type)
    registers = [function.values[a] for a in op.arguments]
    points = list(zip(*registers, strict=True)) if registers else [()] * count
    function.values[op.res] = _each_once(
        points, lambda args: emit_scalar(function, op.body.block, args, lanes)
    )


def _each_once(points: Sequence[tuple[str, ...]], emit: Callable[[tuple[str, ...]], str]) -> list[str]:
    """`emit` of every point, equal points emitted once."""
    made: dict[tuple[str, ...], str] = {}
    for point in points:
        if point not in made:
            made[point] = emit(point)
    return [made[point] for point in points]


def emit_scalar(function: FunctionText, block: Block, arguments: Sequence[str], lanes: int) -> str:
    """A scalar body on registers of `lanes` elements; returns what it yields."""
    values: dict[SSAValue, str] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        if isinstance(op, YieldOp):
            return values[op.operands[0]]
        rule = SCALAR_RULES.get(type(op))
        if rule is None:
            raise TenonError(f"{op.name}{location(op)} has no rule for llvm")
        values[op.results[0]] = rule(function, op, [values[v] for v in op.operands], lanes)
    raise TenonError(f"{block.parent_op()} yields nothing")


def _nothing(function: FunctionText, op: Operation) -> None:
    """Terminators: what they yield is read by the op they end."""


BODY_RULES: dict[type[Operation], Callable] = {
    arith.ConstantOp: _constant,
    scf.ForOp: _for,
    scf.YieldOp: _nothing,
    YieldOp: _nothing,
    LoadOp: emit_load,
    StoreOp: emit_store,
    ApplyOp: _apply,
    MapOp: _map,
}
"""Op of a kernel's body -> its rule."""
