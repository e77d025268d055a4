"""Whether a schedule that a kernel came with fits it: what lowering relies on, said in terms of its loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...dialects import tensorized
from ...dialects.errors import TenonError
from ...dialects.tensorized import LevelAttr
from ..tensorize.target import TargetFacts
from .band import Band
from .register_tile import registers

MOST_STEPS = 64
"""Of a reduction in one body: each is a copy of the tile's instructions."""


class _Check:
    def __init__(self, kernel: tensorized.KernelOp):
        self.kernel, self.lanes = kernel, kernel.lane_counts
        self.levels: list[LevelAttr] = list(kernel.schedule or ())
        self.inner = [level for level in self.levels if not level.is_threads]
        self.extents: dict[str, int] = {}
        self.reductions: list[str] = []
        self.nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.NestOperation)]
        for nest in self.nests:
            self.extents |= dict(zip(nest.loop_names, nest.extents))
            new = [n for n, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"]
            self.reductions += [n for n in new if n not in self.reductions]

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            raise TenonError(f"schedule-kernels: @{self.kernel.sym_name.data}: {text}")

    def loops(self) -> None:
        """Every loop is ordered, once a level, and tiles belong to loops of their level."""
        for index, level in enumerate(self.levels):
            self.expect(not level.is_threads or not index, "the level of threads comes first")
            for name in level.loop_order if level.is_threads else ():
                self.expect(name not in self.reductions, f"loop {name} is reduced, threads cannot share it")
            for name in (*level.loop_order, *level.tiles):
                known = ", ".join(self.extents)
                self.expect(name in self.extents, f"the schedule names loop {name}, its loops are {known}")
            for name in level.loop_order:
                self.expect(level.loop_order.count(name) == 1, f"loop {name} comes twice in a level")
            for name in level.tiles:
                self.expect(name in level.loop_order, f"loop {name} has a tile in a level without it")
        ordered = {name for level in self.inner for name in level.loop_order}
        steps = self.reductions if any(isinstance(n, tensorized.TransformOp) for n in self.nests) else []
        for name in (n for n in self.extents if n not in steps):  # a transform's are inside its op
            self.expect(name in ordered, f"the schedule has no order for loop {name}")

    def tiles(self, name: str) -> list[int]:
        """The tiles of a loop, outermost first."""
        return [level.tiles.get(name, 1) for level in self.levels if name in level.loop_order]

    def rows(self) -> None:
        """A level for the band and one for the row, lanes innermost in theirs."""
        count = len(self.inner)
        self.expect(count == 2, f"has {count} levels, expected the band and the row")
        row = self.inner[1].loop_order
        self.expect(sorted(row) == sorted(self.reductions), f"the last level orders {row}, expected the row")
        for name in self.lanes:
            innermost = name not in row or row[-1] == name
            self.expect(innermost, f"loop {name} runs along lanes, expected innermost in the row")

    def grid(self, most: int, loops: Sequence[str]) -> None:
        """Tiles shrink from level to level, panels are whole registers, and the last are at most `most`."""
        for name in loops:
            sizes, lanes = self.tiles(name), self.lanes.get(name, 1)
            self.expect(
                sizes[-1] % lanes == 0,
                f"the tile of loop {name} is {sizes[-1]}, expected a multiple of {lanes}",
            )
            for outer, inner in zip(sizes, sizes[1:]):
                whole = outer % inner == 0 if name in self.lanes else outer >= inner
                self.expect(whole, f"loop {name} has a tile of {inner} in one of {outer}")
        registers = math.prod(self.tiles(name)[-1] // self.lanes.get(name, 1) for name in loops)
        self.expect(registers <= most, f"its tile takes {registers} registers, the target has {most}")


def check_contraction(
    kernel: tensorized.KernelOp, contract: tensorized.ContractOp, band: Band, facts: TargetFacts
) -> None:
    """Raises `TenonError` unless the kernel's schedule fits its contraction."""
    check = _Check(kernel)
    check.loops()
    check.grid(band.room(facts), list(band.extents))
    tile = {name: check.tiles(name)[-1] for name in band.extents}
    held, room = registers(band, tile), band.room(facts)
    alone = math.prod(band.grid(tile).values()) == 1
    check.expect(alone or held <= room, f"its tile and operands take {held} registers, the target has {room}")
    reductions = [n for n, kind in zip(contract.loop_names, contract.kinds) if kind == "reduction"]
    last = sorted(check.levels[-1].loop_order)
    check.expect(
        last == sorted(reductions), f"the last level orders {last}, expected the reduction {reductions}"
    )
    steps = 1
    for name in reductions:
        *blocks, body = check.tiles(name)
        width = contract.widths.get(name, 1)
        check.expect(
            not blocks or band.blockable, f"its accumulators cannot wait between blocks of loop {name}"
        )
        for size in (*blocks, *([body] if body > 1 else [])):
            check.expect(
                size % width == 0, f"the tile of loop {name} is {size}, expected a multiple of {width}"
            )
        steps *= max(1, body // width)
    check.expect(steps <= MOST_STEPS, f"a body holds {steps} steps, expected at most {MOST_STEPS}")


def check_others(kernel: tensorized.KernelOp, facts: TargetFacts) -> None:
    """The same for a kernel without a contraction; a transform's tiles are those of its matrices."""
    check = _Check(kernel)
    check.loops()
    if any(isinstance(nest, tensorized.TransformOp) for nest in check.nests):
        return
    if check.reductions:
        check.rows()
    for nest in check.nests:
        check.grid(facts.vector_registers, nest.loop_names)
