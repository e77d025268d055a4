"""Convolutions, matrix products, reductions, softmax, batch norm."""

from __future__ import annotations

from ...dialects import nn
from .graph import GraphWriter
from .registry import exports


@exports(nn.ConvOp)
def conv(graph: GraphWriter, op: nn.ConvOp, x: str, w: str, bias: str = "") -> str:
    fields = {name: op.value_of(name) for name in ("strides", "pads", "dilations")}
    return graph.add("Conv", x, w, bias, kernel_shape=op.window.kernel, group=op.value_of("groups"), **fields)


@exports(nn.ConvTransposeOp)
def conv_transpose(graph: GraphWriter, op: nn.ConvTransposeOp, x: str, w: str, bias: str = "") -> str:
    """Negative pads, which ONNX does not have, are padding of the result, before the bias is added."""
    window = op.window
    grown = [max(-n, 0) for n in window.pads]
    inner = "" if any(grown) else bias
    y = graph.add(
        "ConvTranspose", x, w, inner, kernel_shape=window.kernel, strides=window.strides,
        pads=[max(n, 0) for n in window.pads], dilations=window.dilations, group=op.value_of("groups"),
    )  # fmt: skip
    if not any(grown):
        return y
    rank = window.rank
    y = graph.add("Pad", y, graph.integers([0, 0, *grown[:rank], 0, 0, *grown[rank:]]))
    if not bias:
        return y
    return graph.add("Add", y, graph.add("Reshape", bias, graph.integers([-1, *[1] * rank])))


@exports(nn.MatmulOp)
def matmul(graph: GraphWriter, op: nn.MatmulOp, a: str, b: str) -> str:
    return graph.add("MatMul", a, b)


REDUCTIONS = {
    "sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin",
}  # fmt: skip


@exports(nn.ReduceOp)
def reduce(graph: GraphWriter, op: nn.ReduceOp, x: str) -> str:
    axes, keepdims = op.value_of("axes"), int(op.value_of("keepdims"))
    if not axes:
        return graph.add("Identity", x)
    kind = op.kind.data
    if kind in ARG_REDUCTIONS:
        return graph.add(ARG_REDUCTIONS[kind], x, axis=axes[0], keepdims=keepdims)
    return graph.add(REDUCTIONS[kind], x, graph.integers(axes), keepdims=keepdims)


ARG_REDUCTIONS = {"argmax": "ArgMax", "argmin": "ArgMin"}


@exports(nn.SoftmaxOp)
def softmax(graph: GraphWriter, op: nn.SoftmaxOp, x: str) -> str:
    return graph.add("LogSoftmax" if op.value_of("log") else "Softmax", x, axis=op.value_of("axis"))


@exports(nn.BatchNormOp)
def batch_norm(graph: GraphWriter, op: nn.BatchNormOp, *operands: str) -> str:
    return graph.add("BatchNormalization", *operands, epsilon=op.value_of("epsilon"))
