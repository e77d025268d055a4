"""Ops that move elements."""

from __future__ import annotations

from ...dialects import nn
from .graph import GraphWriter
from .registry import exports


@exports(nn.ReshapeOp)
def reshape(graph: GraphWriter, op: nn.ReshapeOp, x: str) -> str:
    return graph.add("Reshape", x, graph.integers(op.shape), allowzero=1 if 0 in op.shape else None)


@exports(nn.TransposeOp)
def transpose(graph: GraphWriter, op: nn.TransposeOp, x: str) -> str:
    return graph.add("Transpose", x, perm=op.value_of("perm"))


@exports(nn.ConcatOp)
def concat(graph: GraphWriter, op: nn.ConcatOp, *parts: str) -> str:
    return graph.add("Concat", *parts, axis=op.value_of("axis"))


@exports(nn.SliceOp)
def slice_(graph: GraphWriter, op: nn.SliceOp, x: str) -> str:
    """Only the axes that are cut are named."""
    source = nn.tensor_of(op.x).get_shape()
    starts, sizes, strides = (op.value_of(name) for name in ("starts", "sizes", "strides"))
    cut = [i for i, n in enumerate(source) if (starts[i], sizes[i], strides[i]) != (0, n, 1)]
    ends = [_end(starts[i], sizes[i], strides[i]) for i in cut]
    columns = [starts[i] for i in cut], ends, cut, [strides[i] for i in cut]
    return graph.add("Slice", x, *map(graph.integers, columns))


def _end(start: int, size: int, stride: int) -> int:
    """One past the last element; going down past the first one there is no such index but a huge one."""
    if not size:
        return start
    end = start + (size - 1) * stride + (1 if stride > 0 else -1)
    return end if end >= 0 else -(2**62)


@exports(nn.PadOp)
def pad(graph: GraphWriter, op: nn.PadOp, x: str) -> str:
    amounts = graph.integers([*op.value_of("low"), *op.value_of("high")])
    return graph.add("Pad", x, amounts, graph.scalar_like(op.value_of("value"), op.result))


@exports(nn.BroadcastOp)
def broadcast(graph: GraphWriter, op: nn.BroadcastOp, x: str) -> str:
    return graph.add("Expand", x, graph.integers(op.shape))
