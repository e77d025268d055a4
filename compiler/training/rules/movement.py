"""Ops that move elements. A batch that exceeds the model's stays where it is: the shapes of the op are
stretched by it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ....dialects import nn
from ....dialects.errors import TenonError
from .registry import Run, check_not_batched, torch_rule


def stretched(source: Sequence[int], target: Sequence[int], found: Sequence[int]) -> list[int]:
    """The shape that a reshape from `source` to `target` gives a tensor of shape `found`, which is longer
    along one axis. The batch is the outermost part of an axis, and so it is of the axis it goes to.

    Among axes of extent 1 the choice is open: axis 0 stays, else what follows the batch tells where it is."""
    (axis,) = [i for i, (n, f) in enumerate(zip(source, found, strict=True)) if n != f]
    before = math.prod(source[:axis])
    places = [i for i in range(len(target)) if math.prod(target[:i]) == before]
    if not places:
        raise TenonError(f"the batch at axis {axis} of {list(found)} is split")
    same = [i for i in places if tuple(target[i + 1 :]) == tuple(source[axis + 1 :])]
    place = 0 if axis == 0 else (*same, *places)[0]
    factor = found[axis] // source[axis]
    return [n * factor if i == place else n for i, n in enumerate(target)]


@torch_rule(nn.ReshapeOp)
def reshape(op: nn.ReshapeOp) -> Run:
    source, target = nn.tensor_of(op.x).get_shape(), op.shape

    def run(x: Tensor) -> Tensor:
        return x.reshape(target if x.shape == source else stretched(source, target, x.shape))

    return run


@torch_rule(nn.TransposeOp)
def transpose(op: nn.TransposeOp) -> Run:
    perm = op.value_of("perm")
    return lambda x: x.permute(perm)


@torch_rule(nn.ConcatOp)
def concat(op: nn.ConcatOp) -> Run:
    axis = op.value_of("axis")

    def run(*xs: Tensor) -> Tensor:
        """What does not depend on the batch is repeated for it."""
        for x, value in zip(xs, op.inputs, strict=True):
            if x.shape[axis] != nn.tensor_of(value).get_shape()[axis]:
                raise TenonError(f"nn.concat runs along the batch, axis {axis} of {list(x.shape)}")
        extents = [max(x.shape[i] for x in xs) for i in range(xs[0].ndim)]
        extents[axis] = -1
        return torch.cat([x.expand(extents) for x in xs], axis)

    return run


@torch_rule(nn.SliceOp)
def slice_(op: nn.SliceOp) -> Run:
    shape = nn.tensor_of(op.x).get_shape()
    entries = list(zip(*(op.value_of(name) for name in op.FIELDS), strict=True))
    cut = tuple(i for i, (n, entry) in enumerate(zip(shape, entries, strict=True)) if entry != (0, n, 1))
    index = tuple(
        slice(start, start + size * step, step) if i in cut else slice(None)
        for i, (start, size, step) in enumerate(entries)
    )

    def run(x: Tensor) -> Tensor:
        check_not_batched(op, x, cut)
        return x[index]

    return run


@torch_rule(nn.PadOp)
def pad(op: nn.PadOp) -> Run:
    pairs = zip(reversed(op.value_of("low")), reversed(op.value_of("high")), strict=True)
    amounts, value = [n for pair in pairs for n in pair], op.value_of("value")
    return lambda x: F.pad(x, amounts, value=value)


@torch_rule(nn.BroadcastOp)
def broadcast(op: nn.BroadcastOp) -> Run:
    source, target = nn.tensor_of(op.x).get_shape(), op.shape
    new = len(target) - len(source)

    def run(x: Tensor) -> Tensor:
        kept = [f if f != n else t for n, f, t in zip(source, x.shape, target[new:], strict=True)]
        return x.expand(*target[:new], *kept)

    return run
