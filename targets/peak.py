"""The arithmetic peak of this machine, measured: independent accumulators in registers and nothing else.

A kernel's percentage of it says how much is left to gain. Above 100 the peak is wrong: so the measured
loop is checked to hold every accumulator in a register.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xdsl.dialects.builtin import Float32Type

from ..dialects.errors import TenonError
from ..dialects.tensorized import InstructionOp
from .attach_target import declared_instructions
from .llvm.codegen import compile_text, emit_assembly
from .llvm.function import FunctionText
from .llvm.instruction import application
from .llvm.sample import attributes
from .llvm.timing import least_seconds
from .llvm.types import register_type
from .record import TargetRecord, host

_SPARE_REGISTERS = 4
"""Left for the operands and what LLVM needs besides."""


@dataclass(frozen=True)
class Peak:
    """`gflops`: 1e9 scalar operations per second, on one core, of back-to-back `instruction`."""

    gflops: float
    instruction: str
    assembly: str


def measure_peak(record: TargetRecord | None = None, seconds: float = 0.3) -> Peak:
    """The f32 peak of this machine under a target record (default: host), over about `seconds`."""
    record = record or host()
    instruction = fastest(record)
    operations = operation_count(instruction) * instruction.extents[0]
    accumulators = record.vector_registers - _SPARE_REGISTERS
    text = peak_text(instruction, record, accumulators)
    assembly = emit_assembly(text, record)
    check_registers(assembly)
    run = compile_text(text, record).function("peak", 1)
    # Rounds of few milliseconds: on a busy machine some of them are undisturbed.
    each = least_seconds(run, seconds, rounds=150)
    return Peak(operations * accumulators / each / 1e9, instruction.sym_name.data, assembly)


def fastest(record: TargetRecord) -> InstructionOp:
    """The f32 instruction that is declared to do the most operations per cycle."""

    def rate(instruction: InstructionOp) -> float:
        return operation_count(instruction) * instruction.extents[0] * instruction.rate

    f32 = [
        i
        for i in declared_instructions(record)
        if isinstance(i.accumulator_register.element_type, Float32Type) and len(i.extents) == 1
    ]
    return max(f32, key=rate)


def operation_count(instruction: InstructionOp) -> int:
    """Scalar operations of one lane."""
    return len(list(instruction.body.block.ops)) - 1


def peak_text(instruction: InstructionOp, record: TargetRecord, accumulators: int) -> str:
    """`void @peak(i64 count)`: a loop of `accumulators` independent applications."""
    declarations: dict[str, str] = {}
    function = FunctionText(declarations)
    type_, apply = register_type(instruction.accumulator_register), application(instruction)
    place = instruction.accumulator.data
    after: list[str] = []
    for i in range(accumulators):
        operands = ["%operand"] * len(instruction.registers.data)
        operands[place] = f"%acc{i}"
        after.append(apply(function, operands))
    phis = [f"  %acc{i} = phi {type_} [ %operand, %entry ], [ {v}, %loop ]" for i, v in enumerate(after)]
    total = [f"  store volatile {type_} {v}, ptr %sink" for v in after]
    # A volatile operand: LLVM knows neither its value nor that the loop could be computed beforehand.
    head = f"entry:\n  %sink = alloca {type_}\n  store volatile {type_} splat (float 0.5), ptr %sink"
    return "\n".join(
        [
            *declarations.values(),
            "define void @peak(i64 %count) #0 {",
            f"{head}\n  %operand = load volatile {type_}, ptr %sink\n  br label %loop\nloop:",
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
