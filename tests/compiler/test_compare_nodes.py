"""Node by node against onnxruntime: the same integers, and what tells a rounding from an error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.compiler import compare_nodes as module
from tenonc.compiler import load
from tenonc.compiler.compare_nodes import OWN, compare_nodes, cut_model
from tenonc.compiler.compare_outputs import compare_outputs
from tenonc.compiler.exact import exact_values
from tenonc.tools import tenonc

RNG = np.random.default_rng(7)


@pytest.fixture
def proto() -> onnx.ModelProto:
    """x [1, 3, 8, 8] quantized, through a convolution, added to itself and dequantized."""
    arrays = {
        "s_x": np.float32(0.03), "z_x": np.uint8(128), "s_c": np.float32(0.21), "z_c": np.uint8(131),
        "s_y": np.float32(0.37), "z_y": np.uint8(128), "w": RNG.integers(-127, 128, (3, 3, 3, 3), np.int8),
        "s_w": np.array([0.004, 0.005, 0.006], np.float32), "z_w": np.zeros(3, np.int8),
        "b": RNG.integers(-900, 900, 3, np.int32),
    }  # fmt: skip
    conv = ["q", "s_x", "z_x", "w", "s_w", "z_w", "s_c", "z_c", "b"]
    add = ["c", "s_c", "z_c", "q", "s_x", "z_x", "s_y", "z_y"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s_x", "z_x"], ["q"], name="in"),
        helper.make_node("QLinearConv", conv, ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("QLinearAdd", add, ["a"], name="sum", domain="com.microsoft"),
        helper.make_node("DequantizeLinear", ["a", "s_y", "z_y"], ["y"], name="out"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )  # fmt: skip
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=10)


def test_every_quantized_node_is_compared(proto):
    found = {difference.node: difference for difference in compare_nodes(proto)}
    assert list(found) == ["in", "conv", "sum", "out"]
    assert all(difference.elements == 192 for difference in found.values())
    assert not any(difference.unexplained for difference in found.values())
    assert max(difference.differ for difference in found.values()) <= 1
    outputs = {output.mode: output for output in compare_outputs(load(proto), proto)}
    assert list(outputs) == ["as it is", "optimized", "its two ways", "one element moved"]
    assert all(output.step == np.float32(0.37) for output in outputs.values())
    assert outputs["optimized"].within == 1.0 and outputs["optimized"].worst <= 2.001
    assert 0 < outputs["one element moved"].worst < 5


class Shifted:
    """A compiled model whose results of the node `conv` are off."""

    def __init__(self, real, by):
        self.real, self.by = real, by

    def run_dict(self, feeds):
        return {
            name: array + self.by if name == OWN + "c" else array
            for name, array in self.real.run_dict(feeds).items()
        }


def test_an_error_is_no_rounding(proto, monkeypatch, tmp_path, capsys):
    real = compiler.compile
    off = np.uint8(1)
    monkeypatch.setattr(module, "compile", lambda model, **options: Shifted(real(model, **options), off))
    (conv,) = [difference for difference in compare_nodes(proto) if difference.node == "conv"]
    assert conv.differ == 192 and conv.worst == 1 and conv.own_nearest == 0
    assert conv.unexplained == conv.peer_nearest == 192
    onnx.save(proto, tmp_path / "m.onnx")
    assert tenonc.main(["compare", str(tmp_path / "m.onnx"), "--nodes"]) == 1
    line = capsys.readouterr().err
    assert "1 nodes differ for another reason than rounding, the most node 'conv' (QLinearConv): 192" in line


def test_the_verb(proto, tmp_path, capsys):
    onnx.save(proto, tmp_path / "m.onnx")
    assert tenonc.main(["compare", str(tmp_path / "m.onnx"), "--nodes"]) == 0
    shown = capsys.readouterr().out
    assert "4 quantized nodes" in shown and "QLinearConv" in shown and "within 2 steps" in shown


def test_exact_values_are_those_of_fractions(proto):
    """The sum of two quantized tensors, in rational numbers."""
    (node,) = [node for node in proto.graph.node if node.op_type == "QLinearAdd"]
    left, right = (RNG.integers(0, 256, (1, 3, 8, 8), np.uint8) for _ in range(2))
    model = load(cut_model(proto, [node], {"c": left, "q": right, "a": left}))
    (found,) = exact_values(model, {"c": left, "q": right}).values()
    s_c, s_x, s_y = (Fraction(float(np.float32(value))) for value in (0.21, 0.03, 0.37))
    for a, b, got in zip(left.flat, right.flat, found.flat, strict=True):
        want = ((int(a) - 131) * s_c + (int(b) - 128) * s_x) / s_y + 128
        assert got == pytest.approx(float(min(max(want, 0), 255)), abs=1e-12)


def test_a_model_without_quantized_nodes(relu):
    with pytest.raises(Exception, match="the model has no quantized nodes"):
        compare_nodes(relu)
