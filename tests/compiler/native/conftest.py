"""Networks built node by node, compiled, and compared with the reference interpretation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import compile, load, run_reference

BOUND = 1e-5
"""Allowed error of a float, relative to the largest magnitude of its tensor, which counts as 1 at least."""


def assert_close(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], bound: float = BOUND) -> None:
    """Equal shapes, dtypes, integers and bools; floats within `bound`, infinities and NaN at equal places."""
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == want.dtype and got.shape == want.shape
        if want.dtype.kind != "f":
            np.testing.assert_array_equal(got, want)
        else:
            finite = np.abs(want[np.isfinite(want)])
            np.testing.assert_allclose(got, want, rtol=0, atol=bound * finite.max(initial=1.0))


def random_array(rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0 if dtype.kind in "ub" else -50, 2 if dtype.kind == "b" else 50, shape).astype(dtype)


class Net:
    """An ONNX model of seeded weights. Each method returns the name of the value it adds."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.constants: list[onnx.TensorProto] = []

    def input(self, *shape: int, kind: int = TensorProto.FLOAT) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def weights(self, *shape: int) -> str:
        """Normal; sums over all dimensions but the first keep the magnitude of what they sum."""
        scale = math.prod(shape[1:]) ** -0.5
        return self.constant(self.rng.standard_normal(shape) * scale, np.float32)

    def operand(self, runtime: bool, *shape: int) -> str:
        return self.input(*shape) if runtime else self.weights(*shape)

    def __call__(self, op: str, *operands: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def conv(self, x: str, channels: int, outputs: int, *kernel: int, **attributes: Any) -> str:
        """A convolution with bias of `x`, which has `channels`."""
        w = self.weights(outputs, channels // attributes.get("group", 1), *kernel)
        return self("Conv", x, w, self.weights(outputs), **attributes)

    def proto(self, *outputs: str) -> onnx.ModelProto:
        """The model that returns `outputs`; a name may occur twice, or name an input or constant."""
        results = [self("Identity", name) for name in outputs]
        infos = [onnx.ValueInfoProto(name=name) for name in results]
        graph = helper.make_graph(self.nodes, "net", self.inputs, infos, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        return model

    def check(
        self, *outputs: str, target: str = "host", winograd: str = "auto", bound: float = BOUND
    ) -> None:
        """Compiles the model and compares a run on seeded inputs with the reference."""
        model = load(self.proto(*outputs))
        arrays = {port.name: random_array(self.rng, port.shape, port.dtype) for port in model.inputs}
        expected = run_reference(model, arrays)
        found = compile(model, target, winograd=winograd)(arrays)
        assert_close(found, [expected[port.name] for port in model.outputs], bound)


@pytest.fixture(scope="session")
def new_net() -> type[Net]:
    return Net


@pytest.fixture(scope="session", name="assert_close")
def assert_close_fixture():
    return assert_close
