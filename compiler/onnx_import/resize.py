"""Resize and Upsample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, normalized_axis, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .tensors import checked_shape


@onnx_op("Upsample")
def upsample(ctx: Context, node: Node) -> SSAValue:
    """Element o looks at o / scale; scales are an attribute before opset 9."""
    scales = node.attr("scales") if ctx.opset < 9 else _floats(ctx, node[1], "scales")
    return _by_quotient(ctx, node, scales, "floor")


def _by_quotient(ctx: Context, node: Node, scales: Sequence[float], rounding: str) -> SSAValue:
    x = node[0]
    if len(scales) != rank_of(x):
        raise TenonError(f"scales are {list(scales)}, expected {rank_of(x)} numbers")
    sizes = _scaled(shape_of(x), scales)
    return ctx.emit(
        nn.ResizeOp(
            node.attr("mode"), x, sizes=sizes, scales=scales, coordinates="asymmetric", rounding=rounding
        )
    )


def _floats(ctx: Context, value: SSAValue, role: str) -> list[float]:
    return [float(v) for v in ctx.known(value, role).reshape(-1)]


def _scaled(shape: Sequence[int], scales: Sequence[float]) -> list[int]:
    if not all(0 < scale < math.inf for scale in scales):
        raise TenonError(f"scales are {list(scales)}, expected positive numbers")
    return _sizes(int(n * scale) for n, scale in zip(shape, scales, strict=True))


def _sizes(extents: Iterable[int]) -> list[int]:
    return list(checked_shape(extents, "the result"))


@onnx_op("Resize")
def resize(ctx: Context, node: Node) -> SSAValue:
    if ctx.opset < 11:
        scales = _floats(ctx, node[1], "scales")
        down = [scale < 1 for scale in scales if scale != 1]
        if any(down) and not all(down) and node.attr("mode") == "nearest":
            raise TenonError(f"scales are {scales}, expected all up or all down before opset 11")
        return _by_quotient(ctx, node, scales, "ceil" if any(down) else "floor")
    x, rank = node[0], rank_of(node[0])
    axes = [normalized_axis(a, rank) for a in node.attr("axes") or range(rank)]
    sizes, scales = _extents(ctx, node, axes)
    coordinates = node.attr("coordinate_transformation_mode")
    roi: list[float] = []
    if coordinates == "tf_crop_and_resize":
        roi = _region(ctx, node, axes)
    if node.attr("mode") == "nearest" and node.attr("antialias"):
        raise TenonError("antialias is given with mode nearest, expected linear or cubic")
    return ctx.emit(
        nn.ResizeOp(
            node.attr("mode"), x, sizes=sizes, scales=scales, roi=roi, coordinates=coordinates,
            rounding=node.attr("nearest_mode"), cubic=node.attr("cubic_coeff_a"),
            exclude_outside=bool(node.attr("exclude_outside")), antialias=bool(node.attr("antialias")),
            extrapolation=node.attr("extrapolation_value"),
        )
    )  # fmt: skip


def _given(node: Node, index: int) -> SSAValue | None:
    """An operand, None also where it has no elements: old exporters write that."""
    value = node.get(index)
    return None if value is None or 0 in shape_of(value) else value


def _region(ctx: Context, node: Node, axes: Sequence[int]) -> list[float]:
    given, rank = _given(node, 1), rank_of(node[0])
    if given is None:
        raise TenonError("roi is missing, which tf_crop_and_resize needs")
    values = _floats(ctx, given, "roi")
    if len(values) != 2 * len(axes):
        raise TenonError(f"roi is {values}, expected {2 * len(axes)} numbers")
    starts, ends = [0.0] * rank, [1.0] * rank
    for i, axis in enumerate(axes):
        starts[axis], ends[axis] = values[i], values[len(axes) + i]
    return starts + ends


def _extents(ctx: Context, node: Node, axes: Sequence[int]) -> tuple[list[int], list[float]]:
    """The extents of the result and its scales, from the one that is given."""
    shape = shape_of(node[0])
    given_scales, given_sizes = _given(node, 2), _given(node, 3)
    if (given_scales is None) == (given_sizes is None):
        raise TenonError("expected either scales or sizes")
    scales = [1.0] * len(shape)
    if given_sizes is None:
        assert given_scales is not None
        for axis, scale in zip(axes, _counted(_floats(ctx, given_scales, "scales"), axes, "scales")):
            scales[axis] = scale
        return _scaled(shape, scales), scales
    if 0 in shape:
        raise TenonError(f"input of shape {list(shape)} has no elements, which no sizes can be made of")
    sizes = list(shape)
    for axis, size in zip(axes, _counted(ctx.integers(given_sizes, "sizes"), axes, "sizes")):
        sizes[axis] = size
    policy = node.attr("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return _sizes(sizes), [size / n for size, n in zip(sizes, shape, strict=True)]
    if policy not in ("not_larger", "not_smaller"):
        raise TenonError(f"keep_aspect_ratio_policy '{policy}' is unknown")
    ratios = [sizes[axis] / shape[axis] for axis in axes]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    for axis in axes:
        scales[axis], sizes[axis] = scale, int(scale * shape[axis] + 0.5)
    return _sizes(sizes), scales


def _counted(values: list, axes: Sequence[int], name: str) -> list:
    if len(values) != len(axes):
        raise TenonError(f"{name} are {values}, expected {len(axes)} numbers")
    return values
