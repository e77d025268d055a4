"""Buffers that several kernels fill: the results of concats whose operands are made in place.

`assign-layouts` marks those operands on the concats. The kernels that make them pass the buffer on: the
first makes it, every other takes what the one before left and returns it with its own part written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from ...dialects.tensorized import layout_of
from ..layout.parts import in_place


class Destination(NamedTuple):
    """The buffer a kernel writes into: what earlier kernels left of it, and the fill of its halo."""

    filled: SSAValue | None
    fill: float | None


class Destinations:
    """The shared buffers of one function, and what the kernels so far left in each."""

    def __init__(self, ops: Iterable[Operation]):
        self._parent: dict[SSAValue, SSAValue] = {}
        self._fill: dict[SSAValue, float | None] = {}
        self._filled: dict[SSAValue, SSAValue] = {}
        for op in ops:
            if isinstance(op, tensor.ConcatOp) and any(in_place(op)):
                self._unite(op)

    def _unite(self, concat: tensor.ConcatOp) -> None:
        root = self._find(concat.result)
        assert isinstance(concat.result.type, TensorType)
        fills = [self._fill.pop(root, None), layout_of(concat.result.type).fill_value]
        for value, here in zip(concat.inputs, in_place(concat)):
            if here:
                other = self._find(value)
                fills.append(self._fill.pop(other, None))
                self._parent[other] = root
        self._parent[root] = root
        self._fill[root] = next((fill for fill in fills if fill is not None), None)

    def _find(self, value: SSAValue) -> SSAValue:
        while (parent := self._parent.get(value, value)) is not value:
            value = parent
        return value

    def of(self, value: SSAValue) -> Destination | None:
        """Where the kernel that makes `value` writes, if others write there too."""
        root = self._find(value)
        if root not in self._parent:
            return None
        return Destination(self._filled.get(root), self._fill[root])

    def wrote(self, value: SSAValue, result: SSAValue) -> None:
        """`result` is the buffer after the kernel that makes `value`."""
        self._filled[self._find(value)] = result
