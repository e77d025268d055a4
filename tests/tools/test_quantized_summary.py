"""`tenonc compile` of quantized models says how much of them stays float; reports list it. `tenonc compare`
takes models whose products are quantized at run time."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.tools import tenonc


def saved(path, nodes, shape, constants, output="y"):
    info = helper.make_tensor_value_info
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    inputs, outputs = [info("x", TensorProto.FLOAT, shape)], [info(output, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def qdq(x: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("QuantizeLinear", [x, "s", "z"], [f"{x}q"], name=f"{x}q"),
        helper.make_node("DequantizeLinear", [f"{x}q", "s", "z"], [f"{x}d"], name=f"{x}d"),
    ]


PARAMETERS = {"s": np.float32(0.05), "z": np.uint8(128)}


@pytest.mark.parametrize(
    ("op", "line", "rows"),
    [
        ("Tanh", "all ops of the quantized model compute on integers", []),
        (
            "Tan",
            "1 op of the quantized model stays float, "
            "1 since its result is not quantized; --report lists them",
            [{"node": "act", "op": "nn.elementwise tan", "reason": "its result is not quantized"}],
        ),
    ],
)
def test_summary_and_report(op, line, rows, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes = [*qdq("x"), helper.make_node(op, ["xd"], ["a"], name="act"), *(qdq("a") if not rows else [])]
    model = saved(tmp_path / "m.onnx", nodes, [2, 8], PARAMETERS, "a" if rows else "ad")
    assert tenonc.main(["compile", model, "-o", "out", "--emit", "ll", "--report", "r.json"]) == 0
    assert line in capsys.readouterr().out.splitlines()
    assert json.loads((tmp_path / "r.json").read_text())["stays_float"] == rows


def test_nothing_of_a_float_model(tmp_path, capsys):
    model = saved(tmp_path / "m.onnx", [helper.make_node("Tanh", ["x"], ["y"])], [2, 8], {})
    assert tenonc.main(["compile", model, "-o", str(tmp_path), "--emit", "ll"]) == 0
    assert "quantized" not in capsys.readouterr().out


def test_compare_at_run_time(tmp_path, capsys):
    rng = np.random.default_rng(0)
    weights = {"w": (rng.standard_normal((64, 48)) / 8).astype(np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    model = saved(tmp_path / "m.onnx", nodes, [5, 64], weights)
    command = ["compare", model, "--precision", "int8-dynamic"]
    assert tenonc.main(command) == 0
    assert "product" in capsys.readouterr().out
    assert tenonc.main([*command, "--tolerance", "1e-6"]) == 1
    assert "first 'y' of node 'product' (MatMul)" in capsys.readouterr().err
