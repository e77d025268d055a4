"""Norms: statistics along axes that keep extent 1, then elementwise ops, all along the same dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import SSAValue

from ...dialects import nn
from ..graph_builder import GraphBuilder


def decompose_normalize(new: GraphBuilder, op: nn.NormalizeOp) -> SSAValue:
    """Computed in f32 at least, whatever the element type; statistics of f16 would lose digits."""
    element = op.type.element_type
    wide = f64 if element == f64 else f32
    x = new.reshape(new.cast(op.x, wide), op.grouped_shape)
    y = new.reshape(_normalized(new, op, x), op.shape)
    for fn, parameter in zip(("mul", "add"), op.parameters):
        y = new.compute(fn, y, new.cast(parameter, wide))
    return new.cast(y, element)


def _normalized(new: GraphBuilder, op: nn.NormalizeOp, x: SSAValue) -> SSAValue:
    axes, kind, epsilon = op.grouped_axes, op.kind.data, op.value_of("epsilon")
    if kind == "standard":
        x = new.compute("sub", x, new.reduce("mean", x, axes))
    if kind in ("standard", "rms"):
        scale = new.compute("rsqrt", _shifted(new, _mean_square(new, x, axes), epsilon))
        return new.compute("mul", x, scale)
    if kind == "l1":
        norm = new.reduce("sum", new.compute("abs", x), axes)
    else:
        norm = new.compute("sqrt", new.reduce("sum", new.compute("mul", x, x), axes))
    return new.compute("div", x, new.compute("max", norm, new.scalar(epsilon, norm)))


def _mean_square(new: GraphBuilder, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    return new.reduce("mean", new.compute("mul", x, x), axes)


def _shifted(new: GraphBuilder, x: SSAValue, epsilon: float) -> SSAValue:
    return new.compute("add", x, new.scalar(epsilon, x)) if epsilon else x
