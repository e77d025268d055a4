"""Elementwise ops: most are one row of a table, the others compose rows of `nn.elementwise`.

Parameters (slopes, bounds, exponents) become constant operands, never attributes."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
from xdsl.dialects.builtin import f64
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, shape_of, tensor_type
from .node import Node, Value
from .registry import Rule, onnx_op
from .tensors import element_type

DIRECT = {
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Add": "add", "And": "and", "Asin": "asin",
    "Asinh": "asinh", "Atan": "atan", "Atanh": "atanh", "BitwiseAnd": "bit_and", "BitwiseNot": "bit_not",
    "BitwiseOr": "bit_or", "BitwiseXor": "bit_xor", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh",
    "Div": "div", "Equal": "equal", "Erf": "erf", "Exp": "exp", "Floor": "floor", "Greater": "greater",
    "GreaterOrEqual": "greater_equal", "HardSwish": "hardswish", "Less": "less",
    "LessOrEqual": "less_equal", "Log": "log", "Mish": "mish", "Mul": "mul", "Neg": "neg", "Not": "not",
    "Or": "or", "PRelu": "prelu", "Reciprocal": "reciprocal", "Relu": "relu", "Round": "round",
    "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Softplus": "softplus",
    "Softsign": "softsign", "Sqrt": "sqrt", "Sub": "sub", "Tan": "tan", "Tanh": "tanh", "Where": "where",
    "Xor": "xor",
}  # fmt: skip
"""ONNX op -> function of `nn.elementwise` with the same operands."""

WITH_ALPHA = {"LeakyRelu": "leaky_relu", "Elu": "elu"}
"""ONNX op with the attribute alpha -> function that takes it as its second operand."""

VARIADIC = {"Max": "max", "Min": "min", "Sum": "add", "Mean": "add"}
"""ONNX op over any number of operands -> function of two."""


def _direct(fn: str) -> Rule:
    return lambda ctx, node: ctx.elementwise(fn, *(node[i] for i in range(len(node.operands))))


def _with_alpha(fn: str) -> Rule:
    return lambda ctx, node: ctx.elementwise(fn, node[0], ctx.scalar_like(node.attr("alpha"), node[0]))


for _op_type, _fn in DIRECT.items():
    onnx_op(_op_type)(_direct(_fn))
for _op_type, _fn in WITH_ALPHA.items():
    onnx_op(_op_type)(_with_alpha(_fn))


@onnx_op(*VARIADIC)
def variadic(ctx: Context, node: Node) -> SSAValue:
    operands = [node[i] for i in range(len(node.operands))]
    total = reduce(lambda a, b: ctx.elementwise(VARIADIC[node.op_type], a, b), operands)
    if node.op_type != "Mean":
        return total
    return ctx.elementwise("div", total, ctx.scalar_like(len(operands), total))


def _cube(ctx: Context, x: SSAValue) -> SSAValue:
    return ctx.elementwise("mul", ctx.elementwise("mul", x, x), x)


SMALL_POWERS: dict[float, Callable[[Context, SSAValue], SSAValue]] = {
    1.0: lambda ctx, x: x,
    2.0: lambda ctx, x: ctx.elementwise("mul", x, x),
    3.0: _cube,
    -1.0: lambda ctx, x: ctx.elementwise("reciprocal", x),
}
"""Exponent -> what it is as products: norms and gelu are written with them."""


def broadcast_keeps(x: SSAValue, other: SSAValue) -> bool:
    """Whether an operation of x with `other`, one element, has the shape of x."""
    return len(shape_of(other)) <= len(shape_of(x))


@onnx_op("Pow")
def power(ctx: Context, node: Node) -> SSAValue:
    """The result has the type of the base. An integer to a fraction is computed in floats."""
    x, y = node[0], node[1]
    known = ctx.array(y)
    if known is not None and known.size == 1 and dtype_of(x).kind not in "iu":
        small = SMALL_POWERS.get(float(known.reshape(())))
        if small is not None and broadcast_keeps(x, y):
            return small(ctx, x)
    integral, fraction = dtype_of(x).kind in "iu", dtype_of(y).kind not in "iu"
    if integral and fraction:
        wide = ctx.emit(nn.CastOp(x, f64))
        return ctx.cast(ctx.elementwise("pow", wide, ctx.cast(y, wide)), x)
    return ctx.elementwise("pow", x, ctx.cast(y, x))


@onnx_op("Mod")
def modulo(ctx: Context, node: Node) -> SSAValue:
    """fmod=1 takes the sign of the dividend, fmod=0 that of the divisor."""
    return ctx.elementwise("fmod" if node.attr("fmod") else "mod", node[0], node[1])


@onnx_op("BitShift")
def bit_shift(ctx: Context, node: Node) -> SSAValue:
    functions = {"LEFT": "shift_left", "RIGHT": "shift_right"}
    if node.attr("direction") not in functions:
        raise TenonError(f"direction must be LEFT or RIGHT, got '{node.attr('direction')}'")
    return ctx.elementwise(functions[node.attr("direction")], node[0], node[1])


@onnx_op("IsNaN")
def is_nan(ctx: Context, node: Node) -> SSAValue:
    """Only a NaN differs from itself."""
    return ctx.elementwise("not_equal", node[0], node[0])


@onnx_op("IsInf")
def is_inf(ctx: Context, node: Node) -> SSAValue:
    x = node[0]
    positive, negative = node.attr("detect_positive"), node.attr("detect_negative")
    if positive and negative:
        return ctx.elementwise("equal", ctx.elementwise("abs", x), ctx.scalar_like(np.inf, x))
    if not positive and not negative:
        return ctx.emit(nn.BroadcastOp(ctx.constant(np.asarray(False)), shape_of(x)))
    return ctx.elementwise("equal", x, ctx.scalar_like(np.inf if positive else -np.inf, x))


@onnx_op("Shrink")
def shrink(ctx: Context, node: Node) -> SSAValue:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    x = node[0]
    bias, high = (ctx.scalar_like(node.attr(name), x) for name in ("bias", "lambd"))
    low = ctx.scalar_like(-node.attr("lambd"), x)
    above = ctx.elementwise("where", ctx.elementwise("greater", x, high), ctx.elementwise("sub", x, bias),
                            ctx.scalar_like(0, x))  # fmt: skip
    return ctx.elementwise("where", ctx.elementwise("less", x, low), ctx.elementwise("add", x, bias), above)


@onnx_op("BitCast")
def bit_cast(ctx: Context, node: Node) -> SSAValue:
    dtype = element_type(node.attr("to"), "to")
    return ctx.emit(nn.BitcastOp(node[0], nn.element_type(dtype)))


@onnx_op("Clip")
def clip(ctx: Context, node: Node) -> SSAValue:
    """The bounds are attributes before opset 11 and optional inputs since. A bound that is NaN makes every
    element NaN, as a maximum or minimum with it does; onnxruntime ignores it."""
    x, low, high = node[0], node.get(1), node.get(2)
    if ctx.opset < 11:
        low, high = (ctx.scalar_like(node.attr(name), x) for name in ("min", "max"))
    for bound in (low, high):
        if bound is not None and shape_of(bound) not in ((), (1,)):
            raise TenonError(f"a bound must be a scalar, got shape {list(shape_of(bound))}")
    if low is not None and high is not None:
        return ctx.elementwise("clip", x, _scalar(ctx, low), _scalar(ctx, high))
    if low is not None:
        return ctx.elementwise("max", x, _scalar(ctx, low))
    return ctx.elementwise("min", x, _scalar(ctx, high)) if high is not None else x


def _scalar(ctx: Context, bound: SSAValue) -> SSAValue:
    return ctx.reshape(bound, ())


@onnx_op("HardSigmoid")
def hard_sigmoid(ctx: Context, node: Node) -> SSAValue:
    """clip(alpha * x + beta, 0, 1)."""
    x = node[0]
    alpha, beta, zero, one = (
        ctx.scalar_like(value, x) for value in (node.attr("alpha"), node.attr("beta"), 0.0, 1.0)
    )
    return ctx.elementwise("clip", ctx.elementwise("add", ctx.elementwise("mul", x, alpha), beta), zero, one)


@onnx_op("Selu")
def selu(ctx: Context, node: Node) -> SSAValue:
    """gamma * elu(x, alpha)."""
    x = node[0]
    gamma, alpha = (ctx.scalar_like(node.attr(name), x) for name in ("gamma", "alpha"))
    return ctx.elementwise("mul", gamma, ctx.elementwise("elu", x, alpha))


@onnx_op("Celu")
def celu(ctx: Context, node: Node) -> SSAValue:
    """alpha * elu(x / alpha, 1)."""
    x = node[0]
    alpha, one = ctx.scalar_like(node.attr("alpha"), x), ctx.scalar_like(1.0, x)
    return ctx.elementwise("mul", alpha, ctx.elementwise("elu", ctx.elementwise("div", x, alpha), one))


@onnx_op("ThresholdedRelu")
def thresholded_relu(ctx: Context, node: Node) -> SSAValue:
    """x where x > alpha, else 0."""
    x = node[0]
    above = ctx.elementwise("greater", x, ctx.scalar_like(node.attr("alpha"), x))
    return ctx.elementwise("where", above, x, ctx.scalar_like(0.0, x))


@onnx_op("Gelu")
def gelu(ctx: Context, node: Node) -> SSAValue:
    functions = {"none": "gelu", "tanh": "gelu_tanh"}
    if node.attr("approximate") not in functions:
        raise TenonError(f"approximate must be none or tanh, got '{node.attr('approximate')}'")
    return ctx.elementwise(functions[node.attr("approximate")], node[0])


@onnx_op("Identity")
def identity(ctx: Context, node: Node) -> SSAValue | list[Value]:
    return [node.sequence(0)] if isinstance(node.operands[0], list) else node[0]


@onnx_op("Dropout")
def dropout(ctx: Context, node: Node) -> list[SSAValue]:
    """Nothing at inference; the mask, where asked for, is all true."""
    training = node.get(2)
    if training is not None and ctx.number(training, "training_mode"):
        raise TenonError("training mode is not supported")
    if len(node.outputs) == 1:
        return [node[0]]
    # Before opset 10 the mask has the type of the input.
    mask = ctx.constant(np.asarray(True)) if ctx.opset >= 10 else ctx.scalar_like(1, node[0])
    shape = tensor_type(node[0]).get_shape()
    return [node[0], ctx.emit(nn.BroadcastOp(mask, shape))]
