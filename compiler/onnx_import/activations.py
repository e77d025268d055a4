"""Activations that recurrent layers name as strings, with parameters in lists beside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .context import Context

Activation = Callable[[SSAValue], SSAValue]


class _Row(NamedTuple):
    """The defaults of alpha and beta, None where the function has no such parameter; what is emitted."""

    alpha: float | None
    beta: float | None
    emit: Callable[[Context, SSAValue, float, float], SSAValue]


def _plain(fn: str) -> _Row:
    return _Row(None, None, lambda ctx, x, alpha, beta: ctx.elementwise(fn, x))


def _with_alpha(fn: str, default: float) -> _Row:
    return _Row(default, None, lambda ctx, x, alpha, beta: ctx.elementwise(fn, x, ctx.scalar_like(alpha, x)))


def _affine(ctx: Context, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    product = ctx.elementwise("mul", x, ctx.scalar_like(alpha, x))
    return ctx.elementwise("add", product, ctx.scalar_like(beta, x))


def _scaled_tanh(ctx: Context, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    inner = ctx.elementwise("tanh", ctx.elementwise("mul", x, ctx.scalar_like(beta, x)))
    return ctx.elementwise("mul", inner, ctx.scalar_like(alpha, x))


def _hard_sigmoid(ctx: Context, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    low, high = ctx.scalar_like(0.0, x), ctx.scalar_like(1.0, x)
    return ctx.elementwise("clip", _affine(ctx, x, alpha, beta), low, high)


def _thresholded_relu(ctx: Context, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    above = ctx.elementwise("greater_equal", x, ctx.scalar_like(alpha, x))
    return ctx.elementwise("where", above, x, ctx.scalar_like(0.0, x))


ACTIVATIONS: dict[str, _Row] = {
    "affine": _Row(1.0, 0.0, _affine),
    "elu": _with_alpha("elu", 1.0),
    "hardsigmoid": _Row(0.2, 0.5, _hard_sigmoid),
    "leakyrelu": _with_alpha("leaky_relu", 0.01),
    "relu": _plain("relu"),
    "scaledtanh": _Row(1.0, 1.0, _scaled_tanh),
    "sigmoid": _plain("sigmoid"),
    "softplus": _plain("softplus"),
    "softsign": _plain("softsign"),
    "tanh": _plain("tanh"),
    "thresholdedrelu": _Row(1.0, None, _thresholded_relu),
}
"""Name in lower case -> what it is; the defaults are onnxruntime's."""


def activations(
    ctx: Context,
    names: Sequence[str],
    alphas: Sequence[float],
    betas: Sequence[float],
    clips: Sequence[float],
) -> list[Activation]:
    """The functions, each on its input bounded by its clip. The lists of parameters hold one entry for each
    function that takes it, in order; where they end, defaults follow."""
    given, also_given = iter(alphas), iter(betas)
    made: list[Activation] = []
    for name, clip in zip(names, clips, strict=True):
        row = ACTIVATIONS.get(name.lower())
        if row is None:
            raise TenonError(f"activation '{name}' is unknown, expected one of {', '.join(ACTIVATIONS)}")
        alpha = 0.0 if row.alpha is None else next(given, row.alpha)
        beta = 0.0 if row.beta is None else next(also_given, row.beta)
        made.append(_bounded(ctx, row, alpha, beta, clip))
    return made


def _bounded(ctx: Context, row: _Row, alpha: float, beta: float, clip: float) -> Activation:
    def apply(x: SSAValue) -> SSAValue:
        if math.isfinite(clip):
            x = ctx.elementwise("clip", x, ctx.scalar_like(-clip, x), ctx.scalar_like(clip, x))
        return row.emit(ctx, x, alpha, beta)

    return apply
