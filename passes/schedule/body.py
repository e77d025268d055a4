"""The steps of a reduction that stand one after another in a loop's body.

Many, so that counting them takes few instructions. Where the windows of neighbouring outputs overlap, as in a
depthwise convolution or a pooling, the innermost reduction stands there whole: a tile then loads each element
of its rows once instead of once for every window that it is in. A tile of 6 rows and 3 taps loads 8 registers
for 18 multiply-adds. That needs registers for what later steps read again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .band import Band, Operand
from .blocks import even_part

# Instructions of a loop's body: where another thread shares the core, those that count and fetch ahead are
# what a tile waits for.
BODY_INSTRUCTIONS = 80
# Of a window's body: those of all its taps.
WINDOW_INSTRUCTIONS = 160


@dataclass(frozen=True)
class Body:
    """How many steps of each reduction loop stand in the body (1 where there is no entry), and the registers
    of each operand that the body loads."""

    steps: Mapping[str, int]
    loaded: Sequence[int]

    @property
    def count(self) -> int:
        return math.prod(self.steps.values())


def bodies(band: Band, tile: Mapping[str, int], registers: int) -> Iterator[Body]:
    """The body of single steps, and the one across a window, if the registers hold it: of the innermost
    reduction, since the order of additions is part of the result."""
    grid = band.grid(tile)
    yield Body({}, band.loaded(grid))
    loop, count = [("", 1), *band.reductions.items()][-1]
    if count == 1 or loop in band.widths:
        return
    loaded = band.loaded({**grid, loop: count})
    single = zip(band.operands, band.loaded(grid), loaded)
    if not any(all_of < one * count for x, one, all_of in single if {loop, band.lane_loop} <= x.loops):
        return  # no windows along this loop, or none that overlap
    accumulators = math.prod(grid.values())
    held = sum(_held(x, tuple(grid.items()), loop, count, band) for x in band.operands)
    instructions = count * accumulators * band.operations + sum(loaded)
    if accumulators + band.scratch + held <= registers and instructions <= WINDOW_INSTRUCTIONS:
        yield Body({loop: count}, loaded)


def _held(operand: Operand, grid: tuple[tuple[str, int], ...], loop: str, count: int, band: Band) -> int:
    """Registers of an operand that a tile needs at once while it takes the steps of a loop: those that a step
    reads, and those that it does not but one before and one after it do."""
    units = band.units
    across = next((a for a in operand.axes if any(n == loop for n, _ in a.moves)), None)
    if across is None:
        return 0  # a multiply-add reads it from memory
    others = math.prod(a.reach(dict(grid), units) for a in operand.axes if a is not across)
    steps = dict(across.moves)
    rows = tuple((steps[name] * units.get(name, 1), n) for name, n in grid if name in steps)
    return others * _alive(rows, steps[loop], count)


@lru_cache(maxsize=1 << 14)
def _alive(rows: tuple[tuple[int, int], ...], stride: int, count: int) -> int:
    """Positions sum(stride * row) that are read at a step, or both before and after it: the most of any."""
    first = {0}
    for step, n in rows:
        first = {at + i * step for at in first for i in range(n)}
    reads = [{at + tap * stride for at in first} for tap in range(count)]
    before, most = set[int](), 0
    for tap, now in enumerate(reads):
        after = set[int]().union(*reads[tap + 1 :])
        most = max(most, len(now | (before & after)))
        before |= now
    return most


def steps_of(band: Band, body: Body, tile: Mapping[str, int]) -> dict[str, int]:
    """Tiles of the reduction loops in their last level: a window's, or as many steps as are no more than a
    body's instructions, the innermost loops first. One where no register is used twice: neighbouring steps
    may read the same elements there, and LLVM would keep those in registers that it does not have."""
    if body.steps:
        return dict(body.steps)
    accumulators, loads = math.prod(band.grid(tile).values()), sum(body.loaded)
    most = BODY_INSTRUCTIONS // (accumulators * band.operations + loads)
    left, tiles = max(1, most) if loads <= accumulators else 1, dict[str, int]()
    for name in reversed(list(band.reductions)):
        width, steps = band.widths.get(name, 1), band.reductions[name]
        part = even_part(steps, left)
        tiles[name] = part * width
        left //= part
        if part < steps:
            break
    return {name: size for name, size in tiles.items() if size > 1}
