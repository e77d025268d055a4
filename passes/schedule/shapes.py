"""The shapes that a contraction's register tile may have, and the registers that each takes.

After the rule of hand-written kernels for matrix products: rows * NV accumulators, NV registers of the
panel and one for the rows' operand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product

from ..tensorize.target import TargetFacts
from .band import Band

LARGEST_ROWS = 28
# What a function of the result takes besides the accumulators: its constants, and elements on their way.
FINISHING_REGISTERS = 4


def fitting_tiles(band: Band, facts: TargetFacts) -> Iterator[dict[str, int]]:
    """Every tile that is tried: sizes of some loops of rows and of the lane loop."""
    room = band.room(facts)
    widths = range(1, min(room, -(-band.extents[band.lane_loop] // band.lanes)) + 1)
    shapes = _tall_shapes(band, room) if band.tall else _row_shapes(band)
    for shape, width in product(shapes, widths):
        rows = math.prod(-(-size // band.tall.get(name, 1)) for name, size in shape.items())
        if rows * width > room:
            continue  # most shapes: the accumulators alone do not fit
        tile = {**shape, band.lane_loop: width * band.lanes}
        if rows * width == 1 or registers(band, tile) <= room:
            yield tile


def _row_shapes(band: Band) -> Iterator[dict[str, int]]:
    """Iterations of one loop of rows, or of two that follow one another."""
    yield {}
    for name in band.rows:
        yield from ({name: size} for size in range(2, min(LARGEST_ROWS, band.extents[name]) + 1))
    for outer, inner in zip(band.rows, band.rows[1:]):
        pairs = product(range(2, min(8, band.extents[outer]) + 1), range(2, min(8, band.extents[inner]) + 1))
        yield from ({outer: a, inner: b} for a, b in pairs if a * b <= LARGEST_ROWS)


def _tall_shapes(band: Band, room: int) -> Iterator[dict[str, int]]:
    """Whole registers along every loop that they have rows along."""
    counts = [range(1, min(room, -(-band.extents[name] // lanes)) + 1) for name, lanes in band.tall.items()]
    for several in product(*counts):
        yield {name: n * lanes for (name, lanes), n in zip(band.tall.items(), several)}


def registers(band: Band, tile: Mapping[str, int]) -> int:
    """Accumulators, scratch, and what the operands hold while the grid runs row by row, lanes innermost: an
    operand that misses a loop is read again when that loop steps, so what varies inside it stays in
    registers; one that misses none streams through one register. At the end, what a function of the
    results needs."""
    grid = band.grid(tile)
    order = [name for name in (*band.rows, band.lane_loop) if grid.get(name, 1) > 1]
    held = 0
    for operand in band.operands:
        missing = next((i for i, name in enumerate(order) if name not in operand.loops), len(order))
        held += math.prod(grid[name] for name in order[missing:] if name in operand.loops)
    finishing = 0 if band.tall else min(band.finishing, FINISHING_REGISTERS)  # theirs goes through memory
    return math.prod(grid.values()) + max(held + band.scratch, finishing)
