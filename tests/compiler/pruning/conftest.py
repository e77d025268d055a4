"""A small network with a residual, as an ONNX model, and data for it."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper

from tenonc.compiler import Model, load


@pytest.fixture(scope="session")
def residual_file(build) -> onnx.ModelProto:
    """x [2, 3, 8, 8] -> y [2, 5]: stem, a block whose sum has a relu, a mean over pixels and a product. Each
    convolution but the last has a batch norm."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"fc.w": rng.normal(size=(8, 5)), "fc.b": rng.normal(size=5)}
    nodes = []

    def conv(name: str, x: str, inputs: int, outputs: int) -> str:
        arrays[f"{name}.w"] = rng.normal(size=(outputs, inputs, 3, 3)) / 5
        arrays.update({f"{name}.{part}": rng.uniform(0.5, 2, outputs) for part in "gbmv"})
        node = helper.make_node("Conv", [x, f"{name}.w"], [f"{name}.c"], name=name, pads=[1] * 4)
        norm = [f"{name}.c", *(f"{name}.{part}" for part in "gbmv")]
        nodes.extend([node, helper.make_node("BatchNormalization", norm, [f"{name}.n"], name=f"{name}.norm")])
        return f"{name}.n"

    def op(kind: str, name: str, *inputs: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    stem = op("Relu", "stem.relu", conv("stem", "x", 3, 8))
    inner = op("Relu", "inner.relu", conv("inner", stem, 8, 12))
    total = op("Relu", "total", op("Add", "add", conv("outer", inner, 12, 8), stem))
    pooled = op("Flatten", "flat", op("GlobalAveragePool", "pool", total))
    op("Gemm", "y", pooled, "fc.w", "fc.b")
    given = {name: array.astype(np.float32) for name, array in arrays.items()}
    return build(nodes, {"x": (onnx.TensorProto.FLOAT, (2, 3, 8, 8))}, ["y"], given)


@pytest.fixture
def residual(residual_file) -> Model:
    return load(residual_file)


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Three batches and one image more, which fills none."""
    return np.random.default_rng(1).normal(size=(7, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def worst() -> Callable[[np.ndarray, np.ndarray], float]:
    def relative(found: np.ndarray, expected: np.ndarray) -> float:
        """The largest difference, of the largest magnitude."""
        return float(np.abs(found - expected).max() / np.abs(expected).max())

    return relative
