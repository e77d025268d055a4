"""The compiler step show-indices: positions of gathers that are known at compile time stand in the IR.

They may have come as a weight of the file, or as an expression. Passes read what they see: positions that
lie inside need no clamping, and a contraction can take them as it reads. A step of the compiler and no pass,
since it evaluates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp
from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import nn
from .constants import ConstantRunner

MOST = 1 << 14
"""Positions that are printed in full: more than any network has channels."""


def show_indices(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> None:
    """Replaces the indices of gathers along one axis by their values; `weights` maps digests to arrays."""
    shown: dict[tuple[SSAValue, int], SSAValue] = {}
    for op in list(module.walk()):
        if isinstance(op, nn.GatherOp) and len(op.indices) == 1 and _is_hidden(op.indices[0]):
            key = op.indices[0], nn.tensor_of(op.x).get_shape()[op.value_of("axis")]
            if key not in shown:
                shown[key] = _constant(op, *key, weights)
            op.operands[1] = shown[key]


def _is_hidden(value: SSAValue) -> bool:
    """Whether a vector of positions is known, and not seen."""
    shape = nn.tensor_of(value).get_shape()
    seen = isinstance(value.owner, nn.ConstantOp) and isinstance(value.owner.value, DenseIntOrFPElementsAttr)
    return len(shape) == 1 and shape[0] <= MOST and not seen and nn.is_compile_time(value)


def _constant(op: nn.GatherOp, value: SSAValue, extent: int, weights: Mapping[str, np.ndarray]) -> SSAValue:
    """The positions as i64; where all lie inside, one that counts from the end as what it means."""
    array = ConstantRunner(weights).evaluate(value).astype(np.int64)
    inside = ((array >= -extent) & (array < extent)).all()
    constant = nn.ConstantOp(
        nn.dense_attribute(np.where(array < 0, array + extent, array) if inside else array)
    )
    Rewriter.insert_op(constant, InsertPoint.before(op))
    return constant.result
