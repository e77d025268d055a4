"""Float tensors known as integers, and the parameters that a tensor is quantized with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder


def visible(value: SSAValue) -> np.ndarray | None:
    """The array of a constant that stands in the IR; weights of a store do not."""
    owner = value.owner
    if isinstance(owner, nn.ConstantOp) and isinstance(owner.value, DenseIntOrFPElementsAttr):
        return nn.dense_array(owner.value)
    return None


def scalar_of(value: SSAValue) -> float | None:
    """The one element of a constant."""
    array = visible(value)
    return None if array is None or array.size != 1 else float(array.reshape(()))


def same(a: SSAValue, b: SSAValue) -> bool:
    """Whether two values are one, or equal constants."""
    if a is b:
        return True
    left, right = a.owner, b.owner
    return isinstance(left, nn.ConstantOp) and isinstance(right, nn.ConstantOp) and left.value == right.value


def element_of(value: SSAValue) -> Attribute:
    return nn.tensor_of(value).element_type


def is_scalar(value: SSAValue) -> bool:
    return not nn.tensor_of(value).get_shape()


@dataclass(frozen=True)
class Affine:
    """A float tensor of values (q - zero_point) * scale; the parameters are scalars, or [C] along `axis`."""

    q: SSAValue
    scale: SSAValue
    zero_point: SSAValue
    axis: int = 0

    @property
    def per_tensor(self) -> bool:
        return is_scalar(self.scale) and is_scalar(self.zero_point)

    @property
    def is_byte(self) -> bool:
        return element_of(self.q) in qnn.BYTES

    @property
    def is_sum(self) -> bool:
        """Whether it is 32 bits wide: what a convolution or matrix product adds up, or a bias."""
        return element_of(self.q) not in qnn.NARROW

    def parameters(self) -> tuple[SSAValue, SSAValue]:
        return self.scale, self.zero_point

    def alike(self, other: Affine) -> bool:
        """Whether both have the same parameters, one for the whole tensor, and type."""
        return self.per_tensor and self.matches(other.scale, other.zero_point)

    def matches(self, scale: SSAValue, zero_point: SSAValue) -> bool:
        types = element_of(self.q) == element_of(zero_point)
        return types and same(self.scale, scale) and same(self.zero_point, zero_point)

    def moved(self, q: SSAValue, axis: int = 0) -> Affine:
        return replace(self, q=q, axis=axis)

    def dequantized(self, new: GraphBuilder) -> SSAValue:
        return new(qnn.DequantizeOp(self.q, self.scale, self.zero_point, axis=self.axis))


class Facts(NamedTuple):
    """Of a function: floats known as integers, compile-time values, and its ops, numbered in order."""

    affine: Mapping[SSAValue, Affine]
    constants: set[SSAValue]
    order: Mapping[Operation, int]

    def is_number(self, value: SSAValue) -> bool:
        return value in self.constants and nn.tensor_of(value).element_count() == 1


@dataclass(frozen=True)
class Target:
    """How a value is quantized: parameters of the whole tensor, and the range that is left of its type."""

    scale: SSAValue
    zero_point: SSAValue
    rounding: str
    nan: str
    low: int
    high: int

    @classmethod
    def of(cls, op: qnn.QuantizeOp) -> Target:
        return cls(op.s, op.zp, op.value_of("rounding"), op.value_of("nan"), *op.value_of("range"))

    @property
    def element(self) -> Attribute:
        return element_of(self.zero_point)

    @property
    def range(self) -> tuple[int, int]:
        return self.low, self.high

    def alike(self, other: Target) -> bool:
        """Whether a value quantized as `other` is, is the same integer."""
        rest = (self.rounding, self.nan, *self.range) == (other.rounding, other.nan, *other.range)
        return rest and same(self.scale, other.scale) and same(self.zero_point, other.zero_point)

    def code(self, value: float) -> int | None:
        """The integer that a number becomes, before `range`; None where scale or zero point are not seen."""
        scale, zero_point = scalar_of(self.scale), scalar_of(self.zero_point)
        if scale is None or zero_point is None or math.isnan(value) or self.rounding != "half_even":
            return None
        low, high = qnn.limits(self.element)
        with np.errstate(over="ignore"):
            steps = np.rint(np.float32(value) / np.float32(scale))
        return int(np.clip(float(steps) + zero_point, low, high))

    def clamped(self, low: float | None, high: float | None) -> Target | None:
        """Of what is clamped between two numbers before; a clamp to the upper one comes last."""
        least = self.low if low is None else self.code(low)
        most = self.high if high is None else self.code(high)
        if least is None or most is None:
            return None
        return self.within(least, most)

    def within(self, low: int, high: int) -> Target:
        """Of what is clamped between two integers afterwards; the upper one wins."""
        low, high = (min(max(number, self.low), self.high) for number in (min(low, high), high))
        return replace(self, low=low, high=high)

    def quantized(self, new: GraphBuilder, x: SSAValue) -> SSAValue:
        """A float as it is asked for."""
        modes = {"rounding": self.rounding, "nan": self.nan, "range": self.range}
        return new(qnn.QuantizeOp(x, self.scale, self.zero_point, **modes))

    def requantized(self, new: GraphBuilder, x: Affine) -> SSAValue:
        """An integer tensor as it is asked for; nothing new where it is that already."""
        if x.matches(self.scale, self.zero_point) and self.range == qnn.limits(self.element):
            return x.q
        parameters = (*x.parameters(), self.scale, self.zero_point)
        return new(qnn.RequantizeOp(x.q, *parameters, axis=x.axis, rounding=self.rounding, range=self.range))
