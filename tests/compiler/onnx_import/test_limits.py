"""Limits of a tensor, and outputs that are listed twice."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc import compiler
from tenonc.compiler import TenonError

INFO = helper.make_tensor_value_info


def model(nodes, inputs, outputs) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_rank_of_an_input():
    x = INFO("x", TensorProto.FLOAT, [1] * 33)
    proto = model([helper.make_node("Relu", ["x"], ["y"])], [x], [INFO("y", TensorProto.FLOAT, None)])
    with pytest.raises(TenonError, match="^input 'x': has rank 33, expected at most 32$"):
        compiler.load(proto)


def test_rank_of_a_result():
    axes = helper.make_node("Constant", [], ["axes"], value_ints=list(range(28)))
    node = helper.make_node("Unsqueeze", ["x", "axes"], ["y"], name="wide")
    x = INFO("x", TensorProto.FLOAT, [1] * 5)
    proto = model([axes, node], [x], [INFO("y", TensorProto.FLOAT, None)])
    with pytest.raises(
        TenonError, match=r"^node 'wide' \(Unsqueeze\): result has rank 33, expected at most 32$"
    ):
        compiler.load(proto)


def test_outputs_that_are_listed_twice_stay_apart(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["y"], ["y_2"])]
    info = [INFO(name, TensorProto.FLOAT, [2]) for name in ("x", "y", "y", "x")]
    loaded = compiler.load(model(nodes, info[:1], info[1:]))
    assert [port.name for port in loaded.outputs] == ["y", "y_3", "x"]  # y_2 is another value
    given = np.array([-1, 2], np.float32)
    results = compiler.compile(loaded).run_dict(given)
    np.testing.assert_array_equal(np.stack(list(results.values())), [[0, 2], [0, 2], [-1, 2]])
    compiler.save_onnx(loaded, tmp_path / "m.onnx")
    assert [port.name for port in compiler.load(tmp_path / "m.onnx").outputs] == ["y", "y_3", "x"]
