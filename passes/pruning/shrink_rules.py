"""How ops shrink whose properties or axes depend on extents. Every other op is `shrink_plain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import Operation

from ...dialects import nn, prune
from ..decompose.mask import masked
from .rectangle import arranged
from .shrink import Order, Shrinker, shrink_plain
from .shrink_conv import shrink_conv
from .shrink_parts import shrink_concat, shrink_gather, shrink_pad, shrink_slice
from .shrink_reshape import shrink_reshape

Shrink = Callable[[Shrinker, Any], None]


def _mask(shrinker: Shrinker, op: prune.MaskOp) -> None:
    """Gone: what it zeroes is not there any more. Where only products with weights read it, they leave out
    what is still there."""
    factors = shrinker.analysis.factors[op.result]
    if not any(op.value_of("axis") in factor.axes for factor in factors):
        _product(shrinker, op)
        return
    links = [link for link in shrinker.analysis.links[op] if link.result is not None]
    brought = [shrinker.brought(op, link) for link in links]
    if all(_leaves_out(shrinker, use.operation, use.index) for use in op.result.uses):
        if len(links) == len(shrinker.analysis.links[op]) and all(order is not None for order in brought):
            shrinker.finish(op, shrinker.value(op.x), brought)  # pyright: ignore[reportArgumentType]
            return
    orders, wants = [], {}
    for link, order in zip(links, brought, strict=True):
        assert link.result is not None
        keep, zero = shrinker.kept(op, link.result), shrinker.flow.zero[op.result][link.result]
        if order is not None and order.ndim == 1 and keep[order].sum() == keep.sum():
            orders.append(order[keep[order]])
        else:
            orders.append(arranged(keep))
        # What has to be there although it is zero: one position at least, the corners of a rectangle.
        gone = zero.reshape(keep.shape)[(...,) + (None,) * (link.positions.ndim - keep.ndim)]
        without = link._replace(positions=np.where(gone, -1, link.positions))
        wants[0, link.factor] = shrinker.wanted(op, without, orders[-1])
    shrinker.finish(op, shrinker.operands(op, orders, wants)[0], orders)


def _product(shrinker: Shrinker, op: prune.MaskOp) -> None:
    """A mask along an axis that holds no channels: nothing gets smaller."""
    orders = [shrinker.order_of(op, n) for n in range(len(shrinker.analysis.factors[op.result]))]
    (x,) = shrinker.operands(op, orders, {})
    shrinker.finish(op, masked(shrinker.builder, x, op.value_of("axis"), op.value_of("removed")), orders)


def _leaves_out(shrinker: Shrinker, user: Operation, operand: int) -> bool:
    sums = [slots for slots in shrinker.analysis.sums.get(user, []) if operand in {s.operand for s in slots}]
    others = {i for i, value in enumerate(user.operands) if i != operand and value not in shrinker.known}
    return bool(sums) and not others and isinstance(user, nn.ConvOp | nn.ConvTransposeOp | nn.MatmulOp)


def _resize(shrinker: Shrinker, op: nn.ResizeOp) -> None:
    orders = [shrinker.order_of(op, n) for n in range(len(shrinker.analysis.factors[op.result]))]
    sizes = op.properties_of(mode=op.mode.data, sizes=shrinker.shape(op, orders))
    shrinker.again(op, shrinker.operands(op, orders, {}), orders, sizes)


def _normalize(shrinker: Shrinker, op: nn.NormalizeOp) -> None:
    """With groups, whole ones stay, in their order."""
    groups = op.value_of("groups")
    orders: list[Order] = []
    left = groups
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        order = shrinker.order_of(op, number)
        if groups > 1 and factor.axes == (1,):
            parts = shrinker.kept(op, number).reshape(groups, -1).any(axis=1)
            order = np.flatnonzero(np.repeat(parts, factor.ids.size // groups))
            left = int(parts.sum())
        orders.append(order)
    changes = op.properties_of(kind=op.kind.data, groups=left)
    shrinker.again(op, shrinker.operands(op, orders, {}), orders, changes)


RULES: dict[type[Operation], Shrink] = {
    prune.MaskOp: _mask,
    nn.ResizeOp: _resize,
    nn.NormalizeOp: _normalize,
    nn.ConcatOp: shrink_concat,
    nn.SliceOp: shrink_slice,
    nn.GatherOp: shrink_gather,
    nn.PadOp: shrink_pad,
    nn.ConvOp: shrink_conv,
    nn.ConvTransposeOp: shrink_conv,
    nn.ReshapeOp: shrink_reshape,
    nn.BroadcastOp: shrink_plain,
}
"""Op -> what puts a smaller one in its place."""
