"""schedule-kernels: loop order, tiles and packing of every kernel, by analytic rules.

Expects: kernels after `tensorize-match` (contracts, lanes), and the target record on the module. A kernel
that has a schedule already keeps it, if it fits.
Leaves: a `schedule` on every kernel, with a level of threads where several share it, packed compile-time
operands, `tensorized.pack` in the callers.

A contraction runs panel by panel of its lane loop, rows inside, so that a panel of weights stays in the
nearest caches; where it is too large for them the reduction runs in blocks, and where the rows' operand
does not stay in the second-level cache an outer level cuts the rows into blocks that do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import BlockArgument
from xdsl.passes import ModulePass

from ..dialects import tensorized
from ..dialects.tensorized import LevelAttr
from ..dialects.tensorized.attributes import element_bytes
from ..dialects.tensorized.linear_form import flat_strides, row_major
from .schedule.blocks import even_part
from .schedule.check import check_contraction, check_others
from .schedule.packing import Calls, calls_by_kernel, pack_contract, pad_parameters
from .schedule.register_tile import Band, block_steps, body_steps
from .schedule.threads import split_contraction, split_kernel
from .schedule.transform import schedule_transform
from .tensorize.target import TargetFacts, target_facts

# The part of the second-level cache that the rows of a contraction may take, and the part that a block of
# them takes where they are cut: small, since weights are cheap to read again and a full cache is not.
ROWS_SHARE = 3 / 4
BLOCK_SHARE = 1 / 4
# Registers of one elementwise tile: enough to hide a load's latency.
ELEMENTWISE_REGISTERS = 4
# Loops of up to so many iterations whose elements lie between those of neighbouring lanes are in the tile:
# their registers are stored interleaved, whole registers instead of single elements.
INTERLEAVED = 4
# A row of at most this many registers runs beside others, in a tile of so many registers: combining lanes
# takes long, and the other rows have something to do meanwhile.
SHORT_ROW = 16
ROW_REGISTERS = 8


@dataclass(frozen=True)
class ScheduleKernelsPass(ModulePass):
    name = "schedule-kernels"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        facts, calls = target_facts(op), calls_by_kernel(op)
        for kernel in tensorized.kernels(op):
            contracts = [c for c in kernel.body.block.ops if isinstance(c, tensorized.ContractOp)]
            transforms = [t for t in kernel.body.block.ops if isinstance(t, tensorized.TransformOp)]
            given = kernel.schedule is not None
            if contracts:
                _schedule_contract(calls.get(kernel.sym_name.data, []), kernel, contracts[0], facts)
            elif given:
                check_others(kernel, facts)
            elif transforms:
                schedule_transform(kernel, transforms[0])
                split_kernel(kernel, facts)
            elif any(isinstance(n, tensorized.GenericOp) and n.is_reduction for n in kernel.body.block.ops):
                _schedule_rows(kernel)
                split_kernel(kernel, facts)
            else:
                _schedule_elementwise(kernel)
                split_kernel(kernel, facts)


def _schedule_contract(
    calls: Calls, kernel: tensorized.KernelOp, contract: tensorized.ContractOp, facts: TargetFacts
) -> None:
    band = contract_band(contract, kernel)
    if kernel.schedule is None:
        split = split_contraction(kernel, contract, band, facts)
        choice = analytic_choice(contract, split.band, facts, split.tile)
        levels = contract_levels(kernel, contract, split.band, choice)
        kernel.set_schedule(kernel.lane_counts, [*split.levels, *levels])
    else:
        check_contraction(kernel, contract, band, facts)
    panel = next(
        level for level in reversed(list(kernel.schedule or ())) if band.lane_loop in level.loop_order
    )
    width = panel.tiles[band.lane_loop]
    pack_contract(calls, kernel, contract, width, facts)
    pad_parameters(calls, kernel, band.lane_loop, band.extents[band.lane_loop], width)


@dataclass(frozen=True)
class Choice:
    """What decides the levels of a contraction: the register tile, the reduction steps that run between two
    passes over the rows, the rows of a block that stays in the second-level cache (empty: all), whether
    panels run outside rows, and whether the block of weights that follows is fetched ahead."""

    tile: Mapping[str, int]
    steps: int
    block: Mapping[str, int]
    panels_outside: bool = True
    prefetch: bool = True


def analytic_choice(
    contract: tensorized.ContractOp, band: Band, facts: TargetFacts, tile: Mapping[str, int]
) -> Choice:
    """The choice by the rules, around a register tile."""
    tile = {band.lane_loop: band.lanes, **tile}
    return Choice(tile, block_steps(band, tile, facts), _cache_block(contract, band, tile, facts))


def contract_levels(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, choice: Choice
) -> list[LevelAttr]:
    """The levels that a choice means."""
    tile = choice.tile
    names, kinds = contract.loop_names, contract.kinds
    reductions = [n for n, kind in zip(names, kinds) if kind == "reduction"]
    order = panel_order(contract, band.lane_loop)
    products = order[: order.index(band.lane_loop)]
    if not choice.panels_outside:
        order = [n for n in order if n != band.lane_loop] + [band.lane_loop]
    fetched = _fetched(kernel, contract, band, tile) if choice.prefetch else []
    levels = [
        LevelAttr.of(order, tile, fetched),
        LevelAttr.of(reductions, _bodies(contract, band, tile, reductions)),
    ]
    blocks = _reduction_blocks(contract, reductions, choice.steps) if choice.panels_outside else {}
    if blocks:
        panels, rows = order[: order.index(band.lane_loop) + 1], order[order.index(band.lane_loop) + 1 :]
        levels[:1] = [
            LevelAttr.of(panels, {n: size for n, size in tile.items() if n in panels}),
            LevelAttr.of(list(blocks), blocks, fetched),
            LevelAttr.of(rows, {n: size for n, size in tile.items() if n in rows}),
        ]
    if choice.block:
        first = levels[0]
        inside = {n: size for n, size in first.tiles.items() if n not in products}
        levels[:1] = [
            *([LevelAttr.of(products, {n: tile.get(n, 1) for n in products})] if products else []),
            LevelAttr.of(list(choice.block), choice.block),
            LevelAttr.of([n for n in first.loop_order if n not in products], inside, first.fetched),
        ]
    return levels


def _bodies(
    contract: tensorized.ContractOp, band: Band, tile: Mapping[str, int], reductions: Sequence[str]
) -> dict[str, int]:
    """Tiles of the reduction loops in their last level: the steps that stand one after another in a loop's
    body, the innermost loops first."""
    extents, widths = dict(zip(contract.loop_names, contract.extents)), contract.widths
    left, bodies = body_steps(band, tile), dict[str, int]()
    for name in reversed(reductions):
        width = widths.get(name, 1)
        steps = -(-extents[name] // width)
        bodies[name] = even_part(steps, left) * width
        left //= even_part(steps, left)
        if bodies[name] < extents[name]:
            break
    return {name: size for name, size in bodies.items() if size > 1}


def contract_band(contract: tensorized.ContractOp, kernel: tensorized.KernelOp) -> Band:
    """What the tile estimate needs to know of `contract`."""
    instruction = contract.declaration()
    names, extents = contract.loop_names, dict(zip(contract.loop_names, contract.extents))
    lanes = kernel.lane_counts
    lane_loop = next(name for name in names if name in lanes)
    reduced = contract.widths
    steps = math.prod(
        -(-extent // reduced.get(name, 1))
        for name, extent, kind in zip(names, contract.extents, contract.kinds)
        if kind == "reduction"
    )
    return Band(
        extents={n: extents[n] for n, kind in zip(names, contract.kinds) if kind == "parallel"},
        lane_loop=lane_loop,
        lanes=lanes[lane_loop],
        operands=[frozenset(names[d] for d in access.used_dims()) for access in contract.accesses[:-1]],
        lane_bytes=[
            element_bytes(v.type.element_type) * math.prod(reduced.values())
            for v in contract.inputs
            if isinstance(v.type, TensorType)
        ],
        steps=steps,
        latency=instruction.latency.data if instruction.latency else 1,
        per_cycle=instruction.per_cycle.data if instruction.per_cycle else 1,
        operations=instruction.operations,
        scratch=instruction.scratch,
        blockable=_accumulators_can_wait(kernel, contract, lane_loop),
    )


def _fetched(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, tile: Mapping[str, int]
) -> list[int]:
    """Operands packed at compile time that are read again, tile by tile, along the loops they miss."""
    return [
        i
        for i, value in enumerate(contract.inputs)
        if isinstance(value, BlockArgument)
        and value.index in kernel.constant_arguments
        and band.lane_loop in band.operands[i]
        and any(n not in band.operands[i] and band.extents[n] > tile.get(n, 1) for n in band.rows)
    ]


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


def _reduction_blocks(contract: tensorized.ContractOp, reductions: list[str], steps: int) -> dict[str, int]:
    """Tiles of the reduction loops, outermost first, so that about `steps` steps run in a block; empty if
    all of them fit."""
    extents = dict(zip(contract.loop_names, contract.extents))
    widths = contract.widths
    blocks: dict[str, int] = {}
    for i, name in enumerate(reductions):
        width = widths.get(name, 1)
        inside = math.prod(-(-extents[n] // widths.get(n, 1)) for n in reductions[i + 1 :])
        tile = max(1, steps // inside) * width
        if tile >= extents[name]:
            break
        blocks[name] = _even_block(extents[name], tile, width)
        if inside <= steps:
            break
    return blocks


def _even_block(extent: int, tile: int, width: int) -> int:
    """About `tile` iterations that cut the loop into equal blocks, if there are such: every distinct size is
    one more copy of the loops inside."""
    even = max((size for size in range(width, tile + 1, width) if extent % size == 0), default=0)
    return even if 3 * even >= 2 * tile else tile


def panel_order(contract: tensorized.ContractOp, lane_loop: str) -> list[str]:
    """Loops the panel varies with, one product after another, then panels, then rows."""
    parallel = [n for n, kind in zip(contract.loop_names, contract.kinds) if kind == "parallel"]
    varies: set[str] = set()
    for access in contract.accesses[:-1]:
        used = {contract.loop_names[d] for d in access.used_dims()}
        if lane_loop in used:
            varies |= used
    first = [n for n in parallel if n in varies and n != lane_loop]
    return [*first, lane_loop, *(n for n in parallel if n not in first and n != lane_loop)]


def _cache_block(
    contract: tensorized.ContractOp, band: Band, tile: Mapping[str, int], facts: TargetFacts
) -> dict[str, int]:
    """Rows per block, if what every panel of a product reads again does not stay in the second-level cache
    beside the panels that pass through."""
    order = panel_order(contract, band.lane_loop)
    products = order[: order.index(band.lane_loop)]
    for value, access in zip(contract.inputs, contract.accesses):
        used = {contract.loop_names[d] for d in access.used_dims()}
        if band.lane_loop in used or not isinstance(value.type, TensorType):
            continue
        # A stride may skip most of the buffer.
        touched = math.prod(contract.extents[d] for d in access.used_dims())
        size = min(math.prod(value.type.get_shape()), touched) * element_bytes(value.type.element_type)
        # What one part reads of one product.
        full = dict(zip(contract.loop_names, contract.extents))
        for name in used & set(band.extents):
            size = size * (1 if name in products else band.extents[name]) // full[name]
        rows = [name for name in band.rows if name in used and name not in products]
        if (
            rows
            and band.extents[band.lane_loop] > tile[band.lane_loop]
            and size > facts.l2_bytes * ROWS_SHARE
        ):
            extent = band.extents[rows[0]]
            block = max(1, int(extent * facts.l2_bytes * BLOCK_SHARE / size))
            step = tile.get(rows[0], 1)
            return {rows[0]: min(extent, max(step, block // step * step))} if block < extent else {}
    return {}


def _schedule_rows(kernel: tensorized.KernelOp) -> None:
    """Two levels: the band, row after row (or a few registers of rows), and inside it the row, whose loop
    along the lanes is its innermost."""
    lanes = kernel.lane_counts
    extents: dict[str, int] = {}
    row: set[str] = set()
    for nest in kernel.body.block.ops:
        if isinstance(nest, tensorized.GenericOp):
            extents |= dict(zip(nest.loop_names, nest.extents))
            row |= {n for n, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
    registers = {name: min(ELEMENTWISE_REGISTERS, -(-extents[name] // n)) for name, n in lanes.items()}
    tile = {name: registers[name] * n for name, n in lanes.items()}
    band = [name for name in extents if name not in row]
    (lane_loop,) = lanes
    if lane_loop in row and math.prod(extents[n] for n in row) <= SHORT_ROW * lanes[lane_loop]:
        tile[band[-1]] = ROW_REGISTERS // registers[lane_loop]
    levels = [
        LevelAttr.of(order, {n: size for n, size in tile.items() if n in order})
        for order in (band, sorted((n for n in extents if n in row), key=lambda n: n == lane_loop))
    ]
    kernel.set_schedule(lanes, levels)


def _schedule_elementwise(kernel: tensorized.KernelOp) -> None:
    lanes = kernel.lane_counts
    order: list[str] = []
    tile: dict[str, int] = {}
    for nest in kernel.body.block.ops:
        if not isinstance(nest, tensorized.GenericOp):
            continue
        order += [name for name in nest.loop_names if name not in order]
        for name, extent in zip(nest.loop_names, nest.extents):
            if name in lanes:
                registers = min(ELEMENTWISE_REGISTERS, -(-extent // lanes[name]))
                tile[name] = registers * lanes[name]
        tile |= _interleaved(nest, lanes)
    kernel.set_schedule(lanes, [LevelAttr.of(order, tile)])


def _interleaved(nest: tensorized.GenericOp, lanes: dict[str, int]) -> dict[str, int]:
    """The loops inside the lane loop in the output, with their extents, if they fill the space between its
    elements: the channels of an image of three, read plane by plane and written pixel by pixel."""
    assert isinstance(nest.res.type, TensorType)
    strides = flat_strides(nest.accesses[-1], row_major(nest.res.type.get_shape()), nest.extents)
    if strides is None:
        return {}
    across = max((s for name, s in zip(nest.loop_names, strides) if name in lanes), default=0)
    inside = {
        name: extent for name, extent, s in zip(nest.loop_names, nest.extents, strides) if 0 < s < across
    }
    return inside if 1 < math.prod(inside.values()) == across <= INTERLEAVED else {}
