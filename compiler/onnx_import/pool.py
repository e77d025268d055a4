"""Pools: maximum, average and p-norm over windows or whole images, and the positions of maxima."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .windows import window_of


def _pool(ctx: Context, node: Node, kind: str, x: SSAValue) -> SSAValue:
    window = window_of(node, shape_of(x)[2:], node.attr("kernel_shape"))
    return ctx.emit(
        nn.PoolOp(
            kind, x, kernel=window.kernel, strides=window.strides, pads=window.pads,
            dilations=window.dilations, ceil_mode=bool(node.attr("ceil_mode")),
            count_include_pad=bool(node.attr("count_include_pad")),
        )
    )  # fmt: skip


@onnx_op("AveragePool")
def average_pool(ctx: Context, node: Node) -> SSAValue:
    return _pool(ctx, node, "average", node[0])


@onnx_op("MaxPool")
def max_pool(ctx: Context, node: Node) -> list[SSAValue]:
    """The second output numbers the elements of the whole input, images in order; `storage_order` says
    which spatial dimension runs fastest within one."""
    x = node[0]
    results = [_pool(ctx, node, "max", x)]
    if len(node.outputs) > 1:
        position = _pool(ctx, node, "argmax", x)
        if node.attr("storage_order"):
            position = _column_major(ctx, position, shape_of(x)[2:])
        images, size = math.prod(shape_of(x)[:2]), math.prod(shape_of(x)[2:])
        first = np.arange(*ctx.sized(images), dtype=np.int64) * size
        first = first.reshape(*shape_of(x)[:2], *(1,) * (rank_of(x) - 2))
        results.append(ctx.elementwise("add", position, ctx.constant(first)))
    return results


def _column_major(ctx: Context, position: SSAValue, size: Sequence[int]) -> SSAValue:
    """A row-major position in `size` as one that counts the first dimension fastest."""

    def by(fn: str, x: SSAValue, number: int) -> SSAValue:
        return ctx.elementwise(fn, x, ctx.scalar_like(number, x))

    total: SSAValue | None = None
    for i in range(len(size)):
        inner = math.prod(size[i + 1 :])
        index = by("div", position, inner)
        position = ctx.elementwise("sub", position, by("mul", index, inner))
        index = by("mul", index, math.prod(size[:i]))
        total = index if total is None else ctx.elementwise("add", total, index)
    assert total is not None
    return total


def _p_norm(ctx: Context, x: SSAValue, p: float, summed: Callable[[SSAValue], SSAValue]) -> SSAValue:
    """(sum of |x|^p)^(1/p); p of 1 and 2 need no power."""
    if p < 1:
        raise TenonError(f"p is {p}, expected at least 1")
    if p == 1:
        return summed(ctx.elementwise("abs", x))
    if p == 2:
        return ctx.elementwise("sqrt", summed(ctx.elementwise("mul", x, x)))
    powers = ctx.elementwise("pow", ctx.elementwise("abs", x), ctx.scalar_like(p, x))
    total = summed(powers)
    return ctx.elementwise("pow", total, ctx.scalar_like(1 / p, total))


@onnx_op("LpPool")
def lp_pool(ctx: Context, node: Node) -> SSAValue:
    return _p_norm(ctx, node[0], node.attr("p"), lambda x: _pool(ctx, node, "sum", x))


@onnx_op("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(ctx: Context, node: Node) -> SSAValue:
    x = node[0]
    if rank_of(x) < 3:
        raise TenonError(f"input has rank {rank_of(x)}, expected at least 3")
    axes = range(2, rank_of(x))
    if node.op_type == "GlobalLpPool":
        return _p_norm(ctx, x, node.attr("p"), lambda powers: ctx.reduce("sum", powers, axes))
    return ctx.reduce("max" if node.op_type == "GlobalMaxPool" else "mean", x, axes)
