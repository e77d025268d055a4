"""The reference interpretation of nn ops against definitions written as plain loops, and numpy."""

from itertools import product

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.test import TestOp

from tenonc.dialects import nn
from tenonc.dialects.errors import TenonError
from tenonc.dialects.nn.numeric import erf, integer_divide, maximum, minimum
from tenonc.dialects.reference import interpreter

RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def values_for(*arrays):
    types = [TensorType(nn.element_type(array.dtype), array.shape) for array in arrays]
    return TestOp(result_types=types).results


def evaluate(make, *arrays):
    """The result of the op that `make` builds over values of the arrays' types."""
    op = make(*values_for(*arrays))
    op.verify()
    (result,) = interpreter(ModuleOp([])).run_op(op, arrays)
    assert (result.shape, result.dtype) == (op.shape, nn.numpy_dtype(op.type.element_type))
    return result


def conv_by_loops(x, w, bias, strides, pads, dilations, groups):
    """y[n, o, p] = bias[o] + sum over c, k of x[n, c in o's group, p stride + k dilation - pad] w."""
    rank = w.ndim - 2
    padded = np.pad(x.astype(float), [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)])
    extents = [
        (padded.shape[2 + i] - (w.shape[2 + i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in range(rank)
    ]
    y = np.zeros((x.shape[0], w.shape[0], *extents))
    for n, o, *p in product(*map(range, y.shape)):
        first = o // (w.shape[0] // groups) * w.shape[1]
        total = 0.0 if bias is None else float(bias[o])
        for c, *k in product(*map(range, w.shape[1:])):
            at = [p[i] * strides[i] + k[i] * dilations[i] for i in range(rank)]
            total += padded[(n, first + c, *at)] * w[(o, c, *k)]
        y[(n, o, *p)] = total
    return y


@given(st.data())
def test_conv(data):
    rank, groups = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))

    def numbers(count, low, high):
        return [data.draw(st.integers(low, high)) for _ in range(count)]

    kernel, strides, dilations = numbers(rank, 1, 3), numbers(rank, 1, 2), numbers(rank, 1, 2)
    pads = numbers(2 * rank, 0, 2)
    x, w = floats(2, 2 * groups, *numbers(rank, 5, 7)), floats(2 * groups, 2, *kernel)
    bias = floats(2 * groups) if data.draw(st.booleans()) else None
    window = dict(strides=strides, pads=pads, dilations=dilations, groups=groups)
    arrays = [x, w] if bias is None else [x, w, bias]
    found = evaluate(lambda *values: nn.ConvOp(*values, **window), *arrays)
    np.testing.assert_allclose(found, conv_by_loops(x, w, bias, **window), atol=1e-5)


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_average_pool_divides_by_the_elements_it_has(ceil_mode, include):
    x = floats(1, 1, 5)
    window = dict(kernel=[3], strides=[2], pads=[1, 0], dilations=[1])
    found = evaluate(
        lambda v: nn.PoolOp("average", v, ceil_mode=ceil_mode, count_include_pad=include, **window), x
    )
    v = x[0, 0]
    expected = [(v[0] + v[1]) / (3 if include else 2), v[1:4].mean()]
    # What lies past the padding is never counted.
    expected += [v[3:5].mean()] if ceil_mode else []
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-6)


def test_max_pool_pads_with_minus_infinity():
    x = -np.ones((1, 1, 3, 3), np.float32)
    window = dict(kernel=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0], dilations=[1, 1])
    np.testing.assert_array_equal(
        evaluate(lambda v: nn.PoolOp("max", v, **window), x), -np.ones((1, 1, 2, 2))
    )


@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_large_values(log):
    x = np.array([[1000, 1000, -1000], [0, 1, 2]], np.float32)
    found = evaluate(lambda v: nn.SoftmaxOp(v, 1, log=log), x)
    found = np.exp(found) if log else found
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(found[0], [0.5, 0.5, 0], atol=1e-6)


def test_batch_norm():
    x, scale, bias, mean = floats(2, 3, 4), floats(3), floats(3), floats(3)
    variance = np.abs(floats(3))
    found = evaluate(lambda *v: nn.BatchNormOp(*v, epsilon=0.5), x, scale, bias, mean, variance)
    column = [p[:, None] for p in (scale, bias, mean, variance)]
    expected = (x - column[2]) / np.sqrt(column[3] + 0.5) * column[0] + column[1]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_matmul_reduce_and_moves():
    a, b = floats(2, 1, 3, 4), floats(5, 4, 6)
    np.testing.assert_allclose(evaluate(lambda x, y: nn.MatmulOp(x, y), a, b), a @ b, atol=1e-5)
    x = floats(2, 3, 4)
    found = evaluate(lambda v: nn.ReduceOp("mean", v, axes=[0, 2], keepdims=True), x)
    np.testing.assert_allclose(found, x.mean(axis=(0, 2), keepdims=True), atol=1e-6)
    found = evaluate(lambda v: nn.SliceOp(v, [0, 1, 0], [2, 2, 2], [1, 1, 3]), x)
    np.testing.assert_array_equal(found, x[:, 1:3, 0:4:3])
    np.testing.assert_array_equal(evaluate(lambda v: nn.TransposeOp(v, [2, 0, 1]), x), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(evaluate(lambda *v: nn.ConcatOp(v, 2), x, -x)[..., 4:], -x)


def test_integers_wrap_and_divide_towards_zero():
    x, y = np.array([-7, 7, 127, -128], np.int8), np.array([2, -2, 1, -1], np.int8)
    assert evaluate(lambda a, b: nn.ElementwiseOp("div", a, b), x, y).tolist() == [-3, -3, 127, -128]
    assert evaluate(lambda a, b: nn.ElementwiseOp("add", a, b), x, y).tolist() == [-5, 5, -128, 127]
    assert integer_divide(np.array([-7]), np.array([7])).tolist() == [-1]


def test_casts():
    x = np.array([1.9, -1.9, 0.5, 2.5], np.float32)
    assert evaluate(lambda v: nn.CastOp(v, nn.element_type(np.int32)), x).tolist() == [1, -1, 0, 2]
    wide = np.array([300, -1], np.int32)
    assert evaluate(lambda v: nn.CastOp(v, nn.element_type(np.uint8)), wide).tolist() == [44, 255]
    assert evaluate(lambda v: nn.CastOp(v, nn.element_type(np.bool_)), x - x).tolist() == [False] * 4


def test_nan_and_signed_zeros():
    nan, zeros = np.array([np.nan, 1.0]), np.array([-0.0, 0.0])
    assert np.isnan(maximum(nan, nan[::-1])).all() and np.isnan(minimum(nan, nan[::-1])).all()
    assert not np.signbit(maximum(zeros, zeros[::-1])).any()
    assert np.signbit(minimum(zeros, zeros[::-1])).all()
    relu = evaluate(lambda v: nn.ElementwiseOp("relu", v), np.array([np.nan, -1, 2], np.float32))
    np.testing.assert_array_equal(relu, [np.nan, 0, 2])


def test_erf_agrees_with_the_c_library():
    import math

    x = np.concatenate([np.linspace(-7, 7, 501), np.logspace(-300, 0, 50)])
    np.testing.assert_allclose(erf(x), [math.erf(v) for v in x], rtol=4e-15)


def test_bfloat16_rounds_once():
    bf16 = np.dtype(ml_dtypes.bfloat16)
    one, three = (np.array([v]).astype(bf16) for v in (1, 3))
    found = evaluate(lambda a, b: nn.ElementwiseOp("div", a, b), one, three)
    assert found[0] == np.float64(1 / 3).astype(bf16)


def test_missing_weight_is_named():
    store = nn.WeightStore()
    op = nn.constant(store, floats(5, 5))
    assert interpreter(ModuleOp([]), store).run_op(op)[0].shape == (5, 5)
    with pytest.raises(TenonError, match=f"^weight {op.value.digest.data[:12]} is not"):
        interpreter(ModuleOp([]), {}).run_op(op)
