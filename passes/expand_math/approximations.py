"""exp, log, tanh and erf in f32 arithmetic, with their errors in units in the last place (ulp).

The errors hold for separate and for fused multiply-adds; tests measure both. Special values are the C
library's: NaN stays NaN, overflow gives inf, results below the normal range are denormal. Nothing converts
a float to an integer (undefined for NaN): exponents are read from and written to the bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, i32
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, Operation
from xdsl.ir import SSAValue as Value

from ...dialects.nn.scalar_builder import ScalarBuilder as B

LOG2_E = 1.44269504088896341
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
"""ln 2 = LN2_HIGH + LN2_LOW; the first has few bits, so that its product with an exponent is exact."""
ROUNDER = 12582912.0
"""1.5 * 2**23: adding it to a float below 2**22 leaves the nearest integer in the low bits."""
ROUNDER_BITS = 0x4B400000
BIAS, MANTISSA_BITS, MANTISSA_MASK = 127, 23, 0x007FFFFF
SQRT_HALF_BITS = 0x3F3504F3
SMALLEST_NORMAL = 2.0**-126


def _f(b: B, value: float) -> Value:
    return b.constant(value, f32)


def _i(b: B, value: int) -> Value:
    return b.constant(value, i32)


_CONTRACT = arith.FastMathFlagsAttr([FastMathFlag.ALLOW_CONTRACT])


def multiply_add(b: B, x: Value, y: Value, z: Value) -> Value:
    """x * y + z, rounded once where the target can."""
    return b(arith.AddfOp, b(arith.MulfOp, x, y, _CONTRACT), z, _CONTRACT)


def polynomial_of(b: B, x: Value, coefficients: Sequence[float], type_: Attribute) -> Value:
    """Horner's rule in floats of `type_`; coefficients from the highest power down."""
    value = b.constant(coefficients[0], type_)
    for coefficient in coefficients[1:]:
        value = multiply_add(b, value, x, b.constant(coefficient, type_))
    return value


def polynomial(b: B, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule in f32."""
    return polynomial_of(b, x, coefficients, f32)


def _bits(b: B, x: Value) -> Value:
    return b(arith.BitcastOp, x, i32)


def _power_of_two(b: B, exponent: Value) -> Value:
    """2**exponent for an i32 within -126..127."""
    shifted = b(arith.ShLIOp, b.add(exponent, _i(b, BIAS)), _i(b, MANTISSA_BITS))
    return b(arith.BitcastOp, shifted, f32)


# Cephes expf: (e**r - 1 - r) / r**2 for |r| <= ln(2) / 2.
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
# Outside, exp is inf or 0 in f32, and the exponent below would leave its range.
_EXP_LOW, _EXP_HIGH = -105.0, 90.0


def exp(b: B, x: Value) -> Value:
    """e**x = 2**n e**r with n = round(x / ln 2). The scale is applied in two halves, for denormal results."""
    x = b.min(b.max(x, _f(b, _EXP_LOW)), _f(b, _EXP_HIGH))
    shifted = multiply_add(b, x, _f(b, LOG2_E), _f(b, ROUNDER))
    n = b.sub(shifted, _f(b, ROUNDER))
    r = multiply_add(b, n, _f(b, -LN2_HIGH), x)
    r = multiply_add(b, n, _f(b, -LN2_LOW), r)
    value = b.add(multiply_add(b, polynomial(b, r, _EXP), b.mul(r, r), r), _f(b, 1.0))
    exponent = b.sub(_bits(b, shifted), _i(b, ROUNDER_BITS))
    half = b(arith.ShRSIOp, exponent, _i(b, 1))
    value = b.mul(value, _power_of_two(b, half))
    return b.mul(value, _power_of_two(b, b.sub(exponent, half)))


# Cephes logf: (log(1 + f) - f + f**2 / 2) / f**3 for 1 + f between sqrt(1/2) and sqrt(2).
_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)


def log(b: B, x: Value) -> Value:
    """log(x) = e ln 2 + log(m) with x = 2**e m and m between sqrt(1/2) and sqrt(2)."""
    zero, infinity = _f(b, 0.0), _f(b, float("inf"))
    denormal = b.compare("lt", x, _f(b, SMALLEST_NORMAL))
    scaled = b.select(denormal, b.mul(x, _f(b, 2.0**MANTISSA_BITS)), x)
    bits = b.sub(_bits(b, scaled), _i(b, SQRT_HALF_BITS))
    exponent = b(arith.ShRSIOp, bits, _i(b, MANTISSA_BITS))
    exponent = b.add(exponent, b.select(denormal, _i(b, -MANTISSA_BITS), _i(b, 0)))
    e = b(arith.SIToFPOp, exponent, f32)
    mantissa = b.add(b(arith.AndIOp, bits, _i(b, MANTISSA_MASK)), _i(b, SQRT_HALF_BITS))
    f = b.sub(b(arith.BitcastOp, mantissa, f32), _f(b, 1.0))
    square = b.mul(f, f)
    value = b.mul(polynomial(b, f, _LOG), b.mul(f, square))
    value = multiply_add(b, e, _f(b, LN2_LOW), value)
    value = multiply_add(b, square, _f(b, -0.5), value)
    value = multiply_add(b, e, _f(b, LN2_HIGH), b.add(f, value))
    value = b.select(b.compare("lt", x, infinity), value, x)  # inf and NaN are their own logarithms
    value = b.select(b.compare("lt", x, zero), _f(b, float("nan")), value)
    return b.select(b.compare("eq", x, zero), _f(b, float("-inf")), value)


# Cephes tanhf: (tanh(x) - x) / x**3 over x**2, for |x| < 0.625.
_TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
_TANH_NEAR = 0.625


def tanh(b: B, x: Value) -> Value:
    """A polynomial near 0, elsewhere 1 - 2 / (e**2|x| + 1); the sign is put back."""
    near, one = b.abs(x), _f(b, 1.0)
    square = b.mul(near, near)
    small = multiply_add(b, b.mul(polynomial(b, square, _TANH), square), near, near)
    grown = b.add(exp(b, b.add(near, near)), one)
    large = b.sub(one, b.div(_f(b, 2.0), grown))
    return b(math.CopySignOp, b.select(b.compare("lt", near, _f(b, _TANH_NEAR)), small, large), x)


# (erf(x) - x) / x over x**2, for |x| <= 475 / 512.
_ERF_NEAR = (
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
)
# log(1 - erf(t)) + t over t, for t from there to 4, without the constant term (which is 0).
_ERF_FAR = (
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
)
_ERF_SWITCH, _ERF_ONE = 475.0 / 512.0, 4.0


def erf(b: B, x: Value) -> Value:
    """A polynomial near 0, elsewhere 1 - e**p(|x|) (N. Juffa's minimax coefficients); 1 from 4 on."""
    t = b.abs(x)
    square = b.mul(t, t)
    small = multiply_add(b, polynomial(b, square, _ERF_NEAR), t, t)
    far = b.min(t, _f(b, _ERF_ONE))
    power = b.sub(b.mul(polynomial(b, far, _ERF_FAR), far), far)
    large = b.sub(_f(b, 1.0), exp(b, power))
    near = b.compare("le", t, _f(b, _ERF_SWITCH))
    return b(math.CopySignOp, b.select(near, small, large), x)


class Approximation(NamedTuple):
    """`emit` takes f32 operands and returns an f32; `ulp` bounds its error over all floats."""

    emit: Callable[..., Value]
    ulp: float


APPROXIMATIONS: dict[type[Operation], Approximation] = {
    math.ExpOp: Approximation(exp, 1.1),
    math.LogOp: Approximation(log, 1.0),
    math.TanhOp: Approximation(tanh, 1.4),
    math.ErfOp: Approximation(erf, 1.2),
}
"""Function -> its approximation."""
