"""Scalar bodies of linalg ops as bodies of a kernel's nests."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Block, Region

from ...dialects import tensorized


def is_used(op: GenericOp, index: int) -> bool:
    return bool(list(op.body.block.args[index].uses))


def identity_body(tensor_type: TensorType) -> Region:
    block = Block(arg_types=[tensor_type.element_type] * 2)
    block.add_op(tensorized.YieldOp(block.args[0]))
    return Region(block)


def scalar_body(op: GenericOp, used: Sequence[int]) -> Region:
    """The op's body with only the arguments of the inputs it uses, ended by tensorized.yield."""
    region = op.body.clone()
    block = region.block
    for i in reversed(range(len(op.inputs))):
        if i not in used:
            block.erase_arg(block.args[i])
    end = block.last_op
    assert end is not None
    values = list(end.operands)
    block.erase_op(end)
    block.add_op(tensorized.YieldOp(*values))
    for inner in block.ops:
        for result in inner.results:
            result.name_hint = None
    for argument in block.args:
        argument.name_hint = None
    return region
