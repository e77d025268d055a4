"""Gathers that a contraction makes as it reads, so that no tensor of theirs is ever stored.

The contraction's registers along the lanes are weights; of what is gathered each step takes single elements,
in all lanes, and an index for all rows of its tile: one load more. Instructions that sum several products in
a lane take neighbours instead, as do transforms of tiles: what they read is gathered before.
"""

from __future__ import annotations

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import f32
from xdsl.dialects.linalg.ops import GenericOp, YieldOp

from ...dialects.nn import is_compile_time, tensor_of
from .group import band_rank, looks_up, loop_extents, reduces, regular

_SUM_OF_PRODUCTS = {arith.MulfOp, arith.AddfOp, YieldOp}
_POSITIONS = {arith.IndexCastOp, arith.ConstantOp, arith.ExtSIOp, tensor.ExtractOp, YieldOp}


def gathered(op: GenericOp, operand: int) -> GenericOp | None:
    """The gather that a contraction makes as it reads an operand: all that read it can."""
    made = op.operands[operand].owner
    if not isinstance(made, GenericOp) or not _only_moves(made) or not _can_look_up(op, operand):
        return None
    uses = list(made.results[0].uses)
    alike = all(isinstance(u.operation, GenericOp) and _can_look_up(u.operation, u.index) for u in uses)
    return made if alike else None


def _can_look_up(op: GenericOp, operand: int) -> bool:
    """Whether the op sums f32 products of the operand and weights that share no parallel loop with it. What
    sums a single one is no reduction in its kernel."""
    types = {tensor_of(value).element_type for value in op.operands}
    known = [is_compile_time(value) for value in op.inputs]
    if operand > 1 or len(known) != 2 or known[operand] or not known[1 - operand] or types != {f32}:
        return False
    mine, weights = (op.indexing_maps.data[i].data.used_dims() for i in (operand, 1 - operand))
    products = {type(inner) for inner in op.body.block.ops} == _SUM_OF_PRODUCTS
    sums = reduces(op) and max(loop_extents(op)[band_rank(op) :]) > 1
    return sums and products and regular(op) and all(n >= band_rank(op) for n in mine & weights)


def _only_moves(op: GenericOp) -> bool:
    """Whether the op takes elements at positions that are known at compile time."""
    moves = looks_up(op) and regular(op) and {type(inner) for inner in op.body.block.ops} <= _POSITIONS
    last = op.body.block.last_op
    taken = last is not None and isinstance(last.operands[0].owner, tensor.ExtractOp)
    return moves and taken and all(is_compile_time(value) for value in op.inputs)
