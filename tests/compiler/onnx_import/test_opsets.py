"""What an op means in one opset and not in another, and outputs and inputs left out."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load, run_reference

FLOAT = TensorProto.FLOAT
X = np.array([[1.5, -2], [3, 0.25]], np.float32)


def test_no_axes_is_no_reduction_but_the_arithmetic_stays(one_op):
    """noop_with_empty_axes: squares and logarithms are taken all the same."""
    wanted = {
        "ReduceSum": X, "ReduceSumSquare": X * X, "ReduceL1": abs(X), "ReduceL2": abs(X),
        "ReduceLogSum": np.log(abs(X)), "ReduceLogSumExp": X, "ReduceMax": X,
    }  # fmt: skip
    for op, want in wanted.items():
        x = abs(X) if op == "ReduceLogSum" else X
        model = load(one_op(op, {"x": x}, opset=18, noop_with_empty_axes=1))
        np.testing.assert_allclose(run_reference(model, {"x": x})["y0"], want, rtol=1e-6)
        np.testing.assert_allclose(compile(model)(x)[0], want, rtol=1e-5)


def test_split_whose_last_part_is_not_wanted(build):
    """An output left out still takes its part."""
    split = helper.make_node("Split", ["x"], ["a", ""], axis=1)
    model = load(build([split], {"x": (FLOAT, [2, 2])}, ["a"], opset=13))
    np.testing.assert_array_equal(run_reference(model, {"x": X})["a"], X[:, :1])


@pytest.mark.parametrize(("opset", "dtype"), [(9, np.float32), (10, np.bool_)])
def test_mask_of_dropout(build, opset, dtype):
    node = helper.make_node("Dropout", ["x"], ["y", "mask"])
    model = load(build([node], {"x": (FLOAT, [2, 2])}, ["y", "mask"], opset=opset))
    assert model.outputs[1].dtype == dtype
    np.testing.assert_array_equal(run_reference(model, {"x": X})["mask"], np.ones((2, 2)))


def test_one_output_listed_twice(build):
    node = helper.make_node("Relu", ["x"], ["y"])
    model = load(build([node], {"x": (FLOAT, [2, 2])}, ["y", "y", "x"]))
    results = compile(model)(X)
    for got, want in zip(results, (np.maximum(X, 0), np.maximum(X, 0), X), strict=True):
        np.testing.assert_array_equal(got, want)


def test_outputs_and_inputs_in_the_middle_left_out(build, like_onnxruntime):
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.standard_normal((1, 8, 3)).astype(np.float32),
        "r": rng.standard_normal((1, 8, 2)).astype(np.float32),
        "h": rng.standard_normal((1, 2, 2)).astype(np.float32),
    }
    node = helper.make_node("LSTM", ["x", "w", "r", "", "", "h"], ["", "last"], hidden_size=2)
    x = rng.standard_normal((4, 2, 3)).astype(np.float32)
    like_onnxruntime(build([node], {"x": (FLOAT, [4, 2, 3])}, ["last"], weights), {"x": x})


def test_string_constants_are_refused(build):
    from tenonc.compiler import TenonError

    node = helper.make_node("Constant", [], ["y"], name="c", value_string="text")
    with pytest.raises(
        TenonError, match="node 'c' \\(Constant\\): attribute 'value_string' is not supported"
    ):
        load(build([node], {}, ["y"]))


def test_nan_and_infinite_constants(build, like_onnxruntime):
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32)
    nodes = [helper.make_node("Max", ["x", "k"], ["m"]), helper.make_node("Add", ["m", "k"], ["y"])]
    many = np.resize(special, 40)
    for constant in (special, many):
        x = np.zeros(len(constant), np.float32)
        model = build(nodes, {"x": (FLOAT, [len(constant)])}, ["y"], {"k": constant})
        got = compile(load(model))(x)[0]
        np.testing.assert_array_equal(got, np.maximum(x, constant) + constant)
