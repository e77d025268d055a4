"""The values of one register tile: loads of operands, maps of elementwise nests, the contraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from xdsl.dialects.builtin import MemRefType, TensorType, VectorType
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.errors import TenonError
from .border import splat
from .emitter import LoopEmitter
from .lookup import LookupLowering
from .prefetch import fetch_ahead
from .tile import Position, Tile, lane_indices, stays_inside
from .transform import TransformLowering

Buffers = Mapping[SSAValue, SSAValue]


@cache
def vector_type(element: Attribute, *shape: int) -> VectorType:
    """Kept, since a type takes long to build and a network has few."""
    return VectorType(element, shape)


@dataclass(frozen=True)
class Place:
    """Where a tile's result goes: the arguments of its store."""

    output: SSAValue
    variables: list[SSAValue]
    access: AffineMap
    valid: int | None


class TileValues:
    """Computes tensor values of a kernel for one tile. `buffers` maps the kernel's arguments to memrefs,
    `reductions` gives the loops a contraction runs, outermost first, and how many steps of each stand one
    after another in its body; between blocks of a reduction the accumulators wait at `place`."""

    def __init__(
        self,
        emitter: LoopEmitter,
        buffers: Buffers,
        tile: Tile,
        reductions: Mapping[str, int],
        place: Place | None,
    ):
        self.emitter, self.buffers, self.tile, self.reductions = emitter, buffers, tile, reductions
        self.place = place
        self.memo: dict[SSAValue, SSAValue] = {}

    def vector(self, element: Attribute, lanes: int) -> VectorType:
        return vector_type(element, *self.tile.grid, lanes)

    def value(self, value: SSAValue) -> SSAValue:
        """A tensor made in the kernel, at the tile's band index."""
        if value not in self.memo:
            self.memo[value] = self._make(value)
        return self.memo[value]

    def _make(self, value: SSAValue) -> SSAValue:
        op = value.owner
        if isinstance(op, tensorized.ContractOp):
            return self._contract(op)
        if isinstance(op, tensorized.TransformOp):
            return TransformLowering(self, op).run()
        if isinstance(op, tensorized.GenericOp) and not op.is_reduction:
            return self._elementwise(op)
        if isinstance(op, tensorized.EmptyOp) and op.fill is not None:
            assert isinstance(op.res.type, TensorType)
            vector = self.vector(op.res.type.element_type, self.tile.lanes)
            return self.emitter.add(splat(vector, op.fill.value.data)).results[0]
        raise TenonError(f"lower-kernels: cannot compute {value} of {op} register by register")

    def _elementwise(self, op: tensorized.GenericOp) -> SSAValue:
        """A reduction whose loops all have extent 1 is elementwise too: it reads its start value."""
        if tensorized.looks_up(op):
            arguments, body = LookupLowering(self, op).run()
        else:
            operands = zip((*op.inputs, op.init), op.accesses, op.body.block.args, strict=True)
            arguments = [self.operand(v, access, op) for v, access, used in operands if list(used.uses)]
            body = op.body.clone()
            for argument in reversed(body.block.args):
                if not list(argument.uses):
                    body.block.erase_arg(argument)
        last = body.block.last_op
        assert last is not None
        if last.operands[0] in body.block.args and len(arguments) == 1:
            return arguments[0]
        assert isinstance(op.res.type, TensorType)
        made = tensorized.MapOp(arguments, self.vector(op.res.type.element_type, self.tile.lanes), body)
        made.location = op.location
        return self.emitter.add(made).results[0]

    def operand(self, value: SSAValue, access: AffineMap, op: tensorized.NestOperation) -> SSAValue:
        """An operand of an elementwise nest: loaded if it is an argument, else computed here."""
        if value in self.buffers:
            return self.load(value, access, op, self.tile, self.tile.lanes, None)
        band = [n for n, kind in zip(op.loop_names, op.kinds) if kind == "parallel"]
        if access.results != AffineMap.identity(len(band)).results:
            raise TenonError(
                f"lower-kernels: {op.name} reads a value of its kernel at another index than it writes"
            )
        return self.value(value)

    def load(
        self,
        value: SSAValue,
        access: AffineMap,
        op: tensorized.NestOperation,
        tile: Tile,
        register: int,
        lane_index: Mapping[str, AffineExpr] | None,
        last: tuple[str, int, int] | None = None,
    ) -> SSAValue:
        """Registers of `register` elements from a buffer. A ragged tile reads whole registers where they
        stay inside the buffer, and only the valid lanes elsewhere. In the `last` step of a loop, as many
        elements as are left of a group are read."""
        memref = self.buffers[value]
        assert isinstance(memref.type, MemRefType)
        names = op.loop_names
        variables, placed, extents = tile.access(access, names, register, lane_index)
        reached = placed
        if last is not None:
            end = {**(lane_index or {}), last[0]: AffineExpr.constant(last[1] - 1)}
            reached = tile.access(access, names, register, end)[1]
        partial = tile.ragged and not stays_inside(reached, extents, memref.type)
        if tile.tall:  # as many rows as the accumulators have
            partial = tile.ragged and names.index(tile.tall[-1][0]) in access.used_dims()
        valid = tile.valid(register) if partial else None
        vector = vector_type(memref.type.element_type, *tile.grid, register)
        lanes = None if last is None else last[1:]
        loaded = tensorized.LoadOp(memref, variables, placed, vector, valid, lanes)
        loaded.location = op.location
        return self.emitter.add(loaded).results[0]

    def _contract(self, op: tensorized.ContractOp) -> SSAValue:
        position = self.tile.position
        start = self.value(op.init) if position.starts else self._resumed(op)
        return self.reduce(op, start) if position.steps else start

    def reduce(self, op: tensorized.ContractOp, start: SSAValue) -> SSAValue:
        """The accumulators after the reduction."""
        kinds = dict(zip(op.loop_names, op.kinds))
        order = [name for name in self.reductions if kinds.get(name) == "reduction"]
        if len(order) != op.kinds.count("reduction"):
            raise TenonError(f"lower-kernels: the schedule orders reductions {order} of {op.loop_names}")
        return self._reduce(op, order, self.tile.position, start)

    def _resumed(self, op: tensorized.ContractOp) -> SSAValue:
        """The accumulators that the block before left in the output."""
        at = self.place
        assert (
            at is not None and isinstance(op.res.type, TensorType) and isinstance(at.output.type, MemRefType)
        )
        element = op.res.type.element_type
        if at.output.type.element_type != element:
            raise TenonError(f"lower-kernels: accumulators of {element} cannot wait in {at.output.type}")
        vector = self.vector(element, self.tile.lanes)
        loaded = tensorized.LoadOp(at.output, at.variables, at.access, vector, at.valid)
        return self.emitter.add(loaded).results[0]

    def _reduce(
        self, op: tensorized.ContractOp, order: list[str], position: Position, acc: SSAValue
    ) -> SSAValue:
        """The loops of `order`; what a body's steps do not divide runs after the loop."""
        if not order:
            return self._apply(op, position, acc)
        name, size = order[0], position.size[order[0]]
        body = max(self.reductions[name], op.widths.get(name, 1))
        count, left = divmod(size, body)

        def steps(variable: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            return [self._steps(op, order, position.iterate(name, variable, count, 0, body), carried[0])]

        if count == 1:
            acc = self._steps(op, order, position.block(name, 0, body), acc)
        elif count:
            acc = self.emitter.loop(count, name, steps, [acc])[0]
        if left:
            acc = self._steps(op, order, position.block(name, count * body, left), acc)
        return acc

    def _steps(
        self, op: tensorized.ContractOp, order: list[str], position: Position, acc: SSAValue
    ) -> SSAValue:
        """The steps of one body of the first loop of `order`, the last maybe less than an instruction."""
        name, rest = order[0], order[1:]
        width, size = op.widths.get(name, 1), position.size[name]
        if not rest:
            self._fetch_ahead(op, position)
        for first in range(0, size, width):
            acc = self._reduce(op, rest, position.block(name, first, min(width, size - first)), acc)
        return acc

    def _apply(self, op: tensorized.ContractOp, position: Position, acc: SSAValue) -> SSAValue:
        instruction = op.declaration()
        tile = replace(self.tile, position=position)
        inputs = list(zip(op.inputs, op.accesses))
        arguments: list[SSAValue] = []
        for k, (register, access) in enumerate(zip(instruction.registers, instruction.maps)):
            if k == instruction.accumulator.data:
                arguments.append(acc)
                continue
            value, read = inputs.pop(0)
            if value not in self.buffers:
                arguments.append(self._looked_up(value, tile))
                continue
            digits = lane_indices(access.data.results[0], instruction.extents)
            bound = [op.binding[loop.label.data] for loop in instruction.loops]
            lane_index = {name: digit for name, digit in zip(bound, digits) if digit is not None}
            last = None if _is_padded(op, value, read) else self._last_step(op, position)
            arguments.append(self.load(value, read, op, tile, register.get_shape()[0], lane_index, last))
        applied = tensorized.ApplyOp(op.instruction.root_reference.data, arguments, acc.type)
        applied.location = op.location
        return self.emitter.add(applied).results[0]

    def _looked_up(self, value: SSAValue, tile: Tile) -> SSAValue:
        """An operand of a contraction that a nest of lookups makes, in this step."""
        nest = value.owner
        if not isinstance(nest, tensorized.GenericOp) or not tensorized.looks_up(nest):
            raise TenonError("lower-kernels: a contraction reads a value of its kernel that is not looked up")
        return TileValues(self.emitter, self.buffers, tile, self.reductions, None)._elementwise(nest)

    @staticmethod
    def _last_step(op: tensorized.ContractOp, position: Position) -> tuple[str, int, int] | None:
        """The loop that ends within an instruction, the steps left of it, and those of an instruction."""
        for name, width in op.widths.items():
            if position.size[name] < width:
                return name, position.size[name], width
        return None

    def _fetch_ahead(self, op: tensorized.ContractOp, position: Position) -> None:
        tile = replace(self.tile, position=position)
        for operand, at in position.blocks.items():
            fetch = fetch_ahead(op, operand, self.buffers[op.inputs[operand]], tile, at)
            if fetch is not None:
                self.emitter.add(fetch)


def _is_padded(op: tensorized.ContractOp, value: SSAValue, access: AffineMap) -> bool:
    """Whether the operand is packed in groups of what one instruction reduces: past the end they are zero."""
    assert isinstance(value.type, TensorType)
    groups = {
        AffineExpr.dimension(op.loop_names.index(name)) % width
        for name, width in op.widths.items()
        if width > 1
    }
    return bool(access.results) and access.results[-1] in groups
