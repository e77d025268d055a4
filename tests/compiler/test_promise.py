"""Promises: what they parse, and which differences they allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenonc.compiler.promise import Deviation, Promise
from tenonc.dialects.errors import TenonError

f32 = np.float32


def test_parse():
    assert Promise.parse("exact") == Promise()
    assert Promise.parse("reassociates(1e-5)") == Promise(bound=1e-5)
    assert Promise.parse("steps(2)") == Promise(steps=2)
    assert Promise.parse("nothing") == Promise(nothing=True)
    assert Promise.parse("quantized(1)") == Promise(quantized=1)


@pytest.mark.parametrize("text", ["", "exactly", "exact(1)", "steps", "reassociates()", "steps(a)"])
def test_parse_refuses(text: str):
    with pytest.raises(TenonError, match="expected exact, reassociates"):
        Promise.parse(text)


def test_exact_is_bitwise_but_any_nan_is_one():
    nan = np.array([np.nan, 1], f32)
    other_nan = np.array([0x7FC00001, 0x3F800000], np.uint32).view(f32)
    assert Promise().broken_by(nan, other_nan) is None
    assert Promise().broken_by(f32([1.0]), np.nextafter(f32([1.0]), f32(2))) is not None
    assert Promise().broken_by(f32([0.0]), f32([-0.0])) == Deviation(0.0, 0.0)


def test_bound_is_relative_to_the_largest_magnitude():
    before = f32([100, 0])
    assert Promise(bound=1e-3).broken_by(before, f32([100, 0.099])) is None
    deviation = Promise(bound=1e-3).broken_by(before, f32([100, 0.2]))
    assert deviation is not None
    assert (deviation.error, deviation.allowed) == pytest.approx((0.2, 0.1))


def test_quantized_integers_may_be_neighbours_and_floats_of_a_step():
    promise = Promise(quantized=1)
    before = np.array([0, 255], np.uint8)
    assert promise.broken_by(before, np.array([1, 254], np.uint8)) is None
    assert promise.broken_by(before, np.array([2, 255], np.uint8)) == Deviation(2, 1)
    assert promise.broken_by(f32([32, 0]), f32([32, 1])) is None
    assert promise.broken_by(f32([32, 0]), f32([32, 1.01])) is not None
    assert promise + Promise(steps=2) == Promise(steps=2, quantized=1)


def test_a_new_nan_or_infinity_breaks_every_bound():
    for bad in (np.nan, np.inf):
        deviation = Promise(bound=10).broken_by(f32([1, 2]), f32([1, bad]))
        assert deviation is not None and deviation.error == np.inf
    assert Promise(bound=1).broken_by(f32([np.inf]), f32([np.inf])) is None
    assert Promise(bound=1).broken_by(f32([np.inf]), f32([-np.inf])) is not None


def test_steps_of_integers_and_of_floats():
    assert Promise(steps=1).broken_by(np.int8([5, -5]), np.int8([6, -6])) is None
    assert Promise(steps=1).broken_by(np.int8([5]), np.int8([7])) == Deviation(2, 1)
    one_up = np.nextafter(f32([3.0]), f32(4))
    assert Promise(steps=1).broken_by(f32([3.0]), one_up) is None
    assert Promise(steps=1).broken_by(f32([3.0]), np.nextafter(one_up, f32(4))) is not None


def test_wide_integers_are_compared_exactly():
    big = np.int64([2**62])
    assert Promise().broken_by(big, big + 1) is not None
    assert Promise(steps=1).broken_by(big, big + 1) is None


def test_nothing_and_sums():
    both = Promise(bound=1e-3) + Promise(steps=2)
    assert both == Promise(1e-3, 2)
    assert (both + Promise(nothing=True)).broken_by(f32([0]), f32([9])) is None


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1), st.sampled_from([1e-6, 1e-3]))
def test_a_difference_inside_the_bound_holds_outside_breaks(values: list[float], bound: float):
    before = np.array(values, np.float64)
    scale = np.abs(before).max()
    assert Promise(bound=bound).broken_by(before, before + 0.5 * bound * scale) is None
    if scale > 1e-6:
        assert Promise(bound=bound).broken_by(before, before + 2 * bound * scale) is not None
