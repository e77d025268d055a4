"""What an Executable accepts, refuses and returns, over an artifact that runs the reference."""

import threading

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import Executable, TenonError, load, run_reference


class ReferenceArtifact:
    """Runs the imported model with the reference interpretation."""

    def __init__(self, model):
        self.model = model

    def run(self, inputs, outputs):
        assert all(array.flags.c_contiguous for array in inputs)
        names = [port.name for port in self.model.inputs]
        found = run_reference(self.model, dict(zip(names, inputs, strict=True)))
        for port, out in zip(self.model.outputs, outputs, strict=True):
            out[...] = found[port.name]


@pytest.fixture(scope="module")
def exe():
    """(a [2, 3], b [3]) -> sum [2, 3], difference [2, 3]."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("a", TensorProto.FLOAT, [2, 3]), info("b", TensorProto.FLOAT, [3])],
        [info(name, TensorProto.FLOAT, [2, 3]) for name in ("sum", "difference")],
    )
    model = load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    return Executable(ReferenceArtifact(model), model.inputs, model.outputs)


A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([1, 2, 4], np.float32)


@pytest.mark.parametrize(
    ("arrays", "named"), [((A, B), {}), ((A,), {"b": B}), ((), {"b": B, "a": A}), (({"a": A, "b": B},), {})]
)
def test_ways_to_call(exe, arrays, named):
    results = exe(*arrays, **named)
    assert isinstance(results, tuple)
    np.testing.assert_array_equal(results[0], A + B)
    np.testing.assert_array_equal(results[1], A - B)
    by_name = exe.run_dict(*arrays, **named)
    assert list(by_name) == ["sum", "difference"]
    np.testing.assert_array_equal(by_name["sum"], A + B)


def test_outputs_own_their_memory(exe):
    first = exe(A, B)[0]
    kept = first.copy()
    exe(A + 1, B)
    np.testing.assert_array_equal(first, kept)
    assert first.flags.owndata and first.flags.writeable


class Dlpack:
    """An array of another library: nothing but the DLPack protocol."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Elsewhere(Dlpack):
    def __dlpack__(self, **options):
        raise BufferError("the tensor is on another device.\nsecond line")


def test_dlpack_and_strides(exe):
    strided = np.asfortranarray(A)
    np.testing.assert_array_equal(exe(Dlpack(strided), B)[0], A + B)
    np.testing.assert_array_equal(exe(A[:, ::-1], B)[0], A[:, ::-1] + B)


@pytest.mark.parametrize(
    ("arrays", "named", "text"),
    [
        ((), {}, "missing input 'a', 'b'"),
        ((A,), {}, "missing input 'b'"),
        ((A, B, B), {}, "got 3 inputs, the model has 2: a, b"),
        ((A, B), {"b": B}, "input 'b' is given twice"),
        ((A, B), {"c": B}, "no input 'c', the model's inputs are: a, b"),
        ((A.astype(np.float64), B), {}, "input 'a': dtype is float64, expected float32"),
        ((A.astype(">f4"), B), {}, "input 'a': dtype is >f4, expected float32"),
        ((A, A), {}, "input 'b': shape is [2, 3], expected [3]"),
        ((A.tolist(), B), {}, "input 'a': expected a numpy array or an object with __dlpack__, got list"),
        ((Elsewhere(A), B), {}, "input 'a': cannot be read through dlpack: the tensor is on another device"),
    ],
)
def test_refused(exe, arrays, named, text):
    with pytest.raises(TenonError) as caught:
        exe(*arrays, **named)
    assert str(caught.value) == text


def test_threads(exe):
    results: dict[int, np.ndarray] = {}

    def call(index: int) -> None:
        results[index] = exe(A + index, B)[0]

    threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(8):
        np.testing.assert_array_equal(results[index], A + index + B)
