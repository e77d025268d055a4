"""The levels of a contraction's schedule, from what was chosen for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import BlockArgument

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ..tensorize.target import TargetFacts
from .band import Band
from .blocking import reduction_blocks
from .body import steps_of
from .register_tile import choose_body, plan_tile


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


def analytic_choice(band: Band, facts: TargetFacts, tile: Mapping[str, int]) -> Choice:
    """The choice by the rules, around a register tile."""
    tile = {**band.lane_counts, **tile}
    blocking = plan_tile(band, tile, facts).blocking
    return Choice(tile, blocking.steps, blocking.rows)


def contract_levels(
    kernel: tensorized.KernelOp,
    contract: tensorized.ContractOp,
    band: Band,
    choice: Choice,
    facts: TargetFacts,
) -> list[LevelAttr]:
    """The levels that a choice means."""
    tile, products, order = choice.tile, band.products, band.order
    if not choice.panels_outside:
        order = [n for n in order if n != band.lane_loop] + [band.lane_loop]
    fetched = _fetched(kernel, contract, band, tile) if choice.prefetch and not band.tall else []
    body = choose_body(band, tile, choice.steps, facts)
    levels = [
        LevelAttr.of(order, tile, fetched),
        LevelAttr.of(list(band.reductions), steps_of(band, body, tile)),
    ]
    blocks = reduction_blocks(band, choice.steps) if choice.panels_outside else {}
    if blocks:
        panels, rows = order[: order.index(band.lane_loop) + 1], order[order.index(band.lane_loop) + 1 :]
        levels[:1] = [
            LevelAttr.of(panels, _of(tile, panels)),
            LevelAttr.of(list(blocks), blocks, fetched),
            LevelAttr.of(rows, _of(tile, rows)),
        ]
    if choice.block:
        first = levels[0]
        inside = [n for n in first.loop_order if n not in products]
        levels[:1] = [
            *([LevelAttr.of(products, {n: tile.get(n, 1) for n in products})] if products else []),
            LevelAttr.of(list(choice.block), choice.block),
            LevelAttr.of(inside, _of(first.tiles, inside), first.fetched),
        ]
    return levels


def _of(tiles: Mapping[str, int], loops: Sequence[str]) -> dict[str, int]:
    return {n: size for n, size in tiles.items() if n in loops}


def _fetched(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, tile: Mapping[str, int]
) -> list[int]:
    """Operands packed at compile time that rows read again, tile by tile, while they pass over a panel."""
    return [
        i
        for i, value in enumerate(contract.inputs)
        if isinstance(value, BlockArgument)
        and value.index in kernel.constant_arguments
        and band.lane_loop in band.operands[i].loops
        and any(
            n not in band.operands[i].loops and band.extents[n] > tile.get(n, 1)
            for n in band.rows
            if n not in band.products
        )
    ]
