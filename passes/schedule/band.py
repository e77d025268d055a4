"""What the estimates need to know of a contraction, read from its IR once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import dropwhile

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized.attributes import element_bytes
from ...dialects.tensorized.linear_form import flat_strides, linear_form, row_major
from ..tensorize.target import TargetFacts
from .blocks import balanced, in_rows, peeled


@dataclass(frozen=True)
class Axis:
    """A dimension of an operand in memory: how far each loop moves along it, in elements, and the bytes from
    one element to the next."""

    moves: tuple[tuple[str, int], ...]
    pitch: int

    def reach(self, counts: Mapping[str, int], units: Mapping[str, int]) -> int:
        """How many positions `counts` iterations of the loops come to, a step being `units` elements (1 where
        there is no entry). Windows that overlap come to some twice."""
        steps = [(units.get(loop, 1) * stride, counts.get(loop, 1)) for loop, stride in self.moves]
        return _reach(tuple(step for step in steps if step[1] > 1))


@lru_cache(maxsize=1 << 14)
def _reach(steps: tuple[tuple[int, int], ...]) -> int:
    if not steps:
        return 1
    common = math.gcd(*(stride for stride, _ in steps))
    span = 1 + sum(stride // common * (count - 1) for stride, count in steps)
    return min(span, math.prod(count for _, count in steps))


@dataclass(frozen=True)
class Operand:
    """An input of a contraction: the loops it varies with, the bytes of an element, and how it lies in
    memory, `axes`; empty where it will be packed, or its access is no linear form."""

    loops: frozenset[str]
    element_bytes: int
    axes: tuple[Axis, ...] = ()

    def elements(self, counts: Mapping[str, int], units: Mapping[str, int]) -> int:
        """The different elements that `counts` iterations read, in steps of `units`: with the lanes of a
        register as unit of the lane loop these are registers."""
        every = math.prod(counts.get(loop, 1) for loop in self.loops)
        return min(every, math.prod(a.reach(counts, units) for a in self.axes)) if self.axes else every


@dataclass(frozen=True)
class Band:
    """A contraction for the estimates: extents of its parallel loops, the loop along neighbouring lanes, the
    lanes of a register along it, its operands, the steps of its reduction loops and how many elements each
    takes of them, the instruction's latency, throughput, machine operations and the registers it takes
    besides its operands, the operations on every accumulator at the end, and whether the reduction may run in
    blocks (accumulators can wait in the output); of registers of several rows their lanes along other loops
    (`tall`), and whether they are a machine's tiles."""

    extents: Mapping[str, int]
    lane_loop: str
    lanes: int
    operands: Sequence[Operand]
    reductions: Mapping[str, int]
    widths: Mapping[str, int]
    latency: int
    per_cycle: float
    operations: int
    scratch: int
    finishing: int
    blockable: bool
    tall: Mapping[str, int] = field(default_factory=dict[str, int])
    in_tiles: bool = False

    @cached_property
    def rows(self) -> list[str]:
        return [name for name, extent in self.extents.items() if name != self.lane_loop and extent > 1]

    @cached_property
    def steps(self) -> int:
        return math.prod(self.reductions.values())

    @cached_property
    def lane_counts(self) -> dict[str, int]:
        """Every loop that lanes run along, and how many of a register."""
        return {self.lane_loop: self.lanes, **self.tall}

    @property
    def height(self) -> int:
        """Rows of a register: vectors that it is loaded by, and stored."""
        return math.prod(self.tall.values())

    @cached_property
    def units(self) -> dict[str, int]:
        """The elements of a step: a register along the lanes, what an instruction sums in a lane."""
        return {**self.lane_counts, **self.widths}

    @cached_property
    def order(self) -> list[str]:
        """Loops the panel varies with, one product after another, then panels, then rows."""
        varies = {n for operand in self.operands if self.lane_loop in operand.loops for n in operand.loops}
        first = [n for n in self.extents if n in varies and n != self.lane_loop]
        return [*first, self.lane_loop, *(n for n in self.extents if n not in (*first, self.lane_loop))]

    @property
    def products(self) -> list[str]:
        """The loops outside the panels."""
        return self.order[: self.order.index(self.lane_loop)]

    def is_panel(self, operand: Operand) -> bool:
        """Whether an operand runs along the lanes and rows read it again."""
        return self.lane_loop in operand.loops and not operand.loops >= set(self.rows)

    def grid(self, tile: Mapping[str, int]) -> dict[str, int]:
        """Tile sizes in registers."""
        return {n: -(-size // self.lane_counts.get(n, 1)) for n, size in tile.items()}

    def blocks(self, loop: str, tile: int) -> list[tuple[int, int]]:
        """(count, size) of the tiles that a loop is cut into."""
        extent = self.extents[loop]
        if loop in self.tall:
            return in_rows(extent, tile, self.tall[loop])
        return (peeled if loop == self.lane_loop else balanced)(extent, tile)

    def room(self, facts: TargetFacts) -> int:
        """The registers that there are."""
        return facts.tile_registers if self.in_tiles else facts.vector_registers

    def loaded(self, counts: Mapping[str, int]) -> list[int]:
        """Registers of each operand that a grid of registers reads in some steps, each of them once."""
        return [operand.elements(counts, self.units) for operand in self.operands]


def contract_band(contract: tensorized.ContractOp, kernel: tensorized.KernelOp) -> Band:
    """What the estimates need to know of `contract`."""
    instruction = contract.declaration()
    names, extents = contract.loop_names, dict(zip(contract.loop_names, contract.extents))
    lane_loop, *tall = contract.lane_loops
    lanes = contract.lane_loops
    widths = {name: width for name, width in contract.widths.items() if width > 1}
    reduced = [name for name, kind in zip(names, contract.kinds) if kind == "reduction"]
    return Band(
        extents={n: extents[n] for n, kind in zip(names, contract.kinds) if kind == "parallel"},
        lane_loop=lane_loop,
        lanes=lanes[lane_loop],
        operands=[
            _operand(value, access, names, contract.extents, kernel.constant_arguments)
            for value, access in zip(contract.inputs, contract.accesses)
        ],
        reductions={name: -(-extents[name] // widths.get(name, 1)) for name in reduced},
        widths=widths,
        latency=instruction.latency.data if instruction.latency else 1,
        per_cycle=instruction.rate,
        operations=instruction.operations,
        scratch=instruction.scratch,
        finishing=_finishing(kernel),
        blockable=not tall and _accumulators_can_wait(kernel, contract, lane_loop),
        tall={name: lanes[name] for name in tall},
        in_tiles=instruction.tile is not None,
    )


def _finishing(kernel: tensorized.KernelOp) -> int:
    """Operations on an element of the contraction's result."""
    nests = kernel.body.block.ops
    after = dropwhile(lambda op: not isinstance(op, tensorized.ContractOp), nests)
    return sum(len(list(op.body.block.ops)) - 1 for op in after if isinstance(op, tensorized.GenericOp))


def _operand(
    value: SSAValue, access: AffineMap, names: Sequence[str], extents: Sequence[int], constants: Iterable[int]
) -> Operand:
    assert isinstance(value.type, TensorType)
    item = element_bytes(value.type.element_type)
    packed = isinstance(value, BlockArgument) and value.index in constants
    loops = frozenset(names[d] for d in access.used_dims())
    return Operand(loops, item, () if packed else _axes(access, value.type.get_shape(), names, extents, item))


def _axes(
    access: AffineMap, shape: Sequence[int], names: Sequence[str], extents: Sequence[int], item: int
) -> tuple[Axis, ...]:
    axes: list[Axis] = []
    for result, stride in zip(access.results, row_major(shape)):
        moves: list[tuple[str, int]] = []
        for atom, coefficient in linear_form(result, extents).terms.items():
            if not isinstance(atom, AffineDimExpr):
                return ()
            moves.append((names[atom.position], abs(coefficient)))
        if moves:
            axes.append(Axis(tuple(moves), stride * item))
    return tuple(axes)


def _accumulators_can_wait(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, lane_loop: str
) -> bool:
    """Whether accumulators may lie in the output between blocks of the reduction: it has their type, and
    a register's elements lie side by side."""
    end = kernel.body.block.last_op
    last = end.operands[0].owner if end is not None else None
    if not isinstance(last, tensorized.GenericOp) or lane_loop not in last.loop_names:
        return False
    out, accumulated = last.res.type, contract.res.type
    assert isinstance(out, TensorType) and isinstance(accumulated, TensorType)
    strides = flat_strides(last.accesses[-1], row_major(out.get_shape()), last.extents)
    along = strides is not None and strides[last.loop_names.index(lane_loop)] == 1
    return (
        along
        and out.element_type == accumulated.element_type
        and not isinstance(last.init.owner, tensorized.NestOperation)
    )
