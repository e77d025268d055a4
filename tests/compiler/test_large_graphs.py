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
