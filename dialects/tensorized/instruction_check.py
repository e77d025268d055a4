"""What a declaration of an instruction may say: its verifier, part by part."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import IntegerType, VectorType
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import VerifyException

from .instruction_text import NUMBERS
from .linear_form import bounds, linear_form
from .range import RangeAttr

if TYPE_CHECKING:
    from .instruction import InstructionOp

_INTRINSIC = re.compile(r"llvm(\.[A-Za-z0-9_]+)+")
_NAMES = re.compile(r"[\w.+-]+(,[\w.+-]+)*")
MOST_CYCLES = 1 << 16
MOST_POINTS = 1 << 16
"""Of the loops of an instruction: four times those of a product of tiles of 16 x 64 bytes."""


def verify_instruction(op: InstructionOp) -> None:
    """Raises `VerifyException`."""
    counts = [len(op.registers), len(op.maps), len(op.body.block.args)]
    if len(set(counts)) > 1 or op.accumulator.data not in range(counts[0]):
        text = "has {} registers, {} maps, {} body arguments and accumulator {}"
        raise VerifyException(text.format(*counts, op.accumulator.data))
    if op.ranges is not None and len(op.ranges) != counts[0]:
        raise VerifyException(f"has {len(op.ranges)} ranges for {counts[0]} registers")
    _loops(op)
    _registers(op)
    _yields(op.body.block, op.accumulator_register.element_type, "the body")
    _texts(op)
    _costs(op)
    if op.writes is not None and not _is_elementwise(op):
        raise VerifyException("what is marked out comes last, is not read, and no loop reduces")
    if op.tile is not None and op.intrinsic is None:
        raise VerifyException("has a tile but no intrinsic that takes it")
    _emission(op)
    _accumulator(op)


def _loops(op: InstructionOp) -> None:
    """Each has a name of its own, and there are not too many points to check."""
    if len(set(op.labels)) < len(op.labels):
        raise VerifyException(f"loop names repeat: {', '.join(op.labels)}")
    if (points := math.prod(op.extents)) > MOST_POINTS:
        raise VerifyException(f"its loops have {points} points, expected at most {MOST_POINTS}")


def _registers(op: InstructionOp) -> None:
    """Lanes are those that the maps reach."""
    extents, arguments = op.extents, op.body.block.args
    for register, access, argument, valid in zip(op.registers, op.maps, arguments, op.operand_ranges):
        if len(access.data.results) != 1 or register.get_num_dims() != 1:
            raise VerifyException(f"register {register} and its map must be one-dimensional")
        low, high = bounds(linear_form(access.data.results[0], extents), extents)
        (lanes,) = register.get_shape()
        if low != 0 or high + 1 != lanes:
            raise VerifyException(f"register {register} has other lanes than its map reaches, {low}..{high}")
        if argument.type != register.element_type:
            raise VerifyException(f"body argument has type {argument.type}, register {register.element_type}")
        if lanes > MOST_POINTS or register.get_num_scalable_dims():
            raise VerifyException(
                f"register {register}: expected a fixed number of lanes up to {MOST_POINTS}"
            )
        _range(register, valid)


def _range(register: VectorType, valid: RangeAttr | None) -> None:
    if valid is None:
        return
    element = register.element_type
    if not isinstance(element, IntegerType):
        raise VerifyException(f"within {valid.text} of {element}, expected an integer type")
    end = 1 << (element.width.data - 1)
    if valid.low.data < -end or valid.high.data >= end:
        raise VerifyException(f"within {valid.text} leaves what {element} holds, [{-end}, {end - 1}]")


def _accumulator(op: InstructionOp) -> None:
    """It varies along the parallel loops and no other."""
    used = op.maps.data[op.accumulator.data].data.used_dims()
    for i, loop in enumerate(op.loops):
        parallel = loop.kind.data == "parallel"
        if parallel != (i in used) and loop.extent.data > 1:
            varies = "does not vary" if parallel else "varies"
            which = f"the {loop.kind.data} loop {loop.label.data}"
            raise VerifyException(f"the accumulator {varies} along {which}")


def _yields(block: Block, type_: Attribute, what: str) -> None:
    last = block.last_op
    if last is None or last.name != "tensorized.yield" or [v.type for v in last.operands] != [type_]:
        raise VerifyException(f"{what} must yield one {type_}")


def _texts(op: InstructionOp) -> None:
    for field in ("feature", "mnemonic"):
        if (given := getattr(op, field)) is not None and not _NAMES.fullmatch(given.data):
            raise VerifyException(f"{field} is '{given.data}', expected names with commas between them")
    for name in op.intrinsics:
        if not _INTRINSIC.fullmatch(name):
            raise VerifyException(f"calls '{name}': LLVM's intrinsics are called llvm.something")


def _costs(op: InstructionOp) -> None:
    for name in NUMBERS:
        if (number := getattr(op, name)) is not None and not 1 <= number.data <= MOST_CYCLES:
            raise VerifyException(f"{name} is {number.data}, expected 1 to {MOST_CYCLES}")
    if op.cycles is not None and op.per_cycle is not None:
        raise VerifyException("has `cycles` and `per_cycle`: one of them says how many start in a cycle")


def _is_elementwise(op: InstructionOp) -> bool:
    last = op.accumulator.data == len(op.registers) - 1
    parallel = all(loop.kind.data == "parallel" for loop in op.loops)
    return last and parallel and not any(True for _ in op.body.block.args[-1].uses)


def _emission(op: InstructionOp) -> None:
    if op.emission is None:
        return
    if op.intrinsic is not None:
        raise VerifyException("has an intrinsic and a region to emit: one of them says what to emit")
    block = op.emission.block
    if [a.type for a in block.args] != list(op.registers):
        raise VerifyException("what it emits takes other registers than it declares")
    _yields(block, op.accumulator_register, "what it emits")
