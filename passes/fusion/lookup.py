"""`tensor.extract` of captured tensors, in kernels: lookups of arguments."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Block, SSAValue

from ...dialects import nn, tensorized
from ..layout.views import stored_order


def only_positions(op: GenericOp, index: int) -> bool:
    """Whether the body uses an input as positions of lookups alone."""
    pending = [op.body.block.args[index]]
    users = [use.operation for value in pending for use in value.uses]
    casts = [user for user in users if isinstance(user, arith.IndexCastOp)]
    return len(casts) == len(users) and all(
        isinstance(use.operation, tensor.ExtractOp) for cast in casts for use in cast.result.uses
    )


def take_arguments(block: Block, argument: Callable[[SSAValue], SSAValue]) -> None:
    """Replaces every extract of a body; `argument` gives the kernel's argument that a tensor is."""
    for op in [op for op in block.ops if isinstance(op, tensor.ExtractOp)]:
        tensor_type = nn.tensor_of(op.tensor)
        shape = tensor_type.get_shape()
        order = stored_order(tensorized.layout_of(tensor_type), shape)
        assert order is not None, "assign-layouts has copied what holds more than its elements"
        positions = [_position(op.indices[d], op) for d in order]
        lookup = tensorized.LookupOp(argument(op.tensor), positions, [shape[d] for d in order])
        block.insert_op_before(lookup, op)
        op.result.replace_all_uses_with(lookup.res)
        block.erase_op(op)
    for op in reversed(list(block.ops)):
        if op.results and not list(op.results[0].uses):
            block.erase_op(op)


def _position(index: SSAValue, user: tensor.ExtractOp) -> SSAValue:
    """An index as i64, as it was before it was cast."""
    if isinstance(index.owner, arith.IndexCastOp) and index.owner.input.type == i64:
        return index.owner.input
    block, zero = user.parent, index.owner
    assert block is not None and isinstance(zero, arith.ConstantOp) and isinstance(zero.value, IntegerAttr)
    constant = arith.ConstantOp(IntegerAttr(zero.value.value.data, i64))
    block.insert_op_before(constant, user)
    return constant.result
