"""Why a contraction's schedule is as it is: what its register tile takes, what a step of it waits for, and
what its levels are for. Read from the scheduled kernel, so it says the same of a schedule by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.attributes import element_bytes
from ..tensorize.target import TargetFacts
from .blocks import balanced, peeled
from .register_tile import ISSUE_WIDTH, LOADS_SUSTAINED, VECTOR_WIDTH


@dataclass(frozen=True)
class _Tiled:
    """A contract with the sizes of its register tile, and the loop along lanes."""

    contract: tensorized.ContractOp
    levels: list[LevelAttr]
    tile: Mapping[str, int]
    lane_loop: str
    lanes: int

    @property
    def grid(self) -> dict[str, int]:
        along = self.lane_loop
        return {n: -(-size // self.lanes) if n == along else size for n, size in self.tile.items()}

    @property
    def accumulators(self) -> int:
        return math.prod(self.grid.values())

    def loads(self, operand: int) -> int:
        """Registers of an operand that one step reads."""
        used = {self.contract.loop_names[d] for d in self.contract.accesses[operand].used_dims()}
        return math.prod(size for name, size in self.grid.items() if name in used)

    @property
    def extents(self) -> dict[str, int]:
        return dict(zip(self.contract.loop_names, self.contract.extents))


def schedule_reasons(kernel: tensorized.KernelOp, facts: TargetFacts) -> Iterator[tuple[str, str]]:
    """Lines of (what, why) on a scheduled kernel; none without a contraction."""
    contract = next((c for c in kernel.body.block.ops if isinstance(c, tensorized.ContractOp)), None)
    if contract is None or kernel.schedule is None or len(kernel.lane_counts) != 1:
        return
    ((lane_loop, lanes),) = kernel.lane_counts.items()
    levels = list(kernel.schedule)
    kinds = dict(zip(contract.loop_names, contract.kinds))
    tile = {n: _last(levels, n) for n, kind in kinds.items() if kind == "parallel"}
    tiled = _Tiled(contract, levels, {n: size for n, size in tile.items() if size > 1}, lane_loop, lanes)
    yield "tile", _tile_text(tiled, facts)
    yield "a step", _step_text(tiled, facts)
    yield "blocks", _blocks_text(tiled)
    yield "panel", _panel_text(tiled, facts)
    yield from _level_lines(tiled, [n for n, kind in kinds.items() if kind == "reduction"])


def _last(levels: list[LevelAttr], name: str) -> int:
    inner = [level for level in levels if name in level.loop_order and not level.is_threads]
    return inner[-1].tiles.get(name, 1) if inner else 1


def _tile_text(tiled: _Tiled, facts: TargetFacts) -> str:
    sizes = ", ".join(f"{name} = {size}" for name, size in tiled.tile.items())
    return f"{sizes}: {tiled.accumulators} accumulators in {facts.vector_registers} registers"


def _step_text(tiled: _Tiled, facts: TargetFacts) -> str:
    """What the estimate takes the largest of."""
    instruction = tiled.contract.declaration()
    count, operations = tiled.accumulators, instruction.operations
    loads = sum(tiled.loads(i) for i in range(len(tiled.contract.inputs)))
    cycles = {
        "arithmetic": max(count / instruction.rate, count * operations / VECTOR_WIDTH),
        "latency": float(instruction.latency.data if instruction.latency else 1),
        f"{loads} loads": loads / (facts.loads_per_cycle * LOADS_SUSTAINED),
        "issue": (count * operations + loads + 2) / ISSUE_WIDTH,
    }
    limit = max(cycles, key=lambda name: cycles[name])
    parts = ", ".join(f"{name} {value:.1f}" for name, value in cycles.items())
    return f"waits for {limit}: {parts} cycles"


def _blocks_text(tiled: _Tiled) -> str:
    """The tiles that each loop is cut into: equal ones, or whole registers and a rest along lanes."""
    said: list[str] = []
    for name, size in tiled.tile.items():
        cut = (peeled if name == tiled.lane_loop else balanced)(tiled.extents[name], size)
        said.append(f"{name}: {tiled.extents[name]} = " + " + ".join(f"{n} x {part}" for n, part in cut))
    return "; ".join(said)


def _panel_text(tiled: _Tiled, facts: TargetFacts) -> str:
    """Where what every tile of rows reads again lies meanwhile."""
    contract = tiled.contract
    widths = contract.widths
    steps = math.prod(
        -(-extent // widths.get(name, 1))
        for name, extent, kind in zip(contract.loop_names, contract.extents, contract.kinds)
        if kind == "reduction"
    )
    size = 0
    for i, (value, access) in enumerate(zip(contract.inputs, contract.accesses)):
        assert isinstance(value.type, TensorType)
        if contract.loop_names.index(tiled.lane_loop) in access.used_dims():
            lane = element_bytes(value.type.element_type) * math.prod(widths.values())
            size += tiled.loads(i) * tiled.lanes * lane
    caches = {"the first-level cache": facts.l1_bytes, "the second-level cache": facts.l2_bytes}
    fitting = (name for name, room in caches.items() if size * steps <= room * 3 // 4)
    where = next(fitting, "no cache of the core")
    return f"{size * steps:,} bytes in {steps} steps, fits {where}"


def _level_lines(tiled: _Tiled, reductions: list[str]) -> Iterator[tuple[str, str]]:
    for level in tiled.levels[:-1]:
        tiles = ", ".join(f"{name} = {size}" for name, size in level.tiles.items())
        if level.is_threads:
            yield "threads", f"parts of {tiles}"
        elif set(level.loop_order) & set(reductions):
            yield "reduction", f"in blocks of {tiles}: accumulators wait in the output"
        if level.fetched:
            names = ", ".join(map(str, level.fetched))
            yield "prefetch", f"the next block of operand {names}, while rows pass over this one"
    body = {name: size for name, size in tiled.levels[-1].tiles.items() if size > 1}
    if body:
        yield "body", "holds " + ", ".join(f"{size} of {name}" for name, size in body.items())
