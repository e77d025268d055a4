"""The other qnn ops against definitions written as loops over real numbers, and against nn ops on floats."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.test import TestOp

from tenonc.dialects import nn, qnn
from tenonc.dialects.errors import TenonError
from tenonc.dialects.reference import interpreter

RNG = np.random.default_rng(0)
NARROW = (np.int8, np.uint8, np.int16, np.uint16)


def evaluate(make, *arrays):
    """The result of the op that `make` builds over values of the arrays' types."""
    arrays = [np.asarray(array) for array in arrays]
    types = [TensorType(nn.element_type(array.dtype), array.shape) for array in arrays]
    op = make(*TestOp(result_types=types).results)
    op.verify()
    (result,) = interpreter(ModuleOp([])).run_op(op, tuple(arrays))
    assert (result.shape, result.dtype) == (op.shape, nn.numpy_dtype(op.type.element_type))
    return result


def numbers(dtype, *shape):
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def as_integers(array):
    return array.astype(object)


@given(st.data())
def test_conv_sums_differences(data):
    """By plain loops over Python integers; padding stands for zero."""
    x_type, w_type = data.draw(st.sampled_from(NARROW)), data.draw(st.sampled_from(NARROW))
    rank, groups = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
    stride, dilation, pad = (data.draw(st.integers(1, 2)) for _ in range(3))
    x = numbers(x_type, 1, 2 * groups, *(5,) * rank)
    w = numbers(w_type, 2 * groups, 2, *(2,) * rank)
    zp_x, zp_w = numbers(x_type), numbers(w_type, *data.draw(st.sampled_from([(), (2 * groups,)])))
    bias = numbers(np.int32, 2 * groups)
    found = evaluate(
        lambda *v: qnn.ConvOp(
            *v, strides=[stride] * rank, pads=[pad] * 2 * rank, dilations=[dilation] * rank, groups=groups
        ),
        *(x, w, zp_x, zp_w, bias),
    )
    padded = np.pad(as_integers(x) - int(zp_x), [(0, 0), (0, 0), *[(pad, pad)] * rank])
    for _, o, *p in product(*map(range, found.shape)):
        total = int(bias[o])
        for c, *k in product(*map(range, w.shape[1:])):
            at = [i * stride + j * dilation for i, j in zip(p, k, strict=True)]
            zero = int(zp_w if zp_w.ndim == 0 else zp_w[o])
            total += padded[(0, o // 2 * 2 + c, *at)] * (int(w[(o, c, *k)]) - zero)
        assert (total - int(found[(0, o, *p)])) % 2**32 == 0


@given(st.data())
def test_conv_transpose_is_that_of_the_differences(data):
    """nn.conv_transpose on f64 has every integer here."""
    groups, stride = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3))
    x, w = numbers(np.uint8, 1, 2 * groups, 4, 3), numbers(np.int8, 2 * groups, 3, 2, 3)
    zp_x, zp_w = numbers(np.uint8), numbers(np.int8, *data.draw(st.sampled_from([(), (3 * groups,)])))
    bias = RNG.integers(-1000, 1000, 3 * groups).astype(np.int32)
    geometry = dict(strides=[stride] * 2, pads=[1, 0, 0, -1], dilations=[1, 2], groups=groups)
    found = evaluate(lambda *v: qnn.ConvTransposeOp(*v, **geometry), x, w, zp_x, zp_w, bias)
    zeros = np.broadcast_to(zp_w, 3 * groups).reshape(groups, 1, 3, 1, 1).repeat(2, axis=1)
    filters = w.astype(float) - zeros.reshape(2 * groups, 3, 1, 1)
    expected = evaluate(
        lambda *v: nn.ConvTransposeOp(*v, **geometry), x.astype(float) - zp_x, filters, bias.astype(float)
    )
    np.testing.assert_array_equal(found, expected)


@given(st.data())
def test_matmul_sums_differences(data):
    a_type, b_type = data.draw(st.sampled_from(NARROW)), data.draw(st.sampled_from(NARROW))
    a = numbers(a_type, *data.draw(st.sampled_from([(), (2,), (3, 1)])), 3, 4)
    b = numbers(b_type, *data.draw(st.sampled_from([(), (2,)])), 4, 5)
    zp_a = numbers(a_type, *data.draw(st.sampled_from([(), (3,)])))
    zp_b = numbers(b_type, *data.draw(st.sampled_from([(), (5,)])))
    bias = [numbers(np.int32, 5)] if data.draw(st.booleans()) else []
    found = evaluate(qnn.MatmulOp, a, b, zp_a, zp_b, *bias)
    rows = as_integers(zp_a)[:, None] if zp_a.ndim else int(zp_a)
    total = np.matmul(as_integers(a) - rows, as_integers(b) - as_integers(zp_b)) + sum(map(as_integers, bias))
    assert ((total - as_integers(found)) % 2**32 == 0).all()


def test_a_long_sum_of_16_bit_products_is_exact():
    a, b = np.full((1, 70000), -(2**15), np.int16), np.full((70000, 1), 2**15 - 1, np.int16)
    found = evaluate(qnn.MatmulOp, a, b, np.int16(2**15 - 1), np.int16(-(2**15)))
    assert int(found[0, 0]) % 2**32 == (-((2**16 - 1) ** 2) * 70000) % 2**32


def pair(dtype):
    s = np.float32(RNG.uniform(0.01, 0.5)) * np.float32(256 / (np.iinfo(dtype).max - np.iinfo(dtype).min + 1))
    return s, numbers(dtype)


def real(q, s, zp):
    return (q.astype(np.float64) - zp.astype(np.float64)) * np.float64(s)


BINARY = {
    "add": (qnn.AddOp, np.add),
    "subtract": (qnn.SubtractOp, np.subtract),
    "mul": (qnn.MulOp, np.multiply),
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("arithmetic", ["f32", "exact"])
@given(st.data())
def test_binary_ops_are_those_of_reals(name, arithmetic, data):
    """Each result is within its rounding (of `exact` sums: two of them) of the real one."""
    op, function = BINARY[name]
    dtypes = [data.draw(st.sampled_from(NARROW)) for _ in range(3)]
    l, r = numbers(dtypes[0], 3, 17), numbers(dtypes[1], 17)  # noqa: E741
    (s_l, zp_l), (s_r, zp_r), (s_out, zp_out) = map(pair, dtypes)
    arrays = (l, r, s_l, zp_l, s_r, zp_r, s_out, zp_out)
    found = evaluate(lambda *v: op(*v, arithmetic=arithmetic), *arrays)
    info = np.iinfo(dtypes[2])
    y = function(real(l, s_l, zp_l), real(r, s_r, zp_r)) / np.float64(s_out) + zp_out
    roundings = 2 if arithmetic == "exact" and name != "mul" else 1
    largest = np.abs(y).max()
    error = np.abs(found - np.clip(y, info.min, info.max)).max()
    assert error <= 0.5 * roundings + largest * 2.0**-21


def test_add_in_f32_rounds_each_product_and_the_sum():
    """A fused multiply-add would give another integer for some of these."""
    l, r = (array.reshape(-1) for array in np.meshgrid(np.arange(256), np.arange(256)))  # noqa: E741
    s_l, s_r, s_out = (np.float32(v) for v in (0.0107, 0.0033, 0.0141))
    zero = np.uint8(7)
    arrays = (l.astype(np.uint8), r.astype(np.uint8), s_l, zero, s_r, zero, s_out, zero)
    found = evaluate(qnn.AddOp, *arrays)
    ratios = [np.float32(s / s_out) for s in (s_l, s_r)]
    terms = [np.float32(v - 7) * ratio for v, ratio in zip((l, r), ratios, strict=True)]
    assert all(term.dtype == np.float32 for term in terms)
    np.testing.assert_array_equal(found, np.clip(np.rint(terms[0] + terms[1]), -7, 248) + 7)


@pytest.mark.parametrize("arithmetic", ["f32", "exact"])
def test_concat_requantizes_each_operand(arithmetic):
    a, b = numbers(np.uint8, 2, 3, 4), numbers(np.int8, 2, 5, 4)
    (s_a, zp_a), (s_b, zp_b), (s_out, zp_out) = pair(np.uint8), pair(np.int8), pair(np.uint8)
    found = evaluate(
        lambda a, b, s_a, s_b, zp_a, zp_b, s_out, zp_out: qnn.ConcatOp(
            [a, b], [s_a, s_b], [zp_a, zp_b], s_out, zp_out, axis=1, arithmetic=arithmetic
        ),
        *(a, b, s_a, s_b, zp_a, zp_b, s_out, zp_out),
    )
    parts = [
        evaluate(lambda *v: qnn.RequantizeOp(*v, arithmetic=arithmetic), *x, s_out, zp_out)
        for x in ((a, s_a, zp_a), (b, s_b, zp_b))
    ]
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=1))


def test_concat_takes_as_many_scales_as_tensors():
    x = TestOp(result_types=[TensorType(nn.element_type(np.int8), [2, 2])]).results
    s = nn.ConstantOp(nn.dense_attribute(np.array(1, np.float32)))
    zp = nn.ConstantOp(nn.dense_attribute(np.array(0, np.int8)))
    with pytest.raises(
        TenonError, match="got 4 operands, expected n tensors, n scales, n zero points and two"
    ):
        qnn.ConcatOp(x, [s], [], s, zp, axis=0)


FUNCTIONS = [name for name, f in nn.ELEMENTWISE.items() if f.rule in ("number", "float")]


@pytest.mark.parametrize("fn", FUNCTIONS)
def test_every_function_is_its_float_between_dequantize_and_quantize(fn):
    """All 256 results, NaN among them."""
    x = np.arange(256, dtype=np.uint8)
    s, zp, s_out, zp_out = np.float32(0.05), np.uint8(100), np.float32(0.02), np.int8(-5)
    parameters = [np.float32(0.3), np.float32(1.5)][: nn.ELEMENTWISE[fn].arity - 1]
    found = evaluate(lambda *v: qnn.ElementwiseOp(fn, *v, nan="zero"), x, s, zp, s_out, zp_out, *parameters)
    y = evaluate(lambda *v: qnn.DequantizeOp(*v, axis=0), x, s, zp)
    y = evaluate(lambda *v: nn.ElementwiseOp(fn, *v), y, *parameters)
    expected = evaluate(lambda *v: qnn.QuantizeOp(*v, axis=0, nan="zero"), y, s_out, zp_out)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("alpha", [0.1, 0.0, -0.5, 1.5])
@pytest.mark.parametrize("arithmetic", ["f32", "exact"])
def test_leaky_relu(alpha, arithmetic):
    x = np.arange(-128, 128, dtype=np.int8)
    s, zp, s_out, zp_out = np.float32(0.05), np.int8(-20), np.float32(0.03), np.uint8(90)
    found = evaluate(
        lambda *v: qnn.LeakyReluOp(*v, alpha=alpha, arithmetic=arithmetic), x, s, zp, s_out, zp_out
    )
    y = real(x, s, zp)
    y = np.where(y >= 0, y, alpha * y) / np.float64(s_out) + 90
    assert np.abs(found - np.clip(y, 0, 255)).max() <= 0.5 + 1e-4


def test_softmax():
    x = numbers(np.int8, 3, 10, 4)
    s, zp, s_out, zp_out = np.float32(0.05), np.int8(-20), np.float32(1 / 256), np.uint8(0)
    found = evaluate(lambda *v: qnn.SoftmaxOp(*v, axis=1), x, s, zp, s_out, zp_out)
    power = np.exp(real(x, s, zp))
    expected = np.clip(np.rint(power / power.sum(axis=1, keepdims=True) * 256), 0, 255)
    assert np.abs(found - expected).max() <= 1 and (found != expected).mean() < 0.01


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("dtype", NARROW)
def test_average_pool_is_that_of_reals(dtype, ceil_mode, include):
    x = numbers(dtype, 2, 3, 8, 7)
    (s, zp), (s_out, zp_out) = pair(dtype), pair(np.int8)
    geometry = dict(kernel=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], dilations=[1, 1])
    modes = dict(ceil_mode=ceil_mode, count_include_pad=include)
    found = evaluate(lambda *v: qnn.PoolOp("average", *v, **geometry, **modes), x, s, zp, s_out, zp_out)
    y = evaluate(lambda v: nn.PoolOp("average", v, **geometry, **modes), real(x, s, zp))
    expected = np.clip(y / np.float64(s_out) + zp_out, -128, 127)
    assert np.abs(found - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("axes, keepdims", [([2, 3], True), ([1], False), ([0, 1, 2, 3], False)])
def test_mean_is_that_of_reals(axes, keepdims):
    x = numbers(np.uint8, 2, 3, 8, 7)
    (s, zp), (s_out, zp_out) = pair(np.uint8), pair(np.int16)
    found = evaluate(
        lambda *v: qnn.ReduceOp("mean", *v, axes=axes, keepdims=keepdims), x, s, zp, s_out, zp_out
    )
    y = real(x, s, zp).mean(axis=tuple(axes), keepdims=keepdims) / np.float64(s_out) + zp_out
    assert np.abs(found - np.clip(y, -(2**15), 2**15 - 1)).max() <= 0.5 + 0.01


@pytest.mark.parametrize("code", range(-1, 11))
def test_simulated_quantization_is_quantization(code):
    """The same integers as the real ops have, for the types that there are."""
    x = np.concatenate([RNG.standard_normal(100) * 100, [np.nan, np.inf, -np.inf, 0.25]]).astype(np.float32)
    s, zp = np.float32(0.5), np.int32(3)
    q = evaluate(lambda *v: qnn.SimulatedQuantizeOp(*v, axis=0), x, s, zp, np.int32(code))
    back = evaluate(lambda *v: qnn.SimulatedDequantizeOp(*v, axis=0), q, s, zp, np.int32(code))
    if code <= 0:
        np.testing.assert_array_equal(back, x)
        return
    low, high = qnn.CODES[min(code, 9)][1:]
    y = np.clip(np.rint(np.where(np.isnan(x), -np.inf, x) / s), low - 3, high - 3) + 3
    np.testing.assert_allclose(q, y.astype(np.float32), rtol=0, atol=0 if high < 2**24 else 256)
    np.testing.assert_array_equal(back, ((q - np.float32(3)) * s))
    if code in (1, 2, 3, 4):
        dtype = {1: np.int8, 2: np.uint8, 3: np.int16, 4: np.uint16}[code]
        real_q = evaluate(lambda *v: qnn.QuantizeOp(*v, axis=0), x, s, dtype(3))
        np.testing.assert_array_equal(q, real_q)
