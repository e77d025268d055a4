"""What stays in which cache while a contraction runs: blocks of the reduction and blocks of rows.

Panels of the lane loop run outside, rows inside, so that a panel stays in the nearest caches while the rows
pass. A panel that is too large for them may run in blocks of the reduction, between which the accumulators
wait in the output; rows that do not stay in the second-level cache while panel after panel passes may run in
blocks of rows. Each costs something else: more passes over the accumulators, or over the panels. The bytes
that each moves from beyond the second-level cache are counted (traffic.py), and the cheapest is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..tensorize.target import TargetFacts
from .band import Band, Operand
from .traffic import L2_SHARE, Nest, traffic

# What a core sustains of memory that its second-level cache does not hold, beside multiply-adds.
FAR_BYTES_PER_CYCLE = 32
# Blocks of a reduction take these parts of the first-level cache.
PANEL_SHARES = (1 / 2, 1, 2)
# Blocks of rows take this part of the second-level cache: small, since weights are cheap to read again and a
# full cache is not.
ROW_SHARE = 1 / 4


@dataclass(frozen=True)
class Blocking:
    """The steps of the reduction between two passes over the rows, and the rows of a block (empty: all)."""

    steps: int
    rows: Mapping[str, int] = field(default_factory=dict[str, int])


def blockings(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> Iterator[Blocking]:
    """No blocks, then those that some cache would hold."""
    rows = [{}, *_row_blocks(band, tile, facts)]
    for steps in (band.steps, *_step_blocks(band, tile, facts)):
        yield from (Blocking(steps, block) for block in rows)


def panel_bytes(band: Band, grid: Mapping[str, int]) -> int:
    """Bytes per step of the operands along the lanes that every row tile reads again."""
    return sum(
        loaded * band.lanes * operand.element_bytes * math.prod(band.widths.values())
        for operand, loaded in zip(band.operands, band.loaded(grid))
        if band.is_panel(operand)
    )


def _step_blocks(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> list[int]:
    step_bytes = panel_bytes(band, band.grid(tile))
    if not band.blockable or not step_bytes:
        return []
    sizes = (max(1, int(facts.l1_bytes * share) // step_bytes) for share in PANEL_SHARES)
    return [size for size in sizes if size < band.steps]


def _row_blocks(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> list[dict[str, int]]:
    """Blocks of the first loop of rows, whole tiles of it."""
    if band.extents[band.lane_loop] <= tile[band.lane_loop]:
        return []
    blocks: list[dict[str, int]] = []
    for operand in band.operands:
        names = [n for n in band.rows if n in operand.loops and n not in band.products]
        if band.lane_loop in operand.loops or not names:
            continue
        first, extent = names[0], band.extents[names[0]]
        inside = {**band.extents, **{n: 1 for n in band.products}, **_elements(band)}
        each = operand.elements(inside, {}) * operand.element_bytes / extent
        size = _even_rows(extent, int(facts.l2_bytes * ROW_SHARE / each), tile.get(first, 1))
        if size < extent:
            blocks.append({first: size})
    return blocks


def _even_rows(extent: int, most: int, tile: int) -> int:
    """About `most` rows, whole tiles, that cut the loop into nearly equal blocks."""
    count = -(-extent // max(tile, most // tile * tile))
    return -(-extent // (count * tile)) * tile


def _elements(band: Band) -> dict[str, int]:
    return {name: steps * band.widths.get(name, 1) for name, steps in band.reductions.items()}


def nest_of(band: Band, tile: Mapping[str, int], blocking: Blocking) -> Nest:
    """The loops as the schedule orders them."""
    panels, rows = [*band.products, band.lane_loop], [n for n in band.order if n in band.rows]
    nest = [(name, tile.get(name, 1)) for name in band.products]
    nest += blocking.rows.items()
    nest += [(band.lane_loop, tile[band.lane_loop]), *_reduction_blocks(band, blocking.steps)]
    nest += [(name, tile.get(name, 1)) for name in rows if name not in panels]
    return [*nest, *((name, band.widths.get(name, 1)) for name in band.reductions)]


def _reduction_blocks(band: Band, steps: int) -> list[tuple[str, int]]:
    return list(reduction_blocks(band, steps).items())


def reduction_blocks(band: Band, steps: int) -> dict[str, int]:
    """Tiles of the reduction loops, outermost first, so that about `steps` steps run in a block; empty if
    all of them fit."""
    names, blocks = list(band.reductions), dict[str, int]()
    for i, name in enumerate(names):
        width = band.widths.get(name, 1)
        extent = band.reductions[name] * width
        inside = math.prod(band.reductions[n] for n in names[i + 1 :])
        tile = max(1, steps // inside) * width
        if tile >= extent:
            break
        blocks[name] = _even_block(extent, tile, width)
        if inside <= steps:
            break
    return blocks


def _even_block(extent: int, tile: int, width: int) -> int:
    """About `tile` iterations that cut the loop into equal blocks, if there are such: every distinct size is
    one more copy of the loops inside."""
    even = max((size for size in range(width, tile + 1, width) if extent % size == 0), default=0)
    return even if 3 * even >= 2 * tile else tile


def far_cycles(band: Band, tile: Mapping[str, int], blocking: Blocking, facts: TargetFacts) -> float:
    """Cycles of what comes from beyond the second-level cache; the result is read and written in every
    block of the reduction."""
    result = Operand(frozenset(band.extents), 4)
    passes = 2 if blocking.steps < band.steps else 1
    moved = traffic(band, nest_of(band, tile, blocking), [*band.operands, result], facts.l2_bytes * L2_SHARE)
    return (sum(moved) + (passes - 1) * moved[-1]) / FAR_BYTES_PER_CYCLE
