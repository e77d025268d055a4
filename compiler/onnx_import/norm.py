"""Norms, with given statistics and with those of their input."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axes, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op


@onnx_op("BatchNormalization")
def batch_norm(ctx: Context, node: Node) -> SSAValue | list[SSAValue]:
    """With more outputs than one (training mode) the statistics are the batch's own."""
    x, scale, bias, mean, variance = (node[i] for i in range(5))
    if node.attr("spatial", 1) != 1:
        raise TenonError("spatial=0 is not supported")
    if len(node.outputs) == 1 and not node.attr("training_mode"):
        return ctx.emit(nn.BatchNormOp(x, scale, bias, mean, variance, epsilon=node.attr("epsilon")))
    if not node.attr("training_mode"):
        raise TenonError(f"has {len(node.outputs)} outputs, expected 1 outside training mode")
    axes = [i for i in range(rank_of(x)) if i != 1]
    parameters = [_per_channel(ctx, p, x) for p in (scale, bias)]
    y = ctx.emit(nn.NormalizeOp("standard", x, *parameters, axes=axes, epsilon=node.attr("epsilon")))
    own_mean = ctx.reduce("mean", x, axes)
    difference = ctx.elementwise("sub", x, own_mean)
    own_variance = ctx.reduce("mean", ctx.elementwise("mul", difference, difference), axes)
    momentum = node.attr("momentum")
    running = [
        _mixed(ctx, given, ctx.reshape(own, shape_of(given)), momentum)
        for given, own in ((mean, own_mean), (variance, own_variance))
    ]
    return [y, *running][: len(node.outputs)]


def _mixed(ctx: Context, given: SSAValue, own: SSAValue, momentum: float) -> SSAValue:
    """given * momentum + own * (1 - momentum)."""
    kept = ctx.elementwise("mul", given, ctx.scalar_like(momentum, given))
    return ctx.elementwise("add", kept, ctx.elementwise("mul", own, ctx.scalar_like(1 - momentum, own)))


@onnx_op("LayerNormalization", "RMSNormalization")
def layer_norm(ctx: Context, node: Node) -> list[SSAValue]:
    """Over the dimensions from `axis`; the statistics, where asked for, are those of the norm."""
    x, scale, bias = node[0], node[1], node.get(2)
    kind = "standard" if node.op_type == "LayerNormalization" else "rms"
    axes = list(range(normalized_axis(node.attr("axis"), rank_of(x)), rank_of(x)))
    epsilon = node.attr("epsilon")
    parameters = [scale] if bias is None else [scale, bias]
    y = ctx.emit(nn.NormalizeOp(kind, x, *parameters, axes=axes, epsilon=epsilon))
    if len(node.outputs) == 1:
        return [y]
    wide = np.dtype(np.float32) if node.attr("stash_type") == 1 else dtype_of(x)
    x = x if dtype_of(x) == wide else ctx.emit(nn.CastOp(x, nn.element_type(wide)))
    mean = ctx.reduce("mean", x, axes)
    difference = ctx.elementwise("sub", x, mean)
    variance = ctx.reduce("mean", ctx.elementwise("mul", difference, difference), axes)
    inverse = ctx.elementwise("rsqrt", ctx.elementwise("add", variance, ctx.scalar_like(epsilon, variance)))
    return [y, mean, inverse][: len(node.outputs)]


@onnx_op("InstanceNormalization")
def instance_norm(ctx: Context, node: Node) -> SSAValue:
    x = node[0]
    if rank_of(x) < 3:
        raise TenonError(f"input has rank {rank_of(x)}, expected at least 3")
    parameters = [_per_channel(ctx, node[i], x) for i in (1, 2)]
    axes = range(2, rank_of(x))
    return ctx.emit(nn.NormalizeOp("standard", x, *parameters, axes=axes, epsilon=node.attr("epsilon")))


@onnx_op("GroupNormalization")
def group_norm(ctx: Context, node: Node) -> SSAValue:
    """Scale and bias are one per group before opset 21, one per channel since."""
    x, groups = node[0], node.attr("num_groups")
    channels = shape_of(x)[1] if rank_of(x) > 1 else 0
    if groups < 1 or channels % groups:
        raise TenonError(f"num_groups {groups} does not divide the {channels} channels")
    parameters = [node[1], node[2]]
    if ctx.opset < 21:
        parameters = [_repeated(ctx, p, groups, channels // groups) for p in parameters]
    parameters = [_per_channel(ctx, p, x) for p in parameters]
    axes, epsilon = range(1, rank_of(x)), node.attr("epsilon")
    return ctx.emit(nn.NormalizeOp("standard", x, *parameters, axes=axes, groups=groups, epsilon=epsilon))


def _repeated(ctx: Context, parameter: SSAValue, groups: int, times: int) -> SSAValue:
    """[groups] as [groups * times], each element `times` times."""
    if shape_of(parameter) != (groups,):
        raise TenonError(f"a parameter has shape {list(shape_of(parameter))}, expected [{groups}]")
    column = ctx.reshape(parameter, (groups, 1))
    return ctx.reshape(ctx.emit(nn.BroadcastOp(column, (groups, times))), (groups * times,))


def _per_channel(ctx: Context, parameter: SSAValue, x: SSAValue) -> SSAValue:
    """[C] as [C, 1, ...], which broadcasts to x [N, C, ...]."""
    if rank_of(x) < 2 or shape_of(parameter) != shape_of(x)[1:2]:
        shapes = f"{list(shape_of(parameter))} for an input of {list(shape_of(x))}"
        raise TenonError(f"a parameter has shape {shapes}, expected one number a channel")
    return ctx.reshape(parameter, (shape_of(x)[1], *(1,) * (rank_of(x) - 2)))


@onnx_op("LpNormalization")
def lp_norm(ctx: Context, node: Node) -> SSAValue:
    """A vector of norm 0 stays 0."""
    x, p = node[0], node.attr("p")
    if p not in (1, 2):
        raise TenonError(f"p is {p}, expected 1 or 2")
    axis = normalized_axis(node.attr("axis"), rank_of(x))
    smallest = float(np.finfo(np.float32).tiny)
    return ctx.emit(nn.NormalizeOp(f"l{p}", x, axes=[axis], epsilon=smallest))


@onnx_op("MeanVarianceNormalization")
def mean_variance_norm(ctx: Context, node: Node) -> SSAValue:
    """ONNX divides by the deviation plus 1e-9, which counts only where the deviation is 0."""
    x = node[0]
    axes = normalized_axes(node.attr("axes", [0, 2, 3]), rank_of(x))
    return ctx.emit(nn.NormalizeOp("standard", x, axes=axes, epsilon=1e-18))


@onnx_op("LRN")
def local_response_norm(ctx: Context, node: Node) -> SSAValue:
    """x / (bias + alpha / size * (sum of x^2 over `size` channels around))^beta. The sum is an average pool
    along the channels that counts its padding."""
    x, size = node[0], node.attr("size")
    if rank_of(x) < 3 or size < 1:
        raise TenonError(f"input of rank {rank_of(x)} and size {size}, expected at least 3 and 1")
    n, c = shape_of(x)[:2]
    rows = ctx.reshape(ctx.elementwise("mul", x, x), (n, 1, c, _rest(x)))
    before = (size - 1) // 2
    mean = ctx.emit(
        nn.PoolOp(
            "average", rows, kernel=[size, 1], strides=[1, 1], pads=[before, 0, size - 1 - before, 0],
            dilations=[1, 1], count_include_pad=True,
        )
    )  # fmt: skip
    alpha, bias, beta = (ctx.scalar_like(node.attr(name), x) for name in ("alpha", "bias", "beta"))
    total = ctx.elementwise("add", bias, ctx.elementwise("mul", alpha, ctx.reshape(mean, shape_of(x))))
    return ctx.elementwise("div", x, ctx.elementwise("pow", total, beta))


def _rest(x: SSAValue) -> int:
    return int(np.prod(shape_of(x)[2:]))
