"""lower-kernels: scheduled kernels become loops over register tiles.

Expects: kernels with `lanes` and `schedule`, whose values are read where they are written (`fuse-kernels`).
Leaves: kernels on memrefs, the output last: `scf.for`, `tensorized.load / apply / map / store`, in one
`scf.parallel` over the parts that a level of threads makes. Grids of
registers stay N-d vectors; ragged ends are tiles of their own, by the rules in `schedule/blocks.py`.
`lanes` and `schedule` stay on the kernel and say how its loops came about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import MemRefType, ModuleOp, TensorType
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ..dialects import tensorized
from ..dialects.errors import TenonError
from .lowering.border import fill_border, written_box
from .lowering.emitter import LoopEmitter
from .lowering.rows import RowLowering, is_row_kernel
from .lowering.stages import in_one_place, made_from, stages_of
from .lowering.tall import TallTile
from .lowering.threads import Part, run_parts, split_threads
from .lowering.tile import Position, Tile
from .lowering.values import Place, TileValues
from .schedule.blocks import balanced, in_rows, peeled, whole_steps
from .schedule.check import check_schedule


@dataclass(frozen=True)
class LowerKernelsPass(ModulePass):
    name = "lower-kernels"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in tensorized.kernels(op):
            if kernel.function_type.outputs.data:
                check_schedule(self.name, kernel, op)
                Rewriter.replace_op(kernel, _KernelLowering(kernel).run())


class _KernelLowering:
    def __init__(self, kernel: tensorized.KernelOp):
        self.kernel = kernel
        self.threads, self.levels = split_threads(kernel)
        self.lanes = kernel.lane_counts
        source = kernel.body.block
        end = source.last_op
        assert end is not None
        self.result = end.operands[0]
        self.block = Block(arg_types=[_memref(a.type) for a in source.args] + [_memref(self.result.type)])
        self.buffers: dict[SSAValue, SSAValue] = dict(zip(source.args, self.block.args))
        for old, new in zip(source.args, self.block.args):
            new.name_hint = old.name_hint
        self.output = self.block.args[-1]
        self.emitter = LoopEmitter(self.block)

    def run(self) -> tensorized.KernelOp:
        stages = stages_of(self.result)
        fill = self._fill(stages)
        if is_row_kernel(self.kernel):
            RowLowering(self.kernel, self.buffers, self.output, self.emitter).run(fill)
        else:
            for stage in stages:
                _StageLowering(self, stage).run(fill if stage is stages[0] else _nothing)
        self.emitter.add(tensorized.YieldOp())
        kernel = tensorized.KernelOp(self.kernel.sym_name.data, [], Region(self.block))
        kernel.location = self.kernel.location
        # What the loops were made by stays to be read.
        kernel.set_schedule(self.lanes, list(self.kernel.schedule or ()))
        return kernel

    def _fill(self, stages: list[tensorized.GenericOp]) -> Callable[[Part], None]:
        """What fills the output where the nests do not write: in each part its share, if they write a box;
        else all of it before them."""
        empty = stages[0].init.owner
        if not isinstance(empty, tensorized.EmptyOp) or empty.fill is None:
            return _nothing
        value, lanes, last = empty.fill.value.data, max(self.lanes.values()), stages[-1]
        box = written_box(last.accesses[-1], last.extents) if in_one_place(stages) else None
        if box is None:
            fill_border(self.emitter, self.output, None, value, lanes)
            return _nothing
        return lambda part: fill_border(self.emitter, self.output, box, value, lanes, part)


def _nothing(part: Part) -> None:
    """There is nothing to fill."""


Plan = list[tuple[str, int]]
"""Loops still to be opened, outermost first, and the tile of each."""


class _StageLowering:
    """One band: the loops of its reduction, if it has one, else of the nest that ends it."""

    def __init__(self, kernel: _KernelLowering, stage: tensorized.GenericOp):
        self.kernel, self.stage, self.emitter = kernel, stage, kernel.emitter
        self.contract = made_from(stage, tensorized.ContractOp)
        root = self.contract or stage
        transform = made_from(stage, tensorized.TransformOp)
        self.tiled = {line.made for line in transform.lines} if transform else set()
        self.loops = dict(zip(root.loop_names, root.extents))
        self.parallel = [n for n, kind in zip(root.loop_names, root.kinds) if kind == "parallel"]
        name = kernel.kernel.sym_name.data
        lane_loops = [n for n in self.contract.lane_loops if n in kernel.lanes] if self.contract else []
        lane_loops = lane_loops or [n for n in self.parallel if n in kernel.lanes]
        if not lane_loops or (len(lane_loops) > 1 and self.contract is None):
            raise TenonError(f"lower-kernels: @{name} needs one lane loop, has {len(lane_loops)}")
        self.lane_loop = lane_loops[0]
        self.tall = tuple((n, kernel.lanes[n]) for n in lane_loops[1:])
        self.aligned = {*lane_loops, *self.tiled}
        self.plan: Plan = [
            (loop, level.tiles.get(loop, 1))
            for level in kernel.levels
            for loop in level.loop_order
            if loop in self.parallel or (loop in self.loops and level is not kernel.levels[-1])
        ]
        self.fetched = self._fetched() if self.contract else {}

    def run(self, beside: Callable[[Part], None]) -> None:
        threads, body = self.kernel.threads, partial(self._descend, self.plan)
        run_parts(self.emitter, threads, self.loops, self.aligned, body, beside)

    def _fetched(self) -> dict[int, set[str]]:
        """The operands of the contraction that are fetched ahead, and the loops each varies with."""
        assert self.contract is not None
        names, accesses = self.contract.loop_names, self.contract.accesses[:-1]
        fetched = [n for level in self.kernel.levels for n in level.fetched]
        return {n: {names[d] for d in accesses[n].used_dims()} for n in fetched}

    def _descend(self, plan: Plan, position: Position) -> None:
        """Opens the loops of the plan one by one, a copy per distinct block size; then the tile."""
        position = self._at_blocks(plan, position)
        if not plan:
            self._tile(position)
            return
        loop, size = plan[0]
        if loop not in self.parallel:
            self._descend_reduction(plan, position)
            return
        offset = 0
        for count, block in self._cut(loop, position.size[loop], size):
            self._blocks(plan, position, count, offset, block)
            offset += count * block

    def _cut(self, loop: str, extent: int, size: int) -> list[tuple[int, int]]:
        if loop in dict(self.tall):
            return in_rows(extent, size, dict(self.tall)[loop])
        return (peeled if loop in self.aligned else balanced)(extent, size)

    def _at_blocks(self, plan: Plan, position: Position) -> Position:
        """Notes where a block of an operand that is fetched ahead starts: the loops still to be opened run
        over rows that all read it."""
        for operand, used in self.fetched.items():
            if operand not in position.blocks and not used & {loop for loop, _ in plan}:
                position = replace(position, blocks={**position.blocks, operand: position})
        return position

    def _descend_reduction(self, plan: Plan, position: Position) -> None:
        """Blocks of a reduction. The first also starts and the last also ends, and so are copies of their
        own; where several loops run in blocks, that would be a copy for every combination, so start and end
        are passes over the rows instead."""
        loop, size = plan[0]
        blocked = [name for name, tile in plan if name not in self.parallel and tile < position.size[name]]
        if position.starts and position.ends and len(blocked) > 1:
            rows = [step for step in plan if step[0] in self.parallel]
            self._descend(rows, replace(position, steps=False, ends=False))
            self._descend(plan, replace(position, starts=False, ends=False))
            self._descend(rows, replace(position, starts=False, steps=False))
            return
        assert self.contract is not None
        sizes = whole_steps(position.size[loop], size, self.contract.widths.get(loop, 1))
        end = len(sizes) - 1
        kinds = [
            (position.starts and i == 0, position.ends and i == end, block) for i, block in enumerate(sizes)
        ]
        offset = 0
        for (starts, ends, block), group in groupby(kinds):
            count = len(list(group))
            self._blocks(plan, replace(position, starts=starts, ends=ends), count, offset, block)
            offset += count * block

    def _blocks(self, plan: Plan, position: Position, count: int, offset: int, block: int) -> None:
        """`count` blocks of the plan's first loop, from `offset` on."""
        loop, rest = plan[0][0], plan[1:]
        if count == 1:
            self._descend(rest, position.block(loop, offset, block))
            return

        def body(variable: SSAValue, _) -> list[SSAValue]:
            self._descend(rest, position.iterate(loop, variable, count, offset, block))
            return []

        self.emitter.loop(count, loop, body)

    def _tile(self, position: Position) -> None:
        if self.contract is None or not self.tall:
            self._finish(position)
            return
        contract, before = self.contract, dict[str, int]()
        whole = position
        for name, lanes in self.tall:
            before[name] = -position.size[name] % lanes if self.loops[name] >= lanes else 0
            whole = whole.back(name, before[name])
        values = self._values(self._grid(whole, self.tall))
        TallTile(values, contract, position, before).run(
            lambda at: self._values(self._grid(at)).value(contract.init),
            lambda at, summed: self._finish(at, {contract.res: summed}),
        )

    def _grid(self, position: Position, tall: tuple[tuple[str, int], ...] = ()) -> Tile:
        size, along = position.size, {self.lane_loop, *(name for name, _ in tall)}
        rows = [(n, size[n]) for n in self.parallel if n not in along and (size[n] > 1 or n in self.tiled)]
        return Tile(position, tuple(rows), self.lane_loop, self.kernel.lanes[self.lane_loop], tall)

    def _values(self, tile: Tile, place: Place | None = None) -> TileValues:
        levels = [(level.tiles, level.loop_order) for level in self.kernel.levels]
        reductions = {n: sizes.get(n, 1) for sizes, order in levels for n in order}
        return TileValues(self.emitter, self.kernel.buffers, tile, reductions, place)

    def _finish(self, position: Position, known: Mapping[SSAValue, SSAValue] | None = None) -> None:
        """The epilogue's value, or before the end of the reduction the accumulators, into the output; `known`
        are values that are there already."""
        tile, stage, output = self._grid(position), self.stage, self.kernel.output
        variables, placed, _ = tile.access(stage.accesses[-1], stage.loop_names, tile.lanes)
        place = Place(output, variables, placed, tile.width if tile.ragged else None)
        values = self._values(tile, place)
        values.memo |= known or {}
        if self.contract is not None:
            # Before the rest of the band: what the epilogue reads would hold registers all through the loop.
            values.value(self.contract.res)
        made = stage.res if position.ends or self.contract is None else self.contract.res
        self.emitter.add(tensorized.StoreOp(values.value(made), output, variables, placed, place.valid))


def _memref(tensor) -> MemRefType:
    assert isinstance(tensor, TensorType)
    return MemRefType(tensor.element_type, tensor.get_shape())
