"""What `tenonc compile` and `tenonc run` write, with the reference interpretation in place of native code."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import run_reference
from tenonc.tools import tenonc


class ReferenceArtifact:
    """Runs the imported module with the interpreter; every kind of code is the module's text."""

    def __init__(self, model):
        self.model = model
        self.text = str(model.module)

    def run(self, inputs, outputs):
        found = run_reference(self.model, dict(zip([p.name for p in self.model.inputs], inputs, strict=True)))
        for port, out in zip(self.model.outputs, outputs, strict=True):
            out[...] = found[port.name]

    def emit(self, kind):
        return self.text.encode() if kind == "obj" else f"{kind}\n{self.text}"

    def write(self, kind, path):
        content = self.emit(kind)
        path.write_bytes(content if kind == "obj" else content.encode())


@pytest.fixture(autouse=True)
def reference_pipeline(monkeypatch):
    def compile_module(model, options, *, print_after_all=False, dump_dir=None, on_pass=None, schedules=None):
        assert options.target == "host"
        return ReferenceArtifact(model)

    module = ModuleType("pipeline")
    module.compile_module = compile_module
    monkeypatch.setitem(sys.modules, "tenonc.compiler.pipeline", module)


@pytest.fixture
def model(tmp_path) -> Path:
    """x [N, 2] -> y = relu(x), z = -x, as a file."""
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, ["N", 2])],
        [info(n, TensorProto.FLOAT, ["N", 2]) for n in "yz"],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


X = np.array([[-1, 2]], np.float32)


def test_run_saves_and_prints_outputs(capsys, model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    out = tmp_path / "new" / "out.npz"
    argv = ["run", str(model), "--input", f"x={tmp_path / 'x.npy'}", "--shape", "x=1,2", "-o", str(out)]
    assert tenonc.main(argv) == 0
    with np.load(out) as saved:
        assert sorted(saved) == ["y", "z"]
        np.testing.assert_array_equal(saved["y"], [[0, 2]])
        np.testing.assert_array_equal(saved["z"], -X)
    captured = capsys.readouterr()
    assert "1x2" in captured.out and "float32" in captured.out and captured.err == ""
    assert [path.name for path in out.parent.iterdir()] == ["out.npz"]


def test_run_checks_what_it_is_given(capsys, model, tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float64))
    argv = [
        "run",
        str(model),
        "--input",
        f"x={tmp_path / 'x.npy'}",
        "--dim",
        "N=1",
        "-o",
        str(tmp_path / "o.npz"),
    ]
    assert tenonc.main(argv) == 1
    assert capsys.readouterr().err == "error: input 'x': dtype is float64, expected float32\n"
    assert not (tmp_path / "o.npz").exists()


def test_compile_writes_what_is_asked_for(capsys, model, tmp_path):
    out = tmp_path / "out"
    assert (
        tenonc.main(["compile", str(model), "--dim", "N=1", "-o", str(out), "--emit", "mlir,ll,asm,obj"]) == 0
    )
    assert sorted(path.name for path in out.iterdir()) == ["m.ll", "m.mlir", "m.o", "m.s", "m.safetensors"]
    assert (out / "m.ll").read_text().startswith("ll\nbuiltin.module")
    assert (out / "m.o").read_bytes().startswith(b"builtin.module")
    assert "m.mlir" in capsys.readouterr().out


def test_outputs_are_deterministic(capsys, model, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        assert tenonc.main(["compile", str(model), "--dim", "N=1", "-o", str(folder)]) == 0
    first, second = ((folder / "m.o").read_bytes() for folder in folders)
    assert first == second
