"""Tensors without elements, through every family of ops."""

import numpy as np
import pytest

from tenonc.compiler import TenonError, load


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


NONE = np.zeros(0, np.int64)
NORM = {"s": f(2), "b": f(2)}
CASES = [
    ("Relu", {"x": f(0, 3)}, {}, {}),
    ("Add", {"a": f(0, 3), "b": f(1, 1)}, {}, {}),
    ("Where", {"c": np.ones((0, 2), bool), "a": f(0, 2), "b": f(2)}, {}, {}),
    ("Cast", {"x": f(0, 2)}, {}, {"to": 7}),
    ("MatMul", {"a": f(0, 3), "b": f(3, 4)}, {}, {}),
    ("MatMul", {"a": f(2, 0), "b": f(0, 4)}, {}, {}),
    ("Gemm", {"a": f(2, 0)}, {"b": f(0, 4), "c": f(4)}, {}),
    ("Conv", {"x": f(0, 2, 5, 5)}, {"w": f(3, 2, 3, 3)}, {}),
    ("MaxPool", {"x": f(0, 2, 5, 5)}, {}, {"kernel_shape": [2, 2]}),
    ("AveragePool", {"x": f(0, 2, 5, 5)}, {}, {"kernel_shape": [2, 2]}),
    ("GlobalAveragePool", {"x": f(0, 2, 5, 5)}, {}, {}),
    ("ReduceSum", {"x": f(0, 3)}, {"a": i(0)}, {}),
    ("ReduceMax", {"x": f(2, 0)}, {}, {"axes": [1]}),
    ("ReduceProd", {"x": f(0, 3)}, {}, {"axes": [0]}),
    ("ReduceLogSumExp", {"x": f(2, 0)}, {}, {"axes": [1]}),
    ("Softmax", {"x": f(0, 3)}, {}, {}),
    ("Softmax", {"x": f(3, 0)}, {}, {}),
    ("BatchNormalization", {"x": f(0, 2, 3)}, {**NORM, "m": f(2), "v": f(2)}, {}),
    ("InstanceNormalization", {"x": f(0, 2, 3)}, NORM, {}),
    ("LayerNormalization", {"x": f(0, 3)}, {"s": f(3)}, {}),
    ("Transpose", {"x": f(0, 3)}, {}, {}),
    ("Reshape", {"x": f(0, 3)}, {"s": i(3, 0)}, {"allowzero": 1}),
    ("Flatten", {"x": f(0, 3, 4)}, {}, {}),
    ("Squeeze", {"x": f(0, 1)}, {"a": i(1)}, {}),
    ("Concat", {"a": f(0, 3), "b": f(2, 3)}, {}, {"axis": 0}),
    ("Slice", {"x": f(4, 3)}, {"s": i(2), "e": i(2)}, {}),
    ("Pad", {"x": f(0, 3)}, {"p": i(1, 0, 1, 0)}, {}),
    ("Expand", {"x": f(1, 3)}, {"s": i(0, 3)}, {}),
    ("Gather", {"x": f(3, 4)}, {"i": NONE}, {}),
    ("GatherElements", {"x": f(3, 2), "i": np.zeros((0, 2), np.int64)}, {}, {}),
    ("GatherND", {"x": f(3, 2), "i": np.zeros((0, 2), np.int64)}, {}, {}),
]


@pytest.mark.parametrize(("op", "arrays", "constants", "attributes"), CASES, ids=lambda v: str(v)[:24])
def test_like_onnxruntime(one_op, like_onnxruntime, op, arrays, constants, attributes):
    like_onnxruntime(one_op(op, arrays, constants, **attributes), arrays)


@pytest.mark.parametrize(
    ("op", "arrays", "constants", "text"),
    [
        ("Gather", {"x": f(3, 0)}, {"i": i(0)}, None),
        ("Conv", {"x": f(1, 2, 0, 5)}, {"w": f(3, 2, 3, 3)}, "window spans 3x3, more than the padded input"),
    ],
)
def test_nothing_to_compute_from(one_op, op, arrays, constants, text):
    model = one_op(op, arrays, constants)
    if text is None:
        assert load(model).outputs[0].shape == (1, 0)
        return
    with pytest.raises(TenonError, match=text):
        load(model)
