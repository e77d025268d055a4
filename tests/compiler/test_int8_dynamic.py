"""The precision int8-dynamic, compiled: near f32, and what the interpreter computes."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import UsageError, compile, load
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import context, parse_pipeline
from tenonc.dialects.reference import interpreter

RNG = np.random.default_rng(3)


def he(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)


@pytest.fixture(scope="module")
def proto(build):
    """Two branches of one batched input, a gelu, and a product of both."""
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "w0"], ["a"], name="a"),
        node("MatMul", ["x", "w1"], ["b"], name="b"),
        node("Add", ["b", "bias"], ["c"], name="c"),
        node("Gelu", ["c"], ["d"], name="d"),
        node("MatMul", ["d", "w2"], ["e"], name="e"),
        node("Mul", ["a", "e"], ["y"], name="y"),
    ]
    weights = {"w0": he(48, 40), "w1": he(48, 64), "bias": he(64, 1)[:, 0], "w2": he(64, 40)}
    return build(nodes, {"x": (TensorProto.FLOAT, [2, 7, 48])}, ["y"], weights, opset=20)


def test_near_f32_and_like_the_interpreter(proto):
    x = RNG.standard_normal((2, 7, 48)).astype(np.float32)
    (want,) = compile(load(proto), cache=False)(x)
    (got,) = compile(load(proto), cache=False, precision="int8-dynamic")(x)
    assert 1e-4 < np.abs(got - want).max() / np.abs(want).max() < 3e-2
    model = load(proto)
    for one in parse_pipeline("canonicalize,quantize-dynamic{to=int8}"):
        one.apply(context(), model.module)
    (reference,) = interpreter(model.module, model.store).call_op("main", (x,))
    # a float next to a half may be rounded the other way: by one step of its row
    assert np.abs(got - reference).max() < 1e-2 * np.abs(want).max()
    assert (np.abs(got - reference) < 1e-5 * np.abs(want).max()).mean() > 0.9


def test_options():
    assert CompileOptions(precision="int8-dynamic").placeholders()["precision"] == "fp32"
    with pytest.raises(UsageError, match="expected one of fp32, bf16, int8-dynamic"):
        CompileOptions(precision="int8")
