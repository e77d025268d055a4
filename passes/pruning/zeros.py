"""Which ops make zeros of zeros: followed forwards from masks (flow.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from .rules import known_indices

ZeroRule = Callable[..., np.ndarray | None]
"""Takes the op and, of each operand, where it is zero (None: unknown); says where the result is."""


def _through(op: Operation, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Zero where all that is read is."""
    known = [zeros for zeros in operands if zeros is not None]
    return np.logical_and.reduce(known) if known else None


def _elementwise(op: nn.ElementwiseOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """`mul` is zero where any operand is; others where those operands are that decide it."""
    if op.fn.data == "mul":
        known = [zeros for zeros in operands if zeros is not None]
        return np.logical_or.reduce(known) if known else None
    if op.fn.data in FIRST_DECIDES:
        first, second = operands[:2]
        return first if first is None or second is None else first & ~second
    values = [
        np.zeros(()) if zeros is not None else _known_scalar(x) for zeros, x in zip(operands, op.inputs)
    ]
    if any(value is None for value in values) or nn.numpy_dtype(op.type.element_type).kind != "f":
        return None
    with np.errstate(all="ignore"):
        stays = op.function.numpy(*values) == 0
    return _through(op, operands) if stays else None


FIRST_DECIDES = ("div", "leaky_relu", "prelu", "elu")
"""Functions that are zero where their first operand is, whatever the second; 0 / 0 is not."""


def _known_scalar(value: SSAValue) -> np.ndarray | None:
    known = known_indices(value)
    return None if known is None or known.size != 1 else np.asarray(known, np.float64).reshape(())


def _pool(op: nn.PoolOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return None if op.kind.data == "argmax" else _through(op, operands)


def _resize(op: nn.ResizeOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return _through(op, operands) if op.value_of("extrapolation") == 0 else None


def _pad(op: nn.PadOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return _through(op, operands) if op.value_of("value") == 0 else None


def _gather(op: nn.GatherOp, operands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return operands[0]


ZEROS: dict[type[Operation], ZeroRule] = {
    nn.ElementwiseOp: _elementwise,
    nn.PoolOp: _pool,
    nn.ResizeOp: _resize,
    nn.PadOp: _pad,
    nn.GatherOp: _gather,
    **dict.fromkeys(
        (nn.CastOp, nn.ReduceOp, nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.ConcatOp, nn.BroadcastOp),
        _through,
    ),
    prune.MaskOp: _through,
}
"""Ops whose result may be known to be zero."""
