"""A transform of one tile in registers: the tile is loaded as a grid, and multiplied along each of its
dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, TensorType
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import tensorized
from ...dialects.errors import TenonError
from ...dialects.tensorized.linear_form import bounds, linear_form
from .tile import Position, Tile

if TYPE_CHECKING:
    from .values import TileValues


class TransformLowering:
    def __init__(self, values: TileValues, op: tensorized.TransformOp):
        self.values, self.op, self.lines = values, op, op.lines
        rows = [name for name, _ in values.tile.rows]
        if rows != [line.made for line in self.lines]:
            made = ", ".join(line.made for line in self.lines)
            raise TenonError(
                f"lower-kernels: a transform of {made} in a tile of {', '.join(rows) or 'one row'}"
            )

    def run(self) -> SSAValue:
        """What the matrices make of the tile, on top of the start value."""
        total = self._tile()
        for axis, (line, (_, count)) in enumerate(zip(self.lines, self.values.tile.rows, strict=True)):
            matrix = tensorized.first_rows(line.matrix, count)
            linear = tensorized.LinearOp(total, axis, matrix)
            linear.location = self.op.location
            total = self.values.emitter.add(linear).results[0]
        return total if _is_zero(self.op.init) else self._added(self.values.value(self.op.init), total)

    def _tile(self) -> SSAValue:
        """The operand's registers, a grid over the loops that the matrices sum up."""
        tile, op = self.values.tile, self.op
        extents = dict(zip(op.loop_names, op.extents))
        at, start, size = tile.position, dict(tile.position.start), dict(tile.position.size)
        for line, (_, count) in zip(self.lines, tile.rows, strict=True):
            self._check_whole(line, count)
            start[line.summed], size[line.summed] = AffineExpr.constant(0), extents[line.summed]
        grid = tuple((line.summed, extents[line.summed]) for line in self.lines)
        summed = Tile(Position(at.variables, at.counts, start, size), grid, tile.lane_loop, tile.lanes)
        return self.values.load(op.inputs[0], op.accesses[0], op, summed, tile.lanes, None)

    def _check_whole(self, line: tensorized.Line, count: int) -> None:
        """A tile must begin with the first row of the matrix."""
        rows = line.matrix.get_shape()[0]
        position = self.values.tile.position
        first = linear_form(position.start[line.made] % rows, position.counts)
        if bounds(first, position.counts) != (0, 0) or count > rows:
            raise TenonError(f"lower-kernels: tiles of loop {line.made} do not begin at multiples of {rows}")

    def _added(self, start: SSAValue, total: SSAValue) -> SSAValue:
        assert isinstance(self.op.res.type, TensorType)
        element = self.op.res.type.element_type
        block = Block(arg_types=[element] * 2)
        added = arith.AddfOp(block.args[0], block.args[1])
        block.add_ops([added, tensorized.YieldOp(added.result)])
        vector = self.values.vector(element, self.values.tile.lanes)
        made = tensorized.MapOp([start, total], vector, Region(block))
        made.location = self.op.location
        return self.values.emitter.add(made).results[0]


def _is_zero(value: SSAValue) -> bool:
    """Whether a start value is zero everywhere."""
    op = value.owner
    last = op.body.block.last_op if isinstance(op, tensorized.GenericOp) else None
    constant = last.operands[0].owner if last is not None else None
    return (
        isinstance(constant, arith.ConstantOp)
        and isinstance(constant.value, FloatAttr)
        and constant.value.value.data == 0
    )
