"""The schedules worth trying for one kernel, those that the cost model expects most of first.

For a contraction: register tiles by their estimate, and variants of the best so far: blocks of the reduction,
of rows, the order of panels and rows, prefetching. For other kernels: more or fewer registers a tile, and
which loop is innermost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ...passes.schedule.band import contract_band
from ...passes.schedule.contraction import Choice, analytic_choice, contract_levels
from ...passes.schedule.register_tile import ranked_plans
from ...passes.schedule.threads import split_contraction
from ...passes.schedule_kernels import ScheduleKernelsPass
from ...passes.tensorize.target import target_facts
from ..pipeline import context
from .kernel_module import kernel_of, schedule_text

PROMISING = 1.4
"""Tiles whose estimate is up to so many times the best are tried."""

MOST_TILES = 24
FIRST_TILES = 6
REGISTERS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Candidate:
    """A schedule as text; `choice`: what it came from, where the kernel is a contraction."""

    schedule: str
    choice: dict[str, Any] | None = None


class Space:
    """`alone`: a module of one kernel at the level `matched` (kernel_module.py)."""

    def __init__(self, alone: ModuleOp):
        self._facts, self._kernel = target_facts(alone), kernel_of(alone)
        ruled = alone.clone()
        ScheduleKernelsPass().apply(context(), ruled)
        schedule = kernel_of(ruled).schedule
        assert schedule is not None
        self._levels = list(schedule)
        self.ruled = schedule_text(self._levels)
        contracts = [c for c in self._kernel.body.block.ops if isinstance(c, tensorized.ContractOp)]
        self._contract = contracts[0] if contracts else None
        if self._contract is not None:
            whole = contract_band(self._contract, self._kernel)
            self._split = split_contraction(self._kernel, self._contract, whole, self._facts)
            self._band = self._split.band
            self._tiles = self._promising()

    def candidates(self, best: Mapping[str, Any] | None) -> Iterator[Candidate]:
        """All of them, in order; `best` is the choice of the best so far, None for the rules'. The schedule
        of the rules may be among them, and one may come twice."""
        if self._contract is None:
            yield from (Candidate(schedule_text(levels)) for levels in self._others())
        else:
            yield from (found for choice in self._choices(best) if (found := self._candidate(choice)))

    def _choices(self, best: Mapping[str, Any] | None) -> Iterator[Choice]:
        """The promising tiles, and after the first few of them variants of the best."""
        yield from map(self._choice, self._tiles[:FIRST_TILES])
        yield from self._variants(self._choice() if best is None else Choice(**best))
        yield from map(self._choice, self._tiles[FIRST_TILES:])

    def _promising(self) -> list[dict[str, int]]:
        ranked = ranked_plans(self._band, self._facts)[:MOST_TILES]
        return [dict(plan.tile) for plan in ranked if plan.cycles <= PROMISING * ranked[0].cycles]

    def _choice(self, tile: Mapping[str, int] | None = None) -> Choice:
        return analytic_choice(self._band, self._facts, self._split.tile if tile is None else tile)

    def _candidate(self, choice: Choice) -> Candidate | None:
        """None where a thread's part would end inside a panel."""
        assert self._contract is not None
        if not _whole_tiles(self._split.parts, choice.tile, [self._band.lane_loop]):
            return None
        levels = contract_levels(self._kernel, self._contract, self._band, choice, self._facts)
        return Candidate(schedule_text([*self._split.levels, *levels]), asdict(choice))

    def _variants(self, choice: Choice) -> Iterator[Choice]:
        yield replace(choice, prefetch=not choice.prefetch)
        yield replace(choice, panels_outside=not choice.panels_outside)
        if self._band.blockable:
            most = self._band.steps
            sizes = (most, most // 2, choice.steps // 2, choice.steps * 2, most // 4)
            for steps in dict.fromkeys(size for size in sizes if 8 <= size <= most):
                yield replace(choice, steps=steps)
        for name in (n for n in self._band.rows if n not in self._band.products):
            for block in self._row_blocks(choice, name):
                yield replace(choice, block=block)

    def _row_blocks(self, choice: Choice, name: str) -> Iterator[dict[str, int]]:
        """No block, and blocks of a loop that are whole tiles."""
        extent, tile = self._band.extents[name], choice.tile.get(name, 1)
        if choice.block:
            yield {}
        present = choice.block.get(name, extent)
        for size in dict.fromkeys((present // 2, present * 2, extent // 2, extent // 4, extent // 8)):
            whole = size // tile * tile
            if tile <= whole < extent:
                yield {name: whole}

    def _others(self) -> Iterator[Sequence[LevelAttr]]:
        """Levels with other tiles along the lanes and across, and other loops innermost."""
        if any(isinstance(op, tensorized.TransformOp) for op in self._kernel.body.block.ops):
            return  # its tiles are those of its matrices
        lanes = self._kernel.lane_counts
        parts = next((level.tiles for level in self._levels if level.is_threads), {})
        inner = [level for level in self._levels if not level.is_threads]
        extents: dict[str, int] = {}
        for nest in self._kernel.body.block.ops:
            if isinstance(nest, tensorized.NestOperation):
                extents |= dict(zip(nest.loop_names, nest.extents))
        across = [n for n in inner[0].loop_order if n not in lanes and extents[n] > 1][-1:]
        for count in REGISTERS:
            tile = {n: min(count, -(-extents[n] // width)) * width for n, width in lanes.items()}
            for rows in (1, 2, 4, 8):
                shape = {**tile, **{n: min(rows, parts.get(n, extents[n])) for n in across}}
                levels = [_retiled(level, shape) for level in self._levels]
                if _whole_tiles(parts, shape, lanes) and self._holds(levels):
                    yield levels
        for last in self._levels[-1].loop_order:
            order = [n for n in self._levels[-1].loop_order if n != last] + [last]
            level = self._levels[-1]
            yield [*self._levels[:-1], LevelAttr.of(order, level.tiles, level.fetched)]

    def _holds(self, levels: Sequence[LevelAttr]) -> bool:
        """Whether the registers hold the innermost tiles."""
        lanes, tiles = self._kernel.lane_counts, dict[str, int]()
        for level in levels:
            tiles |= {} if level.is_threads else level.tiles
        registers = math.prod(size // lanes.get(name, 1) for name, size in tiles.items())
        return registers <= self._facts.vector_registers


def _whole_tiles(parts: Mapping[str, int], tile: Mapping[str, int], lanes: Iterable[str]) -> bool:
    """Whether the parts of threads are whole tiles along the lanes."""
    return all(parts[n] % tile.get(n, 1) == 0 for n in lanes if n in parts)


def _retiled(level: LevelAttr, tile: Mapping[str, int]) -> LevelAttr:
    if level.is_threads:
        return level
    kept = {n: size for n, size in tile.items() if n in level.loop_order}
    return LevelAttr.of(level.loop_order, {**level.tiles, **kept}, level.fetched)
