"""Why a contraction's schedule is as it is: what its register tile takes and what other tiles would, what a
step of it waits for, what its levels are for and move. Read from the scheduled kernel, so it says the same of
a schedule by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ..tensorize.target import TargetFacts
from .band import Band, Operand, contract_band
from .blocking import panel_bytes
from .register_tile import ISSUE_WIDTH, LOADS_SUSTAINED, VECTOR_WIDTH, broadcasts, plan_tile, ranked_plans
from .traffic import CACHE_SHARE, L2_SHARE, traffic

OTHER_TILES = 3
"""That are named beside the one that was chosen."""


@dataclass(frozen=True)
class _Tiled:
    """A scheduled contraction: of a part that a thread takes, `part`, the sizes of its register tile."""

    band: Band
    part: Band
    levels: Sequence[LevelAttr]
    tile: Mapping[str, int]
    operands: Sequence[str]
    facts: TargetFacts

    @property
    def grid(self) -> dict[str, int]:
        return self.band.grid(self.tile)

    @property
    def accumulators(self) -> int:
        return math.prod(self.grid.values())


def schedule_reasons(kernel: tensorized.KernelOp, facts: TargetFacts) -> Iterator[tuple[str, str]]:
    """Lines of (what, why) on a scheduled kernel; none without a contraction."""
    contract = next((c for c in kernel.body.block.ops if isinstance(c, tensorized.ContractOp)), None)
    if contract is None or kernel.schedule is None:
        return
    tiled = _tiled(kernel, contract, facts)
    yield "tile", _tile_text(tiled)
    yield "other tiles", _others_text(tiled)
    yield "a step", _step_text(tiled)
    yield "blocks", _blocks_text(tiled)
    yield "panel", _panel_text(tiled)
    yield "traffic", _traffic_text(tiled)
    yield from _level_lines(tiled)


def _tiled(kernel: tensorized.KernelOp, contract: tensorized.ContractOp, facts: TargetFacts) -> _Tiled:
    levels, band = list(kernel.schedule or ()), contract_band(contract, kernel)
    shared = levels[0].tiles if levels and levels[0].is_threads else {}
    inner = {n: level.tiles.get(n, 1) for level in levels if not level.is_threads for n in level.loop_order}
    tile = {n: size for n in band.extents if (size := inner.get(n, 1)) > 1 or n == band.lane_loop}
    part = replace(band, extents={**band.extents, **{n: shared[n] for n in shared if n in band.extents}})
    declared = contract.declaration()
    arguments = (a for i, a in enumerate(declared.body.block.args) if i != declared.accumulator.data)
    names = [f"%{a.name_hint or a.index}" for a in arguments]
    return _Tiled(band, part, levels, tile, [*names, "result"], facts)


def _sizes(tile: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in tile.items())


def _tile_text(tiled: _Tiled) -> str:
    room = tiled.band.room(tiled.facts)
    return f"{_sizes(tiled.tile)}: {tiled.accumulators} accumulators in {room} registers"


def _others_text(tiled: _Tiled) -> str:
    """The estimate for this tile in its best blocks, and for the best of the others."""
    own = plan_tile(tiled.part, tiled.tile, tiled.facts)
    ranked = [plan.tile for plan in ranked_plans(tiled.part, tiled.facts) if plan.tile != tiled.tile]
    best = sorted(
        (plan_tile(tiled.part, tile, tiled.facts) for tile in ranked[:OTHER_TILES]), key=lambda p: p.cycles
    )
    others = [f"{_sizes(p.tile)} {p.cycles / own.cycles:.2f} x" for p in best]
    waits = f"{own.near:,.0f} wait for the second-level cache, {own.far:,.0f} for what lies beyond"
    return "; ".join([f"{own.cycles:,.0f} cycles with this one, of which {waits}", *others])


def _step_text(tiled: _Tiled) -> str:
    """What the estimate takes the largest of."""
    band, count = tiled.band, tiled.accumulators
    loaded = band.loaded(tiled.grid)
    loads = sum(loaded) * band.height
    operations = count * band.operations + broadcasts(band, loaded, tiled.facts)
    cycles = {
        "arithmetic": max(count / band.per_cycle, operations / VECTOR_WIDTH),
        "latency": float(band.latency),
        f"{loads} loads": loads / (tiled.facts.loads_per_cycle * LOADS_SUSTAINED),
        "issue": (operations + loads + 2) / ISSUE_WIDTH,
    }
    limit = max(cycles, key=lambda name: cycles[name])
    parts = ", ".join(f"{name} {value:.1f}" for name, value in cycles.items())
    return f"waits for {limit}: {parts} cycles"


def _blocks_text(tiled: _Tiled) -> str:
    """The tiles that each loop is cut into: equal ones, or whole registers and a rest along lanes."""
    said: list[str] = []
    for name, size in tiled.tile.items():
        cut = " + ".join(f"{n} x {part}" for n, part in tiled.band.blocks(name, size))
        said.append(f"{name}: {tiled.band.extents[name]} = {cut}")
    return "; ".join(said)


def _panel_text(tiled: _Tiled) -> str:
    """Where what every tile of rows reads again lies meanwhile."""
    steps = tiled.band.steps
    size = panel_bytes(tiled.band, tiled.grid) * steps
    caches = {"the first-level cache": tiled.facts.l1_bytes, "the second-level cache": tiled.facts.l2_bytes}
    fitting = (name for name, room in caches.items() if size <= room * 3 // 4)
    return f"{size:,} bytes in {steps} steps, fits {next(fitting, 'no cache of the core')}"


def _traffic_text(tiled: _Tiled) -> str:
    """The bytes of each operand that a thread's part moves into the caches, by the loops of the schedule."""
    band, facts = tiled.part, tiled.facts
    nest = list(_nest(tiled))
    operands = [*band.operands, Operand(frozenset(band.extents), 4)]
    rooms = {"first": facts.l1_bytes * CACHE_SHARE, "second": facts.l2_bytes * L2_SHARE}
    said: list[str] = []
    for level, room in rooms.items():
        moved = traffic(band, nest, operands, room)
        each = ", ".join(f"{name} {size:,}" for name, size in zip(tiled.operands, moved))
        said.append(f"{sum(moved):,} bytes into the {level}-level cache ({each})")
    return "; ".join(said)


def _nest(tiled: _Tiled) -> Iterator[tuple[str, int]]:
    levels = [level for level in tiled.levels if not level.is_threads]
    for level in levels:
        least = tiled.band.widths if level is levels[-1] else level.tiles
        yield from ((name, least.get(name, 1)) for name in level.loop_order)


def _level_lines(tiled: _Tiled) -> Iterator[tuple[str, str]]:
    for level in tiled.levels[:-1]:
        tiles = _sizes(level.tiles)
        if level.is_threads:
            yield "threads", f"parts of {tiles}"
        elif set(level.loop_order) & set(tiled.band.reductions):
            yield "reduction", f"in blocks of {tiles}: accumulators wait in the output"
        if level.fetched:
            names = ", ".join(map(str, level.fetched))
            yield "prefetch", f"the next block of operand {names}, while rows pass over this one"
    body = {name: size for name, size in tiled.levels[-1].tiles.items() if size > 1}
    if body:
        yield "body", "holds " + ", ".join(f"{size} of {name}" for name, size in body.items())
    yield from _window_lines(tiled, body)


def _window_lines(tiled: _Tiled, body: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Where a body loads what several of its steps read only once."""
    steps = {name: size // tiled.band.widths.get(name, 1) for name, size in body.items()}
    single = sum(tiled.band.loaded(tiled.grid)) * math.prod(steps.values())
    together = sum(tiled.band.loaded({**tiled.grid, **steps}))
    if together < single:
        along = ", ".join(body)
        yield "windows", f"overlap along {along}: a body loads {together} registers, step by step {single}"
