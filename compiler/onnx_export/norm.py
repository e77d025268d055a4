"""Normalization by the input's own statistics: the ONNX norm with these axes, else its formula."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto
from xdsl.ir import SSAValue

from ...dialects import nn
from .graph import GraphWriter, dtype_of, element_code
from .registry import exports


@exports(nn.NormalizeOp)
def normalize(graph: GraphWriter, op: nn.NormalizeOp, x: str, *parameters: str) -> str:
    rank, axes, groups = len(op.shape), op.value_of("axes"), op.value_of("groups")
    if op.kind.data == "standard":
        if groups == 1 and axes == tuple(range(rank - len(axes), rank)) and _are_of(op, op.shape[axes[0] :]):
            return _layer_norm(graph, op, x, *parameters)
        if axes == tuple(range(1 if groups > 1 else 2, rank)) and rank > 2 and _are_channels(op):
            return _channel_norm(graph, op, x)
    return _formula(graph, op, x, *parameters)


def _are_of(op: nn.NormalizeOp, shape: tuple[int, ...]) -> bool:
    """Whether there are parameters and all have `shape`."""
    return bool(op.parameters) and all(nn.tensor_of(p).get_shape() == shape for p in op.parameters)


def _are_channels(op: nn.NormalizeOp) -> bool:
    """Whether there are two parameters, one number a channel."""
    shape = (op.shape[1], *[1] * (len(op.shape) - 2))
    return len(op.parameters) == 2 and _are_of(op, shape)


def _layer_norm(graph: GraphWriter, op: nn.NormalizeOp, x: str, *parameters: str) -> str:
    axis = op.value_of("axes")[0]
    return graph.add("LayerNormalization", x, *parameters, axis=axis, epsilon=op.value_of("epsilon"))


def _channel_norm(graph: GraphWriter, op: nn.NormalizeOp, x: str) -> str:
    groups, epsilon = op.value_of("groups"), op.value_of("epsilon")
    scale, bias = (_vector(graph, p) for p in op.parameters)
    if groups > 1:
        return graph.add("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=epsilon)
    return graph.add("InstanceNormalization", x, scale, bias, epsilon=epsilon)


def _vector(graph: GraphWriter, parameter: SSAValue) -> str:
    """[C, 1, 1] as [C]."""
    if nn.is_compile_time(parameter):
        return graph.constant(graph.evaluate(parameter).reshape(-1))
    return graph.add("Reshape", graph.name(parameter), graph.integers([-1]))


def _formula(graph: GraphWriter, op: nn.NormalizeOp, x: str, *parameters: str) -> str:
    """In f32 where the elements have 16 bits, as nn computes."""
    half = dtype_of(op.result).itemsize == 2
    wide = np.dtype(np.float32) if half else dtype_of(op.result)
    values = [x, *parameters]
    if half:
        values = [graph.add("Cast", value, to=TensorProto.FLOAT) for value in values]
    x = values[0]
    if op.value_of("groups") > 1:
        x = graph.add("Reshape", x, graph.integers(op.grouped_shape))
    y = _normalized(graph, op, x, wide)
    if op.value_of("groups") > 1:
        y = graph.add("Reshape", y, graph.integers(op.shape))
    for step, parameter in zip(("Mul", "Add"), values[1:], strict=False):
        y = graph.add(step, y, parameter)
    return graph.add("Cast", y, to=element_code(op.type)) if half else y


def _normalized(graph: GraphWriter, op: nn.NormalizeOp, x: str, wide: np.dtype) -> str:
    axes, epsilon = graph.integers(op.grouped_axes), graph.constant(op.value_of("epsilon"), wide)
    if op.kind.data in ("l1", "l2"):
        size = graph.add(f"Reduce{op.kind.data.upper()}", x, axes, keepdims=1)
        return graph.add("Div", x, graph.add("Max", size, epsilon))
    if op.kind.data == "standard":
        x = graph.add("Sub", x, graph.add("ReduceMean", x, axes, keepdims=1))
    power = graph.add("ReduceMean", graph.add("Mul", x, x), axes, keepdims=1)
    return graph.add("Div", x, graph.add("Sqrt", graph.add("Add", power, epsilon)))
