"""Quantized benchmark models: the format asked for, the element types, and numbers near the float model's."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.tools import tenonc
from tenonc.tools.models import MODELS, Entry, build_model
from tenonc.tools.models.quantized import seeded_feeds

MAKERS = {"int8-qdq": {"Conv", "QuantizeLinear", "DequantizeLinear"}, "int8-qop": {"QLinearConv", "QGemm"}}


def small(name: str) -> onnx.ModelProto:
    """Two convolutions, a pool and a product, of opset 12: before scales of channels."""
    rng = np.random.default_rng(3)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 8, 1, 1), "b2": (8,), "w3": (8, 5), "b3": (5,)}
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), key)
        for key, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"]),
        helper.make_node("GlobalAveragePool", ["c2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 16, 16))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 5))],
        weights,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)


@pytest.fixture(autouse=True)
def small_model(monkeypatch):
    monkeypatch.setitem(MODELS, "small", Entry("two convolutions", small))


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """Without onnxruntime's kernels whose sums saturate: floats for QDQ, u8 weights for u8 activations."""
    options = onnxruntime.SessionOptions()
    types = {node.op_type for node in model.graph.node}
    if "QLinearConv" not in types:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    elif not any(tensor.name == "x_zero_point" and tensor.data_type == TensorProto.INT8
                 for tensor in model.graph.initializer):  # fmt: skip
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("precision", MAKERS)
@pytest.mark.parametrize("signed", [False, True])
def test_the_format_its_types_and_its_numbers(precision, signed):
    model = build_model("small", precision, signed)
    onnx.checker.check_model(model)
    assert {node.op_type for node in model.graph.node} >= MAKERS[precision]
    (first,) = [node for node in model.graph.node if node.op_type == "QuantizeLinear" and "x" in node.input]
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert arrays[first.input[2]].dtype == (np.int8 if signed else np.uint8)
    assert arrays["w1_quantized"].dtype == np.int8 and arrays["w1_scale"].shape == (8,)
    x = next(seeded_feeds("small", small("small")))["x"]
    want = run(small("small"), x)
    assert np.abs(run(model, x) - want).max() < 0.05 * np.abs(want).max()


@pytest.mark.parametrize("signed", [False, True])
def test_weights_of_a_reduced_range_have_7_bits(signed):
    """So that two products with a byte stay within 16 bits, for which instructions there are ones."""
    model = build_model("small", "int8-qdq", signed, reduce_range=True)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = [a for name, a in arrays.items() if name.startswith("w") and a.dtype == np.int8 and a.ndim > 1]
    assert len(weights) == 3 and all(np.abs(array.astype(int)).max() in (63, 64) for array in weights)
    asm = compiler.compile(compiler.load(model), target="x86-64-v3").emit("asm")
    assert "vpmaddubsw" in asm


def test_the_bytes_are_the_same_each_time():
    first, second = (build_model("small", "int8-qop").SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_the_verb(tmp_path, capsys):
    folder = str(tmp_path / "m")
    assert (
        tenonc.main(["models", "export", "small", "--precision", "int8-qop", "--signed", "-o", folder]) == 0
    )
    model = onnx.load(tmp_path / "m" / "small.onnx")
    assert any(node.op_type == "QLinearConv" for node in model.graph.node)
    capsys.readouterr()
    for option in ("--signed", "--reduce-range"):
        assert tenonc.main(["models", "export", "small", option, "-o", folder]) == 2
        assert f"{option} is for precisions int8-qdq, int8-qop, not fp32" in capsys.readouterr().err
