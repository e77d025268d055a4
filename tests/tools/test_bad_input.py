"""Every kind of bad input, through the whole command: one line, the exit status, no file left behind."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.tools import tenonc

FLOAT = TensorProto.FLOAT


def model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str] = (1, 2),
    initializers: Sequence[TensorProto] = (),
) -> bytes:
    """The file of a graph x -> y."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        list(nodes), "g", [info("x", FLOAT, shape)], [info("y", FLOAT, None)], list(initializers)
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


RELU = model([helper.make_node("Relu", ["x"], ["y"], name="act")])
ADD_W = [helper.make_node("Add", ["x", "w"], ["y"], name="plus")]
CYCLE = [
    helper.make_node("Add", ["x", "b"], ["y"], name="first"),
    helper.make_node("Relu", ["y"], ["b"], name="second"),
]
UNSUPPORTED = [
    helper.make_node("Multinomial", ["x"], ["a"], name="here"),
    helper.make_node("StringConcat", ["a"], ["y"], name="memory"),
]

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "m.onnx: is empty, expected an ONNX model"),
    "truncated": (RELU[: len(RELU) // 2], "m.onnx: is not an ONNX model, or is truncated"),
    "random": (bytes(range(256)), "m.onnx: is not an ONNX model, or is truncated"),
    "cycle": (model(CYCLE), "the graph has a cycle: 'first', 'second' wait for each other"),
    "missing initializer": (
        model(ADD_W),
        "node 'plus' (Add) reads 'w', which is no input, initializer or output of a node",
    ),
    "missing external file": (
        model(ADD_W, initializers=[external("w.bin")]),
        "initializer 'w': external file 'w.bin' does not exist",
    ),
    "path that leaves the folder": (
        model(ADD_W, initializers=[external("../w.bin")]),
        "initializer 'w': external path '../w.bin' must be relative and below the model's folder",
    ),
    "unsupported ops": (model(UNSUPPORTED), "unsupported ops: Multinomial ('here'); StringConcat ('memory')"),
    "unresolved dimension": (
        model([helper.make_node("Relu", ["x"], ["y"])], ["N", 2]),
        "input 'x': dimension 0 ('N') is symbolic: give it (--dim N=1) or the shape (--shape x=1,...)",
    ),
    "huge shape": (
        model([helper.make_node("Relu", ["x"], ["y"])], [2**40, 2**20]),
        "input 'x': shape [1099511627776, 1048576] is larger than 8589934592 elements",
    ),
}


def line(capsys: pytest.CaptureFixture[str], status: int, *argv: object) -> str:
    """The one error line of a command that ends with `status`."""
    assert tenonc.main([str(part) for part in argv]) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", FILES)
def test_model_file(kind: str, capsys, tmp_path: Path):
    content, expected = FILES[kind]
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    found = line(capsys, 1, "compile", path, "-o", tmp_path / "out", "--emit", "mlir,ll,asm,obj")
    assert found.removeprefix(f"{tmp_path}/") == expected
    assert names(tmp_path) == ["m.onnx"]


@pytest.fixture
def relu(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(RELU)
    return path


def test_unknown_target(capsys, relu: Path):
    found = line(capsys, 2, "compile", relu, "-o", relu.parent / "out", "--target", "pdp-11")
    assert found.startswith("unknown target 'pdp-11': expected one of host, x86-64, ")
    assert names(relu.parent) == ["m.onnx"]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((1, 3), np.float32), "input 'x': shape is [1, 3], expected [1, 2]"),
        (np.zeros((1, 2), np.int64), "input 'x': dtype is int64, expected float32"),
        (np.zeros((1, 2), ">f4"), "input 'x': dtype is >f4, expected float32"),
    ],
)
def test_wrong_array(array: np.ndarray, expected: str, capsys, relu: Path):
    np.save(relu.parent / "x.npy", array)
    given = f"x={relu.parent / 'x.npy'}"
    assert line(capsys, 1, "run", relu, "--input", given, "-o", relu.parent / "y.npz") == expected
    assert names(relu.parent) == ["m.onnx", "x.npy"]


def test_wrong_input_name(capsys, relu: Path):
    np.save(relu.parent / "x.npy", np.zeros((1, 2), np.float32))
    found = line(capsys, 2, "run", relu, "--input", f"z={relu.parent / 'x.npy'}")
    assert found == "--input must give each input of the model once: x: 1x2 float32"


def a_file(folder: Path) -> Path:
    (folder / "taken").write_text("mine")
    return folder / "taken"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "out"


def read_only(folder: Path) -> Path:
    (folder / "fixed").mkdir(mode=0o500)
    return folder / "fixed" / "out"


def with_a_folder_in_the_files_place(folder: Path) -> Path:
    (folder / "out" / "m.o").mkdir(parents=True)
    return folder / "out"


PLACES: list[tuple[Callable[[Path], Path], str]] = [
    (a_file, "taken: cannot be written: {}/taken is not a directory"),
    (below_a_file, "taken/out: cannot be written: {}/taken is not a directory"),
    (read_only, "fixed/out: cannot be written: permission denied"),
    (with_a_folder_in_the_files_place, "out/m.o: is a directory, expected a file name"),
]


@pytest.mark.parametrize(("place", "expected"), PLACES, ids=lambda value: getattr(value, "__name__", ""))
def test_unwritable_output(place, expected: str, capsys, relu: Path):
    if place is read_only and os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    out = place(relu.parent)
    before = sorted(relu.parent.rglob("*"))
    found = line(capsys, 1, "compile", relu, "-o", out, "--emit", "asm,obj")
    assert found == f"{relu.parent}/" + expected.format(relu.parent)
    assert sorted(relu.parent.rglob("*")) == before
