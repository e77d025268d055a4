"""sin and cos in f32 arithmetic, for all floats: the argument is reduced exactly, however large it is.

x * 2 / pi is a product of the 24 bits of x with those bits of 2 / pi that decide its last two bits before the
point, the quadrant, and 62 after it (Payne and Hanek). Which bits these are follows from the exponent of x.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, f64, i32, i64
from xdsl.ir import SSAValue as Value

from ...dialects.nn.scalar_builder import ScalarBuilder as B
from . import approximations as base
from .approximations import APPROXIMATIONS, Approximation, polynomial

QUARTER_OF_TWO_OVER_PI = (
    *(0x00000000, 0x28BE60DB, 0x9391054A, 0x7F09D5F4),
    *(0x7D4D3770, 0x36D8A566, 0x4F10E410, 0x7F9458EA),
)
"""Bits of 1 / (2 pi) in words of 32, most significant first; the first stands before the point. A quarter, so
that the quadrant is the first two bits after it."""

_SMALL = 0.5
"""Below, an argument is its own remainder."""

# Cephes sinf and cosf: (sin(r) - r) / r**3 and (cos(r) - 1 + r**2 / 2) / r**4 over r**2, for |r| <= pi / 4.
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def _i(b: B, value: int) -> Value:
    return b.constant(value, i32)


def _picked(b: B, index: Value, words: Sequence[int]) -> Value:
    """words[index], by selects."""
    value = _i(b, words[-1])
    for i in reversed(range(len(words) - 1)):
        value = b.select(b.compare("eq", index, _i(b, i)), _i(b, words[i]), value)
    return value


def _funnel(b: B, high: Value, low: Value, shift: Value) -> Value:
    """The upper word of two, shifted left by 0 to 31."""
    right = b(arith.ShRUIOp, b(arith.ShRUIOp, low, _i(b, 1)), b.sub(_i(b, 31), shift))
    return b(arith.OrIOp, b(arith.ShLIOp, high, shift), right)


def _unsigned(b: B, x: Value) -> Value:
    return b(arith.ExtUIOp, x, i64)


def reduced(b: B, x: Value) -> tuple[Value, Value]:
    """The remainder of |x| to the nearest multiple of pi / 2, as f32, and that multiple, as i32 modulo 4."""
    bits = b(arith.BitcastOp, x, i32)
    exponent = b.sub(b(arith.AndIOp, b(arith.ShRUIOp, bits, _i(b, 23)), _i(b, 0xFF)), _i(b, 126))
    mantissa = b(arith.OrIOp, b(arith.ShLIOp, bits, _i(b, 8)), _i(b, -0x80000000))
    word, shift = b(arith.ShRSIOp, exponent, _i(b, 5)), b(arith.AndIOp, exponent, _i(b, 31))
    window = [_picked(b, word, QUARTER_OF_TWO_OVER_PI[k : k + 5]) for k in range(4)]
    high, middle, low = (_funnel(b, window[k], window[k + 1], shift) for k in range(3))
    thirty_two = b.constant(32, i64)
    wide = _unsigned(b, mantissa)
    product = b(arith.ShRUIOp, b.mul(wide, _unsigned(b, low)), thirty_two)
    product = b.add(b.mul(wide, _unsigned(b, middle)), product)
    top = b(arith.ShLIOp, _unsigned(b, b.mul(mantissa, high)), thirty_two)
    product = b.add(product, top)
    # To the nearest quadrant: half of one is added, and what is left of it taken away again.
    half = b.constant(1 << 61, i64)
    nearest = b.add(product, half)
    quadrant = b(arith.TruncIOp, b(arith.ShRUIOp, nearest, b.constant(62, i64)), i32)
    rest = b.sub(b(arith.AndIOp, nearest, b.constant((1 << 62) - 1, i64)), half)
    scaled = b.mul(b(arith.SIToFPOp, rest, f64), b.constant(python_math.pi / 2 * 2.0**-62, f64))
    near = b.abs(x)
    small = b.compare("lt", near, b.constant(_SMALL, f32))
    return b.select(small, near, b(arith.TruncFOp, scaled, f32)), b.select(small, _i(b, 0), quadrant)


def _of_quadrant(b: B, x: Value, r: Value, quadrant: Value, negated: Value) -> Value:
    """The sine of r for an even quadrant, the cosine for an odd one; with the sign that the quadrant and the
    sign bit `negated`, an i32, say. NaN for what is not finite."""
    square = b.mul(r, r)
    sine = base.multiply_add(b, b.mul(polynomial(b, square, _SIN), square), r, r)
    start = base.multiply_add(b, square, b.constant(-0.5, f32), b.constant(1.0, f32))
    cosine = base.multiply_add(b, polynomial(b, square, _COS), b.mul(square, square), start)
    even = b.compare("eq", b(arith.AndIOp, quadrant, _i(b, 1)), _i(b, 0))
    value = b(arith.BitcastOp, b.select(even, sine, cosine), i32)
    sign = b(arith.ShLIOp, b(arith.AndIOp, quadrant, _i(b, 2)), _i(b, 30))
    signed = b(arith.XOrIOp, value, b(arith.XOrIOp, sign, negated))
    finite = b.compare("lt", b.abs(x), b.constant(float("inf"), f32))
    return b.select(finite, b(arith.BitcastOp, signed, f32), b.constant(float("nan"), f32))


def sin(b: B, x: Value) -> Value:
    r, quadrant = reduced(b, x)
    negative = b(arith.AndIOp, b(arith.BitcastOp, x, i32), _i(b, -0x80000000))
    return _of_quadrant(b, x, r, quadrant, negative)


def cos(b: B, x: Value) -> Value:
    """The sine one quadrant on."""
    r, quadrant = reduced(b, x)
    return _of_quadrant(b, x, r, b.add(quadrant, _i(b, 1)), _i(b, 0))


APPROXIMATIONS[math.SinOp] = Approximation(sin, 1.7)
APPROXIMATIONS[math.CosOp] = Approximation(cos, 1.7)
