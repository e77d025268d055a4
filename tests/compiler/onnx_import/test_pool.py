"""Pools with any combination of attributes, interpreted and native, against onnxruntime."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(11)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@st.composite
def pools(draw):
    """(op, input shape, attributes) of a pool with at least one window."""
    rank = draw(st.integers(1, 3))

    def numbers(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    op = draw(st.sampled_from(["MaxPool", "AveragePool", "LpPool"]))
    attributes = {"kernel_shape": numbers(1, 3), "strides": numbers(1, 3)}
    if op != "LpPool":  # onnxruntime has neither here
        attributes["ceil_mode"] = draw(st.integers(0, 1))
        attributes["dilations"] = numbers(1, 2)
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode == "NOTSET":
        pads = numbers(0, 2, 2 * rank)
        attributes["pads"] = [min(pad, k - 1) for pad, k in zip(pads, attributes["kernel_shape"] * 2)]
    else:
        attributes["auto_pad"] = mode  # with strides past the kernel onnxruntime pads by negative amounts
        attributes["strides"] = [min(s, k) for s, k in zip(attributes["strides"], attributes["kernel_shape"])]
        attributes["ceil_mode"] = 0
        attributes["dilations"] = [1] * rank
        if op == "LpPool":
            del attributes["ceil_mode"], attributes["dilations"]
    if op == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    if op == "LpPool":
        attributes["p"] = draw(st.integers(1, 3))
    image = [draw(st.integers(5, 7)) for _ in range(rank)]
    return op, (draw(st.integers(1, 2)), draw(st.integers(1, 9)), *image), attributes


@settings(max_examples=25)
@given(pools())
def test_like_onnxruntime(one_op, like_onnxruntime, case):
    op, shape, attributes = case
    x = {"x": f32(*shape)}
    like_onnxruntime(one_op(op, x, opset=19 if op == "AveragePool" else 17, **attributes), x)


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 3]},
        {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [1, 1, 0, 1]},
        {"kernel_shape": [2, 2], "strides": [2, 3], "storage_order": 1},
        {"kernel_shape": [3, 2], "dilations": [2, 1], "ceil_mode": 1, "strides": [2, 2]},
    ],
)
def test_positions_of_maxima(one_op, like_onnxruntime, attributes):
    x = {"x": f32(2, 3, 9, 8)}
    like_onnxruntime(one_op("MaxPool", x, outputs=2, **attributes), x)


def test_the_first_of_equal_maxima_counts(one_op, like_onnxruntime):
    x = {"x": np.ones((1, 2, 7), np.float32)}
    like_onnxruntime(one_op("MaxPool", x, outputs=2, kernel_shape=[3], strides=[2], pads=[1, 1]), x)


def test_positions_in_a_volume(one_op, like_onnxruntime):
    x = {"x": f32(2, 2, 4, 5, 6)}
    like_onnxruntime(one_op("MaxPool", x, outputs=2, kernel_shape=[2, 2, 2], storage_order=1), x)


def test_global_pools(one_op, like_onnxruntime):
    x = {"x": f32(2, 3, 4, 5)}
    for op, attributes in (("GlobalMaxPool", {}), ("GlobalLpPool", {"p": 1}), ("GlobalLpPool", {"p": 3})):
        like_onnxruntime(one_op(op, x, **attributes), x)
