"""Masks for the channels that leave: in front of whatever sums over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn, prune
from .groups import Resolved


class Reader(NamedTuple):
    """An operand that an op sums over, along an axis; `roots` are the atoms there."""

    op: Operation
    operand: int
    axis: int
    roots: np.ndarray


def readers(resolved: Resolved) -> Iterator[Reader]:
    """Every place where channels end: the operands at run time of products and sums."""
    analysis = resolved.analysis
    known = nn.compile_time_values(resolved.function.body.block.ops)
    for op, sums in analysis.sums.items():
        for slot in (slot for slots in sums for slot in slots):
            value = op.operands[slot.operand]
            factor = analysis.factors[value][slot.factor]
            if value not in known and len(factor.axes) == 1:
                yield Reader(op, slot.operand, factor.axes[0], analysis.atoms.roots(factor.ids))


def place_masks(resolved: Resolved, groups: Sequence[prune.GroupOp]) -> None:
    """A mask for each reader of a channel that a group says is removed; readers of a value share it."""
    gone = [resolved.atoms[group.label][list(group.removed_channels)] for group in groups]
    atoms = np.concatenate([np.zeros(0, np.int64), *gone])
    made: dict[tuple[SSAValue, int], SSAValue] = {}
    for reader in list(readers(resolved)):
        removed = np.flatnonzero(np.isin(reader.roots, atoms))
        value = reader.op.operands[reader.operand]
        if not len(removed) or _masks(value, reader.axis, removed):
            continue
        key = (value, reader.axis)
        if key not in made:
            mask = prune.MaskOp(value, reader.axis, removed.tolist())
            Rewriter.insert_op(mask, InsertPoint.before(reader.op))
            made[key] = mask.result
        reader.op.operands[reader.operand] = made[key]


def _masks(value: SSAValue, axis: int, removed: np.ndarray) -> bool:
    """Whether a value is masked there already."""
    owner = value.owner
    if not isinstance(owner, prune.MaskOp) or owner.value_of("axis") != axis:
        return False
    return set(removed.tolist()) <= set(owner.value_of("removed"))
