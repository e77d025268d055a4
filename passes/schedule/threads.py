"""Which parallel loop of a kernel is cut into parts for threads.

Parts have to be even, every ragged tile counted at its real size. Where the rows of a contraction are cut,
each core streams all panels; where the panels are cut, each reads all rows, half of which other cores have
written. Elementwise and row kernels cut their outermost loop that makes even parts: successive kernels then
find their rows in the cache of the same core. A kernel that runs hardly longer than handing out the parts
takes is not cut. A reduction never is: the order of its additions is part of the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, SSAValue

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.attributes import THREADS, element_bytes
from ...dialects.tensorized.transform import Line
from ..tensorize.target import TargetFacts
from .band import Band
from .register_tile import choose_plan, plan_tile

# Handing out the parts of a kernel and waiting for the last, with the lines of memory that move meanwhile.
DISPATCH_CYCLES = 4000
# What a core gets of memory that its second-level cache does not hold while it computes.
FAR_BYTES_PER_CYCLE = 16
# An inner loop is cut only where its parts are so much more even than an outer loop's: threads then write
# between each other's elements, and read what others wrote. Channels of a 28 x 28 image, in even halves, took
# longer on two threads than on one; its 7 tiles of rows, 4 and 3, gain.
EVEN = 1.15


@dataclass(frozen=True)
class Split:
    """The size of the parts of each loop that is cut, the largest part as a band of its own, its register
    tile, and the cycles it takes, waiting for memory included."""

    parts: Mapping[str, int]
    band: Band
    tile: dict[str, int]
    cycles: float

    @property
    def levels(self) -> list[LevelAttr]:
        """The schedule's level of threads, if there are parts."""
        return [threads_level(self.parts)] if self.parts else []


def threads_level(parts: Mapping[str, int]) -> LevelAttr:
    return LevelAttr.of(list(parts), parts, binding=THREADS)


def split_contraction(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, facts: TargetFacts
) -> Split:
    """The cheapest way to share a contraction among the threads, or to leave it whole."""
    plan = choose_plan(band, facts)
    whole = Split({}, band, dict(plan.tile), plan.cycles)
    if facts.threads == 1 or whole.cycles < 2 * DISPATCH_CYCLES:
        return whole
    splits = [whole, *_splits(band, facts)]
    far = _FarBytes(kernel, contract, band, facts.threads)
    return min(splits, key=lambda split: split.cycles + far.cut(split.parts) / FAR_BYTES_PER_CYCLE)


def _splits(band: Band, facts: TargetFacts) -> Iterator[Split]:
    for loop, extent in band.extents.items():
        unit = band.lane_counts.get(loop, 1)
        size = -(-extent // (unit * facts.threads)) * unit
        if size >= extent:
            continue
        part = replace(band, extents={**band.extents, loop: size})
        plan = choose_plan(part, facts)
        tile = dict(plan.tile)
        if loop in band.lane_counts:
            tile[loop] = panel = _even_panel(size, tile.get(loop, unit), unit)
            size = -(-size // panel) * panel
            if size >= extent:
                continue
            part = replace(band, extents={**band.extents, loop: size})
            plan = plan_tile(part, tile, facts)
        yield Split({loop: size}, part, tile, plan.cycles + DISPATCH_CYCLES)


def _even_panel(size: int, panel: int, lanes: int) -> int:
    """A part of so many lanes in as many panels, but even ones: all panels are packed to one size."""
    registers = -(-size // lanes)
    panels = -(-registers // (panel // lanes))
    return -(-registers // panels) * lanes


class _FarBytes:
    """The bytes that a core reads and has not just written itself: weights, and what other cores made of its
    operands, supposing that rows were shared there."""

    def __init__(
        self, kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, threads: int
    ):
        self.threads, self.result = threads, _bytes(contract.res.type)
        self.operands = [
            (_bytes(value.type), operand.loops, _is_constant(kernel, value))
            for value, operand in zip(contract.inputs, band.operands, strict=True)
        ]
        weights = [varies for _, varies, constant in self.operands if constant]
        channels = frozenset({band.lane_loop}.union(*weights))
        rows = [name for name in band.extents if name not in channels]
        self.rows = set(rows[:1] if weights else rows)

    def cut(self, parts: Mapping[str, int]) -> float:
        """With the loops of `parts` cut."""
        others = (self.threads - 1) / self.threads if parts else 0
        across = bool(set(parts) - self.rows)  # neighbours cut the outermost loop of rows
        total = self.result / self.threads * others if across else 0
        for size, varies, constant in self.operands:
            share = size / self.threads if varies & set(parts) else size
            if constant:
                total += share
            elif across or not varies & set(parts):
                total += share * others
        return total


def _is_constant(kernel: tensorized.KernelOp, value: SSAValue) -> bool:
    return isinstance(value, BlockArgument) and value.index in kernel.constant_arguments


def _bytes(type_: object) -> int:
    assert isinstance(type_, TensorType)
    return math.prod(type_.get_shape()) * element_bytes(type_.element_type)


def split_kernel(kernel: tensorized.KernelOp, facts: TargetFacts) -> None:
    """Puts a level of threads before the schedule of a kernel without a contraction, if that pays."""
    nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.NestOperation)]
    if facts.threads == 1 or not nests or _cycles(kernel, nests) < 2 * DISPATCH_CYCLES:
        return
    reduced = {n for nest in nests for n, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
    extents = dict(zip(nests[-1].loop_names, nests[-1].extents))
    levels = list(kernel.schedule or ())
    tiles = {n: size for level in levels for n, size in level.tiles.items()}
    aligned = {*kernel.lane_counts, *(line.made for op in nests for line in _lines(op))}
    best, least = None, math.inf
    for loop in (n for level in levels for n in level.loop_order):
        extent = extents.get(loop, 1)
        if loop in reduced or extent == 1:
            continue
        unit = tiles.get(loop, 1) if loop in aligned else 1
        size = -(-extent // (unit * facts.threads)) * unit
        uneven = size * facts.threads / extent
        if size < extent and uneven < least / EVEN:
            best, least = {loop: size}, uneven
    if best is not None and least < facts.threads:
        kernel.set_schedule(kernel.lane_counts, [threads_level(best), *levels])


def _lines(nest: tensorized.NestOperation) -> Sequence[Line]:
    """The matrices of a transform, whose tiles are not cut."""
    return nest.lines if isinstance(nest, tensorized.TransformOp) else ()


def _cycles(kernel: tensorized.KernelOp, nests: list[tensorized.NestOperation]) -> float:
    """About how long the nests take: an operation a cycle on each register, as an operand that is loaded."""
    lanes = max(kernel.lane_counts.values())
    return sum(
        math.prod(nest.extents) / lanes * (len(nest.accesses) + len(list(nest.body.block.ops)) - 1)
        if isinstance(nest, tensorized.GenericOp)
        else math.prod(nest.extents) / lanes
        for nest in nests
    )
