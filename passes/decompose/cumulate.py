"""Running totals: in log2(n) steps each element takes in the total that ends 1, 2, 4, ... before it."""

from __future__ import annotations

from xdsl.ir import SSAValue

from ...dialects import nn
from ..graph_builder import GraphBuilder

_NEUTRAL = {"sum": ("add", -0.0), "prod": ("mul", 1.0)}
"""Kind -> the function of two, and what leaves the other operand as it is."""


def decompose_cumulate(new: GraphBuilder, op: nn.CumulateOp) -> SSAValue:
    fn, neutral = _NEUTRAL[op.kind.data]
    element, extent = op.type.element_type, op.shape[op.value_of("axis")]
    total = new.cast(op.x, nn.compute_type(element))
    if op.value_of("exclusive"):
        total = _shifted(new, op, total, 1, neutral if op.kind.data == "prod" else 0.0)
    step = 1
    while step < extent:
        total = new.compute(fn, total, _shifted(new, op, total, step, neutral))
        step *= 2
    return new.cast(total, element)


def _shifted(new: GraphBuilder, op: nn.CumulateOp, x: SSAValue, step: int, fill: float) -> SSAValue:
    """Each element the one `step` before it in the direction of the sum, `fill` where there is none."""
    axis, reverse, shape = op.value_of("axis"), op.value_of("reverse"), op.shape
    rank = len(shape)
    sizes = [n - step if i == axis else n for i, n in enumerate(shape)]
    amount = [step if i == axis else 0 for i in range(rank)]
    none = [0] * rank
    part = new(nn.SliceOp(x, amount if reverse else none, sizes, [1] * rank))
    return new(nn.PadOp(part, none if reverse else amount, amount if reverse else none, fill))
