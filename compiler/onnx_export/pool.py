"""Pools."""

from __future__ import annotations

import math

from ...dialects import nn
from .graph import GraphWriter
from .registry import exports


@exports(nn.PoolOp)
def pool(graph: GraphWriter, op: nn.PoolOp, x: str) -> str:
    return KINDS[op.kind.data](graph, op, x)


def _fields(op: nn.PoolOp) -> dict:
    window = op.window
    return {
        "kernel_shape": window.kernel,
        "strides": window.strides,
        "pads": window.pads,
        "dilations": window.dilations,
        "ceil_mode": int(op.value_of("ceil_mode")),
    }


def _max(graph: GraphWriter, op: nn.PoolOp, x: str) -> str:
    return graph.add("MaxPool", x, **_fields(op))


def _average(graph: GraphWriter, op: nn.PoolOp, x: str) -> str:
    return graph.add("AveragePool", x, count_include_pad=int(op.value_of("count_include_pad")), **_fields(op))


def _sum(graph: GraphWriter, op: nn.PoolOp, x: str) -> str:
    """An average over whole windows, times their size: what windows need is padded first."""
    window = op.window
    extents = nn.tensor_of(op.x).get_shape()[2:]
    high = [
        max((k - 1) * s + span - n - low, 0)
        for k, s, span, n, low in zip(
            op.shape[2:], window.strides, window.spans, extents, window.low, strict=True
        )
    ]
    padded = graph.add("Pad", x, graph.integers([0, 0, *window.low, 0, 0, *high]))
    average = graph.add(
        "AveragePool", padded, kernel_shape=window.kernel, strides=window.strides, dilations=window.dilations
    )
    return graph.add("Mul", average, graph.scalar_like(math.prod(window.kernel), op.result))


def _argmax(graph: GraphWriter, op: nn.PoolOp, x: str) -> str:
    """ONNX counts positions through the whole tensor, nn through the image."""
    _, positions = graph.add_all("MaxPool", [x], 2, **_fields(op))
    image = math.prod(nn.tensor_of(op.x).get_shape()[2:])
    return graph.add("Mod", positions, graph.scalar_like(image, op.result), fmod=0)


KINDS = {"max": _max, "average": _average, "sum": _sum, "argmax": _argmax}
