"""`tenonc compile --emit so` and `tenonc run model.so`."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.tools import tenonc

X = np.array([[-1, 2]], np.float32)


@pytest.fixture
def model(tmp_path) -> Path:
    """x [1, 2] -> y = x * w, as the file m.onnx; x.npy is a value of x."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "g",
        [info("x", TensorProto.FLOAT, [1, 2])],
        [info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.array([3, 5], np.float32), "w")],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    np.save(tmp_path / "x.npy", X)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fails(capsys, status: int, *argv: object) -> str:
    """The one line on stderr of a command line that fails with `status`."""
    assert tenonc.main([str(arg) for arg in argv]) == status
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize("weights", [[], ["--weights", "inside"], ["--weights", "external"]])
def test_compile_and_run(capsys, model, tmp_path, weights):
    library = tmp_path / "out" / "net.so"
    assert tenonc.main(["compile", str(model), "--emit", "so", "-o", str(library), *weights]) == 0
    files = ["net.h", "net.so", *(["net.weights"] if "external" in weights else [])]
    assert names(tmp_path / "out") == files
    assert all(name in capsys.readouterr().out for name in files[:1])
    argv = ["run", str(library), "--input", f"x={tmp_path / 'x.npy'}", "-o", str(tmp_path / "y.npz")]
    assert tenonc.main(argv) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npz")["y"], X * [3, 5])


def test_into_a_folder_with_other_files(model, tmp_path):
    out = tmp_path / "out"
    assert tenonc.main(["compile", str(model), "--emit", "ll,so", "-o", str(out), "--name", "net"]) == 0
    assert names(out) == ["m.h", "m.ll", "m.so"]
    assert "tenon_net_create(" in (out / "m.h").read_text()


def test_weights_in_another_place(capsys, model, tmp_path):
    library = tmp_path / "m.so"
    tenonc.main(["compile", str(model), "--emit", "so", "-o", str(library), "--weights", "external"])
    capsys.readouterr()
    (tmp_path / "m.weights").rename(tmp_path / "w")
    argv = ["run", library, "--input", f"x={tmp_path / 'x.npy'}"]
    line = fails(capsys, 1, *argv)
    assert line.endswith("m.weights': cannot be opened: No such file or directory")
    assert tenonc.main([*map(str, argv), "--weights", str(tmp_path / "w")]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--emit", "obj", "--weights", "external"], "--weights is for shared objects: give --emit so too"),
        (["--name", "x"], "--name is for shared objects: give --emit so too"),
        (["--emit", "so", "--weights", "x"], "--weights is 'x', expected one of inside, external"),
        (["--emit", "so,ll", "-o", "a.so"], "-o 'a.so': with --emit so,ll a folder is expected"),
    ],
)
def test_wrong_options(capsys, model, tmp_path, options, text):
    assert fails(capsys, 2, "compile", model, "-o", tmp_path / "out", *options) == text
    assert not (tmp_path / "out").exists()


def test_what_only_a_compile_could_heed(capsys, model, tmp_path):
    for option in (
        ["--shape", "x=1,2"],
        ["--dim", "N=1"],
        ["--target", "x86-64"],
        ["--precision", "bf16"],
        ["--winograd", "off"],
        ["--constant", "x=x.npy"],
    ):
        line = fails(capsys, 2, "run", tmp_path / "m.so", *option)
        assert line == f"{option[0]}: {tmp_path / 'm.so'} is compiled already"
    line = fails(capsys, 2, "run", tmp_path / "m.so", "--threads", "0")
    assert line == "threads is 0, expected 1 to 64"
    line = fails(capsys, 2, "run", model, "--weights", "w")
    assert line == "--weights is for shared objects, m.onnx is compiled here".replace("m.onnx", str(model))


def test_a_library_that_is_none(capsys, tmp_path):
    path = tmp_path / "m.so"
    assert fails(capsys, 1, "run", path) == f"{path}: no such file"
    path.write_bytes(b"\x7fELF")
    assert fails(capsys, 1, "run", path) == f"{path}: is not a shared object, or is cut off"


def test_nothing_is_left_where_linking_fails(capsys, model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = fails(capsys, 1, "compile", model, "--emit", "so", "-o", tmp_path / "out" / "m.so")
    found = "cc: not found; ld: not found; ziglang: not found"
    hint = "install cc or ld, or tenonc's extra 'aot'"
    assert line == f"no linker for a shared object ({found}): {hint}"
    assert not (tmp_path / "out").exists()
