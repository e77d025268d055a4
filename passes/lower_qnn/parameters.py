"""What kernels read instead of scales and zero points: quotients, bounds, multipliers in fixed point.

Made by nn ops, so that they are evaluated at compile time where scales and zero points are known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.dialects.builtin import f64, i32, i64
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn
from ...dialects.qnn.meaning import LARGEST_SHIFT, SIGNIFICAND_BITS
from ...dialects.qnn.parameters import limits, visible
from ..lower_nn.emitter import Emitter

_FRACTION_BITS = 52
_EXPONENT_OF_A_HALF = 1022
"""Of an f64."""


class Affine(NamedTuple):
    """A scale and a zero point: scalars, or one for every position of `axis`, or without axis tensors that
    broadcast to what is quantized."""

    scale: SSAValue
    zero: SSAValue
    axis: int | None = None


class FixedPoint(NamedTuple):
    """significand / 2^shift; `half` of the last bit that stays, 1 where there is no shift."""

    significand: SSAValue
    shift: SSAValue
    half: SSAValue


class Parameters:
    """Computes with nn ops before the op that is lowered."""

    def __init__(self, emit: Emitter):
        self.emit = emit

    def compute(self, fn: str, *operands: SSAValue | float) -> SSAValue:
        """An elementwise function; numbers are scalars of the type of the last operand that is a tensor."""
        like = nn.tensor_of(next(v for v in reversed(operands) if isinstance(v, SSAValue)))
        values = [v if isinstance(v, SSAValue) else self.emit(nn.scalar(v, like)) for v in operands]
        return self.emit(nn.ElementwiseOp(fn, *values))

    def cast(self, x: SSAValue, element: Attribute) -> SSAValue:
        return x if nn.tensor_of(x).element_type == element else self.emit(nn.CastOp(x, element))

    def fixed_point(self, *factors: SSAValue, over: SSAValue | None = None, by: float = 1.0) -> FixedPoint:
        """The product of `factors`, divided by `over`, times `by`, in f64: as qnn.meaning.fixed_point."""
        multiplier = self.cast(factors[0], f64)
        for factor in factors[1:]:
            multiplier = self.compute("mul", multiplier, self.cast(factor, f64))
        if over is not None:
            multiplier = self.compute("div", multiplier, self.cast(over, f64))
        if by != 1.0:
            multiplier = self.compute("mul", multiplier, abs(by))
        return self._split(multiplier, negative=by < 0)

    def _split(self, multiplier: SSAValue, negative: bool) -> FixedPoint:
        """From the bits of an f64 above 0, or of 0, whose exponent is the least: its shift is too large."""
        compute, bits = self.compute, self.emit(nn.BitcastOp(multiplier, i64))
        fraction = compute("bit_and", bits, (1 << _FRACTION_BITS) - 1)
        fraction = compute("bit_or", fraction, 1 << _FRACTION_BITS)
        dropped = _FRACTION_BITS + 1 - SIGNIFICAND_BITS
        significand = compute("shift_right", compute("add", fraction, 1 << dropped - 1), dropped)
        full = compute("equal", significand, 1 << SIGNIFICAND_BITS)
        exponent = compute("shift_right", bits, _FRACTION_BITS)
        shift = compute("sub", SIGNIFICAND_BITS + _EXPONENT_OF_A_HALF, exponent)
        shift = compute("sub", shift, self.cast(full, i64))
        significand = compute("where", full, 1 << SIGNIFICAND_BITS - 1, significand)
        largest = (1 << SIGNIFICAND_BITS) - 1
        significand = compute("where", compute("less", shift, 0), largest, significand)
        significand = compute("where", compute("greater", shift, LARGEST_SHIFT), 0, significand)
        if negative:
            significand = compute("neg", significand)
        shift = compute("clip", shift, 0, LARGEST_SHIFT)
        half = compute("shift_left", 1, compute("max", compute("sub", shift, 1), 0))
        return FixedPoint(self.cast(significand, i32), shift, half)


def largest(tensors: Sequence[SSAValue], scales: Sequence[SSAValue], over: SSAValue) -> float:
    """What products of differences of `tensors` to any zero points, times `scales` divided by `over`, do not
    exceed; infinite where a scale is not in the IR."""
    factors, divisors = [visible(scale) for scale in scales], visible(over)
    if divisors is None:
        return float("inf")
    product = 1.0 / float(divisors.min())
    for tensor in tensors:
        low, high = limits(nn.tensor_of(tensor).element_type)
        product *= high - low
    for factor in factors:
        product *= float("inf") if factor is None else float(factor.max())
    return product


def is_zero(value: SSAValue) -> bool:
    """Whether a zero point is a constant 0."""
    array = visible(value)
    return array is not None and not array.any()
