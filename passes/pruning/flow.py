"""What masks make of a function: which positions are zero for certain, and which nobody needs.

Zeros are followed forwards from masks, needs backwards from what the function returns. A position of a
factor (see links.py) has to be stored if it is needed and not known to be zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from .analysis import Analysis
from .rectangle import rectangular
from .relations import Fix, Parts
from .rules import known_indices, relations

Masks = list[np.ndarray]
"""Of each factor of a value: a flag for every position, flat."""


class Flow:
    """`zero[v]` and `keep[v]`: the positions of a value that are zero, and those that have to be stored."""

    def __init__(self, analysis: Analysis, function: func.FuncOp):
        self.analysis = analysis
        self.zero: dict[SSAValue, Masks] = {}
        self.live: dict[SSAValue, Masks] = {}
        self.keep: dict[SSAValue, Masks] = {}
        self.used: set[SSAValue] = set()
        block = function.body.block
        for value in (*block.args, *(result for op in block.ops for result in op.results)):
            self.zero[value], self.live[value] = self._none(value), self._none(value)
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
        self.used.update(op.operands)
        if isinstance(op, nn.ConstantOp):
            return
        self._need_read(op)
        self._need_summed(op)
        self._need_fixed(op)

    def _kept(self, value: SSAValue) -> Masks:
        """What has to be stored, at least one position; of several axes together a rectangle."""
        found: Masks = []
        for factor, live, zero in zip(
            self.analysis.factors[value], self.live[value], self.zero[value], strict=True
        ):
            keep = live & ~zero
            if not keep.any():
                keep[0] = True
            found.append(rectangular(keep.reshape(factor.ids.shape)).reshape(-1))
        return found

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


ZeroRule = Callable[..., np.ndarray | None]
"""Takes the op and, of each operand, where it is zero (None: unknown); says where the result is."""


def _through(op: Operation, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Zero where all that is read is."""
    known = [zeros for zeros in operands if zeros is not None]
    return np.logical_and.reduce(known) if known else None


def _elementwise(op: nn.ElementwiseOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """`mul` is zero where any operand is; others where those operands are that decide it."""
    if op.fn.data == "mul":
        known = [zeros for zeros in operands if zeros is not None]
        return np.logical_or.reduce(known) if known else None
    if op.fn.data in FIRST_DECIDES:
        first, second = operands[:2]
        return first if first is None or second is None else first & ~second
    values = [
        np.zeros(()) if zeros is not None else _known_scalar(x) for zeros, x in zip(operands, op.inputs)
    ]
    if any(value is None for value in values) or nn.numpy_dtype(op.type.element_type).kind != "f":
        return None
    with np.errstate(all="ignore"):
        stays = op.function.numpy(*values) == 0
    return _through(op, operands) if stays else None


FIRST_DECIDES = ("div", "leaky_relu", "prelu", "elu")
"""Functions that are zero where their first operand is, whatever the second; 0 / 0 is not."""


def _known_scalar(value: SSAValue) -> np.ndarray | None:
    known = known_indices(value)
    return None if known is None or known.size != 1 else np.asarray(known, np.float64).reshape(())


def _pool(op: nn.PoolOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return None if op.kind.data == "argmax" else _through(op, operands)


def _resize(op: nn.ResizeOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return _through(op, operands) if op.value_of("extrapolation") == 0 else None


def _pad(op: nn.PadOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return _through(op, operands) if op.value_of("value") == 0 else None


def _gather(op: nn.GatherOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return operands[0]


ZEROS: dict[type[Operation], ZeroRule] = {
    nn.ElementwiseOp: _elementwise,
    nn.PoolOp: _pool,
    nn.ResizeOp: _resize,
    nn.PadOp: _pad,
    nn.GatherOp: _gather,
    **dict.fromkeys(
        (nn.CastOp, nn.ReduceOp, nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.ConcatOp, nn.BroadcastOp),
        _through,
    ),
    prune.MaskOp: _through,
}
"""Ops whose result may be known to be zero."""
