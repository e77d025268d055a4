"""tenonc reproduce: what the experiments measure is right; not how fast it is."""

import json

import numpy as np
import pytest

from tenonc import compiler
from tenonc.tools import reproduce, reproduce_odd, reproduce_unit
from tenonc.tools.reproduce_unit import LAYERS, Layer, model
from tenonc.tools.tenonc import main

SMALL = [Layer(20, 7, 9, 3, 2), Layer(33, 5, 8, 1, 1)]


def test_the_layers_are_those_of_the_table():
    assert len(LAYERS) == 16 and LAYERS[0].ohw == 17 and LAYERS[14].ohw == 28
    assert LAYERS[0].macs == 17 * 17 * 384 * 288 * 9


@pytest.mark.parametrize("form", ["qdq", "qop"])
@pytest.mark.parametrize("layer", SMALL, ids=str)
def test_both_forms_of_a_layer_compute_the_convolution(form: str, layer: Layer):
    import onnx
    from onnx import numpy_helper

    data = model(layer, form)
    c = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(data).graph.initializer}
    x = np.random.default_rng(0).integers(0, 256, (1, layer.ic, layer.ihw, layer.ihw), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(x[0].astype(int) - 128, (layer.kernel,) * 2, (1, 2))
    windows = windows[:, :: layer.stride, :: layer.stride]
    sums = np.einsum("ocij,chwij->ohw", c["w"].astype(int), windows) + c["b"][:, None, None]
    scaled = sums * (0.02 * c["ws"].astype(float) / c["ys"])[:, None, None]
    got = compiler.compile(compiler.load(data), cache=False)(x)[0][0]
    assert got.shape == (layer.oc, layer.ohw, layer.ohw) and got.std() > 20
    assert np.abs(got - np.clip(np.rint(scaled) + 128, 0, 255)).max() <= 1


def test_unit_writes_what_it_measured(monkeypatch, tmp_path, capfd):
    pytest.importorskip("openvino")
    monkeypatch.setattr(reproduce_unit, "QUICK", (1, 1e-3))
    monkeypatch.setattr(reproduce_unit, "LAYERS", SMALL)
    run = reproduce_unit.run
    monkeypatch.setattr(reproduce_unit, "run", lambda quick, threads: run(quick, threads, SMALL))
    file = tmp_path / "unit.json"
    assert main(["reproduce", "unit", "--quick", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert [layer["shape"]["ic"] for layer in found["layers"]] == [20, 33]
    for layer in found["layers"]:
        assert layer["tenonc_ms"] > 0 and set(layer["peers"]) == {"onnxruntime", "openvino"}
        assert 0 < layer["percent_of_peak"] < 110 and layer["exact_onnxruntime_ms"] > 0
        assert layer["percent_of_peak"] == pytest.approx(100 * layer["gops"] / layer["peak_gops"])
    ratios = [min(layer["peers"].values()) / layer["tenonc_ms"] for layer in found["layers"]]
    assert found["geomean_speedup"] == pytest.approx(float(np.exp(np.log(ratios).mean())))
    assert found["peak"]["gops"] > 1
    assert found["peak"]["gops"] == max(layer["peak_gops"] for layer in found["layers"])
    assert "UNIT, Table I" in capfd.readouterr().out


def test_an_unknown_experiment_is_bad_usage(capfd):
    assert main(["reproduce", "nothing"]) == 2
    assert "invalid choice: 'nothing'" in capfd.readouterr().err
    assert set(reproduce.EXPERIMENTS) >= {"unit", "odd-channels"}


def test_multiply_adds_of_convolutions_and_products():
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])
    w, v = np.zeros((4, 3, 3, 3), np.float32), np.zeros((4, 5), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], group=2, strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v"], ["y"]),
    ]
    weights = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(v, "v")]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert reproduce_odd.multiply_adds(file) == 4 * 3 * 9 * 3 * 3 + 4 * 5
