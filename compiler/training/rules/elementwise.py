"""The functions of `nn.elementwise` on floats, and casts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ....dialects import nn
from .registry import Run, torch_rule


def _elu(x: Tensor, alpha: Tensor) -> Tensor:
    # The minimum keeps the branch that is not taken from overflowing: its gradient would be NaN.
    return torch.where(x > 0, x, alpha * torch.expm1(torch.clamp(x, max=0)))


def _leaky(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x >= 0, x, slope * x)


def _softplus(x: Tensor) -> Tensor:
    # torch's own is x itself above a threshold.
    return torch.logaddexp(x, torch.zeros_like(x))


FUNCTIONS: dict[str, Run] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "mod": torch.remainder,
    "fmod": torch.fmod,
    "min": torch.minimum,
    "max": torch.maximum,
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "sign": torch.sign,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "softplus": _softplus,
    "softsign": F.softsign,
    "relu": F.relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "mish": lambda x: x * torch.tanh(_softplus(x)),
    "elu": _elu,
    "selu": F.selu,
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "clip": torch.clamp,
    "where": torch.where,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
    "not": torch.logical_not,
}
"""Those of integers alone are not here: they run in the reference interpreter."""


@torch_rule(nn.ElementwiseOp)
def elementwise(op: nn.ElementwiseOp) -> Run:
    return FUNCTIONS[op.fn.data]
