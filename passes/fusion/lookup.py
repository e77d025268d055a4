"""`tensor.extract` of captured tensors, in kernels: lookups of arguments.

A lookup sees its buffer as an array of few dimensions: neighbouring positions that only loops decide are one,
an element of an iota, so that such loops can be merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Block, SSAValue
from xdsl.ir.affine import AffineConstantExpr, AffineExpr

from ...dialects import nn, tensorized
from ..layout.views import stored_view


def only_positions(op: GenericOp, index: int) -> bool:
    """Whether the body uses an input as positions of lookups alone."""
    pending = [op.body.block.args[index]]
    users = [use.operation for value in pending for use in value.uses]
    casts = [user for user in users if isinstance(user, arith.IndexCastOp)]
    return len(casts) == len(users) and all(
        isinstance(use.operation, tensor.ExtractOp) for cast in casts for use in cast.result.uses
    )


@dataclass
class Lookups:
    """Replaces the extracts of a body. `argument` gives the kernel's argument that a tensor is, `along` the
    arguments of the body that are positions along loops; `iotas` become the iotas that the body reads in
    their place, by extent and access, as its last arguments but one."""

    block: Block
    argument: Callable[[SSAValue], SSAValue]
    along: Mapping[SSAValue, AffineExpr]
    iotas: dict[tuple[int, AffineExpr], SSAValue] = field(default_factory=dict)

    def run(self) -> None:
        for op in [op for op in self.block.ops if isinstance(op, tensor.ExtractOp)]:
            places = self._places(op)
            positions = [self._position(at, extent, op) for at, extent in places]
            lookup = tensorized.LookupOp(self.argument(op.tensor), positions, [n for _, n in places])
            self.block.insert_op_before(lookup, op)
            op.result.replace_all_uses_with(lookup.res)
            self.block.erase_op(op)
        for op in reversed(list(self.block.ops)):
            if op.results and not list(op.results[0].uses):
                self.block.erase_op(op)
        for argument in self.along:
            self.block.erase_arg(argument)  # pyright: ignore[reportArgumentType]

    def _places(self, op: tensor.ExtractOp) -> list[tuple[AffineExpr | SSAValue, int]]:
        """Positions and extents of the array that the buffer is seen as."""
        tensor_type = nn.tensor_of(op.tensor)
        view = stored_view(tensorized.layout_of(tensor_type), tensor_type.get_shape())
        assert view is not None, "assign-layouts has copied what is no array"
        places: list[tuple[AffineExpr | SSAValue, int]] = []
        for place in view:
            at = AffineExpr.constant(0) if place.dim is None else self._index(op.indices[place.dim])
            at = self._moved(at, place.first, op)
            before = places[-1] if places else None
            if before and isinstance(before[0], AffineExpr) and isinstance(at, AffineExpr):
                places[-1] = (before[0] * place.extent + at, before[1] * place.extent)
            else:
                places.append((at, place.extent))
        return places

    def _index(self, index: SSAValue) -> AffineExpr | SSAValue:
        """An index as an expression of the loops, else as i64, as it was before it was cast."""
        if isinstance(index.owner, arith.ConstantOp) and isinstance(index.owner.value, IntegerAttr):
            return AffineExpr.constant(index.owner.value.value.data)
        assert isinstance(index.owner, arith.IndexCastOp)
        return self.along.get(index.owner.input, index.owner.input)

    def _moved(self, at: AffineExpr | SSAValue, first: int, user: tensor.ExtractOp) -> AffineExpr | SSAValue:
        if isinstance(at, AffineExpr) or not first:
            return at + first if isinstance(at, AffineExpr) and first else at
        return self._add(arith.AddiOp(at, self._constant(first, user)), user)

    def _position(self, at: AffineExpr | SSAValue, extent: int, user: tensor.ExtractOp) -> SSAValue:
        if isinstance(at, SSAValue):
            return at
        if isinstance(at, AffineConstantExpr):
            return self._constant(at.value, user)
        if (extent, at) not in self.iotas:
            self.iotas[extent, at] = self.block.insert_arg(i64, len(self.block.args) - 1)
        return self.iotas[extent, at]

    def _constant(self, value: int, user: tensor.ExtractOp) -> SSAValue:
        return self._add(arith.ConstantOp(IntegerAttr(value, i64)), user)

    def _add(self, op: arith.AddiOp | arith.ConstantOp, user: tensor.ExtractOp) -> SSAValue:
        self.block.insert_op_before(op, user)
        return op.result
