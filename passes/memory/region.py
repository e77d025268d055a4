"""What runs in a straight line, with a place for each of its intermediate values: a function, a loop's body.

A region needs one arena. A loop's is a buffer in the arena of the region around it, alive while it runs.
"""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from ...dialects.nn import ScanOp
from ...dialects.tensorized import CallOp
from .allocate import allocate, arena_bytes, max_live_bytes
from .compile_time import compile_time_ops
from .live_range import Step, intermediates, physical_bytes


class Region:
    """The calls and loops of `function`, and its plan. `around` are the functions whose loops it is in."""

    def __init__(self, function: FuncOp, around: tuple[FuncOp, ...] = ()):
        name = function.sym_name.data
        if function in around:
            raise TenonError(f"plan-memory: @{name} is the body of a loop in itself")
        end = function.body.blocks[0].last_op
        if len(function.body.blocks) != 1 or not isinstance(end, ReturnOp):
            raise TenonError(f"plan-memory: @{name} is not one block with a return")
        self.function, self.block = function, function.body.block
        self.end = end
        known = compile_time_ops(self.block.ops)
        self.compile_time = {result for op in known for result in op.results}
        self.steps: list[Step] = []
        self.bodies: dict[ScanOp, Region] = {}
        for op in self.block.ops:
            if isinstance(op, CallOp | ScanOp):
                self.steps.append(op)
            elif op is not end and op not in known:
                where = f"{op.name} in @{name}"
                raise TenonError(f"plan-memory: {where} is neither a kernel call nor known at compile time")
            if isinstance(op, ScanOp):
                self.bodies[op] = Region(op.function(), (*around, function))
        self.plan = intermediates(self.steps, self._loop_buffers())
        self.placed = allocate(self.plan.buffers)
        self.size, self.least = arena_bytes(self.placed), max_live_bytes(self.plan.buffers)

    def _loop_buffers(self) -> dict[ScanOp, list[int]]:
        """The bytes each loop needs while it runs: its body's arena; the next of each carried value; each
        sliced operand that has no buffer of this region."""
        needs: dict[ScanOp, list[int]] = {}
        for scan, body in self.bodies.items():
            sizes = [_bytes(x) for x in scan.initial]
            needs[scan] = [body.size, *sizes, *(0 if self.is_made(x) else _bytes(x) for x in scan.slices)]
        return needs

    def is_made(self, value: SSAValue) -> bool:
        """Whether a step of this region makes the value into its arena."""
        if isinstance(value.owner, ScanOp):
            return True
        returned = any(isinstance(use.operation, ReturnOp) for use in value.uses)
        return isinstance(value.owner, CallOp) and not returned

    def offset(self, buffer: int) -> int:
        """The byte of the arena at which a buffer begins."""
        return self.placed[buffer].offset


def _bytes(value: SSAValue) -> int:
    assert isinstance(value.type, TensorType)
    return physical_bytes(value.type)
