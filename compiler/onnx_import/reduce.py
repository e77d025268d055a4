"""Reductions. Norms and log-sums are composed of elementwise ops around a plain reduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ml_dtypes
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axes, rank_of, shape_of
from .node import Node
from .registry import onnx_op

Reduction = Callable[[Context, SSAValue, Sequence[int], bool], SSAValue]


def _plain(kind: str) -> Reduction:
    return lambda ctx, x, axes, keepdims: ctx.reduce(kind, x, axes, keepdims)


def _sum_of(before: str | None, after: str | None) -> Reduction:
    """after(sum(before(x))), either left out where None."""

    def apply(ctx: Context, x: SSAValue, axes: Sequence[int], keepdims: bool) -> SSAValue:
        inner = ctx.elementwise(before, x) if before else x
        total = ctx.reduce("sum", inner, axes, keepdims)
        return ctx.elementwise(after, total) if after else total

    return apply


def _square_sum(after: str | None) -> Reduction:
    def apply(ctx: Context, x: SSAValue, axes: Sequence[int], keepdims: bool) -> SSAValue:
        total = ctx.reduce("sum", ctx.elementwise("mul", x, x), axes, keepdims)
        return ctx.elementwise(after, total) if after else total

    return apply


def _log_sum_exp(ctx: Context, x: SSAValue, axes: Sequence[int], keepdims: bool) -> SSAValue:
    """max + log(sum(exp(x - max))): the maximum, bounded to finite numbers, keeps exp from overflowing."""
    if dtype_of(x).kind in "biu":
        raise TenonError(f"element type {dtype_of(x)} is not supported, expected a float")
    limit = float(ml_dtypes.finfo(dtype_of(x)).max)
    largest = ctx.reduce("max", x, axes)
    bounded = ctx.elementwise("clip", largest, ctx.scalar_like(-limit, x), ctx.scalar_like(limit, x))
    total = ctx.reduce("sum", ctx.elementwise("exp", ctx.elementwise("sub", x, bounded)), axes)
    result = ctx.elementwise("add", bounded, ctx.elementwise("log", total))
    kept = [n for axis, n in enumerate(shape_of(x)) if axis not in axes]
    return result if keepdims else ctx.reshape(result, kept)


REDUCTIONS: dict[str, Reduction] = {
    "ReduceSum": _plain("sum"),
    "ReduceMean": _plain("mean"),
    "ReduceMax": _plain("max"),
    "ReduceMin": _plain("min"),
    "ReduceProd": _plain("prod"),
    "ReduceL1": _sum_of("abs", None),
    "ReduceL2": _square_sum("sqrt"),
    "ReduceSumSquare": _square_sum(None),
    "ReduceLogSum": _sum_of(None, "log"),
    "ReduceLogSumExp": _log_sum_exp,
}


@onnx_op(*REDUCTIONS)
def reduction(ctx: Context, node: Node) -> SSAValue:
    """Axes are an attribute in older opsets and an input in newer ones; without any, all are reduced."""
    x, given = node[0], node.get(1)
    axes = ctx.integers(given, "axes") if given is not None else node.attr("axes")
    if axes:
        axes = normalized_axes(axes, rank_of(x))
    else:  # over no axes at all, squares and logarithms are taken nevertheless
        axes = [] if node.attr("noop_with_empty_axes") else list(range(rank_of(x)))
    return REDUCTIONS[node.op_type](ctx, x, axes, bool(node.attr("keepdims")))
