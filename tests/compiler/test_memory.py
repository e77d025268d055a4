"""What a compile may need of memory: measured in a process of its own, on 128 MB of weights."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

COUNT, SIZE = 32, 1024

SCRIPT = """
import sys
from tenonc import compiler
exe = compiler.compile(compiler.load(sys.argv[1]))
exe.write("obj", sys.argv[2])
# ru_maxrss would count what the process before exec held.
line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(line.split()[1]) * 1024)
"""


@pytest.fixture
def chain(tmp_path):
    """A chain of products with 32 matrices of 4 MB."""
    rng = np.random.default_rng(0)
    weights = {f"w{i}": (rng.standard_normal((SIZE, SIZE), np.float32) / SIZE**0.5) for i in range(COUNT)}
    values = ["x", *(f"t{i}" for i in range(1, COUNT)), "y"]
    nodes = [helper.make_node("MatMul", [values[i], f"w{i}"], [values[i + 1]]) for i in range(COUNT)]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info("x", TensorProto.FLOAT, [4, SIZE])], [info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "chain.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_peak_of_a_compile(chain, tmp_path):
    """The bytes of the file, and the blob of packed weights: twice the weights and what the compiler itself
    takes. One more copy of the weights anywhere would show."""
    weights = chain.stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(chain), str(tmp_path / "chain.o")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert (tmp_path / "chain.o").stat().st_size > weights
    peak = int(done.stdout)
    assert 2 * weights < peak < 2.8 * weights + 1e8
