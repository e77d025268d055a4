"""The products that a machine's instructions sum: element types, what the second operand must lie within, and
how many a cycle. Read from the declared instructions, so a new one changes what pays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerType, i32
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects.qnn.intervals import Interval
from ...dialects.qnn.parameters import ui8, ui16
from ...dialects.tensorized import InstructionOp

# Products a cycle of a contraction that no instruction computes: both operands widened, multiplied, added.
WITHOUT_INSTRUCTION = 4.0

_UNSIGNED = {8: ui8, 16: ui16}


class Form(NamedTuple):
    """`data` and `weights` are element types as qnn has them, `within` what the weights must lie in (None:
    anything of their type), `rate` in products a cycle."""

    data: IntegerType
    weights: IntegerType
    within: Interval | None
    rate: float

    def takes(self, interval: Interval) -> bool:
        """Whether weights of `interval` can be the second operand."""
        inside = self.within is None or (
            self.within.low <= interval.low and interval.high <= self.within.high
        )
        return inside and interval.fits(self.weights)


def dot_forms(instructions: Iterable[InstructionOp]) -> list[Form]:
    """Each kind of product once, by its fastest instruction; the fastest first, of equals the narrowest."""
    best: dict[tuple, Form] = {}
    for instruction in instructions:
        form = _form(instruction)
        if form is not None and (form[:3] not in best or best[form[:3]].rate < form.rate):
            best[form[:3]] = form
    return sorted(best.values(), key=lambda form: (-form.rate, form.data.width.data, form.weights.width.data))


def _form(instruction: InstructionOp) -> Form | None:
    """acc + ext(a) * ext(b) in i32, of several products a lane."""
    block = instruction.body.block
    kinds = [loop.kind.data for loop in instruction.loops]
    reduces = "reduction" in kinds and kinds.count("parallel") == 1
    factors = _factors(block.last_op, block.args[instruction.accumulator.data])
    if not reduces or factors is None:
        return None
    (data, _), (weights, place) = factors
    valid = instruction.operand_ranges[place]
    within = None if valid is None else Interval(valid.low.data, valid.high.data)
    return Form(data, weights, within, math.prod(instruction.extents) * instruction.rate)


def tap_types(instructions: Iterable[InstructionOp]) -> set[IntegerType]:
    """The types of bytes that an instruction multiplies by weights of 32 bits, one product a lane."""
    found: set[IntegerType] = set()
    for instruction in instructions:
        factors = _factors(
            instruction.body.block.last_op, instruction.body.block.args[instruction.accumulator.data]
        )
        if factors is not None and factors[1][0] == i32 and len(instruction.extents) == 1:
            found.add(factors[0][0])
    return found


def _factors(end: Operation | None, accumulator: SSAValue) -> list[tuple[IntegerType, int]] | None:
    """The element types that are multiplied, and the places of the operands, the second one signed."""
    total = end.operands[0].owner if end is not None else None
    if not isinstance(total, arith.AddiOp) or total.result.type != i32 or accumulator not in total.operands:
        return None
    product = next((v.owner for v in total.operands if v is not accumulator), None)
    if not isinstance(product, arith.MuliOp):
        return None
    found: list[tuple[IntegerType, int]] = []
    for operand in product.operands:
        widening = operand.owner
        if isinstance(operand, BlockArgument) and operand.type == i32:
            found.append((i32, operand.index))
            continue
        if not isinstance(widening, arith.ExtUIOp | arith.ExtSIOp):
            return None
        source = widening.input
        assert isinstance(source, BlockArgument) and isinstance(source.type, IntegerType)
        unsigned = isinstance(widening, arith.ExtUIOp)
        found.append((_UNSIGNED[source.type.width.data] if unsigned else source.type, source.index))
    return sorted(found, key=lambda factor: (factor[0] == i32, factor[0] not in _UNSIGNED.values()))
