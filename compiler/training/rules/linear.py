"""Matrix products, reductions and what is made of them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ....dialects import nn
from .registry import Run, check_not_batched, torch_rule


@torch_rule(nn.MatmulOp)
def matmul(op: nn.MatmulOp) -> Run:
    return torch.matmul


def _product(x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keepdim)
    return x


_REDUCTIONS: dict[str, Run] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
    "min": torch.amin,
    "prod": _product,
}


@torch_rule(nn.ReduceOp)
def reduce(op: nn.ReduceOp) -> Run:
    fn, axes, keepdims = _REDUCTIONS[op.kind.data], op.value_of("axes"), op.value_of("keepdims")

    def run(x: Tensor) -> Tensor:
        check_not_batched(op, x, axes)
        return fn(x, axes, keepdims) if axes else x

    return run


@torch_rule(nn.SoftmaxOp)
def softmax(op: nn.SoftmaxOp) -> Run:
    axis, fn = op.value_of("axis"), torch.log_softmax if op.value_of("log") else torch.softmax

    def run(x: Tensor) -> Tensor:
        check_not_batched(op, x, (axis,))
        return fn(x, axis)

    return run


@torch_rule(nn.CumulateOp)
def cumulate(op: nn.CumulateOp) -> Run:
    axis, add = op.value_of("axis"), op.kind.data == "sum"
    total, start = (torch.cumsum, 0.0) if add else (torch.cumprod, 1.0)
    flipped = partial(torch.flip, dims=(axis,)) if op.value_of("reverse") else lambda x: x

    def run(x: Tensor) -> Tensor:
        check_not_batched(op, x, (axis,))
        y = total(flipped(x), axis)
        if op.value_of("exclusive"):
            first = torch.full_like(y.narrow(axis, 0, 1), start)
            y = torch.cat([first, y.narrow(axis, 0, y.shape[axis] - 1)], axis)
        return flipped(y)

    return run


def _mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x.mean(axes, keepdim=True) if axes else x  # no axes are all axes to torch


def _divisor(kind: str, x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    """What x, centred for `standard`, is divided by."""
    if kind in ("standard", "rms"):
        return torch.sqrt(_mean(torch.square(x), axes) + epsilon)
    norm = torch.linalg.vector_norm(x, int(kind[1]), axes, keepdim=True) if axes else torch.abs(x)
    return torch.clamp(norm, min=epsilon)


@torch_rule(nn.NormalizeOp)
def normalize(op: nn.NormalizeOp) -> Run:
    """In f32 at least, rounded once. Along the batch where the op says so: then it has its statistics."""
    kind, axes, epsilon = op.kind.data, op.grouped_axes, op.value_of("epsilon")
    half = nn.is_half(op.type.element_type)

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        wide = [p.float() if half and p.itemsize == 2 else p for p in (x, *parameters)]
        grouped = wide[0].reshape(x.shape[0], *op.grouped_shape[1:]) if op.grouped_shape else wide[0]
        if kind == "standard":
            grouped = grouped - _mean(grouped, axes)
        y = (grouped / _divisor(kind, grouped, axes, epsilon)).reshape(x.shape)
        for combine, parameter in zip((torch.mul, torch.add), wide[1:]):
            y = combine(y, parameter)
        return y.to(x.dtype)

    return run
