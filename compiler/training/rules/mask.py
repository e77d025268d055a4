"""Masks on channels: removed ones stay zero, and no gradient passes them."""

from __future__ import annotations

import torch
from torch import Tensor

from ....dialects import prune
from .registry import Run, check_not_batched, torch_rule


@torch_rule(prune.MaskOp)
def mask(op: prune.MaskOp) -> Run:
    axis, removed = op.value_of("axis"), op.value_of("removed")

    def run(x: Tensor) -> Tensor:
        check_not_batched(op, x, (axis,))
        return x.index_fill(axis, torch.tensor(removed, dtype=torch.long, device=x.device), 0)

    return run
