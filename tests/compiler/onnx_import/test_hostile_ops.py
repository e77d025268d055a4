"""Operands and attributes that no exporter writes: one line, and no memory taken for what they ask for."""

from typing import Any

import numpy as np
import pytest
from onnx import defs, helper

from tenonc.compiler import TenonError, compile, load, run_reference

HUGE = 2**40


def f32(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


IMAGE = {"x": f32(1, 1, 4, 4)}
SEQUENCE = {"x": f32(2, 1, 3)}
COLUMNS = {"x": f32(1, 4, 4)}
SIZES = {"i": ints(4, 4), "b": ints(2, 2)}
REGIONS = {"r": f32(1, 4), "n": ints(0)}
NONE: dict[str, Any] = {}

REFUSED = [
    (
        "OneHot",
        {"i": ints(1)},
        {"d": np.array(HUGE), "v": f32(2)},
        NONE,
        "needs an array of shape [1099511627776]",
    ),
    (
        "OneHot",
        {"i": ints(1)},
        {"d": np.array(np.nan), "v": f32(2)},
        NONE,
        "the depth is nan, expected a whole",
    ),
    (
        "OneHot",
        {"i": ints(1)},
        {"d": np.array(np.inf), "v": f32(2)},
        NONE,
        "the depth is inf, expected a whole",
    ),
    (
        "EyeLike",
        {"x": np.broadcast_to(f32(), (2**15, 2**15))},
        NONE,
        NONE,
        "needs an array of shape [32768, 32768]",
    ),
    (
        "Pad",
        {"x": f32(4)},
        {"p": ints(2**62, 0)},
        {"mode": "edge"},
        "needs an array of shape [4611686018427387908]",
    ),
    ("LSTM", SEQUENCE, {"w": f32(1, 0, 3), "r": f32(1, 0, 0)}, NONE, "expected a hidden size of at least 1"),
    (
        "GroupNormalization",
        {"x": f32(4)},
        {"s": f32(1), "b": f32(1)},
        {"num_groups": 1},
        "expected one number a channel",
    ),
    ("Unique", NONE, {"x": ints(1, 2)}, {"axis": 3}, "axis 3 is outside the rank 1"),
    (
        "GridSample",
        {"x": f32(1, 1, 1, 1, 1, 1), "g": f32(1, 1, 1, 1, 1, 4)},
        NONE,
        NONE,
        "input has rank 6, expected 3 to 5",
    ),
    ("GridSample", {"x": f32(), "g": f32()}, NONE, NONE, "input has rank 0, expected 3 to 5"),
    ("RoiAlign", {"x": f32(4)}, REGIONS, {"sampling_ratio": 1}, "expected four dimensions and four columns"),
    (
        "RoiAlign",
        IMAGE,
        {"r": f32(), "n": ints(0)},
        {"sampling_ratio": 1},
        "expected four dimensions and four columns",
    ),
    ("RoiAlign", IMAGE, REGIONS, {"sampling_ratio": 1, "output_height": -1}, "needs an array of shape [-1]"),
    ("RoiAlign", IMAGE, REGIONS, {"sampling_ratio": HUGE}, "needs an array of shape [1099511627776]"),
    ("Col2Im", COLUMNS, SIZES, {"strides": [0, 1]}, "strides is [0, 1], expected 2 numbers of at least 1"),
    ("Col2Im", COLUMNS, SIZES, {"pads": [1]}, "pads is [1], expected 4 numbers of at least 0"),
    ("Col2Im", COLUMNS, SIZES, {"dilations": [1]}, "dilations is [1], expected 2 numbers of at least 1"),
    (
        "Col2Im",
        COLUMNS,
        {"i": ints(4, 4), "b": ints(-2, -2)},
        NONE,
        "blocks [-2, -2] of image [4, 4] do not fit",
    ),
    (
        "MaxUnpool",
        {"x": f32(1, 1, 2), "i": ints(0, 1).reshape(1, 1, 2)},
        NONE,
        {"kernel_shape": [2], "pads": [9, 9]},
        "nothing is left of the result [1, 1, -15]",
    ),
    (
        "TensorScatter",
        {"x": f32(1, 2, 3), "u": f32(1)},
        NONE,
        {"axis": 2},
        "do not belong to a cache of [1, 2, 3]",
    ),
    ("Trilu", {"x": np.zeros((0, 2**31), np.float32)}, NONE, NONE, "needs an array of shape [0, 2147483648]"),
    ("DepthToSpace", IMAGE, NONE, {"blocksize": 2**62}, "has no body for these operands and attributes: "),
    (
        "ScatterElements",
        {"x": f32(2), "i": f32(1), "u": f32(1)},
        NONE,
        NONE,
        "indices are float32, expected integers",
    ),
]


@pytest.mark.parametrize(("op", "arrays", "constants", "attributes", "text"), REFUSED)
def test_refused(one_op, op: str, arrays, constants, attributes, text: str):
    with pytest.raises(TenonError) as caught:
        load(one_op(op, arrays, constants, 1, defs.onnx_opset_version(), **attributes))
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("op", "x", "constants", "order", "text"),
    [
        (
            "Pad",
            f32(4),
            {"p": ints(0, 0, 0, 0), "a": ints(0, -1)},
            "x,p,,a",
            "axes [0, 0] name one axis twice",
        ),
        ("Resize", f32(1, 0), {"s": ints(1, 2)}, "x,,,s", "input of shape [1, 0] has no elements"),
        (
            "Resize",
            f32(1, 2),
            {"s": f32(2) * 1e30},
            "x,,s",
            "the result: shape [1000000015047466219876688855040, ",
        ),
        (
            "Resize",
            f32(1, 2),
            {"s": ints(2**62, 2)},
            "x,,,s",
            "the result: shape [4611686018427387904, 2] is larger",
        ),
    ],
)
def test_refused_with_operands_left_out(one_op, op: str, x, constants, order: str, text: str):
    with pytest.raises(TenonError) as caught:
        load(one_op(op, {"x": x}, constants, 1, 24, order.split(",")))
    assert text in str(caught.value)


def test_a_range_that_is_empty_far_out(one_op):
    ends = {name: np.array(value, np.float32) for name, value in (("a", 1e30), ("b", 5), ("c", 2))}
    assert run_reference(load(one_op("Range", {}, ends)), {})["y0"].shape == (0,)


@pytest.mark.parametrize("k", [2**63 - 1, -(2**63)])
def test_diagonals_far_outside(one_op, k: int):
    x = {"x": f32(2, 3)}
    for model in (one_op("EyeLike", x, k=k), one_op("Trilu", x, {"k": np.array(k)}, upper=int(k > 0))):
        assert run_reference(load(model), x)["y0"].sum() == 0


def test_what_is_not_zero_of_a_scalar(one_op):
    model = load(one_op("NonZero", {}, {"x": np.array(5.0, np.float32)}))
    assert run_reference(model, {})["y0"].shape == (0, 1)


def test_a_constant_that_is_larger_than_its_file_could_say(build):
    """The importer leaves it to the compiler: no value is larger than what the file's own weights explain."""
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["c"], name="all"),
        helper.make_node("ReduceSum", ["c"], ["y"]),
    ]
    model = load(build(nodes, {}, ["y"], {"s": ints(2**32)}))
    with pytest.raises(
        TenonError, match="^node 'all': 4294967296 elements that are known at compile time take"
    ):
        compile(model, cache=False)
