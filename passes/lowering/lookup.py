"""Lookups of a nest's body as gathers of registers.

What a lookup computes its positions from is a map of its own, the gather comes after it, and the rest of the
body takes the gathered register as an argument. A position that is an element of an iota is no value: the
address moves with the iota's loop. Positions that do not depend on the lane loop are computed once per
register. A nest without the lane loop, which a contraction reads, has one element in all lanes of a register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized.linear_form import row_major

if TYPE_CHECKING:
    from .values import TileValues


class LookupLowering:
    """The body of one nest, and the registers its arguments are, as far as they are made."""

    def __init__(self, values: TileValues, op: tensorized.GenericOp):
        self.values, self.op = values, op
        self.block = op.body.clone().block
        self.operands = dict(zip(self.block.args, zip((*op.inputs, op.init), op.accesses, strict=True)))
        self.registers: dict[SSAValue, SSAValue] = {}

    def run(self) -> tuple[list[SSAValue], Region]:
        """The registers and the body of a map that has no lookups any more."""
        for lookup in [o for o in self.block.ops if isinstance(o, tensorized.LookupOp)]:
            self._gather(lookup)
        for op in reversed(list(self.block.ops)):
            if op.results and not any(list(result.uses) for result in op.results):
                self.block.erase_op(op)
        for argument in reversed(self.block.args):
            if not list(argument.uses):
                self.block.erase_arg(argument)
        region = self.block.parent
        assert region is not None
        return [self._register(argument) for argument in self.block.args], region

    def _register(self, argument: SSAValue) -> SSAValue:
        if argument not in self.registers:
            value, access = self.operands[argument]  # pyright: ignore[reportArgumentType]
            self.registers[argument] = self.values.operand(value, access, self.op)
        return self.registers[argument]

    def _gather(self, lookup: tensorized.LookupOp) -> None:
        strides = row_major(lookup.view)
        affine: AffineExpr = AffineExpr.constant(0)
        computed: list[tuple[SSAValue, int]] = []
        for index, stride in zip(lookup.indices, strides, strict=True):
            along = self._along(index)
            if along is None:
                computed.append((index, stride))
            else:
                affine = affine + along * stride
        table, tile = self.values.buffers[lookup.table], self.values.tile
        assert isinstance(table.type, MemRefType)
        loops = self.op.loop_names
        variables, placed, _ = tile.access(AffineMap(len(loops), 0, (affine,)), loops, tile.lanes)
        uniform = all(self._is_uniform(index) for index, _ in computed)
        positions = [self._position(index, uniform) for index, _ in computed]
        vector = self.values.vector(table.type.element_type, tile.lanes)
        valid = tile.width if tile.ragged and tile.lane_loop in loops else None
        gather = tensorized.GatherOp(
            table, variables, placed, positions, [s for _, s in computed], vector, valid
        )
        gather.location = self.op.location
        argument = self.block.insert_arg(lookup.res.type, len(self.block.args))
        self.registers[argument] = self.values.emitter.add(gather).results[0]
        lookup.res.replace_all_uses_with(argument)
        self.block.erase_op(lookup)

    def _along(self, index: SSAValue) -> AffineExpr | None:
        """The index as an expression of the nest's loops, where an iota or a constant gives it."""
        if isinstance(index.owner, arith.ConstantOp) and isinstance(index.owner.value, IntegerAttr):
            return AffineExpr.constant(index.owner.value.value.data)
        if index in self.operands:
            value, access = self.operands[index]  # pyright: ignore[reportArgumentType]
            if isinstance(value.owner, tensorized.IotaOp):
                return access.results[0]
        return None

    def _needed(self, index: SSAValue) -> tuple[list[BlockArgument], list[Operation]]:
        """The arguments and, in order, the ops that an index is computed from."""
        arguments: list[BlockArgument] = []
        ops: set[Operation] = set()
        pending = [index]
        while pending:
            value = pending.pop()
            if isinstance(value, BlockArgument):
                arguments.append(value)
            elif isinstance(value.owner, Operation) and value.owner not in ops:
                ops.add(value.owner)
                pending += value.owner.operands
        return list(dict.fromkeys(arguments)), [op for op in self.block.ops if op in ops]

    def _is_uniform(self, index: SSAValue) -> bool:
        loops = self.op.loop_names
        if self.values.tile.lane_loop not in loops:
            return True
        lane = loops.index(self.values.tile.lane_loop)
        for argument in self._needed(index)[0]:
            if argument not in self.operands:
                return False
            value, access = self.operands[argument]
            if value not in self.values.buffers or lane in access.used_dims():
                return False
        return True

    def _position(self, index: SSAValue, uniform: bool) -> SSAValue:
        arguments, ops = self._needed(index)
        registers = [self._single(a) if uniform else self._register(a) for a in arguments]
        block = Block(arg_types=[argument.type for argument in arguments])
        clones: dict[SSAValue, SSAValue] = dict(zip(arguments, block.args, strict=True))
        for op in ops:
            block.add_op(op.clone(clones))
        block.add_op(tensorized.YieldOp(clones[index]))
        if not ops:
            return registers[0]
        lanes = 1 if uniform else self.values.tile.lanes
        made = tensorized.MapOp(registers, self.values.vector(index.type, lanes), Region(block))
        made.location = self.op.location
        return self.values.emitter.add(made).results[0]

    def _single(self, argument: BlockArgument) -> SSAValue:
        """One lane of an operand that is the same in all of them."""
        value, access = self.operands[argument]
        return self.values.load(value, access, self.op, self.values.tile, 1, {})
