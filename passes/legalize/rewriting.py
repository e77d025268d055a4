"""Stores quantized tensors and weights in other types: what the ops around them say then."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType, i16, i32
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import Rewriter

from ...dialects import nn, qnn
from ...dialects.nn import numpy_dtype
from ...dialects.qnn.parameters import BYTES, visible
from ..graph_builder import GraphBuilder
from .storage import Class, Storage, result_zero_point, shifted_range, zero_point_of


def store(own: Class, wanted: Storage) -> None:
    """Stores all values of a class as `wanted`; it allows that."""
    for use in own.uses:
        zero = zero_point_of(use)
        assert zero is not None
        use.operation.operands[zero] = shifted(use.operation, use.operation.operands[zero], wanted)
    for value in own.values:
        op = value.owner
        assert isinstance(op, Operation)
        if isinstance(op, qnn.QnnOperation):
            zero = result_zero_point(op)
            assert zero is not None
            op.operands[zero] = shifted(op, op.operands[zero], wanted)
            if "range" in op.FIELDS:
                op.properties["range"] = op.FIELDS["range"].attribute(shifted_range(op, wanted.shift))
        elif isinstance(op, nn.PadOp):
            op.properties["value"] = op.FIELDS["value"].attribute(op.value_of("value") - wanted.shift)
        Rewriter.replace_value_with_new_type(
            value, TensorType(wanted.element, nn.tensor_of(value).get_shape())
        )


def shifted(user: Operation, zero: SSAValue, wanted: Storage) -> SSAValue:
    """A zero point of a tensor that is stored as `wanted`."""
    new, number = GraphBuilder(user), visible(zero)
    if number is None:
        return converted(new, zero, wanted)
    moved = (number.astype(np.int64) - wanted.shift).astype(numpy_dtype(wanted.element))
    return new(nn.ConstantOp(nn.dense_attribute(moved, wanted.element)))


def converted(new: GraphBuilder, x: SSAValue, wanted: Storage) -> SSAValue:
    """A copy of `x` that is stored as `wanted`."""
    wide = i16 if nn.tensor_of(x).element_type in BYTES else i32
    x = new.cast(x, wide)
    if wanted.shift:
        x = new.compute("sub", x, new.scalar(wanted.shift, x))
    return new.cast(x, wanted.element)


def centred_weights(new: GraphBuilder, w: SSAValue, zero: SSAValue, element: IntegerType) -> SSAValue:
    """w - zero in `element`, which has all of it; `zero` broadcasts to w."""
    wide = i16 if nn.tensor_of(w).element_type in BYTES else i32
    return new.cast(new.compute("sub", new.cast(w, wide), new.cast(zero, wide)), element)


def zero_of(new: GraphBuilder, element: IntegerType) -> SSAValue:
    """The zero point 0."""
    return new(nn.ConstantOp(nn.dense_attribute(np.zeros((), numpy_dtype(element)), element)))
