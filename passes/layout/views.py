"""Layouts through view ops: which physical element a view's logical element is.

A view op costs nothing when its result and its source name the same physical buffer, so each function
here turns the layout on one side into the layout on the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import FloatAttr, IntegerAttr
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from ...dialects.tensorized.attributes import LayoutAttr
from ...dialects.tensorized.linear_form import flat_access, flat_strides, linear_form, row_major, substitute


def groups(op: tensor.CollapseShapeOp | tensor.ExpandShapeOp) -> list[list[int]]:
    """The reassociation as lists of dimensions of the expanded side."""
    return [[int(i.value.data) for i in group] for group in op.reassociation]


def linearized(reassociation: Sequence[Sequence[int]], expanded_shape: Sequence[int]) -> list[AffineExpr]:
    """Each collapsed index as an expression of the expanded ones."""
    result: list[AffineExpr] = []
    for group in reassociation:
        index: AffineExpr = AffineExpr.constant(0)
        for dim, stride in zip(group, row_major([expanded_shape[d] for d in group])):
            index = index + AffineExpr.dimension(dim) * stride
        result.append(index)
    return result


def expanded_layout(
    collapsed: LayoutAttr, reassociation: Sequence[Sequence[int]], expanded_shape: Sequence[int]
) -> LayoutAttr:
    """The layout of the expanded side, given the collapsed side's: always exists."""
    access = substitute(collapsed.access, linearized(reassociation, expanded_shape), expanded_shape)
    return LayoutAttr.of(access, collapsed.physical_shape, collapsed.fill_value)


def collapsed_layout(
    expanded: LayoutAttr, reassociation: Sequence[Sequence[int]], expanded_shape: Sequence[int]
) -> LayoutAttr | None:
    """The layout of the collapsed side, given the expanded side's; None unless the merged index moves
    through memory evenly."""
    indices: list[AffineExpr] = [AffineExpr.constant(0)] * len(expanded_shape)
    shape: list[int] = []
    for position, group in enumerate(reassociation):
        extents = [expanded_shape[d] for d in group]
        total = 1
        for extent in extents:
            total *= extent
        shape.append(total)
        for dim, stride, extent in zip(group, row_major(extents), extents):
            indices[dim] = (AffineExpr.dimension(position) // stride) % extent
    access = substitute(expanded.access, indices, shape)
    for expr in access.results:
        if any(not isinstance(atom, AffineDimExpr) for atom in linear_form(expr, shape).terms):
            return None
    return LayoutAttr.of(access, expanded.physical_shape, expanded.fill_value)


def shifted_layout(source: LayoutAttr, low: Sequence[int], result_shape: Sequence[int]) -> LayoutAttr:
    """The layout of a padded tensor inside its source's halo; `low` is the padding in front."""
    indices = [AffineExpr.dimension(i) - pad for i, pad in enumerate(low)]
    return LayoutAttr.of(
        substitute(source.access, indices, result_shape), source.physical_shape, source.fill_value
    )


def sliced_layout(
    source: LayoutAttr, offsets: Sequence[int], strides: Sequence[int], result_shape: Sequence[int]
) -> LayoutAttr:
    indices = [AffineExpr.dimension(i) * s + o for i, (o, s) in enumerate(zip(offsets, strides, strict=True))]
    return LayoutAttr.of(substitute(source.access, indices, result_shape), source.physical_shape, None)


def permuted_layout(
    shape: Sequence[int],
    order: Sequence[int],
    low: Sequence[int],
    high: Sequence[int],
    fill: float | None,
    row_slack: int = 0,
) -> LayoutAttr:
    """Dimensions stored in `order`, with a halo of `low` / `high` around each logical dimension and
    `row_slack` unused elements after every innermost row."""
    access = AffineMap(
        len(shape),
        0,
        tuple(AffineExpr.dimension(d) + low[d] if low[d] else AffineExpr.dimension(d) for d in order),
    )
    physical = [shape[d] + low[d] + high[d] for d in order]
    if physical:
        physical[-1] += row_slack
    return LayoutAttr.of(access, physical, fill)


def spread_planes(layout: LayoutAttr, slack: int) -> LayoutAttr:
    """The same with `slack` elements between the planes of the first physical dimension, which are then one
    row each."""
    planes, *rest = layout.physical_shape
    first, *inner = layout.access.results
    index: AffineExpr = AffineExpr.constant(0)
    for expr, stride in zip(inner, row_major(rest), strict=True):
        index = index + expr * stride
    access = AffineMap(layout.access.num_dims, 0, (first, index))
    return LayoutAttr.of(access, [planes, prod(rest) + slack], layout.fill_value)


def is_plain(layout: LayoutAttr, shape: Sequence[int]) -> bool:
    """Whether the layout says what a tensor type without one says."""
    identity = AffineMap.identity(len(shape)).results
    return layout.physical_shape == tuple(shape) and all(
        linear_form(e, shape) == linear_form(i, shape) for e, i in zip(layout.access.results, identity)
    )


def is_row_major(layout: LayoutAttr, shape: Sequence[int]) -> bool:
    """Whether the buffer holds exactly the elements, in logical order (dimensions of extent 1 aside)."""
    strides = _strides(layout, shape)
    return strides is not None and _match(strides, shape, range(len(shape)))


@dataclass(frozen=True)
class Place:
    """A dimension of a buffer seen as a row-major array: its extent, the logical dimension along it (None:
    what is stored stands at one index) and the index of that one's first element."""

    extent: int
    dim: int | None
    first: int


def stored_view(layout: LayoutAttr, shape: Sequence[int]) -> list[Place] | None:
    """The buffer as an array in which every logical dimension of more than one element has a dimension of its
    own, halos and unused elements included, if there is one."""
    strides = flat_strides(layout.access, row_major(layout.physical_shape), shape)
    if strides is None:
        return None
    left = flat_access(layout.access, row_major(layout.physical_shape), shape).constant
    step, view = math.prod(layout.physical_shape), list[Place]()
    for dim in sorted((d for d, n in enumerate(shape) if n > 1), key=lambda d: -strides[d]):
        stride = strides[dim]
        if stride < 1 or step % stride:
            return None
        first, left = divmod(left, stride)
        view.append(Place(step // stride, dim, first))
        if first + shape[dim] > view[-1].extent:
            return None
        step = stride
    return view if step == 1 else [*view, Place(step, None, left)]


def _strides(layout: LayoutAttr, shape: Sequence[int]) -> list[int] | None:
    """Of each logical dimension; None where the buffer holds more, or a dimension lies otherwise."""
    if math.prod(layout.physical_shape) != math.prod(shape):
        return None
    strides = [0] * len(shape)
    for expr, stride in zip(layout.access.results, row_major(layout.physical_shape)):
        for atom, coefficient in linear_form(expr, shape).terms.items():
            if not isinstance(atom, AffineDimExpr):
                return None
            strides[atom.position] += coefficient * stride
    return strides


def _match(strides: Sequence[int], shape: Sequence[int], order: Sequence[int]) -> bool:
    expected = row_major([shape[d] for d in order])
    return all(strides[d] == want for d, want in zip(order, expected, strict=True) if shape[d] > 1)


def pad_amounts(op: tensor.PadOp) -> tuple[list[int], list[int]]:
    return [int(n) for n in op.static_low.get_values()], [int(n) for n in op.static_high.get_values()]


def pad_value(op: tensor.PadOp) -> float | int | None:
    """The constant a pad fills with; None if it is not a constant."""
    last = op.region.block.last_op
    constant = last.operands[0].owner if last is not None and last.operands else None
    if isinstance(constant, arith.ConstantOp) and isinstance(constant.value, FloatAttr | IntegerAttr):
        return constant.value.value.data
    return None


def same_bits(one: float | None, other: float | None) -> bool:
    """Whether two fills are the same: NaN is itself, and the zeros differ."""
    return repr(one) == repr(other)
