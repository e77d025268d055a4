"""Makes a function smaller: every op anew on operands that only hold the positions they must.

Going forwards, each value's factors come with an *order*: an array, shaped like the factor's axes in the
smaller value, of the positions it held before. An op takes the order that its operands have, so that nothing
moves; where operands differ one of them is cut (cut.py), and weights always are, which costs nothing at run
time. What is missing in an order is zero or needed by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn
from ..graph_builder import GraphBuilder
from ..rewriting import keep_location
from .analysis import Analysis, Slot
from .cut import Cutter
from .flow import Flow
from .links import Factor, Link
from .rectangle import arranged
from .relations import Carry
from .rules import relations, shape_of

Order = np.ndarray
Wants = dict[Slot, Order]


class Shrinker:
    """`new[v]` and `orders[v]`: what became of a value, and the positions it holds."""

    def __init__(self, analysis: Analysis, flow: Flow, function: func.FuncOp):
        self.analysis, self.flow, self.function = analysis, flow, function
        self.known = nn.compile_time_values(function.body.block.ops)
        self.new: dict[SSAValue, SSAValue] = {}
        self.orders: dict[SSAValue, list[Order]] = {}
        self.cutter = Cutter()
        self.builder = GraphBuilder(function)

    def run(self) -> None:
        """Replaces the ops of the function; those that nothing uses go."""
        block = self.function.body.block
        old = list(block.ops)
        for op in old:
            if isinstance(op, func.ReturnOp) or set(op.results) & self.flow.used - self.known:
                self.builder = GraphBuilder(op)
                self._shrink(op)
        for op in reversed(old):
            if op.parent is not None and op.results and not any(result.uses for result in op.results):
                op.detach()
                op.erase()

    def _shrink(self, op: Operation) -> None:
        from .shrink_rules import RULES

        if isinstance(op, func.ReturnOp) or len(op.results) != 1:
            for index, value in enumerate(op.operands):
                op.operands[index] = self.whole(value)
            return
        RULES.get(type(op), shrink_plain)(self, op)

    # What became of values

    def value(self, old: SSAValue) -> SSAValue:
        return self.new.get(old, old)

    def have(self, old: SSAValue, factor: int) -> Order:
        """The positions that a value holds now."""
        found = self.orders.get(old)
        return _all(self.analysis.factors[old][factor]) if found is None else found[factor]

    def whole(self, old: SSAValue) -> SSAValue:
        """A value with every position it had."""
        value = self.value(old)
        for number, factor in enumerate(self.analysis.factors.get(old, ())):
            value = self.cutter.take(self.builder, value, factor.axes, self.have(old, number), _all(factor))
        return value

    def finish(self, op: Operation, value: SSAValue, orders: Sequence[Order]) -> None:
        """`value` is what became of the op's result."""
        result = op.results[0]
        if value.name_hint is None:
            value.name_hint = result.name_hint
        self.new[result], self.orders[result] = value, list(orders)

    # Orders of a result

    def kept(self, op: Operation, number: int) -> np.ndarray:
        """Which positions of a result's factor have to be there: a mask of its extents."""
        factor = self.analysis.factors[op.results[0]][number]
        return self.flow.keep[op.results[0]][number].reshape(factor.ids.shape)

    def links_to(self, op: Operation, number: int) -> list[Link]:
        return [link for link in self.analysis.links[op] if link.result == number]

    def order_of(self, op: Operation, number: int) -> Order:
        """The order that the first operand brings along, if all it needs is there; else an ascending one."""
        links = self.links_to(op, number)
        keep = self.kept(op, number)
        if any(not self._covers(op, link) for link in links) and keep.ndim > 1:
            return boxed(keep)
        running = [link for link in links if op.operands[link.operand] not in self.known]
        for link in running:
            order = self.brought(op, link)
            if order is None or not keep.reshape(-1)[order].sum() == keep.sum():
                continue
            extra = ~keep.reshape(-1)[order]
            if all(np.isin(link.reads[order[extra]], self._held(op, link)).all() for link in running):
                return order
            if order.ndim == 1:
                others = [self.brought(op, other) for other in running if other is not link]
                moved = any(other is None or not np.array_equal(other, order[~extra]) for other in others)
                return order if moved and 2 * extra.sum() < len(order) else order[~extra]
        return arranged(keep)

    def _held(self, op: Operation, link: Link) -> Order:
        return self.have(op.operands[link.operand], link.factor)

    def _covers(self, op: Operation, link: Link) -> bool:
        return set(link.kept) <= set(self.axes(op, link.operand))

    def axes(self, op: Operation, operand: int) -> dict[int, int]:
        """Axes of the result -> axes of the operand, where one runs along with one."""
        carries = [r for r in relations(op) if isinstance(r, Carry) and r.operand == operand]
        return {c.result[0]: c.source[0] for c in carries if len(c.source) == len(c.result) == 1}

    def brought(self, op: Operation, link: Link) -> Order | None:
        """The order of the result if the op is done on an operand as it is; None where it has none."""
        axes = self.axes(op, link.operand)
        source = self.analysis.factors[op.operands[link.operand]][link.factor]
        if any(axis not in axes for axis in link.kept):
            return None
        inverse = np.full(source.ids.size, -1)
        for column in link.reads.T[::-1]:
            inverse[column[column >= 0]] = np.flatnonzero(column >= 0)
        found = inverse[self._held(op, link)]
        kept = [source.axes.index(axes[axis]) for axis in link.kept]
        rest = tuple(i for i in range(found.ndim) if i not in kept)
        found = found.transpose(*kept, *rest)
        first = found.reshape(*found.shape[: len(kept)], -1)[..., 0]
        same = (found == first.reshape(*first.shape, *(1,) * len(rest))).all()
        return first if same and (first >= 0).all() else None

    # What operands have to hold

    def wanted(self, op: Operation, link: Link, order: Order) -> Order:
        """The positions of an operand's factor that the op reads for a result of this order."""
        source = self.analysis.factors[op.operands[link.operand]][link.factor]
        axes = self.axes(op, link.operand)
        flat = link.positions.reshape(-1, *link.positions.shape[len(link.kept) :])
        read = flat[order.reshape(-1)].reshape(*order.shape, *flat.shape[1:])
        labels = [*(axes.get(axis) for axis in (*link.kept, *link.same)), *link.whole]
        for dimension in reversed(range(len(labels))):
            if labels[dimension] not in source.axes or labels[dimension] is None:
                read = read.take(0, dimension)
                del labels[dimension]
        return read.transpose([labels.index(axis) for axis in source.axes])

    def sum_wants(self, op: Operation) -> Wants:
        """Of what is summed over, positions that are zero may stay where their weights become zero."""
        wants: Wants = {}
        for slots in self.analysis.sums[op]:
            running = [slot for slot in slots if op.operands[slot.operand] not in self.known]
            if not running:
                continue
            zeros = [self.flow.zero[op.operands[slot.operand]][slot.factor] for slot in slots]
            needed = ~np.logical_or.reduce(zeros)
            order = self.have(op.operands[running[0].operand], running[0].factor)
            rest = order[needed[order]] if needed[order].any() else order[:1]
            absorbs = len(running) == 1 < len(slots) and len(order) - len(rest) <= len(rest) // SLACK
            wants |= dict.fromkeys(running, order if absorbs else rest)
            stays = order if absorbs else rest
            wants |= {slot: np.where(needed[stays], stays, -1) for slot in slots if slot not in running}
        return wants

    def operands(self, op: Operation, orders: Sequence[Order], wants: Mapping[Slot, Order]) -> list[SSAValue]:
        """The operands as a result of these orders needs them; `wants` says it for single factors."""
        wanted = {
            Slot(link.operand, link.factor): self.wanted(op, link, orders[link.result])
            for link in self.analysis.links[op]
            if link.result is not None and Slot(link.operand, link.factor) not in wants
        } | dict(wants)
        found: list[SSAValue] = []
        for operand, old in enumerate(op.operands):
            value = self.value(old)
            for number, factor in enumerate(self.analysis.factors[old]):
                want = wanted.get(Slot(operand, number), _all(factor))
                value = self.cutter.take(self.builder, value, factor.axes, self.have(old, number), want)
            found.append(value)
        return found

    def again(
        self,
        op: Operation,
        operands: Sequence[SSAValue],
        orders: Sequence[Order],
        changes: Mapping[str, Attribute] | None = None,
    ) -> None:
        """The op on other operands, with a result of these orders."""
        result = nn.tensor_of(op.results[0])
        shape = self.shape(op, orders)
        if list(operands) == list(op.operands) and tuple(shape) == result.get_shape():
            self.finish(op, op.results[0], orders)
            return
        made = type(op).create(
            operands=list(operands),
            result_types=[TensorType(result.element_type, shape)],
            properties=dict(op.properties) | dict(changes or {}),
            attributes=dict(op.attributes),
        )
        self.finish(op, self.builder(keep_location(made, op)), orders)

    def shape(self, op: Operation, orders: Sequence[Order]) -> list[int]:
        """The shape of a result of these orders."""
        shape = list(shape_of(op.results[0]))
        for factor, order in zip(self.analysis.factors[op.results[0]], orders, strict=True):
            for axis, extent in zip(factor.axes, order.shape, strict=True):
                shape[axis] = extent
        return shape


SLACK = 8
"""A product may sum over one position in so many that is zero, rather than have its operand moved."""


def shrink_plain(shrinker: Shrinker, op: Operation) -> None:
    """An op whose properties do not depend on extents."""
    orders = [shrinker.order_of(op, n) for n in range(len(shrinker.analysis.factors[op.results[0]]))]
    shrinker.again(op, shrinker.operands(op, orders, shrinker.sum_wants(op)), orders)


def boxed(mask: np.ndarray) -> Order:
    """All positions of a grid whose coordinates occur in `mask`, ascending."""
    others = range(mask.ndim)
    there = [np.flatnonzero(mask.any(axis=tuple(a for a in others if a != side))) for side in others]
    return np.arange(mask.size).reshape(mask.shape)[np.ix_(*there)]


def _all(factor: Factor) -> Order:
    return np.arange(factor.ids.size).reshape(factor.ids.shape)
