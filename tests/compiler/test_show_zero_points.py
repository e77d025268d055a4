"""A zero point that is computed from constants costs what a constant does."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from tenonc.compiler import Model, compile, run_reference
from tenonc.compiler.show_zero_points import show_zero_points
from tenonc.dialects import nn, qnn
from tenonc.dialects.qnn.parameters import ui8, visible

ZERO = 119


def padded(kind: str) -> Model:
    """x u8 [1, 8, 6, 6] through a padded convolution; its zero point is a constant, an expression of
    constants, or an argument."""
    rng, store, block = np.random.default_rng(3), nn.WeightStore(), Block()

    def add(op):
        block.add_op(op)
        return op.results[0]

    def constant(array):
        return add(nn.constant(store, np.asarray(array)))

    x = block.insert_arg(TensorType(ui8, (1, 8, 6, 6)), 0)
    if kind == "argument":
        zero = block.insert_arg(TensorType(ui8, ()), 1)
    elif kind == "constant":
        zero = constant(np.uint8(ZERO))
    else:
        total = add(nn.ElementwiseOp("add", constant(np.int32(ZERO - 4)), constant(np.int32(4))))
        zero = add(nn.CastOp(total, ui8))
    weights = constant(rng.integers(-127, 128, (4, 8, 3, 3), np.int8))
    conv = qnn.ConvOp(
        x, weights, zero, constant(np.int8(0)), strides=[1, 1], pads=[1] * 4, dilations=[1, 1], groups=1
    )
    block.add_op(conv)
    block.add_op(ReturnOp(conv.result))
    types = FunctionType.from_lists([a.type for a in block.args], [conv.result.type])
    return Model(ModuleOp([FuncOp("main", types, Region(block))]), store)


def test_the_code_is_that_of_a_constant():
    expression, constant = (compile(padded(kind), cache=False) for kind in ("expression", "constant"))
    assert expression.emit("ll") == constant.emit("ll")
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 6, 6), np.uint8)
    want = run_reference(padded("expression"), {"input0": x})["output0"]
    np.testing.assert_array_equal(expression(x)[0], want)


@pytest.mark.parametrize(("kind", "seen"), [("expression", ZERO), ("constant", ZERO), ("argument", None)])
def test_what_stands_in_the_ir(kind, seen):
    model = padded(kind)
    show_zero_points(model.module, model.store)
    model.module.verify()
    (conv,) = (op for op in model.module.walk() if isinstance(op, qnn.ConvOp))
    assert visible(conv.zp_x) == seen
