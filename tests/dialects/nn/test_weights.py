"""The weight store: content addressing, saving, and files that are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tenonc.dialects import nn
from tenonc.dialects.errors import TenonError

DTYPES = ["float64", "float32", "float16", "int8", "uint8", "int32", "int64", "bool"]


def test_equal_arrays_are_kept_once_and_others_apart():
    store = nn.WeightStore()
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    first = store.put(array)
    assert store.put(array.T.copy().T) == first and len(store) == 1
    others = [array.reshape(3, 2), array.astype(np.float64), array.view(np.int32), -array]
    assert len({store.put(other).digest for other in others} | {first.digest}) == 5
    np.testing.assert_array_equal(store.get(first), array)
    with pytest.raises(ValueError, match="read-only"):
        store.get(first)[0] = 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_saved_and_mapped(tmp_path, dtype):
    store, path = nn.WeightStore(), tmp_path / "w.safetensors"
    arrays = [np.arange(7).astype(dtype), np.zeros((2, 0, 3), dtype), np.asarray(1).astype(dtype)]
    keys = [store.put(array) for array in arrays]
    store.save(path)
    loaded = nn.WeightStore.load(path)
    for key, array in zip(keys, arrays, strict=True):
        np.testing.assert_array_equal(loaded.get(key), array)
        assert loaded.get(key).dtype == array.dtype
    again = tmp_path / "again.safetensors"
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"\x10", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}garbage"])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(TenonError, match="not a readable weight file"):
        nn.WeightStore.load(path)
    with pytest.raises(TenonError, match="not a readable weight file"):
        nn.WeightStore.load(tmp_path / "missing")


def test_missing_weight():
    with pytest.raises(TenonError, match="^weight 00ff is not in the store of 0 weights$"):
        nn.WeightStore().get("00ff")


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes())))
def test_constants_are_small_or_stored(array):
    store = nn.WeightStore()
    op = nn.constant(store, array)
    op.verify()
    assert (len(store) == 0) == (array.size <= 16)
    held = nn.dense_array(op.value) if not len(store) else store.get(op.value)
    np.testing.assert_array_equal(held, array)
