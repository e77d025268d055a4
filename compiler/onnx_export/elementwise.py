"""The functions of `nn.elementwise`: most are an ONNX op, the others a few."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import AnyFloat
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .graph import GraphWriter, dtype_of, element_code
from .registry import exports

Compose = Callable[..., str]
"""Takes the graph, the op and the operands' names; returns the result's name."""

DIRECT = {
    "abs": "Abs", "add": "Add", "and": "And", "cos": "Cos", "div": "Div", "equal": "Equal", "erf": "Erf",
    "exp": "Exp", "gelu": "Gelu", "greater": "Greater", "greater_equal": "GreaterOrEqual",
    "hardswish": "HardSwish", "less": "Less", "less_equal": "LessOrEqual", "log": "Log", "max": "Max",
    "min": "Min", "mish": "Mish", "mul": "Mul", "not": "Not", "or": "Or", "pow": "Pow",
    "reciprocal": "Reciprocal", "selu": "Selu", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin",
    "softplus": "Softplus", "softsign": "Softsign", "sqrt": "Sqrt", "sub": "Sub", "tanh": "Tanh",
    "where": "Where", "xor": "Xor", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh",
    "bit_and": "BitwiseAnd", "bit_or": "BitwiseOr",
    "bit_xor": "BitwiseXor", "bit_not": "BitwiseNot",
}  # fmt: skip
"""Function -> ONNX op with the same operands."""


def _on_floats(op_type: str) -> Compose:
    """For what changes no integer, and ONNX has for floats only."""

    def compose(graph: GraphWriter, op: nn.ElementwiseOp, x: str) -> str:
        return graph.add(op_type if isinstance(op.type.element_type, AnyFloat) else "Identity", x)

    return compose


def _relu(graph: GraphWriter, op: nn.ElementwiseOp, x: str) -> str:
    return graph.add("Identity" if dtype_of(op.result).kind == "u" else "Relu", x)


def _neg(graph: GraphWriter, op: nn.ElementwiseOp, x: str) -> str:
    if dtype_of(op.result).kind == "u":
        return graph.add("Sub", graph.scalar_like(0, op.result), x)
    return graph.add("Neg", x)


def _known_scalar(graph: GraphWriter, value: SSAValue) -> float | None:
    """The number that an f32 parameter is, where one is known."""
    if dtype_of(value) != np.float32 or nn.tensor_of(value).get_shape() not in ((), (1,)):
        return None
    return float(graph.evaluate(value).reshape(())) if nn.is_compile_time(value) else None


def _leaky(graph: GraphWriter, op: nn.ElementwiseOp, x: str, slope: str) -> str:
    alpha = _known_scalar(graph, op.inputs[1])
    if alpha is not None:
        return graph.add("LeakyRelu", x, alpha=alpha)
    if nn.tensor_of(op.inputs[0]).get_shape() == op.shape:
        return graph.add("PRelu", x, slope)
    above = graph.add("GreaterOrEqual", x, graph.scalar_like(0, op.result))
    return graph.add("Where", above, x, graph.add("Mul", slope, x))


def _elu(graph: GraphWriter, op: nn.ElementwiseOp, x: str, alpha: str) -> str:
    known = _known_scalar(graph, op.inputs[1])
    if known is not None:
        return graph.add("Elu", x, alpha=known)
    zero, one = graph.scalar_like(0, op.result), graph.scalar_like(1, op.result)
    below = graph.add("Sub", graph.add("Exp", graph.add("Min", x, zero)), one)
    return graph.add("Where", graph.add("Greater", x, zero), x, graph.add("Mul", alpha, below))


def _clip(graph: GraphWriter, op: nn.ElementwiseOp, x: str, low: str, high: str) -> str:
    shapes = [nn.tensor_of(value).get_shape() for value in op.inputs]
    if shapes == [op.shape, (), ()]:
        return graph.add("Clip", x, low, high)
    return graph.add("Min", graph.add("Max", x, low), high)


def _mod(graph: GraphWriter, op: nn.ElementwiseOp, x: str, y: str) -> str:
    """ONNX has the remainder with the divisor's sign for integers only (floats from opset 28)."""
    if not isinstance(op.type.element_type, AnyFloat):
        return graph.add("Mod", x, y, fmod=0)
    rest, zero = graph.add("Mod", x, y, fmod=1), graph.scalar_like(0, op.result)
    differ = graph.add("Xor", graph.add("Less", rest, zero), graph.add("Less", y, zero))
    nonzero = graph.add("Not", graph.add("Equal", rest, zero))
    return graph.add("Where", graph.add("And", differ, nonzero), graph.add("Add", rest, y), rest)


def _fmod(graph: GraphWriter, op: nn.ElementwiseOp, x: str, y: str) -> str:
    return graph.add("Mod", x, y, fmod=1)


def _shift(direction: str) -> Compose:
    def compose(graph: GraphWriter, op: nn.ElementwiseOp, x: str, y: str) -> str:
        if dtype_of(op.result).kind != "u":
            raise TenonError(
                f"{op.fn.data} of {op.type.element_type} has no ONNX op, only unsigned ones have"
            )
        return graph.add("BitShift", x, y, direction=direction)

    return compose


COMPOSED: dict[str, Compose] = {
    "ceil": _on_floats("Ceil"),
    "floor": _on_floats("Floor"),
    "round": _on_floats("Round"),
    "relu": _relu,
    "neg": _neg,
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "elu": _elu,
    "clip": _clip,
    "not_equal": lambda graph, op, x, y: graph.add("Not", graph.add("Equal", x, y)),
    "rsqrt": lambda graph, op, x: graph.add("Reciprocal", graph.add("Sqrt", x)),
    "silu": lambda graph, op, x: graph.add("Mul", x, graph.add("Sigmoid", x)),
    "gelu_tanh": lambda graph, op, x: graph.add("Gelu", x, approximate="tanh"),
    "hardsigmoid": lambda graph, op, x: graph.add("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "mod": _mod,
    "fmod": _fmod,
    "shift_left": _shift("LEFT"),
    "shift_right": _shift("RIGHT"),
}
"""Function -> what composes it."""


@exports(nn.ElementwiseOp)
def elementwise(graph: GraphWriter, op: nn.ElementwiseOp, *operands: str) -> str:
    fn = op.fn.data
    if fn in DIRECT:
        return graph.add(DIRECT[fn], *operands)
    return COMPOSED[fn](graph, op, *operands)


@exports(nn.BitcastOp)
def bitcast(graph: GraphWriter, op: nn.BitcastOp, x: str) -> str:
    graph.shared.need_opset(26)
    return graph.add("BitCast", x, to=element_code(op.type))


@exports(nn.CastOp)
def cast(graph: GraphWriter, op: nn.CastOp, x: str) -> str:
    return graph.add("Cast", x, to=element_code(op.type))
