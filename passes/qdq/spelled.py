"""Dequantization that is spelled out: a sum of products of integers as floats, times its scale.

onnxruntime's dynamic quantization leaves MatMulInteger -> Cast -> Mul: in f32 that is what qnn.dequantize
computes.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Affine, element_of

SUMS = (qnn.ConvOp, qnn.ConvTransposeOp, qnn.MatmulOp)


def spelled_out(op: nn.ElementwiseOp) -> Affine | None:
    """The integers and the scale that `op` multiplies, with a zero point of 0."""
    if op.fn.data != "mul":
        return None
    for position in (0, 1):
        cast, scale = op.inputs[position].owner, op.inputs[1 - position]
        if not isinstance(cast, nn.CastOp) or not isinstance(cast.x.owner, SUMS) or cast.type != op.type:
            continue
        if (element_of(cast.x), element_of(scale)) != (i32, f32):
            continue
        axis = len(op.shape) - 1 if isinstance(cast.x.owner, qnn.MatmulOp) else 1
        return _scaled(op, cast.x, scale, axis)
    return None


def _scaled(op: nn.ElementwiseOp, sums: SSAValue, scale: SSAValue, axis: int) -> Affine | None:
    """With one scale, or one a position of `axis`."""
    shape = nn.tensor_of(scale).get_shape()
    extents = (*(1,) * (len(op.shape) - len(shape)), *shape)
    new = GraphBuilder(op)
    if all(n == 1 for n in extents):
        scale = new.reshape(scale, ())
    elif all(n == 1 for i, n in enumerate(extents) if i != axis):
        scale = new.reshape(scale, (extents[axis],))
    else:
        return None
    return Affine(sums, scale, new.constant(np.zeros((), np.int32)), axis)
