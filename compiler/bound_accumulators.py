"""The compiler step bound-accumulators: what quantized contractions can sum up to, by their weights.

Every qnn.conv, qnn.conv_transpose and qnn.matmul of compile-time weights gets `qnn.weights_within` and
`qnn.total_within` (`dialects/qnn/intervals.py`). The latter is exact: an output's largest sum takes the
largest input wherever the weight is positive and the smallest elsewhere. Every qnn.requantize whose
parameters are known at compile time gets `qnn.result_below`, by the sums that it reads. A step of the
compiler and no pass, since it evaluates weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import FloatAttr, ModuleOp, NameLoc, f64, i32
from xdsl.ir import SSAValue

from ..dialects import qnn
from ..dialects.errors import TenonError
from ..dialects.nn import is_compile_time, tensor_of
from ..dialects.qnn.intervals import (
    RESULT_BELOW,
    TOTAL_WITHIN,
    WEIGHTS_WITHIN,
    Contraction,
    Interval,
    noted,
    weights_of,
)
from ..dialects.qnn.parameters import limits
from .constants import ConstantRunner


def bound_accumulators(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> None:
    """Notes the intervals on every contraction of `module`; `weights` maps digests to arrays. Raises
    `TenonError` for one whose sums may leave i32."""
    for op in list(module.walk()):
        if isinstance(op, Contraction):
            _bound(op, weights)
        elif isinstance(op, qnn.RequantizeOp) and all(map(is_compile_time, op.operands[1:4])):
            _bound_result(op, weights)


def _bound(op: Contraction, weights: Mapping[str, np.ndarray]) -> None:
    found = weights_of(op)
    if found is None:
        return
    w, zero = (ConstantRunner(weights).evaluate(value) for value in found)
    wide = np.int32 if w.dtype.itemsize < 4 else np.int64  # of weights there are many
    centred = w.astype(wide) - _along(op, found[0], w, zero.astype(wide))
    op.attributes[WEIGHTS_WITHIN] = Interval(*_ends(centred)).attribute()
    if op.bias is not None and not is_compile_time(op.bias):
        return
    low, high = _input_interval(op, found[0], weights)
    positive, negative = (_summed(op, found[0], part(centred, 0)) for part in (np.maximum, np.minimum))
    bias = 0 if op.bias is None else _evaluate(op.bias, weights)
    least, most = positive * low + negative * high + bias, positive * high + negative * low + bias
    total = Interval(_ends(least)[0], _ends(most)[1])
    if not total.fits(i32):
        name = op.location.desc.data if isinstance(op.location, NameLoc) else op.name
        worst = total.low if total.low < limits(i32)[0] else total.high
        raise TenonError(f"{name}: the accumulator may reach {worst}, expected a value of i32")
    op.attributes[TOTAL_WITHIN] = total.attribute()


def _bound_result(op: qnn.RequantizeOp, weights: Mapping[str, np.ndarray]) -> None:
    """The largest difference times the largest quotient."""
    made = op.x.owner
    known = noted(made, TOTAL_WITHIN) if isinstance(made, Contraction) else None
    low, high = known or limits(tensor_of(op.x).element_type)
    least, most = _ends(_evaluate(op.zp_in, weights))
    s_in, s_out = (
        ConstantRunner(weights).evaluate(scale).astype(np.float64) for scale in (op.s_in, op.s_out)
    )
    with np.errstate(all="ignore"):
        quotient = np.max(s_in, initial=0) / np.min(s_out, initial=np.inf)
    if np.isfinite(quotient):
        op.attributes[RESULT_BELOW] = FloatAttr(max(high - least, most - low) * float(quotient), f64)


def _evaluate(value: SSAValue, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    return ConstantRunner(weights).evaluate(value).astype(np.int64)


def _ends(values: np.ndarray) -> tuple[int, int]:
    return (int(values.min()), int(values.max())) if values.size else (0, 0)


def _along(op: Contraction, value: SSAValue, w: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """The zero point of weights as an array that broadcasts to them."""
    if not zero.ndim or (isinstance(op, qnn.MatmulOp) and value is op.b):
        return zero
    if isinstance(op, qnn.ConvTransposeOp):  # [C, O / groups, kernel]: one for each O, group by group
        groups = op.value_of("groups")
        per_row = np.repeat(zero.reshape(groups, -1), w.shape[0] // groups, axis=0)
        return per_row.reshape(*w.shape[:2], *(1,) * (w.ndim - 2))
    return zero.reshape(-1, *(1,) * (1 if isinstance(op, qnn.MatmulOp) else w.ndim - 1))


def _input_interval(op: Contraction, value: SSAValue, weights: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """What the other operand holds, minus its zero point: all of its type, or what its op clamps to."""
    pairs = [(op.a, op.zp_a), (op.b, op.zp_b)] if isinstance(op, qnn.MatmulOp) else [(op.x, op.zp_x)]
    x, zero = next(pair for pair in pairs if pair[0] is not value)
    low, high = limits(tensor_of(x).element_type)
    if isinstance(x.owner, qnn.QnnOperation) and "range" in x.owner.FIELDS:
        low, high = x.owner.value_of("range")
    if not is_compile_time(zero):
        return low - high, high - low
    least, most = _ends(_evaluate(zero, weights))
    return low - most, high - least


def _summed(op: Contraction, value: SSAValue, w: np.ndarray) -> np.ndarray:
    """The sums of the weights of each output, in a shape that the bias broadcasts with."""
    if isinstance(op, qnn.MatmulOp):
        return w.sum(axis=-2 if value is op.b else -1, keepdims=True, dtype=np.int64)
    if isinstance(op, qnn.ConvTransposeOp):
        groups = op.value_of("groups")
        parts = w.reshape(groups, w.shape[0] // groups, w.shape[1], -1)
        return parts.sum(axis=(1, 3), dtype=np.int64).reshape(-1)
    return w.reshape(w.shape[0], -1).sum(axis=1, dtype=np.int64)
