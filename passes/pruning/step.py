"""What one op does with channels: what it unites and pins, and what its results hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from .analysis import Analysis, Even, Slot, name_of, own_factors
from .links import Component, Factor, Link, Reader, components, touching
from .relations import Carry, Fix, Parts, Sum
from .rules import relations, shape_of


class Step:
    """One op: unites and pins, and says what its results hold."""

    def __init__(self, analysis: Analysis, op: Operation):
        self.analysis, self.atoms, self.op = analysis, analysis.atoms, op
        self.factors = [self._factors_of(value) for value in op.operands]
        self.shapes = [shape_of(value) for value in op.operands]
        self.found = relations(op)
        self.results: list[Factor] = []
        self.links: list[Link] = []

    def _factors_of(self, value: SSAValue) -> list[Factor]:
        factors = self.analysis.factors[value]
        owner = value.owner
        if isinstance(owner, nn.ConstantOp) and len(shape_of(value)) < 2:
            # A vector that several ops share (zeros, say) ties nothing: each takes its own part of it.
            return own_factors(self.atoms, shape_of(value))
        return factors

    def run(self) -> None:
        for fix in self._fixes():
            self._fix(fix.operand, fix.axis, f"'{name_of(self.op)}' {fix.why}")
        for relation in self.found:
            if isinstance(relation, Parts) and relation.operand is not None:
                self._parts(relation, self.factors[relation.operand])
        carries = [relation for relation in self.found if isinstance(relation, Carry)]
        for component in components(carries, self.factors):
            self._carry(component)
        self.analysis.sums[self.op] = [
            self._sum(relation) for relation in self.found if isinstance(relation, Sum)
        ]
        if isinstance(self.op, prune.BranchOp):
            self._branch(self.op)
        for relation in self.found:
            if isinstance(relation, Parts) and relation.operand is None:
                self._parts(relation, self.results)
        self.analysis.links[self.op] = self.links
        for result in self.op.results:
            self.analysis.factors[result] = self.results
            self.analysis.fixed[result] = f"'{name_of(self.op)}' makes it"

    def _branch(self, op: prune.BranchOp) -> None:
        """New channels; those of the stream, what enters or what it leaves to, stay."""
        axis = op.value_of("axis")
        at = self._at(0, axis)
        if at is None:
            return
        made = Factor((axis,), self.atoms.fresh(op.shape[axis]))
        stream = self.factors[0][at] if op.kind.data == "enter" else made
        self.atoms.pin(stream.ids, f"'{name_of(op)}' takes part of it on its own")
        self.results.append(made)

    def _fixes(self) -> list[Fix]:
        """Those of the rule, and every axis that it does not mention."""
        found = [relation for relation in self.found if isinstance(relation, Fix)]
        named = {(fix.operand, fix.axis) for fix in found}
        named |= {(c.operand, axis) for c in self.found if isinstance(c, Carry) for axis in c.source}
        named |= {pair for s in self.found if isinstance(s, Sum) for pair in s.axes}
        named |= {(p.operand, p.axis) for p in self.found if isinstance(p, Parts) and p.operand is not None}
        rest = [
            (o, a) for o, shape in enumerate(self.shapes) for a in range(len(shape)) if (o, a) not in named
        ]
        return [*found, *(Fix(operand, axis, "takes all of it") for operand, axis in rest)]

    def _at(self, operand: int, axis: int) -> int | None:
        """The factor that has an axis of an operand."""
        found = [i for i, factor in enumerate(self.factors[operand]) if axis in factor.axes]
        return found[0] if found else None

    def _fix(self, operand: int, axis: int, reason: str) -> None:
        """Nothing of an axis can leave; where others run beside it, what they have in common still can."""
        at = self._at(operand, axis)
        if at is None:
            return
        factor = self.factors[operand][at]
        if len(factor.axes) == 1:
            self.atoms.pin(factor.ids, reason)
        else:
            beside = np.moveaxis(factor.ids, factor.axes.index(axis), 0)
            self.atoms.unite(beside[:1], beside)

    def _parts(self, parts: Parts, factors: Sequence[Factor]) -> None:
        for factor in factors:
            if parts.axis not in factor.axes:
                continue
            if len(factor.axes) > 1:
                self.atoms.pin(factor.ids, f"'{name_of(self.op)}' cuts a part of it")
                continue
            cut = factor.ids.reshape(parts.count, -1)
            if parts.whole:
                self.atoms.unite(cut[:, :1], cut)
            else:
                self.analysis.evens.append(Even(name_of(self.op), cut))

    def _sum(self, relation: Sum) -> list[Slot]:
        """Unites what is multiplied; where one of the operands' axes is no channel, none is."""
        slots = [(operand, self._at(operand, axis)) for operand, axis in relation.axes]
        single = [
            Slot(operand, at)
            for operand, at in slots
            if at is not None and len(self.factors[operand][at].axes) == 1
        ]
        ids = [self.factors[slot.operand][slot.factor].ids for slot in single]
        if len(single) == len(slots):
            for other in ids[1:]:
                self.atoms.unite(ids[0], other)
            return single
        others = [operand for operand, _ in slots if operand not in {slot.operand for slot in single}]
        why = self.analysis.fixed[self.op.operands[others[0]]]
        for atoms in ids:
            self.atoms.pin(atoms, f"'{name_of(self.op)}' sums over it, and {why}")
        return []

    def _carry(self, component: Component) -> None:
        reader = Reader(component, self.shapes, tuple(shape_of(self.op.results[0])))
        slots = sorted({
            Slot(carry.operand, at)
            for carry in component.carries
            for at in touching(carry, self.factors[carry.operand])
        })  # fmt: skip
        if not slots:
            return
        reads = [reader.positions(slot.operand, self._factor(slot)) for slot in slots]
        ids = self._ids(reader, slots, reads)
        self._pin_where_fixed(reader, slots, ids)
        self._add(reader, slots, reads, ids)

    def _factor(self, slot: Slot) -> Factor:
        return self.factors[slot.operand][slot.factor]

    def _ids(self, reader: Reader, slots: Sequence[Slot], reads: Sequence[np.ndarray]) -> np.ndarray:
        """The atoms of a component's positions: those they read, united; new ones where none is read."""
        ids = np.full(reader.extents, -1)
        for slot, read in zip(slots, reads, strict=True):
            first = read.reshape(*ids.shape, -1)[..., 0]
            taken = (ids < 0) & (first >= 0)
            ids[taken] = self._factor(slot).ids.reshape(-1)[first[taken]]
        ids[ids < 0] = self.atoms.fresh(int((ids < 0).sum()))
        for slot, read in zip(slots, reads, strict=True):
            some = read >= 0
            every = np.broadcast_to(ids.reshape(*ids.shape, *(1,) * (read.ndim - ids.ndim)), read.shape)
            self.atoms.unite(every[some], self._factor(slot).ids.reshape(-1)[read[some]])
        return ids

    def _pin_where_fixed(self, reader: Reader, slots: Sequence[Slot], ids: np.ndarray) -> None:
        """Where an operand without channels there is read, none can leave."""
        channels = {slot.operand for slot in slots}
        for operand in sorted({c.operand for c in reader.component.carries} - channels):
            reason = self.analysis.fixed[self.op.operands[operand]]
            self.atoms.pin(ids[reader.reads(operand)], f"'{name_of(self.op)}' combines it, and {reason}")

    def _add(
        self, reader: Reader, slots: Sequence[Slot], reads: Sequence[np.ndarray], ids: np.ndarray
    ) -> None:
        """The component becomes a factor of the result: of it, the axes along which atoms differ."""
        axes, roots = reader.component.axes, self.atoms.roots(ids)
        same = [i for i in range(roots.ndim) if (roots == np.take(roots, [0], i)).all()]
        kept = [i for i in range(roots.ndim) if i not in same]
        number = len(self.results) if kept else None
        if kept:
            first = tuple(0 if i in same else slice(None) for i in range(ids.ndim))
            self.results.append(Factor(tuple(axes[i] for i in kept), ids[first]))
        elif ids.size:
            self.atoms.pin(ids, f"nothing would be left of '{name_of(self.op)}'")
        at = [tuple(axes[i] for i in places) for places in (kept, same)]
        for slot, read in zip(slots, reads, strict=True):
            turned = read.transpose(*kept, *same, *range(ids.ndim, read.ndim))
            whole = reader.whole(slot.operand, self._factor(slot))
            self.links.append(Link(slot.operand, slot.factor, number, turned, at[0], at[1], whole))
        if len(kept) > 1 and self._splits(slots):
            rows = self.results[-1].ids
            self.analysis.evens.append(Even(name_of(self.op), rows.reshape(rows.shape[0], -1)))

    def _splits(self, slots: Sequence[Slot]) -> bool:
        """Whether axes that belong together here were one before."""
        return isinstance(self.op, nn.ReshapeOp) and all(len(self._factor(s).axes) == 1 for s in slots)
