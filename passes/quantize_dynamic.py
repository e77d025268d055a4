"""quantize-dynamic: matrix products with compile-time weights are computed on bytes, quantized at run time.

Expects nn ops, batch norms folded. Leaves in the place of every product of a run-time f32 matrix and
compile-time f32 weights, both large enough for it to pay:

- the weights as i8, symmetric, with one scale a column: a compile-time expression;
- the rows as ui8, each with its own scale and zero point, from its least and its largest element: what
  DynamicQuantizeLinear of ONNX does for a whole tensor, for each row by itself;
- the product of these in i32, scaled back to f32.

No element of a row leaves its range: the error of each is at most half of its row's scale, 1/510 of the
range of the row and zero. What else computes stays f32. `tenonc compare --precision int8-dynamic` shows the
deviation of every value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ..dialects import nn, qnn
from ..dialects.errors import UsageError
from .graph_builder import GraphBuilder

LEAST = 32
"""Rows of fewer elements, and weights of fewer columns, cost as much to quantize as they save."""

TYPES = ("none", "int8")

_TINY = float(np.finfo(np.float32).tiny)
"""The scale of what is zero throughout."""


@dataclass(frozen=True)
class QuantizeDynamicPass(ModulePass):
    """`quantize-dynamic{to=int8}`; `to=none` changes nothing."""

    name = "quantize-dynamic"
    preserves: ClassVar[str] = "nothing"

    to: str = "none"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.to not in TYPES:
            raise UsageError(f"{self.name}: to is '{self.to}', expected one of {', '.join(TYPES)}")
        if self.to == "none":
            return
        rows: dict[SSAValue, _Rows] = {}
        for found in [found for found in op.walk() if isinstance(found, nn.MatmulOp)]:
            if _pays(found):
                _convert(found, rows)


def _pays(op: nn.MatmulOp) -> bool:
    a, b = nn.tensor_of(op.a), nn.tensor_of(op.b)
    large = min(b.get_shape()) >= LEAST and math.prod(a.get_shape()) > 0
    plain = len(b.get_shape()) == 2 and a.element_type == f32
    return plain and large and nn.is_compile_time(op.b) and not nn.is_compile_time(op.a)


@dataclass(frozen=True)
class _Rows:
    """The rows of a tensor as bytes, [M, K], and their scales and zero points, [M]."""

    q: SSAValue
    scale: SSAValue
    zero_point: SSAValue


def _convert(op: nn.MatmulOp, known: dict[SSAValue, _Rows]) -> None:
    """Products of one tensor with several weights share its rows: the first comes before the others."""
    new = GraphBuilder(op)
    if op.a not in known:
        known[op.a] = _rows(new, op.a)
    rows = known[op.a]
    weights, scales = _weights(new, op.b)
    zero = new.constant(np.zeros((), np.int8))
    sums = new(qnn.MatmulOp(rows.q, weights, rows.zero_point, zero))
    columns = new(qnn.DequantizeOp(sums, scales, new.constant(np.zeros((), np.int32)), axis=1))
    product = new.compute("mul", columns, new.along(rows.scale, 0, 2))
    new.finish(new.reshape(product, op.shape))


def _rows(new: GraphBuilder, x: SSAValue) -> _Rows:
    """The range of a row holds 0, so that 0 stays 0."""
    shape = nn.tensor_of(x).get_shape()
    matrix = new.reshape(x, (math.prod(shape[:-1]), shape[-1]))
    zero = new.scalar(0.0, x)
    least, largest = (
        new.compute(kind, new(nn.ReduceOp(kind, matrix, axes=[1], keepdims=False)), zero)
        for kind in ("min", "max")
    )
    scale = _scale(new, new.compute("sub", largest, least), 255.0)
    none = new.constant(np.zeros((), np.uint8))
    zero_point = new(qnn.QuantizeOp(new.compute("neg", least), scale, none, axis=0))
    return _Rows(new(qnn.QuantizeOp(matrix, scale, zero_point, axis=0)), scale, zero_point)


def _weights(new: GraphBuilder, w: SSAValue) -> tuple[SSAValue, SSAValue]:
    """[K, N] as i8 from -127 to 127, and the scales of the columns."""
    largest = new(nn.ReduceOp("max", new.compute("abs", w), axes=[0], keepdims=False))
    scale = _scale(new, largest, 127.0)
    zero = new.constant(np.zeros((), np.int8))
    return new(qnn.QuantizeOp(w, scale, zero, axis=1, range=(-127, 127))), scale


def _scale(new: GraphBuilder, extent: SSAValue, steps: float) -> SSAValue:
    step = new.compute("div", extent, new.scalar(steps, extent))
    return new.compute("max", step, new.scalar(_TINY, extent))
