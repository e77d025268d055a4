"""quantize-dynamic: the error that its bytes explain, and no more; which products are converted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Block, Region

from tenonc.dialects import nn
from tenonc.dialects.errors import UsageError
from tenonc.dialects.reference import interpreter
from tenonc.passes.quantize_dynamic import QuantizeDynamicPass


class Product:
    """x @ w for each of `weights`, converted."""

    def __init__(self, shape, *weights):
        store, block = nn.WeightStore(), Block(arg_types=[TensorType(f32, shape)])
        made = [nn.constant(store, w) for w in weights]
        products = [nn.MatmulOp(block.args[0], w) for w in made]
        block.add_ops([*made, *products, func.ReturnOp(*products)])
        types = [block.args[0].type], [op.result.type for op in products]
        self.module = ModuleOp([func.FuncOp("main", types, Region(block))])
        QuantizeDynamicPass(to="int8").apply(Context(), self.module)
        self.module.verify()
        self.machine = interpreter(self.module, store)
        self.names = [op.name for op in block.ops]

    def __call__(self, x):
        return self.machine.call_op("main", (x,))


@given(st.integers(0, 1000), st.sampled_from([(3, 40), (2, 5, 64)]), st.sampled_from([0.0, 1.0, -1.0]))
def test_error_is_half_a_step_of_each_factor(seed, shape, offset):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 10, (*shape[:-1], 1))
    x = ((rng.standard_normal(shape) + 3 * offset) * spread).astype(np.float32)
    w = (rng.standard_normal((shape[-1], 33)) * rng.uniform(0.1, 10, 33)).astype(np.float32)
    (got,) = Product(shape, w)(x)
    span = np.maximum(x.max(-1, keepdims=True), 0) - np.minimum(x.min(-1, keepdims=True), 0)
    row, column = span / 255 / 2, np.abs(w).max(0) / 127 / 2
    bound = row * np.abs(w).sum(0) + column * np.abs(x).sum(-1, keepdims=True) + shape[-1] * row * column
    # zero is a byte, so both ends of a row may be rounded by one more half step
    assert (np.abs(got - x @ w) <= 1.01 * bound + row * np.abs(w).max()).all()
    assert got.shape == (*shape[:-1], 33) and got.dtype == np.float32


def test_zeros_stay_zeros():
    x, w = np.zeros((3, 40), np.float32), np.ones((40, 32), np.float32)
    x[1] = 2
    w[:, 5] = 0
    (got,) = Product(x.shape, w)(x)
    assert not got[[0, 2]].any() and not got[1, 5]
    np.testing.assert_allclose(got[1, :5], 80, rtol=1e-2)


def test_a_row_is_quantized_once_for_all_its_products():
    w = np.ones((64, 48), np.float32)
    names = Product((4, 64), w, 2 * w, 3 * w).names
    assert names.count("qnn.matmul") == 3
    assert names.count("qnn.quantize") == 2 + 3  # the row, its zero point; and each of the weights


@pytest.mark.parametrize("depth, columns", [(31, 64), (64, 31)])
def test_small_products_stay(depth, columns):
    assert "qnn.matmul" not in Product((4, depth), np.ones((depth, columns), np.float32)).names


def test_unknown_type():
    with pytest.raises(UsageError, match="quantize-dynamic: to is 'int4', expected one of none, int8"):
        QuantizeDynamicPass(to="int4").apply(Context(), ModuleOp([]))
