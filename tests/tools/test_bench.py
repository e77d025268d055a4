"""`tenonc bench`: what is measured is the same computation on all sides, and failures are told."""

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tenonc import compiler
from tenonc.compiler.compare import optimized_values
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pruning.size import size_of
from tenonc.dialects.errors import TenonError
from tenonc.tools import kernel_bench, kernel_cases, model_bench, tenonc
from tenonc.tools.peers import OnnxRuntime

DIGITS = str(Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx")
QUICK = ["--rounds", "2", "--seconds", "0.01", "--vs", "onnxruntime"]
KEYS = {
    *("model", "precision", "target", "threads", "tenonc_ms", "compile_s", "peers", "ratio", "max_rel_err"),
    *("dense_ms", "fewer"),
}


def test_a_file_is_measured(tmp_path, capsys):
    path = tmp_path / "r.json"
    assert tenonc.main(["bench", DIGITS, "--json", str(path), *QUICK]) == 0
    (result,) = json.loads(path.read_text())
    assert set(result) == KEYS
    assert (result["model"], result["precision"], result["threads"]) == ("digits", "fp32", 1)
    assert result["ratio"] == pytest.approx(result["tenonc_ms"] / result["peers"]["onnxruntime"])
    assert 0 < result["max_rel_err"] < 1e-4
    assert "digits" in capsys.readouterr().out


def test_a_pruned_model_beside_the_dense_one(tmp_path, capsys):
    """Half of the channels of 3x3 windows: between half and a quarter of the multiplications."""
    small, path = str(tmp_path / "small.onnx"), tmp_path / "r.json"
    compiler.save_onnx(compiler.prune(compiler.load(DIGITS), 0.5), small)
    assert tenonc.main(["bench", small, "--dense", DIGITS, "--json", str(path), *QUICK]) == 0
    (result,) = json.loads(path.read_text())
    sizes = [size_of(compiler.load(file)).multiplications for file in (DIGITS, small)]
    assert result["fewer"] == pytest.approx(sizes[0] / sizes[1]) and 2 < result["fewer"] < 4.5
    assert 0 < result["dense_ms"]
    row = capsys.readouterr().out.splitlines()[-2].split()
    assert row[-2:] == [f"{result['dense_ms'] / result['tenonc_ms']:.2f}x", f"{result['fewer']:.2f}x"]
    assert tenonc.main(["bench", small, DIGITS, "--dense", DIGITS, *QUICK]) == 2
    assert "--dense is about one MODEL" in capsys.readouterr().err


def test_a_dense_model_of_other_inputs_is_refused(tmp_path, capsys):
    other = str(tmp_path / "other.onnx")
    ports = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 1, 4, 4]) for name in ("image", "y")
    ]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["y"])], "other", ports[:1], ports[1:])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), other)
    assert tenonc.main(["bench", DIGITS, "--dense", other, *QUICK]) == 1
    said = capsys.readouterr().err
    assert "the dense model has the inputs image: 1x1x4x4 float32, expected those of the pruned" in said


def test_what_fails_is_told_and_the_rest_measured(tmp_path, capsys):
    path = tmp_path / "r.json"
    assert tenonc.main(["bench", "none.onnx", DIGITS, "--json", str(path), *QUICK]) == 1
    assert "none.onnx: no such file" in capsys.readouterr().err
    measured, failed = json.loads(path.read_text())
    assert measured["model"] == "digits" and "no such file" in failed["error"]


def test_a_wrong_output_fails(tmp_path, capsys, monkeypatch):
    wrong = onnx.load(DIGITS)
    tensor = next(t for t in wrong.graph.initializer if t.dims and len(t.dims) == 4)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 2, tensor.name))
    load = compiler.load
    monkeypatch.setattr(compiler, "load", lambda *a, **k: load(wrong))
    assert tenonc.main(["bench", DIGITS, *QUICK]) == 1
    how = r"\d\.\de[+-]\d\d of its largest value away from onnxruntime's, expected at most 0.001"
    text = f"error: digits: its output is {how}"
    assert re.fullmatch(text, capsys.readouterr().err.splitlines()[-1])


def test_of_a_peer_the_fastest_way_counts(monkeypatch, tmp_path):
    """Both files of a model are run, and a quantized one by OpenVINO in both precisions of its floats."""
    asked: list[tuple[str, ...]] = []

    class Peer:
        def __init__(self, peer: str, path: str, *rest: str):
            asked.append((peer, path, rest[-1]))
            self.seconds = 0.01 * len(asked)

        def run(self):
            time.sleep(self.seconds)

        def outputs(self):
            return model_bench.Compiled(compiler.compile(compiler.load(DIGITS)), inputs).outputs()

    inputs = {"image": np.zeros((1, 1, 8, 8), np.float32)}
    monkeypatch.setattr(model_bench, "make_peer", Peer)
    monkeypatch.setattr(model_bench, "precision_of", lambda path: "int8")
    monkeypatch.setattr(model_bench, "_error", lambda ours, peer: 0.0)
    result = model_bench.measure_model(
        "m",
        DIGITS,
        lambda: compiler.load(DIGITS),
        CompileOptions(),
        ["onnxruntime", "openvino"],
        rounds=1,
        seconds=0.001,
        also=["b"],
    )
    assert asked == [
        *(("onnxruntime", path, "fp32") for path in (DIGITS, "b")),
        *(("openvino", path, kept) for path in (DIGITS, "b") for kept in ("fp32", "bf16")),
    ]
    assert 10 <= result.peers["onnxruntime"] and 30 <= result.peers["openvino"]
    assert result.peers["onnxruntime"] < result.peers["openvino"]


def test_rounds_interleave():
    calls: list[str] = []

    class Recorder:
        def __init__(self, name: str):
            self.name = name

        def run(self):
            calls.append(self.name)
            time.sleep(0.001)

        def outputs(self):
            return {}

    times = model_bench.interleaved({"a": Recorder("a"), "b": Recorder("b")}, rounds=2, seconds=0.0001)
    assert all(1 <= ms < 50 for ms in times.values())
    order = [name for i, name in enumerate(calls) if i == 0 or calls[i - 1] != name]
    assert order[2:] == ["a", "b", "a"]  # after the warm-up a b: round one a b, round two b a


def test_the_process_is_pinned_and_released():
    before = os.sched_getaffinity(0)
    with model_bench.pinned(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_a_peer_computes_on_bound_buffers():
    x = np.random.default_rng(0).standard_normal((1, 1, 8, 8)).astype(np.float32)
    peer = OnnxRuntime(DIGITS, {"image": x}, 1)
    peer.run()
    (got,) = peer.outputs().values()
    (want,) = compiler.compile(compiler.load(DIGITS))(x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_kernels_of_floats_and_of_bytes(tmp_path, monkeypatch, capsys):
    """Each against the peak of its own instruction, and of bytes the reference's integers."""
    cases = [kernel_cases.conv(6, 8, 8, 3), kernel_cases.conv8(6, 8, 8, 3), kernel_cases.matmul8(4, 16, 8)]
    monkeypatch.setattr(kernel_bench, "CASES", cases)
    path = tmp_path / "k.json"
    words = ["--rounds", "1", "--seconds", "0.01", "--vs", "onnxruntime", "--json", str(path)]
    assert tenonc.main(["bench", "--kernels", *words]) == 0
    content = json.loads(path.read_text())
    assert [result["name"] for result in content["results"]] == [case.name for case in cases]
    for case, result in zip(cases, content["results"], strict=True):
        assert 0 < result["percent_of_peak"] and set(result["peers"]) == {"onnxruntime"}
        assert result["max_rel_err"] == 0 if case.quantized else result["max_rel_err"] < 1e-5
        assert ("i32" in result["instruction"]) == case.quantized
    assert "int8 conv 6x6, 8->8, 3x3" in capsys.readouterr().out


def test_the_formats_of_a_case_are_the_same_integers():
    """QDQ and QOperator in onnxruntime, with exact products, and weights of the bits that are asked for."""
    for case, most in ((kernel_cases.conv8(5, 4, 6, 3, bits=7), 63), (kernel_cases.matmul8(3, 8, 5), 127)):
        protos = [onnx.load_from_string(data) for data in case.make()]
        first = [proto.graph.node[0].op_type for proto in protos]
        assert first[0] == "DequantizeLinear" and first[1].startswith("QLinear")
        shape = [dim.dim_value for dim in protos[0].graph.input[0].type.tensor_type.shape.dim]
        x = {"x": np.random.default_rng(1).integers(0, 256, shape, np.uint8)}
        qdq, qop = (optimized_values(proto, x)["y"].astype(int) for proto in protos)
        assert np.abs(qdq - qop).max() <= 1 and np.ptp(qop) > 10
        weights = next(t for t in protos[1].graph.initializer if t.name == "w")
        assert most / 2 < np.abs(numpy_helper.to_array(weights).astype(int)).max() <= most


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([DIGITS, "--precision", "int4"], "precision is 'int4', expected one of fp32, bf16"),
        ([DIGITS, "--threads", "0"], "threads is 0, expected 1 to 64"),
        ([DIGITS, "--threads", "99"], "threads is 99, expected 1 to 64"),
        ([], "bench needs a model"),
        ([DIGITS, "--vs", "tvm"], "'tvm' is unknown, expected some of onnxruntime,openvino"),
        (["resnet50@int9"], "model 'resnet50@int9': '@int9' is unknown, expected @int8 or @int8-reduced"),
        (["--kernels", "nothing like it"], "no kernel's name contains nothing like it"),
        ([DIGITS, "--rounds", "0"], "--rounds is 0, expected at least 1"),
    ],
)
def test_bad_usage(options, text, capsys):
    assert tenonc.main(["bench", *options]) == 2
    assert text in capsys.readouterr().err


def test_a_form_that_a_peer_cannot_read_counts_only_if_it_reads_none(monkeypatch):
    def make(peer: str, path: str, inputs: dict, threads: int, precision: str) -> str:
        if path == "qop":
            raise TenonError(f"peer {peer} refuses {path}")
        return path

    monkeypatch.setattr(model_bench, "make_peer", make)
    found = model_bench._ways("openvino", ["qdq", "qop"], ["fp32", "bf16"], {}, 1)
    assert set(found) == {("openvino", "qdq", "fp32"), ("openvino", "qdq", "bf16")}
    with pytest.raises(TenonError, match="^peer openvino refuses qop$"):
        model_bench._ways("openvino", ["qop"], ["fp32"], {}, 1)
