"""Every way a model file can be wrong is one clear line."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tenonc.compiler import TenonError, load

FLOAT = TensorProto.FLOAT


def message(source, **options) -> str:
    """The one line that loading `source` raises."""
    with pytest.raises(TenonError) as caught:
        load(source, **options)
    line = str(caught.value)
    assert "\n" not in line and not line.endswith(".")
    return line


def test_missing_file(tmp_path):
    path = tmp_path / "none.onnx"
    assert message(path) == f"{path}: no such file"


def test_directory(tmp_path):
    assert message(tmp_path) == f"{tmp_path}: is a directory, expected an ONNX file"
    assert message(Path("/dev/zero")) == "/dev/zero: is a device, expected an ONNX file"


def test_empty(tmp_path):
    path = tmp_path / "empty.onnx"
    path.touch()
    assert message(path) == f"{path}: is empty, expected an ONNX model"


def test_truncated(relu):
    data = relu.SerializeToString()
    assert message(data[: len(data) // 2]) == "model: is not an ONNX model, or is truncated"


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_bytes(data):
    message(data)


def test_no_graph():
    assert (
        message(onnx.ModelProto(ir_version=8))
        == "model: is not an ONNX model: it holds no graph with an output"
    )


@pytest.mark.parametrize(("opset", "span"), [(5, "6 to"), (999, "6 to")])
def test_opset_outside(build, opset, span):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, [1])}, ["y"], opset=opset)
    assert message(model).startswith(f"model: opset {opset} is outside {span}")


def test_ir_version_outside(relu):
    relu.ir_version = 99
    assert message(relu) == f"model: IR version 99 is outside 3 to {onnx.IR_VERSION}"


def test_no_opset(relu):
    del relu.opset_import[:]
    assert message(relu) == "model: imports no opset of the domain ai.onnx"


def test_cycle(build):
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
    ]
    line = message(build(nodes, {"x": (FLOAT, [1])}, ["b"]))
    assert line == "the graph has a cycle: 'first', 'second' wait for each other"


def test_missing_value(build):
    model = build([helper.make_node("Add", ["x", "w"], ["y"], name="plus")], {"x": (FLOAT, [1])}, ["y"])
    assert message(model) == "node 'plus' (Add) reads 'w', which is no input, initializer or output of a node"


def test_missing_output(build):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, [1])}, ["z"])
    assert message(model) == "output 'z' is made by no node"


def test_value_made_twice(build):
    nodes = [helper.make_node("Relu", ["x"], ["y"], name=name) for name in ("a", "b")]
    line = message(build(nodes, {"x": (FLOAT, [1])}, ["y"]))
    assert line == "node 'b' (Relu) makes value 'y', which node 'a' (Relu) makes too"


def test_node_overwrites_input(build):
    model = build([helper.make_node("Relu", ["x"], ["x"], name="a")], {"x": (FLOAT, [1])}, ["x"])
    assert message(model) == "node 'a' (Relu) makes value 'x', which an input or initializer makes too"


def test_duplicate_initializer(relu):
    for _ in range(2):
        relu.graph.initializer.append(helper.make_tensor("w", FLOAT, [1], [0.0]))
    assert message(relu) == "initializer 'w' is declared twice"


def test_unsupported_ops_are_listed_at_once(build):
    nodes = [
        helper.make_node("Multinomial", ["x"], ["a"], name="where"),
        helper.make_node("Frob", ["a"], ["b"], domain="com.acme"),
        helper.make_node("Multinomial", ["b"], ["y"], name="again"),
    ]
    line = message(build(nodes, {"x": (FLOAT, [1])}, ["y"]))
    assert line == "unsupported ops: Multinomial ('where', 'again'); com.acme.Frob ('Frob_1')"


def test_op_newer_than_opset(build):
    model = build([helper.make_node("Gelu", ["x"], ["y"], name="g")], {"x": (FLOAT, [1])}, ["y"])
    assert message(model) == "node 'g' (Gelu): does not exist in opset 17"


def test_unsupported_input_dtype(build):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (TensorProto.STRING, [1])}, ["y"])
    assert message(model) == "input 'x': element type string is not supported"


@pytest.mark.parametrize("kind", ["sequence", "optional", "map", "sparse_tensor", None])
def test_input_that_is_no_tensor(build, kind):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, [1])}, ["y"])
    model.graph.input[0].ClearField("type")
    if kind is not None:
        getattr(model.graph.input[0].type, f"{kind}_type").SetInParent()
    assert message(model) == f"input 'x': expected a tensor, got type {(kind or 'none')}"


def nested(depth: int, build) -> onnx.ModelProto:
    """`depth` branches within each other."""
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "g", [], [onnx.ValueInfoProto(name="y")]
    )
    for _ in range(depth):
        branches = {"then_branch": inner, "else_branch": inner if depth < 4 else NEG}
        node = helper.make_node("If", ["c"], ["y"], name="if", **branches)
        inner = helper.make_graph([node], "g", [], [onnx.ValueInfoProto(name="y")])
    return build(list(inner.node), {"x": (FLOAT, [2]), "c": (TensorProto.BOOL, [])}, ["y"])


NEG = helper.make_graph([helper.make_node("Neg", ["x"], ["n"])], "e", [], [onnx.ValueInfoProto(name="n")])


def test_deeply_nested_subgraphs(build):
    assert load(nested(24, build)).outputs[0].shape == (2,)
    assert message(nested(25, build)) == "subgraphs are nested deeper than 24 levels"
    # protobuf itself does not decode more than 100 messages in each other; a file can hold them.
    deep = nested(30, build).SerializeToString()
    assert "nested deeper" in message(deep)


def test_messages_nested_without_end():
    """Bytes that say: a graph in an attribute in a node in a graph, and so on."""
    data = b""
    for tag in (*(0x32, 0x2A, 0x0A) * 2000, 0x3A):
        length, size = len(data), b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        data = bytes([tag]) + size + bytes([length]) + data
    assert message(data) == "model: is not an ONNX model, or is truncated"


def test_negative_dimension(build):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, [2, -3])}, ["y"])
    assert message(model) == "input 'x': shape [2, -3] has a negative dimension"


def test_absurd_input(build):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, [2**40, 2**20])}, ["y"])
    assert "is larger than 8589934592 elements" in message(model)


def test_absurd_result(build):
    shape = np.array([2**40, 2**10], np.int64)
    model = build(
        [helper.make_node("Expand", ["x", "s"], ["y"], name="e")], {"x": (FLOAT, [1])}, ["y"], {"s": shape}
    )
    assert message(model).startswith("node 'e' (Expand): result shape [1099511627776, 1024] is larger than")


def test_unknown_attribute(build):
    node = helper.make_node("Relu", ["x"], ["y"], name="r", slope=0.5)
    assert (
        message(build([node], {"x": (FLOAT, [1])}, ["y"]))
        == "node 'r' (Relu): unknown attribute 'slope' in opset 17"
    )


def test_attribute_of_wrong_type(build):
    node = helper.make_node("Softmax", ["x"], ["y"], name="s", axis="last")
    line = message(build([node], {"x": (FLOAT, [1])}, ["y"]))
    assert line == "node 's' (Softmax): attribute 'axis' must be of type int"


def test_missing_attribute(build):
    node = helper.make_node("Concat", ["x"], ["y"], name="c")
    assert (
        message(build([node], {"x": (FLOAT, [1])}, ["y"])) == "node 'c' (Concat): attribute 'axis' is missing"
    )


def test_wrong_number_of_inputs(build):
    node = helper.make_node("Add", ["x"], ["y"], name="plus")
    assert message(build([node], {"x": (FLOAT, [1])}, ["y"])) == "node 'plus' (Add): has 1 inputs, expected 2"


def test_missing_required_input(build):
    node = helper.make_node("Add", ["x", ""], ["y"], name="plus")
    assert message(build([node], {"x": (FLOAT, [1])}, ["y"])) == "node 'plus' (Add): input 1 is missing"


def test_runtime_shape(build):
    node = helper.make_node("Reshape", ["x", "s"], ["y"], name="r")
    inputs = {"x": (FLOAT, [4]), "s": (TensorProto.INT64, [2])}
    line = message(build([node], inputs, ["y"]))
    expected = "the shape must be known at compile time but depends on input 's'"
    assert line == f"node 'r' (Reshape): {expected}: bind it (--constant s=FILE.npy)"


def with_weight(build, tensor: TensorProto) -> onnx.ModelProto:
    model = build([helper.make_node("Add", ["x", "w"], ["y"])], {"x": (FLOAT, [2, 2])}, ["y"])
    model.graph.initializer.append(tensor)
    return model


def test_raw_data_of_wrong_size(build):
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2, 2], raw_data=b"\0" * 12)
    line = message(with_weight(build, tensor))
    assert line == "initializer 'w': shape [2, 2] of float32 needs 16 bytes, the file holds 12"


def test_typed_data_of_wrong_size(build):
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2, 2], float_data=[1.0])
    line = message(with_weight(build, tensor))
    assert line == "initializer 'w': shape [2, 2] needs 4 values, the file holds 1"


@pytest.mark.parametrize(
    ("dims", "text"), [([2, -2], "has a negative dimension"), ([2**40, 2**40], "is larger than")]
)
def test_initializer_with_impossible_shape(build, dims, text):
    line = message(with_weight(build, TensorProto(name="w", data_type=FLOAT, dims=dims, raw_data=b"")))
    assert line.startswith("initializer 'w': shape") and text in line


def test_initializer_of_unsupported_dtype(build):
    tensor = TensorProto(name="w", data_type=TensorProto.COMPLEX64, dims=[1], float_data=[0, 0])
    assert message(with_weight(build, tensor)) == "initializer 'w': element type complex64 is not supported"


def external(location: str, **entries: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def save(build, folder, tensor):
    path = folder / "model.onnx"
    path.write_bytes(with_weight(build, tensor).SerializeToString())
    return path


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../w.bin", "a/../../w.bin", "", "C:\\w.bin", "..\\w.bin", "\\w.bin", "w\0.bin"],
)
def test_external_path_outside(build, tmp_path, location):
    line = message(save(build, tmp_path, external(location)))
    shown = location.replace("\0", r"\x00")
    assert line == f"initializer 'w': external path '{shown}' must be relative and below the model's folder"


def test_external_link_outside(build, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 16)
    os.symlink(tmp_path / "secret.bin", folder / "w.bin")
    line = message(save(build, folder, external("w.bin")))
    assert line == "initializer 'w': external path 'w.bin' is a link that leaves the model's folder"


def test_external_file_missing(build, tmp_path):
    line = message(save(build, tmp_path, external("w.bin")))
    assert line == "initializer 'w': external file 'w.bin' does not exist"


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({}, "shape [2, 2] of float32 needs 16 bytes, the file holds 20"),
        ({"length": "8"}, "shape [2, 2] of float32 needs 16 bytes, the file holds 8"),
        ({"length": "16", "offset": "8"}, "bytes 8 to 24 lie past the end of 'w.bin' (20 bytes)"),
        ({"offset": "-4"}, "external offset '-4' is not a byte count"),
        ({"length": "9" * 30}, f"external length '{'9' * 30}' is not a byte count"),
    ],
)
def test_external_size(build, tmp_path, entries, text):
    (tmp_path / "w.bin").write_bytes(b"\0" * 20)
    assert message(save(build, tmp_path, external("w.bin", **entries))) == f"initializer 'w': {text}"


def test_external_without_folder(build):
    line = message(with_weight(build, external("w.bin")))
    assert "which only a model loaded from a path can have" in line


def test_bytes_changed_anywhere(build):
    """A flipped byte either still loads or raises one line, never anything else."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2]),
        helper.make_node("Reshape", ["p", "s"], ["r"]),
        helper.make_node("Softmax", ["r"], ["y"], axis=1),
    ]
    weights = {"w": np.ones((2, 1, 3, 3), np.float32), "s": np.array([1, -1], np.int64)}
    data = build(nodes, {"x": (FLOAT, [1, 1, 8, 8])}, ["y"], weights).SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(data)
        changed[rng.integers(len(data))] = rng.integers(256)
        try:
            load(bytes(changed))
        except TenonError as error:
            assert "\n" not in str(error)
