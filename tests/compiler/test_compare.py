"""`compare` sees every value, and finds the first that differs."""

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.compiler.compare import compare, deviation
from tenonc.compiler.expose import expose
from tenonc.tools import tenonc


@pytest.fixture
def proto():
    """x [2, 3] -> a = x + w2 -> b = relu(a) -> y = b @ m, with w2 = w * c of constants."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((1, 3)), "m": rng.standard_normal((3, 4)), "c": np.ones(3)}
    nodes = [
        helper.make_node("Mul", ["w", "c"], ["w2"], name="known"),
        helper.make_node("Add", ["x", "w2"], ["a"], name="add"),
        helper.make_node("Relu", ["a"], ["b"], name="act"),
        helper.make_node("MatMul", ["b", "m"], ["y"], name="product"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, [2, 3])],
        [info("y", TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_other_weight(proto, name):
    other = onnx.ModelProto()
    other.CopyFrom(proto)
    for tensor in other.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), name))
    return other


def test_exposed_are_the_values_that_depend_on_the_input(proto):
    model = compiler.load(proto)
    assert [port.name for port in expose(model).outputs] == ["y", "a", "b"]
    assert [port.name for port in model.outputs] == ["y"]  # as it was


def test_equal_models_agree(proto):
    found = compare(compiler.load(proto), proto)
    assert [(d.value, d.node, d.op) for d in found.values] == [
        ("a", "add", "Add"),
        ("b", "act", "Relu"),
        ("y", "product", "MatMul"),
    ]
    assert [d.value for d in found.outputs] == ["y"]
    assert found.beyond(1e-5) == []


@pytest.mark.parametrize(("weight", "first"), [("w", "a"), ("m", "y")])
def test_the_first_that_differs_is_found(proto, weight, first):
    found = compare(compiler.load(with_other_weight(proto, weight)), proto)
    assert found.beyond(1e-4)[0].value == first


def test_deviation():
    want = np.asarray([1.0, -4.0, np.inf, np.nan], np.float32)
    assert deviation(want.copy(), want) == (0.0, 0.0)
    near = np.asarray([1.5, -4.0, np.inf, np.nan], np.float32)
    assert deviation(near, want) == (0.5, 0.125)
    for bad in (
        [np.nan, -4, np.inf, np.nan],
        [1, -4, 7, np.nan],
        [1, -4, -np.inf, np.nan],
        [1, -4, np.inf, 0],
    ):
        assert deviation(np.asarray(bad, np.float32), want) == (math.inf, math.inf)
    assert deviation(want[:3], want) == (math.inf, math.inf)
    assert deviation(want.astype(np.float64), want) == (math.inf, math.inf)
    assert deviation(np.asarray([True, False]), np.asarray([True, True])) == (1.0, 1.0)


def test_the_verb(proto, tmp_path, capsys):
    onnx.save(proto, tmp_path / "m.onnx")
    model = str(tmp_path / "m.onnx")
    assert tenonc.main(["compare", model]) == 0
    assert "3 values against onnxruntime" in capsys.readouterr().out
    x = np.full((2, 3), 0.5, np.float32)
    np.savez(tmp_path / "d.npz", x=x)
    assert tenonc.main(["compare", model, "--inputs", str(tmp_path / "d.npz"), "--tolerance", "1e-5"]) == 0
    assert tenonc.main(["compare", model, "--inputs", model]) == 1
    assert tenonc.main(["compare", model, "--tolerance", "nan"]) == 2


def test_the_verb_fails_beyond_the_tolerance(proto, tmp_path, capsys, monkeypatch):
    onnx.save(proto, tmp_path / "m.onnx")
    other = with_other_weight(proto, "w")
    monkeypatch.setattr(onnx, "load", lambda path: other)
    assert tenonc.main(["compare", str(tmp_path / "m.onnx")]) == 1
    line = capsys.readouterr().err
    assert "first 'a' of node 'add' (Add), by 0.0" in line


def test_a_scalar_deviates_too():
    assert deviation(np.asarray(1.0), np.asarray(1.0)) == (0.0, 0.0)
    assert deviation(np.asarray(3.0), np.asarray(2.0)) == (1.0, 0.5)
    assert deviation(np.asarray(math.inf), np.asarray(math.inf)) == (0.0, 0.0)
    assert deviation(np.asarray(math.nan), np.asarray(2.0)) == (math.inf, math.inf)


def test_a_model_without_nodes():
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    graph = helper.make_graph([], "g", [info], [info])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = compare(compiler.load(proto), proto)
    assert [(d.value, d.max_abs) for d in found.outputs] == [("x", 0.0)]


def test_nodes_without_a_name_go_by_the_importers(proto):
    for node in proto.graph.node:
        node.name = ""
    found = compare(compiler.load(proto), proto)
    assert [d.node for d in found.values] == ["Add_1", "Relu_2", "MatMul_3"]


@pytest.mark.parametrize(
    ("verb", "options", "text"),
    [
        ("compare", ["--tolerance", "inf"], "--tolerance is inf, expected a finite number from 0"),
        ("compare", ["--worst", "-3"], "--worst is -3, expected at least 0"),
        ("bench", ["--tolerance", "nan"], "--tolerance is nan, expected a finite number from 0"),
        ("bench", ["--tolerance", "-1"], "--tolerance is -1.0, expected a finite number from 0"),
        ("bench", ["--rounds", "0"], "--rounds is 0, expected at least 1"),
        ("bench", ["--seconds", "nan"], "--seconds is nan, expected more than 0 and less than 3600"),
        ("profile", ["--top", "-1"], "--top is -1, expected at least 0"),
        ("profile", ["--seconds", "0"], "--seconds is 0.0, expected more than 0 and less than 3600"),
    ],
)
def test_numbers_out_of_range(verb, options, text, capsys):
    assert tenonc.main([verb, "none.onnx", *options]) == 2  # found before the model is looked for
    assert capsys.readouterr().err == f"error: {text}\n"


@pytest.mark.parametrize("verb", [["profile", "none.onnx"], ["bench", "none.onnx"], ["conformance"]])
def test_a_folder_as_the_report(verb, tmp_path, capsys):
    assert tenonc.main([*verb, "--json", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}: is a directory, expected a file name\n"


def test_one_array_as_the_inputs(proto, tmp_path, capsys):
    onnx.save(proto, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    for verb in ("compare", "profile"):
        assert tenonc.main([verb, str(tmp_path / "m.onnx"), "--inputs", str(tmp_path / "x.npy")]) == 1
        line = f"error: {tmp_path}/x.npy: is one array, expected an .npz file with an array for each input\n"
        assert capsys.readouterr().err == line


def test_bench_names_a_missing_file_once(tmp_path, capsys):
    path = tmp_path / "none.onnx"
    assert tenonc.main(["bench", str(path), "--vs", "none"]) == 1
    assert f"error: {path}: no such file\n" in capsys.readouterr().err
