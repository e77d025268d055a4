"""The scalar code of quantized arithmetic, operation by operation as qnn.meaning has it in numpy.

Each function registers what its code reads with the nest and returns what emits the code: a `Term` gives an
element, a `Step` makes one from another.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, f64, i32, i64
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.qnn.meaning import Modes
from .nest import Nest, Read
from .parameters import Affine, FixedPoint, is_zero

Term = Callable[[B, Read], SSAValue]
Step = Callable[[B, Read, SSAValue], SSAValue]


def float_difference(nest: Nest, x: SSAValue, given: Affine) -> Term:
    """x - zero point, both as f32."""
    nest.tensor(x)
    zero = None if is_zero(given.zero) else nest.parameter(nest.make.cast(given.zero, f32), given)

    def emit(b: B, read: Read) -> SSAValue:
        wide = b(arith.SIToFPOp, b.cast(read(x), i32), f32)
        return wide if zero is None else b.sub(wide, read(zero))

    return emit


def integer_difference(nest: Nest, x: SSAValue, given: Affine) -> Term:
    """x - zero point in i64; by way of i32 where that has it: LLVM multiplies two extended i32 at once."""
    nest.tensor(x)
    zero = None if is_zero(given.zero) else nest.parameter(given.zero, given)
    first = i64 if zero is not None and nn.tensor_of(x).element_type == i32 else i32

    def emit(b: B, read: Read) -> SSAValue:
        wide = b.cast(read(x), first)
        return b.cast(wide if zero is None else b.sub(wide, b.cast(read(zero), first)), i64)

    return emit


def float_term(nest: Nest, x: SSAValue, given: Affine, wanted: Affine) -> Term:
    """(x - zero point) * (scale / wanted scale)."""
    difference = float_difference(nest, x, given)
    step = times(nest, nest.make.compute("div", given.scale, wanted.scale), given)
    return lambda b, read: step(b, read, difference(b, read))


def times(nest: Nest, factor: SSAValue, given: Affine) -> Step:
    nest.parameter(factor, given)
    return lambda b, read, y: b.mul(y, read(factor))


def exact_term(nest: Nest, x: SSAValue, given: Affine, wanted: Affine, rounding: str) -> Term:
    difference = integer_difference(nest, x, given)
    step = scaled(nest, nest.make.fixed_point(given.scale, over=wanted.scale), given, rounding)
    return lambda b, read: step(b, read, difference(b, read))


def term(nest: Nest, x: SSAValue, given: Affine, wanted: Affine, modes: Modes) -> Term:
    """x under the wanted parameters, without their zero point."""
    if modes.arithmetic == "exact":
        return exact_term(nest, x, given, wanted, modes.rounding)
    return float_term(nest, x, given, wanted)


def finished(nest: Nest, wanted: Affine, modes: Modes, most: float) -> Step:
    """What terms add up to, `most` at most, as an element of the result."""
    if modes.arithmetic == "exact":
        return saturated(nest, wanted, modes, i64)
    if most < _CONVERTS and nn.tensor_of(wanted.zero).element_type != i32:
        step = saturated(nest, wanted, modes, i32)
        return lambda b, read, y: step(b, read, rounded(b, y, i32, modes.rounding))
    return to_integer(nest, wanted, modes)


_CONVERTS = 2.0**30
"""An f32 below is converted as it is, and the integer clamped: many machines do that as they narrow it."""


def to_integer(nest: Nest, wanted: Affine, modes: Modes) -> Step:
    """f32 clamped by comparisons, rounded, zero point added; for i32 by way of f64, which has every i32."""
    element = nn.tensor_of(wanted.zero).element_type
    floats, integers = (f64, i64) if element == i32 else (f32, i32)
    make = nest.make
    low, high = (
        nest.parameter(make.compute("sub", bound, make.cast(wanted.zero, floats)), wanted)
        for bound in modes.bounds
    )
    zero = None if is_zero(wanted.zero) else nest.parameter(make.cast(wanted.zero, integers), wanted)

    def emit(b: B, read: Read, y: SSAValue) -> SSAValue:
        if modes.nan == "zero":
            y = b.select(b.compare("ne", y, y), b.like(y, 0), y)
        y = b.cast(y, floats)
        y = b.select(b.compare("gt", y, read(low)), y, read(low))
        y = b.select(b.compare("lt", y, read(high)), y, read(high))
        whole = rounded(b, y, integers, modes.rounding)
        return b.narrowed(whole if zero is None else b.add(whole, read(zero)), element)

    return emit


def rounded(b: B, y: SSAValue, integers: Attribute, rounding: str) -> SSAValue:
    """Half to even is one conversion. Else decides what truncation leaves, which is exact."""
    if rounding == "half_even":
        return b(arith.FPToSIOp, b(math.RoundEvenOp, y), integers)
    whole = b(arith.FPToSIOp, y, integers)
    rest = b.sub(y, b(arith.SIToFPOp, whole, y.type))
    zero, one = b.like(whole, 0), b.like(whole, 1)
    up = b.select(b.compare("ge", rest, b.like(rest, 0.5)), one, zero)
    order = "lt" if rounding == "upward" else "le"
    down = b.select(b.compare(order, rest, b.like(rest, -0.5)), one, zero)
    return b.sub(b.add(whole, up), down)


def scaled(nest: Nest, by: FixedPoint, given: Affine, rounding: str) -> Step:
    """The product with a multiplier in fixed point, rounded: i64 to i64."""
    significand, shift, half = (nest.parameter(value, given) for value in by)
    return lambda b, read, x: multiplied(
        b, x, FixedPoint(read(significand), read(shift), read(half)), rounding
    )


def multiplied(b: B, x: SSAValue, by: FixedPoint, rounding: str) -> SSAValue:
    product = b.mul(x, b.cast(by.significand, i64))
    below = b.shift_right(product, by.shift)
    rest = b.sub(product, b(arith.ShLIOp, below, by.shift))
    if rounding == "half_even":
        up = b.compare("gt", rest, b.sub(by.half, b(arith.AndIOp, below, b.like(below, 1))))
    elif rounding == "upward":
        up = b.compare("ge", rest, by.half)
    else:  # a negative product needs more than the half
        negative = b(arith.ShRUIOp, product, b.like(product, 63))
        up = b.compare("ge", rest, b.add(by.half, negative))
    return b.add(below, b.cast(up, i64))


def saturated(nest: Nest, wanted: Affine, modes: Modes, integers: Attribute) -> Step:
    """An integer plus the zero point, clamped."""
    element = nn.tensor_of(wanted.zero).element_type
    zero = None if is_zero(wanted.zero) else nest.parameter(nest.make.cast(wanted.zero, integers), wanted)

    def emit(b: B, read: Read, y: SSAValue) -> SSAValue:
        y = y if zero is None else b.add(y, read(zero))
        low, high = (b.like(y, bound) for bound in modes.bounds)
        return b.narrowed(b.min(b.max(y, low), high), element)

    return emit
