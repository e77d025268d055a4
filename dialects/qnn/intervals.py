"""What is known of the numbers that a contraction multiplies and sums, from the values of its weights.

`qnn.weights_within = [low, high]` on a qnn.conv or qnn.matmul: its weights minus their zero point;
`qnn.total_within`: its accumulators, bias included, whatever the other operand holds. The compiler computes
both (`compiler/bound_accumulators.py`); without them an interval follows from the types. So it does with
`qnn.result_below = magnitude` on a qnn.requantize: none of its results exceeds that before it is rounded and
clamped. `qnn.widened` on a qnn.conv: its weights are multiplied as integers of 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.dialects.builtin import ArrayAttr, FloatAttr, IntegerAttr, i64
from xdsl.ir import Attribute, SSAValue

from ..nn import is_compile_time, tensor_of
from .affine import RequantizeOp
from .contraction import ConvOp, ConvTransposeOp, MatmulOp
from .parameters import limits, visible

Contraction = ConvOp | ConvTransposeOp | MatmulOp

WEIGHTS_WITHIN = "qnn.weights_within"
TOTAL_WITHIN = "qnn.total_within"
RESULT_BELOW = "qnn.result_below"
WIDENED = "qnn.widened"


class Interval(NamedTuple):
    """Integers from low to high, both included."""

    low: int
    high: int

    def fits(self, element: Attribute) -> bool:
        """Whether an integer type has all of them."""
        low, high = limits(element)
        return low <= self.low and self.high <= high

    def attribute(self) -> ArrayAttr[IntegerAttr]:
        return ArrayAttr([IntegerAttr(self.low, i64), IntegerAttr(self.high, i64)])


def noted(op: Contraction, name: str) -> Interval | None:
    """The interval that an attribute of `op` says."""
    ends = op.attributes.get(name)
    if not isinstance(ends, ArrayAttr):
        return None
    return Interval(*(end.value.data for end in ends if isinstance(end, IntegerAttr)))


def result_below(op: RequantizeOp) -> float:
    """The magnitude that an attribute of `op` says; infinite without it."""
    magnitude = op.attributes.get(RESULT_BELOW)
    return magnitude.value.data if isinstance(magnitude, FloatAttr) else float("inf")


def weights_of(op: Contraction) -> tuple[SSAValue, SSAValue] | None:
    """The operand known at compile time, and its zero point; None if there is none."""
    pairs = [(op.b, op.zp_b), (op.a, op.zp_a)] if isinstance(op, MatmulOp) else [(op.w, op.zp_w)]
    return next((pair for pair in pairs if all(map(is_compile_time, pair))), None)


def weights_within(op: Contraction, weights: SSAValue, zero: SSAValue) -> Interval:
    """Weights minus their zero point: as noted, or as far as types and a visible zero point say."""
    if (known := noted(op, WEIGHTS_WITHIN)) is not None:
        return known
    low, high = limits(tensor_of(weights).element_type)
    number = visible(zero)
    least, most = (low, high) if number is None else (int(number.min()), int(number.max()))
    return Interval(low - most, high - least)
