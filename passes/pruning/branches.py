"""Marks the branches of residual streams, so that each loses channels of its own.

A stream is a sum of tensors that hold channels, and whatever runs along with one. What is added to it leaves
a branch, and a product with weights that reads it enters one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from xdsl.dialects.builtin import NameLoc, StringAttr, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn, prune
from .analysis import Analysis, Slot, name_of
from .analyze import analyze

ADDS = ("add", "sub")


def mark_branches(function: FuncOp) -> None:
    """Puts a `prune.branch` where a branch of a stream begins or ends."""
    marks = list(_Streams(function).marks())
    taken = {name_of(op) for op in function.walk()}
    for op, operand, axis, kind in marks:
        branch = prune.BranchOp(kind, op.operands[operand], axis)
        name = f"{name_of(op)}.{'in' if kind == 'enter' else operand}"
        while name in taken:
            name += "_"
        taken.add(name)
        branch.location = NameLoc(StringAttr(name), UnknownLoc())
        Rewriter.insert_op(branch, InsertPoint.before(op))
        op.operands[operand] = branch.result


class _Streams:
    """`along[v]`: the axes of a value along which it is a stream."""

    def __init__(self, function: FuncOp):
        self.block = function.body.block
        self.analysis: Analysis = analyze(function)
        self.known = nn.compile_time_values(self.block.ops)
        self.mixed = np.unique(np.concatenate([np.zeros(0, np.int64), *self._mixed()]))
        self.along: dict[SSAValue, set[int]] = {}

    def _mixed(self) -> Iterator[np.ndarray]:
        """Atoms that products with weights sum over."""
        for op, sums in self.analysis.sums.items():
            for slot in (slot for slots in sums for slot in slots if self._by_weights(op, slots)):
                yield self.analysis.roots(op.operands[slot.operand], slot.factor).reshape(-1)

    def _by_weights(self, op: Operation, slots: list[Slot]) -> bool:
        return any(op.operands[slot.operand] in self.known for slot in slots)

    def marks(self) -> Iterator[tuple[Operation, int, int, str]]:
        """Op, operand, axis and kind of each branch op that is missing, in the order of the ops."""
        for op in self.block.ops:
            for slots in self.analysis.sums.get(op, []):
                for slot in slots if self._by_weights(op, slots) else ():
                    value = op.operands[slot.operand]
                    axis = self.analysis.factors[value][slot.factor].axes[0]
                    if axis in self.along.get(value, ()):
                        yield op, slot.operand, axis, "enter"
            for axis in self._added(op):
                for operand, value in enumerate(op.operands):
                    if axis not in self.along.get(value, ()):
                        yield op, operand, axis, "leave"
            self._follow(op)

    def _added(self, op: Operation) -> list[int]:
        """The axes along which an op sums channels up, if it does."""
        if not isinstance(op, nn.ElementwiseOp) or op.fn.data not in ADDS or self.known & set(op.operands):
            return []
        each = [self._single(value) for value in op.operands]
        return sorted(set.intersection(*each)) if len({nn.tensor_of(v) for v in op.operands}) == 1 else []

    def _single(self, value: SSAValue) -> set[int]:
        """Axes of channels that products with weights sum over."""
        factors = enumerate(self.analysis.factors[value])
        roots = [(f.axes[0], self.analysis.roots(value, n)) for n, f in factors if len(f.axes) == 1]
        return {axis for axis, found in roots if np.isin(found, self.mixed).all()}

    def _follow(self, op: Operation) -> None:
        """A stream that runs along with an operand goes on in the result."""
        factors = self.analysis.factors
        for result in op.results:
            self.along[result] = set(self._added(op))
            for link in self.analysis.links.get(op, ()):
                if link.result is None:
                    continue
                value = op.operands[link.operand]
                axes, to = factors[value][link.factor].axes, factors[result][link.result].axes
                if len(axes) == len(to) == 1 and axes[0] in self.along.get(value, ()):
                    self.along[result].add(to[0])
