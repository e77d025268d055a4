"""Runs one declared instruction by itself: as LLVM text that streams operands through it, and measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...dialects.nn.dtypes import numpy_dtype
from ...dialects.tensorized import InstructionOp
from ..record import TargetRecord
from .codegen import compile_text
from .function import FunctionText
from .instruction import application, is_specific
from .types import register_type


def is_emulated(instruction: InstructionOp, record: TargetRecord) -> bool:
    """Whether code for `record` does the instruction by its body."""
    return is_specific(instruction) and bool(instruction.features & record.emulated)


def stream_text(instruction: InstructionOp, record: TargetRecord, emulated: bool = False) -> str:
    """`void @stream(i64 count, operands..., result)`: `count` applications, each to the next registers of
    its operands, the result stored to the next register of `result`."""
    declarations: dict[str, str] = {}
    function = FunctionText(declarations)
    registers = [*instruction.registers, instruction.accumulator_register]
    pointers = [_next_register(function, r, f"%p{i}") for i, r in enumerate(registers)]
    values = [
        function.let(f"load {register_type(r)}, ptr {p}, align 1")
        for r, p in zip(instruction.registers, pointers)
    ]
    result = application(instruction, emulated)(function, values)
    function.line(f"store {register_type(registers[-1])} {result}, ptr {pointers[-1]}, align 1")
    parameters = ", ".join(["i64 %count", *(f"ptr %p{i}" for i in range(len(registers)))])
    return "\n".join(
        [
            *declarations.values(),
            f"define void @stream({parameters}) #0 {{",
            "entry:\n  br label %loop\nloop:\n  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
            *function.body()[1:],
            "  %next = add i64 %i, 1\n  %more = icmp ult i64 %next, %count",
            "  br i1 %more, label %loop, label %end\nend:\n  ret void\n}",
            attributes(record),
        ]
    )


def attributes(record: TargetRecord) -> str:
    """The function attributes #0 of code for a target."""
    return (
        f'attributes #0 = {{ nounwind "target-cpu"="{record.cpu}" "target-features"="{record.features}" }}\n'
    )


def _next_register(function: FunctionText, register, pointer: str) -> str:
    return function.let(f"getelementptr {register_type(register)}, ptr {pointer}, i64 %i")


def run_instruction(
    instruction: InstructionOp, operands: Sequence[np.ndarray], record: TargetRecord, emulated: bool = False
) -> np.ndarray:
    """What the hardware makes of `operands`, one array of shape (count, lanes) per register. Code is made
    for `record`, which must run on this machine; registers wider than its own are split by LLVM. `emulated`
    runs the instruction's body in its place."""
    register = instruction.accumulator_register
    result = np.empty((len(operands[0]), register.get_shape()[0]), numpy_dtype(register.element_type))
    module = compile_text(stream_text(instruction, record, emulated), record)
    stream = module.function("stream", len(operands) + 2)
    stream(len(result), *(np.ascontiguousarray(a).ctypes.data for a in operands), result.ctypes.data)
    return result
