"""Linear transforms of small tiles: reductions over a tile, with one constant matrix a loop of it.

Written as loops, y[a, b, ...] = sum over i, j of x[..., i, ..., j] * A[a, i] * B[b, j]. The matrices are part
of what such a kernel does, not parameters: they stay in it, where other compile-time operands are arguments.
"""

from __future__ import annotations

from xdsl.dialects import tensor
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from ...dialects import nn
from .group import band_rank, reduces


def matrix_operands(op: GenericOp) -> list[int]:
    """The inputs of a transform that are its matrices, two or more; nothing for any other op."""
    if not reduces(op):
        return []
    rank, loops = band_rank(op), op.indexing_maps.data[-1].data.num_dims
    found: dict[int, int] = {}
    for i, (value, access) in enumerate(zip(op.inputs, op.indexing_maps)):
        if (loop := _summed(value, access.data, rank)) is not None:
            found[loop] = i
    whole = sorted(found) == list(range(rank, loops)) and len(op.inputs) == len(found) + 1
    return list(found.values()) if whole and len(found) > 1 else []


def _summed(value: SSAValue, access: AffineMap, rank: int) -> int | None:
    """The reduction loop that is the columns of a matrix in the IR."""
    owner = value.owner
    if not isinstance(owner, nn.ConstantOp) or not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return None
    if len(access.results) != 2 or len(access.results[0].used_dims()) != 1:
        return None
    row, column = access.results
    if not isinstance(column, AffineDimExpr) or any(d >= rank for d in row.used_dims()):
        return None
    return column.position if column.position >= rank else None


def matrix_of(value: SSAValue) -> DenseIntOrFPElementsAttr:
    """The numbers of a matrix operand."""
    assert isinstance(value.owner, nn.ConstantOp)
    assert isinstance(value.owner.value, DenseIntOrFPElementsAttr)
    return value.owner.value


def transformed_loops(op: GenericOp) -> set[int]:
    """The loops along which the matrices act."""
    return {d for i in matrix_operands(op) for d in op.indexing_maps.data[i].data.used_dims()}


def made_of_planes(value: SSAValue) -> bool:
    """Whether a transform reads or writes every plane of `value`, a reshaped view of its tiles, for each."""
    if isinstance(value.owner, tensor.CollapseShapeOp):
        return _is_transform(value.owner.src.owner)
    views = [use.operation for use in value.uses if isinstance(use.operation, tensor.ExpandShapeOp)]
    return any(_is_transform(use.operation) for view in views for use in view.result.uses)


def _is_transform(op: object) -> bool:
    return isinstance(op, GenericOp) and bool(matrix_operands(op))
