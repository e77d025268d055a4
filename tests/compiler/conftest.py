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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
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


def check_against_onnxruntime(
    model: onnx.ModelProto, arrays: Mapping[str, np.ndarray], bound: float = 1e-5
) -> None:
    """Reference and native code against onnxruntime: floats within `bound` of the largest magnitude, the rest
    exactly."""
    import onnxruntime

    from tenonc.compiler import compile, load, run_reference

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    expected = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, dict(arrays))
    imported = load(model)
    reference = run_reference(imported, dict(arrays))
    names = [port.name for port in imported.outputs]
    for found in ([reference[name] for name in names], compile(imported)(dict(arrays))):
        for got, want in zip(found, expected, strict=True):
            assert got.dtype == want.dtype and got.shape == want.shape
            if want.dtype.kind != "f":
                np.testing.assert_array_equal(got, want)
            else:
                finite = np.abs(want[np.isfinite(want)]).astype(np.float64)
                np.testing.assert_allclose(got, want, rtol=0, atol=bound * finite.max(initial=0))


@pytest.fixture(scope="session")
def like_onnxruntime():
    return check_against_onnxruntime


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
