"""Gathers: the interpretation against loops in Python, the lowering against the interpretation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Region

from tenonc.dialects import nn
from tenonc.dialects.reference import interpreter
from tenonc.passes.lower_nn import LowerNnPass

RNG = np.random.default_rng(0)


def run_both(make, *inputs):
    """The result of the op, after comparing it with its lowering's."""
    block = Block(arg_types=[TensorType(nn.element_type(x.dtype), x.shape) for x in inputs])
    op = make(*block.args)
    block.add_ops([op, func.ReturnOp(op)])
    types = [a.type for a in block.args], [op.results[0].type]
    module = ModuleOp([func.FuncOp("main", types, Region(block))])
    module.verify()
    (expected,) = interpreter(module).call_op("main", inputs)
    LowerNnPass().apply(Context(), module)
    module.verify()
    signless = [x.view(f"i{x.itemsize}") if x.dtype.kind == "u" else x for x in inputs]
    (found,) = interpreter(module).call_op("main", tuple(signless))
    np.testing.assert_array_equal(found, expected)
    return expected


def clamp(index, extent):
    index = int(index) + extent if index < 0 else int(index)
    return min(max(index, 0), extent - 1)


@given(st.data())
def test_gather(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.integers(1, len(shape) - axis))
    batch = data.draw(st.integers(0, axis))
    rest = tuple(data.draw(st.lists(st.integers(1, 3), min_size=0, max_size=2)))
    dtype = data.draw(st.sampled_from(["i8", "i4", "i8", "u1"]))
    x = RNG.standard_normal(shape).astype(np.float32)
    taken = (*shape[:batch], *rest)
    low = 0 if dtype == "u1" else -5
    indices = [RNG.integers(low, 6, taken).astype(dtype) for _ in range(count)]
    found = run_both(lambda v, *i: nn.GatherOp(v, i, axis, batch), x, *indices)
    for outer in np.ndindex(*shape[:axis]):
        for at in np.ndindex(*rest):
            picked = tuple(clamp(i[(*outer[:batch], *at)], shape[axis + n]) for n, i in enumerate(indices))
            np.testing.assert_array_equal(found[(*outer, *at)], x[(*outer, *picked)])


@given(st.data())
def test_gather_elements(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    axis = data.draw(st.integers(0, len(shape) - 1))
    taken = [data.draw(st.integers(1, 5 if i == axis else n)) for i, n in enumerate(shape)]
    x, indices = RNG.standard_normal(shape).astype(np.float32), RNG.integers(-6, 7, taken)
    found = run_both(lambda v, i: nn.GatherElementsOp(v, i, axis), x, indices)
    for at in np.ndindex(*taken):
        source = list(at)
        source[axis] = clamp(indices[at], shape[axis])
        assert found[at] == x[tuple(source)]


def test_iota():
    op = nn.IotaOp(5)
    (found,) = interpreter(ModuleOp([])).run_op(op, ())
    assert found.dtype == np.int64 and found.tolist() == [0, 1, 2, 3, 4]
    assert nn.is_compile_time(op.result)


@pytest.mark.parametrize("dtype", ["bool", "i1", "f2", "f8"])
def test_what_is_gathered_keeps_its_bits(dtype):
    x = RNG.integers(0, 2, (3, 4)).astype(dtype)
    found = run_both(lambda v, i: nn.GatherOp(v, [i], 1), x, np.array([3, 0, -1]))
    assert found.dtype == x.dtype and (found == x[:, [3, 0, -1]]).all()
