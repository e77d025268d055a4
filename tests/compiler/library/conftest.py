"""One small model, as a shared object with its weights inside and with them beside it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import Executable, compile, load


def network(seed: int = 0) -> onnx.ModelProto:
    """(image [1, 3, 16, 16], k [2]) -> features = relu(conv(image)), next = k + 1."""
    weights = np.random.default_rng(seed).standard_normal((8, 3, 3, 3)).astype(np.float32)
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["features"]),
            helper.make_node("Add", ["k", "one"], ["next"]),
        ],
        "g",
        [info("image", TensorProto.FLOAT, [1, 3, 16, 16]), info("k", TensorProto.INT64, [2])],
        [info("features", TensorProto.FLOAT, [1, 8, 16, 16]), info("next", TensorProto.INT64, [2])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([1]), "one")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Built(NamedTuple):
    """A compiled model and the folder with its model.so; that in `external` has its weights beside it."""

    exe: Executable
    folder: Path

    @property
    def inside(self) -> Path:
        return self.folder / "model.so"

    @property
    def external(self) -> Path:
        return self.folder / "external" / "model.so"

    def inputs(self, seed: int = 0) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [rng.standard_normal((1, 3, 16, 16)).astype(np.float32), rng.integers(0, 100, 2)]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = Built(compile(load(network())), tmp_path_factory.mktemp("library"))
    made.exe.write("so", made.inside)
    made.exe.write("so", made.external, weights="external")
    return made


@pytest.fixture(scope="session")
def make_network():
    return network
