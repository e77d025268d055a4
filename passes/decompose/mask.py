"""Masks on channels in terms of nn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn, prune
from ..graph_builder import GraphBuilder


def decompose_mask(new: GraphBuilder, op: prune.MaskOp) -> SSAValue:
    return masked(new, op.x, op.value_of("axis"), op.value_of("removed"))


def masked(new: GraphBuilder, x: SSAValue, axis: int, removed: Sequence[int]) -> SSAValue:
    """x where positions of the axis are not removed, else zero, whatever x holds there."""
    shape = nn.tensor_of(x).get_shape()
    stays = np.ones(shape[axis], bool)
    stays[list(removed)] = False
    condition = new.reshape(new.constant(stays), (shape[axis], *(1,) * (len(shape) - axis - 1)))
    return new.compute("where", condition, x, new.scalar(0, x))
