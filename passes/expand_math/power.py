"""pow in f64 arithmetic: x**y = 2**(y log2 |x|), its sign and its special values put right afterwards."""

from __future__ import annotations

import math as numbers

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, f64, i64
from xdsl.ir import SSAValue as Value

from ...dialects.nn.scalar_builder import ScalarBuilder as B
from .approximations import APPROXIMATIONS, Approximation, polynomial_of

MANTISSA_BITS, BIAS = 52, 1023
MANTISSA_MASK = (1 << MANTISSA_BITS) - 1
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
ROUNDER = 1.5 * 2.0**52
"""Adding it to a float below 2**50 leaves the nearest integer in the low bits."""
ROUNDER_BITS = 0x4338000000000000
# Beyond, the result is 0 or infinite in f32.
_LOW, _HIGH = -200.0, 200.0
# log2((1 + s) / (1 - s)) = 2 / ln 2 (s + s**3 / 3 + ...) for |s| <= 0.172: seven terms leave 2**-38.
_LOG2 = tuple(2 / numbers.log(2) / k for k in range(13, 0, -2))
# 2**r = sum of (r ln 2)**k / k! for |r| <= 1/2: nine terms leave 2**-32.
_EXP2 = tuple(numbers.log(2) ** k / numbers.factorial(k) for k in range(8, -1, -1))


def power(b: B, x: Value, y: Value) -> Value:
    """x**y as the C library has it: 1 for y = 0 and for x = 1 even beside NaN, NaN for a finite x < 0 unless
    y is an integer, and for odd ones the sign of x."""
    near, zero, one, infinity = b.abs(x), b.like(x, 0.0), b.like(x, 1.0), b.like(x, float("inf"))
    exponent = b(arith.MulfOp, b(arith.ExtFOp, y, f64), _log2(b, near))
    size = b(arith.TruncFOp, _exp2(b, exponent), f32)
    endless = b(arith.AndIOp, b.compare("eq", near, one), b.compare("eq", b.abs(y), infinity))
    size = b.select(endless, one, size)
    half = b.mul(y, b.like(y, 0.5))
    whole = b.compare("eq", b(math.FloorOp, y), y)
    odd = b(arith.AndIOp, whole, b.compare("ne", b(math.FloorOp, half), half))
    signed = b.select(odd, b(math.CopySignOp, size, x), size)
    finite = b(arith.AndIOp, b.compare("lt", x, zero), b.compare("lt", near, infinity))
    signed = b.select(b.select(finite, whole, b.compare("eq", zero, zero)), signed, b.like(x, float("nan")))
    neutral = b(arith.OrIOp, b.compare("eq", y, zero), b.compare("eq", x, one))
    return b.select(neutral, one, signed)


def _log2(b: B, x: Value) -> Value:
    """log2 of an f32 that is not negative, as f64: e + log2(m) with x = 2**e m and m between sqrt(1/2) and
    sqrt(2). Every f32 is a normal f64."""
    wide = b(arith.ExtFOp, x, f64)
    bits = b.sub(b(arith.BitcastOp, wide, i64), b.constant(SQRT_HALF_BITS, i64))
    e = b(arith.SIToFPOp, b(arith.ShRSIOp, bits, b.constant(MANTISSA_BITS, i64)), f64)
    mantissa = b.add(b(arith.AndIOp, bits, b.constant(MANTISSA_MASK, i64)), b.constant(SQRT_HALF_BITS, i64))
    m, one = b(arith.BitcastOp, mantissa, f64), b.constant(1.0, f64)
    s = b.div(b.sub(m, one), b.add(m, one))
    value = b.add(e, b.mul(s, polynomial_of(b, b.mul(s, s), _LOG2, f64)))
    value = b.select(b.compare("lt", wide, b.constant(float("inf"), f64)), value, wide)  # inf and NaN
    return b.select(b.compare("eq", wide, b.constant(0.0, f64)), b.constant(float("-inf"), f64), value)


def _exp2(b: B, x: Value) -> Value:
    """2**x in f64: 2**n 2**r with n = round(x)."""
    x = b.min(b.max(x, b.constant(_LOW, f64)), b.constant(_HIGH, f64))
    shifted = b.add(x, b.constant(ROUNDER, f64))
    r = b.sub(x, b.sub(shifted, b.constant(ROUNDER, f64)))
    n = b.sub(b(arith.BitcastOp, shifted, i64), b.constant(ROUNDER_BITS - BIAS, i64))
    scale = b(arith.BitcastOp, b(arith.ShLIOp, n, b.constant(MANTISSA_BITS, i64)), f64)
    return b.mul(polynomial_of(b, r, _EXP2, f64), scale)


APPROXIMATIONS[math.PowFOp] = Approximation(power, 0.51)
