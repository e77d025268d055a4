"""Ops that compute on integers of given parameters and round their result to others: sums, products, means.

A rule is tried where the result is only quantized, and makes the quantized tensor itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Affine, Target, element_of, scalar_of


def _binary(made: type[qnn.AddOp] | type[qnn.SubtractOp] | type[qnn.MulOp]) -> Callable[..., SSAValue]:
    def rule(new: GraphBuilder, op: Operation, operands: Sequence[Affine], to: Target) -> SSAValue:
        left, right = operands
        parameters = (*left.parameters(), *right.parameters(), to.scale, to.zero_point)
        return new(made(left.q, right.q, *parameters, rounding=to.rounding, range=to.range))

    return rule


def _ends(x: Affine, to: Target) -> tuple[SSAValue, ...]:
    return x.q, *x.parameters(), to.scale, to.zero_point


def _pool(new: GraphBuilder, op: nn.PoolOp, operands: Sequence[Affine], to: Target) -> SSAValue:
    fields = {name: op.value_of(name) for name in op.FIELDS}
    ends = _ends(operands[0], to)
    return new(qnn.PoolOp(op.kind.data, *ends, **fields, rounding=to.rounding, range=to.range))


def _mean(new: GraphBuilder, op: nn.ReduceOp, operands: Sequence[Affine], to: Target) -> SSAValue:
    fields = {name: op.value_of(name) for name in op.FIELDS}
    ends = _ends(operands[0], to)
    return new(qnn.ReduceOp(op.kind.data, *ends, **fields, rounding=to.rounding, range=to.range))


def _softmax(new: GraphBuilder, op: nn.SoftmaxOp, operands: Sequence[Affine], to: Target) -> SSAValue | None:
    if to.range != qnn.limits(to.element):
        return None
    return new(qnn.SoftmaxOp(*_ends(operands[0], to), axis=op.value_of("axis"), rounding=to.rounding))


def _leaky_relu(
    new: GraphBuilder, op: nn.ElementwiseOp, operands: Sequence[Affine], to: Target
) -> SSAValue | None:
    alpha = scalar_of(op.inputs[1])
    if alpha is None or not math.isfinite(alpha):
        return None
    ends = _ends(operands[0], to)
    return new(qnn.LeakyReluOp(*ends, alpha=alpha, rounding=to.rounding, range=to.range))


Rule = Callable[[GraphBuilder, Any, Sequence[Affine], Target], SSAValue | None]

RULES: dict[tuple[type[Operation], str], tuple[int, Rule]] = {
    (nn.ElementwiseOp, "add"): (2, _binary(qnn.AddOp)),
    (nn.ElementwiseOp, "sub"): (2, _binary(qnn.SubtractOp)),
    (nn.ElementwiseOp, "mul"): (2, _binary(qnn.MulOp)),
    (nn.ElementwiseOp, "leaky_relu"): (1, _leaky_relu),
    (nn.ElementwiseOp, "prelu"): (1, _leaky_relu),
    (nn.PoolOp, "average"): (1, _pool),
    (nn.ReduceOp, "mean"): (1, _mean),
    (nn.SoftmaxOp, "false"): (1, _softmax),
}
"""Op and kind (of a softmax: its `log`) -> how many of its operands are quantized, and its rule."""


def rule_of(op: Operation) -> tuple[int, Rule] | None:
    if isinstance(op, nn.ElementwiseOp):
        return RULES.get((type(op), op.fn.data))
    if isinstance(op, nn.PoolOp | nn.ReduceOp):
        return RULES.get((type(op), op.kind.data))
    if isinstance(op, nn.SoftmaxOp):
        return RULES.get((type(op), str(op.value_of("log")).lower()))
    return None


def unfit(op: Operation, operands: Sequence[Affine | None]) -> str:
    """Why a rule cannot take these operands; nothing where it can."""
    for index, operand in enumerate(operands):
        if operand is None:
            return f"operand {index} is not quantized"
        if operand.is_sum:
            return f"operand {index} is a sum that is not quantized"
        if not operand.per_tensor:
            return f"operand {index} has parameters per channel"
        low, high = qnn.limits(element_of(operand.q))
        if _terms(op) * (high - low) >= 1 << 31:
            return f"the sum of {_terms(op)} elements of {element_of(operand.q)} may leave i32"
    return ""


def _terms(op: Operation) -> int:
    if isinstance(op, nn.PoolOp):
        return math.prod(op.window.kernel)
    if isinstance(op, nn.ReduceOp):
        shape = nn.tensor_of(op.x).get_shape()
        return math.prod(shape[axis] for axis in op.value_of("axes"))
    return 0
