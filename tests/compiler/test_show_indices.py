"""Positions of a gather that the file knows stand in the IR, whatever they came as."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from tenonc.compiler import Model, compile
from tenonc.compiler.show_indices import show_indices
from tenonc.dialects import nn

EXTENT = 300


def gathering(indices: np.ndarray) -> Model:
    """Positions of a vector of 300, as a weight of the store."""
    store, block = nn.WeightStore(), Block()
    x = block.insert_arg(TensorType(f32, (EXTENT,)), 0)
    block.add_op(table := nn.ConstantOp(store.put(indices)))
    block.add_op(gather := nn.GatherOp(x, [table.result], 0))
    block.add_op(ReturnOp(gather.result))
    types = FunctionType.from_lists([x.type], [gather.result.type])
    return Model(ModuleOp([FuncOp("main", types, Region(block))]), store)


@pytest.mark.parametrize(
    ("indices", "seen"),
    [
        ([0, 7, EXTENT - 1, 7], [0, 7, EXTENT - 1, 7]),
        ([-1, -EXTENT, 5], [EXTENT - 1, 0, 5]),
        ([-EXTENT - 1, EXTENT, -1], [-EXTENT - 1, EXTENT, -1]),  # clamped at run time, as they are
    ],
)
def test_what_stands_in_the_ir(indices, seen):
    array = np.array(indices, np.int32)
    model = gathering(array)
    show_indices(model.module, model.store)
    model.module.verify()
    (gather,) = (op for op in model.module.walk() if isinstance(op, nn.GatherOp))
    constant = gather.indices[0].owner
    assert isinstance(constant, nn.ConstantOp)
    np.testing.assert_array_equal(nn.dense_array(constant.value), np.array(seen, np.int64))
    x = np.arange(EXTENT, dtype=np.float32)
    (found,) = compile(gathering(array), cache=False)(x)
    normal = np.where(array < 0, array + EXTENT, array)
    np.testing.assert_array_equal(found, x[np.clip(normal, 0, EXTENT - 1)])
