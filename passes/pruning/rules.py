"""nn op -> the relations between its dimensions. Adding an op that channels pass through is one rule here.

An op without a rule looks at all of its operands whole, and nothing runs along to its results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune, qnn
from .relations import Carry, Fix, Parts, Relation, Sum, along, blocks

Rule = Callable[[Any], list[Relation]]


def relations(op: Operation) -> list[Relation]:
    """What `op` says about its dimensions."""
    rule = RULES.get(type(op))
    return [] if rule is None or len(op.results) != 1 else rule(op)


def shape_of(value: SSAValue) -> tuple[int, ...]:
    return nn.tensor_of(value).get_shape()


def _broadcast(operand: int, shape: tuple[int, ...], result: tuple[int, ...]) -> list[Relation]:
    """numpy's broadcasting: axes of extent 1 run along with nothing."""
    offset = len(result) - len(shape)
    return along(operand, (a for a, n in enumerate(shape) if n == result[a + offset]), offset)


def _elementwise(op: nn.ElementwiseOp) -> list[Relation]:
    return [r for i, x in enumerate(op.inputs) for r in _broadcast(i, shape_of(x), op.shape)]


def _same_shape(op: Any) -> list[Relation]:
    return along(0, range(len(op.shape)))


def _conv(op: nn.ConvOp | nn.ConvTransposeOp) -> list[Relation]:
    """Weights are [O, C / groups, kernel], transposed ones [C, O / groups, kernel]."""
    outputs, inputs = (0, 1) if isinstance(op, nn.ConvOp) else (1, 0)
    groups = op.value_of("groups")
    found = [*along(0, [0]), *(Fix(0, a, "moves a window") for a in range(2, len(op.shape)))]
    if op.bias is not None:
        found.append(Carry(2, (0,), (1,)))
    if groups == 1:
        return [*found, Carry(1, (outputs,), (1,)), Sum(((0, 1), (1, inputs)))]
    return [*found, *_grouped(op, groups)]


def is_cut_by_groups(op: nn.ConvOp | nn.ConvTransposeOp) -> bool:
    """Whether whole groups leave a grouped convolution: where there are more groups than channels in each.
    Otherwise channels leave, equally many of each group."""
    groups = op.value_of("groups")
    return groups > 1 and shape_of(op.x)[1] // groups < groups


def _grouped(op: nn.ConvOp | nn.ConvTransposeOp, groups: int) -> list[Relation]:
    inputs, outputs = shape_of(op.x)[1] // groups, op.shape[1] // groups
    transposed = isinstance(op, nn.ConvTransposeOp)
    # Output o depends on all inputs of its group, which leave with the first.
    first = np.arange(op.shape[1]) // outputs * inputs
    whole = is_cut_by_groups(op)
    found: list[Relation] = [Parts(0, 1, groups, whole), Parts(None, 1, groups, whole)]
    if not transposed:
        found.append(Carry(1, (0,), (1,)))
    if whole:
        found.append(Carry(0, (1,), (1,), first))
        return [*found, Carry(1, (0,), (1,), first), Parts(1, 0, groups, True)] if transposed else found
    return [*found, Sum(((0, 1), (1, 0)) if transposed else ((0, 1),))]


def _matmul(op: nn.MatmulOp) -> list[Relation]:
    a, b, result = shape_of(op.a), shape_of(op.b), op.shape
    rank = len(result)
    batch = [*_broadcast(0, a[:-2], result[:-2]), *_broadcast(1, b[:-2], result[:-2])]
    rows, columns = Carry(0, (len(a) - 2,), (rank - 2,)), Carry(1, (len(b) - 1,), (rank - 1,))
    return [*batch, rows, columns, Sum(((0, len(a) - 1), (1, len(b) - 2)))]


def _pool(op: nn.PoolOp) -> list[Relation]:
    return [*along(0, [0, 1]), *(Fix(0, a, "moves a window") for a in range(2, len(op.shape)))]


def _reduce(op: nn.ReduceOp) -> list[Relation]:
    axes, found, to = op.value_of("axes"), list[Relation](), 0
    for axis in range(len(shape_of(op.x))):
        if axis not in axes:
            found.append(Carry(0, (axis,), (to,)))
        elif op.kind.data == "sum":
            found.append(Sum(((0, axis),)))
        else:
            found.append(Fix(0, axis, f"takes the {op.kind.data} over it"))
        to += axis not in axes or op.value_of("keepdims")
    return found


def _softmax(op: nn.SoftmaxOp) -> list[Relation]:
    return [*_same_shape(op), Fix(0, op.value_of("axis"), "is a softmax over it")]


def _batch_norm(op: nn.BatchNormOp) -> list[Relation]:
    return [*_same_shape(op), *(Carry(i, (0,), (1,)) for i in range(1, 5))]


def _normalize(op: nn.NormalizeOp) -> list[Relation]:
    found, groups = _same_shape(op), op.value_of("groups")
    for i, parameter in enumerate(op.parameters, start=1):
        found += _broadcast(i, shape_of(parameter), op.shape)
    for axis in op.value_of("axes"):
        if groups > 1 and axis == 1:
            found.append(Parts(0, 1, groups, True))
        else:
            found.append(Fix(0, axis, "normalizes over it"))
    return found


def _resize(op: nn.ResizeOp) -> list[Relation]:
    axes = range(len(op.shape))
    return [*along(0, (a for a in axes if op.taps(a) is None))]


def _reshape(op: nn.ReshapeOp) -> list[Relation]:
    source = shape_of(op.x)
    return [Carry(0, a, b) for a, b in blocks(source, op.shape)] if 0 not in source else []


def _transpose(op: nn.TransposeOp) -> list[Relation]:
    return [Carry(0, (axis,), (to,)) for to, axis in enumerate(op.value_of("perm"))]


def _concat(op: nn.ConcatOp) -> list[Relation]:
    axis, start, found = op.value_of("axis"), 0, list[Relation]()
    for i, x in enumerate(op.inputs):
        extent = shape_of(x)[axis]
        at = np.arange(op.shape[axis]) - start
        found += along(i, (a for a in range(len(op.shape)) if a != axis))
        found.append(Carry(i, (axis,), (axis,), np.where((at >= 0) & (at < extent), at, -1)))
        start += extent
    return found


def _slice(op: nn.SliceOp) -> list[Relation]:
    starts, sizes, strides = (op.value_of(name) for name in op.FIELDS)
    return [
        Carry(0, (a,), (a,), start + np.arange(n) * stride)
        for a, (start, n, stride) in enumerate(zip(starts, sizes, strides, strict=True))
    ]


def _pad(op: nn.PadOp) -> list[Relation]:
    found = list[Relation]()
    for a, (low, n) in enumerate(zip(op.value_of("low"), shape_of(op.x), strict=True)):
        at = np.arange(op.shape[a]) - low
        found.append(Carry(0, (a,), (a,), np.where((at >= 0) & (at < n), at, -1)))
    return found


def _broadcast_op(op: nn.BroadcastOp) -> list[Relation]:
    return _broadcast(0, shape_of(op.x), op.shape)


def known_indices(value: SSAValue) -> np.ndarray | None:
    """The array of a small integer constant that stands in the IR."""
    owner = value.owner
    if not isinstance(owner, nn.ConstantOp) or not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return None
    return nn.dense_array(owner.value)


def _gather(op: nn.GatherOp) -> list[Relation]:
    axis, count, batch = op.value_of("axis"), len(op.indices), op.value_of("batch")
    shape, taken = shape_of(op.x), len(shape_of(op.indices[0])) - batch
    found = along(0, range(axis)) + along(0, range(axis + count, len(shape)), taken - count)
    known = known_indices(op.indices[0]) if count == 1 and batch == 0 else None
    if known is None:
        return [*found, *(Fix(0, axis + i, "reads positions known at run time") for i in range(count))]
    at = np.clip(np.where(known < 0, known + shape[axis], known), 0, shape[axis] - 1)
    if taken == 1:
        at = np.where(chosen(op), at, -1)
    return [*found, Carry(0, (axis,), tuple(range(axis, axis + taken)), at.reshape(-1))]


def chosen(op: nn.GatherOp) -> np.ndarray:
    """Which positions along the axis its readers use: all, but where the only one is a `where` that takes
    them or a constant, by a condition known at compile time; prune-apply makes sums of unequal sides so."""
    axis, shape = op.value_of("axis"), shape_of(op.result)
    every, uses = np.ones(shape[axis], np.bool_), list(op.result.uses)
    user = uses[0].operation if len(uses) == 1 else None
    if not isinstance(user, nn.ElementwiseOp) or user.fn.data != "where" or uses[0].index != 1:
        return every
    if shape_of(user.operands[2]) or not isinstance(user.operands[2].owner, nn.ConstantOp):
        return every
    condition = known_array(user.operands[0])
    line = (shape[axis], *(1,) * (len(shape) - 1 - axis))
    return every if condition is None or condition.shape != line else condition.reshape(-1)


def known_array(value: SSAValue) -> np.ndarray | None:
    """The array of a constant in the IR, or of positions taken of one."""
    owner = value.owner
    if isinstance(owner, nn.GatherOp) and len(owner.indices) == 1:
        whole, index = known_array(owner.x), known_array(owner.indices[0])
        if whole is None or index is None or index.ndim != 1 or owner.value_of("batch"):
            return None
        return whole.take(index, owner.value_of("axis"))
    if isinstance(owner, nn.SliceOp):
        whole = known_array(owner.x)
        bounds = zip(owner.value_of("starts"), shape_of(value), owner.value_of("strides"), strict=True)
        return None if whole is None else whole[tuple(slice(a, a + n * s, s) for a, n, s in bounds)]
    return known_indices(value)


def _quantize(op: qnn.QuantizeOp | qnn.DequantizeOp) -> list[Relation]:
    """Scales and zero points of channels run along with them; those of blocks are looked at whole."""
    axis = op.value_of("axis")
    along_axis = [Carry(i, (0,), (axis,)) for i in (1, 2) if len(shape_of(op.operands[i])) == 1]
    return [*_same_shape(op), *(along_axis if op.value_of("block") == 0 else ())]


def _branch(op: prune.BranchOp) -> list[Relation]:
    """The axis ends here, as where a product sums over it; what begins is new (analysis.py)."""
    axis = op.value_of("axis")
    return [*along(0, (a for a in range(len(op.shape)) if a != axis)), Sum(((0, axis),))]


def _over_axis(why: str, carried: bool) -> Rule:
    """For ops that look along one axis, which the result keeps (`carried`) or not."""

    def rule(op: nn.ArgReduceOp | nn.TopKOp | nn.CumulateOp) -> list[Relation]:
        axis = op.value_of("axis")
        axes = (a for a in range(len(op.shape)) if carried or a != axis)
        return [*along(0, axes), Fix(0, axis, why)]

    return rule


RULES: dict[type[Operation], Rule] = {
    nn.ElementwiseOp: _elementwise,
    nn.CastOp: _same_shape,
    nn.BitcastOp: _same_shape,
    nn.ConvOp: _conv,
    nn.ConvTransposeOp: _conv,
    nn.PoolOp: _pool,
    nn.MatmulOp: _matmul,
    nn.ReduceOp: _reduce,
    nn.SoftmaxOp: _softmax,
    nn.BatchNormOp: _batch_norm,
    nn.NormalizeOp: _normalize,
    nn.ResizeOp: _resize,
    nn.ReshapeOp: _reshape,
    nn.TransposeOp: _transpose,
    nn.ConcatOp: _concat,
    nn.SliceOp: _slice,
    nn.PadOp: _pad,
    nn.BroadcastOp: _broadcast_op,
    nn.GatherOp: _gather,
    nn.ArgReduceOp: _over_axis("looks for the extreme of it", False),
    nn.TopKOp: _over_axis("looks for the extremes of it", False),
    nn.CumulateOp: _over_axis("accumulates along it", True),
    qnn.QuantizeOp: _quantize,
    qnn.DequantizeOp: _quantize,
    prune.MaskOp: _same_shape,
    prune.BranchOp: _branch,
}
