"""The window of a convolution or pool: kernel, strides, pads and dilations, `auto_pad` resolved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...dialects.errors import TenonError
from .node import Node

MAX_WINDOW = 2**31
"""Larger strides, pads and dilations are refused: no tensor gives them a meaning."""


class Window(NamedTuple):
    """One entry a spatial dimension; pads hold all begins, then all ends."""

    kernel: list[int]
    strides: list[int]
    pads: list[int]
    dilations: list[int]


def window_of(node: Node, extents: Sequence[int], kernel: Sequence[int]) -> Window:
    """The window that slides over the spatial `extents` of the input."""
    rank = len(kernel)
    if len(extents) != rank:
        raise TenonError(f"kernel_shape has {rank} entries, the input {len(extents)} spatial dimensions")
    strides = entries(node, "strides", rank, 1, 1)
    dilations = entries(node, "dilations", rank, 1, 1)
    if min(kernel, default=1) < 1:
        raise TenonError(f"kernel_shape {list(kernel)} must be positive")
    explicit = entries(node, "pads", 2 * rank, 0, 0)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode = node.attr("auto_pad") or "NOTSET"
    if mode not in AUTO_PAD:
        raise TenonError(f"auto_pad '{mode}' is unknown, expected one of {', '.join(AUTO_PAD)}")
    pads = explicit
    if mode != "NOTSET":
        pairs = [AUTO_PAD[mode](n, span, s) for n, span, s in zip(extents, spans, strides, strict=True)]
        pads = [begin for begin, _ in pairs] + [end for _, end in pairs]
    return Window(list(kernel), strides, pads, dilations)


def entries(node: Node, name: str, count: int, default: int, least: int) -> list[int]:
    """An attribute of one number a dimension (pads: two)."""
    values = node.attr(name) or [default] * count
    if len(values) != count or not all(least <= value < MAX_WINDOW for value in values):
        raise TenonError(f"{name} is {values}, expected {count} numbers of at least {least}")
    return values


def _same(extent: int, span: int, stride: int) -> int:
    """The padding in all with which the result has ceil(extent / stride) elements."""
    return max((-(-extent // stride) - 1) * stride + span - extent, 0)


def _same_upper(extent: int, span: int, stride: int) -> tuple[int, int]:
    total = _same(extent, span, stride)
    return total // 2, total - total // 2


def _same_lower(extent: int, span: int, stride: int) -> tuple[int, int]:
    total = _same(extent, span, stride)
    return total - total // 2, total // 2


AUTO_PAD = {
    "NOTSET": lambda extent, span, stride: (0, 0),
    "VALID": lambda extent, span, stride: (0, 0),
    "SAME_UPPER": _same_upper,
    "SAME_LOWER": _same_lower,
}
"""Mode -> (begin, end) of one dimension's padding."""
