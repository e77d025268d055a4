"""The functions of `nn.elementwise`: a row says arity, type rule, meaning in numpy and scalar code.

Floats: the numpy meaning is evaluated in f64 and rounded once to the element type. NaN: unless its note
says otherwise, a function of a NaN is NaN (comparisons are false, `not` of them true). Signed zeros: what
IEEE arithmetic on the scalar code gives; min and max order -0 before +0.
Integers wrap around; division truncates towards zero, and by zero gives 0.
"""

from __future__ import annotations

import math as scalar_math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import SSAValue as Value

from . import function_meanings as meaning
from .function_meanings import GELU_CUBIC, SELU_ALPHA, SELU_GAMMA
from .numeric import erf, maximum, minimum
from .scalar_builder import ScalarBuilder as B
from .scalar_builder import is_float, is_unsigned


class Function(NamedTuple):
    """`numpy` takes and returns arrays (floats as f64); `body` emits scalar ops for the same operands.

    `rule` names the operand and result types: number (one type T -> T), float (T a float), integer (T an
    integer), logic (i1), compare (T, T -> i1), where (i1, T, T -> T)."""

    arity: int
    rule: str
    numpy: Callable[..., np.ndarray]
    body: Callable[..., Value]
    note: str = ""


def _sigmoid(b: B, x: Value) -> Value:
    """1 / (1 + e^-x), below 0 multiplied by e^x / e^x: then it vanishes gradually, as the result may."""
    one, power = b.like(x, 1.0), b(math.ExpOp, b.neg(b.abs(x)))
    return b.div(b.select(b.compare("lt", x, b.like(x, 0.0)), power, one), b.add(one, power))


def _silu(b: B, x: Value) -> Value:
    return b.mul(x, _sigmoid(b, x))


def _softplus(b: B, x: Value) -> Value:
    # log1p(y) for y = exp(-|x|) <= 1: log of the rounded sum, plus what the rounding lost.
    y, one = b(math.ExpOp, b.neg(b.abs(x))), b.like(x, 1.0)
    total = b.add(one, y)
    lost = b.div(b.sub(y, b.sub(total, one)), total)
    return b.add(b.max(x, b.like(x, 0.0)), b.add(b(math.LogOp, total), lost))


def _gelu(b: B, x: Value) -> Value:
    half = b.like(x, 0.5)
    inner = b(math.ErfOp, b.mul(x, b.like(x, scalar_math.sqrt(0.5))))
    return b.mul(b.mul(half, x), b.add(b.like(x, 1.0), inner))


def _gelu_tanh(b: B, x: Value) -> Value:
    cube = b.mul(b.mul(x, x), x)
    slope = b.like(x, scalar_math.sqrt(2 / scalar_math.pi))
    inner = b.mul(slope, b.add(x, b.mul(b.like(x, GELU_CUBIC), cube)))
    return b.mul(b.mul(b.like(x, 0.5), x), b.add(b.like(x, 1.0), b(math.TanhOp, inner)))


def _hardsigmoid(b: B, x: Value) -> Value:
    line = b.add(b.div(x, b.like(x, 6.0)), b.like(x, 0.5))
    return b.min(b.max(line, b.like(x, 0.0)), b.like(x, 1.0))


def _elu(b: B, x: Value, alpha: Value) -> Value:
    zero = b.like(x, 0.0)
    # the minimum keeps the branch not taken from overflowing
    below = b.mul(alpha, b.sub(b(math.ExpOp, b.min(x, zero)), b.like(x, 1.0)))
    return b.select(b.compare("gt", x, zero), x, below)


def _selu(b: B, x: Value) -> Value:
    return b.mul(b.like(x, SELU_GAMMA), _elu(b, x, b.like(x, SELU_ALPHA)))


def _sign(b: B, x: Value) -> Value:
    zero = b.like(x, 0)
    negative = b.select(b.compare("lt", x, zero), b.like(x, -1), x)
    return b.select(b.compare("gt", x, zero), b.like(x, 1), negative)


def _leaky(b: B, x: Value, slope: Value) -> Value:
    return b.select(b.compare("ge", x, b.like(x, 0)), x, b.mul(slope, x))


def _mod(b: B, x: Value, y: Value) -> Value:
    """What fmod leaves, plus the divisor where the signs of the two differ."""
    rest, zero = b.rem(x, y), b.like(x, 0)
    if is_unsigned(x.type):
        return rest
    differs = b(arith.XOrIOp, b.compare("lt", rest, zero), b.compare("lt", y, zero))
    inexact = b.compare("ne", rest, zero)
    result = b.select(b(arith.AndIOp, inexact, differs), b.add(rest, y), rest)
    return b.select(inexact, result, b(math.CopySignOp, zero, y)) if is_float(x.type) else result


def _pow(b: B, x: Value, y: Value) -> Value:
    """Integers by squaring, one bit of the exponent after another; a negative exponent leaves what is not 0
    of the reciprocal: of 1 and -1."""
    if is_float(x.type):
        return b(math.PowFOp, x, y)
    assert isinstance(x.type, IntegerType)
    zero, one = b.like(x, 0), b.like(x, 1)
    result, square = one, x
    for bit in range(x.type.width.data):
        taken = b.compare("ne", b(arith.AndIOp, y, b.like(y, 1 << bit)), zero)
        result = b.mul(result, b.select(taken, square, one))
        square = b.mul(square, square)
    if is_unsigned(x.type):
        return result
    odd = b.compare("ne", b(arith.AndIOp, y, one), zero)
    alternating = b.select(b.compare("eq", x, b.like(x, -1)), b.select(odd, x, one), zero)
    return b.select(b.compare("lt", y, zero), b.select(b.compare("eq", x, one), one, alternating), result)


def _shift(direction: str) -> Callable[[B, Value, Value], Value]:
    """0 where more bits are shifted than there are, which LLVM leaves undefined; the sign for a right shift
    of a negative number."""

    def emit(b: B, x: Value, y: Value) -> Value:
        assert isinstance(x.type, IntegerType)
        last = x.type.width.data - 1
        inside = b(arith.CmpiOp, y, b.like(y, last), "ule")
        if direction == "left":
            return b.select(inside, b(arith.ShLIOp, x, b.select(inside, y, b.like(y, 0))), b.like(x, 0))
        shifted = b.shift_right(x, b.select(inside, y, b.like(y, last)))
        return b.select(inside, shifted, b.like(x, 0)) if is_unsigned(x.type) else shifted

    return emit


def _integer_identity(op: type) -> Callable[[B, Value], Value]:
    return lambda b, x: b(op, x) if is_float(x.type) else x


def _call(op: type) -> Callable[..., Value]:
    return lambda b, *operands: b(op, *operands)


def _compare(predicate: str) -> Callable[..., Value]:
    return lambda b, x, y: b.compare(predicate, x, y)


ELEMENTWISE: dict[str, Function] = {
    "add": Function(2, "number", np.add, B.add),
    "sub": Function(2, "number", np.subtract, B.sub),
    "mul": Function(2, "number", np.multiply, B.mul),
    "div": Function(2, "number", meaning.divide, B.div, "x / 0 is IEEE's for floats, 0 for integers"),
    "pow": Function(2, "number", meaning.pow, _pow, "pow(x, 0) and pow(1, y) are 1 even for NaN"),
    "mod": Function(2, "number", meaning.mod, _mod, "of the divisor's sign; of an integer 0 it is 0"),
    "fmod": Function(2, "number", meaning.fmod, B.rem, "of the dividend's sign; of an integer 0 it is 0"),
    "min": Function(2, "number", minimum, B.min),
    "max": Function(2, "number", maximum, B.max),
    "neg": Function(1, "number", np.negative, B.neg),
    "abs": Function(1, "number", np.abs, B.abs),
    "exp": Function(1, "float", np.exp, _call(math.ExpOp)),
    "log": Function(1, "float", np.log, _call(math.LogOp), "log(0) is -inf, of a negative number NaN"),
    "sqrt": Function(1, "float", np.sqrt, _call(math.SqrtOp), "of a negative number NaN"),
    "rsqrt": Function(
        1, "float", lambda x: 1 / np.sqrt(x), lambda b, x: b.div(b.like(x, 1.0), b(math.SqrtOp, x))
    ),
    "reciprocal": Function(1, "float", lambda x: 1 / x, lambda b, x: b.div(b.like(x, 1.0), x)),
    "floor": Function(1, "number", np.floor, _integer_identity(math.FloorOp)),
    "ceil": Function(1, "number", np.ceil, _integer_identity(math.CeilOp)),
    "round": Function(1, "number", np.rint, _integer_identity(math.RoundEvenOp), "halves go to the even"),
    "sign": Function(1, "number", meaning.sign, _sign, "of a zero that zero"),
    "sin": Function(1, "float", np.sin, _call(math.SinOp)),
    "cos": Function(1, "float", np.cos, _call(math.CosOp)),
    "tan": Function(1, "float", np.tan, _call(math.TanOp)),
    "asin": Function(1, "float", np.arcsin, _call(math.AsinOp), "outside -1..1 NaN"),
    "acos": Function(1, "float", np.arccos, _call(math.AcosOp), "outside -1..1 NaN"),
    "atan": Function(1, "float", np.arctan, _call(math.AtanOp)),
    "sinh": Function(1, "float", np.sinh, _call(math.SinhOp)),
    "cosh": Function(1, "float", np.cosh, _call(math.CoshOp)),
    "asinh": Function(1, "float", np.arcsinh, _call(math.AsinhOp)),
    "acosh": Function(1, "float", np.arccosh, _call(math.AcoshOp), "below 1 NaN"),
    "atanh": Function(1, "float", np.arctanh, _call(math.AtanhOp), "outside -1..1 NaN"),
    "tanh": Function(1, "float", np.tanh, _call(math.TanhOp)),
    "erf": Function(1, "float", erf, _call(math.ErfOp)),
    "sigmoid": Function(1, "float", meaning.sigmoid, _sigmoid),
    "softplus": Function(1, "float", meaning.softplus, _softplus),
    "softsign": Function(
        1, "float", lambda x: x / (1 + np.abs(x)), lambda b, x: b.div(x, b.add(b.like(x, 1.0), b.abs(x)))
    ),
    "relu": Function(1, "number", meaning.relu, lambda b, x: b.max(x, b.like(x, 0))),
    "silu": Function(1, "float", lambda x: x * meaning.sigmoid(x), _silu, "of -inf NaN"),
    "gelu": Function(1, "float", lambda x: 0.5 * x * (1 + erf(x * np.sqrt(0.5))), _gelu, "of -inf NaN"),
    "gelu_tanh": Function(1, "float", meaning.gelu_tanh, _gelu_tanh, "of -inf NaN"),
    "hardsigmoid": Function(
        1, "float", lambda x: np.clip(x / 6 + 0.5, 0, 1), _hardsigmoid, "slope 1/6, as hardswish has it"
    ),
    "hardswish": Function(
        1, "float", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), lambda b, x: b.mul(x, _hardsigmoid(b, x))
    ),
    "mish": Function(
        1,
        "float",
        lambda x: x * np.tanh(meaning.softplus(x)),
        lambda b, x: b.mul(x, b(math.TanhOp, _softplus(b, x))),
        "of -inf NaN",
    ),
    "elu": Function(2, "float", meaning.elu, _elu, "operands x, alpha"),
    "selu": Function(1, "float", lambda x: SELU_GAMMA * meaning.elu(x, SELU_ALPHA), _selu),
    "leaky_relu": Function(2, "number", meaning.leaky, _leaky, "operands x, slope below zero"),
    "prelu": Function(2, "number", meaning.leaky, _leaky, "operands x, slope below zero"),
    "clip": Function(
        3,
        "number",
        lambda x, low, high: minimum(maximum(x, low), high),
        lambda b, x, low, high: b.min(b.max(x, low), high),
        "operands x, low, high; high wins where low > high",
    ),
    "where": Function(3, "where", np.where, B.select, "operands condition, x, y; a NaN not taken is lost"),
    "equal": Function(2, "compare", np.equal, _compare("eq")),
    "not_equal": Function(2, "compare", np.not_equal, _compare("ne"), "true on a NaN"),
    "less": Function(2, "compare", np.less, _compare("lt")),
    "less_equal": Function(2, "compare", np.less_equal, _compare("le")),
    "greater": Function(2, "compare", np.greater, _compare("gt")),
    "greater_equal": Function(2, "compare", np.greater_equal, _compare("ge")),
    "and": Function(2, "logic", np.logical_and, _call(arith.AndIOp)),
    "or": Function(2, "logic", np.logical_or, _call(arith.OrIOp)),
    "xor": Function(2, "logic", np.logical_xor, _call(arith.XOrIOp)),
    "not": Function(1, "logic", np.logical_not, lambda b, x: b(arith.XOrIOp, x, b.like(x, 1))),
    "bit_and": Function(2, "integer", np.bitwise_and, _call(arith.AndIOp)),
    "bit_or": Function(2, "integer", np.bitwise_or, _call(arith.OrIOp)),
    "bit_xor": Function(2, "integer", np.bitwise_xor, _call(arith.XOrIOp)),
    "bit_not": Function(1, "integer", np.bitwise_not, lambda b, x: b(arith.XOrIOp, x, b.like(x, -1))),
    "shift_left": Function(2, "integer", meaning.shift(True), _shift("left"), "0 from the width on"),
    "shift_right": Function(2, "integer", meaning.shift(False), _shift("right"), "0 or -1 from the width on"),
}
