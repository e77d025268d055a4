"""`tenonc compile --report`: what it writes, and what it refuses before any work."""

import json
import os

import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.tools import tenonc


@pytest.fixture
def model(tmp_path):
    info = helper.make_tensor_value_info
    nodes = [helper.make_node("Relu", ["x"], ["y"], name="act")]
    shape = [4, 64]
    graph = helper.make_graph(
        nodes, "g", [info("x", TensorProto.FLOAT, shape)], [info("y", TensorProto.FLOAT, shape)]
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_both_formats_and_code_in_one_run(model, tmp_path, capsys):
    out = tmp_path / "out"
    page, data = tmp_path / "new" / "r.html", out / "r.json"
    command = ["compile", model, "-o", out, "--emit", "asm,onnx", "--report", page, "--report", data]
    assert tenonc.main([str(part) for part in command]) == 0
    content = json.loads(data.read_text())
    assert content["model"] == "small" and content["kernels"][0]["nodes"] == ["act"]
    assert f"{content['run_ms']:.3f}" in page.read_text()
    assert sorted(path.name for path in out.iterdir()) == ["r.json", "small.onnx", "small.s"]
    assert [path.name for path in page.parent.iterdir()] == ["r.html"]
    shown = capsys.readouterr().out
    assert str(page) in shown and "small.s" in shown


def test_a_report_alone(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tenonc.main(["compile", str(model), "--report", "r.json"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "small.onnx"]


BAD = [
    (["--report", "r.pdf"], 2, "r.pdf: suffix is '.pdf', expected .html or .json"),
    (["--report", "r"], 2, "r: suffix is '', expected .html or .json"),
    (["--report", "taken/r.html"], 1, "taken: cannot be written: taken is not a directory"),
    (["--report", "folder.json"], 1, "folder.json: is a directory, expected a file name"),
    (["--report", "fixed/r.json"], 1, "fixed: cannot be written: permission denied"),
    ([], 2, "nothing to write: give -o FOLDER, --report FILE, or both"),
    (["--emit", "asm", "--report", "r.json"], 2, "--emit needs a place to write to: give -o FOLDER"),
]


@pytest.mark.parametrize(("options", "status", "expected"), BAD, ids=[text for _, _, text in BAD])
def test_refused_before_any_work(options, status, expected, tmp_path, monkeypatch, capsys):
    if "permission" in expected and os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "fixed").mkdir(mode=0o500)
    (tmp_path / "broken.onnx").write_text("is not read")
    assert tenonc.main(["compile", "broken.onnx", *options]) == status
    assert capsys.readouterr().err == f"error: {expected}\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == "broken.onnx fixed folder.json taken".split()


def test_a_missing_model_is_told_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tenonc.main(["compile", "missing.onnx"]) == 1
    assert capsys.readouterr().err == "error: missing.onnx: no such file\n"
