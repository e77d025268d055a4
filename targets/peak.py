"""The arithmetic peak of this machine, measured: independent accumulators in registers and nothing else.

A kernel's percentage of it says how much is left to gain. Above 100 the peak is wrong: so the measured
loop is checked to hold every accumulator in a register.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import AnyFloat, Float32Type, IntegerType

from ..dialects.errors import TenonError
from ..dialects.tensorized import InstructionOp, YieldOp
from .attach_target import declared_instructions
from .llvm.codegen import compile_text, emit_assembly
from .llvm.function import FunctionText
from .llvm.instruction import application
from .llvm.sample import attributes
from .llvm.scalar import splat
from .llvm.timing import least_seconds
from .llvm.types import register_type
from .record import TargetRecord, host

_SPARE_REGISTERS = 4
"""Left for the operands and what LLVM needs besides."""


_VECTOR_CLASS = {"x86_64": "v", "aarch64": "w"}
"""Architecture -> what inline assembly calls its vector registers."""


@dataclass(frozen=True)
class Peak:
    """`gflops`: 1e9 scalar operations per second, on one core, of back-to-back `instruction`."""

    gflops: float
    instruction: str
    assembly: str


@dataclass(frozen=True)
class PeakLoop:
    """`run(count)` does nothing but back-to-back `instruction`: `operations` scalar ones an iteration."""

    run: Callable[[int], object]
    operations: int
    instruction: str
    assembly: str


def peak_loop(record: TargetRecord | None = None, of: str = "f32") -> PeakLoop:
    """For a target record (default: host); `of` as in `measure_peak`."""
    record = record or host()
    instruction = fastest(record, of) if of in _COMPUTES else _called(of, record)
    operations = operation_count(instruction) * math.prod(instruction.extents)
    accumulators = record.vector_registers - _SPARE_REGISTERS
    text = peak_text(instruction, record, accumulators)
    assembly = emit_assembly(text, record)
    check_registers(assembly)
    run = compile_text(text, record).function("peak", 1)
    return PeakLoop(run, operations * accumulators, instruction.sym_name.data, assembly)


def measure_peak(record: TargetRecord | None = None, seconds: float = 0.3, of: str = "f32") -> Peak:
    """The peak of this machine under a target record (default: host), over about `seconds`: `of` f32, of
    products of `bytes`, whatever their values, or of the instruction of that name."""
    loop = peak_loop(record, of)
    # Rounds of few milliseconds: on a busy machine some of them are undisturbed.
    each = least_seconds(loop.run, seconds, rounds=150)
    return Peak(loop.operations / each / 1e9, loop.instruction, loop.assembly)


def fastest(record: TargetRecord, of: str = "f32") -> InstructionOp:
    """The instruction that is declared to do the most operations per cycle, of those with lanes along one
    loop."""

    def rate(instruction: InstructionOp) -> float:
        return operation_count(instruction) * math.prod(instruction.extents) * instruction.rate

    kinds = [[loop.kind.data for loop in i.loops] for i in declared_instructions(record)]
    flat = [
        i
        for i, k in zip(declared_instructions(record), kinds)
        if k.count("parallel") == 1 and i.writes is None
    ]
    return max((i for i in flat if _COMPUTES[of](i)), key=rate)


def _called(name: str, record: TargetRecord) -> InstructionOp:
    for instruction in declared_instructions(record):
        if instruction.sym_name.data == name:
            return instruction
    raise TenonError(f"target {record.name} has no instruction @{name}")


def _sums_bytes(instruction: InstructionOp) -> bool:
    """Whether it sums products of 8 or 16 bits into 32, for all values of them."""
    widths = {
        r.element_type.width.data for r in instruction.registers if isinstance(r.element_type, IntegerType)
    }
    multiplies = any(isinstance(op, arith.MuliOp) for op in instruction.body.block.ops)
    return multiplies and widths in ({8, 32}, {16, 32}) and instruction.ranges is None


def _is_f32(instruction: InstructionOp) -> bool:
    return all(isinstance(r.element_type, Float32Type) for r in instruction.registers)


_COMPUTES: dict[str, Callable[[InstructionOp], bool]] = {"f32": _is_f32, "bytes": _sums_bytes}


def operation_count(instruction: InstructionOp) -> int:
    """Scalar operations of one lane, widening aside."""
    idle = (arith.ExtSIOp, arith.ExtUIOp, arith.ExtFOp, YieldOp)
    return sum(not isinstance(op, idle) for op in instruction.body.block.ops)


def peak_text(instruction: InstructionOp, record: TargetRecord, accumulators: int) -> str:
    """`void @peak(i64 count)`: a loop of `accumulators` independent applications."""
    declarations: dict[str, str] = {}
    function = FunctionText(declarations)
    types, apply = [register_type(r) for r in instruction.registers], application(instruction)
    place, class_ = instruction.accumulator.data, _VECTOR_CLASS[record.triple.split("-")[0]]
    after: list[str] = []
    fresh = next(k for k in range(len(types)) if k != place)
    moving, hidden = "%moving", f'call {types[fresh]} asm sideeffect "", "={class_},0"'
    for i in range(accumulators):
        # Something else each time, as far as LLVM knows: else a chain would do part of its work once for all.
        moving = function.let(f"{hidden}({types[fresh]} {moving})")
        operands = [f"%operand{k}" for k in range(len(types))]
        operands[place], operands[fresh] = f"%acc{i}", moving
        after.append(apply(function, operands))
    start = f"%operand{place}, %entry"
    phis = [f"  %acc{i} = phi {types[place]} [ {start} ], [ {v}, %loop ]" for i, v in enumerate(after)]
    phis.append(f"  %moving = phi {types[fresh]} [ %operand{fresh}, %entry ], [ {moving}, %loop ]")
    total = [f"  store volatile {types[place]} {v}, ptr %sink{place}" for v in after]
    # Volatile operands: LLVM knows neither their values nor that the loop could be computed beforehand.
    head = ["entry:"]
    for k, (type_, register) in enumerate(zip(types, instruction.registers, strict=True)):
        value = splat(0.5 if isinstance(register.element_type, AnyFloat) else 1, register.element_type)
        head += [f"  %sink{k} = alloca {type_}", f"  store volatile {type_} {value}, ptr %sink{k}"]
        head.append(f"  %operand{k} = load volatile {type_}, ptr %sink{k}")
    return "\n".join(
        [
            *declarations.values(),
            "define void @peak(i64 %count) #0 {",
            *head,
            "  br label %loop\nloop:",
            "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
            *phis,
            *function.body()[1:],
            "  %next = add i64 %i, 1\n  %more = icmp ult i64 %next, %count",
            "  br i1 %more, label %loop, label %end\nend:",
            *total,
            f"  ret void\n}}\n{attributes(record)}",
        ]
    )


def check_registers(assembly: str) -> None:
    """The loop must not touch memory: a spilled accumulator would show half the peak."""
    lines = assembly.splitlines()
    jump = max(i for i, line in enumerate(lines) if re.match(r"\tj\w+\t\.L", line))
    label = lines[jump].split()[-1] + ":"
    for line in lines[lines.index(label) : jump]:
        if "(%r" in line:
            raise TenonError(f"the peak loop touches memory: {line.strip()}")
