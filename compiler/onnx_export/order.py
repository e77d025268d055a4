"""Ops on the order of elements along an axis, and scatters."""

from __future__ import annotations

from ...dialects import nn
from .graph import GraphWriter
from .registry import exports

_INT64 = 7
_REDUCTIONS = {"replace": "none", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@exports(nn.ArgReduceOp)
def arg_reduce(graph: GraphWriter, op: nn.ArgReduceOp, x: str) -> str:
    op_type = "ArgMax" if op.kind.data == "max" else "ArgMin"
    return graph.add(op_type, x, axis=op.value_of("axis"), select_last_index=op.value_of("last"))


@exports(nn.TopKOp)
def top_k(graph: GraphWriter, op: nn.TopKOp, x: str) -> str:
    k = graph.integers([op.value_of("k")])
    return graph.add_all("TopK", [x, k], 2, axis=op.value_of("axis"), largest=op.value_of("largest"))[1]


@exports(nn.CumulateOp)
def cumulate(graph: GraphWriter, op: nn.CumulateOp, x: str) -> str:
    op_type = "CumSum"
    if op.kind.data == "prod":
        op_type = "CumProd"
        graph.shared.need_opset(26)
    axis = graph.constant(op.value_of("axis"), "int64")
    return graph.add(op_type, x, axis, exclusive=op.value_of("exclusive"), reverse=op.value_of("reverse"))


@exports(nn.ScatterOp)
def scatter(graph: GraphWriter, op: nn.ScatterOp, x: str, indices: str, updates: str) -> str:
    points = graph.add("Unsqueeze", graph.add("Cast", indices, to=_INT64), graph.integers([-1]))
    return graph.add("ScatterND", x, points, updates, reduction=_REDUCTIONS[op.kind.data])


@exports(nn.ScatterElementsOp)
def scatter_elements(graph: GraphWriter, op: nn.ScatterElementsOp, x: str, indices: str, updates: str) -> str:
    reduction, axis = _REDUCTIONS[op.kind.data], op.value_of("axis")
    whole = graph.add("Cast", indices, to=_INT64)
    return graph.add("ScatterElements", x, whole, updates, axis=axis, reduction=reduction)
