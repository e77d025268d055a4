"""The demo network: every intermediate value against onnxruntime, and what it reads as digits."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from tenonc.compiler import compile, load, run_reference
from tenonc.compiler.compare import exact_session
from tenonc.tools.models.quantized import quantize

FOLDER = Path(__file__).parents[2] / "examples" / "digits"


def load_data():
    spec = importlib.util.spec_from_file_location("digits_data", FOLDER / "data.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load_split()


@pytest.fixture(scope="module")
def held_out():
    return load_data()[1]


def session_with_all_values() -> Any:
    """onnxruntime on digits.onnx without optimizations, every node's output exposed."""
    proto = onnx.load(FOLDER / "digits.onnx")
    outputs = [name for node in proto.graph.node for name in node.output]
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(proto.SerializeToString(), options)


@pytest.mark.parametrize("precision", ["int8-qdq", "int8-qop"])
@pytest.mark.parametrize("signed", [False, True])
def test_quantized_it_reads_the_same_digits(held_out, precision, signed):
    """All held-out images, as onnxruntime does from the same file, and as well as from the float one."""
    training, images = load_data()[0].images[:100], held_out.images
    feeds = ({"image": image[None]} for image in training)
    proto = quantize(onnx.load(FOLDER / "digits.onnx"), precision, signed, feeds)
    exe, session = compile(load(proto), cache=False), exact_session(proto)
    own = np.concatenate([exe(image[None])[0] for image in images]).argmax(1)
    peer = np.concatenate([session.run(None, {"image": image[None]})[0] for image in images]).argmax(1)
    assert (own == peer).mean() >= 0.995
    right, as_floats = (own == held_out.labels).mean(), 359 / 360
    assert abs(right - (peer == held_out.labels).mean()) <= 0.003 and right >= as_floats - 0.003


def test_split_is_disjoint_and_complete():
    training, held_out = load_data()
    assert (len(training.images), len(held_out.images)) == (1437, 360)
    assert held_out.images.dtype == np.float32 and held_out.images.shape[1:] == (1, 8, 8)
    assert 0 <= held_out.images.min() and held_out.images.max() == 1
    again = load_data()[1]
    np.testing.assert_array_equal(again.labels, held_out.labels)


def test_every_value_like_onnxruntime(held_out):
    session = session_with_all_values()
    model = load(FOLDER / "digits.onnx")
    names = [output.name for output in session.get_outputs()]
    assert len(names) == 25
    for image in held_out.images[:4]:
        expected = dict(zip(names, session.run(None, {"image": image[None]}), strict=True))
        found = run_reference(model, {"image": image[None]})
        for name, want in expected.items():
            assert found[name].dtype == want.dtype
            assert np.abs(found[name] - want).max() <= 1e-4 * np.abs(want).max(), name


def test_reads_digits(held_out):
    """On a part of the held-out images; the model also reacts to its input."""
    model = load(FOLDER / "digits.onnx")
    pairs = list(zip(held_out.images[:100], held_out.labels[:100], strict=True))
    guesses = [int(run_reference(model, {"image": x[None]})["probabilities"].argmax()) for x, _ in pairs]
    assert np.mean([guess == label for guess, (_, label) in zip(guesses, pairs, strict=True)]) >= 0.97
    assert len(set(guesses)) == 10


def test_every_value_natively_like_onnxruntime(held_out):
    """The compiled network with every value an output, so that each is computed by native code."""
    proto = onnx.load(FOLDER / "digits.onnx")
    inferred = onnx.shape_inference.infer_shapes(proto)
    known = {value.name: value for value in (*inferred.graph.value_info, *inferred.graph.output)}
    names = [name for node in proto.graph.node for name in node.output]
    del proto.graph.output[:]
    proto.graph.output.extend(known[name] for name in names)
    exe = compile(load(proto.SerializeToString()))
    session = session_with_all_values()
    for image in held_out.images[:4]:
        found = exe.run_dict(image=image[None])
        for name, want in zip(names, session.run(names, {"image": image[None]}), strict=True):
            assert np.abs(found[name] - want).max() <= 1e-4 * np.abs(want).max(), name


def test_reads_digits_natively(held_out):
    """All held-out images, as exactly as onnxruntime does."""
    exe = compile(load(FOLDER / "digits.onnx"))
    session = session_with_all_values()
    for image in held_out.images:
        want = session.run(["probabilities"], {"image": image[None]})[0]
        (found,) = exe(image[None])
        assert found.argmax() == want.argmax()
        np.testing.assert_allclose(found, want, atol=1e-5)
