"""Estimated cycles of a nest on an instruction: what it issues, and what it loads and stores.

Matching tries every instruction on every choice of loops, so what does not depend on the choice is read
from the IR once, into views.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import tensorized
from ...dialects.tensorized import GenericOp, InstructionOp, looks_up
from ...dialects.tensorized.linear_form import coefficients, flat_strides, row_major
from .access import Access, classify, in_rows, runs
from .target import TargetFacts

# A run-time operand is packed if this many rows of the contraction read each of its elements.
ROWS_THAT_PAY = 16
# Putting one more run of elements beside others in a register. MobileNetV2's depthwise kernels by vpmaddubsw,
# three runs a register, took 4.3 to 5.0 cycles for each on Zen 3: one is the instruction, one the two loads.
SHUFFLE_CYCLES = 1.4

UNEVEN = -1
"""In the place of a stride: a step does not always move by as many lanes, so no memory lies like it."""

Lanes = tuple[tuple[int, int], ...]
"""Loops of a nest that run along the lanes of a register, each with its stride there."""


def blocks(extent: int, lanes: int) -> int:
    return -(-extent // lanes)


class NestView:
    """Loops of a nest, and its operands (inputs, then the init): what they vary with, how they lie in
    memory, whether they are known at compile time, what their elements lie within, and whether a nest of the
    kernel looks them up."""

    def __init__(self, op: tensorized.GenericOp, kernel: tensorized.KernelOp):
        constants, ranges = kernel.constant_arguments, kernel.argument_ranges
        self.op = op
        self.names, self.kinds, self.extents = op.loop_names, op.kinds, op.extents
        self.values = (*op.inputs, op.init)
        self.used = [access.used_dims() for access in op.accesses]
        self.strides = [
            flat_strides(access, row_major(_shape(value)), self.extents)
            for value, access in zip(self.values, op.accesses, strict=True)
        ]
        self.constant = [isinstance(v, BlockArgument) and v.index in constants for v in self.values]
        self.ranges = [ranges[v.index] if isinstance(v, BlockArgument) else None for v in self.values]
        self.in_memory = [not isinstance(v.owner, tensorized.NestOperation) for v in self.values]
        self.looked_up = [isinstance(v.owner, GenericOp) and looks_up(v.owner) for v in self.values]

    def access(self, operand: int, lanes: Lanes, counts: Sequence[int] = ()) -> Access:
        """How registers read an operand; `counts` says how many steps of each loop a register takes, where it
        may be put together from several runs."""
        return classify(self.strides[operand], self.extents, lanes, self.constant[operand], counts)

    def transfer_cycles(self, lanes: Lanes, count: int, facts: TargetFacts) -> float:
        """Cycles to load and store one register, of `count` lanes, of every operand in memory."""
        kinds = [self.access(i, lanes) for i, moved in enumerate(self.in_memory) if moved]
        return sum(2 * count if kind is Access.GATHER else 1 for kind in kinds) / facts.loads_per_cycle


def _shape(value: SSAValue) -> Sequence[int]:
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


class InstructionView:
    """Loops and registers of an instruction; `rows` is the stride, in lanes, of each loop in a register."""

    def __init__(self, op: InstructionOp):
        self.op = op
        self.extents = op.extents
        self.kinds = [loop.kind.data for loop in op.loops]
        self.sizes = [register.get_shape()[0] for register in op.registers]
        self.rows = [_lane_strides(access.data.results[0], self.extents) for access in op.maps]
        self.ranges = op.operand_ranges
        self.rate = op.rate
        self.is_tall = len(op.lane_loops) > 1


def _lane_strides(access: AffineExpr, extents: Sequence[int]) -> list[int]:
    """Lanes of a register per step of each loop; UNEVEN for a loop that moves it otherwise."""
    row = coefficients(access, extents)
    if row is not None:
        return row[0]
    return [UNEVEN if i in access.used_dims() else 0 for i in range(len(extents))]


class Read(NamedTuple):
    """How one operand of an instruction is read, and the cycles that takes besides plain loads."""

    access: Access
    cycles: float


def issues(shape: InstructionView, nest: NestView, loops: Sequence[int]) -> int:
    """How often the nest issues the instruction, partial ones included."""
    return math.prod(
        blocks(extent, shape.extents[loops.index(i)]) if i in loops else extent
        for i, extent in enumerate(nest.extents)
    )


def read_of(
    shape: InstructionView,
    nest: NestView,
    register: int,
    operand: int,
    loops: Sequence[int],
    facts: TargetFacts,
) -> Read:
    """How a register reads an operand of the nest: what must be gathered is gathered in every step, or packed
    once where that pays."""
    lanes = tuple(zip(loops, shape.rows[register]))
    access = nest.access(operand, lanes, shape.extents)
    if shape.is_tall and access is not Access.PACK and in_rows(nest.strides[operand], lanes):
        access = Access.ROWS
    if operand == len(nest.values) - 1 or access not in (Access.GATHER, Access.INTERLEAVE):
        return Read(access, 0.0)
    along = {at for at, kind in zip(loops, shape.kinds) if kind == "parallel"}
    often = rows_of(nest.kinds, nest.extents, nest.used[operand]) >= ROWS_THAT_PAY
    if along & nest.used[operand] and often:
        elements = math.prod(nest.extents[i] for i in nest.used[operand])
        return Read(Access.PACK, 2 * elements / facts.loads_per_cycle)
    strides = nest.strides[operand]
    if access is Access.INTERLEAVE and strides is not None:
        pieces = runs(strides, nest.extents, lanes, shape.extents)
        each = (pieces - 1) * (1 / facts.loads_per_cycle + SHUFFLE_CYCLES)
    else:
        each = shape.sizes[register] / facts.loads_per_cycle
    return Read(access, issues(shape, nest, loops) * each)


def rows_of(kinds: Sequence[str], extents: Sequence[int], used: Collection[int]) -> int:
    """How often each element of an operand is read: once for every index of the parallel loops it lacks."""
    rows = (n for i, (n, kind) in enumerate(zip(extents, kinds)) if i not in used and kind == "parallel")
    return math.prod(rows)


def output_cycles(
    shape: InstructionView,
    nest: NestView,
    around: Sequence[NestView],
    loops: Sequence[int],
    facts: TargetFacts,
) -> float:
    """Cycles to load and store what the elementwise nests around the reduction touch, in vectors along
    neighbouring lanes of the accumulators; those of several rows wait in memory before and after."""
    inner = shape.op.labels.index(shape.op.lane_loops[0])
    lanes, name = shape.extents[inner], nest.names[loops[inner]]
    touched = sum(
        view.transfer_cycles(((view.names.index(name), 1),) if name in view.names else (), lanes, facts)
        * math.prod(view.extents)
        / lanes
        for view in around
    )
    results = math.prod(n for n, kind in zip(nest.extents, nest.kinds) if kind == "parallel")
    waiting = 4 * results / lanes / facts.loads_per_cycle if shape.is_tall else 0
    return touched + waiting
