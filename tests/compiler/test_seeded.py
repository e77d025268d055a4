"""Seeded arrays: repeatable, independent of their surroundings, inside the range of their type."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, TensorType, bf16, f32, i1, i8, i64

from tenonc.compiler.seeded import SeededStore, seeded_array, seeded_weight
from tenonc.dialects import nn
from tenonc.dialects.nn import WeightAttr, WeightStore

UI8 = IntegerType(8, Signedness.UNSIGNED)
DIGEST = "ab" * 32


@given(st.lists(st.integers(0, 4), max_size=4), st.sampled_from([f32, bf16, i1, i8, UI8, i64]))
def test_shape_dtype_and_repeatability(shape: list[int], element):
    type_ = TensorType(element, shape)
    array = seeded_array(type_, 3, "main", 0)
    assert array.shape == tuple(shape)
    assert array.tobytes() == seeded_array(type_, 3, "main", 0).tobytes()


def test_each_key_draws_its_own():
    type_ = TensorType(f32, [64])
    arrays = [seeded_array(type_, *key) for key in ((0, "f", 0), (0, "f", 1), (0, "g", 0), (1, "f", 0))]
    assert len({array.tobytes() for array in arrays}) == len(arrays)


@pytest.mark.parametrize(("element", "low", "high"), [(i8, -128, 127), (UI8, 0, 255), (i1, 0, 1)])
def test_small_integers_fill_their_range(element, low: int, high: int):
    array = seeded_array(TensorType(element, [20000]), 0)
    assert (array.min(), array.max()) == (low, high)


def test_wide_integers_leave_room_for_sums():
    array = seeded_array(TensorType(i64, [1000]), 0)
    assert array.dtype == np.int64 and 1000 < np.abs(array).max() <= 1 << 15


def test_weights_can_be_variances_and_keep_the_scale():
    variance = seeded_weight(TensorType(f32, [256]), DIGEST)
    assert 0.5 <= variance.min() and variance.max() <= 1.5
    kernel = seeded_weight(TensorType(f32, [64, 32, 3, 3]), DIGEST)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (32 * 9)), rel=0.05)


def test_the_store_prefers_what_it_is_given():
    known = WeightStore()
    given_attr = known.put(np.arange(4, dtype=np.float32))
    stand_in = WeightAttr.of(DIGEST, TensorType(f32, [2, 3]))
    module = ModuleOp([nn.ConstantOp(given_attr), nn.ConstantOp(stand_in)])
    store = SeededStore(known)
    store.complete(module)
    assert store[given_attr.digest.data].tolist() == [0, 1, 2, 3]
    assert store[DIGEST].tolist() == seeded_weight(stand_in.type, DIGEST).tolist()
    assert DIGEST not in known
