"""Reading and writing at computed positions."""

from __future__ import annotations

import torch
from torch import Tensor

from ....dialects import nn
from .registry import Run, check_not_batched, torch_rule


def _inside(indices: Tensor, extent: int) -> Tensor:
    """Negative indices counted from the end, those outside clamped."""
    indices = indices.long()
    return torch.where(indices < 0, indices + extent, indices).clamp(0, max(extent - 1, 0))


@torch_rule(nn.GatherOp)
def gather(op: nn.GatherOp) -> Run:
    axis, batch = op.value_of("axis"), op.value_of("batch")

    def run(x: Tensor, *indices: Tensor) -> Tensor:
        check_not_batched(op, x, tuple(range(axis, axis + len(indices))))
        places = [_inside(index, x.shape[axis + n]) for n, index in enumerate(indices)]
        if len(places) == 1 and not batch:
            taken = x.index_select(axis, places[0].reshape(-1))
            return taken.reshape(*x.shape[:axis], *places[0].shape, *x.shape[axis + 1 :])
        # Positions before the axis run with the loops around; torch then has them all in front.
        rank = axis + places[0].ndim - batch
        outer = [
            torch.arange(x.shape[i], device=x.device).reshape(-1, *(1,) * (rank - 1 - i)) for i in range(axis)
        ]
        between = (1,) * (axis - batch)
        inner = [p.reshape(*p.shape[:batch], *between, *p.shape[batch:]) for p in places]
        return x[(*outer, *inner)]

    return run


@torch_rule(nn.GatherElementsOp)
def gather_elements(op: nn.GatherElementsOp) -> Run:
    axis = op.value_of("axis")

    def run(x: Tensor, indices: Tensor) -> Tensor:
        check_not_batched(op, x, (axis,))
        return torch.gather(x, axis, _inside(indices, x.shape[axis]))

    return run


_COMBINE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _places(indices: Tensor, rows: int) -> Tensor:
    """Negative indices counted from the end; what names no row goes to one behind the last."""
    indices = indices.long()
    indices = torch.where(indices < 0, indices + rows, indices)
    return torch.where((indices < 0) | (indices >= rows), rows, indices)


def _last_only(places: Tensor, axis: int, rows: int) -> Tensor:
    """Of updates that replace the same element all but the last go to the row behind."""
    steps = torch.arange(places.shape[axis], device=places.device)
    steps = steps.reshape(-1, *(1,) * (places.ndim - 1 - axis)).expand_as(places)
    shape = [rows + 1 if i == axis else n for i, n in enumerate(places.shape)]
    last = torch.full(shape, -1, device=places.device).scatter_reduce(axis, places, steps, "amax")
    return torch.where(last.gather(axis, places) == steps, places, rows)


def _scattered(kind: str, x: Tensor, axis: int, indices: Tensor, updates: Tensor) -> Tensor:
    rows = x.shape[axis]
    places = _places(indices, rows)
    grown = torch.cat([x, torch.ones_like(x.narrow(axis, 0, 1))], axis)
    if kind == "replace":
        grown = grown.scatter(axis, _last_only(places, axis, rows), updates)
    else:
        grown = grown.scatter_reduce(axis, places, updates, _COMBINE[kind])
    return grown.narrow(axis, 0, rows)


@torch_rule(nn.ScatterElementsOp)
def scatter_elements(op: nn.ScatterElementsOp) -> Run:
    kind, axis = op.kind.data, op.value_of("axis")

    def run(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        check_not_batched(op, x, (axis,))
        return _scattered(kind, x, axis, indices, updates)

    return run


@torch_rule(nn.ScatterOp)
def scatter(op: nn.ScatterOp) -> Run:
    kind = op.kind.data

    def run(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        check_not_batched(op, x, (0,))
        rows = indices.reshape(-1, *(1,) * (updates.ndim - 1)).expand_as(updates)
        return _scattered(kind, x, 0, rows, updates)

    return run
