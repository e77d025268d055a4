"""How ops shrink that set side by side, take or add positions: concat, slice, gather, pad."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from .links import Factor, Link
from .rules import known_indices, shape_of
from .shrink import Order, Shrinker, boxed


def shrink_concat(shrinker: Shrinker, op: nn.ConcatOp) -> None:
    """What operands hold comes one after the other; one of which nothing is needed goes."""
    axis = op.value_of("axis")
    orders: list[Order] = []
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        along = axis in factor.axes
        single = len(factor.axes) == 1
        if not along:
            orders.append(shrinker.order_of(op, number))
        elif single:
            orders.append(_in_a_row(shrinker, op, number))
        else:
            mask = shrinker.kept(op, number)
            orders.append(
                boxed(np.broadcast_to(mask.any(axis=factor.axes.index(axis), keepdims=True), mask.shape))
            )
    shrinker.again(op, _parts(shrinker, op, orders), orders)


def _offsets(op: nn.ConcatOp) -> list[int]:
    extents = [shape_of(x)[op.value_of("axis")] for x in op.inputs]
    return [0, *np.cumsum(extents).tolist()]


def _in_a_row(shrinker: Shrinker, op: nn.ConcatOp, number: int) -> Order:
    starts, keep = _offsets(op), shrinker.kept(op, number)
    links = {link.operand: link for link in shrinker.links_to(op, number)}
    found: list[Order] = []
    for operand, start in enumerate(starts[:-1]):
        here: Order | None = np.arange(start, starts[operand + 1])
        if operand in links:
            known = op.inputs[operand] in shrinker.known
            brought = None if known else shrinker.brought(op, links[operand])
            here = here[keep[here]] if brought is None else brought
        found.append(here)
    row = np.concatenate(found)
    return row if keep[row].sum() == keep.sum() else np.flatnonzero(keep)


def _parts(shrinker: Shrinker, op: nn.ConcatOp, orders: list[Order]) -> list[SSAValue]:
    """The operands, cut to their parts of a result of these orders."""
    axis, starts = op.value_of("axis"), _offsets(op)
    wants = {}
    empty: set[int] = set()
    for link in shrinker.analysis.links[op]:
        if link.result is None:
            continue
        slot = (link.operand, link.factor)
        factor = shrinker.analysis.factors[op.result][link.result]
        order = orders[link.result]
        if factor.axes == (axis,):
            start, end = starts[link.operand : link.operand + 2]
            mine = order[(order >= start) & (order < end)]
            wants[slot] = shrinker.wanted(op, link, mine)
            if not len(mine):
                empty.add(link.operand)
        elif axis in factor.axes:
            wants[slot] = _boxed_like(shrinker, op, link, order, axis)
    for operand in empty:  # taking nothing would be an op on nothing
        wants |= {
            (operand, n): shrinker.have(op.operands[operand], n) for o, n in list(wants) if o == operand
        }
    operands = shrinker.operands(op, orders, wants)
    return [value for i, value in enumerate(operands) if i not in empty]


def _boxed_like(shrinker: Shrinker, op: Operation, link: Link, order: Order, axis: int) -> Order:
    """Of an operand's factor: along the result's `axis` everything, along the others the positions that
    `order`, a box, holds. Both have the same axes."""
    assert link.result is not None
    result = shrinker.analysis.factors[op.results[0]][link.result]
    source = shrinker.analysis.factors[op.operands[link.operand]][link.factor]
    coordinates = dict(zip(result.axes, np.unravel_index(order, result.ids.shape), strict=True))
    there = [
        np.arange(extent) if a == axis or a not in coordinates else np.unique(coordinates[a])
        for a, extent in zip(source.axes, source.ids.shape, strict=True)
    ]
    return np.arange(source.ids.size).reshape(source.ids.shape)[np.ix_(*there)]


def shrink_slice(shrinker: Shrinker, op: nn.SliceOp) -> None:
    starts, sizes, strides = (list(op.value_of(name)) for name in op.FIELDS)
    source = shape_of(op.x)
    cut = [a for a, n in enumerate(source) if (starts[a], sizes[a], strides[a]) != (0, n, 1)]
    orders: list[Order] = []
    wants = {}
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        (link,) = shrinker.links_to(op, number)
        keep = shrinker.kept(op, number)
        if not set(cut) & set(factor.axes):
            orders.append(shrinker.order_of(op, number))
        elif len(factor.axes) == 1 and len(keep) > 0 and not link.whole and not link.same:
            axis = factor.axes[0]
            have, reads = shrinker.have(op.x, link.factor), link.reads[:, 0]
            start, order, want = _run(have, reads, keep)
            starts[axis], strides[axis] = start, 1
            orders.append(order)
            wants[link.operand, link.factor] = want
        else:
            rest = tuple(i for i, a in enumerate(factor.axes) if a in cut)
            orders.append(boxed(np.broadcast_to(keep.any(axis=rest, keepdims=True), keep.shape)))
            wants[link.operand, link.factor] = _along(shrinker, op, link, orders[-1], set(cut))
    operands = shrinker.operands(op, orders, wants)
    shape = shrinker.shape(op, orders)
    shrinker.again(op, operands, orders, op.properties_of(starts=starts, sizes=shape, strides=strides))


def _run(have: Order, reads: Order, keep: np.ndarray) -> tuple[int, Order, Order]:
    """Where a slice starts on what is there, its order, and what has to be there for it."""
    place = np.full(int(max(have.max(), reads.max())) + 1, -1)
    place[have] = np.arange(len(have))
    needed = np.flatnonzero(keep)
    held = np.sort(place[reads][place[reads] >= 0])
    if (place[reads[needed]] >= 0).all() and np.array_equal(held, np.arange(held[0], held[0] + len(held))):
        inverse = np.full(len(place), -1)
        inverse[reads] = np.arange(len(reads))
        return int(held[0]), inverse[have[held]], have
    return 0, needed, reads[needed]


def _along(shrinker: Shrinker, op: Operation, link: Link, order: Order, cut: set[int]) -> Order:
    """Of the operand's factor: everything along the axes that are cut, which the op itself still cuts; along
    the others what `order`, a box, holds."""
    assert link.result is not None
    result = shrinker.analysis.factors[op.results[0]][link.result]
    source = shrinker.analysis.factors[op.operands[link.operand]][link.factor]
    axes = shrinker.axes(op, link.operand)
    coordinates = {
        axes[a]: np.unique(c)
        for a, c in zip(result.axes, np.unravel_index(order, result.ids.shape), strict=True)
        if a in axes
    }
    there = [
        coordinates.get(a, np.arange(extent)) if a not in cut else np.arange(extent)
        for a, extent in zip(source.axes, source.ids.shape, strict=True)
    ]
    return np.arange(source.ids.size).reshape(source.ids.shape)[np.ix_(*there)]


def shrink_gather(shrinker: Shrinker, op: nn.GatherOp) -> None:
    """Positions known at compile time are looked up among those that are there."""
    axis, index = op.value_of("axis"), known_indices(op.indices[0])
    orders: list[Order] = []
    wants = {}
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        links = [link for link in shrinker.links_to(op, number) if axis in _source(shrinker, op, link).axes]
        keep = shrinker.kept(op, number)
        if not links:
            orders.append(shrinker.order_of(op, number))
        elif len(factor.axes) == 1 and _source(shrinker, op, links[0]).axes == (axis,) and not links[0].same:
            orders.append(np.flatnonzero(keep))
            wants[0, links[0].factor] = shrinker.have(op.x, links[0].factor)
            index = _looked_up(wants[0, links[0].factor], links[0].reads[orders[-1], 0])
        else:
            orders.append(boxed(np.broadcast_to(_beside(op, factor, keep), keep.shape)))
            wants[0, links[0].factor] = _along(shrinker, op, links[0], orders[-1], {axis})
    operands = shrinker.operands(op, orders, wants)
    if index is not None and index is not known_indices(op.indices[0]):
        operands[1] = shrinker.builder.constant(index)
    shrinker.again(op, operands, orders)


def _source(shrinker: Shrinker, op: Operation, link: Link) -> Factor:
    return shrinker.analysis.factors[op.operands[link.operand]][link.factor]


def _beside(op: nn.GatherOp, factor: Factor, keep: np.ndarray) -> np.ndarray:
    """What is kept, whole along the axes that the indices make."""
    axis, taken = op.value_of("axis"), len(shape_of(op.indices[0])) - op.value_of("batch")
    mine = tuple(i for i, a in enumerate(factor.axes) if axis <= a < axis + taken)
    return np.asarray(keep.any(axis=mine, keepdims=True)) if mine else keep


def _looked_up(have: Order, reads: Order) -> np.ndarray:
    """The place of each; 0 for what reads nothing, whose values nobody uses."""
    place = np.zeros(int(max(have.max(), reads.max())) + 1, np.int64)
    place[have] = np.arange(len(have))
    return np.where(reads < 0, 0, place[reads])


def shrink_pad(shrinker: Shrinker, op: nn.PadOp) -> None:
    """Of what is padded, the positions before and after the operand's that are needed."""
    low, high = list(op.value_of("low")), list(op.value_of("high"))
    orders: list[Order] = []
    wants = {}
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        (link,) = shrinker.links_to(op, number)
        keep = shrinker.kept(op, number)
        if not any(low[a] or high[a] for a in factor.axes):
            orders.append(shrinker.order_of(op, number))
        elif len(factor.axes) == 1:
            axis, extent = factor.axes[0], shape_of(op.x)[factor.axes[0]]
            inside = np.arange(low[axis], low[axis] + extent)
            brought = shrinker.brought(op, link)
            here = brought is not None and keep[brought].sum() == keep[inside].sum()
            middle = brought if here and brought is not None else inside[keep[inside]]
            before = np.flatnonzero(keep[: low[axis]])
            after = np.flatnonzero(keep[low[axis] + extent :]) + low[axis] + extent
            wants[0, link.factor] = shrinker.wanted(op, link, middle)
            orders.append(np.concatenate([before, middle, after]))
            low[axis], high[axis] = len(before), len(after)
        else:
            orders.append(np.arange(keep.size).reshape(keep.shape))
            source = _source(shrinker, op, link)
            wants[0, link.factor] = np.arange(source.ids.size).reshape(source.ids.shape)
    operands = shrinker.operands(op, orders, wants)
    changes = op.properties_of(low=low, high=high)
    shrinker.again(op, operands, orders, changes)
