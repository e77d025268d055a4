"""requantize, quantize, dequantize against integers without bounds, and against f32 element by element."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, TensorType, bf16
from xdsl.dialects.test import TestOp

from tenonc.dialects import nn, qnn
from tenonc.dialects.errors import TenonError
from tenonc.dialects.qnn.meaning import fixed_point, scaled
from tenonc.dialects.reference import interpreter

DTYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32)
ROUNDINGS = st.sampled_from(["half_even", "upward", "away"])
HALF = Fraction(1, 2)


def evaluate(make, *arrays):
    """The result of the op that `make` builds over values of the arrays' types."""
    arrays = [np.asarray(array) for array in arrays]
    types = [TensorType(nn.element_type(array.dtype), array.shape) for array in arrays]
    op = make(*TestOp(result_types=types).results)
    op.verify()
    (result,) = interpreter(ModuleOp([])).run_op(op, tuple(arrays))
    assert (result.shape, result.dtype) == (op.shape, nn.numpy_dtype(op.type.element_type))
    return result


def round_fraction(y: Fraction, rounding: str) -> int:
    if rounding == "upward":
        return math.floor(y + HALF)
    if rounding == "away":
        return math.floor(y + HALF) if y >= 0 else math.ceil(y - HALF)
    return round(y)


def exactly(q: int, zp_in: int, m: float, rounding: str) -> int:
    """(q - zp_in) * m where m is first rounded to 31 bits."""
    _, exponent = math.frexp(m)
    by = Fraction(math.floor(Fraction(m) * Fraction(2) ** (31 - exponent) + HALF)) / Fraction(2) ** (
        31 - exponent
    )
    return round_fraction((q - zp_in) * min(by, Fraction(2**31 - 1)), rounding)


def integers(dtype):
    info = np.iinfo(dtype)
    return st.integers(info.min, info.max) | st.sampled_from([info.min, info.max, 0, 1, (info.max + 1) // 2])


def powers(low, high):
    return st.integers(low, high).map(lambda e: math.ldexp(1.0, e))


MULTIPLIERS = (
    powers(-70, 40)
    | st.floats(2.0**-40, 2.0**35)
    | st.floats(0.5, 2.0)
    | st.sampled_from(
        [1.0, np.nextafter(1.0, 0), np.nextafter(1.0, 2), 1 - 2.0**-32, 1 - 2.0**-31, 1 + 2.0**-31]
    )
)


@given(MULTIPLIERS, st.lists(integers(np.int32), min_size=1, max_size=20), ROUNDINGS)
@example(2.0**-32, [-(2**31), 2**31 - 1], "half_even")
@example(2.0**-1, [-3, -2, -1, 0, 1, 2, 3], "upward")
def test_fixed_point_products_are_those_of_unbounded_integers(m, values, rounding):
    found = scaled(np.array(values, np.int64), fixed_point(np.array(m)), rounding)
    assert found.tolist() == [exactly(q, 0, m, rounding) for q in values]


@given(MULTIPLIERS, st.integers(-(2**32) + 1, 2**32 - 1), ROUNDINGS)
def test_differences_of_33_bits_do_not_overflow(m, difference, rounding):
    found = scaled(np.array(difference), fixed_point(np.array(m)), rounding)
    assert int(found) == exactly(difference, 0, m, rounding)


def test_a_multiplier_rounded_up_to_a_power_of_two_keeps_31_bits():
    significand, shift = fixed_point(np.array(1 - 2.0**-40))
    assert (int(significand), int(shift)) == (2**30, 30)
    assert fixed_point(np.array(-1 + 2.0**-40)) == (-(2**30), 30)


SCALES = st.floats(2.0**-20, 1000, width=32) | powers(-20, 8)


@st.composite
def requantizations(draw):
    source, result = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DTYPES))
    s_in, s_out = (np.float32(draw(SCALES)) for _ in range(2))
    values = draw(st.lists(integers(source), min_size=1, max_size=8))
    zeros = draw(integers(source)), draw(integers(result))
    bounds = sorted((draw(integers(result)), draw(integers(result))))
    x = np.array(values, source)
    parameters = (s_in, np.array(zeros[0], source), s_out, np.array(zeros[1], result))
    return x, parameters, bounds, draw(ROUNDINGS)


@given(requantizations())
def test_exact_requantize(case):
    x, parameters, bounds, rounding = case
    found = evaluate(
        lambda *v: qnn.RequantizeOp(*v, axis=0, rounding=rounding, arithmetic="exact", range=bounds),
        x,
        *parameters,
    )
    s_in, zp_in, s_out, zp_out = (p.item() for p in parameters)
    for q, y in zip(x.tolist(), found.tolist(), strict=True):
        assert y == min(max(exactly(q, zp_in, s_in / s_out, rounding) + zp_out, bounds[0]), bounds[1])


def to_integer(y: np.float32, zp: int, bounds, rounding: str) -> int:
    """A finite f32 clamped to [lo - zp, hi - zp], rounded, plus zp; one element, without bounds."""
    low, high = bounds[0] - zp, bounds[1] - zp
    return round_fraction(min(max(Fraction(float(y)), Fraction(low)), Fraction(high)), rounding) + zp


@given(requantizations())
def test_requantize_in_f32(case):
    x, parameters, bounds, rounding = case
    found = evaluate(lambda *v: qnn.RequantizeOp(*v, axis=0, rounding=rounding, range=bounds), x, *parameters)
    s_in, zp_in, s_out, zp_out = parameters
    ratio = np.float32(s_in / s_out)
    for q, y in zip(x, found.tolist(), strict=True):
        product = np.float32(np.float32(np.float32(q) - np.float32(zp_in)) * ratio)
        assert y == to_integer(product, int(zp_out), bounds, rounding)


@given(
    requantizations(),
    st.lists(st.floats(width=32), min_size=1, max_size=8),
    st.sampled_from(["lowest", "zero"]),
)
def test_quantize(case, values, nan):
    _, (_, _, s, zp), bounds, rounding = case
    x = np.array(values, np.float32)
    found = evaluate(
        lambda *v: qnn.QuantizeOp(*v, axis=0, rounding=rounding, nan=nan, range=bounds), x, s, zp
    )
    for value, y in zip(x, found.tolist(), strict=True):
        with np.errstate(all="ignore"):
            quotient = np.float32(value / s)
        if np.isnan(quotient):
            expected = bounds[0] if nan == "lowest" else min(max(int(zp), bounds[0]), bounds[1])
        elif np.isinf(quotient):
            expected = bounds[int(quotient > 0)]
        else:
            expected = to_integer(quotient, int(zp), bounds, rounding)
        assert y == expected


def test_halves_and_what_is_next_to_them():
    """Adding one half in f32 would round 0.49999997 up."""
    x = np.array([0.49999997, 0.5, 1.5, 2.5, -0.49999997, -0.5, -1.5, -2.5], np.float32)

    def quantized(rounding):
        make = lambda *v: qnn.QuantizeOp(*v, axis=0, rounding=rounding)  # noqa: E731
        return evaluate(make, x, np.float32(1), np.int8(0)).tolist()

    assert quantized("half_even") == [0, 0, 2, 2, 0, 0, -2, -2]
    assert quantized("upward") == [0, 1, 2, 3, 0, 0, -1, -2]
    assert quantized("away") == [0, 1, 2, 3, 0, -1, -2, -3]


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantize_reaches_both_ends(dtype):
    info = np.iinfo(dtype)
    for zp in (info.min, 0, info.max):
        x = np.array([-np.inf, -3e38, 3e38, np.inf], np.float32)
        found = evaluate(lambda *v: qnn.QuantizeOp(*v, axis=0), x, np.float32(0.5), dtype(zp))
        assert found.tolist() == [info.min, info.min, info.max, info.max]


@given(st.data())
def test_dequantize_inverts_quantize(data):
    """Per channel and in blocks: within half a step, and q itself comes back."""
    shape = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9)), 2)
    axis, block = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 4))
    count = -(-shape[axis] // block) if block else shape[axis]
    parameter = (*shape[:axis], count, *shape[axis + 1 :]) if block else (count,)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    s = rng.uniform(0.01, 2, parameter).astype(np.float32)
    zp, q = (rng.integers(-20, 20, n).astype(np.int8) for n in (parameter, shape))
    x = evaluate(lambda *v: qnn.DequantizeOp(*v, axis=axis, block=block), q, s, zp)
    for at in np.ndindex(shape):
        channel = tuple(at[i] // block if i == axis else at[i] for i in range(3)) if block else (at[axis],)
        assert x[at] == np.float32(int(q[at]) - int(zp[channel])) * s[channel]
    back = evaluate(lambda *v: qnn.QuantizeOp(*v, axis=axis, block=block), x, s, zp)
    np.testing.assert_array_equal(back, q)


def test_dequantize_rounds_to_a_16_bit_float_once():
    q, s = np.arange(-128, 128, dtype=np.int8), np.float32(0.3)
    found = evaluate(lambda *v: qnn.DequantizeOp(*v, axis=0, element=bf16), q, s, np.int8(1))
    expected = ((q.astype(np.float32) - 1) * s).astype(found.dtype)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scale", [0.0, -0.5, np.inf, np.nan, -np.inf])
def test_a_scale_is_finite_and_above_zero(scale):
    with pytest.raises(TenonError, match=r"conv1: scale is .*, expected a finite number above 0"):
        qnn.check_values("conv1", np.array([1.0, scale], np.float32))
    op = qnn.DequantizeOp(
        TestOp(result_types=[TensorType(nn.element_type(np.int8), [4])]).results[0],
        nn.ConstantOp(nn.dense_attribute(np.array(scale, np.float32))),
        nn.ConstantOp(nn.dense_attribute(np.array(0, np.int8))),
    )
    with pytest.raises(Exception, match="qnn.dequantize: scale is"):
        op.verify()


def test_a_zero_point_is_within_its_type():
    qnn.check_values("conv1", None, np.array([-8, 7]), (-8, 7))
    with pytest.raises(TenonError, match="conv1: zero point is 8, expected -8 to 7"):
        qnn.check_values("conv1", None, np.array([0, 8]), (-8, 7))
