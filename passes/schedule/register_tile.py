"""The register tile of a contraction, by an analytic estimate of its cycles.

A tile of `rows x NV` accumulators runs one step of the reduction in

    max(rows * NV / instructions per cycle, operations / vector units, latency, loads / loads per cycle,
        (operations + loads) / issue width)

cycles, and pays once per tile for its start values and epilogue, or once per block of the reduction
where its panel is too large to stream from the second-level cache. The shape
with the fewest cycles over the whole band wins; ragged ends are counted as the tiles they really are.
After UNIT's analytic first choice and the register rule MR * NV + NV + 1 <= registers of hand-written
GEMM kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..tensorize.target import TargetFacts
from .blocks import balanced, peeled

ISSUE_WIDTH = 6
# Vector operations that start in a cycle: a multiplication and an addition for each accumulator were measured
# at 3.2, of four units that add and two that multiply.
VECTOR_WIDTH = 3.2
TILE_OVERHEAD_CYCLES = 12
LARGEST_ROWS = 28
# Instructions of a loop's body: where another thread shares the core, those that count and fetch ahead are
# what a tile waits for.
BODY_INSTRUCTIONS = 80
# What a core sustains from its second-level cache while it computes; 16 bytes per cycle were measured
# beside multiply-adds at 90 % of their peak, and the hardware moves 32.
L2_BYTES_PER_CYCLE = 20
# Of the loads a core can issue, those that get through while panels stream from a farther cache: tiles of one
# register a row, a load for every multiply-add, reached half of the peak.
LOADS_SUSTAINED = 0.8
# A panel up to this part of the second-level cache streams from there; a larger one runs in blocks that
# take that part of the first-level cache, so that rows and accumulators pass through the rest.
STREAMED_SHARE = 2
BLOCK_SHARE = 2


@dataclass(frozen=True)
class Band:
    """What the estimate needs to know of a contraction: extents of its parallel loops, the loop along
    lanes, the lanes of a register, for every operand the loops it varies with and the bytes that a lane
    takes of it in a step, the number of reduction steps, the instruction's latency, throughput, machine
    operations and the registers it takes besides its operands, and whether the reduction may run in blocks
    (accumulators can wait in the output)."""

    extents: Mapping[str, int]
    lane_loop: str
    lanes: int
    operands: Sequence[frozenset[str]]
    lane_bytes: Sequence[int]
    steps: int
    latency: int
    per_cycle: int
    operations: int
    scratch: int
    blockable: bool

    @cached_property
    def rows(self) -> list[str]:
        return [name for name, extent in self.extents.items() if name != self.lane_loop and extent > 1]


def choose_tile(band: Band, facts: TargetFacts) -> dict[str, int]:
    """Loop -> tile size; the lane loop's is a multiple of the lanes. Loops not named have tile 1."""
    best = min(
        _candidates(band, facts), key=lambda tile: (tile_cycles(band, tile, facts), -math.prod(tile.values()))
    )
    return {name: size for name, size in best.items() if size > 1}


def ranked_tiles(band: Band, facts: TargetFacts) -> list[tuple[float, dict[str, int]]]:
    """Every tile that fits with its estimated cycles, the best first; of those that cut the loops into equal
    blocks one."""
    ranked: dict[tuple[int, ...], tuple[float, dict[str, int]]] = {}
    for tile in _candidates(band, facts):
        largest = {
            n: size if n == band.lane_loop else balanced(band.extents[n], size)[0][1]
            for n, size in tile.items()
        }
        shape = tuple(largest.get(name, 1) for name in band.extents)
        ranked.setdefault(shape, (tile_cycles(band, largest, facts), largest))
    return sorted(ranked.values(), key=lambda one: (one[0], -math.prod(one[1].values())))


def _candidates(band: Band, facts: TargetFacts) -> Iterator[dict[str, int]]:
    registers = -(-band.extents[band.lane_loop] // band.lanes)
    widths = range(1, min(facts.vector_registers, registers) + 1)
    shapes: list[dict[str, int]] = [{}]
    for name in band.rows:
        shapes += [{name: size} for size in range(2, min(LARGEST_ROWS, band.extents[name]) + 1)]
    for outer, inner in zip(band.rows, band.rows[1:]):
        pairs = product(range(2, min(8, band.extents[outer]) + 1), range(2, min(8, band.extents[inner]) + 1))
        shapes += [{outer: a, inner: b} for a, b in pairs if a * b <= LARGEST_ROWS]
    for shape, width in product(shapes, widths):
        if math.prod(shape.values()) * width > facts.vector_registers:
            continue  # most shapes: the accumulators alone do not fit
        tile = {**shape, band.lane_loop: width * band.lanes}
        if width == 1 and not shape or _registers(band, tile) <= facts.vector_registers:
            yield tile


def _grid(band: Band, tile: Mapping[str, int]) -> dict[str, int]:
    """Tile sizes in registers."""
    return {n: -(-size // band.lanes) if n == band.lane_loop else size for n, size in tile.items()}


def _loaded(band: Band, grid: Mapping[str, int]) -> list[int]:
    """Registers of each operand that one step reads."""
    return [math.prod(size for name, size in grid.items() if name in varies) for varies in band.operands]


def _registers(band: Band, tile: Mapping[str, int]) -> int:
    """Accumulators, scratch, and what the operands hold while the grid runs row by row, lanes innermost: an
    operand that misses a loop is read again when that loop steps, so what varies inside it stays in
    registers; one that misses none streams through one register."""
    grid = _grid(band, tile)
    order = [name for name in (*band.rows, band.lane_loop) if grid.get(name, 1) > 1]
    held = 0
    for varies in band.operands:
        missing = next((i for i, name in enumerate(order) if name not in varies), len(order))
        held += math.prod(grid[name] for name in order[missing:] if name in varies)
    return math.prod(grid.values()) + held + band.scratch


def block_steps(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> int:
    """Reduction steps of a panel between two passes over the rows: all of them, if the panel can stream
    from the second-level cache, is read only once, or the reduction cannot run in blocks."""
    step_bytes = _panel_bytes(band, _grid(band, tile))
    if not band.blockable or not step_bytes or band.steps * step_bytes <= facts.l2_bytes // STREAMED_SHARE:
        return band.steps
    return max(1, facts.l1_bytes // BLOCK_SHARE // step_bytes)


def body_steps(band: Band, tile: Mapping[str, int]) -> int:
    """Steps of the reduction that stand in a loop's body, so that counting them takes few instructions. One
    where no register is used twice, as in a depthwise convolution: neighbouring steps read the same
    elements there, and LLVM would keep those in registers that it does not have."""
    grid = _grid(band, tile)
    accumulators, loads = math.prod(grid.values()), sum(_loaded(band, grid))
    most = BODY_INSTRUCTIONS // (accumulators * band.operations + loads)
    return max(1, most) if loads <= accumulators else 1


def _panel_bytes(band: Band, grid: Mapping[str, int]) -> int:
    """Bytes per step of the operands along the lanes that every row tile reads again."""
    return sum(
        loaded * band.lanes * size
        for varies, size, loaded in zip(band.operands, band.lane_bytes, _loaded(band, grid))
        if band.lane_loop in varies and not varies >= set(band.rows)
    )


def tile_cycles(band: Band, tile: Mapping[str, int], facts: TargetFacts) -> float:
    """Estimated cycles of the whole band, every ragged tile at its own size."""
    blocks = [
        (peeled if name == band.lane_loop else balanced)(band.extents[name], size)
        for name, size in tile.items()
    ]
    outside = math.prod(extent for name, extent in band.extents.items() if name not in tile)
    in_block = block_steps(band, tile, facts)
    rounds = -(-band.steps // in_block)
    total = 0.0
    for shape in product(*blocks):
        count = math.prod(n for n, _ in shape)
        grid = _grid(band, {name: size for name, (_, size) in zip(tile, shape)})
        accumulators, loads = math.prod(grid.values()), sum(_loaded(band, grid))
        streamed = _panel_bytes(band, grid)
        step = max(
            accumulators / band.per_cycle,
            accumulators * band.operations / VECTOR_WIDTH,
            band.latency,
            loads / (facts.loads_per_cycle * LOADS_SUSTAINED),
            (accumulators * band.operations + loads + 2) / ISSUE_WIDTH,
            streamed / L2_BYTES_PER_CYCLE if in_block * streamed > facts.l1_bytes * 3 // 4 else 0,
        )
        total += count * (step * band.steps + rounds * (TILE_OVERHEAD_CYCLES + 2 * accumulators))
    return total * outside
