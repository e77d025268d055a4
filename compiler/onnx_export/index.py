"""Ops whose elements come from where other elements say."""

from __future__ import annotations

from ...dialects import nn
from .graph import GraphWriter
from .registry import exports


@exports(nn.IotaOp)
def iota(graph: GraphWriter, op: nn.IotaOp) -> str:
    return graph.add("Range", *(graph.scalar_like(n, op.result) for n in (0, op.shape[0], 1)))


@exports(nn.GatherOp)
def gather(graph: GraphWriter, op: nn.GatherOp, x: str, *indices: str) -> str:
    """Gather for one index tensor without batch, else GatherND with the indexed dimensions in front."""
    axis, batch, count = op.value_of("axis"), op.value_of("batch"), len(indices)
    if count == 1 and not batch:
        return graph.add("Gather", x, indices[0], axis=axis)
    rank = len(nn.tensor_of(op.x).get_shape())
    middle = list(range(batch, axis))
    if middle:
        order = [*range(batch), *range(axis, axis + count), *middle, *range(axis + count, rank)]
        x = graph.add("Transpose", x, perm=order)
    last = graph.integers([-1])
    columns = [graph.add("Cast", graph.add("Unsqueeze", i, last), to=_INT64) for i in indices]
    points = columns[0] if count == 1 else graph.add("Concat", *columns, axis=-1)
    taken = graph.add("GatherND", x, points, batch_dims=batch)
    if not middle:
        return taken
    picked = len(nn.tensor_of(op.indices[0]).get_shape()) - batch
    moved = list(range(batch + picked, batch + picked + len(middle)))
    rest = range(batch + picked + len(middle), len(op.shape))
    perm = [*range(batch), *moved, *range(batch, batch + picked), *rest]
    return graph.add("Transpose", taken, perm=perm)


_INT64 = 7


@exports(nn.GatherElementsOp)
def gather_elements(graph: GraphWriter, op: nn.GatherElementsOp, x: str, indices: str) -> str:
    return graph.add("GatherElements", x, indices, axis=op.value_of("axis"))
