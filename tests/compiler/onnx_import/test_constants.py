"""Inputs bound to constants: known at compile time, and no inputs any more."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import TenonError, UsageError, compile, load, run_reference

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def reshape(build):
    """x [N, 6] and a shape of its own input -> y."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["double"]),
        helper.make_node("Reshape", ["double", "shape"], ["y"], name="r"),
    ]
    return build(nodes, {"x": (FLOAT, ["N", 6]), "shape": (INT64, ["rank"])}, ["y"])


def test_bound_input_is_no_input_any_more(reshape):
    model = load(reshape, dims={"N": 2}, constants={"shape": np.array([3, -1])})
    assert [port.name for port in model.inputs] == ["x"]
    assert model.outputs[0].shape == (3, 4)
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    (y,) = compile(model)(x)
    np.testing.assert_array_equal(y, (2 * x).reshape(3, 4))


def test_constant_binds_symbols(build):
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    model = build(nodes, {"x": (FLOAT, ["N", 2]), "w": (FLOAT, ["N", 2])}, ["y"])
    loaded = load(model, constants={"w": np.ones((3, 2), np.float32)})
    assert [port.shape for port in loaded.inputs] == [(3, 2)]


def test_constant_overrides_the_initializer_of_an_input(build):
    inputs = {"x": (FLOAT, [2]), "w": (FLOAT, [2])}
    proto = build([helper.make_node("Add", ["x", "w"], ["y"])], inputs, ["y"], {"w": np.ones(2, np.float32)})
    x = {"x": np.zeros(2, np.float32)}
    np.testing.assert_array_equal(run_reference(load(proto), x)["y"], [1, 1])
    changed = load(proto, constants={"w": np.array([5, 6], np.float32)})
    np.testing.assert_array_equal(run_reference(changed, x)["y"], [5, 6])


def test_every_input_bound(reshape):
    constants = {"x": np.ones((1, 6), np.float32), "shape": np.array([2, 3])}
    model = load(reshape, constants=constants)
    assert model.inputs == ()
    np.testing.assert_array_equal(compile(model)()[0], np.full((2, 3), 2))


@pytest.mark.parametrize(
    ("constants", "text"),
    [
        ({"size": np.array([1])}, "a constant is given for 'size', the model's inputs are: x, shape"),
        ({"shape": np.array([1], "i4")}, "the constant for input 'shape' has dtype int32, expected int64"),
        ({"x": np.ones(2, np.float32)}, "input 'x': the given shape [2] has rank 1, expected 2"),
        ({"x": np.ones((2, 5), np.float32)}, "input 'x': dimension 1 is 6 in the model, given as 5"),
    ],
)
def test_wrong_constant(reshape, constants, text):
    with pytest.raises(UsageError) as caught:
        load(reshape, dims={"N": 2, "rank": 1}, constants=constants)
    assert str(caught.value) == text


def test_what_must_be_bound_is_named(build):
    """Also where the value is computed from the input."""
    nodes = [
        helper.make_node("Concat", ["rows", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"], name="r"),
    ]
    inputs = {"x": (FLOAT, [4]), "rows": (INT64, [1])}
    model = build(nodes, inputs, ["y"], {"rest": np.array([-1])})
    with pytest.raises(TenonError, match=r"depends on input 'rows': bind it \(--constant rows=FILE.npy\)"):
        load(model)
    assert load(model, constants={"rows": np.array([2])}).outputs[0].shape == (2, 2)
