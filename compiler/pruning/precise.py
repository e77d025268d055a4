"""A model in f64: what the reference interpreter then computes is as good as exact."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import FunctionType, TensorType, f32, f64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import Rewriter

from ...dialects import nn
from ..model import Model


def as_f64(model: Model) -> Model:
    """A copy of an nn model whose f32 values, weights included, are f64."""
    module, store = model.module.clone(), nn.WeightStore()
    for op in module.walk():
        for region in op.regions:
            for block in region.blocks:
                for argument in block.args:
                    _retype(argument)
        for result in op.results:
            _retype(result)
        if isinstance(op, FuncOp):
            types = op.function_type
            op.function_type = FunctionType.from_lists(
                [_wide(t) for t in types.inputs], [_wide(t) for t in types.outputs]
            )
        if isinstance(op, nn.ConstantOp):
            op.properties["value"] = _wide_constant(model.store, store, op)
    return Model(module, store, name=model.name)


def _retype(value: SSAValue) -> None:
    wide = _wide(value.type)
    if wide != value.type:
        Rewriter.replace_value_with_new_type(value, wide)


def _wide(type_: Attribute) -> Attribute:
    if isinstance(type_, TensorType) and type_.element_type == f32:
        return TensorType(f64, type_.get_shape())
    return type_


def _wide_constant(old: nn.WeightStore, new: nn.WeightStore, op: nn.ConstantOp) -> Attribute:
    value = op.value
    small = not isinstance(value, nn.WeightAttr)
    array = nn.dense_array(value) if small else old.get(value)
    if array.dtype == np.float32:
        array = array.astype(np.float64)
    return nn.dense_attribute(array, nn.tensor_of(op.result).element_type) if small else new.put(array)
