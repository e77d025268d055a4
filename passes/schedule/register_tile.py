"""The register tile of a contraction, by an analytic estimate of its cycles.

A tile of `rows x NV` accumulators runs one step of the reduction in

    max(rows * NV / instructions per cycle, operations / vector units, latency, loads / loads per cycle,
        (operations + loads) / issue width)

cycles, and pays once per tile for its start values and epilogue, or once per block of the reduction. To that
come cycles in which the tile waits for the caches (blocking.py, traffic.py). The shape
with the fewest cycles over the whole band wins; ragged ends are counted as the tiles they really are.
After UNIT's analytic first choice and the register rule MR * NV + NV + 1 <= registers of hand-written
GEMM kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ..tensorize.target import TargetFacts
from .band import Band
from .blocking import Blocking, blockings, far_cycles, nest_of, panel_bytes
from .body import Body, bodies
from .shapes import fitting_tiles
from .traffic import CACHE_SHARE, LINE_BYTES, contiguous_bytes, crowded, traffic

ISSUE_WIDTH = 6
# Vector operations that start in a cycle: a multiplication and an addition for each accumulator were measured
# at 3.2, of four units that add and two that multiply.
VECTOR_WIDTH = 3.2
# Of a tile's start and end. Those of a short tile, and its latency, hide behind its neighbours: they are in
# flight together.
TILE_OVERHEAD_CYCLES = 12
SHORT_OVERHEAD_CYCLES = 4
SHORT_INSTRUCTIONS = 128
# As many accumulators as the latency asks for leave no room for a load that is late.
LATENCY_SLACK = 1.15
# What a core sustains from its second-level cache while it computes: measured beside multiply-adds at 90 % of
# their peak; the hardware moves 32.
L2_BYTES_PER_CYCLE = 16
# What comes from there in runs too short for the core to fetch ahead, and is waited for.
SHORT_RUN_BYTES = 256
WAITED_BYTES_PER_CYCLE = 28
# Of the loads a core can issue, those that get through while panels stream from a farther cache: tiles of one
# register a row, a load for every multiply-add, reached half of the peak.
LOADS_SUSTAINED = 0.8
# Cycles that a load takes beside chains of three operations, which leave the core few gaps: kernels of tiles
# with the same arithmetic, and 0.7 or 1.1 loads a chain, differed by that much.
LOAD_BESIDE_CHAINS = 0.1
LONG_CHAIN = 3
# Tiles that are tried with all blocks: those that compute in so many times the least cycles, none smaller.
NEAR = 1.02
MOST_NEAR = 12


@dataclass(frozen=True)
class Plan:
    """A register tile with the body of its reduction and its blocks; the estimated cycles of the whole band,
    and of these the ones that it computes, waits for the second-level cache, and for what lies beyond."""

    tile: Mapping[str, int]
    body: Body
    blocking: Blocking
    computing: float
    near: float
    far: float

    @property
    def cycles(self) -> float:
        return self.computing + self.near + self.far

    def accumulators(self, band: Band) -> int:
        return math.prod(band.grid(self.tile).values())


def choose_plan(band: Band, facts: TargetFacts) -> Plan:
    """The plan with the fewest cycles."""
    return ranked_plans(band, facts)[0]


def ranked_plans(band: Band, facts: TargetFacts) -> list[Plan]:
    """Every tile that fits, the one with the fewest cycles first; of those that cut the loops into equal
    blocks the largest. Only what may be best is tried with all blocks."""
    shapes = {_shape(band, tile): tile for tile in fitting_tiles(band, facts)}
    plans = sorted((_unblocked(band, tile, facts) for tile in shapes.values()), key=_rank(band))
    first = plans[0]
    near = [
        plan
        for plan in plans[:MOST_NEAR]
        if plan.cycles <= NEAR * first.cycles and plan.accumulators(band) >= first.accumulators(band)
    ]
    rest = [plan for plan in plans if plan not in near]
    blocked = [plan_tile(band, plan.tile, facts) for plan in near]
    return [*sorted(blocked, key=_rank(band)), *rest]


def plan_tile(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> Plan:
    """The best body and blocks for a register tile."""
    plans = (
        replace(_within(band, tile, blocking, facts), far=far_cycles(band, tile, blocking, facts))
        for blocking in blockings(band, tile, facts)
    )
    return min(plans, key=lambda plan: plan.cycles)


def _unblocked(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> Plan:
    return _within(band, tile, Blocking(band.steps), facts)


def _within(band: Band, tile: Mapping[str, int], blocking: Blocking, facts: TargetFacts) -> Plan:
    """The best body for a tile in blocks; what lies beyond the second-level cache left out."""
    body = choose_body(band, tile, blocking.steps, facts)
    computing = _computing(band, tile, body, blocking.steps, facts)
    return Plan(tile, body, blocking, computing, _near(band, tile, body, facts), 0)


def choose_body(band: Band, tile: Mapping[str, int], in_block: int, facts: TargetFacts) -> Body:
    """The body with the fewest cycles; a window is not cut by blocks of the reduction."""
    found = bodies(band, tile, band.room(facts))
    if in_block < band.steps:
        return next(found)
    return min(found, key=lambda body: _computing(band, tile, body, in_block, facts))


def _rank(band: Band) -> Callable[[Plan], tuple[float, ...]]:
    """By cycles; ties go to the larger tile, of registers with rows to the one with fewer loads, and to the
    one that lies along inner loops: its rows are neighbours in memory."""
    return lambda plan: (
        plan.cycles,
        -math.prod(plan.tile.values()),
        sum(band.loaded(band.grid(plan.tile))) if band.tall else 0,
        *(plan.tile.get(name, 1) for name in band.rows),
    )


def _shape(band: Band, tile: Mapping[str, int]) -> tuple[int, ...]:
    """The largest blocks that a tile cuts the loops into."""
    return tuple(
        tile.get(name, 1) if name in band.lane_counts else band.blocks(name, tile.get(name, 1))[0][1]
        for name in band.extents
    )


def _computing(band: Band, tile: Mapping[str, int], body: Body, in_block: int, facts: TargetFacts) -> float:
    """Estimated cycles of the whole band, every ragged tile at its own size."""
    blocks = [band.blocks(name, size) for name, size in tile.items()]
    outside = math.prod(extent for name, extent in band.extents.items() if name not in tile)
    total = 0.0
    for shape in product(*blocks):
        count = math.prod(n for n, _ in shape)
        grid = band.grid({name: size for name, (_, size) in zip(tile, shape)})
        total += count * _tile_cycles(band, grid, body, in_block, facts)
    return total * outside


def _tile_cycles(band: Band, grid: Mapping[str, int], body: Body, in_block: int, facts: TargetFacts) -> float:
    accumulators = math.prod(grid.values())
    loaded = band.loaded({**grid, **body.steps})
    loads = sum(loaded) * band.height / body.count
    streamed = panel_bytes(band, grid)
    operations = accumulators * band.operations + broadcasts(band, loaded, facts) / body.count
    instructions = operations + loads
    streaming = streamed / L2_BYTES_PER_CYCLE if in_block * streamed > facts.l1_bytes * CACHE_SHARE else 0
    short = instructions * in_block <= SHORT_INSTRUCTIONS
    step = max(
        accumulators / band.per_cycle,
        operations / VECTOR_WIDTH,
        0 if short else band.latency * LATENCY_SLACK,
        loads / (facts.loads_per_cycle * LOADS_SUSTAINED),
        (instructions + 2) / ISSUE_WIDTH,
        streaming,
    )
    if band.operations >= LONG_CHAIN:
        step += LOAD_BESIDE_CHAINS * loads
    overhead = SHORT_OVERHEAD_CYCLES if short else TILE_OVERHEAD_CYCLES
    return step * band.steps + -(-band.steps // in_block) * (overhead + 2 * accumulators * band.height)


def broadcasts(band: Band, loaded: Sequence[int], facts: TargetFacts) -> int:
    """Vector operations that put an element into all lanes, of the registers that are loaded."""
    rows = (n for n, operand in zip(loaded, band.operands) if band.lane_loop not in operand.loops)
    return facts.broadcast_operations * sum(rows)


def _near(band: Band, tile: Mapping[str, int], body: Body, facts: TargetFacts) -> float:
    """Cycles that tiles wait for what comes in short runs from the second-level cache: every load, where the
    rows of a tile push one another out of the first."""
    reduced = {name: steps * band.widths.get(name, 1) for name, steps in band.reductions.items()}
    sizes = {**tile, **reduced}
    run = {**sizes, band.lane_loop: band.lanes}
    waits = [
        bool(x.axes) and not band.is_panel(x) and contiguous_bytes(x, run) < SHORT_RUN_BYTES
        for x in band.operands
    ]
    if not any(waits):
        return 0.0
    moved = traffic(
        band, nest_of(band, tile, Blocking(band.steps)), band.operands, facts.l1_bytes * CACHE_SHARE
    )
    tiles = math.prod(-(-extent // tile.get(name, 1)) for name, extent in band.extents.items())
    rounds = tiles * band.steps // body.count
    loaded = band.loaded({**band.grid(tile), **body.steps})
    total = 0
    for operand, wait, bytes_, registers in zip(band.operands, waits, moved, loaded):
        if wait:
            missed = crowded(operand, sizes, facts.l1_bytes)
            total += max(bytes_, rounds * registers * band.height * LINE_BYTES) if missed else bytes_
    return total / WAITED_BYTES_PER_CYCLE
