"""The weight store: content addressing, saving, and files that are none."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tenonc.dialects import nn
from tenonc.dialects.errors import TenonError

DTYPES = ["float64", "float32", "float16", "int8", "uint8", "int32", "int64", "bool"]
SMALL = ["int4", "uint2", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "float8_e8m0fnu"]


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


@pytest.mark.parametrize("dtype", DTYPES + SMALL)
def test_saved_and_mapped(tmp_path, dtype):
    dtype = np.dtype(getattr(ml_dtypes, dtype) if dtype in SMALL else dtype)
    store, path = nn.WeightStore(), tmp_path / "w.safetensors"
    arrays = [np.arange(7).astype(dtype), np.zeros((2, 0, 3), dtype), np.asarray(1).astype(dtype)]
    keys = [store.put(array) for array in arrays]
    store.save(path)
    loaded = nn.WeightStore.load(path)
    for key, array in zip(keys, arrays, strict=True):
        assert loaded.get(key).tobytes() == array.tobytes() and loaded.get(key).shape == array.shape
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


def array_of(store: nn.WeightStore, value: Any) -> np.ndarray:
    return store.get(value) if isinstance(value, nn.WeightAttr) else nn.dense_array(value)


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes())))
def test_constants_are_small_or_stored(array):
    store = nn.WeightStore()
    op = nn.constant(store, array)
    op.verify()
    assert (len(store) == 0) == (array.size <= 16)
    np.testing.assert_array_equal(array_of(store, op.value), array)


@pytest.mark.parametrize("dtype", SMALL)
def test_small_constants_print_and_parse(dtype):
    """What does not parse back is stored: NaN and infinity of 8-bit floats."""
    from xdsl.context import Context
    from xdsl.parser import Parser

    from tenonc.dialects.registry import DIALECTS

    codes = np.arange(4 if "2" in dtype[3:5] else 16, dtype=np.uint8) + (120 if dtype[0] == "f" else 0)
    array = (codes & 15 if "4" in dtype[:6] else codes).view(getattr(ml_dtypes, dtype))
    store, context = nn.WeightStore(), Context()
    for name, factory in DIALECTS.items():
        context.register_dialect(name, factory)
    for part in (array, array[:1]):
        op = nn.constant(store, part)
        value = Parser(context, str(op.value)).parse_attribute()
        assert value == op.value
        found = array_of(store, value)
        assert found.tobytes() == part.tobytes() and found.dtype == part.dtype
