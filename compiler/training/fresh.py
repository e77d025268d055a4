"""Weights to train from scratch with: what a fresh network of the same graph has."""

from __future__ import annotations

import math
from zlib import crc32

import torch

from ...dialects import nn
from .leaves import Leaf, uses_of
from .module import TorchModule


def initialize(module: TorchModule, seed: int) -> None:
    """Draws all parameters anew: matrices and kernels normal with variance 2 / fan-in (He), scales of norms
    1, other vectors 0; running means are 0, variances 1. Equal seeds give equal weights, parameter by
    parameter: each has a generator of its own, seeded by its name."""
    for leaf in module.leaves:
        if leaf.kind == "fixed":
            continue
        tensor = (
            module.get_buffer(leaf.name) if leaf.kind == "statistics" else module.get_parameter(leaf.name)
        )
        with torch.no_grad():
            tensor.copy_(_drawn(leaf, seed).to(tensor))


def _drawn(leaf: Leaf, seed: int) -> torch.Tensor:
    shape = leaf.array.shape
    if len(shape) < 2:
        return torch.full(shape, 1.0 if _starts_at_one(leaf) else 0.0)
    generator = torch.Generator().manual_seed((seed << 32) + crc32(leaf.name.encode()))
    return torch.randn(shape, generator=generator) * math.sqrt(2 / max(1, _fan_in(leaf)))


def _starts_at_one(leaf: Leaf) -> bool:
    """Scales, operand 1 of a norm, and variances."""
    return any(
        (isinstance(use.operation, nn.BatchNormOp) and use.index in (1, 4))
        or (isinstance(use.operation, nn.NormalizeOp) and use.index == 1)
        for use in uses_of(leaf.op.result)
    )


def _fan_in(leaf: Leaf) -> int:
    """[outputs, inputs, kernel], but for the right operand of a product, which is [inputs, outputs]."""
    shape = leaf.array.shape
    if any(isinstance(use.operation, nn.MatmulOp) and use.index == 1 for use in leaf.op.result.uses):
        return shape[-2]
    return math.prod(shape[1:])
