"""Ops that only look at elements another way: reshape, concat, slice, pad."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import tensor
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, TensorType, i64
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn
from .emitter import Emitter, Operand, at
from .empty import is_empty


def lower_reshape(emit: Emitter, op: nn.ReshapeOp) -> SSAValue:
    return reshaped(emit, op.x, op.shape)


def lower_concat(emit: Emitter, op: nn.ConcatOp) -> SSAValue:
    parts = [x for x in op.inputs if not is_empty(x)]
    return emit(tensor.ConcatOp(parts, op.value_of("axis"), op.type)) if len(parts) > 1 else parts[0]


def lower_slice(emit: Emitter, op: nn.SliceOp) -> SSAValue:
    starts, sizes, strides = (op.value_of(name) for name in ("starts", "sizes", "strides"))
    return emit(tensor.ExtractSliceOp(op.x, starts, sizes, strides, op.type))


def lower_pad(emit: Emitter, op: nn.PadOp) -> SSAValue:
    return emit.padded(op.x, op.value_of("low"), op.value_of("high"), op.value_of("value"))


def reshaped(emit: Emitter, x: SSAValue, shape: Sequence[int]) -> SSAValue:
    """`x` under another shape: nn.reshape at compile time, else at most one collapse and one expand."""
    while isinstance(x.owner, tensor.CollapseShapeOp | tensor.ExpandShapeOp) and len(list(x.uses)) <= 1:
        x = x.owner.src  # a view that this reshape alone reads: look through it
    source = nn.tensor_of(x)
    if source.get_shape() == tuple(shape):
        return x
    if nn.is_compile_time(x):
        return emit(nn.ReshapeOp(x, shape))
    if not source.get_shape() or not shape:  # no reassociation reaches rank 0: one element is copied
        access = at(len(shape), [AffineExpr.constant(0)] * source.get_num_dims())
        return emit.elementwise([Operand(x, access)], source.element_type, shape, lambda b, x: x)
    groups = common_groups(source.get_shape(), shape)
    middle = [math.prod(source.get_shape()[i] for i in before) for before, _ in groups]
    if any(len(before) != 1 for before, _ in groups):
        x = emit(_collapse(x, [before for before, _ in groups], TensorType(source.element_type, middle)))
    if any(len(after) != 1 for _, after in groups):
        result = TensorType(source.element_type, shape)
        x = emit(tensor.ExpandShapeOp(x, [], _reassociation([a for _, a in groups]), list(shape), result))
    return x


def common_groups(source: Sequence[int], result: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The finest runs of dimensions with equal products on both sides: (dimensions of source, of result).

    Of 6x4x5 and 2x3x20 they are ([0], [0, 1]) and ([1, 2], [2]). A reshape collapses each run of the source
    to one dimension and expands it to the run of the result."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(source) and j < len(result):
        before, after = [i], [j]
        left, right = source[i], result[j]
        i, j = i + 1, j + 1
        # An extent of 0 makes all products equal in the end: then everything is one run.
        while left != right and (i < len(source) or j < len(result)):
            if (left < right and i < len(source)) or j == len(result):
                left, i = left * source[i], i + 1
                before.append(i - 1)
            else:
                right, j = right * result[j], j + 1
                after.append(j - 1)
        groups.append((before, after))
    # What is left over are extents of 1.
    if groups:
        groups[-1][0].extend(range(i, len(source)))
        groups[-1][1].extend(range(j, len(result)))
    return groups


def _reassociation(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    return ArrayAttr([ArrayAttr([IntegerAttr(i, i64) for i in group]) for group in groups])


def _collapse(x: SSAValue, groups: Sequence[Sequence[int]], result: TensorType) -> tensor.CollapseShapeOp:
    return tensor.CollapseShapeOp.build(
        operands=[x], result_types=[result], properties={"reassociation": _reassociation(groups)}
    )
