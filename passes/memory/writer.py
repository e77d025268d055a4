"""Writes the calls and loops of a region as ops on memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import IndexType, MemRefType, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects.nn import ScanOp
from ...dialects.tensorized import CallOp
from ...dialects.tensorized.attributes import element_bytes
from .compile_time import clone_expression
from .region import Region
from .views import ByteViews, materialize, memref_of

Memory = dict[SSAValue, SSAValue]
"""A tensor value -> the memref that holds it."""


class RegionWriter:
    """Writes a region, and those of its loops, into `function`, whose argument `arena` holds them all."""

    def __init__(self, function: FuncOp, arena: SSAValue):
        self.function, self.arena = function, arena
        self.indices: dict[int, SSAValue] = {}

    def write(
        self, region: Region, memory: Memory, outputs: Sequence[SSAValue], before: Operation, base: int = 0
    ) -> None:
        """Inserts before `before` what puts the region's results into `outputs`. `memory` holds its
        arguments; its own arena begins at byte `base`."""
        if region.function is not self.function:
            self._hoist_compile_time(region, memory)
        views = self.views()
        # The first return of a call's result names the memory it is written to.
        for value, output in zip(region.end.operands, outputs, strict=True):
            if isinstance(value.owner, CallOp):
                memory.setdefault(value, output)
        for step in region.steps:
            for result in step.results:
                if result in region.plan.buffer_of:
                    buffer = region.plan.buffer_of[result]
                    at = base + region.offset(buffer)
                    memory[result] = views.view(buffer, at, memref_of(result.type), step, before)
                    memory[result].name_hint = memory[result].name_hint or result.name_hint
            if isinstance(step, CallOp):
                self._call(step, memory, before)
            else:
                _LoopWriter(self, region, step, memory, base).write(before)
        for value, output in zip(region.end.operands, outputs, strict=True):
            if memory.get(value) is not output:
                copy(value, output, memory, region.end, before)

    def views(self) -> ByteViews:
        """Views into the arena, those of one block: a loop's cannot be seen outside it."""
        return ByteViews(self.function, self.arena, self.indices)

    def _hoist_compile_time(self, region: Region, memory: Memory) -> None:
        """The compile-time values that a body uses move to the function, where weights are looked for."""
        top = self.function.body.block.first_op
        assert top is not None
        clones: dict[SSAValue, SSAValue] = {}
        users = [*region.steps, region.end]
        for value in [operand for user in users for operand in user.operands]:
            if value in region.compile_time and value not in memory:
                clone_expression(value, clones, top)
                memory[value] = clones[value]

    def _call(self, call: CallOp, memory: Memory, before: Operation) -> None:
        operands = [memory.get(value, value) for value in call.arguments]
        made = CallOp(call.kernel.root_reference.data, operands + [memory[r] for r in call.results_], [])
        made.attributes |= call.attributes
        made.location = call.location
        Rewriter.insert_op(made, InsertPoint.before(before))


class _LoopWriter:
    """One loop: its slices, carried values and body."""

    def __init__(self, writer: RegionWriter, region: Region, scan: ScanOp, memory: Memory, base: int):
        self.writer, self.region, self.scan, self.memory, self.base = writer, region, scan, memory, base
        self.views = writer.views()
        self.carried = len(scan.initial)
        self.arena, *buffers = region.plan.loop_buffers[scan]
        self.next, self.copies = buffers[: self.carried], buffers[self.carried :]

    def write(self, before: Operation) -> None:
        scan, carried = self.scan, self.carried
        held = [self.memory[result] for result in scan.results[:carried]]
        for value, target in zip(scan.initial, held, strict=True):
            copy(value, target, self.memory, scan, before)
        starts = [self._start(number, before) for number in range(len(scan.slices))]
        starts += [self._offset(self.region.plan.buffer_of[result]) for result in scan.results[carried:]]
        tensors = [*scan.slices, *scan.results[carried:]]
        following = [
            self._view(buffer, value, before) for buffer, value in zip(self.next, scan.initial, strict=True)
        ]
        index, end = self._loop(before)
        slices = [
            self._slice(index, start, value, number, end)
            for number, (start, value) in enumerate(zip(starts, tensors, strict=True))
        ]
        read, written = slices[: len(scan.slices)], slices[len(scan.slices) :]
        captured = [self.memory.get(value, value) for value in scan.captured]
        body = self.region.bodies[scan]
        inside: Memory = dict(zip(body.block.args, [*held, *read, *captured], strict=True))
        self.writer.write(body, inside, [*following, *written], end, self._offset(self.arena))
        for source, target in zip(following, held, strict=True):
            _insert(memref.CopyOp(source, target), scan, end)

    def _loop(self, before: Operation) -> tuple[SSAValue, Operation]:
        """An empty loop over the steps: its index and its end."""
        end = scf.YieldOp()
        block = Block([end], arg_types=[IndexType()])
        low, high, step = (self.views.index(n) for n in (0, self.scan.value_of("steps"), 1))
        _insert(scf.ForOp(low, high, step, [], block), self.scan, before)
        return block.args[0], end

    def _offset(self, buffer: int) -> int:
        return self.base + self.region.offset(buffer)

    def _view(self, buffer: int, value: SSAValue, before: Operation) -> SSAValue:
        return self.views.view(buffer, self._offset(buffer), memref_of(value.type), self.scan, before)

    def _start(self, number: int, before: Operation) -> int:
        """The byte at which a sliced operand begins; one that lies elsewhere is copied into the arena."""
        value = self.scan.slices[number]
        if self.region.is_made(value):
            return self._offset(self.region.plan.buffer_of[value])
        target = self._view(self.copies[number], value, before)
        copy(value, target, self.memory, self.scan, before)
        return self._offset(self.copies[number])

    def _slice(
        self, index: SSAValue, start: int, value: SSAValue, number: int, before: Operation
    ) -> SSAValue:
        """The view of the step's slice of a tensor that begins at byte `start`."""
        whole = memref_of(value.type)
        steps, *shape = whole.get_shape()
        element = MemRefType(whole.element_type, shape)
        size = element_bytes(whole.element_type) * math.prod(shape)
        if self.scan.is_reversed(number):
            start, size = start + (steps - 1) * size, -size
        return self.views.moving_view(index, start, size, element, self.scan, before)


def copy(value: SSAValue, target: SSAValue, memory: Memory, user: Operation, before: Operation) -> None:
    """Puts a value into `target`: a copy, or of a compile-time value its materialization."""
    source = memory.get(value, value)
    if isinstance(source.type, TensorType):
        made: Operation = materialize(source, target)
    else:
        made = memref.CopyOp(source, target)
    _insert(made, value.owner if isinstance(value.owner, Operation) else user, before)


def _insert(made: Operation, origin: Operation, before: Operation) -> None:
    made.location = origin.location
    Rewriter.insert_op(made, InsertPoint.before(before))
