"""Values without elements become constants, so that no loop has extent 0.

What follows from them alone (the sum over no elements, a pad around nothing) is then a compile-time op.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ..functions import straight_functions


def replace_empty_values(module: ModuleOp) -> None:
    """Replaces arguments and results of nn ops that hold no element; the ops that made them vanish."""
    ops = list(module.walk())
    for function in straight_functions(module, "lower-nn"):
        for argument in function.body.block.args:
            _replace(argument, InsertPoint.at_start(function.body.block))
    for op in reversed(ops):
        if isinstance(op, nn.NNOperation) and not isinstance(op, nn.ConstantOp) and is_empty(op.result):
            _replace(op.result, InsertPoint.before(op))
            Rewriter.erase_op(op)


def is_empty(value: SSAValue) -> bool:
    return isinstance(value.type, TensorType) and 0 in value.type.get_shape()


def _replace(value: SSAValue, place: InsertPoint) -> None:
    if not is_empty(value) or not list(value.uses):
        return
    tensor = nn.tensor_of(value)
    element = tensor.element_type
    nothing = np.zeros(tensor.get_shape(), nn.numpy_dtype(element))
    constant = nn.ConstantOp(nn.dense_attribute(nothing, element))
    owner: Operation | Block = value.owner
    constant.location = owner.location if isinstance(owner, Operation) else constant.location
    Rewriter.insert_op(constant, place)
    constant.result.name_hint = value.name_hint
    value.replace_all_uses_with(constant.result)
