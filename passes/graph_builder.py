"""Inserts nn ops in the place of one op: what a rewrite on graphs composes its replacement with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from ..dialects import nn
from .rewriting import keep_location, replace


class GraphBuilder:
    """Every method inserts an op before `op`, with its location, and returns the op's result. What changes
    nothing (a reshape to the same shape, a cast to the same type) inserts nothing."""

    def __init__(self, op: Operation):
        self.op = op

    def __call__(self, new: Operation) -> SSAValue:
        """Insert `new`; its first result."""
        block = self.op.parent
        assert block is not None
        block.insert_op_before(keep_location(new, self.op), self.op)
        return new.results[0]

    def finish(self, *results: SSAValue) -> None:
        """Replace the op by `results`, one for each of its own."""
        replace(None, self.op, [], results)

    def compute(self, fn: str, *operands: SSAValue) -> SSAValue:
        return self(nn.ElementwiseOp(fn, *operands))

    def reduce(self, kind: str, x: SSAValue, axes: Sequence[int]) -> SSAValue:
        """Along `axes`, which keep extent 1."""
        return self(nn.ReduceOp(kind, x, axes=axes, keepdims=True))

    def reshape(self, x: SSAValue, shape: Sequence[int]) -> SSAValue:
        return x if nn.tensor_of(x).get_shape() == tuple(shape) else self(nn.ReshapeOp(x, shape))

    def transpose(self, x: SSAValue, perm: Sequence[int]) -> SSAValue:
        return x if list(perm) == sorted(perm) else self(nn.TransposeOp(x, perm))

    def cast(self, x: SSAValue, element: Attribute) -> SSAValue:
        return x if nn.tensor_of(x).element_type == element else self(nn.CastOp(x, element))

    def scalar(self, value: float, like: SSAValue) -> SSAValue:
        """A rank-0 constant of the element type of `like`."""
        return self(nn.scalar(value, nn.tensor_of(like)))

    def constant(self, array: np.ndarray) -> SSAValue:
        """A constant printed in full: for tables of a few thousand elements, not for weights."""
        return self(nn.ConstantOp(nn.dense_attribute(array)))

    def along(self, value: SSAValue, axis: int, rank: int) -> SSAValue:
        """[C] as a tensor that broadcasts to rank `rank` with C at `axis`."""
        return self.reshape(value, (*nn.tensor_of(value).get_shape(), *(1,) * (rank - 1 - axis)))
