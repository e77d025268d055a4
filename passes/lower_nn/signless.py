"""Integers lose their sign: nn types say ui8, from here on the ops say divui. Small types become bytes.

Expects bodies whose ops were chosen by the types of their operands (nn/scalar_builder.py). Leaves every
run-time value signless, also the functions' arguments and results; a compile-time value keeps its type and is
cast, bit for bit, where it is used.
"""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    Signedness,
    TensorType,
    i8,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.nn.scalar_builder import integer_attribute


def signless(type_: Attribute) -> Attribute:
    """A scalar or tensor type without signs; a byte where an element is smaller or a small float."""
    if nn.is_small(type_):
        return i8
    if isinstance(type_, IntegerType) and type_.signedness.data != Signedness.SIGNLESS:
        return IntegerType(type_.width.data)
    if isinstance(type_, TensorType):
        return TensorType(signless(type_.element_type), type_.get_shape(), type_.encoding)
    return type_


def drop_signs(module: ModuleOp) -> None:
    """Rewrites `module` in place."""
    ops = list(module.walk())
    known = nn.compile_time_values(ops)
    for op in ops:
        for value in (*op.results, *(a for region in op.regions for b in region.blocks for a in b.args)):
            if (type_ := signless(value.type)) != value.type:
                _retype(op, value, type_, value in known)
    for op in ops:
        _update(op)


def _retype(op: Operation, value: SSAValue, type_: Attribute, compile_time: bool) -> None:
    if not compile_time:
        Rewriter.replace_value_with_new_type(value, type_)
        return
    users = [use for use in value.uses if not isinstance(use.operation, nn.NNOperation)]
    if users:
        assert isinstance(type_, TensorType)
        small = nn.is_small(nn.tensor_of(value).element_type)
        cast = (nn.BitcastOp if small else nn.CastOp)(value, type_.element_type)
        cast.location = op.location
        cast.result.name_hint = value.name_hint
        Rewriter.insert_op(cast, InsertPoint.after(op))
        for use in users:
            use.operation.operands[use.index] = cast.result


def _update(op: Operation) -> None:
    if isinstance(op, arith.ConstantOp) and isinstance(op.value, FloatAttr) and op.result.type == i8:
        op.properties["value"] = integer_attribute(nn.bits_of(op.value), i8)
    elif isinstance(op, arith.ConstantOp) and isinstance(op.value, IntegerAttr):
        if isinstance(type_ := op.result.type, IntegerType):
            op.properties["value"] = integer_attribute(op.value.value.data, type_)
    elif isinstance(op, arith.BitcastOp) and op.input.type == op.result.type:
        op.result.replace_all_uses_with(op.input)
        Rewriter.erase_op(op)
    elif isinstance(op, FuncOp) and not op.is_declaration:
        op.update_function_type()
