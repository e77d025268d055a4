"""fold-casts: who reads a widened 16-bit float widens it.

Expects: the linalg level (`lower-nn`), where a cast is a `linalg.generic` or, of what is known at compile
time, an `nn.cast`.
Leaves: generics that read the 16-bit floats themselves and widen each element in their bodies; so nothing of
twice the size is written to memory, and contractions have the bodies of instructions that take such operands.
A widening that a view reads moves behind the view. What a loop or a return reads stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import BFloat16Type, FloatAttr, ModuleOp, TensorType, f32
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import nn
from .fold_transposes import moves
from .fusion.group import reduces
from .fusion.views import VIEWS
from .layout.views import pad_value


@dataclass(frozen=True)
class FoldCastsPass(ModulePass):
    name = "fold-casts"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pending = [found for found in op.walk() if widened(found) is not None]
        while pending:
            widening = pending.pop()
            for use in list(widening.results[0].uses):
                behind = _fold(widening, use.operation, use.index)
                pending += [] if behind is None else [behind]
            if not list(widening.results[0].uses):
                _erase(widening)


def widened(op: Operation) -> SSAValue | None:
    """The 16-bit floats that `op` does nothing to but widen to f32."""
    if isinstance(op, nn.CastOp):
        source = op.x
    elif isinstance(op, GenericOp) and len(op.inputs) == 1 and not reduces(op):
        source = op.inputs[0]
        read, written = (m.data for m in op.indexing_maps)
        last = op.body.block.last_op
        only = last.operands[0].owner if last is not None else None
        plain = read.results == written.results == AffineMap.identity(written.num_dims).results
        if not plain or not isinstance(only, arith.ExtFOp) or only.input is not op.body.block.args[0]:
            return None
    else:
        return None
    narrow, wide = nn.tensor_of(source).element_type, nn.tensor_of(op.results[0]).element_type
    return source if nn.is_half(narrow) and wide == f32 else None


def _fold(widening: Operation, user: Operation, index: int) -> Operation | None:
    """Lets `user` read the 16-bit floats; the widening of its result, where it only moves them."""
    source = widened(widening)
    assert source is not None
    if isinstance(user, VIEWS) or (isinstance(user, GenericOp) and index == 0 and moves(user)):
        return _behind(source, user)
    if isinstance(user, nn.ReshapeOp | nn.TransposeOp | nn.BroadcastOp):
        return _behind(source, user)
    if isinstance(user, GenericOp) and index < len(user.inputs) and _reads_cheaply(user, source):
        _widen_inside(source, user, index)
    return None


def _reads_cheaply(user: GenericOp, source: SSAValue) -> bool:
    """A contraction reads each element many times: bf16 it widens by a shift, f16 had better be in f32."""
    bf16 = isinstance(nn.tensor_of(source).element_type, BFloat16Type)
    return bf16 or not reduces(user) or len(user.inputs) == 1


def _widen_inside(source: SSAValue, user: GenericOp, index: int) -> None:
    block = user.body.block
    argument = block.args[index]
    narrow = block.insert_arg(nn.tensor_of(source).element_type, index)
    if list(argument.uses):
        wide = arith.ExtFOp(narrow, f32)
        first = block.first_op
        assert first is not None
        block.insert_op_before(wide, first)
        argument.replace_all_uses_with(wide.result)
    block.erase_arg(argument)
    user.operands[index] = source


def _behind(source: SSAValue, user: Operation) -> Operation | None:
    """The same move of the 16-bit floats, then widened; the widening."""
    element = nn.tensor_of(source).element_type
    result = TensorType(element, nn.tensor_of(user.results[0]).get_shape())
    moved = _narrow_pad(user, element) if isinstance(user, tensor.PadOp) else user.clone()
    if moved is None:
        return None
    moved.operands[0] = source
    if isinstance(moved, GenericOp):
        block = moved.body.block
        for at in (0, 1):
            block.insert_arg(element, at)
            block.args[at + 1].replace_all_uses_with(block.args[at])
            block.erase_arg(block.args[at + 1])
        moved.operands[1] = _empty(result, user)
    Rewriter.insert_op(moved, InsertPoint.before(user))
    new = Rewriter.replace_value_with_new_type(moved.results[0], result)
    moved.location = user.location
    wide = nn.CastOp(new, f32) if nn.is_compile_time(new) else _widening(new, user)
    wide.location = user.location
    Rewriter.insert_op(wide, InsertPoint.before(user))
    user.results[0].replace_all_uses_with(wide.results[0])
    _erase(user)
    return wide


def _narrow_pad(pad: tensor.PadOp, element: Attribute) -> tensor.PadOp | None:
    """The pad of 16-bit floats, if they have its value."""
    value = pad_value(pad)
    if value is None or not np.array(value, nn.numpy_dtype(element)).astype(np.float64) == value:
        return None
    moved = pad.clone()
    constant = next(op for op in moved.region.block.ops if isinstance(op, arith.ConstantOp))
    Rewriter.replace_op(constant, arith.ConstantOp(FloatAttr(float(value), element)))  # pyright: ignore[reportArgumentType, reportCallIssue]
    return moved


def _widening(source: SSAValue, user: Operation) -> GenericOp:
    from xdsl.dialects.builtin import AffineMapAttr
    from xdsl.dialects.linalg.attrs import IteratorTypeAttr
    from xdsl.dialects.linalg.ops import YieldOp

    narrow = nn.tensor_of(source)
    result = TensorType(f32, narrow.get_shape())
    block = Block(arg_types=[narrow.element_type, f32])
    wide = arith.ExtFOp(block.args[0], f32)
    block.add_ops([wide, YieldOp(wide.result)])
    identity = AffineMapAttr(AffineMap.identity(narrow.get_num_dims()))
    kinds = [IteratorTypeAttr.parallel()] * narrow.get_num_dims()
    return GenericOp([source], [_empty(result, user)], Region(block), [identity, identity], kinds, [result])


def _empty(result: TensorType, user: Operation) -> SSAValue:
    empty = tensor.EmptyOp([], result)
    Rewriter.insert_op(empty, InsertPoint.before(user))
    return empty.tensor


def _erase(op: Operation) -> None:
    """The op, and the buffer that only it was to fill."""
    starts = [v.owner for v in op.operands if isinstance(v.owner, tensor.EmptyOp)]
    Rewriter.erase_op(op)
    for start in starts:
        if not list(start.results[0].uses):
            Rewriter.erase_op(start)
