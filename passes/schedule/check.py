"""Whether a schedule that a kernel came with fits it: what lowering relies on, said in terms of its loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from xdsl.dialects.builtin import ModuleOp, TensorType

from ...dialects import tensorized
from ...dialects.errors import TenonError
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.attributes import element_bytes
from ..tensorize.target import TARGET, TargetFacts, features, target_facts
from .band import contract_band
from .shapes import registers

MOST_STEPS = 64
"""Of a reduction in one body: each is a copy of the tile's instructions."""
MOST_LEVELS = 16


def check_given(by: str, kernel: tensorized.KernelOp, module: ModuleOp) -> None:
    """`check_schedule` of a schedule that came with the kernel: besides, nothing in it is idle."""
    check_schedule(by, kernel, module)
    check = _Check(by, kernel)
    for level in check.levels:
        check.sizes(level)
    if not check.contracts:
        check.fill(target_facts(module))


def check_schedule(by: str, kernel: tensorized.KernelOp, module: ModuleOp) -> None:
    """Raises `TenonError` unless the kernel has a schedule that fits its nests and, where the module names
    one, the target; `by` is the pass that wants to know."""
    check_instructions(by, kernel, module)
    check = _Check(by, kernel)
    facts = target_facts(module) if TARGET in module.attributes else None
    check.loops()
    if check.contracts:
        for contract in check.contracts:
            check.contraction(contract, facts)
    elif not any(
        isinstance(nest, tensorized.TransformOp) for nest in check.nests
    ):  # those have tiles of their own
        check.others()


def check_instructions(by: str, kernel: tensorized.KernelOp, module: ModuleOp) -> None:
    """Raises `TenonError` unless the kernel's contractions run on instructions that the target has, along the
    kernel's lanes."""
    check, has = _Check(by, kernel), features(module)
    for contract in check.contracts:
        check.instruction(contract, has)


class _Check:
    def __init__(self, by: str, kernel: tensorized.KernelOp):
        self.by, self.kernel, self.lanes = by, kernel, kernel.lane_counts
        self.levels: list[LevelAttr] = list(kernel.schedule or ())
        self.inner = [level for level in self.levels if not level.is_threads]
        self.nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.NestOperation)]
        self.contracts = [nest for nest in self.nests if isinstance(nest, tensorized.ContractOp)]
        self.extents: dict[str, int] = {}
        self.reductions: list[str] = []
        for nest in self.nests:
            for name, kind, extent in zip(nest.loop_names, nest.kinds, nest.extents):
                known = self.extents.setdefault(name, extent)
                self.expect(
                    known == extent, f"loop {name} has {known} iterations, and {extent} in another nest"
                )
                if kind == "reduction" and name not in self.reductions:
                    self.reductions.append(name)

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            raise TenonError(f"{self.by}: @{self.kernel.sym_name.data}: {text}")

    @cached_property
    def units(self) -> dict[str, int]:
        """What tiles of a loop are made of: registers along lanes, an instruction's part of a reduction."""
        widths = {name: n for contract in self.contracts for name, n in contract.widths.items()}
        return {**widths, **self.lanes}

    def loops(self) -> None:
        """Every loop is ordered, once a level, and tiles belong to loops of their level."""
        self.expect(self.kernel.schedule is not None, "has no schedule")
        count = len(self.levels)
        self.expect(count <= MOST_LEVELS, f"its schedule has {count} levels, expected at most {MOST_LEVELS}")
        for index, level in enumerate(self.levels):
            self.expect(not level.is_threads or not index, "the level of threads comes first")
            for name in level.loop_order if level.is_threads else ():
                self.expect(name not in self.reductions, f"loop {name} is reduced, threads cannot share it")
            self.level(level)
        ordered = {name for level in self.inner for name in level.loop_order}
        steps = self.reductions if any(isinstance(n, tensorized.TransformOp) for n in self.nests) else []
        for name in (n for n in self.extents if n not in steps):  # a transform's are inside its op
            self.expect(name in ordered, f"the schedule has no order for loop {name}")

    def level(self, level: LevelAttr) -> None:
        for name in (*level.loop_order, *level.tiles):
            known = ", ".join(self.extents)
            self.expect(name in self.extents, f"the schedule names loop {name}, its loops are {known}")
        for name in level.loop_order:
            self.expect(level.loop_order.count(name) == 1, f"loop {name} comes twice in a level")
        for name in level.tiles:
            self.expect(name in level.loop_order, f"loop {name} has a tile in a level without it")
        for operand in level.fetched:
            count = len(self.contracts[0].inputs) if self.contracts else 0
            has = f"the contraction has {count} operands" if count else "there is no contraction"
            self.expect(operand < count, f"prefetch {level.fetched}: {has}")

    def sizes(self, level: LevelAttr) -> None:
        """No tile is larger than its loop in whole units."""
        for name, size in level.tiles.items():
            extent, unit = self.extents[name], self.units.get(name, 1)
            fits = size <= -(-extent // unit) * unit
            self.expect(fits, f"the tile of loop {name} is {size}, the loop has {extent} iterations")

    def tiles(self, name: str) -> list[int]:
        """The tiles of a loop, outermost first."""
        return [level.tiles.get(name, 1) for level in self.levels if name in level.loop_order]

    def instruction(self, contract: tensorized.ContractOp, has: frozenset[str] | None) -> None:
        """The target has the instruction, and the kernel its lanes."""
        missing = ", ".join(sorted(contract.declaration().features - has)) if has is not None else ""
        self.expect(not missing, f"{contract.instruction} needs {missing}, which the target lacks")
        wanted = contract.lane_loops
        if self.lanes != wanted:
            given, needed = (", ".join(f"{k} = {v}" for k, v in x.items()) for x in (self.lanes, wanted))
            self.expect(False, f"has lanes {{{given}}}, {contract.instruction} has {{{needed}}}")

    def contraction(self, contract: tensorized.ContractOp, facts: TargetFacts | None) -> None:
        band = contract_band(contract, self.kernel)
        self.grid(list(band.extents), band.room(facts) if facts else None)
        if facts:
            tile = {name: self.tiles(name)[-1] for name in band.extents}
            held, room = registers(band, tile), band.room(facts)
            alone = math.prod(band.grid(tile).values()) == 1
            what = f"its tile and operands take {held} registers, the target has {room}"
            self.expect(alone or held <= room, what)
        last = sorted(self.levels[-1].loop_order)
        wanted = f"expected the reduction {list(band.reductions)}"
        self.expect(last == sorted(band.reductions), f"the last level orders {last}, {wanted}")
        self.steps(contract, band.blockable)

    def steps(self, contract: tensorized.ContractOp, blockable: bool) -> None:
        """Blocks and bodies of a reduction are whole steps of the instruction, and no body is too long."""
        steps = 1
        for name in self.reductions:
            *blocks, body = self.tiles(name)
            width = contract.widths.get(name, 1)
            self.expect(
                not blocks or blockable, f"its accumulators cannot wait between blocks of loop {name}"
            )
            for size in (*blocks, *([body] if body > 1 else [])):
                self.expect(
                    size % width == 0, f"the tile of loop {name} is {size}, expected a multiple of {width}"
                )
            steps *= max(1, body // width)
        self.expect(steps <= MOST_STEPS, f"a body holds {steps} steps, expected at most {MOST_STEPS}")

    def others(self) -> None:
        """A kernel without an instruction: rows of reductions, or elementwise nests."""
        if self.reductions:
            self.rows()
        for nest in self.nests:
            along = [name for name in nest.loop_names if name in self.lanes]
            lanes = "one of its loops must run along lanes"
            self.expect(len(along) == 1 or bool(self.reductions), f"{lanes}, {along} do")

    def fill(self, facts: TargetFacts) -> None:
        """Such a kernel's tile and lanes are what the registers hold."""
        if any(isinstance(nest, tensorized.TransformOp) for nest in self.nests):
            return
        for nest in self.nests:
            self.grid(nest.loop_names, facts.vector_registers)
        values = [v.type for nest in self.nests for v in (*nest.inputs, nest.init)]
        narrowest = min(element_bytes(v.element_type) for v in values if isinstance(v, TensorType))
        most = facts.vector_bytes // narrowest
        for name, lanes in self.lanes.items():
            self.expect(lanes <= most, f"has {lanes} lanes along loop {name}, a register has {most}")

    def rows(self) -> None:
        """A level for the band and one for the row, lanes innermost in theirs."""
        count = len(self.inner)
        self.expect(count == 2, f"has {count} levels, expected the band and the row")
        self.expect(len(self.lanes) == 1, f"lanes run along {list(self.lanes)}, expected one loop")
        row = self.inner[1].loop_order
        self.expect(sorted(row) == sorted(self.reductions), f"the last level orders {row}, expected the row")
        for name in self.lanes:
            innermost = name not in row or row[-1] == name
            self.expect(innermost, f"loop {name} runs along lanes, expected innermost in the row")

    def grid(self, loops: Sequence[str], most: int | None) -> None:
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
        count = math.prod(self.tiles(name)[-1] // self.lanes.get(name, 1) for name in loops)
        self.expect(most is None or count <= most, f"its tile takes {count} registers, the target has {most}")
