"""Small ONNX models for the tests of the importer and of what is compiled from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Build = Callable[..., onnx.ModelProto]


def build_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, Sequence[int | str | None] | None]],
    outputs: Sequence[str],
    initializers: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    ir_version: int = 8,
) -> onnx.ModelProto:
    """A model of `nodes`; `inputs` maps names to (element type, shape), outputs stay untyped."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()],
    )
    others = sorted({node.domain for node in nodes} - {""})
    domains = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in others)]
    model = helper.make_model(graph, opset_imports=domains)
    model.ir_version = ir_version
    return model


def build_op(
    op_type: str,
    arrays: Mapping[str, np.ndarray],
    constants: Mapping[str, np.ndarray] | None = None,
    outputs: int = 1,
    opset: int = 17,
    order: Sequence[str] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node: runtime inputs shaped as `arrays`, then constants; `order` overrides the order."""
    constants = constants or {}
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op_type, list(order or (*arrays, *constants)), names, name="n", **attributes)
    inputs = {
        name: (helper.np_dtype_to_tensor_dtype(array.dtype), array.shape) for name, array in arrays.items()
    }
    return build_model([node], inputs, names, constants, opset)


@pytest.fixture(scope="session")
def build() -> Build:
    return build_model


@pytest.fixture(scope="session")
def one_op() -> Build:
    return build_op


@pytest.fixture
def relu() -> onnx.ModelProto:
    """x [2, 3] -> y = relu(x)."""
    node = helper.make_node("Relu", ["x"], ["y"], name="act")
    return build_model([node], {"x": (TensorProto.FLOAT, [2, 3])}, ["y"])
