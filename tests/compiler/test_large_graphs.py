"""Graphs of many nodes: no recursion as deep as the graph, no time that grows with its square."""

import time

import numpy as np
from onnx import TensorProto, helper

from tenonc.compiler import compile, load

FUNCTIONS = ("Relu", "Tanh", "Neg", "Abs")


def chain(build, count: int):
    nodes = [helper.make_node(FUNCTIONS[i % 4], [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(count)]
    return build(nodes, {"x": (TensorProto.FLOAT, [2, 8])}, [f"v{count}"])


def test_long_chain_runs(build):
    """Longer than Python's stack is deep, and than one kernel holds."""
    x = np.linspace(-2, 2, 16, dtype=np.float32).reshape(2, 8)
    want = x
    for i in range(1100):
        want = (lambda v: np.maximum(v, 0), np.tanh, np.negative, np.abs)[i % 4](want)
    exe = compile(load(chain(build, 1100)))
    np.testing.assert_allclose(exe(x)[0], want, rtol=1e-5)
    sizes = [text.count("tensorized.map") for text in exe.emit("mlir").split("tensorized.kernel")]
    assert max(sizes) <= 64


def test_import_time_grows_linearly(build):
    models = [chain(build, count) for count in (500, 4000)]
    load(models[0])
    seconds = []
    for model in models:
        start = time.process_time()
        load(model)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * 8 * seconds[0]


def test_costly_bodies_are_cut_to_kernels_that_are_one(build):
    """A sine is some 70 scalar ops: a chain of them is a few kernels, most of them equal."""
    nodes = [helper.make_node("Sin", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(40)]
    exe = compile(load(build(nodes, {"x": (TensorProto.FLOAT, [2, 8])}, ["v40"])))
    want = x = np.linspace(-2, 2, 16, dtype=np.float32).reshape(2, 8)
    for _ in range(40):
        want = np.sin(want)
    np.testing.assert_allclose(exe(x)[0], want, rtol=1e-5)
    kernels = exe.emit("mlir").split("tensorized.kernel @")[1:]
    assert len(kernels) <= 2 and max(text.count("arith.") for text in kernels) < 1000


def test_lowering_a_concat_grows_linearly(build):
    seconds = []
    for count in (40, 200):
        node = helper.make_node("Concat", [f"x{i}" for i in range(count)], ["y"], axis=0)
        inputs = {f"x{i}": (TensorProto.FLOAT, [3]) for i in range(count)}
        exe = compile(load(build([node], inputs, ["y"])), cache=False)
        seconds.append(exe.artifact.seconds["lower-kernels"])  # pyright: ignore
    assert seconds[1] < 3 * 5 * seconds[0]
