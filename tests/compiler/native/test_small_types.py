"""Floats of 4 and 8 bits, integers of 2 and 4: cast natively as ml_dtypes, an independent library, does."""

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import TenonError, compile, load, run_reference

FLOATS = {
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "float8_e5m2": TensorProto.FLOAT8E5M2,
    "float8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "float4_e2m1fn": TensorProto.FLOAT4E2M1,
}
INTEGERS = {
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
    "int2": TensorProto.INT2,
    "uint2": TensorProto.UINT2,
}


def model(kind, shape, *nodes, initializers=()):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_empty_tensor_value_info("y")], list(initializers),
    )  # fmt: skip
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=12))


def cast(array, kind, to, **attributes):
    node = helper.make_node("Cast", ["x"], ["y"], to=to, **attributes)
    imported = model(kind, array.shape, node)
    (native,) = compile(imported, cache=False)(array)
    reference = run_reference(imported, {"x": array})["y"]
    assert native.dtype == reference.dtype
    np.testing.assert_array_equal(native.view(np.uint8), reference.view(np.uint8))
    return native


def codes(name):
    dtype = np.dtype(getattr(ml_dtypes, name))
    bits = 4 if name.startswith("float4") else 8
    return np.arange(1 << bits, dtype=np.uint8).view(dtype)


def singles(name):
    """All halves, and around every number and every middle of two numbers of the type, three f32 each."""
    numbers = codes(name).astype(np.float32)
    numbers = np.sort(numbers[np.isfinite(numbers)])
    edges = np.concatenate([numbers, (numbers[1:] + numbers[:-1]) / 2])
    around = [edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))]
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    return np.concatenate([*around, halves, np.array([3e38, -3e38, 1e-45], np.float32)])


@pytest.mark.parametrize("name", FLOATS)
def test_a_small_float_widens_exactly(name):
    x = codes(name)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(cast(x, FLOATS[name], TensorProto.FLOAT), x.astype(np.float32))


@pytest.mark.parametrize("name", FLOATS)
def test_a_small_float_is_rounded_once(name):
    x = singles(name)
    with np.errstate(over="ignore", invalid="ignore"):
        want = x.astype(getattr(ml_dtypes, name))
    got = cast(x, TensorProto.FLOAT, FLOATS[name], saturate=0)
    np.testing.assert_array_equal(got.view(np.uint8), want.view(np.uint8))
    got, finite = cast(x, TensorProto.FLOAT, FLOATS[name]).astype(np.float32), ~np.isnan(x)
    most = float(ml_dtypes.finfo(want.dtype).max)
    want = np.clip(x, -most, most).astype(want.dtype).astype(np.float32)
    np.testing.assert_array_equal(got[finite], want[finite])


@pytest.mark.parametrize("name", INTEGERS)
def test_a_small_integer_wraps(name):
    dtype = np.dtype(getattr(ml_dtypes, name))
    x = np.arange(-40, 40, dtype=np.int8)
    count = 1 << int(name[-1])
    want = (x.astype(int) % count).astype(np.uint8)
    want = want if name[0] == "u" else np.where(want >= count // 2, want.astype(int) - count, want)
    small = cast(x, TensorProto.INT8, INTEGERS[name])
    assert small.dtype == dtype and (small.view(np.uint8) < count).all()
    np.testing.assert_array_equal(small.astype(int), want)
    np.testing.assert_array_equal(cast(small, INTEGERS[name], TensorProto.FLOAT), want)
    loose = (small.view(np.uint8) + np.uint8(3 * count)).view(dtype)  # upper bits mean nothing
    np.testing.assert_array_equal(cast(loose, INTEGERS[name], TensorProto.INT16), want)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
def test_packed_constants_are_moved(name):
    """Weights as a file holds them, added to an input after they were turned around."""
    kind = (FLOATS | INTEGERS)[name]
    w = np.arange(30).astype(np.int8).reshape(5, 6) % 4 - (0 if name[0] == "u" else 2)
    w = w.astype(np.float32).astype(getattr(ml_dtypes, name))
    tensor = numpy_helper.from_array(w, "w")
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["x"], ["s"], to=kind),
        helper.make_node("Reshape", ["s", "shape"], ["r"]),
        helper.make_node("Concat", ["r", "r"], ["c"], axis=0),
        helper.make_node("Cast", ["c"], ["g"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["f", "g"], ["y"]),
    ]
    shape = numpy_helper.from_array(np.array([3, 5]), "shape")
    x = np.arange(15, dtype=np.float32) % 2
    (got,) = compile(model(TensorProto.FLOAT, (15,), *nodes, initializers=[tensor, shape]), cache=False)(x)
    want = w.astype(np.float32).T + np.concatenate([x.reshape(3, 5)] * 2)
    np.testing.assert_array_equal(got, want)


def test_small_integers_are_not_computed_with():
    add = helper.make_node("Add", ["x", "x"], ["y"], name="n")
    with pytest.raises(TenonError, match=r"^node 'n' \(Add\): nn.elementwise does not compute with i4: cast"):
        model(TensorProto.INT4, (3,), add)


def test_packed_bytes_are_counted():
    tensor = helper.make_tensor("w", TensorProto.UINT4, [5], b"\1\2\3", raw=True)
    tensor.raw_data = b"\1\2"
    add = helper.make_node("Cast", ["w"], ["y"], to=TensorProto.FLOAT)
    with pytest.raises(TenonError, match=r"'w': shape \[3\] of uint8 needs 3 bytes, the file holds 2"):
        model(TensorProto.FLOAT, (3,), add, initializers=[tensor])
