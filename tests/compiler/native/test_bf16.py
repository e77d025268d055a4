"""`precision="bf16"`: products within their instruction's bound, special values, networks against f32."""

import ml_dtypes
import numpy as np
import pytest
from onnx import numpy_helper

from tenonc.compiler import UsageError, compile, load
from tenonc.passes.schedule import threads
from tenonc.targets.record import host, records

RUNNABLE = [name for name, record in records().items() if record.enabled <= host().enabled]
SHAPES = [(1, 1, 1), (5, 7, 33), (20, 21, 32), (16, 9, 17), (33, 127, 50), (14, 64, 10), (40, 258, 7)]
BF16_RELATIVE = 2.0**-9
"""Half a unit in the last place of bf16."""


def product(new_net, rows: int, depth: int, columns: int, runtime: bool, target: str):
    """A compiled product of x0 [rows, depth] with x1, or with weights; and these."""
    net = new_net()
    x = net.input(rows, depth)
    w = net.operand(runtime, depth, columns)
    model = load(net.proto(net("MatMul", x, w)))
    weights = None if runtime else numpy_helper.to_array(net.constants[0])
    return compile(model, target, precision="bf16", cache=False), weights


def rounded(x: np.ndarray) -> np.ndarray:
    return x.astype(ml_dtypes.bfloat16).astype(np.float64)


@pytest.mark.parametrize("target", RUNNABLE[-1:] + ["x86-64-v3"])
@pytest.mark.parametrize("runtime", [False, True], ids=["weights", "values"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def test_products_round_only_their_operands(new_net, shape, runtime, target):
    rows, depth, columns = shape
    exe, weights = product(new_net, rows, depth, columns, runtime, target)
    rng = np.random.default_rng(rows + depth)
    for x in (rng.standard_normal((rows, depth)), rng.uniform(1, 2, (rows, depth))):
        x = x.astype(np.float32)
        w = rng.uniform(0.5, 1, (depth, columns)).astype(np.float32) if weights is None else weights
        (got,) = exe(x, w) if weights is None else exe(x)
        a, b = rounded(x), rounded(w)
        bound = 2 * depth * np.finfo(np.float32).eps / 2 * (np.abs(a) @ np.abs(b)) + 1e-30
        assert got.dtype == np.float32
        assert (np.abs(got - a @ b) <= bound).all()


@pytest.mark.parametrize("runtime", [False, True], ids=["weights", "values"])
def test_special_values_stay_in_their_row(new_net, runtime):
    """The last step of 7 pairs an element with one of the next row, or of nothing: it must not count."""
    rows, depth, columns = 6, 7, 40
    exe, weights = product(new_net, rows, depth, columns, runtime, "host")
    x = np.ones((rows, depth), np.float32)
    x[1, 0], x[3, 0], x[4] = np.inf, np.nan, 1e-39
    w = np.ones((depth, columns), np.float32) if weights is None else weights
    (got,) = exe(x, w) if weights is None else exe(x)
    assert np.isfinite(got[[0, 2, 4, 5]]).all()
    assert np.isinf(got[1]).all() and np.isnan(got[3]).all()
    assert (np.abs(got[4]) <= 1e-37).all()


@pytest.mark.parametrize("target", RUNNABLE)
def test_rounding_to_bf16_is_to_nearest_even_and_keeps_nan(new_net, target):
    """A maximum pool between convolutions of one tap of weight one: out comes what was kept."""
    net = new_net()
    x = net.input(1, 1, 4, 64)
    one = net.constant(np.ones((1, 1, 1, 1)), np.float32)
    kept = net("MaxPool", net("Conv", x, one), kernel_shape=[1, 1])
    exe = compile(load(net.proto(net("Conv", kept, one))), target, precision="bf16", cache=False)
    values = np.random.default_rng(3).standard_normal(256).astype(np.float32)
    values[:6] = [np.nan, np.inf, -np.inf, -0.0, 1.00390625, 3.4e38]
    (got,) = exe(values.reshape(1, 1, 4, 64))
    np.testing.assert_array_equal(got.reshape(-1), rounded(values).astype(np.float32))


def network(net) -> list[str]:
    """A stem of 3 channels, a residual, a depthwise convolution, attention, a layer norm, a dense layer."""
    x = net("Relu", net.conv(net.input(1, 3, 17, 17), 3, 24, 3, 3, strides=[2, 2], pads=[1] * 4))
    y = net("Relu", net("Add", x, net.conv(x, 24, 24, 3, 3, pads=[1] * 4)))
    z = net("MaxPool", net.conv(y, 24, 24, 3, 3, group=24, pads=[1] * 4), kernel_shape=[2, 2], strides=[2, 2])
    tokens = net("Transpose", net("Reshape", z, net.constant([1, 24, 16])), perm=[0, 2, 1])
    q, k, v = (net("MatMul", tokens, net.weights(24, 24)) for _ in range(3))
    scores = net("Softmax", net("MatMul", q, net("Transpose", k, perm=[0, 2, 1])), axis=-1)
    mixed = net("Add", tokens, net("MatMul", scores, v))
    normal = net("LayerNormalization", mixed, net.weights(24), net.weights(24), axis=-1)
    return [net("MatMul", normal, net.weights(24, 5))]


@pytest.mark.parametrize("target", RUNNABLE)
def test_a_network_stays_near_f32(new_net, target):
    net = new_net()
    model = load(net.proto(*network(net)))
    x = np.random.default_rng(1).standard_normal((1, 3, 17, 17)).astype(np.float32)
    (exact,) = compile(model, target, cache=False)(x)
    (got,) = compile(model, target, precision="bf16", cache=False)(x)
    error = np.abs(got - exact).max() / np.abs(exact).max()
    assert 1e-6 < error < 16 * BF16_RELATIVE


def test_the_same_bits_on_two_threads(new_net, monkeypatch):
    monkeypatch.setattr(threads, "DISPATCH_CYCLES", 0)  # small kernels are cut too
    net = new_net()
    model = load(net.proto(*network(net)))
    x = np.random.default_rng(2).standard_normal((1, 3, 17, 17)).astype(np.float32)
    one, two = (compile(model, precision="bf16", threads=n, cache=False)(x)[0] for n in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.skipif("avx512bf16" not in host().enabled, reason="needs the instruction")
def test_the_instruction_is_used_and_no_library(new_net):
    net = new_net()
    exe = compile(load(net.proto(*network(net))), precision="bf16", cache=False)
    assembly = exe.emit("asm")
    assert isinstance(assembly, str)
    assert "vdpbf16ps" in assembly and "vcvtneps2bf16" in assembly and "bf2" not in assembly


def test_unknown_precision_is_named(new_net):
    net = new_net()
    with pytest.raises(UsageError, match="^precision is 'int4', expected one of fp32, bf16, int8-dynamic$"):
        compile(load(net.proto(net("Relu", net.input(3)))), precision="int4")
