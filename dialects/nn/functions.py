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
from xdsl.ir import SSAValue as Value

from .numeric import erf, integer_divide, maximum, minimum
from .scalar_builder import ScalarBuilder as B
from .scalar_builder import is_float

GELU_CUBIC = 0.044715
SELU_ALPHA = 1.6732632423543772
SELU_GAMMA = 1.0507009873554805


class Function(NamedTuple):
    """`numpy` takes and returns arrays (floats as f64); `body` emits scalar ops for the same operands.

    `rule` names the operand and result types: number (one type T -> T), float (T a float), logic (i1),
    compare (T, T -> i1), where (i1, T, T -> T)."""

    arity: int
    rule: str
    numpy: Callable[..., np.ndarray]
    body: Callable[..., Value]
    note: str = ""


def _sigmoid(b: B, x: Value) -> Value:
    one = b.like(x, 1.0)
    return b.div(one, b.add(one, b(math.ExpOp, b.neg(x))))


def _silu(b: B, x: Value) -> Value:
    return b.div(x, b.add(b.like(x, 1.0), b(math.ExpOp, b.neg(x))))


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


def _integer_identity(op: type) -> Callable[[B, Value], Value]:
    return lambda b, x: b(op, x) if is_float(x.type) else x


def _call(op: type) -> Callable[..., Value]:
    return lambda b, *operands: b(op, *operands)


def _compare(predicate: str) -> Callable[..., Value]:
    return lambda b, x, y: b.compare(predicate, x, y)


def _np_softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _np_elu(x: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _np_sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _np_gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + GELU_CUBIC * x**3)))


def _np_divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x / y if x.dtype.kind == "f" else integer_divide(x, y)


def _np_relu(x: np.ndarray) -> np.ndarray:
    return maximum(x, np.zeros_like(x))


def _np_sign(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1, np.where(x < 0, -1, x)) if x.dtype.kind == "f" else np.sign(x)


def _np_leaky(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, slope * x)


ELEMENTWISE: dict[str, Function] = {
    "add": Function(2, "number", np.add, B.add),
    "sub": Function(2, "number", np.subtract, B.sub),
    "mul": Function(2, "number", np.multiply, B.mul),
    "div": Function(2, "number", _np_divide, B.div, "x / 0 is IEEE's for floats, 0 for integers"),
    "pow": Function(2, "float", np.power, _call(math.PowFOp), "pow(x, 0) and pow(1, y) are 1 even for NaN"),
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
    "sign": Function(1, "number", _np_sign, _sign, "of a zero that zero"),
    "sin": Function(1, "float", np.sin, _call(math.SinOp)),
    "cos": Function(1, "float", np.cos, _call(math.CosOp)),
    "tanh": Function(1, "float", np.tanh, _call(math.TanhOp)),
    "erf": Function(1, "float", erf, _call(math.ErfOp)),
    "sigmoid": Function(1, "float", _np_sigmoid, _sigmoid),
    "softplus": Function(1, "float", _np_softplus, _softplus),
    "softsign": Function(
        1, "float", lambda x: x / (1 + np.abs(x)), lambda b, x: b.div(x, b.add(b.like(x, 1.0), b.abs(x)))
    ),
    "relu": Function(1, "number", _np_relu, lambda b, x: b.max(x, b.like(x, 0))),
    "silu": Function(1, "float", lambda x: x * _np_sigmoid(x), _silu, "of -inf NaN"),
    "gelu": Function(1, "float", lambda x: 0.5 * x * (1 + erf(x * np.sqrt(0.5))), _gelu, "of -inf NaN"),
    "gelu_tanh": Function(1, "float", _np_gelu_tanh, _gelu_tanh, "of -inf NaN"),
    "hardsigmoid": Function(
        1, "float", lambda x: np.clip(x / 6 + 0.5, 0, 1), _hardsigmoid, "slope 1/6, as hardswish has it"
    ),
    "hardswish": Function(
        1, "float", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), lambda b, x: b.mul(x, _hardsigmoid(b, x))
    ),
    "mish": Function(
        1,
        "float",
        lambda x: x * np.tanh(_np_softplus(x)),
        lambda b, x: b.mul(x, b(math.TanhOp, _softplus(b, x))),
        "of -inf NaN",
    ),
    "elu": Function(2, "float", _np_elu, _elu, "operands x, alpha"),
    "selu": Function(1, "float", lambda x: SELU_GAMMA * _np_elu(x, SELU_ALPHA), _selu),
    "leaky_relu": Function(2, "number", _np_leaky, _leaky, "operands x, slope below zero"),
    "prelu": Function(2, "number", _np_leaky, _leaky, "operands x, slope below zero"),
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
}
