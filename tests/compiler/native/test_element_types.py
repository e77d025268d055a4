"""Casts, arithmetic and contractions in every element type, on every target this machine runs."""

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load
from tenonc.targets.record import host, records

RUNNABLE = [name for name, record in records().items() if record.enabled <= host().enabled]
BFLOAT = np.dtype(ml_dtypes.bfloat16)
KINDS = {
    np.dtype(name): getattr(TensorProto, kind)
    for name, kind in [
        ("bool", "BOOL"), ("float16", "FLOAT16"), ("float32", "FLOAT"), ("float64", "DOUBLE"),
        *((f"{sign}int{bits}", f"{sign}int{bits}".upper()) for sign in ("", "u") for bits in (8, 16, 32, 64)),
    ]
} | {BFLOAT: TensorProto.BFLOAT16}  # fmt: skip


def run(op, *arrays, target="host", **attributes):
    """One node on runtime inputs."""
    names = [f"x{i}" for i in range(len(arrays))]
    infos = [helper.make_tensor_value_info(n, KINDS[a.dtype], a.shape) for n, a in zip(names, arrays)]
    node = helper.make_node(op, names, ["y"], **attributes)
    graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    (found,) = compile(load(model), target)(*arrays)
    return found


def every_half(dtype):
    return np.arange(2**16, dtype=np.uint16).view(dtype)


def singles():
    """Every 70001st f32 by its bits, and the neighbours of all ties between 16-bit floats."""
    spread = np.arange(0, 2**32, 70001, np.uint64).astype(np.uint32)
    halves = np.concatenate([every_half(d).astype(np.float32) for d in (np.float16, BFLOAT)]).view(np.uint32)
    ties = np.concatenate([halves + np.uint32(step) for step in (0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000)])
    return np.concatenate([spread, ties]).view(np.float32)


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("dtype", [np.dtype(np.float16), BFLOAT], ids=str)
def test_sixteen_bit_floats_convert_as_in_numpy(dtype, target):
    x = every_half(dtype)
    found = run("Cast", x, target=target, to=TensorProto.FLOAT)
    np.testing.assert_array_equal(found, x.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(x.astype(np.float32)))
    y = singles()
    with np.errstate(over="ignore"):
        expected = y.astype(dtype)
    found = run("Cast", y, target=target, to=KINDS[dtype])
    nan = np.isnan(y)
    assert np.isnan(found[nan].astype(np.float32)).all()
    if dtype == BFLOAT and "avx512bf16" in records()[target].enabled:  # its instruction flushes denormals
        flushed = np.abs(y) < np.finfo(np.float32).smallest_normal
        expected[flushed] = np.copysign(np.float32(0), y[flushed]).astype(dtype)
    np.testing.assert_array_equal(found[~nan].view(np.uint16), expected[~nan].view(np.uint16))


def test_f64_rounds_once_to_sixteen_bits():
    # Just above a tie of f16: by way of f32 it would become the tie, and round down.
    x = np.array(
        [1 + 2.0**-11 + 2.0**-40, -(1 + 2.0**-11 + 2.0**-40), 1 + 2.0**-11, 1e300, np.nan, 65519.999]
    )
    found = run("Cast", x, to=TensorProto.FLOAT16)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, x.astype(np.float16))
    brain = run("Cast", np.array([1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-8]), to=TensorProto.BFLOAT16)
    np.testing.assert_array_equal(brain.astype(np.float32), np.float32([1 + 2.0**-7, 1.0]))


@pytest.mark.parametrize("to", [d for d in KINDS if d.kind in "iub"], ids=str)
@pytest.mark.parametrize("source", list(KINDS), ids=str)
def test_casts_to_integers(source, to):
    low = -90 if source.kind not in "bu" else 0
    x = np.linspace(low, 120, 37).astype(source)
    wide = x.astype(np.float32) if source.kind not in "iub" else x
    expected = np.trunc(wide).astype(np.int64).astype(to) if to.kind != "b" else wide != 0
    if to.kind != "u" or to.itemsize < 8 or source.kind in "iub":
        np.testing.assert_array_equal(run("Cast", x, to=KINDS[to]), expected)


@pytest.mark.parametrize("to", [np.dtype("f4"), np.dtype("f8"), np.dtype("f2"), BFLOAT], ids=str)
@pytest.mark.parametrize("source", [d for d in KINDS if d.kind in "iub"], ids=str)
def test_casts_from_integers(source, to):
    high = min(np.iinfo(source).max if source.kind != "b" else 1, 60000)
    x = np.linspace(0 if source.kind in "ub" else -min(high, 50), high, 37).astype(source)
    np.testing.assert_array_equal(run("Cast", x, to=KINDS[to]), x.astype(np.float32).astype(to))


@pytest.mark.parametrize("dtype", [d for d in KINDS if d.kind in "iu"], ids=str)
def test_integer_arithmetic_has_the_type_s_sign(dtype):
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    a, b = (rng.integers(info.min, info.max, 41, dtype, endpoint=True) for _ in range(2))
    b[:4], a[0], b[0] = [1, 0, info.max, info.min], info.min, -1 if dtype.kind == "i" else 1
    for op, expected in [("Add", a + b), ("Mul", a * b), ("Max", np.maximum(a, b)), ("Less", a < b)]:
        np.testing.assert_array_equal(run(op, a, b), expected)
    nonzero = np.where(b == 0, dtype.type(1), b)
    found = run("Div", a, b)
    with np.errstate(over="ignore"):
        exact = [
            int(abs(int(x)) // abs(int(y)) * (1 if (x < 0) == (y < 0) else -1)) for x, y in zip(a, nonzero)
        ]
    wrapped = np.array([value & (1 << 8 * dtype.itemsize) - 1 for value in exact], np.uint64).astype(dtype)
    np.testing.assert_array_equal(found, np.where(b == 0, dtype.type(0), wrapped))
    m = a[:36].reshape(6, 6)
    np.testing.assert_array_equal(run("MatMul", m, m), m @ m)
    np.testing.assert_array_equal(run("ReduceMax", m, keepdims=0), m.max())


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("dtype", [np.dtype(np.float16), BFLOAT], ids=str)
def test_sixteen_bit_ops_round_once(dtype, target):
    """Sums are made in f32: a 16-bit accumulator would stop growing long before 4096."""
    ones = np.ones((1, 4096), np.float32).astype(dtype)
    assert run("ReduceSum", ones, target=target)[0, 0] == 4096
    assert run("MatMul", ones, ones.T.copy(), target=target)[0, 0] == 4096
    rng = np.random.default_rng(1)
    x, w = (rng.standard_normal(s).astype(dtype) for s in ((1, 3, 9, 9), (5, 3, 3, 3)))
    found = run("Conv", x, w, target=target, pads=[1, 1, 1, 1])
    expected = run("Conv", x.astype(np.float32), w.astype(np.float32), pads=[1, 1, 1, 1])
    unit = float(ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=unit, atol=unit)
    for op in ("Softmax", "Exp", "Sigmoid", "Relu", "AveragePool"):
        more = {"kernel_shape": [2, 2]} if op == "AveragePool" else {}
        got = run(op, x, target=target, **more).astype(np.float32)
        np.testing.assert_allclose(got, run(op, x.astype(np.float32), **more), rtol=unit / 2 + 1e-6)


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (5,)])
def test_sixteen_bit_operands_that_broadcast(shape, target):
    """One element in all lanes: LLVM cannot do that to a bfloat."""
    rng = np.random.default_rng(8)
    for dtype in (BFLOAT, np.dtype(np.float16)):
        x = rng.standard_normal((2, 3, 5)).astype(dtype)
        y = rng.standard_normal(shape).astype(dtype)
        found = run("Mul", x, y, target=target)
        expected = (x.astype(np.float32) * y.astype(np.float32)).astype(dtype)
        np.testing.assert_array_equal(found.view(np.uint16), expected.view(np.uint16))
