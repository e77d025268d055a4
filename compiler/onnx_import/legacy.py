"""Ops as older opsets define them, told in the terms of a later version before the op's rule sees the node.

The rules are written for opset 7 and later, and for the small ways in which those differ. Where an op was
something else before, one entry of `LEGACY` says until when and how its node is adapted: operands reshaped so
that they broadcast as numpy's do, attributes renamed, an error for what the later version would accept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of
from .node import Node

Adaptation = Callable[[Context, Node], Node]


def in_later_terms(ctx: Context, node: Node) -> Node:
    """`node` as the rule of its op expects it."""
    until, adapted = LEGACY.get(node.op_type, (0, None))
    return node if adapted is None or node.opset >= until else adapted(ctx, node)


def _with_second(node: Node, operand: SSAValue) -> Node:
    return replace(node, operands=[node[0], operand])


def _with_attributes(node: Node, **attributes: Any) -> Node:
    return replace(node, attributes=node.attributes | attributes)


def _align_second(ctx: Context, node: Node) -> Node:
    """Limited broadcasting: with broadcast=1 the second operand is one element, or its shape is that of the
    first from `axis` on, by default so that both end together. Dimensions of 1 stand for any extent: the op's
    text does not have them yet, but exporters of the time wrote them and they mean one thing only."""
    a, b = shape_of(node[0]), shape_of(node[1])
    if not node.attr("broadcast"):
        return _all_alike(ctx, node)
    if math.prod(b) == 1 and len(b) <= len(a):
        return _with_second(node, ctx.reshape(node[1], ()))
    axis = node.attr("axis", len(a) - len(b))
    aligned = a[axis : axis + len(b)] if axis >= 0 else ()
    if len(aligned) != len(b) or any(n not in (1, extent) for n, extent in zip(b, aligned, strict=True)):
        raise TenonError(f"input 1 of shape {list(b)} does not fit {list(a)} from axis {axis}")
    return _with_second(node, ctx.reshape(node[1], (*b, *(1,) * (len(a) - axis - len(b)))))


def _all_alike(ctx: Context, node: Node) -> Node:
    """No broadcasting at all."""
    shapes = [list(shape_of(node[i])) for i in range(len(node.operands))]
    for shape in shapes:
        if shape != shapes[0]:
            found = f"inputs have shapes {shapes[0]} and {shape}"
            raise TenonError(f"{found}, expected alike in opset {node.opset}")
    return node


def _slope_of_channels(ctx: Context, node: Node) -> Node:
    """The slope is one number, one per channel (dimension 1), or one per element."""
    x, slope = shape_of(node[0]), shape_of(node[1])
    if math.prod(slope) == 1:
        return _with_second(node, ctx.reshape(node[1], ()))
    if slope == x:
        return node
    if slope != x[1:2]:
        raise TenonError(f"the slope has shape {list(slope)}, expected one element or {list(x[1:2])}")
    return _with_second(node, ctx.reshape(node[1], (*slope, *(1,) * (len(x) - 2))))


def _whole_addend(ctx: Context, node: Node) -> Node:
    """C of Gemm is broadcast only where `broadcast` says so."""
    a, b, c = (shape_of(node[i]) for i in range(3))
    rows = a[1:2] if node.attr("transA") else a[:1]
    columns = b[:1] if node.attr("transB") else b[1:2]
    if not node.attr("broadcast") and c != rows + columns:
        raise TenonError(f"c has shape {list(c)}, expected {[*rows, *columns]} without broadcast=1")
    return node


def _tested(ctx: Context, node: Node) -> Node:
    """is_test=0, the default, trains. The mask of Dropout is not defined where is_test=1: the rule makes it
    all true, exporters list it and nothing reads it."""
    if not node.attr("is_test"):
        raise TenonError("training mode (is_test=0) is not supported")
    return node


def _scales_in_one(ctx: Context, node: Node) -> Node:
    """Images only, the two factors as attributes of their own."""
    if rank_of(node[0]) != 4:
        raise TenonError(f"input has rank {rank_of(node[0])}, expected 4 in opset {node.opset}")
    modes = {"nearest": "nearest", "bilinear": "linear"}
    if node.attr("mode") not in modes:
        raise TenonError(f"mode is '{node.attr('mode')}', expected nearest or bilinear")
    scales = [1.0, 1.0, node.attr("height_scale"), node.attr("width_scale")]
    return _with_attributes(node, scales=scales, mode=modes[node.attr("mode")])


WITH_AXIS = ("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor")

LEGACY: dict[str, tuple[int, Adaptation]] = {
    **dict.fromkeys(WITH_AXIS, (7, _align_second)),
    **dict.fromkeys(("Max", "Mean", "Min", "Sum"), (8, _all_alike)),
    "BatchNormalization": (7, _tested),
    "Dropout": (7, _tested),
    "Gemm": (7, _whole_addend),
    "PRelu": (7, _slope_of_channels),
    "Upsample": (7, _scales_in_one),
}
"""ONNX op -> the first opset in which it is what its rule expects, and how it is made that before. Opset 7
has new versions of GRU, LSTM, RNN and AveragePool too, but only an attribute that changes no value went or
came."""
