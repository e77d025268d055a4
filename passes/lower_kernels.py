"""lower-kernels: scheduled kernels become loops over register tiles.

Expects: kernels with `lanes` and `schedule`, whose values are read where they are written (`fuse-kernels`).
Leaves: kernels on memrefs, the output last: `scf.for`, `tensorized.load / apply / map / store`. Grids of
registers stay N-d vectors; ragged ends are tiles of their own, by the rules in `schedule/blocks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from .lowering.tile import Position, Tile
from .lowering.values import Place, TileValues
from .schedule.blocks import balanced, peeled


@dataclass(frozen=True)
class LowerKernelsPass(ModulePass):
    name = "lower-kernels"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in tensorized.kernels(op):
            if kernel.function_type.outputs.data:
                Rewriter.replace_op(kernel, _KernelLowering(kernel).run())


class _KernelLowering:
    def __init__(self, kernel: tensorized.KernelOp):
        if kernel.schedule is None:
            raise TenonError(f"lower-kernels: @{kernel.sym_name.data} has no schedule")
        self.kernel = kernel
        self.levels = list(kernel.schedule)
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
        stages = _stages(self.result)
        self._fill(stages)
        for stage in stages:
            self._stage(stage)
        self.emitter.add(tensorized.YieldOp())
        kernel = tensorized.KernelOp(self.kernel.sym_name.data, [], Region(self.block))
        kernel.location = self.kernel.location
        return kernel

    def _fill(self, stages: list[tensorized.GenericOp]) -> None:
        empty = stages[0].init.owner
        if isinstance(empty, tensorized.EmptyOp) and empty.fill is not None:
            last = stages[-1]
            box = written_box(last.accesses[-1], last.extents) if len(stages) == 1 else None
            lanes = max(self.lanes.values())
            fill_border(self.emitter, self.output, box, empty.fill.value.data, lanes)

    def _stage(self, stage: tensorized.GenericOp) -> None:
        """One band: the loops of its reduction, if it has one, else of the nest that ends it."""
        root = _reduction(stage) or stage
        loops = dict(zip(root.loop_names, root.extents))
        parallel = [n for n, kind in zip(root.loop_names, root.kinds) if kind == "parallel"]
        lane_loops = [n for n in parallel if n in self.lanes]
        if len(lane_loops) != 1:
            raise TenonError(
                f"lower-kernels: @{self.kernel.sym_name.data} needs one lane loop, has {len(lane_loops)}"
            )
        plan = [
            (name, level.tiles.get(name, 1))
            for level in self.levels
            for name in level.loop_order
            if name in parallel or (name in loops and level is not self.levels[-1])
        ]
        missing = set(parallel) - {name for name, _ in plan}
        if missing:
            raise TenonError(
                f"lower-kernels: @{self.kernel.sym_name.data}: no order for loops {sorted(missing)}"
            )
        self._descend(stage, plan, Position.of(loops), parallel, lane_loops[0])

    def _descend(
        self,
        stage: tensorized.GenericOp,
        plan: list[tuple[str, int]],
        position: Position,
        parallel: list[str],
        lane_loop: str,
    ) -> None:
        """Opens the loops of the plan one by one, a copy per distinct block size; then the tile."""
        if not plan:
            rows = tuple((n, position.size[n]) for n in parallel if n != lane_loop and position.size[n] > 1)
            self._tile(stage, Tile(position, rows, lane_loop, self.lanes[lane_loop]))
            return
        loop, size = plan[0]
        if loop not in parallel:
            self._descend_reduction(stage, plan, position, parallel, lane_loop)
            return
        offset = 0
        for count, block in (peeled if loop == lane_loop else balanced)(position.size[loop], size):
            self._blocks(stage, plan, position, parallel, lane_loop, count, offset, block)
            offset += count * block

    def _descend_reduction(
        self,
        stage: tensorized.GenericOp,
        plan: list[tuple[str, int]],
        position: Position,
        parallel: list[str],
        lane_loop: str,
    ) -> None:
        """Blocks of a reduction: the first and the last are copies of their own, those between one loop."""
        loop, size = plan[0]
        sizes = [block for count, block in balanced(position.size[loop], size) for _ in range(count)]
        offset = 0
        for (first, last, block), group in groupby(
            (position.first and i == 0, position.last and i == len(sizes) - 1, block) for i, block in enumerate(sizes)
        ):
            count = len(list(group))
            inside = replace(position, first=first, last=last)
            self._blocks(stage, plan, inside, parallel, lane_loop, count, offset, block)
            offset += count * block

    def _blocks(
        self,
        stage: tensorized.GenericOp,
        plan: list[tuple[str, int]],
        position: Position,
        parallel: list[str],
        lane_loop: str,
        count: int,
        offset: int,
        block: int,
    ) -> None:
        """`count` blocks of the plan's first loop, from `offset` on."""
        loop, rest = plan[0][0], plan[1:]
        if count == 1:
            self._descend(stage, rest, position.block(loop, offset, block), parallel, lane_loop)
            return

        def body(variable: SSAValue, _) -> list[SSAValue]:
            inside = position.iterate(loop, variable, count, offset, block)
            self._descend(stage, rest, inside, parallel, lane_loop)
            return []

        self.emitter.loop(count, loop, body)

    def _tile(self, stage: tensorized.GenericOp, tile: Tile) -> None:
        """The epilogue's value, or between blocks of a reduction the accumulators, into the output."""
        reductions = [name for level in self.levels for name in level.loop_order]
        variables, placed, _ = tile.access(stage.accesses[-1], stage.loop_names, tile.lanes)
        valid = tile.width if tile.ragged else None
        place = Place(self.output, variables, placed, valid)
        values = TileValues(self.emitter, self.buffers, tile, list(dict.fromkeys(reductions)), place)
        made = stage.res
        if not tile.position.last:
            contract = _reduction(stage)
            assert contract is not None
            made = contract.res
        self.emitter.add(tensorized.StoreOp(values.value(made), self.output, variables, placed, valid))


def _memref(tensor) -> MemRefType:
    assert isinstance(tensor, TensorType)
    return MemRefType(tensor.element_type, tensor.get_shape())


def _stages(result: SSAValue) -> list[tensorized.GenericOp]:
    """The nests that write the output, in order: each starts from what the one before left."""
    stages: list[tensorized.GenericOp] = []
    value = result
    while isinstance(value.owner, tensorized.GenericOp):
        stages.insert(0, value.owner)
        value = value.owner.init
    if not stages:
        raise TenonError("lower-kernels: a kernel must end in an elementwise nest")
    return stages


def _reduction(stage: tensorized.GenericOp) -> tensorized.ContractOp | None:
    """The contraction whose registers a stage consumes."""
    pending: list[SSAValue] = list(stage.inputs)
    while pending:
        op = pending.pop().owner
        if isinstance(op, tensorized.ContractOp):
            return op
        if isinstance(op, tensorized.GenericOp):
            pending += op.inputs
    return None
