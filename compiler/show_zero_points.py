"""The compiler step show-zero-points: a zero point known at compile time stands in the IR as a constant.

It may have come as an expression, a cast or a sum of constants. Passes read what they see: the border of a
convolution is padded with a number, a zero point of 0 costs nothing, a shifted one is another constant. A
step of the compiler and no pass, since it evaluates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import nn, qnn
from ..dialects.qnn.parameters import visible
from .constants import ConstantRunner

MOST = 64
"""Elements of a zero point that is printed in full."""


def show_zero_points(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> None:
    """Replaces the zero points of quantized ops by their values; `weights` maps digests to arrays."""
    shown: dict[SSAValue, SSAValue] = {}
    for op in list(module.walk()):
        if isinstance(op, qnn.QnnOperation):
            for place in _hidden(op):
                value = op.operands[place]
                if value not in shown:
                    shown[value] = _constant(value, weights)
                op.operands[place] = shown[value]


def _hidden(op: qnn.QnnOperation) -> Iterator[int]:
    """The places of zero points that are known, and not seen."""
    for place, value in enumerate(op.operands):
        if value in _zero_points(op) and 0 < math.prod(nn.tensor_of(value).get_shape()) <= MOST:
            if visible(value) is None and nn.is_compile_time(value):
                yield place


def _zero_points(op: qnn.QnnOperation) -> list[SSAValue]:
    if isinstance(op, qnn.ConcatOp):
        return [*op.zero_points, op.zp_out]
    names = [name for name, _ in type(op).get_irdl_definition().operands]
    return [getattr(op, name) for name in names if name.startswith("zp")]


def _constant(value: SSAValue, weights: Mapping[str, np.ndarray]) -> SSAValue:
    maker, tensor = value.owner, nn.tensor_of(value)
    assert isinstance(maker, Operation)
    array = ConstantRunner(weights).evaluate(value)
    constant = nn.ConstantOp(nn.dense_attribute(array, tensor.element_type))
    Rewriter.insert_op(constant, InsertPoint.after(maker))
    return constant.result
