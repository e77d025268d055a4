"""What masks make of a function: which positions are zero for certain, and which nobody needs.

Zeros are followed forwards from masks, needs backwards from what the function returns. A position of a
factor (see links.py) has to be stored if it is needed and not known to be zero.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from .analysis import Analysis
from .rectangle import rectangular
from .relations import Carry, Fix, Parts
from .rules import relations, shape_of
from .zeros import ZEROS

Masks = list[np.ndarray]
"""Of each factor of a value: a flag for every position, flat."""


MOST = 0.5
"""A tensor is stored with zeros where fewer than this part of its positions are."""


class Flow:
    """`zero[v]` and `keep[v]`: the positions of a value that are zero, and those that have to be stored."""

    def __init__(self, analysis: Analysis, function: func.FuncOp):
        self.analysis = analysis
        self.zero: dict[SSAValue, Masks] = {}
        self.live: dict[SSAValue, Masks] = {}
        self.held: dict[SSAValue, Masks] = {}
        self.keep: dict[SSAValue, Masks] = {}
        self.used: set[SSAValue] = set()
        block = function.body.block
        for value in (*block.args, *(result for op in block.ops for result in op.results)):
            for masks in (self.zero, self.live, self.held):
                masks[value] = self._none(value)
        for op in block.ops:
            self._forwards(op)
        for op in reversed(list(block.ops)):
            self._backwards(op)

    def _none(self, value: SSAValue) -> Masks:
        return [np.zeros(factor.ids.size, bool) for factor in self.analysis.factors.get(value, ())]

    def _forwards(self, op: Operation) -> None:
        rule = ZEROS.get(type(op))
        if rule is None:
            return
        for number in range(len(self.zero[op.results[0]])):
            operands = [self._zeros_read(op, operand, number) for operand in range(len(op.operands))]
            found = rule(op, operands)
            if found is not None:
                padded = isinstance(op, nn.PadOp)
                self.zero[op.results[0]][number] |= found if padded else found & self._is_read(op, number)
        if isinstance(op, prune.MaskOp):
            self._mask(op)

    def _zeros_read(self, op: Operation, operand: int, result: int) -> np.ndarray | None:
        """Where all that an operand gives to a factor of the result is zero; None: it gives nothing that is
        known. -1 counts as zero: what reads it is another operand's, or padding."""
        found = None
        for link in self.analysis.links[op]:
            if link.operand == operand and link.result == result:
                zero = np.append(self.zero[op.operands[operand]][link.factor], True)
                read = np.asarray(zero[link.reads].all(axis=1))
                found = read if found is None else found | read
        return found

    def _is_read(self, op: Operation, result: int) -> np.ndarray:
        """Which positions of a factor of the result read channels: the others may come from an operand that
        holds none."""
        read = [(link.reads >= 0).any(axis=1) for link in self.analysis.links[op] if link.result == result]
        return np.asarray(np.logical_or.reduce(read))

    def _mask(self, op: prune.MaskOp) -> None:
        axis, removed = op.value_of("axis"), list(op.value_of("removed"))
        for number, factor in enumerate(self.analysis.factors[op.result]):
            if axis in factor.axes:
                zero = self.zero[op.result][number].reshape(factor.ids.shape)
                np.moveaxis(zero, factor.axes.index(axis), 0)[removed] = True

    def _backwards(self, op: Operation) -> None:
        if isinstance(op, func.ReturnOp) or len(op.results) != 1:
            if isinstance(op, func.ReturnOp) or self.used & set(op.results):
                for value in op.operands:
                    self._need_all(value)
            return
        if op.results[0] not in self.used:
            return
        self.keep[op.results[0]] = self._kept(op.results[0])
        self._keep_fixed(op)
        self.used.update(op.operands)
        if isinstance(op, nn.ConstantOp):
            return
        self._need_read(op)
        if isinstance(op, nn.ElementwiseOp):
            self._hold(op)
        self._need_summed(op)
        self._need_fixed(op)

    def _kept(self, value: SSAValue) -> Masks:
        """What has to be stored, at least one position; of several axes together a rectangle."""
        found: Masks = []
        for factor, live, zero, held in zip(
            self.analysis.factors[value], self.live[value], self.zero[value], self.held[value], strict=True
        ):
            keep = live & (~zero | held)
            if not keep.any():
                keep[0] = True
            found.append(rectangular(keep.reshape(factor.ids.shape)).reshape(-1))
        return found

    def _keep_fixed(self, op: Operation) -> None:
        """Along an axis that an op looks at whole, or for which an operand has no channels, and that the
        result has, it has everything or nothing."""
        found = relations(op)
        fixed = {(fix.operand, (fix.axis,)) for fix in found if isinstance(fix, Fix)}
        fixed |= {(c.operand, c.source) for c in found if isinstance(c, Carry) and self._is_whole(op, c)}
        axes = {c.result for c in found if isinstance(c, Carry) and (c.operand, c.source) in fixed}
        for keep, factor in zip(self.keep[op.results[0]], self.analysis.factors[op.results[0]], strict=True):
            grid = keep.reshape(factor.ids.shape)
            for place, axis in enumerate(factor.axes):
                if (axis,) in axes:
                    grid |= grid.any(axis=place, keepdims=True)

    def _is_whole(self, op: Operation, carry: Carry) -> bool:
        """Whether a carry leads from an axis without channels, of more than one position."""
        value, source = op.operands[carry.operand], set(carry.source)
        extents = [shape_of(value)[axis] for axis in source]
        factors = self.analysis.factors.get(value, ())
        return max(extents, default=1) > 1 and not any(source & set(factor.axes) for factor in factors)

    def _need_all(self, value: SSAValue) -> None:
        self.used.add(value)
        for live in self.live[value]:
            live[:] = True

    def _need_read(self, op: Operation) -> None:
        """What the kept positions of the result read."""
        keep = self.keep[op.results[0]]
        for link in self.analysis.links[op]:
            reads = link.reads if link.result is None else link.reads[keep[link.result]]
            live = self.live[op.operands[link.operand]][link.factor]
            live[reads[reads >= 0]] = True

    def _hold(self, op: nn.ElementwiseOp) -> None:
        """A sum that is combined with other tensors has as zeros what only these hold: to store them takes
        less than to move it."""
        keep = self.keep[op.results[0]]
        for number in range(len(keep)):
            links = [link for link in self.analysis.links[op] if link.result == number]
            alike = [link for link in links if link.reads.shape == (keep[number].size, 1)]
            for link in alike:
                value, reads = op.operands[link.operand], link.reads[keep[number], 0]
                if self._is_sum(value) and self.zero[value][link.factor][reads].mean() < MOST:
                    self.held[value][link.factor][reads] = True

    def _is_sum(self, value: SSAValue) -> bool:
        """Whether what combines tensors makes a value: where it is zero, no mask hides what else it was."""
        while isinstance(value.owner, nn.ElementwiseOp):
            if len(self.analysis.links[value.owner]) > 1:
                return True
            value = value.owner.inputs[0]
        return False

    def _need_summed(self, op: Operation) -> None:
        """What is summed over is needed where no factor of the product is zero."""
        for slots in self.analysis.sums[op]:
            zeros = [self.zero[op.operands[slot.operand]][slot.factor] for slot in slots]
            for slot in slots:
                self.live[op.operands[slot.operand]][slot.factor] |= ~np.logical_or.reduce(zeros)

    def _need_fixed(self, op: Operation) -> None:
        """What an op looks at whole: beside positions that are needed, everything along the axis, or of the
        part that they lie in."""
        found = relations(op)
        fixed = {(fix.operand, fix.axis) for fix in found if isinstance(fix, Fix)}
        parts = {(p.operand, p.axis): p.count for p in found if isinstance(p, Parts) and p.whole}
        linked = {(link.operand, link.factor) for link in self.analysis.links[op]}
        linked |= {(slot.operand, slot.factor) for slots in self.analysis.sums[op] for slot in slots}
        for operand, value in enumerate(op.operands):
            for number, factor in enumerate(self.analysis.factors[value]):
                live = self.live[value][number]
                if (operand, number) not in linked:
                    live[:] = True
                for axis in factor.axes:
                    if (operand, axis) in fixed:
                        grid = live.reshape(factor.ids.shape)
                        grid |= grid.any(axis=factor.axes.index(axis), keepdims=True)
                    if factor.axes == (axis,) and (operand, axis) in parts:
                        cut = live.reshape(parts[operand, axis], -1)
                        cut |= cut.any(axis=1, keepdims=True)
