"""Elementwise ops in every element type they have, interpreted and native, against onnxruntime and numpy."""

import numpy as np
import pytest
from onnx import TensorProto

from tenonc.compiler import compile, load

RNG = np.random.default_rng(17)


def f32(*shape):
    return (RNG.standard_normal(shape) * 3).astype(np.float32)


def integers(dtype, *shape):
    info = np.iinfo(dtype)
    return RNG.integers(max(info.min, -60), 60, shape).astype(dtype)


@pytest.mark.parametrize("op", "Tan Atan Sinh Cosh Asinh Sin Cos".split())
def test_functions_of_all_numbers(one_op, like_onnxruntime, op):
    like_onnxruntime(one_op(op, {"x": f32(3, 7)}), {"x": f32(3, 7)})


@pytest.mark.parametrize("op", "Asin Acos Atanh".split())
def test_functions_of_the_unit_interval(one_op, like_onnxruntime, op):
    x = {"x": np.append(np.sin(f32(20)), np.float32([0.0, -0.0, 1.0] if op != "Atanh" else [0.5]))}
    like_onnxruntime(one_op(op, x), x)


def test_acosh(one_op, like_onnxruntime):
    x = {"x": np.abs(f32(20)) + 1}
    like_onnxruntime(one_op("Acosh", x), x)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("op", ["Mod", "BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_integers_of_two_operands(one_op, like_onnxruntime, op, dtype):
    arrays = {"a": integers(dtype, 4, 9), "b": integers(dtype, 9)}
    arrays["b"][arrays["b"] == 0] = 7
    like_onnxruntime(one_op(op, arrays, opset=18), arrays)


@pytest.mark.parametrize("dtype", ["i4", "i8", "f4", "f8"])
def test_mod_with_the_sign_of_the_dividend(one_op, like_onnxruntime, dtype):
    arrays = {"a": f32(40) * 9, "b": np.where(np.abs(f32(40)) < 1, np.float32(2), f32(40))}
    arrays = {k: np.where(v.astype(dtype) == 0, 3, v).astype(dtype) for k, v in arrays.items()}
    like_onnxruntime(one_op("Mod", arrays, fmod=1), arrays)


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8"])
def test_shifts(one_op, dtype, direction):
    arrays = {"a": integers(dtype, 40), "b": RNG.integers(0, 80, 40).astype(dtype)}
    (found,) = compile(load(one_op("BitShift", arrays, direction=direction)))(arrays)
    bits = 8 * np.dtype(dtype).itemsize
    shift = (lambda x, n: x << n) if direction == "LEFT" else (lambda x, n: x >> n)
    expected = [shift(int(x), int(n)) % (1 << bits) if n < bits else 0 for x, n in zip(*arrays.values())]
    assert found.tolist() == expected


@pytest.mark.parametrize("base", ["f4", "f8", "i4", "i8"])
@pytest.mark.parametrize("exponent", ["f4", "i4", "i8"])
def test_powers_of_mixed_types(one_op, like_onnxruntime, base, exponent):
    arrays = {"a": (np.abs(f32(5, 6)) + 1).astype(base), "b": RNG.integers(0, 4, 6).astype(exponent)}
    like_onnxruntime(one_op("Pow", arrays, opset=15), arrays)


def test_integer_powers_wrap_and_vanish(one_op):
    a = np.array([2, 3, -1, -1, 1, 5, 7, 0, -3], np.int64)
    b = np.array([63, 45, 3, -4, -9, -1, 0, 0, 41], np.int64)
    (found,) = compile(load(one_op("Pow", {"a": a, "b": b}, opset=15)))(a, b)
    wrapped = [pow(int(x), int(y), 2**64) if y >= 0 else 0 for x, y in zip(a, b)]
    wrapped[3], wrapped[4] = 1, 1
    assert found.astype(np.uint64).tolist() == [w % 2**64 for w in wrapped]


@pytest.mark.parametrize("flags", [{}, {"detect_negative": 0}, {"detect_positive": 0}])
def test_infinities_and_nan(one_op, like_onnxruntime, flags):
    x = {"x": np.float32([1, np.inf, -np.inf, np.nan, 0])}
    like_onnxruntime(one_op("IsInf", x, **flags), x)
    like_onnxruntime(one_op("IsNaN", x), x)


def test_no_infinity_is_looked_for(one_op, like_onnxruntime):
    x = {"x": np.float32([1, np.inf])}
    like_onnxruntime(one_op("IsInf", x, detect_negative=0, detect_positive=0), x)


def test_shrink_not_xor(one_op, like_onnxruntime):
    x = {"x": f32(40)}
    like_onnxruntime(one_op("Shrink", x, bias=0.5, lambd=1.5), x)
    bools = {"a": f32(3, 4) > 0, "b": f32(4) > 0}
    like_onnxruntime(one_op("Xor", bools), bools)
    ints = {"x": integers("i4", 9)}
    like_onnxruntime(one_op("BitwiseNot", ints, opset=18), ints)


@pytest.mark.parametrize(
    ("source", "to"), [("f4", "INT32"), ("i4", "FLOAT"), ("f2", "UINT16"), ("u2", "FLOAT16"), ("i1", "UINT8")]
)
def test_bits_as_another_type(one_op, source, to):
    x = np.frombuffer(RNG.bytes(64), source)
    (found,) = compile(load(one_op("BitCast", {"x": x}, opset=26, to=getattr(TensorProto, to))))(x)
    assert found.tobytes() == x.tobytes()


@pytest.mark.parametrize("exponent", [1, 2, 3, -1, 0.5, 0, 2.5])
def test_known_exponents(one_op, like_onnxruntime, exponent):
    x = {"x": np.abs(f32(3, 5)) + np.float32(0.1)}
    for shape in ((), (1,), (1, 1, 1)):
        constants = {"e": np.full(shape, exponent, np.float32)}
        like_onnxruntime(one_op("Pow", x, constants), x)
    (found,) = compile(load(one_op("Pow", x, {"e": np.float64(2)})))(x)
    np.testing.assert_array_equal(found, x["x"] * x["x"])


@pytest.mark.parametrize("target", ["host", "x86-64"])
def test_sigmoid_vanishes_gradually(one_op, target):
    x = np.linspace(-104, 90, 4001).astype(np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    (found,) = compile(load(one_op("Sigmoid", {"x": x})), target)(x)
    assert (np.abs(found - exact) <= 2 * np.spacing(exact.astype(np.float32)).astype(np.float64)).all()


def test_large_angles(one_op):
    x = np.float32([1e5, -3e7, 2.5e20, 3.4e38, 0.0, -0.0, 1e-40, np.inf, np.nan])
    for op, exact in (("Sin", np.sin), ("Cos", np.cos)):
        (found,) = compile(load(one_op(op, {"x": x})))(x)
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(found, exact(x.astype(np.float64)), rtol=3e-7, atol=1e-45)
