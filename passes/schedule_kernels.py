"""schedule-kernels: loop order, tiles and packing of every kernel, by analytic rules.

Expects: kernels after `tensorize-match` (contracts, lanes), and the target record on the module. A kernel
that has a schedule already keeps it, if it fits.
Leaves: a `schedule` on every kernel, with a level of threads where several share it, packed compile-time
operands, `tensorized.pack` in the callers.

A contraction runs panel by panel of its lane loop, rows inside, so that a panel of weights stays in the
nearest caches; where it is too large for them the reduction runs in blocks, and where the rows' operand
does not stay in the second-level cache an outer level cuts the rows into blocks that do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..dialects import tensorized
from .schedule.band import contract_band
from .schedule.check import check_given, check_instructions
from .schedule.contraction import analytic_choice, contract_levels
from .schedule.elementwise import schedule_elementwise
from .schedule.packing import Calls, calls_by_kernel, pack_contract, pad_parameters
from .schedule.rows import schedule_rows
from .schedule.threads import split_contraction, split_kernel
from .schedule.transform import schedule_transform
from .tensorize.target import TargetFacts, target_facts


@dataclass(frozen=True)
class ScheduleKernelsPass(ModulePass):
    name = "schedule-kernels"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        facts, calls = target_facts(op), calls_by_kernel(op)
        for kernel in tensorized.kernels(op):
            contracts = [c for c in kernel.body.block.ops if isinstance(c, tensorized.ContractOp)]
            transforms = [t for t in kernel.body.block.ops if isinstance(t, tensorized.TransformOp)]
            given = kernel.schedule is not None
            check_instructions(self.name, kernel, op)
            if given:
                check_given(self.name, kernel, op)
            if contracts:
                _schedule_contract(calls.get(kernel.sym_name.data, []), kernel, contracts[0], facts)
            elif given:
                continue
            elif transforms:
                schedule_transform(kernel, transforms[0])
                split_kernel(kernel, facts)
            elif any(isinstance(n, tensorized.GenericOp) and n.is_reduction for n in kernel.body.block.ops):
                schedule_rows(kernel)
                split_kernel(kernel, facts)
            else:
                schedule_elementwise(kernel, facts)
                split_kernel(kernel, facts)


def _schedule_contract(
    calls: Calls, kernel: tensorized.KernelOp, contract: tensorized.ContractOp, facts: TargetFacts
) -> None:
    band = contract_band(contract, kernel)
    if kernel.schedule is None:
        split = split_contraction(kernel, contract, band, facts)
        choice = analytic_choice(split.band, facts, split.tile)
        levels = contract_levels(kernel, contract, split.band, choice, facts)
        kernel.set_schedule(kernel.lane_counts, [*split.levels, *levels])
    last = {name: level.tiles.get(name, 1) for level in kernel.schedule or () for name in level.loop_order}
    panels = {name: last[name] for name in band.lane_counts}
    pack_contract(calls, kernel, contract, panels, facts)
    pad_parameters(calls, kernel, band.lane_loop, band.extents[band.lane_loop], panels[band.lane_loop])
