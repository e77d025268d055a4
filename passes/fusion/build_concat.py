"""A concat as a kernel: a copy nest per operand that is not there yet, one after another into the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized import LoopAttr, layout_of
from ...dialects.tensorized.linear_form import flat_strides, row_major, substitute
from ..layout.parts import Part, in_place, offsets
from .bodies import identity_body
from .buffers import KernelBuffers


@dataclass
class ConcatBuilder(KernelBuffers):
    op: tensor.ConcatOp

    def nests(self) -> SSAValue:
        current = self.output(self.op.result)
        parts = zip(self.op.inputs, offsets(self.op), in_place(self.op))
        for n, (value, offset, here) in enumerate(parts):
            if not here:
                current = self._copy(value, Part(self.op, offset), current, f"s{n}p")
        return current

    def _copy(self, value: SSAValue, part: Part, current: SSAValue, prefix: str) -> SSAValue:
        """`value` in its part of the result; loops in the order the result is stored."""
        result = self.op.result.type
        assert isinstance(value.type, TensorType) and isinstance(result, TensorType)
        shape, layout = value.type.get_shape(), layout_of(result)
        written = part.layout(layout, shape).access
        strides = flat_strides(written, row_major(layout.physical_shape), shape) or [0] * len(shape)
        order = sorted((i for i, n in enumerate(shape) if n > 1), key=lambda i: (-strides[i], i))
        loops = [LoopAttr.of(f"{prefix}{n}", "parallel", shape[i]) for n, i in enumerate(order)]
        loops = loops or [LoopAttr.of(f"{prefix}0", "parallel", 1)]
        maps = [_over(access, order, loops) for access in (layout_of(value.type).access, written)]
        body = identity_body(result)
        return self.add(tensorized.GenericOp([self.argument(value)], current, loops, maps, body), self.op)


def _over(access: AffineMap, order: Sequence[int], loops: Sequence[LoopAttr]) -> AffineMap:
    """An access of all dimensions as one over the loops that run along `order`."""
    indices: list[AffineExpr] = [AffineExpr.constant(0)] * access.num_dims
    for n, dim in enumerate(order):
        indices[dim] = AffineExpr.dimension(n)
    return substitute(access, indices, [loop.extent.data for loop in loops])
